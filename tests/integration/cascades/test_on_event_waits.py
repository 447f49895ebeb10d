"""When a release for an event is left to a cascade, or waits for one, or for a verification."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from interlock.adapters.ledger import SqlLedger
from interlock.cascades import on_event
from interlock.cascades.on_event import EventRequest, _Event
from interlock.contracts.admission.models import Answer
from interlock.errors import BusyError
from interlock.model import family_file
from interlock.model.cascade import Cascade, State, aborted
from interlock.model.family import Package
from interlock.model.release_on import ReleaseOn
from tests.support.cascades import a_cascade, go
from tests.support.ledgers import scratch_ledger
from tests.support.release_values import NOON

CORE, STORE, SHA = "market-data-core", "store", "a" * 40


def event(ledger: SqlLedger, package: str = STORE, *, evidence: str = "wanted") -> _Event:
    """An event, whose pull request 7 was merged as SHA."""

    async def pull(_repository: str, number: int) -> object:
        return SimpleNamespace(merge_commit_sha=SHA if number == 7 else None)

    family = family_file.load()
    known = Package.model_validate({"contract": {"evidence": evidence}})
    packages = {**family.packages, package: known}
    connections: Any = SimpleNamespace(
        ledger=ledger,
        family=family.model_copy(update={"packages": packages}),
        github=SimpleNamespace(pull=pull),
        index=None,
    )
    on = ReleaseOn(event="push")
    return _Event(EventRequest(package=package, sha=SHA), connections, cast("Any", None), known, on)


def released_root() -> Cascade:
    return go(a_cascade(), CORE, State.RELEASING, State.RELEASED)


def waiting() -> Cascade:
    return go(released_root(), STORE, State.TESTING, State.AWAITING_MERGE, link="https://example.org/pull/7")


@pytest.mark.parametrize(
    ("cascade", "sha", "is_left"),
    [
        (waiting(), SHA, True),
        (waiting(), "b" * 40, False),
        (aborted(waiting(), NOON), SHA, False),
        (waiting().model_copy(update={"ended_at": NOON}), SHA, False),
        (released_root(), SHA, False),
    ],
)
def test_the_merge_that_a_cascade_waits_for_is_left_to_it(cascade: Cascade, sha: str, is_left: bool) -> None:
    ledger = scratch_ledger()
    ledger.begin_cascade(cascade)
    why = asyncio.run(event(ledger)._cascade_of(sha))
    assert why == (f"the cascade {cascade.id} releases it: it waits for this merge" if is_left else None)


def test_a_package_that_a_cascade_releases_now_is_waited_for_unless_it_is_the_cascades_own_start() -> None:
    ledger = scratch_ledger()
    ledger.begin_cascade(go(released_root(), STORE, State.TESTING, State.RELEASING))
    with pytest.raises(BusyError, match="is releasing store"):
        asyncio.run(event(ledger)._must_not_wait(SHA))
    other = scratch_ledger()
    other.begin_cascade(go(a_cascade(), CORE, State.RELEASING))
    asyncio.run(event(other, CORE)._must_not_wait(SHA))


@pytest.mark.parametrize(
    ("evidence", "answer", "waits"),
    [
        ("required", Answer.UNKNOWN, True),
        ("required", Answer.NO, False),
        ("required", Answer.YES, False),
        ("wanted", Answer.UNKNOWN, False),
    ],
)
def test_evidence_that_is_required_and_not_there_yet_is_waited_for(
    evidence: str, answer: Answer, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def admission(*_: object) -> object:
        return SimpleNamespace(answer=answer)

    monkeypatch.setattr(on_event, "admission", admission)
    look = event(scratch_ledger(), CORE, evidence=evidence)._must_not_wait(SHA)
    if waits:
        with pytest.raises(BusyError, match="verification"):
            asyncio.run(look)
    else:
        asyncio.run(look)
