"""The lifecycle is one table, and the documentation shows it."""

from interlock.model.dispatches import DispatchState
from interlock.model.release import LIFECYCLE, Step
from tests.support.paths import ROOT
from tests.support.release_values import a_receipt, a_record, a_release

DOCUMENT = ROOT / "docs" / "releases.md"


def test_every_step_has_its_promise_in_order() -> None:
    assert tuple(LIFECYCLE) == tuple(Step)


def test_what_can_fail_without_a_trace_comes_before_the_first_push() -> None:
    before = list(Step)[: list(Step).index(Step.PUSH)]

    assert [step for step in before if LIFECYCLE[step].leaves] == []


def test_the_documentation_shows_the_table() -> None:
    rows = [f"| {step} | {p.does} | {p.looks_at} | {p.leaves or 'nothing'} |" for step, p in LIFECYCLE.items()]

    assert "\n".join(rows) in DOCUMENT.read_text("utf-8")


def test_a_release_knows_who_has_not_heard_of_it_and_whose_run_failed() -> None:
    unheard, good, bad = a_record(), a_record(a_receipt()), a_record(a_receipt(conclusion="failure"))
    running = a_record(a_receipt(conclusion=None))
    release = a_release(dispatches=(unheard, good, bad, running), ended_at=None)

    assert release.unheard == (unheard,)
    assert release.failed == (bad,)
    assert running.state is DispatchState.TAKEN
    assert not release.is_finished
