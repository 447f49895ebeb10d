"""What a run shows of a test depends on how far it got."""

import pytest

from interlock.matrix.evidence import Evidence, State, ancestors
from interlock.model.verdicts import Run, RunStatus, TestOutcome
from tests.support.matrix_values import a_run, a_test, failed, passed

GREEN, RED, UNREACHED, ABSENT = State.GREEN, State.RED, State.UNREACHED, State.ABSENT
FILE, TEST, SUITE = "tests/deep/a.py", "tests/deep/a.py::T::t[x::y/z]", "(the suite)"
END = "(the end of the suite)"


def errors(*ids: str, green: tuple[str, ...] = ()) -> Run:
    tests = (*(a_test(each, TestOutcome.ERROR) for each in ids), *map(a_test, green))
    return a_run(RunStatus.FAILED).model_copy(update={"tests": tests})


crashed = failed().model_copy(update={"tests": (a_test("tests/b.py::crashed", TestOutcome.CRASHED),)})


@pytest.mark.parametrize(
    ("run", "test", "state"),
    [
        (passed(TEST), TEST, GREEN),
        (passed("other"), TEST, GREEN),
        (failed(TEST), TEST, RED),
        (failed("x", green=[TEST]), TEST, GREEN),
        (failed("x", skipped=[TEST]), TEST, ABSENT),
        (failed("x"), TEST, ABSENT),
        (errors(FILE), TEST, UNREACHED),
        (errors("tests/deep"), TEST, UNREACHED),
        (errors("tests/deep"), FILE, UNREACHED),
        (errors("tests"), "tests/deep", UNREACHED),
        (errors(SUITE), TEST, UNREACHED),
        (errors(SUITE), FILE, UNREACHED),
        (errors(SUITE), "a_module.of_it", UNREACHED),
        (errors(""), FILE, UNREACHED),
        (errors("."), FILE, UNREACHED),
        (errors(SUITE), SUITE, RED),
        (errors(SUITE, green=(TEST,)), SUITE, RED),
        (errors("tests/b.py::crashed"), TEST, UNREACHED),
        (errors("tests/b.py::crashed"), FILE, ABSENT),
        (errors("tests/b.py"), FILE, ABSENT),
        (errors("tests/deeper"), FILE, ABSENT),
        (errors("x", green=(TEST,)), FILE, GREEN),
        (errors(FILE), "tests/deep", GREEN),
        (failed(TEST), FILE, GREEN),
        (failed(TEST), f"{FILE}::T", GREEN),
        (failed("tests/deep/a.py2::t"), FILE, ABSENT),
        (failed(TEST), SUITE, GREEN),
        (errors(FILE), SUITE, GREEN),
        (failed("a_module"), SUITE, GREEN),
        (failed(TEST), END, GREEN),
        (errors(FILE), END, GREEN),
        (errors(END, green=(TEST,)), END, RED),
        (errors(END), SUITE, GREEN),
        (errors(SUITE), END, UNREACHED),
        (crashed, TEST, UNREACHED),
        (crashed, END, UNREACHED),
        (a_run(RunStatus.UNTESTED), TEST, UNREACHED),
        (a_run(RunStatus.TIMED_OUT, red=[TEST]), TEST, UNREACHED),
    ],
)
def test_the_state_of_a_test(run: Run, test: str, state: State) -> None:
    assert Evidence([run]).state(test) is state


def test_runs_that_disagree_show_nothing() -> None:
    assert Evidence([passed(TEST), failed(TEST)]).state(TEST) is UNREACHED


def test_what_is_above_a_test() -> None:
    assert list(ancestors(TEST))[3:] == ["tests", "tests/deep", FILE, f"{FILE}::T"]
    assert list(ancestors("a_module.of_it")) == [SUITE, "", "."]
    assert list(ancestors(SUITE)) == []
