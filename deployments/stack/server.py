"""Prefect's server as a part of the stack: this machine's own, which its supervisor keeps, or a configured one."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx

from deployments import embedded_server
from deployments.cli.run_flow import check_answers
from deployments.embedded_server import Policy, Record, ServerDirectory
from deployments.embedded_server.server import idle_seconds
from deployments.embedded_server.state import default_place
from deployments.embedded_server.supervised_process import Backoff, State
from deployments.stack.supervised_program import ProgramStatus
from interlock.errors import ServerError

NAME = "Prefect server"


class PrefectServer(Protocol):
    """What the stack asks of Prefect's server.

    Attributes:
        is_ours: Whether only this machine's programs can speak to it.
    """

    is_ours: bool

    async def start(self) -> Mapping[str, str]:
        """Have it answer; the variables by which programs find it."""

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Look after it until cancelled; `moved` is told of another address."""

    async def stop(self, *, hurry: bool) -> str | None:
        """End it; why it goes on, if it does."""

    def seen(self) -> ProgramStatus:
        """What is shown of it."""


class OwnServer:
    """The embedded server: its supervisor starts it again; this one begins again when the supervisor has given up."""

    is_ours = True

    def __init__(self, port: int, pace: Backoff, place: ServerDirectory | None = None) -> None:
        self._place = place or default_place()
        self._policy = Policy(port=port, idle_seconds=idle_seconds())
        self._pace = pace
        self._hold: embedded_server.Server | None = None
        self._known: Record | None = None
        self._restarts = 0
        self._state = State.STARTING

    async def start(self) -> Mapping[str, str]:
        """Join it or start it."""
        if self._hold is not None:
            self._hold.release()
        self._hold = embedded_server.start(self._place, self._policy)
        self._known = await self._hold.ready()
        self._state = State.HEALTHY
        return _variables(self._known)

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """See it die and come again."""
        failures = 0
        while True:
            await asyncio.sleep(self._pace.tick)
            found = embedded_server.status(self._place)
            if found.state == embedded_server.State.RUNNING and found.server is not None:
                failures, self._state = 0, State.HEALTHY
                self._see(found.server, moved)
                continue
            self._state = State.UNHEALTHY
            if found.state == "stopped":
                failures += 1
                self._state = State.PAUSING
                await asyncio.sleep(self._pace.pause(failures))
                await self._again(moved)

    def _see(self, record: Record, moved: Callable[[Mapping[str, str]], None]) -> None:
        before, self._known = self._known, record
        if before is not None and before.server != record.server:
            self._restarts += 1
        if before is not None and before.api != record.api:
            moved(_variables(record))

    async def _again(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Start it where it was, as far as its port is still free."""
        before = self._known
        if before is not None:
            self._policy = self._policy.model_copy(update={"port": before.port})
        try:
            await self.start()
        except ServerError:
            return  # it is tried again, after a longer pause
        after, self._known = self._known, before
        assert after is not None
        self._see(after, moved)

    async def stop(self, *, hurry: bool) -> str | None:
        """End it, unless another command uses it: then it ends by itself when nobody does any more."""
        self._state = State.STOPPING
        if self._hold is not None:
            self._hold.release()
            self._hold = None
        try:
            await asyncio.to_thread(embedded_server.stop, self._place, timeout=1 if hurry else 30)
        except ServerError as error:
            return error.message
        self._state = State.STOPPED
        return None

    def seen(self) -> ProgramStatus:
        """What is shown of it."""
        server = self._known.server if self._known and self._state not in {State.PAUSING, State.STOPPED} else None
        return ProgramStatus(
            name=NAME,
            state=self._state,
            pid=server.pid if server else None,
            restarts=self._restarts,
            note=self._known.ui if self._known else "",
            log=str(self._place.log),
        )


class ConfiguredServer:
    """A server that somebody else looks after."""

    is_ours = False

    def __init__(self, api: str, pace: Backoff) -> None:
        self._api = api
        self._shown = str(httpx.URL(api).copy_with(userinfo=b"", query=None))
        self._pace = pace
        self._state = State.STARTING

    async def start(self) -> Mapping[str, str]:
        """See that it answers."""
        await check_answers(self._api)
        self._state = State.HEALTHY
        return {"PREFECT_API_URL": self._api}

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Look at it now and then."""
        del moved  # its address is configured
        while True:
            await asyncio.sleep(10 * self._pace.tick)
            try:
                await check_answers(self._api)
                self._state = State.HEALTHY
            except ServerError:
                self._state = State.UNHEALTHY

    async def stop(self, *, hurry: bool) -> str | None:
        """Leave it."""
        del hurry
        return None

    def seen(self) -> ProgramStatus:
        """What is shown of it."""
        return ProgramStatus(name=NAME, state=self._state, note=f"{self._shown} (configured: it stays as it is)")


def _variables(record: Record) -> dict[str, str]:
    """How programs find the server; they keep to the home that it has."""
    variables = embedded_server.environment(record)
    if (password := os.environ.get("PREFECT_SERVER_API_AUTH_STRING")) and not os.environ.get("PREFECT_API_AUTH_STRING"):
        variables["PREFECT_API_AUTH_STRING"] = password
    return variables
