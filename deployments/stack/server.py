"""Prefect's server in the stack: this machine's own, which its supervisor keeps running, or a configured one."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import httpx

from deployments import embedded_server
from deployments.cli.run_flow import check_answers
from deployments.embedded_server import Policy, Record, ServerDirectory
from deployments.embedded_server.server import idle_seconds
from deployments.embedded_server.state import default_directory
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
        """Wait until it answers; returns the variables by which programs find it."""

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Watch it until cancelled; `moved` is called with the variables of a new address."""

    async def stop(self, *, hurry: bool) -> str | None:
        """Stop it; returns why it keeps running, if it does."""

    def seen(self) -> ProgramStatus:
        """Its status."""


class OwnServer:
    """The embedded server. Its supervisor restarts it; this class starts a new supervisor when that has given up."""

    is_ours = True

    def __init__(self, port: int, backoff: Backoff, directory: ServerDirectory | None = None) -> None:
        self._directory = directory or default_directory()
        self._policy = Policy(port=port, idle_seconds=idle_seconds())
        self._backoff = backoff
        self._hold: embedded_server.Server | None = None
        self._known: Record | None = None
        self._restarts = 0
        self._state = State.STARTING

    async def start(self) -> Mapping[str, str]:
        """Join it or start it."""
        if self._hold is not None:
            self._hold.release()
        self._hold = embedded_server.start(self._directory, self._policy)
        self._known = await self._hold.ready()
        self._state = State.HEALTHY
        return embedded_server.environment(self._known)

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Notice that it died, or that it came back."""
        failures = 0
        while True:
            await asyncio.sleep(self._backoff.tick)
            found = embedded_server.status(self._directory)
            if found.state == embedded_server.State.RUNNING and found.server is not None:
                failures, self._state = 0, State.HEALTHY
                self._see(found.server, moved)
                continue
            self._state = State.UNHEALTHY
            if found.state == "stopped":
                failures += 1
                self._state = State.PAUSING
                await asyncio.sleep(self._backoff.pause(failures))
                await self._again(moved)

    def _see(self, record: Record, moved: Callable[[Mapping[str, str]], None]) -> None:
        before, self._known = self._known, record
        if before is not None and before.server != record.server:
            self._restarts += 1
        if before is not None and before.api != record.api:
            moved(embedded_server.environment(record))

    async def _again(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Start it at its old port, if that is still free."""
        before = self._known
        if before is not None:
            self._policy = self._policy.model_copy(update={"port": before.port})
        try:
            await self.start()
        except ServerError:
            return  # the next try follows after a longer pause
        after, self._known = self._known, before
        assert after is not None
        self._see(after, moved)

    async def stop(self, *, hurry: bool) -> str | None:
        """Stop it, unless another command uses it: then it stops by itself when it is idle."""
        self._state = State.STOPPING
        if self._hold is not None:
            self._hold.release()
            self._hold = None
        try:
            await asyncio.to_thread(embedded_server.stop, self._directory, timeout=1 if hurry else 30)
        except ServerError as error:
            return error.message
        self._state = State.STOPPED
        return None

    def seen(self) -> ProgramStatus:
        """Its status."""
        server = self._known.server if self._known and self._state not in {State.PAUSING, State.STOPPED} else None
        return ProgramStatus(
            name=NAME,
            state=self._state,
            pid=server.pid if server else None,
            restarts=self._restarts,
            note=f"{self._known.ui} (password: {self._known.password_file})" if self._known else "",
            log=str(self._directory.log),
        )


class ConfiguredServer:
    """A server that is configured, and managed elsewhere."""

    is_ours = False

    def __init__(self, api: str, backoff: Backoff) -> None:
        self._api = api
        self._shown = str(httpx.URL(api).copy_with(userinfo=b"", query=None))
        self._backoff = backoff
        self._state = State.STARTING

    async def start(self) -> Mapping[str, str]:
        """Check that it answers."""
        await check_answers(self._api)
        self._state = State.HEALTHY
        return {"PREFECT_API_URL": self._api}

    async def keep(self, moved: Callable[[Mapping[str, str]], None]) -> None:
        """Check now and then whether it answers."""
        del moved  # its address is configured
        while True:
            await asyncio.sleep(10 * self._backoff.tick)
            try:
                await check_answers(self._api)
                self._state = State.HEALTHY
            except ServerError:
                self._state = State.UNHEALTHY

    async def stop(self, *, hurry: bool) -> str | None:
        """Leave it running."""
        del hurry
        return None

    def seen(self) -> ProgramStatus:
        """Its status."""
        return ProgramStatus(name=NAME, state=self._state, note=f"{self._shown} (configured: it stays as it is)")
