"""What people are told of: once for equal news, in words that order nobody about."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.contracts.verify.report import CellResult, ContractsReport, DownstreamResult, RedTest
from interlock.matrix.report import Change
from interlock.model.cascade import Cascade, HeldBy, State
from interlock.model.verdicts import CellKey, Verdict
from interlock.releases.checks import Check, failed, ok, warning
from interlock.reports.notifications import (
    MOST_LINES,
    Notification,
    NotificationKind,
    expiring,
    harmless,
    incompatible,
    regressed,
    stuck,
)
from tests.support.cascades import a_cascade, go
from tests.support.matrix_reports import STARTED, Case, small_report
from tests.support.release_values import NOON

CORE = "market-data-core"
SLACK_ORDERS = "<!channel> <https://example.org|click> `code` {{ secrets }} \x1b[31mred\nsecond line"


def held(reason: str = "test_speed is red", **others: object) -> Cascade:
    released = go(a_cascade(), CORE, State.RELEASING, State.RELEASED)
    return go(released, "store", State.TESTING, State.HELD, reason=reason, held_by=HeldBy.ITSELF, **others)


@given(st.text())
def test_no_text_leaves_its_line_or_has_brackets_and_braces(text: str) -> None:
    said = harmless(text)
    assert not set("<>{}`\n\r\x1b") & set(said)
    assert len(said) <= 300


# ---- packages ---------------------------------------------------------------------------------------------------


def test_a_held_package_is_told_with_its_reason_those_above_it_and_the_way_on() -> None:
    (notification,) = stuck(held(SLACK_ORDERS))
    assert (notification.kind, notification.of) == (NotificationKind.HELD, "store")
    assert notification.subject == "store is held in the cascade market-data-core-1.2.11"
    assert "‹!channel›" in notification.body
    assert "(( secrets ))" in notification.body
    assert "held with it, or with others: tip, infra" in notification.body
    assert "interlock cascade unhold store" in notification.body


def test_a_failed_package_is_told_and_how_its_cascade_goes_on() -> None:
    (notification,) = stuck(go(a_cascade(), CORE, State.RELEASING, State.FAILED, reason="no token"))
    assert (notification.kind, notification.of) == (NotificationKind.FAILED, CORE)
    assert "interlock cascade resume market-data-core-1.2.11" in notification.body


@pytest.mark.parametrize("by", [HeldBy.PERSON, HeldBy.ABORT, HeldBy.UPSTREAM])
def test_who_is_held_by_a_person_or_by_another_package_is_no_news(by: HeldBy) -> None:
    found = held()
    progress = found.progress["store"].model_copy(update={"held_by": by})
    assert stuck(found.with_progress(progress)) == ()


def test_a_second_look_is_the_same_news_and_a_second_hold_is_not() -> None:
    (first,), (again,) = stuck(held("red")), stuck(held("red, and more is known"))
    (later,) = stuck(held("red", since=NOON + timedelta(hours=1)))
    assert first.id == again.id != later.id


# ---- tokens -----------------------------------------------------------------------------------------------------


def test_only_a_token_that_still_works_and_soon_will_not_is_told_of() -> None:
    soon = warning("token", "expiry", "it expires in 9 days (2026-11-29)", "rotate it")
    others = (ok("token", "expiry", "it lasts"), failed("token", "expiry", "gone"), warning("token", "scopes", "few"))
    (notification,) = expiring("trains", (*others, soon))
    assert notification.subject == "trains: the token expires soon"
    assert notification.body == "it expires in 9 days (2026-11-29)\nrotate it"


def test_the_days_that_are_left_are_no_news_and_another_day_of_expiry_is() -> None:
    def told(cause: str) -> Notification:
        checks: tuple[Check, ...] = (warning("token", "expiry", cause),)
        return expiring("trains", checks)[0]

    today, tomorrow = told("it expires in 9 days (2026-11-29)"), told("it expires in 8 days (2026-11-29)")
    assert today.id == tomorrow.id != told("it expires in 9 days (2026-12-29)").id


# ---- matrices ---------------------------------------------------------------------------------------------------


def changed(version: str, after: Verdict, before: Verdict = Verdict.COMPATIBLE, downstream: str = "store") -> Change:
    cell = CellKey(
        upstream="core",
        upstream_version=version,
        downstream=downstream,
        downstream_version="2.0",
        suite="contracts",
        python="3.11",
        point="",
    )
    return Change(cell=cell, before=before, after=after, since=STARTED)


def told(*changes: Change) -> tuple[Notification, ...]:
    return incompatible(small_report(Case()).model_copy(update={"changes": changes}))


def test_cells_that_were_compatible_and_are_not_are_told_by_edge() -> None:
    found = told(
        changed("1.1", Verdict.INCOMPATIBLE),
        changed("1.2", Verdict.TIMED_OUT),
        changed("1.3", Verdict.COMPATIBLE, Verdict.INCOMPATIBLE),
        changed("1.3", Verdict.INCOMPATIBLE, Verdict.FLAKY),
        changed("1.1", Verdict.INCOMPATIBLE, downstream="tip"),
    )
    assert [notification.of for notification in found] == ["core × store", "core × tip"]
    assert found[0].subject.endswith("core × store: 2 cells no longer compatible")
    assert found[0].body.splitlines() == [
        "core 1.1 × store 2.0: incompatible (contracts, Python 3.11)",
        "core 1.2 × store 2.0: timed-out (contracts, Python 3.11)",
    ]


def test_of_many_cells_the_first_are_named_and_the_others_counted() -> None:
    (notification,) = told(*(changed(f"1.{number}", Verdict.INCOMPATIBLE) for number in range(12)))
    assert notification.body.splitlines()[MOST_LINES:] == ["and 7 more"]


def test_a_matrix_without_news_tells_nothing() -> None:
    assert told() == ()


# ---- contracts --------------------------------------------------------------------------------------------------


def verified(pull: int | None = None, verdict: Verdict = Verdict.INCOMPATIBLE) -> ContractsReport:
    cell = CellResult(
        downstream="store",
        downstream_version="2.0",
        side="2.0",
        suite="contracts",
        python="3.11",
        verdict=verdict,
        baseline=Verdict.COMPATIBLE,
        regressed=(RedTest(id="tests/test_a.py::test_a", error="assert <1> == 2"),),
        reproduce="interlock …",
    )
    return ContractsReport(
        family="trains",
        upstream="core",
        repository="rails/core",
        ref="branch main (0123456789ab)",
        sha="0123456789ab" + 28 * "c",
        version="1.2+g0123456789ab",
        pull=pull,
        baseline="1.2",
        downstreams=(DownstreamResult(downstream="store", cells=(cell,)),),
        started_at=STARTED,
        finished_at=STARTED,
    )


def test_a_ref_that_breaks_a_downstream_is_told_with_its_tests() -> None:
    (notification,) = regressed(verified())
    assert notification.subject == "core branch main (0123456789ab) breaks store"
    assert notification.body == "store 2.0, contracts: tests/test_a.py::test_a: assert ‹1› == 2"


def test_a_pull_request_and_what_breaks_nothing_are_no_news() -> None:
    assert regressed(verified(pull=7)) == ()
    assert regressed(verified(verdict=Verdict.COMPATIBLE)) == ()
