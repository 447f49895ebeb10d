"""Doctor's checks of Prefect: the server, the blocks and the deployments. Releases by hand need none of them."""

import importlib.metadata
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

import blocks
from blocks.find import DOCUMENT
from deployments import embedded_server
from interlock.releases.checks import Check, State, failed, ok, warning

SUBJECT = "Prefect"
PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"
DEPLOY = "prefect --no-prompt deploy --all"
ENV = 'eval "$(interlock server env)"'
PROTECT = "set PREFECT_SERVER_API_AUTH_STRING to name:password for the server, and PREFECT_API_AUTH_STRING for clients"
SECONDS = 20.0


async def check_prefect(api: str, yaml_file: Path = PREFECT_YAML, *, exposed: str | None = None) -> tuple[Check, ...]:
    """Check the server, the blocks and the deployments.

    Args:
        api: The Prefect API that flows would use.
        yaml_file: The file of the deployments.
        exposed: Why code under test might reach the API; None when it can't.
    """
    shown = httpx.URL(api).copy_with(userinfo=b"", query=None)
    try:
        async with get_client() as client:
            server = _version(str(await client.api_version()), str(shown))
            password = await _password(str(shown))
            return (server, password, *(await _blocks(client, exposed)), *(await _deployments(client, api, yaml_file)))
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        cause = f"{shown} refuses the password" if status == HTTPStatus.UNAUTHORIZED else f"{shown} answers {status}"
        return (failed(SUBJECT, "server", cause, f"set PREFECT_API_AUTH_STRING; for this machine's own server: {ENV}"),)
    except httpx.HTTPError as error:
        cause = f"{shown} does not answer as Prefect's API: {type(error).__name__}"
        return (failed(SUBJECT, "server", cause, "check PREFECT_API_URL, PREFECT_API_AUTH_STRING and the server"),)


def _version(server: str, api: str) -> Check:
    ours = importlib.metadata.version("prefect")
    if server == ours:
        return ok(SUBJECT, "server", f"{api}, Prefect {server}")
    return warning(SUBJECT, "server", f"{api} is Prefect {server}, and this is {ours}", f"run Prefect {ours} there")


async def _password(api: str) -> Check:
    """Whether the API asks for one: its users read all blocks and start releases."""
    async with httpx.AsyncClient(timeout=SECONDS) as anonymous:
        answer = await anonymous.get(f"{api.rstrip('/')}/admin/version")
    if not answer.is_success:
        return ok(SUBJECT, "password", "the API asks for it")
    cause = "the API asks for none: every program and every page that reaches it reads blocks and starts releases"
    return warning(SUBJECT, "password", cause, PROTECT)


async def _blocks(client: PrefectClient, exposed: str | None) -> tuple[Check, ...]:
    found = tuple(
        [await _block(client, getattr(blocks, name).get_block_type_slug(), DOCUMENT) for name in blocks.__all__]
    )
    if exposed is None or all(check.state is not State.OK for check in found):
        return found
    cause = f"blocks hold them, every user of the API can read blocks, and {exposed}"
    return (*found, warning(SUBJECT, "tokens of releases", cause, "give them to the worker as files: docs/security.md"))


async def _block(client: PrefectClient, slug: str, document: str) -> Check:
    name = f"block {slug}"
    try:
        await client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return warning(SUBJECT, name, "its type is not registered", "interlock blocks register")
    try:
        await client.read_block_document_by_name(document, slug, include_secrets=False)
    except ObjectNotFound:
        cause = f'there is no document "{document}": flows have the credentials of their environment alone'
        return warning(SUBJECT, name, cause, "interlock blocks register --from-env, or make it in the UI")
    return ok(SUBJECT, name, f'the document "{document}" is there')


async def _deployments(client: PrefectClient, api: str, yaml_file: Path) -> tuple[Check, ...]:
    present = {(found.name, found.entrypoint) for found in await client.read_deployments()}
    missing = [name for name, entrypoint in _wanted(yaml_file) if (name, entrypoint) not in present]
    if missing:
        cause = f"not deployed: {', '.join(missing)}; nothing runs on a schedule"
        is_own = embedded_server.status().api == api
        return (warning(SUBJECT, "deployments", cause, f"{ENV} && {DEPLOY}" if is_own else DEPLOY),)
    return (ok(SUBJECT, "deployments", f"all of {yaml_file.name}"),)


def _wanted(yaml_file: Path) -> list[tuple[str, str]]:
    said: dict[str, Any] = yaml.safe_load(yaml_file.read_text("utf-8"))
    return [(str(found["name"]), str(found["entrypoint"])) for found in said["deployments"]]
