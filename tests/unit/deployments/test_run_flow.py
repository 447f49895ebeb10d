"""Flows of a command: where they run, what they give back, and what is said when the server goes away."""

import asyncio
import os
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from prefect.client.schemas.objects import State, StateDetails, StateType
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from deployments.cli import run_flow
from interlock.errors import ConflictError, ServerError
from tests.support.universe.served import Served


class Told:
    """A display that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.done: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def doing(self, what: str) -> None:
        self.done.append(what)


async def healthy(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("true")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Prefect API that is configured and answers."""
    monkeypatch.delenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", raising=False)
    with Served(Starlette(routes=[Route("/api/health", healthy)])) as served:
        monkeypatch.setenv("PREFECT_API_URL", f"{served.url}/api")
        yield f"{served.url}/api"
    os.environ.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)


def on_a_server(display: Told) -> str | None:
    async def look() -> str | None:
        async with run_flow.server(display) as ui:
            return ui

    return asyncio.run(look())


def test_a_configured_server_is_used_and_nothing_is_said_of_a_ui(api: str) -> None:
    display = Told()
    assert on_a_server(display) is None
    assert (display.said, display.done) == ([], ["loading Prefect"])
    assert os.environ["PREFECT_API_URL"] == api


@pytest.mark.usefixtures("api")
def test_prefects_own_log_is_kept_out_of_the_terminal_unless_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_server(Told())
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "DEBUG")
    on_a_server(Told())
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "DEBUG"


def test_a_configured_server_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with pytest.raises(ServerError, match="does not answer"):
        on_a_server(Told())


RUN = UUID("5f3c1c9e-6f6a-4c52-9a55-0d6f3f3a2b11")


def ended(kind: StateType, data: object) -> State[object]:
    return State(type=kind, data=data, state_details=StateDetails(flow_run_id=RUN))


async def completed() -> State[object]:
    return ended(StateType.COMPLETED, {"it": "is done"})


@pytest.mark.parametrize(
    ("ui", "address"), [(None, None), ("http://127.0.0.1:4200", f"http://127.0.0.1:4200/runs/flow-run/{RUN}")]
)
def test_a_flow_gives_its_value_and_the_address_of_its_run(ui: str | None, address: str | None) -> None:
    assert asyncio.run(run_flow.result(completed, ui)) == ({"it": "is done"}, address)


def test_what_a_flow_ended_with_is_raised_as_it_was() -> None:
    async def refused() -> State[object]:
        return ended(StateType.FAILED, ConflictError("taken", hint="take another"))

    with pytest.raises(ConflictError, match="taken") as caught:
        asyncio.run(run_flow.result(refused, None))
    assert caught.value.hint == "take another"


def test_a_refused_password_is_said_with_its_hint() -> None:
    def answered(status: int) -> httpx.HTTPStatusError:
        request = httpx.Request("POST", "http://me:hush@127.0.0.1:4270/api/flows/")
        return httpx.HTTPStatusError(str(status), request=request, response=httpx.Response(status))

    async def refused() -> State[object]:
        raise answered(401)

    async def failed() -> State[object]:
        raise answered(500)

    with pytest.raises(ServerError, match=r"127\.0\.0\.1 refuses the password") as caught:
        asyncio.run(run_flow.result(refused, None))
    assert 'eval "$(interlock server env)"' in (caught.value.hint or "")
    assert "hush" not in str(caught.value)
    with pytest.raises(httpx.HTTPStatusError):
        asyncio.run(run_flow.result(failed, None))


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
def test_a_server_that_goes_away_is_said_with_how_to_go_on(error: httpx.TransportError) -> None:
    async def lost() -> State[object]:
        raise error

    with pytest.raises(ServerError, match=f"went away: {type(error).__name__}") as caught:
        asyncio.run(run_flow.result(lost, None))
    assert "the same command goes on from there" in (caught.value.hint or "")
