"""The result of a downstream, from the runs with the ref and with the baseline."""

import shlex

import pytest

from interlock.contracts.verify.assemble import troubles
from interlock.contracts.verify.report import Conclusion, RedTest
from interlock.contracts.verify.request import ContractsRequest
from interlock.contracts.verify.subjects import Downstream
from interlock.model.verdicts import Run, RunStatus, Verdict
from tests.support.matrix_values import a_run, failed, passed
from tests.support.verification_values import ALONE, RELEASE, SHA, judged

GREEN, RED = passed("a", "b"), failed("a", green=["b"])
UNRESOLVABLE = a_run(RunStatus.UNRESOLVABLE, reason="nothing\n  satisfies both")
UNTESTED = a_run(RunStatus.UNTESTED, reason="there is no test")
LATE = a_run(RunStatus.TIMED_OUT, reason="not finished after 600 s")
SUCCESS, FAILURE, ERROR = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ERROR
UNPROVEN = Conclusion.UNPROVEN


@pytest.mark.parametrize(
    ("baseline", "ref", "verdict", "conclusion"),
    [
        (GREEN, GREEN, Verdict.COMPATIBLE, SUCCESS),
        (GREEN, RED, Verdict.INCOMPATIBLE, FAILURE),
        (RED, GREEN, Verdict.COMPATIBLE, SUCCESS),
        (RED, RED, Verdict.BROKEN_BEFORE, SUCCESS),
        (RED, failed("a", "b"), Verdict.INCOMPATIBLE, FAILURE),
        (GREEN, UNRESOLVABLE, Verdict.UNRESOLVABLE, FAILURE),
        (UNRESOLVABLE, UNRESOLVABLE, Verdict.UNRESOLVABLE, SUCCESS),
        (GREEN, LATE, Verdict.TIMED_OUT, FAILURE),
        (LATE, LATE, Verdict.TIMED_OUT, SUCCESS),
        (GREEN, UNTESTED, Verdict.UNTESTED, ERROR),
        (UNTESTED, UNTESTED, Verdict.UNTESTED, ERROR),
    ],
)
def test_only_what_is_red_with_the_ref_alone_counts(
    baseline: Run, ref: Run, verdict: Verdict, conclusion: Conclusion
) -> None:
    found = judged([baseline, ref])
    (cell,) = found.cells
    assert (cell.verdict, cell.conclusion, found.conclusion) == (verdict, conclusion, conclusion)


def test_the_tests_that_regressed_are_named_in_their_order_with_what_went_wrong() -> None:
    found = judged([failed("z", green=["b", "a"]), failed("b", "z", "a")])
    (cell,) = found.cells
    assert cell.regressed == (
        RedTest(id="b", error="AssertionError: b"),
        RedTest(id="a", error="AssertionError: a"),
    )


def test_without_a_baseline_red_is_the_refs_fault() -> None:
    (cell,) = judged([RED], compared=ALONE).cells
    assert (cell.baseline, cell.verdict, cell.conclusion) == (None, Verdict.INCOMPATIBLE, FAILURE)


def test_release_and_branch_are_told_apart_and_the_worst_of_them_counts() -> None:
    found = judged([GREEN, GREEN], [GREEN, RED])
    assert [(cell.side, cell.conclusion) for cell in found.cells] == [
        ("2.0", SUCCESS),
        ("branch main (fedcba987654)", FAILURE),
    ]
    assert found.conclusion is FAILURE


def test_a_branch_that_cannot_be_had_is_no_success_and_hides_no_failure() -> None:
    tested = Downstream(name="pipeline", sides=(RELEASE,), trouble="the build failed")
    assert judged([GREEN, GREEN], tested=tested).conclusion is ERROR
    assert judged([GREEN, RED], tested=tested).conclusion is FAILURE


def test_a_trouble_that_no_status_shows_is_a_note() -> None:
    tested = Downstream(name="pipeline", sides=(RELEASE,), trouble="no branch")
    unproven = tested.model_copy(update={"name": "board", "unproven": True})
    red, unknown = (judged([GREEN, ref], tested=tested) for ref in (RED, GREEN))
    found = (red, unknown, judged([GREEN, GREEN], tested=unproven))
    assert troubles(found) == ("pipeline: no branch", "board: no branch")


def test_nothing_that_could_be_tested_is_no_success() -> None:
    found = judged(tested=Downstream(name="pipeline", trouble="no release, no branch"))
    assert (found.cells, found.conclusion) == ((), ERROR)


@pytest.mark.parametrize(
    ("baseline", "ref", "conclusion"),
    [
        (GREEN, GREEN, UNPROVEN),
        (RED, GREEN, UNPROVEN),
        (RED, RED, UNPROVEN),
        (GREEN, UNTESTED, UNPROVEN),
        (GREEN, RED, FAILURE),
        (RED, failed("a", "b"), FAILURE),
        (GREEN, UNRESOLVABLE, FAILURE),
        (GREEN, LATE, FAILURE),
    ],
)
def test_a_downstream_without_a_suite_can_break_and_is_never_a_success(
    baseline: Run, ref: Run, conclusion: Conclusion
) -> None:
    for trouble in (None, "the build failed"):
        tested = Downstream(name="pipeline", unproven=True, sides=(RELEASE,), trouble=trouble)
        found = judged([baseline, ref], tested=tested, suite={"name": "unproven", "sdist": None, "imports": True})
        assert {found.conclusion, *(cell.conclusion for cell in found.cells)} == {conclusion}
    nothing = Downstream(name="pipeline", unproven=True, trouble="no release, no branch")
    assert judged(tested=nothing).conclusion is UNPROVEN


def test_a_reason_is_one_line_and_only_where_there_is_no_test_to_name() -> None:
    assert [judged([GREEN, ref]).cells[0].reason for ref in (UNRESOLVABLE, GREEN, RED)] == [
        "nothing satisfies both",
        "",
        "",
    ]
    long = a_run(RunStatus.UNRESOLVABLE, reason="so " * 1000)
    assert len(judged([GREEN, long]).cells[0].reason) == 300


def test_what_may_fail_is_shown_and_does_not_count() -> None:
    suite = {"axes": {"bus": ["redis", "none"]}, "allowed_to_fail": [{"point": {"bus": "redis"}, "reason": "new"}]}
    found = judged([GREEN, RED], suite=suite, point={"bus": "redis"})
    (cell,) = found.cells
    assert (cell.verdict, cell.allowed_to_fail, found.conclusion) == (Verdict.INCOMPATIBLE, "new", SUCCESS)


def test_each_cell_is_run_again_by_one_command_that_tells_nobody() -> None:
    (cell, _) = judged([GREEN, RED], [GREEN, RED]).cells
    assert shlex.split(cell.reproduce) == [
        *("interlock", "contracts", SHA, "--of", "core", "--downstream", "pipeline"),
        *("--against", "1.0", "--python", "3.11", "--no-tell"),
    ]
    assert "--against" not in judged([RED], compared=ALONE).cells[0].reproduce


def test_the_command_of_a_cell_has_the_options_of_the_request() -> None:
    request = ContractsRequest(upstream="core", ref="topic", pull=12, released_only=True, family="f.toml")
    command = judged([GREEN, RED], request=request).cells[0].reproduce
    assert command.endswith("--released-only --no-tell --family f.toml")
    assert "--pr" not in command
