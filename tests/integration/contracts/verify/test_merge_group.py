"""A merge queue and all that answers it: GitHub's webhook, the gateway, the ledger, and the process that tells."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from interlock.adapters.connections import Access, Connections
from interlock.adapters.github import StaticToken
from interlock.adapters.ledger import SqlLedger
from interlock.common.clock import now
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.tell import conclude_ended, tell_waiting
from interlock.reports import contracts_texts
from rehearsal.github.app import api_app
from rehearsal.github.state import Addresses
from tests.support.contracts_reports import a_report, an_unproven, green
from tests.support.gateways import FakePrefect, Up, with_gateway
from tests.support.ledgers import scratch_ledger
from tests.support.queue_hub import QueueHub
from tests.support.universe.served import Served
from tests.support.webhook_values import FAMILY, as_body, github_headers

RUN = UUID(int=7)
TELL = Access(tell=StaticToken(SecretStr("alice-classic"), "INTERLOCK_TELL_TOKEN"))
pytestmark = pytest.mark.usefixtures("interlock_home")


@dataclass
class Answering:
    """A queue with one group, which the gateway has received."""

    hub: QueueHub
    address: str
    ledger: SqlLedger = field(default_factory=scratch_ledger)

    def __post_init__(self) -> None:
        self.before = self.hub.head
        self.hub.enqueue(self.hub.proposed("topic"))
        (self.group,) = self.hub.groups

    def receive(self) -> None:
        body, prefect = as_body(self.hub.sent[0]), FakePrefect()
        prefect.name = lambda _number: str(RUN)

        async def work(up: Up) -> None:
            answer = await up.post("github", body, github_headers("merge_group", body, repository="alice/core"))
            assert answer.status_code == 202, answer.text
            await up.idle()

        with_gateway(work, self.ledger, prefect)

    def tell(self) -> None:
        defects: list[Exception] = []

        async def told() -> None:
            async with contextlib.AsyncExitStack() as closing:
                connections = Connections(FAMILY, TELL, closing, {"GITHUB_API_URL": self.address})
                connections.ledger = self.ledger
                for each in await tell_waiting(
                    connections, contracts_texts, "https://prefect.example.org/{}".format, defects.append
                ):
                    assert each.troubles == ()

        asyncio.run(told())
        assert defects == []

    def end(self, how: str) -> None:
        async def ended(run: UUID) -> str:
            assert run == RUN
            return how

        asyncio.run(conclude_ended(self.ledger, FAMILY, ended))
        self.tell()

    def result(self, *, good: bool) -> None:
        (pending,) = self.ledger.open_statements(FAMILY.name)
        facts = {"family": FAMILY.name, "upstream": "core", "repository": "alice/core", "sha": self.group, "pull": None}
        red = a_report(**facts)
        store = red.downstreams[0].model_copy(update={"downstream": "store"})
        feed = an_unproven().model_copy(update={"downstream": "feed"})
        red = red.model_copy(update={"downstreams": (store, feed), "change": None})
        publication = Publication.read(pending).model_copy(update={"report": green(red) if good else red})
        self.ledger.record_statement(publication.statement(FAMILY.name, now()))
        self.tell()

    @property
    def outcome(self) -> str:
        return "merged" if self.hub.head == self.group else "waits" if self.hub.groups else "removed"


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    hub = QueueHub(tmp_path / "github")
    with Served(hub.front(api_app(hub.state), "api")) as served:
        hub.state.addresses = Addresses(api=served.url, uploads="http://uploads.test", server="http://git.test")
        yield Answering(hub, served.url)


@pytest.mark.parametrize(("good", "outcome"), [(True, "merged"), (False, "removed")])
def test_a_group_waits_for_its_result_and_follows_it(answering: Answering, good: bool, outcome: str) -> None:
    answering.receive()
    answering.tell()
    assert answering.outcome == "waits"
    answering.result(good=good)
    assert answering.outcome == outcome


@pytest.mark.parametrize("how", ["cancelled", "crashed", "its run was deleted"])
def test_a_run_that_never_said_a_word_is_answered_too(answering: Answering, how: str) -> None:
    answering.receive()
    answering.end(how)
    assert answering.outcome == "removed"


def test_what_no_suite_tests_is_merged(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.contracts.verify.publication.tested_downstreams", lambda *_: ())
    monkeypatch.setattr("deployments.gateway.announcements.tested_downstreams", lambda *_: ())
    answering.receive()
    answering.tell()
    assert answering.outcome == "merged"
