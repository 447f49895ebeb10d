"""Keeps a program running: starts it, watches it, restarts it after growing pauses, and ends it with its group.

`keep` alternates lives and pauses until `stop` is called or a subclass says that another start is not worth it. A life
ends with the process, with a stop request, or when a subclass's `_look` gives it up; in each case, and when `keep` is
cancelled, the `finally` of `_live` ends the whole process group before anything else happens. So at most one life's
processes exist at a time. If this process is killed, the pipe to the child closes, and the child ends by itself.
"""

import asyncio
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deployments.embedded_server.processes import kill_group
from interlock.common.frozen_model import FrozenModel

CHILD = "deployments.embedded_server.child"


class State(StrEnum):
    """The state of a program."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "not ready"
    PAUSING = "died; starts again soon"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ABSENT = "not started"


class Backoff(FrozenModel):
    """The times between looks and restarts, in seconds.

    Attributes:
        tick: The time between looks.
        first: The first pause before a restart; each further one is twice as long.
        most: The longest pause.
        stable: After a life of this length the pauses start from the first again.
        grace: How long the program may take to end before it is killed.
        tries: How many starts a program gets that was never healthy.
    """

    tick: float = 1
    first: float = 1
    most: float = 60
    stable: float = 120
    grace: float = 30
    tries: int = 3

    def pause(self, failures: int) -> float:
        """The pause after this many failures in a row, at least one."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.most)


@dataclass(frozen=True, kw_only=True)
class Program:
    """How a program is started.

    Attributes:
        module: A module (or the path of a script), and its arguments.
        environ: Its whole environment; it may hold secrets.
        folder: Its working directory.
        log: The file that its output is appended to.
        port: The port on the loopback address where it answers while it is healthy.
        health: The path that is requested there.
        note: A remark for the display.
    """

    name: str
    module: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path
    port: int
    health: str = "/health"
    note: str = ""


class SupervisedProcess(ABC):
    """Keeps a program running; a subclass says which, how it is watched, and when to give up.

    Args:
        lock: The descriptor of a lock, which the program holds as long as it lives.
        backoff: The pauses between starts.
    """

    def __init__(self, lock: int, backoff: Backoff) -> None:
        self._lock = lock
        self._backoff = backoff
        self._tick = backoff.tick
        self._state = State.STARTING
        self._process: asyncio.subprocess.Process | None = None
        self._stop_requested = asyncio.Event()
        self._hurry = asyncio.Event()

    @abstractmethod
    def _program(self) -> Program:
        """The program; called before each start."""

    @abstractmethod
    async def _look(self, process: asyncio.subprocess.Process) -> bool:
        """Check it, after each tick; returns whether it may keep running."""

    @abstractmethod
    def _check_restart(self, failures: int) -> None:
        """Raise an error if it should not be started again after so many failures in a row."""

    def _become(self, state: State) -> None:
        """Change its state."""
        self._state = state

    @property
    def _pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def keep(self) -> None:
        """Run it, again and again, until `stop` is called.

        Raises:
            ServerError: It should not be started again.
        """
        failures = 0
        while not self._stop_requested.is_set():
            began = time.monotonic()
            await self._live()
            if self._stop_requested.is_set():
                break
            failures = 1 if time.monotonic() - began > self._backoff.stable else failures + 1
            self._check_restart(failures)
            self._become(State.PAUSING)
            await _first(self._stop_requested.wait(), seconds=self._backoff.pause(failures))
        self._become(State.STOPPED)

    def stop(self, *, hurry: bool = False) -> None:
        """Request the stop; `keep` returns when it has stopped.

        Args:
            hurry: Whether it is killed at once.
        """
        self._stop_requested.set()
        if hurry:
            self._hurry.set()

    async def _live(self) -> None:
        """One life of the program, from its start to its end."""
        process = self._process = await self._launch(self._program())
        try:
            self._become(State.STARTING)
            while process.returncode is None and not self._stop_requested.is_set():
                await _first(process.wait(), self._stop_requested.wait(), seconds=self._tick)
                if not await self._look(process):
                    break
        finally:
            if self._stop_requested.is_set():
                self._become(State.STOPPING)
            await self._end(process)

    async def _launch(self, program: Program) -> asyncio.subprocess.Process:
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
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

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Terminate it, and then kill what is left of its group: a busy Prefect may ignore SIGTERM."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await _first(process.wait(), self._hurry.wait(), seconds=self._backoff.grace)
        kill_group(process.pid)
        await process.wait()


async def _first(*waits: Awaitable[object], seconds: float) -> None:
    """Wait until one of these is done, or for so long."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
