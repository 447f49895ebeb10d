import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.cells.outcome import Facts, ModuleOrigin, judge, parse_facts, read_facts
from interlock.common.process import Completed
from interlock.model.verdicts import RunStatus, TestOutcome, TestResult

ENVIRONMENT = Path("/cell/environment")
INSIDE = "/cell/environment/lib/python3.11/site-packages/core/__init__.py"
ORIGIN: dict[str, object] = {"module": "core", "package": "core", "file": INSIDE}
RED_OUTPUT = "collected 0 items\nTraceback\nE   ImportError: no x\nE   and more\nlast line\n\n"


def ended(code: int = 0, output: str = "", *, timed_out: bool = False) -> Completed:
    return Completed(returncode=code, output=output, errors="", seconds=1.0, timed_out=timed_out)


def result(name: str, outcome: str = "passed", error: str | None = None) -> dict[str, object]:
    return {"test": name, "outcome": outcome, "error": error, "seconds": 0.1}


def recorded(facts: list[dict[str, object]]) -> Facts:
    """The facts of a session in which all of these tests, and those that only began, were collected."""
    names = {fact["test"] for fact in facts if "test" in fact}
    began = {fact["running"] for fact in facts if "running" in fact}
    ends = [fact | {"finished": len(names)} if "exit" in fact else fact for fact in facts]
    return parse_facts(map(json.dumps, [{"collected": len(names | began)}, *ends]))


class Case(NamedTuple):
    facts: list[dict[str, object]]
    end: Completed
    status: RunStatus
    reason: str | None
    red: list[tuple[str, str | None]] = []  # noqa: RUF012  never changed


SKIPPED = result("t::s", "skipped", "needs redis")
FAILED = result("t::f", "failed", "NameError: x")
OTHER: dict[str, object] = {"other": "t/x.py", "outcome": "error", "error": "SyntaxError: no", "seconds": 0}
END: dict[str, object] = {"exit": 1, "finished": 2}
CASES = {
    "green": Case([result("t::a"), ORIGIN, {"exit": 0}], ended(), RunStatus.PASSED, None),
    "green with others": Case(
        [result("t::a"), SKIPPED, result("t::x", "xfailed", "bug"), ORIGIN, {"exit": 0}],
        ended(),
        RunStatus.PASSED,
        None,
    ),
    "one failed": Case(
        [result("t::a"), FAILED, ORIGIN, {"exit": 1}],
        ended(1, "noise"),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("t::f", "NameError: x")],
    ),
    "an error in a set-up": Case(
        [result("t::a"), result("t::e", "error", "boom"), ORIGIN, {"exit": 1}],
        ended(1),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("t::e", "boom")],
    ),
    "red is red even when the upstream was never imported": Case(
        [FAILED, {"exit": 1}], ended(1), RunStatus.FAILED, "1 of 1 failed", [("t::f", "NameError: x")]
    ),
    "never imported the upstream": Case(
        [result("t::a"), {**ORIGIN, "package": "pipe"}, {"exit": 0}],
        ended(),
        RunStatus.UNTESTED,
        "the suite never imported core",
    ),
    "no test": Case([ORIGIN, {"exit": 5}], ended(5), RunStatus.UNTESTED, "there is no test"),
    "all skipped": Case(
        [SKIPPED, ORIGIN, {"exit": 0}], ended(), RunStatus.UNTESTED, "no test passed, 1 were skipped: needs redis"
    ),
    "only xpassed": Case(
        [result("t::x", "xpassed"), ORIGIN, {"exit": 0}], ended(), RunStatus.UNTESTED, "no test passed, 1 were skipped"
    ),
    "from the suite's files": Case(
        [result("t::a"), ORIGIN, {**ORIGIN, "module": "core.x", "file": "/cell/suite/core/x.py"}, {"exit": 0}],
        ended(),
        RunStatus.UNTESTED,
        "core.x was imported from the suite's files, not from what is installed",
    ),
    "from a neighbour whose name begins alike": Case(
        [FAILED, {**ORIGIN, "file": "/cell/environment2/core.py"}, {"exit": 1}],
        ended(1),
        RunStatus.UNTESTED,
        "core was imported from the suite's files, not from what is installed",
        [("t::f", "NameError: x")],
    ),
    "a module that needs an extra": Case(
        [result("pipe.a"), result("pipe.b", "needs-extra", "needs x"), ORIGIN, {"exit": 0}],
        ended(),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("pipe.b", "needs x")],
    ),
    "nothing but modules that need an extra": Case(
        [result("pipe.b", "needs-extra", "needs x"), ORIGIN, {"exit": 0}],
        ended(),
        RunStatus.UNTESTED,
        "no test passed, 1 were skipped: needs x",
        [("pipe.b", "needs x")],
    ),
    "a module that needs an extra, and no other that imports the upstream": Case(
        [result("pipe.a"), result("pipe.b", "needs-extra", "needs x"), {"exit": 0}],
        ended(),
        RunStatus.UNTESTED,
        "the suite never imported core",
        [("pipe.b", "needs x")],
    ),
    "found among the suite's files, in vain": Case(
        [FAILED, {"found": "pipe", "package": "pipe", "file": "/cell/suite/pipe/__init__.py"}, {"exit": 1}],
        ended(1),
        RunStatus.UNTESTED,
        "pipe was imported from the suite's files, not from what is installed",
        [("t::f", "NameError: x")],
    ),
    "found elsewhere for a while": Case(
        [result("t::a"), {"found": "core", "package": "core", "file": "/tmp/fake/core.py"}, ORIGIN, {"exit": 0}],
        ended(),
        RunStatus.PASSED,
        None,
    ),
    "timed out": Case(
        [{"running": "t::a"}, result("t::a"), {"running": "t::b"}],
        ended(-15, timed_out=True),
        RunStatus.TIMED_OUT,
        "not finished after 60 s, in t::b",
    ),
    "timed out before the first test": Case(
        [], ended(-15, timed_out=True), RunStatus.TIMED_OUT, "not finished after 60 s"
    ),
    "timed out with red tests": Case(
        [FAILED, {"running": "t::b"}],
        ended(-15, timed_out=True),
        RunStatus.TIMED_OUT,
        "not finished after 60 s, in t::b",
        [("t::f", "NameError: x")],
    ),
    "crashed in a test": Case(
        [result("t::a"), {"running": "t::b"}],
        ended(-6, "Fatal Python error"),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("t::b", "ended by SIGABRT in b")],
    ),
    "crashed after red": Case(
        [FAILED, {"running": "t::b"}],
        ended(-11),
        RunStatus.FAILED,
        "2 of 2 failed",
        [("t::f", "NameError: x"), ("t::b", "ended by SIGSEGV in b")],
    ),
    "crashed in the tear-down of a recorded test": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN],
        ended(-9),
        RunStatus.FAILED,
        "1 of 1 failed",
        [("t::a", "ended by SIGKILL after a")],
    ),
    "a signal without a name": Case(
        [], ended(-40), RunStatus.FAILED, "1 of 1 failed", [("(the suite)", "ended by signal 40")]
    ),
    "left half-way with exit code 0": Case(
        [result("t::a"), {"running": "t::b"}, ORIGIN],
        ended(0, "t::b says goodbye"),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("t::b", "ended with exit code 0 in b")],
    ),
    "left half-way with exit code 0 after red": Case(
        [FAILED, {"running": "t::b"}],
        ended(),
        RunStatus.FAILED,
        "2 of 2 failed",
        [("t::f", "NameError: x"), ("t::b", "ended with exit code 0 in b")],
    ),
    "left half-way with another exit code after red": Case(
        [FAILED, {"running": "t::b"}],
        ended(3, "t::b says goodbye"),
        RunStatus.FAILED,
        "2 of 2 failed",
        [("t::f", "NameError: x"), ("t::b", "ended with exit code 3 in b")],
    ),
    "interrupted in a test after red": Case(
        [FAILED, {"running": "t/x.py::B::b[1/2::3]"}, {"interrupted": "no more"}, {"exit": 2}],
        ended(2, "!!! Exit: no more !!!"),
        RunStatus.FAILED,
        "2 of 2 failed",
        [("t::f", "NameError: x"), ("t/x.py::B::b[1/2::3]", "interrupted in b[1/2::3]: no more")],
    ),
    "crashed after the suite had ended well": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN, {"exit": 0}],
        ended(-11),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("(the end of the suite)", "ended by SIGSEGV after the tests")],
    ),
    "another exit code after the suite had ended well": Case(
        [result("t::a"), ORIGIN, {"exit": 0}],
        ended(3, "at exit: no\n"),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("(the end of the suite)", "ended with exit code 3 after the tests")],
    ),
    "could not be loaded": Case(
        [{"exit": 4}], ended(4, RED_OUTPUT), RunStatus.FAILED, "1 of 1 failed", [("(the suite)", "ImportError: no x")]
    ),
    "could not be loaded, unmarked": Case(
        [], ended(1, "Traceback\n  No module\n"), RunStatus.FAILED, "1 of 1 failed", [("(the suite)", "No module")]
    ),
    "could not be loaded, silent": Case(
        [], ended(2), RunStatus.FAILED, "1 of 1 failed", [("(the suite)", "ended with exit code 2")]
    ),
    "a plugin made a green suite fail": Case(
        [result("t::a"), ORIGIN, {"exit": 1}],
        ended(1, "coverage too low\n-- Docs: about\n=== summary ===\n=== 1 passed, 2 warnings in 0.07s ===\n"),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("(the end of the suite)", "coverage too low")],
    ),
    "an option that is unknown": Case(
        [{"exit": 4}],
        ended(4, "ERROR: usage: pytest [options]\npytest: error: unrecognized arguments: --x\n  rootdir: /cell\n"),
        RunStatus.FAILED,
        "1 of 1 failed",
        [("(the suite)", "pytest: error: unrecognized arguments: --x")],
    ),
    "an error of pytest": Case(
        [{"running": "t::a"}, {"internal": "KeyError: 'x'"}, {"exit": 3}],
        ended(3, "INTERNALERROR> KeyError: 'x'\n==== no tests ran in 0.07s ====\n"),
        RunStatus.FAILED,
        "1 of 1 failed",
        [("(the end of the suite)", "INTERNALERROR: KeyError: 'x'")],
    ),
    "stopped early with exit code 0": Case(
        [result("t::a"), ORIGIN, {"running": "t::b"}, {"exit": 0}], ended(), RunStatus.UNTESTED, "1 of 2 tests finished"
    ),
    "stopped early, and said why": Case(
        [result("t::a"), ORIGIN, {"running": "t::b"}, {"stopped": "late"}, {"exit": 2}],
        ended(2),
        RunStatus.UNTESTED,
        "1 of 2 tests finished: late",
    ),
    "stopped after the last test": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN, {"stopped": "late"}, {"exit": 2}],
        ended(2),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("(the end of the suite)", "stopped: late")],
    ),
    "stopped early after red": Case(
        [{"running": "t::f"}, FAILED, {"running": "t::b"}, {"stopped": "late"}, {"exit": 1}],
        ended(1),
        RunStatus.FAILED,
        "2 of 2 failed",
        [("t::f", "NameError: x"), ("(the end of the suite)", "1 of 2 tests finished: late")],
    ),
    "a file stands for no test": Case(
        [
            result("t::a"),
            ORIGIN,
            {"other": "t/y.py", "outcome": "skipped", "error": None, "seconds": 0},
            {"running": "t::b"},
            {"exit": 0},
        ],
        ended(),
        RunStatus.UNTESTED,
        "1 of 2 tests finished",
    ),
    "time was up when all was recorded": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN, {"exit": 0}],
        ended(-15, timed_out=True),
        RunStatus.PASSED,
        None,
    ),
    "time was up when all was recorded, and pytest was not content": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN, {"exit": 1}],
        ended(-15, "coverage too low", timed_out=True),
        RunStatus.FAILED,
        "1 of 2 failed",
        [("(the end of the suite)", "coverage too low")],
    ),
    "time was up in the tear-down of the session": Case(
        [{"running": "t::a"}, result("t::a"), ORIGIN],
        ended(-15, timed_out=True),
        RunStatus.TIMED_OUT,
        "not finished after 60 s, in t::a",
    ),
    "interrupted by a collection error": Case(
        [OTHER, {"exit": 2}],
        ended(2, RED_OUTPUT),
        RunStatus.FAILED,
        "1 of 1 failed",
        [("t/x.py", "SyntaxError: no")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_run_showed(name: str) -> None:
    case = CASES[name]
    found = judge(recorded(case.facts), case.end, upstream="core", environment=ENVIRONMENT, limit=60)
    assert (found.status, found.reason) == (case.status, case.reason)
    assert [(one.id, one.error) for one in found.tests if one.outcome.is_red] == case.red


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ([{"running": "t::b"}, {"collected": 3}], TestOutcome.CRASHED),
        ([{"running": "t::b"}], TestOutcome.ERROR),
        ([{"running": "t::a"}, {"collected": 2}, {"internal": "no"}, {"exit": 3}], TestOutcome.CRASHED),
        ([{"exit": 3}], TestOutcome.ERROR),
    ],
    ids=["in a test before the last", "in the last test", "between two tests", "after the last test"],
)
def test_an_end_before_all_tests_had_ended_is_a_crash(facts: list[dict[str, object]], outcome: TestOutcome) -> None:
    code = 3 if "exit" in facts[-1] else -6
    *_, end = judge(
        recorded([result("t::a"), ORIGIN, *facts]), ended(code), upstream="core", environment=ENVIRONMENT, limit=60
    ).tests
    assert end.outcome is outcome


def test_a_module_without_a_file_is_not_proven_to_be_installed() -> None:
    facts = Facts(exit=0, origins=(ModuleOrigin(name="core", package="core", file=""),))
    assert judge(facts, ended(), upstream="core", environment=ENVIRONMENT, limit=1).status is RunStatus.UNTESTED


def test_facts_are_read_line_by_line() -> None:
    lines = [{"running": "t::a"}, result("t::a"), {"running": "t::b"}, {"read": "core"}, {"read": "core"}, ORIGIN]
    facts = parse_facts([*map(json.dumps, lines), '{"exit": 1, "finished": 1}'])
    assert facts == Facts(
        finished=1,
        tests=(TestResult(id="t::a", outcome=TestOutcome.PASSED, seconds=0.1),),
        running="t::b",
        exit=1,
        reads=frozenset({"core"}),
        origins=(ModuleOrigin(name="core", package="core", file=INSIDE),),
    )


def test_of_a_test_that_is_told_of_twice_the_later_word_counts() -> None:
    facts = parse_facts(map(json.dumps, [result("t::a"), result("t::b"), FAILED | {"test": "t::a"}]))
    assert [(one.id, one.outcome) for one in facts.tests] == [("t::a", "failed"), ("t::b", "passed")]


@pytest.mark.parametrize(
    "line",
    [
        {"test": "x", "outcome": "bogus", "error": None, "seconds": 0},
        {"test": "x", "outcome": "passed", "error": {}, "seconds": 0},
        {"test": "x", "outcome": "passed", "error": None, "seconds": "soon"},
        {"test": "x", "outcome": "passed", "error": None, "seconds": -1e999},
        {"unknown": 1},
        {"exit": 0},
        {"running": 1},
        [],
        "word",
    ],
)
def test_a_record_with_a_line_that_is_none_of_the_runners_is_no_evidence(line: object) -> None:
    whole = [*map(json.dumps, [result("t::a"), ORIGIN, line, {"exit": 0, "finished": 1}])]
    outcome = judge(parse_facts(whole), ended(), upstream="core", environment=ENVIRONMENT, limit=1)
    assert (outcome.status, "can't be read" in str(outcome.tests)) == (RunStatus.FAILED, True)


def test_a_record_from_which_tests_are_missing_is_no_evidence() -> None:
    lines = map(json.dumps, [{"collected": 1}, result("t::a"), ORIGIN, END])
    outcome = judge(parse_facts(lines), ended(1), upstream="core", environment=ENVIRONMENT, limit=1)
    assert outcome.tests[-1].error == "the record of the run can't be read: it has 1 tests, and 2 were recorded"


def test_tests_of_which_nothing_says_how_many_there_are_prove_nothing() -> None:
    lines = map(json.dumps, [result("t::a"), ORIGIN, {"exit": 0, "finished": 1}])
    outcome = judge(parse_facts(lines), ended(), upstream="core", environment=ENVIRONMENT, limit=1)
    assert (outcome.status, outcome.reason) == (RunStatus.UNTESTED, "how many tests there are is not known")


@given(st.integers(0, 400))
def test_a_line_that_was_cut_off_is_passed_over(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    whole = [f"{json.dumps(fact)}\n" for fact in (result("t::a"), {"running": "t::b"}, FAILED, ORIGIN, END)]
    record = tmp_path_factory.mktemp("cut") / "facts.jsonl"
    record.write_text("".join(whole)[:kept])
    complete = sum(len("".join(whole[: count + 1])) <= kept for count in range(len(whole)))
    assert read_facts(record) == parse_facts(whole[:complete])


@given(st.lists(st.text() | st.builds(json.dumps, st.dictionaries(st.text(), st.integers() | st.text() | st.none()))))
def test_what_is_no_fact_is_passed_over(lines: list[str]) -> None:
    parse_facts([*lines, "[]", "1", "null", '{"exit": "soon"}'])
