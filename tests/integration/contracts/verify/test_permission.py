"""Whose code runs: GitHub is asked, and only a yes for everybody who wrote it is a yes."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from interlock.adapters.connections import Access, open_connections
from interlock.adapters.github import StaticToken
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.permission import refuse_strangers
from interlock.contracts.verify.workflow import Host
from interlock.errors import InterlockError, TokenError
from rehearsal.faults import Effect, InjectedFault
from rehearsal.github import statuses
from rehearsal.github.app import api_app
from tests.support.github_hub import BESIDE_THE_DESCRIPTION
from tests.support.judged_hub import JudgedHub
from tests.support.openapi import Judge
from tests.support.served_hub import AT_ONCE
from tests.support.universe.served import Served
from tests.support.webhook_values import FAMILY


@dataclass
class Asking:
    """A repository with a pull request's commit, and people with each permission."""

    hub: JudgedHub
    sha: str
    token: str = "alice-classic"

    def ask(self, *authors: str, **request: object) -> str | None:
        """Why the code of these authors is not run."""
        wanted = {"upstream": "core", "ref": self.sha, "pull": 12, "authors": authors, **request}
        access = Access(credentials=StaticToken(SecretStr(self.token), "REPO_TOKEN"))
        if not self.token:
            access = Access()

        async def asked() -> str | None:
            async with open_connections(FAMILY, access) as connections:
                context = VerificationContext(ContractsRequest.model_validate(wanted), connections)
                return await refuse_strangers(context, Host(texts=lambda *_: pytest.fail("there is no report")))

        return asyncio.run(asked())

    @property
    def said(self) -> list[tuple[str, str, str | None]]:
        """The newest statuses of the commit."""
        found = statuses.statuses_of(self.hub.state, self.hub.core, self.sha)
        return [(each.context, each.state, each.description) for each in found]


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    hub = JudgedHub(tmp_path / "github")
    with hub.state.changing():
        for login in ("wendy", "root", "rita", "eve"):
            hub.state.add_user(login)
        hub.core.access.update(wendy="write", root="admin", rita="read")
    judge = Judge(api_app(hub.state))
    with Served(hub.front(judge, "api")) as served:
        monkeypatch.setenv("GITHUB_API_URL", served.url)
        monkeypatch.setenv("GITHUB_SERVER_URL", "http://git.test")
        monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
        yield Asking(hub, hub.branch("theirs", {"theirs.py": b""}))
    assert [said for said in judge.complaints if not any(words in said for words in BESIDE_THE_DESCRIPTION)] == []


@pytest.mark.parametrize("authors", [(), ("alice",), ("Wendy",), ("root",), ("wendy", "alice")])
def test_who_may_write_is_not_kept_waiting(asking: Asking, authors: tuple[str, ...]) -> None:
    assert asking.ask(*authors) is None
    assert asking.said == []


@pytest.mark.parametrize(
    "authors", [("rita",), ("eve",), ("nobody-of-this-name",), ("wendy", "eve"), ("eve", "wendy"), ("../..",), ("a/b",)]
)
def test_a_strangers_code_waits_for_a_maintainer_who_runs_what_was_reviewed(
    asking: Asking, authors: tuple[str, ...]
) -> None:
    command = f"interlock contracts {asking.sha} --of core --pr 12"
    why = asking.ask(*authors)
    (stranger,) = set(authors) - {"wendy"}
    assert why == f"{stranger} may not write to alice/core; a maintainer runs it: {command}"
    assert asking.said == [("interlock/contracts", "pending", f"needs a maintainer: {command}")]
    assert asking.ask(*authors) == why
    assert len(asking.said) == 1


def test_what_a_maintainer_found_out_stays(asking: Asking) -> None:
    found = {"state": "success", "context": "interlock/contracts", "description": "nothing regressed"}
    asking.hub.post(f"/repos/alice/core/statuses/{asking.sha}", found)
    assert asking.ask("eve")
    assert asking.said == [("interlock/contracts", "success", "nothing regressed")]


def test_in_a_private_repository_a_stranger_is_one_too(asking: Asking) -> None:
    with asking.hub.state.changing():
        asking.hub.core.private = True
    assert asking.ask("wendy") is None
    assert "eve may not write" in (asking.ask("eve") or "")


@pytest.mark.parametrize(("effect", "status"), [(Effect.REFUSE, 403), (Effect.REFUSE, 502), (Effect.DROP, 502)])
def test_no_answer_is_not_a_yes_and_the_commit_says_so(
    asking: Asking, effect: Effect, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.adapters.connections.RetryPolicy", lambda: AT_ONCE)
    asking.hub.faults.add(InjectedFault(effect=effect, status=status, path="/permission$", times=99))
    with pytest.raises(InterlockError):
        asking.ask("wendy")
    ((_, state, words),) = asking.said
    assert (state, (words or "").startswith("needs a maintainer: interlock contracts ")) == ("pending", True)


def test_a_token_that_may_not_ask_is_not_a_yes(asking: Asking) -> None:
    with asking.hub.state.changing():
        asking.hub.state.add_token("weak", "rita", scopes=["repo"])
    asking.token = "weak"
    with pytest.raises(TokenError):
        asking.ask("wendy")
    asking.token = ""
    with pytest.raises(TokenError):
        asking.ask("wendy")


def test_authors_are_asked_about_for_one_commit_of_a_pull_request() -> None:
    for lacking in ({"ref": "#12", "pull": 12}, {"ref": "0123456789ab", "pull": 12}, {"ref": "0" * 40}):
        with pytest.raises(ValidationError, match="whole SHA"):
            ContractsRequest.model_validate({"upstream": "core", "authors": ("eve",), **lacking})
