"""Runs what needs Prefect in this process, on the configured Prefect server or on this machine's own.

Prefect reads its settings when it is imported, and takes two seconds for it. So modules that import it are loaded here,
by name, when the server is known; every other module imports what it uses at its top.
"""

import asyncio
import contextlib
import importlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx
from rich.console import Console

from deployments import embedded_server
from deployments.embedded_server import Record
from interlock.errors import ServerError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from deployments.cli.displays.base import ProgressDisplay
    from deployments.cli.displays.cascade import CascadeDisplay

T = TypeVar("T")


class Display(Protocol):
    """What a terminal shows meanwhile."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    def doing(self, what: str) -> None:
        """Name what goes on now."""


Meanwhile = Callable[[asyncio.Future[Record]], Awaitable[None]]


def load(module: str) -> ModuleType:
    """A module that imports Prefect; call it only when Prefect's settings are known."""
    return importlib.import_module(module)


async def check_answers(api: str) -> None:
    """See that a configured Prefect API answers at all, before Prefect is loaded for it.

    Raises:
        ServerError: It does not.
    """
    try:
        async with httpx.AsyncClient(timeout=20) as client:
            await client.get(f"{api.rstrip('/')}/health")
    except httpx.HTTPError as error:
        host = httpx.URL(api).copy_with(userinfo=b"", query=None)
        raise ServerError(
            f"The Prefect API that is configured, {host}, does not answer: {type(error).__name__}",
            hint="Start it, or remove PREFECT_API_URL (environment, prefect.toml, profile) to use a server of our own.",
        ) from None


async def _wait(ready: asyncio.Future[Record]) -> None:
    await ready


@contextlib.asynccontextmanager
async def server(display: Display, meanwhile: Meanwhile = _wait) -> AsyncIterator[str | None]:
    """A server that answers, with this process set up to use it; nothing of Prefect may be imported before.

    Args:
        display: Is told what goes on.
        meanwhile: What to do while this machine's own server starts; given the future of its record.

    Yields:
        The address of the UI of this machine's own server; None for a configured one.

    Raises:
        ServerError: It can't be started or reached.
    """
    # A command shows progress and errors in its own words; the UI has every line and traceback.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    if (api := embedded_server.configured_api()) is not None:
        await check_answers(api)
        display.doing("loading Prefect")
        yield None
        return
    with embedded_server.start() as starting:
        ready = asyncio.create_task(starting.ready())
        try:
            display.doing("waiting for the Prefect server")
            await meanwhile(ready)
            running = await ready
        finally:
            ready.cancel()
        os.environ.update(embedded_server.environment(running))
        display.say(f"Prefect UI: {running.ui}")
        display.doing("loading Prefect")
        yield running.ui


async def run_flow(
    name: str,
    request: object,
    display: "ProgressDisplay | CascadeDisplay",
    *watchers: tuple[ContextVar[Any], object],
    meanwhile: Meanwhile = _wait,
    doing: str = "starting the flow",
) -> tuple[Any, str | None]:
    """Run a flow, watched in this terminal.

    Args:
        name: Of the flow's function, and of its module beneath `flows`.
        request: The flow's one parameter.
        display: Shows what goes on.
        watchers: What the flow's steps tell of their progress, and what of the display takes it.
        meanwhile: What to do while this machine's own server starts; given the future of its record.
        doing: What goes on until the first step tells of itself.

    Returns:
        What the flow returns, and the address of its run in the UI of this machine's own server.

    Raises:
        ServerError: The server can't be started or reached, or went away.
        InterlockError: What the flow ended with.
    """
    with display:
        for watcher, takes in watchers:
            watcher.set(takes)
        async with server(display, meanwhile) as ui:
            flow = getattr(load(f"flows.{name}"), name)
            display.doing(doing)
            return await result(lambda: flow(request, return_state=True), ui)


def print_address(ui: str | None, console: Console) -> None:
    """Say where the run is shown, if a server of this machine shows it."""
    if ui:
        console.print(f"the run, in Prefect's UI: {ui}", highlight=False, soft_wrap=True)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """What this returns, done while the configured server answers, or else this machine's own.

    Raises:
        ServerError: The server can't be started or reached.
    """

    async def on_server() -> T:
        if (api := embedded_server.configured_api()) is not None:
            await check_answers(api)
            return await work()
        with embedded_server.start() as starting:
            os.environ.update(embedded_server.environment(await starting.ready()))
            return await work()

    return asyncio.run(on_server())


async def result(flow: "Callable[[], Awaitable[State[Any]]]", ui: str | None) -> tuple[Any, str | None]:
    """What a flow returns, and the address of its run in the UI.

    Args:
        flow: Runs it, and gives back its state.
        ui: The address of the UI, if there is one.

    Raises:
        ServerError: The server went away.
        InterlockError: What the flow ended with.
    """
    try:
        state = await flow()
        value = await state.aresult()
    except httpx.TransportError as error:
        raise ServerError(
            f"The Prefect server went away: {type(error).__name__}",
            hint="What was done is kept, and the same command goes on from there.",
        ) from None
    return value, f"{ui}/runs/flow-run/{state.state_details.flow_run_id}" if ui else None
