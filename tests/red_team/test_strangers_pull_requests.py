"""A stranger's pull request reaches the gateway, and its code is not run before a maintainer says so."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from pydantic import SecretStr

import flows.verify_contracts as module
from interlock.adapters.connections import Access
from interlock.adapters.github import GitHubServer, StaticToken, open_github
from interlock.adapters.ledger import Ledger
from interlock.common.steps import call
from interlock.contracts.verify import ContractsRequest
from interlock.contracts.verify.context import VerificationContext
from interlock.contracts.verify.publication import Publication, check, publish_it
from interlock.contracts.verify.publish import Published, unlimited
from interlock.contracts.verify.workflow import Host
from interlock.model.family_file import load
from interlock.reports import contracts_texts
from rehearsal.github import statuses
from rehearsal.github.app import api_app
from tests.support.gateways import FakePrefect, Up, with_gateway
from tests.support.judged_hub import JudgedHub
from tests.support.ledgers import scratch_ledger
from tests.support.universe.served import Served
from tests.support.webhook_values import a_pull_request, as_body, github_headers

FAMILY_FILE = """
[family]
name = "trains"
owner = "alice"
[packages.core]
[packages.store]
upstreams = ["core"]
branch = "base"
suites = [{name = "contracts", imports = true}]
"""


class CodeRanError(Exception):
    """The code of the pull request would have been fetched and run."""


def started_by(payload: dict[str, Any]) -> ContractsRequest:
    """What the gateway starts for an event of the repository's own webhook."""
    body, prefect = as_body(payload), FakePrefect()

    async def work(up: Up) -> None:
        answer = await up.post("github", body, github_headers("pull_request", body, repository="alice/core"))
        assert answer.status_code == 202, answer.text
        await up.idle()

    with_gateway(work, scratch_ledger(), prefect)
    (start,) = prefect.runs.values()
    return ContractsRequest.model_validate(start.parameters["request"])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JudgedHub:
    hub = JudgedHub(tmp_path / "github")
    with hub.state.changing():
        for login in ("Bob", "mallory"):
            hub.state.add_user(login)
        hub.core.access["Bob"] = "write"
    (tmp_path / "family.toml").write_text(FAMILY_FILE)
    monkeypatch.setenv("INTERLOCK_FAMILY", str(tmp_path / "family.toml"))
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    return hub


def run(hub: JudgedHub, request: ContractsRequest) -> str:
    """The flow's body up to the verification; why the code was not run."""

    token = StaticToken(SecretStr("alice-classic"), "REPO_TOKEN")

    async def access(*_: object, **__: object) -> Access:
        return Access(credentials=token)

    async def hand_over(_ledger: Ledger, _name: str, _file: str | None, publication: Publication) -> Published:
        """As the ledger and the run of `tell-contracts` do."""
        at = GitHubServer(api=served.url, server=served.url, pause_between_writes=0)
        async with open_github(token, at) as client:
            return await publish_it(client, check(publication, load()), contracts_texts, None, unlimited)

    async def verify(context: VerificationContext, _host: Host) -> None:
        assert context.automatic
        raise CodeRanError

    with Served(hub.front(api_app(hub.state), "api")) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_API_URL", served.url)
        patch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "a deployment")
        patch.setattr(module, "github_access", access)
        patch.setattr(module, "as_tasks", lambda: call)
        patch.setattr(module, "hand_over", hand_over)
        patch.setattr(module, "verify", verify)
        patch.setattr(module, "get_run_logger", lambda: logging.getLogger("tests.red_team"))
        state = asyncio.run(module.verify_contracts.fn(request))
    assert isinstance(state, State)
    assert (state.type.value, state.name) == ("COMPLETED", "Refused")
    return str(state.message)


@pytest.mark.parametrize(
    ("owner", "sender", "verb"),
    [
        ("mallory/core", "mallory", "opened"),  # whatever the association says
        ("mallory/core", "Bob", "opened"),  # a member opens a pull request from a stranger's fork
        ("Bob/core", "mallory", "synchronize"),  # a stranger pushes to a member's fork
        ("an-organisation/core", "Bob", "opened"),
    ],
)
def test_a_strangers_code_waits_and_the_commit_says_for_what(
    hub: JudgedHub, owner: str, sender: str, verb: str
) -> None:
    sha = hub.branch("theirs", {"setup.py": b"raise SystemExit('it ran')"})
    payload = a_pull_request(verb, owner=owner, author_association="MEMBER") | {"sender": {"login": sender}}
    payload["pull_request"]["head"]["sha"] = sha
    if sender == "mallory" and verb == "opened":
        payload["pull_request"]["user"]["login"] = "mallory"
    command = f"interlock contracts {sha} --of core --pr 12"
    assert command in run(hub, started_by(payload))
    (said,) = statuses.statuses_of(hub.state, hub.core, sha)
    assert (said.state, said.description) == ("pending", f"needs a maintainer: {command}")


def test_code_of_somebody_who_may_write_is_run_at_once(hub: JudgedHub) -> None:
    request = started_by(a_pull_request(owner="Bob/core", author_association="NONE"))
    assert request.authors == ("Bob",)
    with pytest.raises(CodeRanError):
        run(hub, request)
