"""A dispatch is recognised in its target's runs, and nothing else is taken for it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.model.dispatches import DispatchState, WorkflowRun, dispatch_id, names, recognise
from tests.support.release_values import NOON, a_receipt, a_record, a_run, an_order

LISTENER = ".github/workflows/on_core_release.yml"


@pytest.mark.parametrize(
    "title",
    [
        "core_release 1.2.11 [market-data-core==1.2.11:core_release]",
        "market-data-core==1.2.11:core_release",
        "taken: market-data-core==1.2.11:core_release.",
    ],
)
def test_an_id_is_seen_in_a_title(title: str) -> None:
    assert names(title, dispatch_id("market-data-core", "1.2.11", "core_release"))


@pytest.mark.parametrize(
    "title",
    [
        "core_release",
        "market-data-core==1.2.11:core_release_2",
        "x-market-data-core==1.2.11:core_release",
        "market-data-core==1.2.11:core_release.x",
        "market-data-core==1.2.1:core_release",
        "market-data-core==11.2.11:core_release",
        "",
    ],
)
def test_another_id_is_not_taken_for_it(title: str) -> None:
    assert not names(title, dispatch_id("market-data-core", "1.2.11", "core_release"))


versions = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?((a|rc)[0-9]|\.post[0-9]|\.dev[0-9])?", fullmatch=True)
events = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)


@given(one=st.tuples(versions, events), other=st.tuples(versions, events), before=st.text(max_size=3))
def test_ids_are_told_apart_wherever_they_stand(one: tuple[str, str], other: tuple[str, str], before: str) -> None:
    title = f"{before} {dispatch_id('core', *one)} more"

    assert names(title, dispatch_id("core", *other)) == (one == other)


def test_the_run_that_names_the_id_is_the_receipt_whenever_it_was() -> None:
    order = an_order()
    runs = [a_run(1, after=-90_000, title=f"x {order.id}"), a_run(2, after=10)]

    receipt = recognise(runs, a_record(order=order), listeners=[LISTENER])

    assert receipt is not None
    assert (receipt.run, receipt.exact, receipt.conclusion) == (1, True, "success")


def test_of_a_listener_that_names_no_id_the_first_run_since_is_taken() -> None:
    runs = [a_run(3, after=20), a_run(2, after=10, path=f"{LISTENER}@main"), a_run(1, after=-60)]

    receipt = recognise(runs, a_record(), listeners=[LISTENER])

    assert receipt is not None
    assert (receipt.run, receipt.exact, receipt.workflow) == (2, False, LISTENER)


def test_by_githubs_own_count_clocks_do_not_matter() -> None:
    record = a_record().model_copy(update={"after": 2})
    runs = [a_run(2, after=3600), a_run(3, after=-3600)]

    receipt = recognise(runs, record, listeners=[LISTENER])

    assert receipt is not None
    assert receipt.run == 3


def test_a_run_that_took_another_dispatch_is_not_taken_twice() -> None:
    receipt = recognise([a_run(2, after=10), a_run(3, after=20)], a_record(), listeners=[LISTENER], claimed=[2])

    assert receipt is not None
    assert receipt.run == 3


@pytest.mark.parametrize(
    "run",
    [
        a_run(after=5, path=".github/workflows/tests.yml"),
        a_run(after=-31),
        a_run(after=5, title="market-data-core==9.0:core_release"),
    ],
)
def test_what_did_not_take_it_is_no_receipt(run: WorkflowRun) -> None:
    assert recognise([run], a_record(), listeners=[LISTENER]) is None


def test_a_record_follows_its_run() -> None:
    assert a_record().taken_by(a_receipt(conclusion=None)).state is DispatchState.TAKEN
    assert a_record().taken_by(a_receipt()).state is DispatchState.FINISHED


@pytest.mark.parametrize(
    ("conclusion", "good"),
    [("success", True), ("neutral", True), ("skipped", True), ("failure", False), ("cancelled", False), (None, False)],
)
def test_only_a_good_end_is_good(conclusion: str | None, *, good: bool) -> None:
    assert a_receipt(conclusion=conclusion).is_good is good


def test_a_run_is_as_old_as_github_says() -> None:
    assert a_run(after=60).created_at - NOON == timedelta(minutes=1)
