"""Changes by pull request, in a world that is served: every write's answer can be lost, and nothing is done twice."""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from packaging.version import Version
from pydantic import SecretStr

from interlock.adapters.git import Author, Remote
from interlock.adapters.github import GitHub, RetryPolicy, StaticToken, github_server, open_github
from interlock.common.retry import patiently
from interlock.errors import InterlockError, RepositoryError
from interlock.releases.pull_request import Proposal, ProposalState, look, propose
from interlock.releases.pull_request_branch import Change, ChangeBranch, Edge, Edit
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github import issues, pull_store
from rehearsal.github.git_store import GitStore
from rehearsal.github.merge_queue import entries_of
from rehearsal.github.protection import HEADS
from rehearsal.github.pull_store import Pull
from rehearsal.github.pushes import moved
from rehearsal.github.records import Protection, Repository, Ruleset
from tests.support.rehearsed_release import RehearsedRelease

T = TypeVar("T")
STORE = "mjdevaccount/market-data-store"
CORE = "market-data-core"
BOT = Author(name="Release Bot", email="bot@example.org")
AT_ONCE = RetryPolicy(first=0, longest_backoff=0, attempts=2)
PINS = "pins.txt"


def pinned(version: str) -> Edit:
    """Replaces the line of core, wherever it stands."""

    async def edit(root: Path) -> dict[str, bytes]:
        path = root / PINS
        lines = path.read_text().splitlines() if path.exists() else [f"{CORE}==0"]
        changed = [f"{CORE}=={version}" if line.startswith(f"{CORE}==") else line for line in lines]
        return {PINS: ("\n".join(changed) + "\n").encode()}

    return edit


async def unrelated(_root: Path) -> dict[str, bytes]:
    return {"other.txt": b"x"}


def wanted(version: str = "1.2.11", **facts: object) -> Change:
    edge = Edge(repository=STORE, base="main", upstream=CORE, version=Version(version))
    fields = {"title": f"Take {CORE} {version}", "body": "Because.", "edit": pinned(version), "labels": ("deps",)}
    return Change.model_validate({"edge": edge, **fields, **facts})


@dataclass
class Proposing:
    """The store's repository, and what is proposed to it."""

    here: RehearsedRelease
    work: Path
    settles: float = 5
    made: list[Proposal | None] = field(default_factory=list)

    @property
    def remote(self) -> Remote:
        return Remote(url=github_server().remote(STORE), token=SecretStr(os.environ["REPO_DISPATCH_TOKEN"]))

    @property
    def record(self) -> Repository:
        return self.here.serving.github.repository(STORE)

    @property
    def git(self) -> GitStore:
        return self.here.serving.github.git(self.record)

    @property
    def pulls(self) -> list[Pull]:
        """The newest first."""
        return pull_store.pulls_of(self.here.serving.github, self.record)

    def ask(self, work: Callable[[GitHub], Awaitable[T]]) -> T:
        async def asking() -> T:
            credentials = StaticToken(SecretStr(os.environ["REPO_DISPATCH_TOKEN"]), "REPO_DISPATCH_TOKEN")
            async with open_github(credentials, github_server(), policy=AT_ONCE) as github:
                return await work(github)

        return asyncio.run(asking())

    def propose(self, change: Change | None = None) -> Proposal | None:
        change = change or wanted()
        remote = self.remote
        self.made.append(
            self.ask(
                lambda github: propose(github, change, remote=remote, author=BOT, work=self.work, settles=self.settles)
            )
        )
        return self.made[-1]

    def proposed(self, change: Change | None = None) -> Proposal:
        made = self.propose(change)
        assert made is not None
        return made

    def look(self, change: Change | None = None) -> Proposal | None:
        edge = (change or wanted()).edge
        return self.ask(lambda github: look(github, edge))

    def commit(self, branch: str, files: Mapping[str, bytes | None]) -> str:
        """Somebody's commit to a branch."""
        state, ref = self.here.serving.github, HEADS + branch
        with state.changing():
            old = self.git.ref(ref)
            assert old is not None
            sha = self.git.write_commit(old, dict(files), "somebody's")
            self.git.set_ref(ref, sha, old)
            moved(state, self.record, [(ref, old, sha)], None)
        return sha

    def guard(self, **facts: object) -> None:
        """Protect the base."""
        with self.here.serving.github.changing():
            self.record.protections["main"] = Protection.model_validate({"admins": True, **facts})
            self.record.allow_auto_merge = True

    def queue(self) -> None:
        """Let a merge queue alone change the base, by green checks."""
        checks = {"required_status_checks": [{"context": "ci"}]}
        rules = ({"type": "merge_queue"}, {"type": "required_status_checks", "parameters": checks})
        with self.here.serving.github.changing():
            self.record.rulesets.append(Ruleset(id=7, name="queue", include=("~DEFAULT_BRANCH",), rules=rules))

    def pass_checks(self) -> None:
        """Let the check that is required be green."""
        body = {"state": "success", "context": "ci"}
        self.post(f"statuses/{self.pulls[0].head_sha}", body)

    def post(self, path: str, body: Mapping[str, str], method: str = "POST") -> None:
        import httpx

        token = os.environ["REPO_DISPATCH_TOKEN"]
        url = f"{github_server().api}/repos/{STORE}/{path}"
        answer = httpx.request(method, url, json=dict(body), headers={"authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text

    def branches(self) -> list[str]:
        return [ref.removeprefix(HEADS) for ref in self.git.refs(HEADS)]

    def file(self, ref: str = "main") -> str:
        return self.here.git("market-data-store", "show", f"{ref}:{PINS}")

    def writes(self) -> list[str]:
        return self.here.writes()

    def said(self, number: int) -> list[str]:
        return [one.body for one in issues.comments_of(self.here.serving.github, self.record, number)]


@pytest.fixture
def store(here: RehearsedRelease, tmp_path: Path) -> Proposing:
    (tmp_path / "work").mkdir()
    return Proposing(here, tmp_path / "work")


def test_a_change_is_proposed_with_what_and_why_and_a_trailer_for_machines(store: Proposing) -> None:
    made = store.proposed(wanted(trailers={"Interlock-Cascade": "c-1"}))
    assert (made.number, made.state, made.merge_commit) == (1, ProposalState.OPEN, None)
    assert made.waits_for == "somebody to merge it"
    (pull,) = store.pulls
    assert (pull.title, pull.head, pull.base, pull.labels) == (
        f"Take {CORE} 1.2.11",
        "interlock/market-data-core-1.2.11",
        "main",
        ["deps"],
    )
    assert pull.body == "Because.\n\nInterlock-Change: market-data-core-1.2.11\nInterlock-Cascade: c-1"
    commit = store.git.commit(pull.head_sha)
    assert (commit.author.name, commit.author.email) == ("Release Bot", "bot@example.org")
    assert commit.message == f"Take {CORE} 1.2.11\n\nInterlock-Change: market-data-core-1.2.11\n"
    assert store.file(pull.head_sha) == f"{CORE}==1.2.11"
    assert made == store.look()
    assert made.url.endswith("/pull/1")


def test_what_was_proposed_is_found_and_nothing_is_done_again(store: Proposing) -> None:
    first = store.propose()
    done = store.writes()
    assert store.propose() == first
    assert store.writes() == done


def test_a_branch_that_is_there_is_proposed_as_it_is(store: Proposing) -> None:
    ref = "refs/heads/interlock/market-data-core-1.2.11"
    with store.here.serving.github.changing():
        theirs = store.git.write_commit(store.git.ref("refs/heads/main"), {PINS: b"theirs\n"}, "somebody's")
        store.git.set_ref(ref, theirs)
    store.propose()
    assert store.pulls[0].head_sha == theirs
    assert store.git.ref(ref) == theirs


def test_a_proposal_whose_answer_is_lost_is_looked_for_at_once(store: Proposing) -> None:
    store.here.serving.faults.add(InjectedFault(effect=Effect.CUT, method="POST", path=WRITES["create"]))
    assert store.proposed().number == 1
    assert len(store.pulls) == 1


def test_there_is_nothing_to_propose_or_to_look_at_where_the_base_has_the_change(store: Proposing) -> None:
    assert store.look() is None
    store.commit("main", {PINS: f"{CORE}==1.2.11\n".encode()})
    assert store.propose() is None
    assert store.writes() == []


class TestMerging:
    def test_what_is_clean_is_merged_at_once_and_its_branch_is_gone(self, store: Proposing) -> None:
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for) == (ProposalState.MERGED, "")
        assert made.merge_commit == store.git.ref("refs/heads/main")
        assert store.file() == f"{CORE}==1.2.11"
        assert store.branches() == ["main"]
        assert store.look() == made
        done = store.writes()
        assert store.propose(wanted(auto_merge=True)) == made
        assert store.writes() == done

    def test_what_must_wait_is_left_to_github_which_merges_it_when_it_is_green(self, store: Proposing) -> None:
        store.guard(checks=("ci",))
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for) == (ProposalState.OPEN, "checks or reviews that its base requires")
        done = store.writes()
        assert store.propose(wanted(auto_merge=True)) == made
        assert store.writes() == done
        store.pass_checks()
        seen = store.look()
        assert seen is not None
        assert (seen.state, seen.merge_commit) == (ProposalState.MERGED, store.git.ref("refs/heads/main"))
        assert store.propose(wanted(auto_merge=True)) == seen
        assert store.branches() == ["main"]

    def test_where_there_is_a_merge_queue_it_is_enqueued_once_and_the_queue_merges_it(self, store: Proposing) -> None:
        store.queue()
        made = store.proposed(wanted(auto_merge=True))
        assert made.waits_for.startswith("checks or reviews that its base requires")
        store.pass_checks()
        queued = store.proposed(wanted(auto_merge=True))
        assert (queued.state, queued.waits_for) == (ProposalState.OPEN, "the merge queue of its base to merge it")
        done = [write for write in store.writes() if write != "POST /graphql"]  # that is a query
        assert store.proposed(wanted(auto_merge=True)) == queued
        assert [write for write in store.writes() if write != "POST /graphql"] == done
        (entry,) = entries_of(store.here.serving.github, store.record, "main")
        store.post(f"statuses/{entry.sha}", {"state": "success", "context": "ci"})
        merged = store.proposed(wanted(auto_merge=True))
        assert (merged.state, merged.merge_commit) == (ProposalState.MERGED, entry.sha)
        assert store.branches() == ["main"]

    def test_what_the_merge_queue_has_removed_is_a_persons_decision(self, store: Proposing) -> None:
        store.queue()
        store.proposed(wanted(auto_merge=True))
        store.pass_checks()
        store.proposed(wanted(auto_merge=True))
        (entry,) = entries_of(store.here.serving.github, store.record, "main")
        store.post(f"statuses/{entry.sha}", {"state": "failure", "context": "ci"})
        removed = store.proposed(wanted(auto_merge=True))
        assert removed.waits_for == "somebody to enqueue it again, since the merge queue has removed it"
        assert entries_of(store.here.serving.github, store.record, "main") == []

    def test_nothing_is_merged_that_nobody_wants_to_be(self, store: Proposing) -> None:
        store.guard(checks=("ci",))
        assert store.proposed().state is ProposalState.OPEN
        store.pass_checks()
        assert store.proposed().state is ProposalState.OPEN
        assert store.pulls[0].auto_merge is None

    def test_where_auto_merge_is_not_allowed_it_is_merged_by_the_call_that_finds_it_clean(
        self, store: Proposing
    ) -> None:
        store.guard(checks=("ci",))
        store.record.allow_auto_merge = False
        assert "the repository does not allow auto-merge" in store.proposed(wanted(auto_merge=True)).waits_for
        store.pass_checks()
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED

    def test_a_red_check_that_nothing_requires_holds_it(self, store: Proposing) -> None:
        store.propose()
        store.post(f"statuses/{store.pulls[0].head_sha}", {"state": "failure", "context": "lint"})
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for) == (ProposalState.OPEN, "checks to be green that nothing requires")

    def test_github_is_asked_again_while_it_does_not_know(self, store: Proposing) -> None:
        pull_store.settings_of(store.here.serving.github, store.record).unknown_looks = 3
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED

    def test_what_github_never_knows_is_not_merged(self, store: Proposing) -> None:
        pull_store.settings_of(store.here.serving.github, store.record).unknown_looks = 99
        store.settles = 0
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for) == (
            ProposalState.OPEN,
            "GitHub to find out whether it can be merged",
        )

    def test_a_refused_merge_is_told_in_githubs_words(self, store: Proposing) -> None:
        pull_store.settings_of(store.here.serving.github, store.record).methods = ("rebase",)
        made = store.proposed(wanted(auto_merge=True))
        assert made.state is ProposalState.OPEN
        assert "Squash merges are not allowed on this repository." in made.waits_for

    def test_what_turns_clean_while_auto_merge_is_asked_for_is_merged_at_once(
        self, store: Proposing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.guard(checks=("ci",))
        asked = GitHub.auto_merge

        async def green_first(self: GitHub, *arguments: object, **facts: object) -> object:
            await asyncio.to_thread(store.pass_checks)
            return await asked(self, *arguments, **facts)  # type: ignore[arg-type]

        monkeypatch.setattr(GitHub, "auto_merge", green_first)
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED

    def test_what_is_closed_while_auto_merge_is_asked_for_is_closed(
        self, store: Proposing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.guard(checks=("ci",))
        asked = GitHub.auto_merge

        async def closed_first(self: GitHub, *arguments: object, **facts: object) -> object:
            await asyncio.to_thread(store.post, "pulls/1", {"state": "closed"}, "PATCH")
            return await asked(self, *arguments, **facts)  # type: ignore[arg-type]

        monkeypatch.setattr(GitHub, "auto_merge", closed_first)
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.CLOSED


class TestPersons:
    def test_a_closed_one_is_a_persons_decision(self, store: Proposing) -> None:
        store.propose()
        store.post("pulls/1", {"state": "closed"}, "PATCH")
        done = store.writes()
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for, made.merge_commit) == (ProposalState.CLOSED, "", None)
        assert store.look() == made
        assert store.writes() == done

    def test_what_is_opened_again_goes_on(self, store: Proposing) -> None:
        store.propose()
        store.post("pulls/1", {"state": "closed"}, "PATCH")
        store.post("pulls/1", {"state": "open"}, "PATCH")
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED

    def test_labels_that_somebody_put_on_it_stay(self, store: Proposing) -> None:
        store.propose(wanted(labels=()))
        store.post("issues/1/labels", {"labels": ["DEPS", "mine"]})  # type: ignore[dict-item]
        store.propose(wanted(labels=("deps", "core")))
        assert store.pulls[0].labels == ["DEPS", "mine", "core"]

    def test_a_branch_that_somebody_added_to_is_merged_as_it_is(self, store: Proposing) -> None:
        store.propose()
        store.commit(store.pulls[0].head, {"more.txt": b"x"})
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED
        assert store.git.entry(store.git.ref("refs/heads/main") or "", "more.txt")


class TestSuperseding:
    def test_older_ones_of_the_same_edge_are_closed_with_a_link_to_the_newer(self, store: Proposing) -> None:
        store.propose()
        other = Edge(repository=STORE, base="main", upstream="market-data", version=Version("0.1"))
        store.propose(wanted(edge=other, edit=unrelated))
        newer = store.proposed(wanted("1.2.12"))
        by_branch = {pull.head: pull.state for pull in store.pulls}
        assert by_branch == {
            "interlock/market-data-core-1.2.12": "open",
            "interlock/market-data-0.1": "open",
            "interlock/market-data-core-1.2.11": "closed",
        }
        assert store.said(1) == [f"Superseded by #3: {newer.url}"]
        assert "interlock/market-data-core-1.2.11" not in store.branches()
        store.propose(wanted("1.2.12"))
        assert len(store.said(1)) == 1

    def test_a_newer_one_is_left_alone(self, store: Proposing) -> None:
        store.propose(wanted("1.3"))
        store.propose()
        assert [pull.state for pull in store.pulls] == ["open", "open"]

    def test_one_whose_branch_must_stay_is_closed_too(self, store: Proposing) -> None:
        store.propose()
        with store.here.serving.github.changing():
            store.record.protections["interlock/market-data-core-1.2.11"] = Protection(deletions=False)
        store.propose(wanted("1.2.12"))
        assert [pull.state for pull in store.pulls] == ["open", "closed"]
        assert "interlock/market-data-core-1.2.11" in store.branches()

    @pytest.mark.parametrize(
        ("upstream", "branch", "superseded"),
        [
            ("a", "interlock/a-1.1", True),
            ("a", "interlock/a-1.1rc1", True),
            ("a", "interlock/a-1.2", False),
            ("a", "interlock/a-2", False),
            ("a", "interlock/a-1-1", False),
            ("a-1", "interlock/a-1-1", True),
            ("a", "interlock/ab-1", False),
            ("a", "interlock/a-b-1", False),
            ("a", "a-1", False),
        ],
    )
    def test_only_branches_of_older_versions_of_the_same_upstream_are_meant(
        self, upstream: str, branch: str, superseded: bool
    ) -> None:
        edge = Edge(repository=STORE, base="main", upstream=upstream, version=Version("1.2"))
        assert edge.supersedes(branch) is superseded


class TestABaseThatMovesOn:
    def test_a_conflict_makes_the_branch_anew_and_keeps_what_others_changed(self, store: Proposing) -> None:
        store.commit("main", {PINS: f"a==1\n{CORE}==1\n".encode()})
        store.propose()
        store.commit("main", {PINS: f"a==2\n{CORE}==1.1\n".encode()})
        made = store.proposed(wanted(auto_merge=True))
        assert (made.number, made.state) == (1, ProposalState.MERGED)
        assert store.file() == f"a==2\n{CORE}==1.2.11"

    def test_without_a_conflict_the_branch_stays(self, store: Proposing) -> None:
        store.propose()
        head = store.pulls[0].head_sha
        store.commit("main", {"other.txt": b"x"})
        store.propose()
        assert store.pulls[0].head_sha == head

    def test_a_strict_base_gets_the_branch_on_its_newest_commit(self, store: Proposing) -> None:
        store.guard(strict=True)
        store.propose()
        newest = store.commit("main", {"other.txt": b"x"})
        assert store.proposed().waits_for == "somebody to merge it"
        assert store.git.commit(store.pulls[0].head_sha).parents == (newest,)

    def test_a_branch_that_somebody_changed_is_not_made_anew(self, store: Proposing) -> None:
        store.propose()
        theirs = store.commit(store.pulls[0].head, {"more.txt": b"x"})
        store.commit("main", {PINS: f"{CORE}==7\n".encode()})
        made = store.proposed(wanted(auto_merge=True))
        assert (made.state, made.waits_for) == (
            ProposalState.OPEN,
            "somebody to resolve its conflict with the base",
        )
        assert store.pulls[0].head_sha == theirs

    def test_a_branch_that_is_not_as_it_was_made_is_not_made_anew(self, store: Proposing) -> None:
        ref = "refs/heads/interlock/market-data-core-1.2.11"
        with store.here.serving.github.changing():
            theirs = store.git.write_commit(None, {PINS: b"of another history\n"}, "somebody's")
            store.git.set_ref(ref, theirs)
        branch = ChangeBranch(wanted(), store.remote, BOT, store.work)
        assert asyncio.run(branch.remake(theirs)) is None
        assert asyncio.run(branch.remake("a" * 40)) is None
        assert store.git.ref(ref) == theirs

    def test_a_base_that_never_rests_is_not_run_after_for_ever(
        self, store: Proposing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.guard(strict=True)
        store.propose()
        remake = ChangeBranch.remake

        async def and_somebody_pushes(self: ChangeBranch, seen: str) -> str | None:
            made = await remake(self, seen)
            await asyncio.to_thread(store.commit, "main", {"other.txt": (made or "").encode()})
            return made

        monkeypatch.setattr(ChangeBranch, "remake", and_somebody_pushes)
        store.commit("main", {"other.txt": b"x"})
        assert store.proposed().waits_for == "its branch to be brought up to date with its base"
        assert store.writes().count("push refs/heads/interlock/market-data-core-1.2.11") == 1 + 3

    def test_a_branch_is_not_made_anew_where_the_base_has_the_change(self, store: Proposing) -> None:
        store.commit("main", {PINS: f"a==1\n{CORE}==1\n".encode()})
        store.propose()
        head = store.pulls[0].head_sha
        store.commit("main", {PINS: f"a==2\n{CORE}==1.2.11\n".encode()})
        assert store.proposed().waits_for == "somebody to resolve its conflict with the base"
        assert store.pulls[0].head_sha == head

    def test_a_branch_of_the_name_with_nothing_on_it_is_made_anew(self, store: Proposing) -> None:
        old = store.git.ref("refs/heads/main")
        assert old is not None
        with store.here.serving.github.changing():
            store.git.set_ref("refs/heads/interlock/market-data-core-1.2.11", old)
        store.commit("main", {"other.txt": b"x"})
        assert store.proposed(wanted(auto_merge=True)).state is ProposalState.MERGED


WRITES = {
    "push": r"market-data-store.git/git-receive-pack",
    "remove": r"market-data-store.git/git-receive-pack",
    "create": r"/pulls$",
    "label": r"/labels$",
    "comment": r"/comments$",
    "merge": r"/merge$",
    "auto-merge": r"/graphql$",
}
METHODS = {"merge": "PUT"}
EFFECTS = [Effect.LOSE, Effect.CUT, Effect.DROP, Effect.REFUSE]
DONE_OR_NOT = [Effect.CUT, Effect.REFUSE]  # git itself sends a push again that was dropped


def _until_done(store: Proposing, change: Change) -> Proposal:
    for _ in range(3):
        try:
            return store.proposed(change)
        except InterlockError as error:
            if not error.transient:
                raise
    raise AssertionError("three runs were not enough")


@pytest.mark.long
@pytest.mark.parametrize(
    ("write", "effect"),
    [
        *itertools.product(("create", "merge"), EFFECTS),
        *itertools.product(("push", "label", "remove"), DONE_OR_NOT),
    ],
)
def test_whatever_becomes_of_a_write_it_is_done_once(store: Proposing, write: str, effect: Effect) -> None:
    skip = 1 if write == "remove" else 0
    store.here.serving.faults.add(
        InjectedFault(effect=effect, skip=skip, method=METHODS.get(write, "POST"), path=WRITES[write])
    )
    made = _until_done(store, wanted(auto_merge=True))
    assert (made.number, made.state) == (1, ProposalState.MERGED)
    assert store.writes() == [
        "push refs/heads/interlock/market-data-core-1.2.11",
        "create pull 1: interlock/market-data-core-1.2.11 into main",
        "labels of 1: deps",
        "merge pull 1 (squash)",
        "push -refs/heads/interlock/market-data-core-1.2.11",
    ]
    assert store.branches() == ["main"]


@pytest.mark.parametrize("effect", DONE_OR_NOT)
def test_a_lost_wish_for_auto_merge_is_looked_for(store: Proposing, effect: Effect) -> None:
    store.guard(checks=("ci",))
    store.here.serving.faults.add(InjectedFault(effect=effect, path=WRITES["auto-merge"]))
    assert _until_done(store, wanted(auto_merge=True)).state is ProposalState.OPEN
    assert store.writes().count("auto-merge pull 1 (squash)") == 1


@pytest.mark.long
@pytest.mark.parametrize("effect", DONE_OR_NOT)
@pytest.mark.parametrize("write", ["comment", "remove"])
def test_an_older_one_is_closed_once_whatever_is_lost(store: Proposing, write: str, effect: Effect) -> None:
    store.propose()
    skip = 1 if write == "remove" else 0
    store.here.serving.faults.add(
        InjectedFault(effect=effect, method=METHODS.get(write, "POST"), path=WRITES[write], skip=skip)
    )
    newer = _until_done(store, wanted("1.2.12"))
    assert newer.state is ProposalState.OPEN
    assert [pull.state for pull in store.pulls] == ["open", "closed"]
    assert store.said(1) == [f"Superseded by #2: {newer.url}"]
    assert store.branches() == ["interlock/market-data-core-1.2.12", "main"]


def test_two_that_propose_at_once_make_one(store: Proposing) -> None:
    remote = store.remote

    async def once(github: GitHub) -> Proposal | None:
        return await propose(github, wanted(), remote=remote, author=BOT, work=store.work, settles=5)

    async def twice(github: GitHub) -> list[Proposal | None]:
        return list(await asyncio.gather(*(patiently(lambda: once(github), first=0.1) for _ in range(3))))

    made = store.ask(twice)
    assert {one.number for one in made if one} == {1}
    assert len(store.pulls) == 1


def test_a_base_that_is_not_there_is_told(store: Proposing) -> None:
    edge = Edge(repository=STORE, base="gone", upstream=CORE, version=Version("1.2.11"))
    with pytest.raises(RepositoryError, match="gone"):
        store.propose(wanted(edge=edge))
    assert store.writes() == []
