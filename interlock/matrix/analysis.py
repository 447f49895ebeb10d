"""Whose fault a red cell is: the verdicts of a row of cells, by comparing tests along the edge. Pure.

Theory of operation. A row is one downstream version with every upstream version, in order. A suite may be red for
reasons that have nothing to do with the upstream, so no cell is judged alone:

- A test that is red with every upstream version that it ran with, and with two at least, is the downstream's *own*.
  A cell with no other red test is broken-before; any other red test makes it incompatible.
- A *regression* is a step between neighbouring versions: a test is green with one and red with the other, whichever is
  the older one.
- What did not run says nothing. A test that is missing because of a crash, or of a file that could not be collected, is
  neither green nor red; an untested cell is left out, so that its neighbours become neighbours of each other.
- A flaky cell is evidence neither for an own fault nor for a step: chance would decide.

A cell's verdict therefore depends on the row that it is in. With one upstream version nothing can be compared, and red
is incompatible. The runs are never changed: a larger matrix judges the same runs again.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from interlock.matrix.report import Regression, VersionRange
from interlock.model.verdicts import Run, RunStatus, TestOutcome, Verdict

STATUS_VERDICTS = {
    RunStatus.PASSED: Verdict.COMPATIBLE,
    RunStatus.UNRESOLVABLE: Verdict.UNRESOLVABLE,
    RunStatus.UNTESTED: Verdict.UNTESTED,
    RunStatus.TIMED_OUT: Verdict.TIMED_OUT,
}
# A pair that can't be installed or does not finish: there is no test to name, but a version where that starts.
WHOLE_CELL = {RunStatus.UNRESOLVABLE, RunStatus.TIMED_OUT}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A cell's verdict, with the tests that explain it."""

    verdict: Verdict
    own_fault: bool = False
    regressed: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def judge_row(cells: Sequence[Sequence[Run]]) -> tuple[Judged, ...]:
    """The verdicts of one downstream version with each upstream version.

    Args:
        cells: The runs of each cell, in the order of the upstream's versions; each has at least one.
    """
    own = _own_tests(cells)
    evident = [runs[-1].status for runs in cells if runs[-1].status is not RunStatus.UNTESTED]
    alike = len(evident) > 1 and len(set(evident)) == 1
    return tuple(_judge(runs, own, alike=alike) for runs in cells)


def _own_tests(cells: Sequence[Sequence[Run]]) -> frozenset[str]:
    lasts = (runs[-1] for runs in cells if _is_steady(runs))
    tested = [(run, _red_ids(run)) for run in lasts if run.status in {RunStatus.PASSED, RunStatus.FAILED}]
    times = Counter(test for _run, red in tested for test in red)
    return frozenset(
        test
        for test, number in times.items()
        if number > 1 and all(test in red or _was_cut_off(test, run) for run, red in tested)
    )


def _is_steady(runs: Sequence[Run]) -> bool:
    """Whether all runs of a cell showed the same."""
    return all(run.agrees_with(runs[-1]) for run in runs)


def _was_cut_off(test: str, run: Run) -> bool:
    """Whether a run never came to a test, because of a crash or of a file that could not be collected."""
    return (
        "::" in test
        and any(each.outcome is TestOutcome.ERROR for each in run.tests)
        and all(each.id != test for each in run.tests)
    )


def _judge(runs: Sequence[Run], own: frozenset[str], *, alike: bool) -> Judged:
    last = runs[-1]
    if not _is_steady(runs):
        return Judged(verdict=Verdict.FLAKY, regressed=tuple(sorted(_red_ids(*runs) - own)))
    if last.status is not RunStatus.FAILED:
        return Judged(verdict=STATUS_VERDICTS[last.status], own_fault=alike and last.status in WHOLE_CELL)
    red = _red_ids(last)
    regressed = tuple(sorted(red - own))
    return Judged(
        verdict=Verdict.INCOMPATIBLE if regressed else Verdict.BROKEN_BEFORE,
        own_fault=not regressed,
        regressed=regressed,
        own=tuple(sorted(red & own)),
    )


def _red_ids(*runs: Run) -> frozenset[str]:
    return frozenset(test.id for run in runs for test in run.red_tests)


@dataclass(frozen=True)
class _Step:
    """A neighbouring pair of upstream versions, of which one works and one doesn't."""

    test: str | None
    error: str
    good: str
    bad: str


def regressions(
    upstream_versions: Sequence[str],
    rows: Mapping[str, tuple[Sequence[Judged], Sequence[Run]]],
) -> tuple[Regression, ...]:
    """Every step between working and not working along the edge, with the downstream versions that show it.

    Args:
        upstream_versions: Ascending.
        rows: By downstream version, ascending: the verdicts, and the last run of each cell.
    """
    shown: dict[_Step, list[str]] = defaultdict(list)
    for version, (judged, runs) in rows.items():
        for step in _steps(upstream_versions, judged, runs):
            shown[step].append(version)
    return tuple(
        Regression(
            test=step.test,
            error=step.error,
            good=step.good,
            bad=step.bad,
            downstream=ranges(list(rows), set(versions)),
        )
        for step, versions in shown.items()
    )


def _steps(versions: Sequence[str], judged: Sequence[Judged], runs: Sequence[Run]) -> list[_Step]:
    tests = sorted({test for cell in judged if cell.verdict is Verdict.INCOMPATIBLE for test in cell.regressed})
    steady = [
        (v, run) for v, cell, run in zip(versions, judged, runs, strict=True) if cell.verdict is not Verdict.FLAKY
    ]
    steps = [step for test in tests for step in _test_steps(test, steady)]
    return steps + _whole_steps(versions, judged, runs)


def _test_steps(test: str, cells: Sequence[tuple[str, Run]]) -> list[_Step]:
    """Where a test turns; a cell in which it did not run, or whose suite could not be run, says nothing about it."""
    states = [(version, run, _state(test, run)) for version, run in cells]
    evident = [(version, run, state) for version, run, state in states if state is not None]
    return [
        _Step(test, _error(test, second[1] if first[2] else first[1]), *_good_and_bad(first[0], second[0], first[2]))
        for first, second in itertools.pairwise(evident)
        if first[2] is not second[2]
    ]


def _state(test: str, run: Run) -> bool | None:
    """Whether a test is green in a run, or None when the run does not say."""
    if run.status is RunStatus.PASSED:
        return True
    if run.status is not RunStatus.FAILED:
        return None
    outcome = next((each.outcome for each in run.tests if each.id == test), None)
    if outcome is None:
        # `test` may be a file that could not be collected elsewhere, and has tests here.
        return True if any(each.id.startswith(f"{test}::") for each in run.tests) else None
    return None if outcome is TestOutcome.SKIPPED else not outcome.is_red


def _whole_steps(versions: Sequence[str], judged: Sequence[Judged], runs: Sequence[Run]) -> list[_Step]:
    steps = []
    cells = list(zip(versions, judged, runs, strict=True))
    evident = [cell for cell in cells if cell[2].status is not RunStatus.UNTESTED]
    for first, second in itertools.pairwise(evident):
        whole = [cell for cell in (first, second) if cell[2].status in WHOLE_CELL]
        if len(whole) == 1 and first[2].status is not second[2].status:
            reason = (whole[0][2].reason or whole[0][2].status.value).strip()
            good, bad = _good_and_bad(first[0], second[0], whole[0] is second)
            steps.append(_Step(None, reason, good, bad))
    return steps


def _good_and_bad(first: str, second: str, first_is_good: bool | None) -> tuple[str, str]:
    return (first, second) if first_is_good else (second, first)


def _error(test: str, run: Run) -> str:
    return next((each.error for each in run.red_tests if each.id == test and each.error), "no message")


def ranges(versions: Sequence[str], chosen: Collection[str]) -> tuple[VersionRange, ...]:
    """The chosen versions as ranges of neighbours among all of them."""
    grouped = itertools.groupby(versions, key=lambda version: version in chosen)
    runs = [list(group) for is_chosen, group in grouped if is_chosen]
    return tuple(VersionRange(first=run[0], last=run[-1]) for run in runs)
