"""Blocks, doctor's look at Prefect and the flow `check-tokens`, with one real Prefect server for all of them."""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock
from uuid import UUID

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner

from blocks import GitHubCredentials, PackageIndexCredentials
from blocks.find import load_github_credentials, load_upload
from deployments.cli.credentials import find_access, use_running_server, with_roles
from deployments.cli.main import app
from deployments.cli.prefect_checks import check_prefect
from deployments.embedded_server import ServerDirectory
from interlock.common.tokens import Role
from interlock.errors import InterlockError, ServerError, TokenError
from interlock.model.family import Family, Package
from interlock.releases.checks import Check, State
from tests.support.rehearsed_checks import RehearsedChecks, rehearse_checks
from tests.support.universe.served import Served

FAMILY = Family(name="trains", packages={"core": Package()})
RUN = """
import asyncio
from flows.check_tokens import check_tokens
state = asyncio.run(check_tokens(return_state=True))
print(state.type.value, state.name, state.message, state.state_details.flow_run_id, sep="\\n")
"""
DEPLOYMENTS = "deployments: [{name: newest, entrypoint: flows.a.b}, {name: other, entrypoint: flows.c.d}]"


@pytest.fixture(scope="module")
def home(place: ServerDirectory) -> Path:
    """The INTERLOCK_HOME whose server it is."""
    return place.path.parent


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsedChecks]:
    with rehearse_checks(tmp_path_factory.mktemp("rehearsal")) as rehearsed:
        yield rehearsed


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment without any token."""
    return {"HOME": str(tmp_path)}


def look(api: str, file: Path | None = None) -> dict[str, Check]:
    checks = asyncio.run(check_prefect(api, file) if file else check_prefect(api))
    return {check.name: check for check in checks}


def run(*arguments: str) -> str:
    ended = CliRunner().invoke(app, list(arguments))
    if isinstance(ended.exception, InterlockError):
        raise ended.exception
    assert ended.exit_code == 0, ended
    return ended.stdout


def test_what_is_not_there_yet_is_a_warning_with_its_cure(api: str) -> None:
    found = look(api)
    assert found["server"].state is State.OK
    assert "Prefect 3." in found["server"].cause
    block = found["block interlock-github-credentials"]
    assert (block.state, block.cure) == (State.WARNING, "interlock blocks register")
    assert found["deployments"].state is State.WARNING
    assert "weekly" in found["deployments"].cause


def test_blocks_are_registered_and_saved_by_one_command_and_found_then(
    api: str, bare: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REPO_DISPATCH_TOKEN", "REPO_TOKEN", "TWINE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", bare["HOME"])
    said = run("blocks", "register", "--from-env")
    assert "registered interlock-github-credentials" in said
    assert "saved no token for GitHub: there is no REPO_DISPATCH_TOKEN" in said
    assert "saved no password" in said
    assert "no document" in look(api)["block interlock-package-index-credentials"].cause
    monkeypatch.setenv("REPO_TOKEN", "ghp_hush")
    monkeypatch.setenv("TWINE_PASSWORD", "pypi-hush")
    monkeypatch.setenv("INTERLOCK_TELL_TOKEN", "ghp_hush_tell")
    said = run("blocks", "register", "--from-env")
    assert "saved interlock-github-credentials/interlock from REPO_TOKEN" in said
    assert "saved interlock-github-credentials/interlock-tell from INTERLOCK_TELL_TOKEN" in said
    assert "hush" not in said
    assert look(api)["block interlock-github-credentials"].state is State.OK
    assert look(api)["block interlock-package-index-credentials"].state is State.OK
    credentials = asyncio.run(load_github_credentials(FAMILY, bare))
    assert credentials.name == 'the block "interlock"'
    assert asyncio.run(credentials.token()).get_secret_value() == "ghp_hush"
    upload = asyncio.run(load_upload(bare))
    assert (upload.password.get_secret_value(), upload.source) == ("pypi-hush", 'the block "interlock"')
    access = asyncio.run(with_roles(asyncio.run(find_access(FAMILY, api, bare)), api, bare))
    assert access.upload == upload
    assert [found.name for found in access.distinct.values()] == ['the block "interlock-tell"']
    names = {role: asyncio.run(load_github_credentials(FAMILY, bare, role)).name for role in Role}
    assert names == {
        Role.READ: 'the block "interlock"',
        Role.TELL: 'the block "interlock-tell"',
        Role.RELEASE: 'the block "interlock"',
    }
    _warns_where_code_under_test_might_read_them(api)
    _forget()


def _warns_where_code_under_test_might_read_them(api: str) -> None:
    exposed = {each.name: each for each in asyncio.run(check_prefect(api, exposed="suites have a network"))}
    assert exposed["tokens of releases"].state is State.WARNING
    assert "suites have a network" in exposed["tokens of releases"].cause
    assert "tokens of releases" not in look(api)


def _forget() -> None:
    async def forget() -> None:
        await GitHubCredentials.adelete("interlock-tell")
        for kind in (GitHubCredentials, PackageIndexCredentials):
            await kind.adelete("interlock")

    asyncio.run(forget())


def test_secret_blocks_are_found_by_their_names(api: str, bare: dict[str, str]) -> None:
    assert api

    async def save(**values: SecretStr) -> None:
        for name, value in values.items():
            await Secret(value=value).asave(name.replace("_", "-"), overwrite=True)

    asyncio.run(
        save(
            repo_dispatch_token=SecretStr(" "), repo_token=SecretStr("ghp_old\n"), pypi_api_token=SecretStr("pypi-old")
        )
    )
    credentials = asyncio.run(load_github_credentials(FAMILY, bare))
    assert (credentials.name, asyncio.run(credentials.token()).get_secret_value()) == (
        'the Secret block "repo-token"',
        "ghp_old",
    )
    upload = asyncio.run(load_upload(bare))
    assert (upload.name, upload.source) == ("PyPI", 'the Secret block "pypi-api-token"')

    async def forget() -> None:
        for name in ("repo-dispatch-token", "repo-token", "pypi-api-token"):
            await Secret.adelete(name)

    asyncio.run(forget())
    with pytest.raises(TokenError) as error:
        asyncio.run(load_github_credentials(FAMILY, bare))
    for place in ("REPO_TOKEN", '"interlock-github-credentials/interlock"', '"repo-dispatch-token"', '"repo-token"'):
        assert place in error.value.message
    with pytest.raises(TokenError, match='"pypi-api-token"'):
        asyncio.run(load_upload(bare))


def test_a_block_that_is_not_complete_is_named_unseen(api: str, bare: dict[str, str]) -> None:
    assert api

    async def save() -> None:
        block = GitHubCredentials(token=SecretStr("ghp_hush"))
        object.__setattr__(block, "app_id", 5)
        await block.asave("interlock", overwrite=True)

    asyncio.run(save())
    with pytest.raises(TokenError, match="which is not complete") as error:
        asyncio.run(load_github_credentials(FAMILY, bare))
    assert "hush" not in str(error.value)

    asyncio.run(GitHubCredentials.adelete("interlock"))


def test_deployments_are_those_of_the_file(api: str, tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text("deployments: []")
    assert look(api, file)["deployments"].state is State.OK
    file.write_text(DEPLOYMENTS)
    check = look(api, file)["deployments"]
    assert (check.state, check.cure) == (State.WARNING, "prefect --no-prompt deploy --all")
    assert "newest, other" in check.cause


def test_another_version_of_prefect_is_a_warning(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "3.0.0")
    assert look(api)["server"].state is State.WARNING


def test_an_api_that_asks_for_a_password_is_in_order(api: str) -> None:
    check = look(api)["password"]
    assert (check.state, check.cause) == (State.OK, "the API asks for it")


def test_an_api_without_a_password_is_a_warning(api: str) -> None:
    assert api

    async def version(_request: Request) -> JSONResponse:
        return JSONResponse(importlib.metadata.version("prefect"))

    async def none(_request: Request) -> JSONResponse:
        return JSONResponse([])

    routes = [Route("/api/admin/version", version), Route("/api/deployments/filter", none, methods=["POST"])]
    with Served(Starlette(routes=routes)) as served, temporary_settings({PREFECT_API_URL: f"{served.url}/api"}):
        check = look(f"{served.url}/api")["password"]
    assert check.state is State.WARNING
    assert "every program and every page that reaches it reads blocks" in check.cause
    assert "PREFECT_SERVER_API_AUTH_STRING" in str(check.cure)


def test_a_wrong_password_is_named_with_its_hint(api: str) -> None:
    with temporary_settings({PREFECT_API_AUTH_STRING: "me:wrong"}):
        check = look(api)["server"]
        with pytest.raises(ServerError, match="refuses the password") as caught:
            run("blocks", "register")
    assert (check.state, check.cause) == (State.FAILED, f"{api} refuses the password")
    for hint in (str(check.cure), str(caught.value.hint)):
        assert "PREFECT_API_AUTH_STRING" in hint
        assert 'eval "$(interlock server env)"' in hint


@pytest.fixture
def own_server(home: Path, api: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same server as this machine's own: no API is configured."""
    with mock.patch.dict(os.environ):
        monkeypatch.setenv("INTERLOCK_HOME", str(home))
        monkeypatch.delenv("PREFECT_API_URL")
        yield api


def test_without_a_configured_api_the_running_server_is_used(own_server: str) -> None:
    os.environ.pop("PREFECT_API_AUTH_STRING")
    assert use_running_server() == own_server
    assert os.environ["PREFECT_API_AUTH_STRING"].startswith("interlock:")
    assert os.environ["PREFECT_API_URL"] == own_server == use_running_server()


@pytest.mark.usefixtures("interlock_home", "api")
def test_a_server_that_does_not_run_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    assert use_running_server() is None


@pytest.mark.usefixtures("own_server")
def test_blocks_are_registered_on_this_machines_own_server() -> None:
    assert "registered interlock-package-index-credentials" in run("blocks", "register")


def _run_flow(environ: Mapping[str, str], home: Path) -> list[str]:
    """Type, name, message and run of the state that the flow ends in; in a process of its own, as a worker does it."""
    settings = {"PREFECT_API_URL": os.environ["PREFECT_API_URL"], "PREFECT_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**environ, **settings, "INTERLOCK_HOME": str(home / "interlock")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "hush" not in done.stderr
    return done.stdout.splitlines()


def test_check_tokens_completes_and_shows_a_table(api: str, world: RehearsedChecks, tmp_path: Path) -> None:
    kind, name, message, run = _run_flow(world.environ, tmp_path)
    assert (kind, name, message) == ("COMPLETED", "Completed", "every token works")

    async def tables() -> list[str]:
        async with get_client() as client:
            found = await client.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)])))
            return [str(artifact.data) for artifact in found if artifact.key == "tokens"]

    (table,) = asyncio.run(tables())
    assert api
    assert "accepted by GitHub" in table
    assert world.environ["REPO_DISPATCH_TOKEN"] not in table


def test_check_tokens_warns_of_disagreement_and_fails_when_a_token_is_missing(
    api: str, world: RehearsedChecks, tmp_path: Path
) -> None:
    assert api
    kind, name, message, _ = _run_flow({**world.environ, "REPO_TOKEN": "ghp_hush"}, tmp_path)
    assert (kind, name) == ("COMPLETED", "Warning")
    assert message.startswith("token, one token: REPO_TOKEN holds another token")
    kind, _, message, _ = _run_flow({**world.environ, "REPO_DISPATCH_TOKEN": ""}, tmp_path)
    assert kind == "FAILED"
    assert "token, present: a token for GitHub was not found" in message
