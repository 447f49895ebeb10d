import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.git import Author, Checkout, ProtectedBranchError, Remote, held
from interlock.adapters.github import (
    AlreadyExistsError,
    GitHub,
    RateLimitError,
    UnreachableError,
)
from interlock.errors import GitHubError, TokenError
from rehearsal.faults import Effect
from rehearsal.github.records import Protection
from tests.support.github_hub import LISTENER, START
from tests.support.served_hub import CORE, ServedHub

BOT = Author(name="Release Bot", email="bot@example.org")


def test_a_repository_is_shown_with_what_one_may_do_there(world: ServedHub) -> None:
    found = world.ask(lambda github: github.repository(CORE))
    assert (found.full_name, found.default_branch, found.private, found.archived) == (CORE, "main", False, False)
    assert (found.can_push, found.can_admin) == (True, True)


def test_a_repository_that_is_not_there_and_one_that_is_not_shown_are_told_alike(world: ServedHub) -> None:
    world.hub.add("bob/secret", private=True)
    for name in ("alice/lost", "bob/secret"):
        with pytest.raises(TokenError, match=f"{name} does not exist on GitHub, or the token of REPO_TOKEN cannot see"):
            world.ask(lambda github, name=name: github.repository(name))  # type: ignore[misc]


def test_files_of_a_folder_are_read_byte_for_byte(world: ServedHub) -> None:
    folder = ".github/workflows"
    assert world.ask(lambda github: github.files(CORE, folder)) == {f"{folder}/hear.yml": LISTENER}
    assert world.ask(lambda github: github.files(CORE, "src/core", ref="main")) == {
        "src/core/__init__.py": b'"""Core."""\n'
    }
    assert list(world.ask(lambda github: github.files(CORE, "README.md"))) == ["README.md"]
    assert world.ask(lambda github: github.files(CORE, "docs")) == {}
    with pytest.raises(TokenError, match="alice/lost does not exist"):
        world.ask(lambda github: github.files("alice/lost", folder))


def test_a_release_goes_from_draft_with_files_to_published(world: ServedHub, tmp_path: Path) -> None:
    world.hub.git.set_ref("refs/tags/v1", world.hub.head)
    wheel = tmp_path / "core-1-py3-none-any.whl"
    wheel.write_bytes(b"PK" + b"x" * 600_000)

    async def work(github: GitHub) -> None:
        assert await github.release(CORE, "v1") is None
        draft = await github.create_release(CORE, tag="v1", name="core 1", body="Notes")
        assert (draft.draft, draft.tag_name, draft.body) == (True, "v1", "Notes")
        found = await github.release(CORE, "v1")
        assert found is not None
        assert found.id == draft.id
        asset = await github.upload_asset(CORE, found, wheel)
        assert (asset.name, asset.size, asset.state) == (wheel.name, 600_002, "uploaded")
        assert asset.digest is not None
        assert asset.digest.startswith("sha256:")
        with pytest.raises(AlreadyExistsError):
            await github.upload_asset(CORE, found, wheel)
        published = await github.publish_release(CORE, found.id, latest=True)
        assert not published.draft
        again = await github.release(CORE, "v1")
        assert again is not None
        assert [each.id for each in again.assets] == [asset.id]
        await github.delete_asset(CORE, asset.id)
        with pytest.raises(AlreadyExistsError, match="GitHub did not make the release v1"):
            await github.create_release(CORE, tag="v1", name="core 1", body="", draft=False)

    world.ask(work)


def test_a_dispatch_starts_a_run_that_names_it_and_can_be_followed(world: ServedHub) -> None:
    async def work(github: GitHub) -> None:
        payload = {"version": "1.2", "dispatch_id": "core==1.2:core_release"}
        await github.dispatch(CORE, "core_release", payload)
        await github.dispatch(CORE, "nobody_listens", payload)
        (run,) = await github.runs(CORE, event="repository_dispatch", since=START - timedelta(seconds=1))
        assert run.display_title == "core 1.2 core==1.2:core_release"
        assert run.workflow == ".github/workflows/hear.yml"
        assert (await github.run(CORE, run.id)).id == run.id
        assert await github.runs(CORE, event="repository_dispatch", since=START + timedelta(hours=1)) == ()
        with pytest.raises(GitHubError, match="GitHub did not show the workflow run 99999"):
            await github.run(CORE, 99999)

    world.ask(work)


def test_many_runs_are_read_page_by_page(world: ServedHub) -> None:
    async def work(github: GitHub) -> int:
        for _ in range(101):
            await github.dispatch(CORE, "core_release", {})
        return len(await github.runs(CORE, event="repository_dispatch", since=START))

    assert world.ask(work) == 101


@pytest.mark.parametrize("effect", [Effect.CUT, Effect.LOSE, Effect.DROP, Effect.REFUSE])
def test_a_dispatch_is_sent_once_whatever_is_answered(world: ServedHub, effect: Effect) -> None:
    world.fault(effect, method="POST", path="dispatches")
    with pytest.raises(UnreachableError):
        world.ask(lambda github: github.dispatch(CORE, "core_release", {}))
    assert len(world.hub.log.all()) == 1
    assert len(world.hub.log.writes()) == (1 if effect in {Effect.CUT, Effect.LOSE} else 0)


def test_a_dispatch_to_a_repository_that_is_not_shown_says_so(world: ServedHub) -> None:
    with pytest.raises(
        TokenError, match="alice/lost does not exist on GitHub, or the token of REPO_TOKEN cannot see it"
    ):
        world.ask(lambda github: github.dispatch("alice/lost", "core_release", {}))


@pytest.mark.parametrize("effect", [Effect.CUT, Effect.DROP, Effect.REFUSE])
def test_a_look_outlives_what_passes_by(world: ServedHub, effect: Effect) -> None:
    world.fault(effect, method="GET", times=3)
    assert world.ask(lambda github: github.repository(CORE)).full_name == CORE
    assert len(world.hub.log.all()) == 4


def test_a_rate_limit_is_waited_for_and_nothing_is_done_twice(world: ServedHub) -> None:
    world.hub.git.set_ref("refs/tags/v1", world.hub.head)
    world.fault(Effect.REFUSE, method="POST", status=403, headers={"retry-after": "0"}, times=2)
    world.ask(lambda github: github.create_release(CORE, tag="v1", name="", body=""))
    assert len(world.hub.log.writes()) == 1
    world.fault(Effect.REFUSE, method="POST", status=429, headers={"retry-after": "600"})
    with pytest.raises(RateLimitError, match="429"):
        world.ask(lambda github: github.create_release(CORE, tag="v2", name="", body=""))


def test_who_may_dispatch_is_found_out_without_sending_anything(world: ServedHub) -> None:
    world.hub.add("bob/secret", private=True)
    reader = world.token("github_pat_reader", kind="fine-grained", permissions={"contents": "read", "metadata": "read"})
    writer = world.token(
        "github_pat_writer", kind="fine-grained", permissions={"contents": "write", "metadata": "read"}
    )
    world.ask(lambda github: github.can_dispatch(CORE))
    world.ask(lambda github: github.can_dispatch(CORE), writer)
    with pytest.raises(TokenError, match="needs the permission contents: write for this repository"):
        world.ask(lambda github: github.can_dispatch(CORE), reader)
    with pytest.raises(TokenError, match="cannot see it"):
        world.ask(lambda github: github.can_dispatch("bob/secret"))
    with pytest.raises(TokenError, match="no valid one"):
        world.ask(lambda github: github.can_dispatch(CORE), "ghp_expired")
    world.fault(Effect.REFUSE, method="POST", times=9)
    with pytest.raises(UnreachableError):
        world.ask(lambda github: github.can_dispatch(CORE))
    assert world.hub.log.writes() == ()


def test_tokens_tell_their_kind_scopes_and_end(world: ServedHub) -> None:
    classic = world.token("ghp_classic", scopes=["repo", "workflow"], expires_at=START + timedelta(days=9))
    fine = world.token("github_pat_fine", kind="fine-grained", permissions={"metadata": "read"})
    facts = world.ask(lambda github: github.token_facts(), classic)
    assert (facts.kind, facts.login, facts.scopes) == ("classic", "alice", frozenset({"repo", "workflow"}))
    assert facts.expires_at == START + timedelta(days=9)
    assert world.ask(lambda github: github.token_facts(), fine).kind == "fine-grained"
    with pytest.raises(TokenError, match="GitHub: GitHub did not say whose token it is: 401"):
        world.ask(lambda github: github.token_facts(), "ghp_unknown")


def test_branch_rules_are_told_as_far_as_one_may_know(world: ServedHub) -> None:
    free = world.ask(lambda github: github.branch_rules(CORE, "main"))
    assert not free.protected
    assert free.details_readable
    with world.hub.state.changing():
        world.hub.core.protections["main"] = Protection(checks=("test",), pull_request=True, admins=False)
    found = world.ask(lambda github: github.branch_rules(CORE, "main"))
    assert (found.protected, found.needs_pull_request, found.needs_checks) == (True, True, ("test",))
    assert (found.binds_admins, found.details_readable) == (False, True)
    reader = world.token("github_pat_reader", kind="fine-grained", permissions={"contents": "read", "metadata": "read"})
    unknown = world.ask(lambda github: github.branch_rules(CORE, "main"), reader)
    assert (unknown.protected, unknown.details_readable) == (True, False)
    with pytest.raises(GitHubError, match="alice/core has no branch base"):
        world.ask(lambda github: github.branch_rules(CORE, "base"))
    with pytest.raises(TokenError, match="alice/lost does not exist"):
        world.ask(lambda github: github.branch_rules("alice/lost", "main"))


def test_names_of_secrets_are_told_to_those_who_may_know_them(world: ServedHub) -> None:
    with world.hub.state.changing():
        world.hub.core.secrets = ["REPO_TOKEN", "PYPI_API_TOKEN"]
    assert world.ask(lambda github: github.secret_names(CORE)) == frozenset({"REPO_TOKEN", "PYPI_API_TOKEN"})
    reader = world.token("github_pat_reader", kind="fine-grained", permissions={"contents": "read", "metadata": "read"})
    assert world.ask(lambda github: github.secret_names(CORE), reader) is None


def remote(world: ServedHub, token: str = "alice-classic") -> Remote:
    return Remote(url=world.server.remote(CORE), token=SecretStr(token))


def test_git_clones_pushes_and_holds_leases_there(world: ServedHub, tmp_path: Path) -> None:
    async def work() -> None:
        checkout = await Checkout.clone(remote(world), None, tmp_path / "clone")
        before = await checkout.head()
        async with held(checkout, "core") as lease:
            assert world.hub.git.ref("refs/interlock/core")
            (checkout.path / "README.md").write_text("# better\n")
            sha = await checkout.commit_all("docs: better", BOT, 1_780_000_000, ["README.md"])
            tag = await checkout.tag("v1", "one", BOT, 1_780_000_000, sha)
            await lease.renew()
            updates = {"refs/heads/main": sha, "refs/tags/v1": tag}
            await checkout.push(updates, {"refs/heads/main": before, "refs/tags/v1": ""})
        assert (await checkout.remote_refs()).items() >= updates.items()
        assert "refs/interlock/core" not in await checkout.remote_refs()

    asyncio.run(work())


def test_git_is_refused_by_a_protected_branch_and_by_a_token_that_may_only_read(
    world: ServedHub, tmp_path: Path
) -> None:
    async def push(token: str) -> None:
        checkout = await Checkout.clone(remote(world, token), "main", tmp_path / token)
        before = await checkout.head()
        (checkout.path / "README.md").write_text("# better\n")
        sha = await checkout.commit_all("docs: better", BOT, 1_780_000_000, ["README.md"])
        await checkout.push({"refs/heads/main": sha}, {"refs/heads/main": before})

    reader = world.token("github_pat_reader", kind="fine-grained", permissions={"contents": "read", "metadata": "read"})
    with pytest.raises(TokenError):
        asyncio.run(push(reader))
    with world.hub.state.changing():
        world.hub.core.protections["main"] = Protection(pull_request=True)
    with pytest.raises(ProtectedBranchError, match="GH006"):
        asyncio.run(push("alice-classic"))
