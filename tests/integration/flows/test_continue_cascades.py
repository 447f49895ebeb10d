"""Which cascades `continue-cascades` goes on with, and how its run ends."""

import asyncio
import logging
from collections.abc import Callable

import pytest

import flows.continue_cascades as module
from interlock.adapters.ledger import open_ledger
from interlock.cascades.request import CascadeRequest
from interlock.errors import BusyError, GitHubError
from interlock.model.cascade import Cascade, State, aborted
from tests.support.cascades import a_cascade, go
from tests.support.release_values import NOON

CORE = "market-data-core"
ID = "market-data-core-1.2.11"


def with_a_pull_request() -> Cascade:
    cascade = go(a_cascade(), CORE, State.RELEASING, State.RELEASED)
    return go(cascade, "store", State.TESTING, State.AWAITING_MERGE, reason="https://example.org/pull/7 waits")


def test_only_those_that_wait_for_a_merge_go_on() -> None:
    waits = with_a_pull_request()
    others = (
        a_cascade(),
        go(a_cascade(), CORE, State.RELEASING, State.FAILED),
        aborted(waits, NOON),
        waits.model_copy(update={"ended_at": NOON}),
        waits.model_copy(update={"aborted": True}),
    )
    assert module.awaiting((*others, waits)) == (waits,)


@pytest.mark.parametrize(
    ("ends", "kind", "message"),
    [
        (None, "COMPLETED", ID),
        (BusyError("somebody walks it"), "COMPLETED", ID),
        (GitHubError("no answer"), "FAILED", f"{ID}: no answer"),
    ],
)
def test_each_is_run_again_and_the_run_says_how_that_ended(
    ends: Exception | None, kind: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = flow_that(monkeypatch, lambda: ends)
    with open_ledger() as ledger:
        ledger.begin_cascade(with_a_pull_request())

    state = asyncio.run(module.continue_cascades.fn("family.toml"))

    assert asked == [CascadeRequest(root=CORE, version="1.2.11", family="family.toml")]
    assert (state.type.value, state.message) == (kind, message)


def test_without_any_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = flow_that(monkeypatch, lambda: None)
    state = asyncio.run(module.continue_cascades.fn())
    assert (asked, state.message) == ([], "no cascade waits for a merge")


def flow_that(patch: pytest.MonkeyPatch, ends: Callable[[], Exception | None]) -> list[CascadeRequest]:
    """Stands for the flow of a cascade, which has tests of its own; what it was asked for."""
    asked: list[CascadeRequest] = []

    async def cascade_release(request: CascadeRequest) -> None:
        asked.append(request)
        if (error := ends()) is not None:
            raise error

    patch.setattr(module, "cascade_release", cascade_release)
    patch.setattr(module, "get_run_logger", lambda: logging.getLogger("tests.continue"))
    return asked
