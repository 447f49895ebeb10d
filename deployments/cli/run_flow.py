"""Runs flows, and other code that needs Prefect, on the configured Prefect server or on this machine's own.

Prefect reads its settings when it is imported, which takes two seconds. So modules that import it are loaded here, by
name, once the server is known; every other module imports what it uses at its top.
"""

import asyncio
import contextlib
import importlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from http import HTTPStatus
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
    """What a command shows meanwhile."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    def doing(self, what: str) -> None:
        """Name the current work."""


Meanwhile = Callable[[asyncio.Future[Record]], Awaitable[None]]


def load(module: str) -> ModuleType:
    """Import a module that imports Prefect; call this only once Prefect's settings are known."""
    return importlib.import_module(module)


async def check_answers(api: str) -> None:
    """Check that a configured Prefect API answers, before Prefect is loaded.

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
    """A server that answers, with this process set up to use it; Prefect must not be imported before.

    Args:
        display: Shows the progress.
        meanwhile: Called while this machine's own server starts, with the future of its record.

    Yields:
        The address of the UI of this machine's own server; None for a configured one.

    Raises:
        ServerError: It can't be started or reached.
    """
    # Commands show progress and errors themselves; the UI has every line and traceback.
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
        display.say(f"Prefect UI: {running.ui}  (asks once for the password in {running.password_file})")
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
        name: The name of the flow's function and of its module in `flows`.
        request: The flow's one parameter.
        display: Shows the progress.
        watchers: Context variables that the flow's steps report to, each with a method of the display.
        meanwhile: Called while this machine's own server starts, with the future of its record.
        doing: The text until the first step reports.

    Returns:
        What the flow returns, and the address of its run in the UI of this machine's own server.

    Raises:
        ServerError: The server can't be started or reached, or went away.
        InterlockError: The flow raised it.
    """
    with display:
        for watcher, takes in watchers:
            watcher.set(takes)
        async with server(display, meanwhile) as ui:
            flow = getattr(load(f"flows.{name}"), name)
            display.doing(doing)
            return await result(lambda: flow(request, return_state=True), ui)


def print_address(ui: str | None, console: Console) -> None:
    """Print the address of the run in the UI, if there is one."""
    if ui:
        console.print(f"the run, in Prefect's UI: {ui}", highlight=False, soft_wrap=True)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Do some work with the configured server or this machine's own; returns its result.

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

    with _authorized():
        return asyncio.run(on_server())


@contextlib.contextmanager
def _authorized() -> Iterator[None]:
    """Turn the API's refusal of the password into an error with a hint."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        if error.response.status_code != HTTPStatus.UNAUTHORIZED:
            raise
        raise ServerError(
            f"The Prefect API at {error.request.url.host} refuses the password, or there is none.",
            hint='Set PREFECT_API_AUTH_STRING; for this machine\'s own server: eval "$(interlock server env)"',
        ) from None


async def result(flow: "Callable[[], Awaitable[State[Any]]]", ui: str | None) -> tuple[Any, str | None]:
    """What a flow returns, and the address of its run in the UI.

    Args:
        flow: Runs it, and gives back its state.
        ui: The address of the UI, if there is one.

    Raises:
        ServerError: The server went away.
        InterlockError: The flow raised it.
    """
    try:
        with _authorized():
            state = await flow()
        value = await state.aresult()
    except httpx.TransportError as error:
        raise ServerError(
            f"The Prefect server went away: {type(error).__name__}",
            hint="What was done is kept, and the same command goes on from there.",
        ) from None
    return value, f"{ui}/runs/flow-run/{state.state_details.flow_run_id}" if ui else None
