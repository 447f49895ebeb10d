"""Which deliveries are missed, and which webhooks lead to the gateway."""

from datetime import timedelta
from uuid import UUID

import pytest

from interlock.adapters.github import Hook, HookDelivery
from interlock.webhooks.redelivery import MissedDelivery, SweepResult, leads_to, undelivered
from tests.support.release_values import NOON

HOOK = Hook(path="/repos/alice/core/hooks/1", subject="alice/core", url="https://gate.example.org/webhooks/github")


def an_attempt(
    number: int, guid: int, code: int, status: str = "", event: str = "push", *, again: bool = False
) -> HookDelivery:
    at = NOON + timedelta(seconds=number)
    fields = {"id": number, "guid": UUID(int=guid), "event": event, "delivered_at": at, "status": status or str(code)}
    return HookDelivery.model_validate({**fields, "status_code": code, "redelivery": again})


def missed(*attempts: HookDelivery) -> list[tuple[int, int]]:
    newest_first = sorted(attempts, key=lambda each: -each.id)
    return [(each.guid.int, each.id) for each in undelivered(HOOK, newest_first)]


def test_what_no_attempt_has_brought_is_missed_once_by_its_last() -> None:
    assert missed(an_attempt(1, 7, 502), an_attempt(2, 7, 0, "timed out"), an_attempt(3, 8, 403)) == [(7, 2), (8, 3)]


@pytest.mark.parametrize("code", [200, 202, 299])
def test_what_one_attempt_has_brought_is_not_missed_whatever_the_others_did(code: int) -> None:
    assert missed(an_attempt(1, 7, 502), an_attempt(2, 7, code), an_attempt(3, 7, 503)) == []


@pytest.mark.parametrize("code", [301, 400, 401, 403, 413, 500, 503, 0])
def test_every_other_answer_is_a_miss(code: int) -> None:
    assert missed(an_attempt(1, 7, code)) == [(7, 1)]


def test_what_was_first_sent_before_github_can_remember_is_given_up() -> None:
    known = an_attempt(1, 7, 415), an_attempt(2, 7, 415, again=True)
    assert missed(*known, an_attempt(3, 8, 415, again=True)) == [(7, 2)]


def test_what_is_under_way_and_a_ping_are_left_alone() -> None:
    pending = an_attempt(2, 7, 0, "pending")
    assert missed(an_attempt(1, 7, 502), pending, an_attempt(3, 8, 500, event="ping")) == []


@pytest.mark.parametrize(
    ("url", "gateway", "leads"),
    [
        ("https://gate.example.org/webhooks/github", None, True),
        ("https://ci.example.org/hooks", None, False),
        ("https://gate.example.org/webhooks/github", "https://gate.example.org", True),
        ("https://gate.example.org/webhooks/github", "https://gate.example.org/webhooks/github/", True),
        ("https://other.example.org/webhooks/github", "https://gate.example.org", False),
        ("", None, False),
    ],
)
def test_a_webhook_leads_to_the_gateway_by_its_address(url: str, gateway: str | None, leads: bool) -> None:
    hook = HOOK.model_copy(update={"url": url})
    assert leads_to(hook, gateway) is leads
    assert leads_to(hook.model_copy(update={"active": False}), gateway) is False


def test_the_outcome_is_a_line_for_a_notification() -> None:
    one = MissedDelivery(hook=HOOK, id=1, guid=UUID(int=1), event="push", at=NOON, said="timed out")
    assert SweepResult(hooks=0).outcome == "no webhook leads to the gateway"
    assert SweepResult(hooks=2, sent=(one,)).outcome == "1 sent again, of 2 webhooks"
    assert SweepResult(hooks=0, troubles=("no token",)).outcome == "0 sent again, of 0 webhooks; no token"
