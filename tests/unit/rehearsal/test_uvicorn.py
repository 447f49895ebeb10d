"""What `rehearsal/serving.py` uses of uvicorn's HTTP/1.1, none of which uvicorn promises to keep."""

import asyncio
import importlib
import inspect
from importlib.metadata import version
from typing import Any

import h11
import pytest
from starlette.types import Receive, Scope, Send

CHANGED = f"uvicorn {version('uvicorn')} is not what rehearsal/serving.py relies on: "


def _of_uvicorn(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"uvicorn.{module}"), name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{CHANGED}{error}")


def test_what_is_used_of_uvicorn_is_there() -> None:
    protocol, state = _of_uvicorn("protocols.http.h11_impl", "H11Protocol"), _of_uvicorn("server", "ServerState")()
    settings = {"interface": "asgi3", "ws": "none", "lifespan": "off", "log_config": None, "access_log": False}
    known = inspect.signature(_of_uvicorn("config", "Config")).parameters
    assert settings.keys() <= known.keys(), f"{CHANGED}Config's arguments"
    arguments = list(inspect.signature(protocol).parameters)
    assert arguments[:3] == ["config", "server_state", "app_state"], f"{CHANGED}H11Protocol's arguments"
    try:
        facts = asyncio.run(_facts(protocol, state, settings))
    except AttributeError as error:
        pytest.fail(f"{CHANGED}{error}")
    assert [fact for fact, holds in facts.items() if not holds] == [], CHANGED


async def _facts(protocol: Any, state: Any, settings: dict[str, Any]) -> dict[str, bool]:
    facts: dict[str, bool] = {}

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        facts["a connection is in ServerState.connections"] = state.connections == {made}
        facts["a request is in ServerState.tasks"] = state.tasks == {asyncio.current_task()}
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = _of_uvicorn("config", "Config")(app, **settings)
    config.load()
    made = protocol(config, state, {})
    facts["H11Protocol.app is the application"] = made.app is config.loaded_app
    facts["H11Protocol.conn is h11's, not used yet"] = made.conn.their_state is h11.IDLE
    made.app, made.conn = app, h11.Connection(h11.SERVER)
    server = await asyncio.get_running_loop().create_server(lambda: made, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
    facts["what is put in their place is used"] = (await reader.read()).startswith(b"HTTP/1.1 204")
    facts["H11Protocol.transport is the connection's"] = isinstance(made.transport, asyncio.Transport)
    writer.close()
    server.close()
    return facts
