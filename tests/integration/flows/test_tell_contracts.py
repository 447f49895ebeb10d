"""How a verification that was cancelled, or has died, is noticed."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running, Scheduled

import flows.tell_contracts as module
from flows.verify_contracts import verify_contracts
from interlock.adapters.ledger import open_ledger
from interlock.common.clock import now
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import Commit
from interlock.model.family_file import load

if TYPE_CHECKING:
    from interlock.model.statement import Statement

pytestmark = pytest.mark.usefixtures("interlock_home")

CORE, SHA = "market-data-core", "1" * 40
REQUEST = {"upstream": CORE, "ref": "topic", "pull": 7, "downstream": ["market-data-store"]}


def test_a_cancelled_runs_commit_is_handed_over_as_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    async def start(_file: str | None, key: str) -> str:
        started.append(key)
        return "a run"

    monkeypatch.setattr(module, "_start", start)
    family, run = load(), FlowRun(id=uuid4(), flow_id=uuid4(), parameters={"request": REQUEST})
    commit = Commit(
        package=CORE, repository=family.repository(CORE), sha=SHA, downstreams=("market-data-store",), is_whole=False
    )
    pending = Publication(commit=commit, run=run.id, pull=7)
    with open_ledger() as ledger:
        for each in (pending, pending.model_copy(update={"commit": commit.model_copy(update={"sha": "2" * 40})})):
            ledger.record_statement(each.statement(family.name, now()))
        ledger.record_statement(
            Publication(commit=commit.model_copy(update={"sha": "3" * 40}), run=uuid4()).statement(family.name, now())
        )

        asyncio.run(hook()(verify_contracts, run, Cancelling()))

        found = claimed(ledger, family.name)
    command = f"interlock contracts {SHA} --of {CORE} --pr 7 --downstream market-data-store"
    assert found[SHA].failure == f"cancelled; again: {command}"
    assert found["2" * 40].failure is not None
    assert found["3" * 40].failure is None, "another run's goes on"
    assert len(started) == 2


def hook() -> Any:
    (found,) = verify_contracts.on_cancellation_hooks
    return found


def claimed(ledger: Any, family: str) -> dict[str, Publication]:
    statements: tuple[Statement, ...] = ledger.claim_statements(family, now(), now() + timedelta(1), 9)
    return {each.commit.sha: each for each in map(Publication.read, statements)}


LONG_AGO, NOT_LONG_AGO = now() - timedelta(hours=1), now() + timedelta(hours=1)  # the tests may begin late


@pytest.mark.parametrize(
    ("state", "how"),
    [
        (None, None),
        (Running(), None),
        (Scheduled(), None),
        (Cancelling(), None),
        (Crashed(timestamp=NOT_LONG_AGO), None),
        (Crashed(timestamp=LONG_AGO), "crashed"),
        (Cancelled(), "cancelled"),
        (Failed(), "failed"),
        (Completed(name="Refused"), "refused"),
    ],
)
def test_how_a_run_ended_is_known_once_nothing_starts_it_again(
    state: State[None] | None, how: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, FlowRun(flow_id=uuid4(), state=state))
    assert asyncio.run(module.how_it_ended(uuid4())) == how


def test_of_a_deleted_run_nothing_comes_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ObjectNotFound(Exception("404")))
    assert asyncio.run(module.how_it_ended(uuid4())) == "its run was deleted"


def answer(monkeypatch: pytest.MonkeyPatch, answers: FlowRun | Exception) -> None:
    """Have Prefect's API answer so."""

    class Client:
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            return

        async def read_flow_run(self, _run: object) -> FlowRun:
            if isinstance(answers, Exception):
                raise answers
            return answers

    monkeypatch.setattr(module, "get_client", Client)
