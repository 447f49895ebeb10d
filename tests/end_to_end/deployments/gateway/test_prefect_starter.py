"""Flow runs on a real Prefect server, one for each key."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from pydantic import SecretStr

from deployments.embedded_server import ServerDirectory
from deployments.gateway.run_starter import PrefectDownError, PrefectStarter, StartRefusedError
from interlock.adapters.ledger import open_ledger
from interlock.common.retry import patiently
from interlock.webhooks import Start
from tests.support.gateways import up
from tests.support.prefect_server import api_client, eventually
from tests.support.webhook_values import a_push, as_body, github_headers

AWAY = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
SCHEMA = {
    "type": "object",
    "properties": {"request": {"type": "object", "required": ["upstream"]}},
    "required": ["request"],
}


@dataclass
class Server:
    """A Prefect server with one deployment."""

    api: httpx.Client

    def runs(self) -> list[dict[str, Any]]:
        def ask() -> httpx.Response | None:
            answer = self.api.post("/flow_runs/filter", json={})
            return answer if answer.is_success else None

        answer = eventually(ask)
        assert answer is not None
        found: list[dict[str, Any]] = answer.json()
        return found


@pytest.fixture(scope="module")
def server(api: str, place: ServerDirectory) -> Iterator[Server]:
    assert api
    asyncio.run(deploy())
    with api_client(place) as client:
        yield Server(client)


async def deploy() -> None:
    async with get_client() as client:
        flow = await client.create_flow_from_name("verify-contracts")
        await client.create_deployment(
            flow_id=flow, name="verify-contracts", parameter_openapi_schema=SCHEMA, enforce_parameter_schema=True
        )


def a_start(key: str = "one", deployment: str = "verify-contracts/verify-contracts", **request: object) -> Start:
    parameters = {"request": {"upstream": "core", **request}}
    return Start.model_validate({"deployment": deployment, "parameters": parameters, "key": key, "package": "core"})


async def started(*starts: Start) -> list[str]:
    starter = PrefectStarter()
    try:
        # SQLite beneath a busy server makes it answer 503 now and then, which the worker waits out
        return [await patiently(partial(starter.start, start)) for start in starts]
    finally:
        await starter.close()


def test_a_key_has_one_run_and_its_parameters_are_those_of_the_first(server: Server) -> None:
    before = len(server.runs())
    one, again, other = asyncio.run(started(a_start(ref="a"), a_start(ref="b"), a_start("two", ref="c")))
    assert (one == again, one == other) == (True, False)
    made = {run["id"]: run for run in server.runs()}
    assert len(made) == before + 2
    assert made[one]["parameters"] == {"request": {"upstream": "core", "ref": "a"}}
    assert (made[one]["idempotency_key"], made[one]["tags"]) == ("one", ["gateway"])


def test_what_prefect_refuses_is_told_from_prefect_being_away(server: Server) -> None:
    with pytest.raises(StartRefusedError, match='there is no deployment "a/b"') as caught:
        asyncio.run(started(a_start(deployment="a/b")))
    assert "prefect deploy" in str(caught.value.hint)
    wrong = a_start("three").model_copy(update={"parameters": {"request": {}}})
    with pytest.raises(StartRefusedError, match="does not start"):
        asyncio.run(started(wrong))
    with temporary_settings(AWAY), pytest.raises(PrefectDownError, match="does not answer"):
        asyncio.run(PrefectStarter().start(a_start()))


def test_a_deployment_that_was_made_anew_is_found_again(server: Server) -> None:
    async def work() -> tuple[str, str]:
        starter = PrefectStarter()
        first = await patiently(partial(starter.start, a_start("four")))
        async with get_client() as client:
            found = await client.read_deployment_by_name("verify-contracts/verify-contracts")
            await client.delete_deployment(found.id)
        await deploy()
        with pytest.raises(StartRefusedError):
            await patiently(partial(starter.start, a_start("five")))
        second = await patiently(partial(starter.start, a_start("five")))
        await starter.close()
        return first, second

    first, second = asyncio.run(work())
    assert first != second


def test_whether_somebody_answers_is_known(server: Server) -> None:
    async def answers() -> bool:
        starter = PrefectStarter()
        try:
            return await starter.answers()
        finally:
            await starter.close()

    assert eventually(lambda: asyncio.run(answers()))
    with temporary_settings(AWAY):
        assert not asyncio.run(answers())


def test_a_webhook_becomes_a_flow_run(server: Server, tmp_path: Path) -> None:
    body = as_body(a_push(sha="b" * 40))

    async def work() -> str | None:
        with open_ledger(SecretStr(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
            async with up(ledger, PrefectStarter()) as gateway:  # type: ignore[arg-type]  # the real one
                assert (await gateway.post("github", body, github_headers("push", body))).status_code == 202
                await gateway.idle()
            (kept,) = ledger.deliveries()
            return kept.run

    run = asyncio.run(work())
    (found,) = [each for each in server.runs() if each["id"] == run]
    assert found["parameters"] == {"request": {"upstream": "core", "ref": "b" * 40}}
    assert found["state_type"] == "SCHEDULED"
