"""What a commit's statuses say: one for all, and one for each downstream, in a line of at most 140 characters. Pure."""

import re
from collections.abc import Iterable, Sequence

from interlock.adapters.github import CommitStatus, StatusState
from interlock.adapters.github.statuses import LONGEST_DESCRIPTION
from interlock.common.sanitize import cut, one_line
from interlock.contracts.schema import Use
from interlock.contracts.verify.report import CellResult, Conclusion, ContractsReport, DownstreamResult
from interlock.model.suites import ONLY_TRIED
from interlock.model.verdicts import Verdict

CONTEXT = "interlock/cells"
ROLL_UP = "interlock/contracts"
STATES = {
    Conclusion.SUCCESS: StatusState.SUCCESS,
    Conclusion.UNPROVEN: StatusState.SUCCESS,
    Conclusion.SKIPPED: StatusState.SUCCESS,
    Conclusion.FAILURE: StatusState.FAILURE,
    Conclusion.ERROR: StatusState.ERROR,
}
WORST = (StatusState.FAILURE, StatusState.ERROR)
# The words for a cell that is red as a whole.
WHOLE = {
    Verdict.UNRESOLVABLE: "cannot be installed with it",
    Verdict.TIMED_OUT: "does not finish in its time with it",
    Verdict.INCOMPATIBLE: "fails as a whole",
}


def context(downstream: str) -> str:
    """As `interlock/cells/market-data-pipeline`."""
    return f"{CONTEXT}/{downstream}"


def of_package(wanted: CommitStatus, package: str) -> CommitStatus:
    """A status of one of several packages in a repository: `interlock/contracts/core`, `interlock/cells/core/store`."""
    prefix = next(each for each in (ROLL_UP, CONTEXT) if f"{wanted.context}/".startswith(f"{each}/"))
    return wanted.model_copy(update={"context": f"{prefix}/{package}{wanted.context.removeprefix(prefix)}"})


def status(downstream: str, state: StatusState, words: str, url: str | None) -> CommitStatus:
    """The status of one downstream, cut to the length that GitHub accepts."""
    description = cut(words, LONGEST_DESCRIPTION)
    return CommitStatus(context=context(downstream), state=state, description=description, target_url=url)


def roll_up(state: StatusState, words: str, url: str | None) -> CommitStatus:
    """The status for all downstreams, whose name never changes."""
    return CommitStatus(context=ROLL_UP, state=state, description=cut(words, LONGEST_DESCRIPTION), target_url=url)


def rolled_up(report: ContractsReport, each: Sequence[CommitStatus], url: str | None) -> CommitStatus:
    """The final status for all: the worst of theirs, with the downstreams that have it.

    Args:
        report: The result.
        each: The final statuses of the downstreams.
        url: The page with the details.
    """
    if report.skipped is not None:
        return roll_up(StatusState.SUCCESS, f"not run: {report.skipped}", url)
    state = next((bad for bad in WORST if any(one.state is bad for one in each)), StatusState.SUCCESS)
    names = [one.context.removeprefix(f"{CONTEXT}/") for one in each if one.state is state]
    if state is StatusState.SUCCESS:
        return roll_up(state, _nothing_regressed(report, len(each)), url)
    number = f"{len(each)} downstream{'' if len(each) == 1 else 's'}"
    words = "regressed" if state is StatusState.FAILURE else "not known"
    return roll_up(state, f"{len(names)} of {number} {words}: {', '.join(names)}", url)


def unproven(report: ContractsReport) -> list[str]:
    """The downstreams without a suite of which nothing is known but that they are not broken."""
    return [each.downstream for each in report.downstreams if each.conclusion is Conclusion.UNPROVEN]


def _nothing_regressed(report: ContractsReport, number: int) -> str:
    tried = len(unproven(report))
    tested = f" in {number - tried} downstream{'' if number - tried == 1 else 's'}" if number > tried else ""
    return f"nothing regressed{tested}{f'; {tried} unproven: no suite' if tried else ''}"


def statuses(report: ContractsReport, downstreams: Iterable[str], url: str | None) -> tuple[CommitStatus, ...]:
    """The final statuses.

    Args:
        report: The result.
        downstreams: The packages with a pending status; one without a result is an error.
        url: The page with the details.
    """
    results = {result.downstream: result for result in report.downstreams}
    names = dict.fromkeys([*results, *downstreams])
    return tuple(_status(report, name, results.get(name), url) for name in names)


def _status(report: ContractsReport, name: str, result: DownstreamResult | None, url: str | None) -> CommitStatus:
    if report.skipped is not None:
        return status(name, StatusState.SUCCESS, f"not run: {report.skipped}", url)
    if result is None:
        return status(name, StatusState.ERROR, "nothing was tested", url)
    words, unsure = describe(result), untested(report, name)
    if result.conclusion in {Conclusion.SUCCESS, Conclusion.UNPROVEN} and unsure:
        words += f"; used, changed and untested: {', '.join(each.rpartition('.')[2] for each in unsure)}"
    return status(name, STATES[result.conclusion], words, url)


def describe(result: DownstreamResult) -> str:
    """The result of a downstream in a line, as `3 tests regressed: test_a, test_b, test_c`."""
    if result.conclusion is Conclusion.FAILURE:
        return _failure([cell for cell in result.cells if cell.conclusion is Conclusion.FAILURE])
    if result.conclusion is Conclusion.ERROR:
        return f"not known: {trouble(result)}"
    if result.conclusion is Conclusion.UNPROVEN:
        works = result.cells and not result.trouble and all(cell.verdict is Verdict.COMPATIBLE for cell in result.cells)
        return f"unproven: {ONLY_TRIED if works else 'no suite'}"
    return _success(result.cells)


def regressed(cells: Iterable[CellResult]) -> dict[str, str]:
    """The tests that regressed in any of the cells, each once, with the first line of its error."""
    found: dict[str, str] = {}
    for test in (test for cell in cells for test in cell.regressed):
        found.setdefault(test.id, test.error or "")
    return found


def untested(report: ContractsReport, downstream: str) -> list[str]:
    """The breaking changes that this downstream uses and no test of its suite covers."""
    uses = report.uses(downstream)
    changes = report.change.changes if report.change else ()
    return [each.name for each in changes if each.breaks and uses.get(each.name) is Use.UNTESTED]


def short(test: str) -> str:
    """A test's name without its file: `test_reads[v1]` of `tests/test_a.py::TestA::test_reads[v1]`."""
    return re.sub(r"^[^\[]*::", "", one_line(test))


def trouble(result: DownstreamResult) -> str:
    """Why nothing is known of a downstream."""
    unknown = (cell for cell in result.cells if cell.conclusion is Conclusion.ERROR)
    reasons = (f"{cell.verdict}: {cell.reason}" if cell.reason else str(cell.verdict) for cell in unknown)
    return result.trouble or next(reasons, "no cell to test")


def _failure(cells: Sequence[CellResult]) -> str:
    tests = regressed(cells)
    if not tests:
        first = cells[0]
        return ": ".join(filter(None, (WHOLE.get(first.verdict, str(first.verdict)), first.reason)))
    number = "1 test" if len(tests) == 1 else f"{len(tests)} tests"
    return f"{number} regressed: {', '.join(dict.fromkeys(map(short, tests)))}"


def _success(cells: Sequence[CellResult]) -> str:
    red = [cell for cell in cells if cell.verdict is not Verdict.COMPATIBLE]
    allowed = sum(cell.allowed_to_fail is not None for cell in red)
    counts = ((len(red) - allowed, "red before already"), (allowed, "allowed to fail"))
    said = "".join(f", {number} {words}" for number, words in counts if number)
    return f"nothing regressed in {len(cells)} {'cell' if len(cells) == 1 else 'cells'}{said}"
