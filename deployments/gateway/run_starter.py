"""Makes flow runs by Prefect's API; the protocol lets tests do without it."""

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
# These concern one run; a retry can't succeed before the deployment is changed.
_REFUSALS = frozenset({400, 404, 409, 422})


class PrefectDownError(ServerError):
    """Prefect does not answer: no run can be made now."""

    transient = True


class StartRefusedError(ServerError):
    """Prefect answers, and refuses this run."""


class Starter(Protocol):
    """Makes flow runs: one for each idempotency key, however often it is called."""

    async def start(self, start: Start) -> str:
        """The id of the flow run, which is made unless it exists.

        Raises:
            PrefectDownError: No run can be made now.
            StartRefusedError: This run can't be made.
        """
        ...

    async def answers(self) -> bool:
        """Whether runs can be made."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class PrefectStarter:
    """Makes flow runs by the configured Prefect API."""

    def __init__(self) -> None:
        # Loading Prefect takes seconds; later, they would delay answers.
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
            # The deployment may have been removed and registered again, with another id.
            self._deployments.pop(start.deployment, None)
            if (known := _error_for(error, start)) is None:
                raise
            raise known from None

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


def _error_for(error: BaseException, start: Start) -> ServerError | None:
    """The error for an exception of Prefect's client; None for a defect."""
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
