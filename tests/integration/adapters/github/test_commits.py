"""The calls about what is said of a commit and of a pull request, against the rehearsal and recorded answers."""

import asyncio
from typing import Any

import httpx
import pytest

from interlock.adapters.github import (
    Account,
    Annotation,
    CommitStatus,
    GitHub,
    StatusState,
    UnprocessableError,
    UnreachableError,
)
from interlock.errors import GitHubError, TokenError
from rehearsal.faults import Effect
from rehearsal.github.app import attach
from rehearsal.github.records import TokenKind
from tests.support.github_samples import Wire, github, json_answer
from tests.support.judged_hub import add_app
from tests.support.served_hub import CORE, ServedHub

APP = 77
PERMISSIONS = {"checks": "write", "statuses": "write", "pull_requests": "write", "contents": "read"}
NOTE = Annotation(path="a.py", line=3, level="warning", title="t", message="m")


@pytest.fixture
def app(world: ServedHub) -> str:
    """The token of an App's installation."""
    attach(world.hub.state)
    made = add_app(world.hub.state, permissions={"checks": "write"})
    facts = {"login": made.bot, "kind": TokenKind.INSTALLATION, "repositories": [CORE], "app": made.id}
    return world.token("ghs_app", permissions=PERMISSIONS, **facts)


@pytest.fixture
def proposed(world: ServedHub) -> ServedHub:
    """With the pull request 1, which changes three files."""
    attach(world.hub.state)
    with world.hub.state.changing():
        git = world.hub.git
        files = {"a.txt": b"a", "b/c.txt": b"c", "README.md": None}
        git.set_ref("refs/heads/topic", git.write_commit(world.hub.head, files, "feat: topic"))
    world.ask(lambda one: one.create_pull(CORE, head="topic", base="main", title="t", body=""))
    return world


def status(state: StatusState = StatusState.FAILURE, context: str = "a/b") -> CommitStatus:
    return CommitStatus(context=context, state=state, description="x", target_url="https://example.org")


def test_the_newest_status_of_each_context_is_read(world: ServedHub) -> None:
    sha = world.hub.head

    async def work(github: GitHub) -> None:
        assert await github.statuses(CORE, sha) == {}
        for said in (status(StatusState.PENDING), status(), status(StatusState.SUCCESS, "c")):
            await github.create_status(CORE, sha, said)
        assert await github.statuses(CORE, sha) == {"a/b": status(), "c": status(StatusState.SUCCESS, "c")}

    world.ask(work)


def test_statuses_of_all_pages_are_read() -> None:
    def page(*contexts: str, **headers: str) -> httpx.Response:
        return json_answer({"statuses": [{"context": each, "state": "success"} for each in contexts]}, **headers)

    wire = Wire(page("a", link='<https://api.example.org/next>; rel="next"'), page("b"))
    assert list(asyncio.run(github(wire).statuses("o/n", "f" * 40))) == ["a", "b"]


def test_what_is_no_commit_or_no_repository_is_said_so(world: ServedHub) -> None:
    with pytest.raises(UnprocessableError, match="No commit found for SHA"):
        world.ask(lambda one: one.statuses(CORE, "0" * 40))
    for asking in (
        lambda one: one.statuses("alice/lost", "0" * 40),
        lambda one: one.check_runs("alice/lost", "0" * 40, name="n"),
    ):
        with pytest.raises(TokenError, match="alice/lost does not exist"):
            world.ask(asking)


@pytest.mark.parametrize("effect", [Effect.LOSE, Effect.DROP])
def test_a_status_is_sent_once_whatever_is_answered(world: ServedHub, effect: Effect) -> None:
    world.fault(effect, method="POST", path="statuses")
    with pytest.raises(UnreachableError):
        world.ask(lambda one: one.create_status(CORE, world.hub.head, status()))
    assert [seen.method for seen in world.hub.log.all()] == ["POST"]


def test_a_check_run_is_an_apps_from_its_beginning_to_its_end(world: ServedHub, app: str) -> None:
    sha = world.hub.head

    async def work(github: GitHub) -> None:
        made = await github.create_check_run(CORE, name="a/b", head_sha=sha, status="in_progress", details_url=None)
        assert (made.is_completed, made.output.annotations_count, made.app and made.app.slug) == (False, 0, "locker")
        output: dict[str, Any] = {"title": "T", "summary": "S", "annotations": [NOTE.as_sent()]}
        ended = await github.update_check_run(CORE, made.id, conclusion="success", output=output)
        assert (ended.is_completed, ended.conclusion, ended.output.annotations_count) == (True, "success", 1)
        newer = await github.create_check_run(CORE, name="a/b", head_sha=sha)
        await github.create_check_run(CORE, name="a", head_sha=sha)
        assert [run.id for run in await github.check_runs(CORE, sha, name="a/b")] == [newer.id, made.id]

    world.ask(work, app)


def test_a_persons_token_makes_no_check_run(world: ServedHub) -> None:
    with pytest.raises(TokenError, match="You must authenticate via a GitHub App"):
        world.ask(lambda one: one.create_check_run(CORE, name="n", head_sha=world.hub.head))


def test_a_comment_is_changed_and_taken_back(proposed: ServedHub) -> None:
    async def work(github: GitHub) -> None:
        said = await github.comment(CORE, 1, "first")
        changed = await github.update_comment(CORE, said.id, "second")
        assert (changed.id, changed.body, changed.user) == (said.id, "second", Account(login="alice"))
        await github.delete_comment(CORE, said.id)
        await github.delete_comment(CORE, said.id)
        assert await github.comments(CORE, 1) == ()
        with pytest.raises(TokenError, match=f"{CORE} does not exist on GitHub, or the token"):
            await github.update_comment(CORE, said.id, "third")

    proposed.ask(work)


def test_the_changed_files_are_those_that_are_there(proposed: ServedHub) -> None:
    assert sorted(proposed.ask(lambda one: one.changed_files(CORE, 1))) == ["a.txt", "b/c.txt"]
    with pytest.raises(TokenError, match="alice/core#9 does not exist"):
        proposed.ask(lambda one: one.changed_files(CORE, 9))


class TestAccount:
    def test_it_is_a_person_or_the_bot_of_an_app(self, world: ServedHub, app: str) -> None:
        person, bot = world.ask(GitHub.account), world.ask(GitHub.account, app)
        assert (person.login, person.is_app) == ("alice", False)
        assert (bot.login, bot.is_app) == ("locker[bot]", True)
        assert not bot.is_same(person)
        assert bot.is_same(Account(login="Locker[bot]", type="Bot"))
        assert not bot.is_same(None)

    def test_to_ask_for_it_changes_nothing_and_is_tried_again(self, world: ServedHub) -> None:
        attach(world.hub.state)
        world.fault(Effect.LOSE, path="graphql")
        assert world.ask(GitHub.account).login == "alice"
        assert len(world.hub.log.all()) == 2

    def test_what_is_no_answer_is_an_error(self) -> None:
        with pytest.raises(GitHubError, match="not as its description says: login"):
            asyncio.run(github(Wire(json_answer({"data": {"viewer": None}}))).account())
        with pytest.raises(UnprocessableError, match="GitHub did not say whose token it is: Parse error"):
            asyncio.run(github(Wire(json_answer({"errors": [{"message": "Parse error"}]}))).account())
