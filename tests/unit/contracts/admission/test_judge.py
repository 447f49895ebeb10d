"""What runs say to a bisection, beside its ends."""

import pytest

from interlock.contracts.bisect.judge import JudgedRun, JudgedSheet, TargetFailures, ends, judge, seen
from interlock.contracts.bisect.narrowing import State
from interlock.errors import UsageError
from interlock.model.verdicts import RunStatus, TestOutcome
from tests.support.matrix_values import a_run, failed, passed

ONE, OTHER = (
    JudgedSheet(suite="contracts", python="3.11"),
    JudgedSheet(suite="contracts", python="3.12", point="bus=redis"),
)
NAMES = ("1.0", "1.9")


def red(*tests: str) -> JudgedRun:
    return JudgedRun(status=RunStatus.FAILED, red=dict.fromkeys(tests, "E"))


GREEN = JudgedRun(status=RunStatus.PASSED)
UNTESTED = JudgedRun(status=RunStatus.UNTESTED, reason="no sdist")
UNRESOLVABLE = JudgedRun(status=RunStatus.UNRESOLVABLE, reason="ghost")
TIMED_OUT = JudgedRun(status=RunStatus.TIMED_OUT)
WAVERS = JudgedRun(status=RunStatus.FAILED, wavers=True, red={"a": None})


def test_runs_that_disagree_waver_and_the_last_one_is_shown() -> None:
    assert seen([passed("a")]) == GREEN
    shown = seen([passed("a"), failed("b")])
    assert shown.wavers
    assert list(shown.red) == ["b"]
    assert not seen([failed("b"), failed("b")]).wavers
    assert seen([a_run(RunStatus.UNTESTED, reason="no\n  sdist")]) == UNTESTED


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (GREEN, State.GOOD),
        (red("a"), State.BAD),
        (red("own.py::x", "own.py"), State.GOOD),
        (red("own.py::x", "a"), State.BAD),
        (TIMED_OUT, State.BAD),
        (UNRESOLVABLE, State.SKIP),
        (UNTESTED, State.SKIP),
        (WAVERS, State.SKIP),
    ],
)
def test_what_one_suite_says(found: JudgedRun, state: State) -> None:
    assert TargetFailures(red_before=frozenset({"own.py"})).state(found) is state


def test_a_run_that_ended_in_a_test_that_is_red_with_the_good_end_is_no_evidence() -> None:
    crashed = red("own").model_copy(update={"crashed": frozenset({"own"})})
    sought, _notes = ends({ONE: red("own")}, {ONE: red("own", "a")}, NAMES)
    assert sought[ONE].state(crashed) is State.SKIP
    sought, _notes = ends({ONE: crashed}, {ONE: red("own", "a")}, NAMES)
    assert sought[ONE].state(crashed) is State.GOOD
    run = failed("own")
    ended = run.model_copy(
        update={"tests": tuple(each.model_copy(update={"outcome": TestOutcome.CRASHED}) for each in run.tests)}
    )
    assert seen([ended]).crashed == {"own"}
    assert not seen([run]).crashed


def test_what_could_not_be_loaded_with_the_good_end_says_nothing_of_its_tests() -> None:
    for before in ("(the suite)", "tests", "tests/own.py"):
        assert TargetFailures(red_before=frozenset({before})).state(red("tests/own.py::x")) is State.GOOD
    assert TargetFailures(red_before=frozenset({"tests/own.py::x"})).state(red("(the suite)")) is State.BAD


def test_what_cannot_be_resolved_is_bad_where_the_bad_end_cannot_be() -> None:
    sought, _notes = ends({ONE: GREEN}, {ONE: UNRESOLVABLE}, NAMES)
    assert sought[ONE].state(UNRESOLVABLE) is State.BAD


def test_suites_that_are_not_bad_at_the_end_are_not_tried_on() -> None:
    sought, notes = ends({ONE: GREEN, OTHER: GREEN}, {ONE: red("a"), OTHER: GREEN}, NAMES)
    assert set(sought) == {ONE}
    assert notes == ()


def test_what_is_red_at_the_good_end_does_not_count_and_is_told() -> None:
    sought, notes = ends({ONE: red("own")}, {ONE: red("own", "a")}, NAMES)
    assert sought[ONE].new(red("own", "a")) == {"a": "E"}
    assert notes == ("red with 1.0 too, and not counted: own",)


def test_a_suite_that_cannot_be_tried_at_the_good_end_is_set_aside_and_told() -> None:
    sought, notes = ends({ONE: GREEN, OTHER: UNTESTED}, {ONE: red("a"), OTHER: red("a")}, NAMES)
    assert set(sought) == {ONE}
    assert notes == ("contracts [bus=redis], Python 3.12 was set aside: with 1.0 it is untested: no sdist",)


@pytest.mark.parametrize("good", [UNTESTED, UNRESOLVABLE, TIMED_OUT, WAVERS])
def test_a_good_end_that_is_not_seen_to_be_good_is_an_error(good: JudgedRun) -> None:
    with pytest.raises(UsageError, match=r"1\.0 is not good: contracts, Python 3\.11"):
        ends({ONE: good}, {ONE: red("a")}, NAMES)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (GREEN, GREEN, "nothing is red with it"),
        (red("a"), red("a"), "what is red is red with 1.0 too: a"),
        (GREEN, WAVERS, "showed different things"),
        (GREEN, UNTESTED, "untested: no sdist"),
    ],
)
def test_a_bad_end_that_is_not_seen_to_be_bad_is_an_error(good: JudgedRun, bad: JudgedRun, words: str) -> None:
    with pytest.raises(UsageError, match=r"1\.9 is not bad") as error:
        ends({ONE: good}, {ONE: bad}, NAMES)
    assert words in error.value.message


@pytest.mark.parametrize(
    ("one", "other", "state"),
    [
        (GREEN, GREEN, State.GOOD),
        (GREEN, UNTESTED, State.SKIP),
        (UNTESTED, red("a"), State.BAD),
        (GREEN, red("a"), State.BAD),
    ],
)
def test_one_bad_suite_makes_a_step_bad_and_all_make_it_good(one: JudgedRun, other: JudgedRun, state: State) -> None:
    assert judge({ONE: one, OTHER: other}, {ONE: TargetFailures(), OTHER: TargetFailures()}) is state
