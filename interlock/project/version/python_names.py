"""Follows a name of a Python module to the literal that it is bound to, in the same module or one that it imports from.

Nothing is run: a name counts as bound to a value when its module assigns it once, at the top level, and nothing else
there binds it. What is followed wrongly is noticed later, since a build must give the version that was written.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from interlock.errors import BuildError
from interlock.project.version.forms import Form
from interlock.project.version.project import Project
from interlock.project.version.readers import (
    PositionReader,
    UnreadableError,
    assigned,
    assignments,
    parse_python,
)
from interlock.project.version.source import InFile

# From a package to its module of the version is one step; more than a few are a circle.
MOST_STEPS = 6


class Numbers(PositionReader):
    """Reads the numbers at the beginning of the tuple that a module assigns to a name, as `1, 2, 3`.

    A tuple that says more than a final version, as `(1, 2, 3, "beta", 1)`, is refused; `"final", 0` may follow.

    Args:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, content: bytes) -> str:
        """The numbers, as they stand there."""
        return self._found(content)[0]

    def start(self, content: bytes) -> int:
        """The position of the first."""
        return self._found(content)[1]

    def _found(self, content: bytes) -> tuple[str, int]:
        values = list(assignments(parse_python(content), self._name))
        numbers = leading_numbers(values[0]) if len(values) == 1 else []
        if not numbers:
            raise UnreadableError(f"{self._name} is no tuple of numbers", values[0].lineno if values else 1)
        start, end = _position(content, numbers[0]), _position(content, numbers[-1], end=True)
        text = content[start:end].decode("ascii", "replace")
        if not re.fullmatch(r"[0-9]+(, *[0-9]+)+", text):
            raise UnreadableError(f"{self._name} is not written in one line", numbers[0].lineno)
        return text, start


def leading_numbers(value: ast.expr) -> list[ast.Constant]:
    """The numbers of a tuple that says a final version; none of another one."""
    items = value.elts if isinstance(value, ast.Tuple | ast.List) else []
    values = [item.value if isinstance(item, ast.Constant) else None for item in items]
    if values[-2:] == ["final", 0]:
        items, values = items[:-2], values[:-2]
    numbers = [item for item in items if isinstance(item, ast.Constant) and type(item.value) is int]
    return numbers if len(numbers) == len(items) else []


def _position(content: bytes, node: ast.expr, *, end: bool = False) -> int:
    """The byte at which a node starts or ends; columns are counted in bytes of UTF-8."""
    line, column = (node.end_lineno, node.end_col_offset) if end else (node.lineno, node.col_offset)
    before = content.splitlines(keepends=True)[: (line or 1) - 1]
    mark = len(b"\xef\xbb\xbf") if line == 1 and content.startswith(b"\xef\xbb\xbf") else 0
    return sum(map(len, before)) + mark + (column or 0)


def followed(project: Project, path: Path, name: str) -> InFile:
    """The literal that a module's name is bound to; what can't be followed is the name itself, and reading it says why.

    Raises:
        BuildError: The module can't be read.
    """
    return _followed(project, path, name, MOST_STEPS) or InFile(path, name, assigned(name))


def _followed(project: Project, path: Path, name: str, steps: int) -> InFile | None:
    tree = project.read(path, parse_python)
    values = list(assignments(tree, name))
    if len(values) == 1:
        return value_in(project, path, tree, values[0], steps, name)
    imported = _imported(tree, name) if not values and steps else None
    module = _module(project, path, imported.level, imported.module or "") if imported else None
    if imported is None or module is None:
        return None
    original = next(alias.name for alias in imported.names if name == (alias.asname or alias.name))
    return _followed(project, module, original, steps - 1)


def value_in(
    project: Project, path: Path, tree: ast.Module, value: ast.expr, steps: int = MOST_STEPS, name: str | None = None
) -> InFile | None:
    """The literal that an expression of a module leads to; None when that can't be known without running it.

    Args:
        project: The project.
        path: The module's file.
        tree: Its syntax tree.
        value: The expression.
        steps: How many names may still be followed.
        name: The name that it is assigned to, if there is one.

    Raises:
        BuildError: A module can't be read.
    """
    if name and isinstance(value, ast.Constant) and isinstance(value.value, str):
        return InFile(path, name, assigned(name))
    if name and leading_numbers(value):
        return InFile(path, name, Numbers(name), form=Form.NUMBERS)
    if not steps:
        return None
    if (inner := _joined(value)) is not None:
        found = value_in(project, path, tree, inner, steps - 1)
        return found if found and found.form is Form.NUMBERS else None
    if isinstance(value, ast.Name):
        bound_once = _bindings(tree, value.id) == 1
        return _followed(project, path, value.id, steps - 1) if bound_once else None
    return _attribute(project, path, tree, value, steps)


def _joined(value: ast.expr) -> ast.expr | None:
    """The tuple in `".".join(map(str, TUPLE))`, or with `str(n) for n in TUPLE`."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Constant(value="."), attr="join"), args=[inner], keywords=[]):
            pass
        case _:
            return None
    match inner:
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id="str"), found]):
            return found
        case (
            ast.GeneratorExp(elt=ast.Call(func=ast.Name(id="str"), args=[ast.Name()]), generators=[each])
            | ast.ListComp(elt=ast.Call(func=ast.Name(id="str"), args=[ast.Name()]), generators=[each])
        ) if not each.ifs:
            return each.iter
    return None


def _attribute(project: Project, path: Path, tree: ast.Module, value: ast.expr, steps: int) -> InFile | None:
    """`module.NAME`, for a module of the project that is imported."""
    owner, _, name = _dotted(value).rpartition(".")
    first, _, rest = owner.partition(".")
    for node in tree.body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if first not in {alias.asname, alias.name if alias.asname else alias.name.partition(".")[0]}:
                continue
            target = alias.name if alias.asname else first
            level, base = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else (0, "")
            dotted = ".".join(filter(None, (base, target, rest)))
            if module := _module(project, path, level, dotted):
                return _followed(project, module, name, steps - 1)
    return None


def _dotted(value: ast.expr) -> str:
    parts = list[str]()
    while isinstance(value, ast.Attribute):
        parts, value = [value.attr, *parts], value.value
    return ".".join([value.id, *parts]) if isinstance(value, ast.Name) and parts else ""


def _imported(tree: ast.Module, name: str) -> ast.ImportFrom | None:
    """The one import at the top level that binds a name."""
    found = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}
    ]
    return found[0] if len(found) == 1 and _bindings(tree, name) == 1 else None


def _bindings(tree: ast.Module, name: str) -> int:
    """How often a name is bound or deleted anywhere in a module."""
    return sum(name in _bound(node) for node in ast.walk(tree))


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name


def _module(project: Project, path: Path, level: int, dotted: str) -> Path | None:
    """The file of a module that another one imports: beside it, else where the build backend has its modules."""
    outside = (folder for folder in path.parents if not project.has(folder / "__init__.py"))
    bases = path.parents[level - 1 : level] if level else outside
    parts = dotted.split(".") if dotted else []
    for base in bases:
        stem = base.joinpath(*parts)
        for candidate in (stem / "__init__.py", *([stem.with_name(f"{stem.name}.py")] if parts else [])):
            if candidate != path and project.has(candidate):
                return candidate
    try:
        return project.module(dotted) if not level else None
    except BuildError:
        return None
