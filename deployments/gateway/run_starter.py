"""Making flow runs: by Prefect's API, or by whatever a test has in its place."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

import httpx

from deployments.cli.run_flow import load
from interlock.errors import ServerError
from interlock.webhooks import Start

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from prefect import PrefectClient

SECONDS = 20.0
TAG = "gateway"
# Of one run: another try changes nothing before somebody deploys something else.
_REFUSALS = frozenset({400, 404, 409, 422})


class PrefectDownError(ServerError):
    """Prefect does not answer, or not now: no run can be made at all."""

    transient = True


class StartRefusedError(ServerError):
    """Prefect answers, and does not make this run."""


class Starter(Protocol):
    """Makes flow runs, one for each key however often it is asked."""

    async def start(self, start: Start) -> str:
        """The id of the flow run, which is made unless it is there.

        Raises:
            PrefectDownError: Nothing can be made now.
            StartRefusedError: This one can't be made.
        """
        ...

    async def answers(self) -> bool:
        """Whether somebody is there who makes runs."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class PrefectStarter:
    """Makes flow runs by the Prefect API that is configured."""

    def __init__(self) -> None:
        # Here it takes seconds in which nobody could be answered later.
        self._open: Callable[[], AbstractAsyncContextManager[PrefectClient]] = load("prefect").get_client
        self._stack = contextlib.AsyncExitStack()
        self._client: PrefectClient | None = None
        self._deployments: dict[str, UUID] = {}

    async def start(self, start: Start) -> str:
        """The id of the flow run."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._start(start)
        except Exception as error:
            # An id may be that of a deployment which was removed and made anew.
            self._deployments.pop(start.deployment, None)
            if (told := _told(error, start)) is None:
                raise
            raise told from None

    async def answers(self) -> bool:
        """Whether the API is healthy."""
        try:
            async with asyncio.timeout(SECONDS / 10):
                return await (await self._opened()).api_healthcheck() is None
        except (TimeoutError, httpx.HTTPError, RuntimeError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._stack.aclose()

    async def _start(self, start: Start) -> str:
        client = await self._opened()
        if start.deployment not in self._deployments:
            self._deployments[start.deployment] = (await client.read_deployment_by_name(start.deployment)).id
        run = await client.create_flow_run_from_deployment(
            self._deployments[start.deployment],
            parameters=dict(start.parameters),
            idempotency_key=start.key,
            tags=[TAG],
        )
        return str(run.id)

    async def _opened(self) -> "PrefectClient":
        if self._client is None:
            self._client = await self._stack.enter_async_context(self._open())
        return self._client


def _told(error: BaseException, start: Start) -> ServerError | None:
    """The error for what Prefect's client raises; None for what is a defect."""
    if isinstance(error, load("prefect.exceptions").ObjectNotFound):
        return StartRefusedError(f'there is no deployment "{start.deployment}"', hint="prefect deploy --all")
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        if status in _REFUSALS:
            return StartRefusedError(f'Prefect does not start "{start.deployment}": {status}')
        return PrefectDownError(f"Prefect answers with {status}", hint="see PREFECT_API_URL and its credentials")
    if isinstance(error, (httpx.HTTPError, TimeoutError, OSError)):
        return PrefectDownError(f"Prefect does not answer: {type(error).__name__}")
    return None
