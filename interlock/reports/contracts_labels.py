"""A verification in words, the same in Markdown and in the terminal."""

from collections.abc import Callable, Iterator

from interlock.common.sanitize import cut, one_line
from interlock.contracts.schema import ElementChange, Use
from interlock.contracts.verify.report import CellResult, Conclusion, ContractsReport, DownstreamResult
from interlock.contracts.verify.statuses import WHOLE, regressed, unproven, untested
from interlock.model.verdicts import Verdict
from interlock.reports.labels import counted

# The worst comes first.
ORDER = (Conclusion.FAILURE, Conclusion.ERROR, Conclusion.UNPROVEN, Conclusion.SUCCESS, Conclusion.SKIPPED)
LONGEST_NAME, LONGEST_ERROR = 200, 300
USES = {Use.COVERED: "covered by its suite", Use.UNTESTED: "untested"}


def headline(report: ContractsReport, named: Callable[[str], str] = str) -> str:
    """The answer in a line, as `1 of 4 downstreams would break: market-data-pipeline`.

    Args:
        report: The report.
        named: Formats a downstream's name.
    """
    if report.skipped is not None:
        return "Not tested, as the family file wants it"
    results = report.downstreams
    broken, unknown = ([named(r.downstream) for r in results if r.conclusion is each] for each in ORDER[:2])
    number = counted(len(report.downstreams), "downstream")
    unsure = f"not known of {', '.join(unknown)}" if unknown else ""
    if broken:
        return "; ".join(filter(None, (f"{len(broken)} of {number} would break: {', '.join(broken)}", unsure)))
    if unknown:
        part = number if len(unknown) == len(report.downstreams) else f"{len(unknown)} of {number}"
        return f"Not known whether {part} would break: {', '.join(unknown)}"
    return _harmless(report, [named(name) for name in unproven(report)])


def _harmless(report: ContractsReport, tried: list[str]) -> str:
    if not report.downstreams:
        return "There is no downstream to test"
    words = f"{len(tried)} unproven: {', '.join(tried)}"
    if len(tried) == len(report.downstreams):
        return f"Nothing regressed, and nothing is proven ({words})"
    tested = f"{counted(len(report.downstreams) - len(tried), 'downstream')} tested"
    return f"No downstream would break ({f'{tested}; {words}' if tried else tested})"


def failing(result: DownstreamResult) -> list[CellResult]:
    """The cells that fail because of the ref."""
    return [each for each in result.cells if each.conclusion is Conclusion.FAILURE]


def how(result: DownstreamResult) -> str:
    """How a downstream would break, as `3 tests regressed in 2 of 4 cells`."""
    red = failing(result)
    tests = regressed(red)
    verdict = red[0].verdict
    what = f"{counted(len(tests), 'test')} regressed" if tests else f"it {WHOLE.get(verdict, str(verdict))}"
    return f"{what} in {len(red)} of {counted(len(result.cells), 'cell')}"


def only(result: DownstreamResult) -> list[str]:
    """What all failing cells have in common and some others don't have, as `bus_backend=redis`."""
    shared = set.intersection(*(_facts(each) for each in failing(result)))
    return sorted(fact for fact in shared if not all(fact in _facts(each) for each in result.cells))


def _facts(each: CellResult) -> set[str]:
    point = (f"{axis}={value}" for axis, value in each.point.items())
    return set(map(one_line, (f"suite {each.suite}", f"Python {each.python}", each.side, *point)))


def red_lines(result: DownstreamResult) -> list[str]:
    """Each test that regressed with the first line of its error; or why the suite could not be run."""
    red = failing(result)
    if tests := regressed(red):
        lines = ((cut(name, LONGEST_NAME), cut(error, LONGEST_ERROR)) for name, error in tests.items())
        return [f"{name}\n    {error}" if error else name for name, error in lines]
    return list(dict.fromkeys(cut(each.reason, LONGEST_ERROR) for each in red if each.reason))


def cells(report: ContractsReport) -> list[CellResult]:
    """Every cell, the worst first."""
    found = [each for result in report.downstreams for each in result.cells]
    return sorted(found, key=lambda each: (ORDER.index(each.conclusion), is_quietly_red(each) is False))


def is_quietly_red(each: CellResult) -> bool:
    """Whether a cell is red and does not count: it was red before, or is allowed to be."""
    return each.conclusion is Conclusion.SUCCESS and each.verdict is not Verdict.COMPATIBLE


def setting(each: CellResult) -> str:
    """As `Python 3.11, bus_backend=redis`."""
    return ", ".join((f"Python {each.python}", *(f"{axis}={value}" for axis, value in each.point.items())))


def changes(report: ContractsReport) -> list[ElementChange]:
    """The changes of the contract: breaking ones first, and of those the used ones first."""
    found = report.change.changes if report.change else ()
    return sorted(found, key=lambda each: (not each.breaks, not users(report, each)))


def users(report: ContractsReport, change: ElementChange) -> dict[str, Use]:
    """The downstreams that use a changed element."""
    uses = report.change.uses if report.change else {}
    found = {name: of.get(change.name, Use.NOT_USED) for name, of in uses.items()}
    return {name: use for name, use in found.items() if use is not Use.NOT_USED}


def commands(report: ContractsReport) -> Iterator[tuple[str, list[CellResult]]]:
    """The commands that run cells again, each once with its cells, the worst first."""
    by_command: dict[str, list[CellResult]] = {}
    for each in cells(report):
        by_command.setdefault(each.reproduce, []).append(each)
    yield from by_command.items()


def warnings(report: ContractsReport) -> dict[str, list[str]]:
    """By breaking element, the downstreams that use it without a test for it."""
    found: dict[str, list[str]] = {}
    for downstream in report.change.uses if report.change else ():
        for name in untested(report, downstream):
            found.setdefault(name, []).append(downstream)
    return found
