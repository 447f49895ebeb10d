"""The calls about pull requests, against the rehearsal and against what only the real one would answer."""

import asyncio
from typing import Any

import pytest

from interlock.adapters.github import (
    AlreadyExistsError,
    GitHub,
    PullRequest,
    RateLimitError,
    UnprocessableError,
    UnreachableError,
    Waiting,
)
from interlock.adapters.github.models import Repository
from interlock.adapters.github.server import GitHubServer
from interlock.errors import GitHubError, InterlockError, TokenError
from rehearsal.faults import Effect
from rehearsal.github.app import attach
from rehearsal.github.records import Protection
from tests.support.github_samples import PLACE, Wire, github, json_answer
from tests.support.served_hub import CORE, ServedHub

END = {"ref": "topic", "sha": "a" * 40, "repo": {"full_name": "o/n"}}
PULL: dict[str, Any] = {
    "number": 3,
    "node_id": "PR_3",
    "html_url": "https://example.org/o/n/pull/3",
    "state": "open",
    "title": "t",
    "head": END,
    "base": {**END, "ref": "main"},
}


@pytest.fixture
def proposed(world: ServedHub) -> ServedHub:
    """A world with a branch that can be proposed."""
    attach(world.hub.state)
    with world.hub.state.changing():
        git = world.hub.git
        for name in ("topic", "other"):
            git.set_ref(f"refs/heads/{name}", git.write_commit(world.hub.head, {f"{name}.txt": b"x"}, f"feat: {name}"))
    return world


async def create(github: GitHub, head: str = "topic") -> PullRequest:
    return await github.create_pull(CORE, head=head, base="main", title="Add it", body="Why")


def test_a_pull_request_goes_from_proposed_to_merged(proposed: ServedHub) -> None:
    async def work(github: GitHub) -> None:
        made = await create(github)
        assert (made.number, made.title, made.body, made.head.ref, made.base.ref) == (
            1,
            "Add it",
            "Why",
            "topic",
            "main",
        )
        assert made.is_open
        assert made.is_within("Alice/Core")
        shown = await github.pull(CORE, 1)
        assert (shown.mergeable_state, shown.merged_at, shown.auto_merge) == ("clean", None, None)
        changed = await github.update_pull(CORE, 1, title="Better", body="Because")
        assert (changed.title, changed.body) == ("Better", "Because")
        await github.add_labels(CORE, 1, ["b", "a"])
        await github.add_labels(CORE, 1, ["a"])
        assert [label.name for label in (await github.pull(CORE, 1)).labels] == ["a", "b"]
        said = await github.comment(CORE, 1, "Well done")
        assert await github.comments(CORE, 1) == (said,)
        assert said.body == "Well done"
        sha = await github.merge_pull(CORE, 1, sha=made.head.sha, method="squash")
        merged = await github.pull(CORE, 1)
        assert (merged.is_open, merged.merge_commit_sha, sha) == (False, sha, proposed.hub.head)
        assert merged.merged_at is not None

    proposed.ask(work)


def test_pull_requests_are_listed_newest_first_by_head_base_and_state(proposed: ServedHub) -> None:
    async def work(github: GitHub) -> None:
        await create(github)
        await create(github, "other")
        await github.update_pull(CORE, 1, state="closed")
        numbers = [
            [pull.number for pull in await github.pulls(CORE, **query)]
            for query in (
                {},
                {"state": "all"},
                {"state": "closed"},
                {"head": "topic", "state": "all"},
                {"head": "topic"},
                {"base": "main"},
                {"base": "other"},
            )
        ]
        assert numbers == [[2], [2, 1], [1], [1], [], [2], []]

    proposed.ask(work)


def test_what_cannot_be_proposed_or_merged_says_why(proposed: ServedHub) -> None:
    async def work(github: GitHub) -> None:
        made = await create(github)
        with pytest.raises(AlreadyExistsError, match="A pull request already exists for alice:topic"):
            await create(github)
        with pytest.raises(UnprocessableError, match="GitHub did not make the pull request of gone"):
            await create(github, "gone")
        with pytest.raises(GitHubError, match="Head branch was modified") as refused:
            await github.merge_pull(CORE, 1, sha="b" * 40, method="merge")
        assert not refused.value.transient
        await github.merge_pull(CORE, 1, sha=made.head.sha, method="rebase")
        with pytest.raises(GitHubError, match="Pull Request is not mergeable"):
            await github.merge_pull(CORE, 1, sha=made.head.sha, method="rebase")
        for asking in (github.pull(CORE, 9), github.comments(CORE, 9)):
            with pytest.raises(TokenError, match="alice/core#9 does not exist"):
                await asking
        with pytest.raises(TokenError, match="alice/lost does not exist"):
            await github.pulls("alice/lost")

    proposed.ask(work)


def test_a_token_that_may_not_list_is_told_what_it_lacks(proposed: ServedHub) -> None:
    proposed.hub.core.private = True
    blind = proposed.token("github_pat_blind", kind="fine-grained", permissions={"contents": "read"})
    with pytest.raises(TokenError, match=r"needs the permission pull.requests"):
        proposed.ask(lambda one: one.pulls(CORE), blind)


@pytest.mark.parametrize("effect", [Effect.CUT, Effect.LOSE, Effect.DROP, Effect.REFUSE])
def test_a_proposal_is_sent_once_whatever_is_answered(proposed: ServedHub, effect: Effect) -> None:
    proposed.fault(effect, method="POST", path="pulls")
    with pytest.raises(UnreachableError):
        proposed.ask(create)
    assert len(proposed.hub.log.all()) == 1
    assert len(proposed.hub.log.writes()) == (1 if effect in {Effect.CUT, Effect.LOSE} else 0)


def test_auto_merge_is_on_off_the_table_or_not_needed(proposed: ServedHub) -> None:
    hub = proposed.hub

    async def work(github: GitHub) -> None:
        made = await create(github)
        assert await github.auto_merge(CORE, made, method="squash") is Waiting.NOT_ALLOWED
        hub.core.allow_auto_merge = True
        assert await github.auto_merge(CORE, made, method="squash") is Waiting.CLEAN
        hub.core.protections["main"] = Protection(checks=("ci",))
        assert await github.auto_merge(CORE, made, method="squash") is Waiting.ON
        shown = await github.pull(CORE, 1)
        assert shown.auto_merge is not None
        assert shown.auto_merge.merge_method == "squash"
        await github.update_pull(CORE, 1, state="closed")
        with pytest.raises(UnprocessableError, match="did not auto-merge the pull request 1: Can't enable auto-merge"):
            await github.auto_merge(CORE, made, method="squash")

    proposed.ask(work)
    reader = proposed.token("github_pat_reader", kind="fine-grained", permissions={"contents": "read"})
    shown = PullRequest.model_validate({**PULL, "node_id": proposed.ask(lambda one: one.pull(CORE, 1)).node_id})
    with pytest.raises(TokenError, match="Contents: write and Pull requests: write"):
        proposed.ask(lambda one: one.auto_merge(CORE, shown, method="squash"), reader)


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        ({"type": "RATE_LIMITED", "message": "API rate limit exceeded"}, RateLimitError, True),
        ({"type": "FORBIDDEN", "message": "Resource not accessible"}, TokenError, False),
        ({"type": "NOT_FOUND", "message": "Could not resolve to a node"}, TokenError, False),
        ({"message": "Something went wrong while executing your query"}, UnreachableError, True),
        ({"message": "Parse error"}, UnprocessableError, False),
        ({"type": "UNPROCESSABLE", "message": "Pull request is in dirty status"}, UnprocessableError, False),
        ({"type": "SERVICE_UNAVAILABLE", "message": "no"}, GitHubError, False),
    ],
)
def test_what_graphql_refuses_with_a_200_is_told_apart(
    error: dict[str, str], kind: type[InterlockError], transient: bool
) -> None:
    wire = Wire(json_answer({"data": None, "errors": [error]}))
    with pytest.raises(kind, match="o/n: GitHub did not auto-merge the pull request 3: " + error["message"]) as caught:
        asyncio.run(github(wire).auto_merge("o/n", PullRequest.model_validate(PULL), method="merge"))
    assert type(caught.value) is kind
    assert caught.value.transient is transient
    assert len(wire.heard) == 1


@pytest.mark.parametrize(
    ("words", "waiting"),
    [
        ("Pull request Pull request is in clean status", Waiting.CLEAN),
        ("Pull request is in unstable status", Waiting.UNSTABLE),
        ("Auto merge is not allowed for this repository", Waiting.NOT_ALLOWED),
    ],
)
def test_githubs_words_say_what_is_left_to_do(words: str, waiting: Waiting) -> None:
    wire = Wire(json_answer({"errors": [{"type": "UNPROCESSABLE", "message": words}]}))
    assert asyncio.run(github(wire).auto_merge("o/n", PullRequest.model_validate(PULL), method="merge")) is waiting


@pytest.mark.parametrize(
    ("api", "url"),
    [
        (PLACE.api, "https://api.example.org/graphql"),
        ("https://git.example.org/api/v3", "https://git.example.org/api/graphql"),
    ],
)
def test_graphql_is_beside_the_api(api: str, url: str) -> None:
    wire = Wire(json_answer({"data": {}}))
    place = GitHubServer(api=api, server="https://example.org", pause_between_writes=0)
    pull = PullRequest.model_validate(PULL)
    assert asyncio.run(github(wire, place=place).auto_merge("o/n", pull, method="merge")) is Waiting.ON
    assert str(wire.heard[0].url) == url
    assert b'"method":"MERGE"' in wire.heard[0].content.replace(b" ", b"")


@pytest.mark.parametrize("repo", [{"full_name": "fork/n"}, None])
def test_what_a_fork_proposes_is_left_out(repo: object) -> None:
    wire = Wire(json_answer([PULL, {**PULL, "number": 4, "head": {**END, "repo": repo}}]))
    found = asyncio.run(github(wire).pulls("o/n", head="topic"))
    assert [pull.number for pull in found] == [3]
    assert wire.asked == ["GET /repos/o/n/pulls?state=open&head=o%3Atopic&per_page=100"]


def test_a_head_that_github_leaves_aside_is_looked_for_nevertheless() -> None:
    wire = Wire(json_answer([PULL, {**PULL, "number": 4, "head": {**END, "ref": "another"}}]))
    assert [pull.number for pull in asyncio.run(github(wire).pulls("o/n", head="topic"))] == [3]


@pytest.mark.parametrize(
    ("switches", "methods"),
    [
        ({}, ("squash", "merge", "rebase")),
        ({"allow_squash_merge": False}, ("merge", "rebase")),
        ({"allow_squash_merge": False, "allow_merge_commit": False}, ("rebase",)),
        ({"allow_rebase_merge": False}, ("squash", "merge")),
    ],
)
def test_a_repository_says_how_it_merges(switches: dict[str, bool], methods: tuple[str, ...]) -> None:
    facts = {"full_name": "o/n", "default_branch": "main", "private": False, "html_url": "https://example.org/o/n"}
    assert Repository.model_validate({**facts, **switches}).merge_methods == methods
