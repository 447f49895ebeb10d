"""What is red with new upstreams, and was not in the same way with those before."""

from interlock.cascades.verify import Red, reds
from interlock.model.verdicts import TestOutcome, Verdict
from tests.support.matrix_reports import Case, small_report


def red_with(outcome: TestOutcome) -> set[Red]:
    """What is red in a cell with one red test, which has this outcome."""
    report = small_report(Case(Verdict.INCOMPATIBLE, (("tests/test_x.py::test_a", "boom"),)))
    ((fingerprint, run),) = report.runs.items()
    tests = tuple(test.model_copy(update={"outcome": outcome}) if test.outcome.is_red else test for test in run.tests)
    shown = report.model_copy(update={"runs": {fingerprint: run.model_copy(update={"tests": tests})}})
    return {red for sheet in shown.sheets for red in reds(shown, sheet)}


def test_a_test_that_was_red_and_in_which_the_suite_now_ends_is_red_in_another_way() -> None:
    failed, crashed = red_with(TestOutcome.FAILED), red_with(TestOutcome.CRASHED)
    assert len(failed) == len(crashed) == 1
    assert failed == red_with(TestOutcome.ERROR)
    assert crashed.isdisjoint(failed)
    assert crashed == red_with(TestOutcome.CRASHED)
