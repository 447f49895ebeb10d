"""One program of the stack: started, looked at, started again after growing pauses, ended with its group."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deployments.embedded_server.processes import kill_group
from deployments.embedded_server.state import tail
from deployments.embedded_server.supervisor import answers
from deployments.up.runs import Runs
from interlock.errors import ServerError
from interlock.values import Value

CHILD = "deployments.embedded_server.child"

Left = Callable[[frozenset[str]], Awaitable[None]]


class State(StrEnum):
    """How a part of the stack is."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "not ready"
    PAUSING = "died; starts again soon"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ABSENT = "not started"


class Seen(Value):
    """What is shown of a part.

    Attributes:
        runs: How many processes of flow runs are beneath it.
        note: Its address, or why it is not there.
    """

    name: str
    state: State
    pid: int | None = None
    restarts: int = 0
    runs: int = 0
    note: str = ""
    log: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nobody has to wait for it: it is healthy, or it was never meant to be there."""
        return self.state in {State.HEALTHY, State.ABSENT}


class Pace(Value):
    """How patient one is with a part, in seconds.

    Attributes:
        tick: How often it is looked at.
        first: The first pause before it is started again; each further one is twice as long.
        most: The longest pause.
        stable: Who ran that long begins anew with the first pause.
        grace: How long it may take to end before it is killed.
        tries: How often it is started without ever having been healthy.
    """

    tick: float = 1
    first: float = 1
    most: float = 60
    stable: float = 120
    grace: float = 30
    tries: int = 3

    def pause(self, failures: int) -> float:
        """How long to wait after so many deaths in a row, one at least."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.most)


@dataclass(frozen=True, kw_only=True)
class Program:
    """How a part is started.

    Attributes:
        module: A module (or the path of a script), and its arguments.
        environ: Its whole environment; it may hold secrets.
        folder: Where it runs.
        port: Where it answers, on the loopback address, for as long as it is healthy.
        health: What it is asked there.
    """

    name: str
    module: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path
    port: int
    health: str = "/health"
    note: str = ""


class Part:
    """Keeps a program running.

    Args:
        program: Says how it is started, each time anew.
        lock: The descriptor of the stack's lock, which the program holds as long as it lives.
        pace: How patient one is with it.
        left: Is given the flow runs that have ended with it, after each of its lives.
    """

    def __init__(
        self,
        program: Callable[[], Program],
        lock: int,
        pace: Pace,
        left: Left | None = None,
    ) -> None:
        self._make = program
        self._program = program()
        self._lock = lock
        self._pace = pace
        self._left = left
        self._process: asyncio.subprocess.Process | None = None
        self._state = State.STARTING
        self._runs = Runs()
        self._restarts = 0
        self._was_healthy = False
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()

    def seen(self) -> Seen:
        """What is shown of it."""
        alive = self._process is not None and self._process.returncode is None
        return Seen(
            name=self._program.name,
            state=self._state,
            pid=self._process.pid if self._process and alive else None,
            restarts=self._restarts,
            runs=len(self._runs.ids) if alive else 0,
            note=self._program.note,
            log=str(self._program.log),
        )

    async def keep(self) -> None:
        """Run it, again and again, until it is told to stop.

        Raises:
            ServerError: It can't be started: it ended several times without ever having been healthy.
        """
        failures = 0
        while not self._told.is_set():
            began = time.monotonic()
            await self._live()
            if self._told.is_set():
                break
            failures = 1 if time.monotonic() - began > self._pace.stable else failures + 1
            self._see_whether_it_can_start(failures)
            self._state, self._restarts = State.PAUSING, self._restarts + 1
            await _first(self._told.wait(), seconds=self._pace.pause(failures))
        self._state = State.STOPPED

    def stop(self, *, hurry: bool = False) -> None:
        """Tell it to stop; `keep` returns when it has.

        Args:
            hurry: Whether it is killed at once.
        """
        self._told.set()
        if hurry:
            self._hurry.set()

    def restart(self) -> None:
        """Have it begin anew, with what `program` says now."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def _live(self) -> None:
        """One life of it."""
        self._state, self._program = State.STARTING, self._make()
        process, runs = await self._launch(), Runs()
        self._runs = runs
        try:
            while process.returncode is None and not self._told.is_set():
                await _first(process.wait(), self._told.wait(), seconds=self._pace.tick)
                runs.look(process.pid)
                await self._look(process)
        finally:
            if self._told.is_set():
                self._state = State.STOPPING
            await self._end(process)
            left = runs.ids
            runs.kill()
        if self._left is not None and left:
            await self._left(left)

    async def _launch(self) -> asyncio.subprocess.Process:
        program = self._program
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", CHILD, *program.module),
                stdin=asyncio.subprocess.PIPE,  # its lifeline: see child.py
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env=dict(program.environ),
                pass_fds=(self._lock,),
                process_group=0,
            )
        finally:
            os.close(log)
        return self._process

    async def _look(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None or self._told.is_set():
            return
        if await asyncio.to_thread(answers, self._program.port, self._program.health):
            self._state, self._was_healthy = State.HEALTHY, True
        elif self._state is State.HEALTHY:
            self._state = State.UNHEALTHY

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Let it end by itself, and then kill whatever is left of its group."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await _first(process.wait(), self._hurry.wait(), seconds=self._pace.grace)
        kill_group(process.pid)
        await process.wait()

    def _see_whether_it_can_start(self, failures: int) -> None:
        if self._was_healthy or failures < self._pace.tries:
            return
        raise ServerError(
            f"{self._program.name} ended {failures} times before it was ready.{tail(self._program.log)}",
            hint=f"Its whole log: {self._program.log}",
        )


async def _first(*waits: Awaitable[object], seconds: float) -> None:
    """Wait until one of these has come true, or for so long."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
