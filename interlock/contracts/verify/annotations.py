"""Annotations on the lines of a pull request that change the contract.

Only files that the pull request changes are annotated: they certainly exist, and GitHub shows the annotation beside the
change. An element in none of them gets no annotation.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

from interlock.adapters.code_host import CodeHost
from interlock.adapters.github import Annotation
from interlock.common import python_source
from interlock.common.sanitize import cut
from interlock.contracts.schema import ElementChange, Use, What
from interlock.contracts.verify.report import ContractsReport
from interlock.contracts.verify.statuses import short

LONGEST_MESSAGE = 2_000
MOST_TESTS = 5
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Notes:
    """The annotations of a report.

    Attributes:
        made: The annotations, in the order of the elements; empty before `look`.
    """

    def __init__(self) -> None:
        self.made: tuple[Annotation, ...] = ()

    async def look(self, github: CodeHost, report: ContractsReport) -> None:
        """Read the files that the pull request changes, as far as an element of the contract may be in them."""
        assert report.pull is not None
        files = locate(report, await github.changed_files(report.repository, report.pull))
        sources: dict[str, bytes] = {}
        for path in dict.fromkeys(files.values()):
            sources |= await github.files(report.repository, path, report.sha)
        self.made = annotations(report, files, sources)


def locate(report: ContractsReport, changed: Iterable[str]) -> dict[str, str]:
    """By changed element of the contract, the changed file that it is in, if there is one.

    Args:
        report: Has the elements.
        changed: The paths that the pull request changes.
    """
    paths = sorted(changed)
    found = ((change.name, _file(change, paths)) for change in (report.change.changes if report.change else ()))
    return {name: path for name, path in found if path}


def _file(change: ElementChange, paths: Iterable[str]) -> str | None:
    """The file of the deepest module that has the element; None when two files could be."""
    names = sorted({change.name, *change.names}, key=lambda name: (-name.count("."), name))
    for name in names:
        module = name.rpartition(".")[0].replace(".", "/")
        wanted = (f"{module}.py", f"{module}/__init__.py") if module else ()
        having = [path for path in paths if any(f"/{path}".endswith(f"/{end}") for end in wanted)]
        if having:
            return having[0] if len(having) == 1 else None
    return None


def annotations(
    report: ContractsReport, files: Mapping[str, str], sources: Mapping[str, bytes]
) -> tuple[Annotation, ...]:
    """The annotations, in the order of the elements.

    Args:
        report: Has the elements.
        files: By element, its path: see `locate`.
        sources: By path, the content of the file.
    """
    changes = report.change.changes if report.change else ()
    return tuple(
        Annotation(
            path=files[change.name],
            line=line_of(sources.get(files[change.name], b""), change.name.rpartition(".")[2]),
            level=_level(report, change),
            title=cut(f"{change.name} {change.what}", 200),
            message="\n".join(cut(line, LONGEST_MESSAGE) for line in _message(report, change)),
        )
        for change in changes
        if change.name in files
    )


def line_of(source: bytes, name: str) -> int:
    """The line on which a module defines or imports a name; 1 when it does neither, or can't be parsed."""
    try:
        body = python_source.parse(source).body
    except SyntaxError:
        return 1
    lines = {bound: node.lineno for node in reversed(body) for bound in _bound(node)}
    return lines.get(name, 1)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _level(report: ContractsReport, change: ElementChange) -> str:
    """A failure where a downstream that uses the element regressed, a warning where one may fail, else a notice."""
    if change.breaks and any(_red(report, name) for name in _users(report, change)):
        return "failure"
    return "warning" if change.breaks else "notice"


def _users(report: ContractsReport, change: ElementChange) -> list[str]:
    uses = report.change.uses if report.change else {}
    return [name for name, of in uses.items() if of.get(change.name, Use.NOT_USED) is not Use.NOT_USED]


def _red(report: ContractsReport, downstream: str) -> list[str]:
    """The tests of a downstream that regressed."""
    cells = (cell for result in report.downstreams if result.downstream == downstream for cell in result.cells)
    failing = (test.id for cell in cells if cell.allowed_to_fail is None for test in cell.regressed)
    return list(dict.fromkeys(map(short, failing)))


def _message(report: ContractsReport, change: ElementChange) -> Iterator[str]:
    yield "; ".join(change.details) or f"{change.kind} {change.what}"
    if change.what is not What.ADDED:
        yield harm(change)
    for name in _users(report, change):
        use = report.uses(name)[change.name]
        red = _red(report, name)
        more = f" and {len(red) - MOST_TESTS} more" if len(red) > MOST_TESTS else ""
        yield f"{name}: {use}" + (f"; regressed: {', '.join(red[:MOST_TESTS])}{more}" if red else "")


def harm(change: ElementChange) -> str:
    """Which side a change may break, in words."""
    whom = [word for word, does in (("readers", change.breaks_readers), ("writers", change.breaks_writers)) if does]
    return f"may break {' and '.join(whom)}" if whom else "breaks nobody"
