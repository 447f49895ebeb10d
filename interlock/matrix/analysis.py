"""Whose fault a red cell is: the verdicts of a row of cells, by comparing tests along the edge. Pure.

Theory of operation. A row is one downstream version with every upstream version of the table, in order, and with its
*controls*: upstream versions outside of the table that were tried because all of the table was red. A suite may be red
for reasons that have nothing to do with the upstream, so no cell is judged alone:

- A test that is red with every upstream version that a run came to it with, and with two at least, is the downstream's
  *own*. Where there are controls, it must be red with one of them too, and no control may be green, untested or flaky:
  "every version" is more than the versions of the table.
- A test in which a run crashed is own there only if every run that has it red crashed in it: elsewhere a run came to
  what is after it.
- A cell with no other red test is broken-before, or *outdated* if its own tests are green with the third-party packages
  of the downstream's release date. Any other red test makes it incompatible.
- A module that needs an extra is set aside where it is own and is red for no other reason anywhere: the others decide.
- A red test that is neither own nor green anywhere is *uncompared*: which side is at fault is not known.
- A *regression* is a step between neighbouring versions, controls included: a test is green with one and red with the
  other, whichever is the older one.
- What did not run says nothing (`evidence.py`); an untested cell is left out, so that its neighbours become neighbours
  of each other.
- A flaky cell is evidence neither for an own fault nor for a step: chance would decide.

A cell's verdict therefore depends on the row that it is in. With one upstream version nothing can be compared, and red
is incompatible. The runs are never changed: a larger matrix judges the same runs again.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from interlock.matrix.evidence import Evidence, State
from interlock.matrix.report import Regression, VersionRange
from interlock.model.verdicts import Run, RunStatus, Verdict

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
    """A cell's verdict, with the tests that explain it, as in `report.Cell`."""

    verdict: Verdict
    own_fault: bool = False
    regressed: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a control could tell more: nothing green was seen of what is red here."""
        return self.own_fault or bool(self.own or self.uncompared)


def judge_row(
    cells: Sequence[Sequence[Run]], controls: Sequence[Sequence[Run]] = (), dated: Sequence[Run] = ()
) -> tuple[Judged, ...]:
    """The verdicts of one downstream version with each upstream version.

    Args:
        cells: The runs of each cell, in the order of the upstream's versions; each has at least one.
        controls: Those of each cell outside of the table.
        dated: Those of a cell with the third-party packages of the downstream's release date; empty for none.
    """
    row = _Row(list(map(Evidence, cells)), list(map(Evidence, controls)), Evidence(dated) if dated else None)
    return tuple(row.judge(cell) for cell in row.cells)


class _Row:
    """A row, with what is the same for all of its cells."""

    def __init__(self, cells: Sequence[Evidence], controls: Sequence[Evidence], dated: Evidence | None) -> None:
        self.cells = cells
        self._controls = controls
        self._tested = [each for each in (*cells, *controls) if each.is_evident]
        self._own = self._own_tests()
        self._outdated = {test for test in self._own if dated and dated.state(test) is State.GREEN}
        self._aside = self._own - {test for each in self._tested for test in each.red_otherwise}
        self._is_alike = self._fails_alike()
        # What is red after them is known where a test was merely red.
        self._crashed_alike = {
            test for test in self._own if all(test in each.crashed for each in self._tested if test in each.red)
        }

    def _own_tests(self) -> frozenset[str]:
        times = Counter(test for each in self._tested for test in each.red)
        return frozenset(test for test, number in times.items() if number > 1 and self._is_own(test))

    def _is_own(self, test: str) -> bool:
        if any(each.state(test) in {State.GREEN, State.ABSENT} for each in self._tested):
            return False
        if any(each.is_steady and each.has_passed(test) for each in (*self.cells, *self._controls)):
            return False
        if any(not each.is_steady or each.run.status is RunStatus.UNTESTED for each in self._controls):
            return False
        return not self._controls or any(each.state(test) is State.RED for each in self._controls)

    def _fails_alike(self) -> bool:
        """Whether every cell that was tried has the same status."""
        cells = [each.run.status for each in self.cells if each.run.status is not RunStatus.UNTESTED]
        controls = [each.run.status if each.is_steady else RunStatus.UNTESTED for each in self._controls]
        return len(cells + controls) > 1 and len({*cells, *controls}) == 1

    def judge(self, cell: Evidence) -> Judged:
        """The verdict of one cell."""
        own = cell.red & self._own - (cell.crashed - self._crashed_alike)
        regressed = tuple(sorted(cell.red - own))
        if not cell.is_steady:
            return Judged(verdict=Verdict.FLAKY, regressed=regressed)
        status = cell.run.status
        if status is not RunStatus.FAILED:
            return Judged(verdict=STATUS_VERDICTS[status], own_fault=self._is_alike and status in WHOLE_CELL)
        faults = own - self._aside
        fault = Verdict.OUTDATED if faults <= self._outdated else Verdict.BROKEN_BEFORE
        return Judged(
            verdict=Verdict.INCOMPATIBLE if regressed else fault if faults else Verdict.COMPATIBLE,
            own_fault=bool(faults) and not regressed,
            regressed=regressed,
            own=tuple(sorted(own)),
            uncompared=tuple(test for test in regressed if self._is_green_nowhere(test)),
        )

    def _is_green_nowhere(self, test: str) -> bool:
        return all(each.state(test) is not State.GREEN for each in self._tested)


@dataclass(frozen=True)
class _Step:
    """A neighbouring pair of upstream versions, of which one works and one doesn't."""

    test: str | None
    error: str
    good: str
    bad: str


def regressions(
    upstream_versions: Collection[str], rows: Mapping[str, tuple[Sequence[Judged], Mapping[str, Sequence[Run]]]]
) -> tuple[Regression, ...]:
    """Every step to a version of the table that does not work, with the downstream versions that show it.

    Args:
        upstream_versions: Those of the table.
        rows: By downstream version, ascending: the verdicts of the table's cells; and by upstream version, ascending,
            the runs of each cell, those of the controls too.
    """
    shown: dict[_Step, list[str]] = defaultdict(list)
    for version, (judged, runs) in rows.items():
        for step in _steps(judged, {upstream: Evidence(each) for upstream, each in runs.items()}):
            if step.bad in upstream_versions:
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


def _steps(judged: Sequence[Judged], cells: Mapping[str, Evidence]) -> list[_Step]:
    tests = sorted({test for cell in judged if cell.verdict is Verdict.INCOMPATIBLE for test in cell.regressed})
    return [step for test in tests for step in _test_steps(test, cells)] + _whole_steps(cells)


def _test_steps(test: str, cells: Mapping[str, Evidence]) -> list[_Step]:
    """Where a test turns; a cell in which it did not run, or whose suite could not be run, says nothing about it."""
    states = [(version, each, each.state(test)) for version, each in cells.items()]
    evident = [found for found in states if found[2] in {State.GREEN, State.RED}]
    steps = []
    for pair in itertools.pairwise(evident):
        (bad, evidence, state), (good, _, other) = sorted(pair, key=lambda found: found[2] is State.GREEN)
        if state is not other:
            steps.append(_Step(test, _error(test, evidence.run), good, bad))
    return steps


def _whole_steps(cells: Mapping[str, Evidence]) -> list[_Step]:
    evident = [(version, each.run) for version, each in cells.items() if each.run.status is not RunStatus.UNTESTED]
    steps = []
    for pair in itertools.pairwise(evident):
        (bad, run), (good, other) = sorted(pair, key=lambda found: found[1].status not in WHOLE_CELL)
        if run.status in WHOLE_CELL and other.status not in WHOLE_CELL:
            steps.append(_Step(None, (run.reason or run.status.value).strip(), good, bad))
    return steps


def _error(test: str, run: Run) -> str:
    return next((each.error for each in run.red_tests if each.id == test and each.error), "no message")


def ranges(versions: Sequence[str], chosen: Collection[str]) -> tuple[VersionRange, ...]:
    """The chosen versions as ranges of neighbours among all of them."""
    grouped = itertools.groupby(versions, key=lambda version: version in chosen)
    runs = [list(group) for is_chosen, group in grouped if is_chosen]
    return tuple(VersionRange(first=run[0], last=run[-1]) for run in runs)
