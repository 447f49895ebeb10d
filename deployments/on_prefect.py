"""Runs a flow in this process, on the configured Prefect server or on this machine's own."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from deployments import embedded_server
from interlock.errors import ServerError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from deployments.embedded_server import Record


class Display(Protocol):
    """What a terminal shows meanwhile."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    def doing(self, what: str) -> None:
        """Name what goes on now."""


Meanwhile = Callable[["asyncio.Future[Record]"], Awaitable[None]]


async def _wait(ready: "asyncio.Future[Record]") -> None:
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
        await embedded_server.check_answers(api)
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


async def result(flow: "Callable[[], Awaitable[State[Any]]]", ui: str | None) -> tuple[Any, str | None]:
    """What a flow returns, and the address of its run in the UI.

    Args:
        flow: Runs it, and gives back its state.
        ui: The address of the UI, if there is one.

    Raises:
        ServerError: The server went away.
        InterlockError: What the flow ended with.
    """
    import httpx  # noqa: PLC0415  the client that Prefect speaks through

    try:
        state = await flow()
        value = await state.aresult()
    except httpx.TransportError as error:
        raise ServerError(
            f"The Prefect server went away: {type(error).__name__}",
            hint="What was done is kept, and the same command goes on from there.",
        ) from None
    return value, f"{ui}/runs/flow-run/{state.state_details.flow_run_id}" if ui else None
