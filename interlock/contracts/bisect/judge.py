"""What a run shows beside the two ends of a bisection: good, bad, or no evidence. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from interlock.common.frozen_model import FrozenModel
from interlock.contracts.bisect.narrowing import State
from interlock.errors import UsageError
from interlock.matrix.evidence import ancestors
from interlock.model.verdicts import Run, RunStatus, TestOutcome


class JudgedSheet(FrozenModel):
    """A suite on one Python, at one point on its axes."""

    suite: str
    python: str
    point: str = ""

    def __str__(self) -> str:
        return f"{self.suite}{f' [{self.point}]' if self.point else ''}, Python {self.python}"


class JudgedRun(FrozenModel):
    """What one suite showed with one step.

    Attributes:
        wavers: Whether its runs disagree.
        red: The red tests in the order in which they ran, with the first line of the error.
        crashed: Those in which the run ended before all of its tests had.
        reason: Why it could not be run, or did not end.
    """

    status: RunStatus
    wavers: bool = False
    red: Mapping[str, str | None] = {}
    crashed: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def description(self) -> str:
        """Why it is not evidence, for people."""
        if self.wavers:
            return "its runs showed different things"
        return f"{self.status}: {self.reason}" if self.reason else self.status.value


def seen(runs: Sequence[Run]) -> JudgedRun:
    """What the runs of one cell showed; the last one counts."""
    last = runs[-1]
    return JudgedRun(
        status=last.status,
        wavers=not all(run.agrees_with(last) for run in runs),
        red={test.id: test.error for test in last.red_tests},
        crashed=frozenset(test.id for test in last.red_tests if test.outcome is TestOutcome.CRASHED),
        reason=" ".join((last.reason or "").split()),
    )


class TargetFailures(FrozenModel):
    """What a bisection looks for in one suite.

    Attributes:
        red_before: The tests that are red with the good end too, and so are not evidence.
        crashed_before: Those of them in which its run ended.
        unresolvable: Whether the bad end is unresolvable: then every unresolvable step is bad.
    """

    red_before: frozenset[str] = frozenset()
    crashed_before: frozenset[str] = frozenset()
    unresolvable: bool = False

    def new(self, found: JudgedRun) -> dict[str, str | None]:
        """The red tests that were neither red with the good end nor below something that could not be loaded there."""
        return {
            test: error for test, error in found.red.items() if self.red_before.isdisjoint((test, *ancestors(test)))
        }

    def state(self, found: JudgedRun) -> State:
        """What a suite says about a step."""
        if found.wavers or found.status is RunStatus.UNTESTED:
            return State.SKIP
        if found.status is RunStatus.UNRESOLVABLE:
            return State.BAD if self.unresolvable else State.SKIP
        if found.status is RunStatus.TIMED_OUT or self.new(found):
            return State.BAD
        return State.SKIP if found.crashed - self.crashed_before else State.GOOD


def ends(
    good: Mapping[JudgedSheet, JudgedRun], bad: Mapping[JudgedSheet, JudgedRun], names: tuple[str, str]
) -> tuple[dict[JudgedSheet, TargetFailures], tuple[str, ...]]:
    """The failures to look for, in each suite that is red with the bad end and was seen to be green with the good one.

    Args:
        good: What each suite showed with the good end.
        bad: The same with the bad one.
        names: The names of both ends, for messages.

    Returns:
        The failures by suite, and notes for the reader.

    Raises:
        UsageError: The good end was not seen to be good, or the bad one not to be bad.
    """
    usable = {
        sheet: TargetFailures(
            red_before=frozenset(found.red),
            crashed_before=found.crashed,
            unresolvable=bad[sheet].status is RunStatus.UNRESOLVABLE,
        )
        for sheet, found in good.items()
        if not found.wavers and found.status in {RunStatus.PASSED, RunStatus.FAILED}
    }
    if not usable:
        raise UsageError(f"{names[0]} is not good: {_described(good)}", hint="name another one as --good")
    targets = {sheet: what for sheet, what in usable.items() if what.state(bad[sheet]) is State.BAD}
    if not targets:
        raise UsageError(f"{names[1]} is not bad: {_not_bad(usable, bad, names)}", hint="name another one as --bad")
    return targets, tuple(_notes(good, usable, targets, names))


def _described(found: Mapping[JudgedSheet, JudgedRun]) -> str:
    return "; ".join(f"{sheet}: {each.description}" for sheet, each in found.items())


def _not_bad(
    usable: Mapping[JudgedSheet, TargetFailures], bad: Mapping[JudgedSheet, JudgedRun], names: tuple[str, str]
) -> str:
    silent = {sheet: bad[sheet] for sheet, what in usable.items() if what.state(bad[sheet]) is State.SKIP}
    if silent:
        return _described(silent)
    red = [test for sheet in usable for test in bad[sheet].red]
    return f"what is red is red with {names[0]} too: {', '.join(red[:3])}" if red else "nothing is red with it"


def _notes(
    good: Mapping[JudgedSheet, JudgedRun],
    usable: Mapping[JudgedSheet, TargetFailures],
    targets: Collection[JudgedSheet],
    names: tuple[str, str],
) -> Iterator[str]:
    for sheet, found in good.items():
        if sheet not in usable:
            yield f"{sheet} was set aside: with {names[0]} it is {found.description}"
    for sheet in targets:
        if red := sorted(usable[sheet].red_before):
            others = f" and {len(red) - 3} more" if len(red) > 3 else ""
            yield f"red with {names[0]} too, and not counted: {', '.join(red[:3])}{others}"


def judge(found: Mapping[JudgedSheet, JudgedRun], targets: Mapping[JudgedSheet, TargetFailures]) -> State:
    """The state of a step: bad when one suite says so, good when all of them do."""
    states = {what.state(found[sheet]) for sheet, what in targets.items()}
    return next(state for state in (State.BAD, State.SKIP, State.GOOD) if state in states)
