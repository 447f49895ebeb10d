"""A program that is kept running: started, looked at, started again after growing pauses, ended with its group."""

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
    """How a program is."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "not ready"
    PAUSING = "died; starts again soon"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ABSENT = "not started"


class Backoff(FrozenModel):
    """How patient one is with a program, in seconds.

    Attributes:
        tick: How often it is looked at.
        first: The first pause before it is started again; each further one is twice as long.
        most: The longest pause.
        stable: A program that ran that long begins again with the first pause.
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
    """How a program is started.

    Attributes:
        module: A module (or the path of a script), and its arguments.
        environ: Its whole environment; it may hold secrets.
        folder: Where it runs.
        log: What it prints is added there.
        port: Where it answers, on the loopback address, for as long as it is healthy.
        health: What it is asked there.
        note: Is shown beside it.
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
    """Keeps a program running; what it is, how it is looked at and when it is given up is a subclass's.

    Args:
        lock: The descriptor of a lock, which the program holds as long as it lives.
        pace: How patient one is with it.
    """

    def __init__(self, lock: int, pace: Backoff) -> None:
        self._lock = lock
        self._pace = pace
        self._tick = pace.tick
        self._state = State.STARTING
        self._process: asyncio.subprocess.Process | None = None
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()

    @abstractmethod
    def _program(self) -> Program:
        """How it is started, each time again."""

    @abstractmethod
    async def _look(self, process: asyncio.subprocess.Process) -> bool:
        """See how it is, after each tick; whether it may go on."""

    @abstractmethod
    def _check_going_on(self, failures: int) -> None:
        """Raise an error if it is not worth another start, after so many failures in a row."""

    def _become(self, state: State) -> None:
        """It is in another state."""
        self._state = state

    @property
    def _pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def keep(self) -> None:
        """Run it, again and again, until it is told to stop.

        Raises:
            ServerError: It is not worth another start.
        """
        failures = 0
        while not self._told.is_set():
            began = time.monotonic()
            await self._live()
            if self._told.is_set():
                break
            failures = 1 if time.monotonic() - began > self._pace.stable else failures + 1
            self._check_going_on(failures)
            self._become(State.PAUSING)
            await _first(self._told.wait(), seconds=self._pace.pause(failures))
        self._become(State.STOPPED)

    def stop(self, *, hurry: bool = False) -> None:
        """Tell it to stop; `keep` returns when it has.

        Args:
            hurry: Whether it is killed at once.
        """
        self._told.set()
        if hurry:
            self._hurry.set()

    async def _live(self) -> None:
        """One life of it."""
        process = self._process = await self._launch(self._program())
        try:
            self._become(State.STARTING)
            while process.returncode is None and not self._told.is_set():
                await _first(process.wait(), self._told.wait(), seconds=self._tick)
                if not await self._look(process):
                    break
        finally:
            if self._told.is_set():
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
        """Let it end by itself, and then kill what is left of its group: busy, Prefect may never heed a TERM."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            await _first(process.wait(), self._hurry.wait(), seconds=self._pace.grace)
        kill_group(process.pid)
        await process.wait()


async def _first(*waits: Awaitable[object], seconds: float) -> None:
    """Wait until one of these has come true, or for so long."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
