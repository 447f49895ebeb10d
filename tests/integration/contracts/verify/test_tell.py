"""What waits in the ledger is published by a process that trusts nothing of it: once, the newest of each subject."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from interlock.adapters.connections import Access, Connections
from interlock.adapters.github import RetryPolicy, StaticToken
from interlock.adapters.ledger import SqlLedger
from interlock.common.clock import now
from interlock.contracts.verify import ContractsReport, tell
from interlock.contracts.verify.publication import Publication
from interlock.contracts.verify.publish import Commit, Texts
from interlock.contracts.verify.tell import Told, conclude_ended, tell_waiting
from interlock.errors import TokenError
from interlock.model import statement
from interlock.model.family import Family
from interlock.model.statement import Statement
from interlock.reports import contracts_texts
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github import issues, pulls, statuses
from rehearsal.github.app import api_app
from rehearsal.github.state import Addresses
from tests.support.contracts_reports import IBKR, PIPELINE, STORE, UPSTREAM, a_report, green
from tests.support.judged_hub import JudgedHub
from tests.support.ledgers import scratch_ledger
from tests.support.universe.served import Served

CORE = "alice/core"
SUITE = {"name": "imports", "imports": True}
FAMILY = Family.model_validate(
    {
        "name": "market-data",
        "owner": "alice",
        "packages": {
            UPSTREAM: {"repository": "core"},
            **{name: {"upstreams": [UPSTREAM], "suites": [SUITE]} for name in (PIPELINE, STORE, IBKR)},
            "lonely": {},
        },
    }
)
pytestmark = pytest.mark.usefixtures("interlock_home")

pytestmark = pytest.mark.usefixtures("interlock_home")

TELL = Access(tell=StaticToken(SecretStr("alice-classic"), "INTERLOCK_TELL_TOKEN"))
DOWNSTREAMS = (PIPELINE, STORE, IBKR)
RUN = UUID(int=7)
AT_ONCE = RetryPolicy(first=0, longest_backoff=0, attempts=1)


ALL = "interlock/contracts"


def all_say(state: str) -> dict[str, list[str]]:
    """Each status, once; while it is pending, that for all alone."""
    return {name: [state] for name in ((ALL,) if state == "pending" else (ALL, *DOWNSTREAMS))}


@dataclass
class Teller:
    """A repository with a pull request, a ledger, and the process that tells."""

    hub: JudgedHub
    address: str
    ledger: SqlLedger = field(default_factory=scratch_ledger)
    access: Access = TELL
    defects: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sha = self.hub.branch("topic", {"a.txt": b"a"})
        new = pulls.NewPull(title="Two levels", head="topic", base="main")
        with self.hub.state.changing():
            self.pull = pulls.open_pull(self.hub.state, self.hub.core, new, "alice").number

    def commit(self, **facts: object) -> Commit:
        fields = {"package": UPSTREAM, "repository": CORE, "sha": self.sha, "downstreams": DOWNSTREAMS}
        return Commit.model_validate({**fields, **facts})

    def pending(self, **facts: object) -> Publication:
        return Publication(commit=self.commit(**facts), run=RUN, against="1.4.61")

    def result(self, report: ContractsReport | None = None, **facts: object) -> Publication:
        report = report or a_report(sha=self.sha, pull=self.pull)
        return self.pending(**facts).model_copy(update={"report": report})

    def hand_over(self, *publications: Publication) -> None:
        for each in publications:
            self.ledger.record_statement(each.statement(FAMILY.name, now()))

    def tell(self, texts: object = contracts_texts) -> tuple[Told, ...]:
        async def told() -> tuple[Told, ...]:
            async with contextlib.AsyncExitStack() as closing:
                connections = Connections(FAMILY, self.access, closing, {"GITHUB_API_URL": self.address})
                connections.ledger = self.ledger
                page = "https://prefect.example.org/runs/{}".format
                return await tell_waiting(connections, texts, page, self.defects.append)  # type: ignore[arg-type]

        return asyncio.run(told())

    def conclude(self, how: str | None) -> tuple[Statement, ...]:
        async def ended(run: UUID) -> str | None:
            assert run == RUN
            return how

        return asyncio.run(conclude_ended(self.ledger, FAMILY, ended))

    @property
    def words(self) -> str | None:
        """What the newest status says."""
        return statuses.statuses_of(self.hub.state, self.hub.core, self.sha)[0].description

    @property
    def statuses(self) -> dict[str, list[str]]:
        """By downstream all that was said, oldest first."""
        found: dict[str, list[str]] = {}
        for each in reversed(statuses.statuses_of(self.hub.state, self.hub.core, self.sha)):
            found.setdefault(each.context.removeprefix("interlock/cells/"), []).append(each.state)
        return found

    @property
    def links(self) -> set[str | None]:
        return {each.target_url for each in statuses.statuses_of(self.hub.state, self.hub.core, self.sha)}

    @property
    def comments(self) -> list[str]:
        return [each.body for each in issues.comments_of(self.hub.state, self.hub.core, self.pull)]

    def writes(self) -> int:
        return sum(seen.wrote and bool(seen.note) for seen in self.hub.log.all())


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    hub = JudgedHub(tmp_path / "github")
    with Served(hub.front(api_app(hub.state), "api")) as served:
        hub.state.addresses = Addresses(api=served.url, uploads="http://uploads.test", server="http://git.test")
        yield Teller(hub, served.url)


def test_what_was_handed_over_is_told_with_the_page_of_the_run_that_found_it_out(teller: Teller) -> None:
    teller.hand_over(teller.pending())
    (told,) = teller.tell()
    assert (told.refused, told.published.failures) == (None, ())
    teller.hand_over(teller.result())
    teller.tell()
    assert teller.statuses == {
        ALL: ["pending", "failure"],
        PIPELINE: ["failure"],
        STORE: ["success"],
        IBKR: ["success"],
    }
    assert teller.links == {f"https://prefect.example.org/runs/{RUN}"}
    (comment,) = teller.comments
    assert "test_levels_are_three" in comment


def test_nothing_is_told_twice(teller: Teller) -> None:
    teller.hand_over(teller.result())
    assert len(teller.tell()) == 1
    assert (before := teller.writes())
    assert teller.tell() == (), "nothing waits any more"
    teller.hand_over(teller.result())
    (told,) = teller.tell()
    assert (told.published.done, teller.writes()) == ((), before), "it was handed over again, and GitHub has it"


@pytest.mark.parametrize("how", ["cancelled", "crashed"])
def test_a_run_that_has_ended_without_a_word_leaves_nothing_pending(teller: Teller, how: str) -> None:
    teller.hand_over(teller.pending().model_copy(update={"pull": teller.pull}))
    teller.tell()
    assert teller.statuses == all_say("pending")
    assert teller.conclude(how)
    teller.tell()
    assert teller.statuses[ALL] == ["pending", "error"]
    assert teller.words == f"not tested: {how}; again: interlock contracts {teller.sha} --of {UPSTREAM} --pr 1"
    assert teller.conclude(how) == (), "it is concluded once"


def test_a_part_that_was_cancelled_is_run_again_as_a_part(teller: Teller) -> None:
    teller.hand_over(teller.pending(downstreams=(STORE,), is_whole=False))
    teller.conclude("cancelled")
    teller.tell()
    assert teller.statuses == {STORE: ["error"]}
    assert (teller.words or "").startswith(
        f"not tested: cancelled; again: interlock contracts {teller.sha} --of {UPSTREAM} --downstream "
    )


def test_what_has_a_result_or_goes_on_is_not_concluded(teller: Teller) -> None:
    teller.hand_over(teller.pending())
    assert teller.conclude(None) == (), "its run goes on"
    teller.hand_over(teller.result())
    assert teller.conclude("cancelled") == ()
    teller.tell()
    assert teller.statuses[ALL] == ["failure"]


def test_a_result_that_comes_while_its_run_is_looked_at_stays(teller: Teller) -> None:
    teller.hand_over(teller.pending())

    async def ended(_run: UUID) -> str:
        teller.hand_over(teller.result())
        return "completed"

    asyncio.run(conclude_ended(teller.ledger, FAMILY, ended))
    teller.tell()
    assert teller.statuses[ALL] == ["failure"]


def test_the_failure_of_a_run_that_is_started_again_gives_way_to_it(teller: Teller) -> None:
    teller.hand_over(teller.pending())
    teller.conclude("crashed")
    teller.hand_over(teller.pending())
    teller.tell()
    teller.hand_over(teller.result())
    teller.tell()
    assert teller.statuses[ALL] == ["pending", "failure"]


def test_where_no_suite_tests_a_package_its_commit_waits_for_nothing(teller: Teller) -> None:
    commit = teller.commit(package="lonely", repository="alice/lonely", downstreams=())
    teller.hub.add("alice/lonely", {})
    sha = teller.hub.state.git(teller.hub.state.repository("alice/lonely")).ref("refs/heads/main")
    teller.hand_over(Publication(commit=commit.model_copy(update={"sha": sha}), run=RUN))
    (told,) = teller.tell()
    assert told.published.done == (f"status {ALL}: success, not run: no suite of a downstream tests lonely",)
    assert teller.conclude("completed") == ()


def test_all_runs_share_a_budget_for_what_can_wait(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.contracts.verify.publish.MOST_AN_HOUR", 2)
    teller.hand_over(teller.result())
    (told,) = teller.tell()
    assert teller.statuses == {ALL: ["failure"], PIPELINE: ["failure"], STORE: ["success"]}
    assert "1 of the downstreams' statuses not told" in str(told.published.failures[0])
    assert told.troubles == (), "it waits, and nothing is wrong"
    later = now() + timedelta(minutes=62)
    for module in ("tell", "publish"):
        monkeypatch.setattr(f"interlock.contracts.verify.{module}.now", lambda: later)
    assert [each.troubles for each in teller.tell()] == [()]
    assert teller.statuses[IBKR] == ["success"]


def test_a_failure_is_told_in_the_place_of_a_result(teller: Teller) -> None:
    teller.hand_over(teller.pending(), teller.pending().model_copy(update={"failure": "core can't be built"}))
    assert len(teller.tell()) == 1
    assert teller.statuses == all_say("error"), "what is out of date is not told at all"


def test_what_a_killed_process_had_in_hand_is_told_when_its_lease_ends(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    teller.hand_over(teller.result())
    assert teller.ledger.claim_statements(FAMILY.name, now(), now() + tell.LEASE, 9)
    assert teller.tell() == ()
    monkeypatch.setattr(tell, "now", lambda: now() + tell.LEASE)
    assert len(teller.tell()) == 1
    assert teller.statuses[PIPELINE] == ["failure"]


def test_a_result_that_comes_while_its_predecessor_is_told_is_told_by_the_same_process_and_after_it(
    teller: Teller,
) -> None:
    teller.hand_over(teller.pending())
    (pending,) = teller.ledger.claim_statements(FAMILY.name, now(), now() + tell.LEASE, 9)
    teller.hand_over(teller.result())
    assert teller.tell() == (), "a second process would race the first one"
    assert not teller.ledger.settle_statement(pending.subject, pending.id, now())
    assert len(teller.tell()) == 1
    assert teller.statuses[PIPELINE] == ["failure"]


def test_what_github_does_not_take_now_is_told_later(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.contracts.verify.publish.TRIES", 1)
    monkeypatch.setattr("interlock.adapters.connections.RetryPolicy", lambda: AT_ONCE)
    teller.hand_over(teller.pending())
    teller.hub.faults.add(InjectedFault(effect=Effect.REFUSE, status=502, path="/statuses/", times=9))
    (told,) = teller.tell()
    assert told.troubles
    monkeypatch.setattr(tell, "now", lambda: now() + tell.LEASE)
    teller.hub.faults.clear()
    assert [each.troubles for each in teller.tell()] == [()]
    assert teller.statuses == all_say("pending")


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        ({"repository": "alice/website"}, "not that of a package"),
        ({"package": "elsewhere"}, "not that of a package"),
        ({"sha": "main"}, "names no commit"),
        ({"sha": "../../issues"}, "names no commit"),
        ({"downstreams": ("lonely",)}, "no tested downstream"),
        ({"downstreams": ("interlock/deploy",)}, "no tested downstream"),
        ({"downstreams": ()}, "no tested downstream"),
    ],
)
def test_it_tells_of_the_familys_packages_and_of_nothing_else(
    teller: Teller, commit: dict[str, object], why: str
) -> None:
    before = teller.writes()
    teller.hand_over(teller.pending(**commit))
    (told,) = teller.tell()
    assert why in (told.refused or "")
    assert teller.writes() == before
    assert teller.tell() == ()


@pytest.mark.parametrize(
    "facts", [{"sha": "f" * 40}, {"repository": "alice/website"}, {"upstream": STORE}, {"sha": None}]
)
def test_a_report_about_something_else_is_refused(teller: Teller, facts: dict[str, object]) -> None:
    teller.hand_over(teller.result(a_report(**{"sha": teller.sha, "pull": teller.pull, **facts})))
    (told,) = teller.tell()
    assert told.refused == "its report is about another commit"
    assert teller.statuses == {}


@pytest.mark.parametrize("body", ["", "[]", "{}", "[" * 100_000, '{"commit": 7}', '{"format": 2}', "\ud7ff"])
def test_what_is_no_publication_is_refused_and_the_others_are_told(teller: Teller, body: str) -> None:
    hostile = Statement(subject="a", id=uuid4(), family=FAMILY.name, at=now(), body=body)
    teller.ledger.record_statement(hostile)
    teller.hand_over(teller.pending())
    refused, told = teller.tell()
    assert (refused.refused or "").startswith("what the ledger holds is nothing to publish")
    assert told.refused is None
    assert teller.statuses == all_say("pending")


def test_a_part_cannot_pass_as_the_whole_nor_choose_its_link(teller: Teller) -> None:
    part = teller.result(downstreams=(STORE,), is_whole=True, url="https://evil.example/")
    teller.hand_over(part)
    teller.tell()
    assert teller.comments == []
    assert teller.links == {f"https://prefect.example.org/runs/{RUN}"}


def test_a_report_that_is_too_large_is_told_as_a_failure(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.contracts.verify.publication.LARGEST", 1_000)
    teller.hand_over(teller.result())
    teller.tell()
    assert teller.statuses == all_say("error")


def test_a_body_that_is_too_large_is_never_read(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    teller.hand_over(teller.result())
    monkeypatch.setattr("interlock.adapters.ledger.sql_statements.LARGEST", statement.LARGEST // 100_000)
    assert teller.tell() == ()


def test_a_report_that_cannot_be_rendered_leaves_nothing_pending_and_keeps_nothing_back(teller: Teller) -> None:
    def broken(_report: ContractsReport, _url: str | None) -> Texts:
        raise RuntimeError("a defect")

    other = teller.pending(downstreams=(STORE,))
    teller.hand_over(teller.pending(), teller.result(green(a_report(sha=teller.sha))), other)
    told = teller.tell(broken)
    assert sorted(filter(None, (each.refused for each in told))) == ["a defect of Interlock"]
    assert [str(error) for error in teller.defects] == ["a defect"]
    assert teller.statuses[PIPELINE] == ["error"]


def test_without_a_token_it_waits(teller: Teller) -> None:
    teller.hand_over(teller.pending())
    mine, teller.access = teller.access, Access()
    with pytest.raises(TokenError):
        teller.tell()
    teller.access = mine
    assert len(teller.tell()) == 1


def test_another_familys_statements_and_old_ones_are_left_out(teller: Teller) -> None:
    teller.ledger.record_statement(teller.pending().statement("trains", now()))
    old = teller.pending(downstreams=(STORE,)).statement(FAMILY.name, now() - tell.KEPT - timedelta(days=1))
    teller.ledger.record_statement(old)
    teller.tell()
    assert teller.ledger.waiting_statements("trains", now()) == 1
    assert teller.ledger.waiting_statements(FAMILY.name, now()) == 0
