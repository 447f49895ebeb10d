"""What a run shows of each test, so that runs that got differently far can be compared. Pure.

Theory of operation. The ids of tests are the leaves of a tree: the suite, its directories, its files, their classes. An
error that is recorded for a node, such as an import error of a `conftest.py` or of a file, kept the run from everything
below the node: of a test below it the run shows nothing. In reverse, a node that is red elsewhere is green in a run
that recorded anything below it: the run got past loading it.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import cached_property

from interlock.cells.outcome import SUITE_END, WHOLE_SUITE
from interlock.model.verdicts import Run, RunStatus, TestOutcome

TESTED = frozenset({RunStatus.PASSED, RunStatus.FAILED})
ERRORS = frozenset({TestOutcome.ERROR, TestOutcome.CRASHED})
# pytest's own names of the root.
ROOTS = (WHOLE_SUITE, "", ".")


class State(Enum):
    """What a run shows of one test."""

    GREEN = auto()
    RED = auto()
    UNREACHED = auto()  # an error before it kept the run from it
    ABSENT = auto()  # skipped, or not there


class Evidence:
    """What the last run of a cell shows; `is_evident` says whether it shows anything of single tests.

    Args:
        runs: The runs of the cell, oldest first. Runs that disagree show nothing: chance would decide.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.run = runs[-1]
        self.is_steady = all(run.agrees_with(self.run) for run in runs)
        self.is_evident = self.is_steady and self.run.status in TESTED
        self.red = frozenset(test.id for run in runs for test in run.red_tests)

    def state(self, test: str) -> State:
        """What the run shows of a test, or of a file or directory that could not be loaded elsewhere."""
        if not self.is_evident:
            return State.UNREACHED
        if self.run.status is RunStatus.PASSED:
            return State.GREEN
        if (outcome := self._outcomes.get(test)) is not None:
            return _STATES.get(outcome, State.GREEN)
        if test == SUITE_END:
            return State.UNREACHED if self.crashed or not self._loaded else State.GREEN
        if test in self._loaded:
            return State.GREEN
        # After the error of a test, which a crash is too, nothing says whether the others were there.
        is_cut_off = bool(self._errors) if "::" in test else not self._errors.isdisjoint(ancestors(test))
        return State.UNREACHED if is_cut_off else State.ABSENT

    def has_passed(self, test: str) -> bool:
        """Whether the run, which may have been ended later, shows that a test passed."""
        return self._outcomes.get(test) is TestOutcome.PASSED

    @property
    def red_otherwise(self) -> frozenset[str]:
        """What is red for another reason than the want of an extra."""
        return frozenset(test for test in self.red if self._outcomes.get(test) is not TestOutcome.NEEDS_EXTRA)

    # The many cells that passed need none of these.
    @cached_property
    def crashed(self) -> frozenset[str]:
        """Where the run ended before all of its tests had."""
        return frozenset(test for test, outcome in self._outcomes.items() if outcome is TestOutcome.CRASHED)

    @cached_property
    def _outcomes(self) -> dict[str, TestOutcome]:
        return {test.id: test.outcome for test in self.run.tests}

    @cached_property
    def _errors(self) -> frozenset[str]:
        return frozenset(test for test, outcome in self._outcomes.items() if outcome in ERRORS)

    @cached_property
    def _loaded(self) -> frozenset[str]:
        return frozenset(above for test in self._outcomes for above in ancestors(test))


_STATES = {
    **{outcome: State.RED for outcome in TestOutcome if outcome.is_red},
    TestOutcome.SKIPPED: State.ABSENT,
}


def ancestors(test: str) -> Iterator[str]:
    """The nodes above a test: the root by each of its names, directories, the file, classes."""
    if test in ROOTS:
        return
    yield from ROOTS
    path, *names = test.partition("[")[0].split("::")
    folders = path.split("/")
    yield from ("/".join(folders[:depth]) for depth in range(1, len(folders)))
    yield from ("::".join((path, *names[:depth])) for depth in range(len(names)))
