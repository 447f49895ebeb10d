"""The stack: brings its parts up one after the other, keeps them, and takes all of them down however it ends."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from deployments.embedded_server import configured_api
from deployments.embedded_server.state import tail, try_lock
from deployments.embedded_server.supervised_process import Backoff, Program, State
from deployments.stack.orphaned_runs import UNDER_WAY, PrefectApi, pick_up
from deployments.stack.programs import ROOT, Programs, why_no_gateway
from deployments.stack.server import ConfiguredServer, OwnServer, PrefectServer
from deployments.stack.supervised_program import Left, ProgramStatus, SupervisedProgram
from interlock.common import process
from interlock.common.paths import home
from interlock.errors import BusyError, ServerError

REGISTER = (sys.executable, "-P", "-m", "deployments.stack.register")
REGISTER_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What is to be brought up.

    Attributes:
        port: Where Prefect's own server is to listen.
        gateway_port: Where the gateway is to listen.
        workers: How many workers there are to be.
        runs: How many flow runs each of them has at once.
        once: Whether to take all down again as soon as everything is well.
        pace: How patient it is.
        register: Registers the deployments.
    """

    port: int
    gateway_port: int
    workers: int = 1
    runs: int = 2
    once: bool = False
    pace: Backoff = field(default_factory=Backoff)
    register: tuple[str, ...] = REGISTER


@dataclass
class Stack:
    """Everything that one command keeps running.

    Attributes:
        folder: Where its lock and its logs are.
        lock: The descriptor of that lock.
        server: Prefect's.
    """

    wanted: StackOptions
    folder: Path
    lock: int
    server: PrefectServer
    doing: str = "starting the Prefect server"
    _parts: list[SupervisedProgram] = field(default_factory=list)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _absent: list[ProgramStatus] = field(default_factory=list)
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _hurried: bool = False
    _prefect: Mapping[str, str] = field(default_factory=dict)

    def seen(self) -> tuple[ProgramStatus, ...]:
        """What is shown of each part."""
        return (self.server.seen(), *(part.seen() for part in self._parts), *self._absent)

    def stop(self) -> None:
        """Tell it to stop; told again, it does not wait for what runs."""
        self._hurried = self._told.is_set()
        self._told.set()
        if self._hurried:
            for part in self._parts:
                part.stop(hurry=True)

    async def run(self) -> None:
        """Bring it up and keep it until it is told to stop.

        Raises:
            ServerError: A part can't be started.
        """
        work = asyncio.create_task(self._keep())
        told = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, told):
                task.cancel()
            await asyncio.gather(work, told, return_exceptions=True)
            await self._take_down()

    async def _keep(self) -> None:
        self._prefect = await self.server.start()
        self._begin_gateway()
        self.doing = "registering the deployments"
        await self._register()
        if self.server.is_ours:
            with contextlib.suppress(httpx.HTTPError):  # the automations find them too, only later
                await pick_up(PrefectApi.of(self._prefect))
        for number in range(1, self.wanted.workers + 1):
            self._begin(partial(lambda each: self._programs().worker(each), number), self._go_on)
        self.doing = ""
        keeping = asyncio.create_task(self.server.keep(self._moved))
        try:
            await self._watch(keeping)
        finally:
            keeping.cancel()

    def _programs(self) -> Programs:
        wanted = self.wanted
        return Programs(folder=self.folder, prefect=self._prefect, gateway_port=wanted.gateway_port, runs=wanted.runs)

    def _begin_gateway(self) -> None:
        """Before anything that takes long: GitHub sends a webhook once."""
        if (why := why_no_gateway()) is not None:
            self._absent.append(ProgramStatus(name="gateway", state=State.ABSENT, note=why))
            return
        self._begin(lambda: self._programs().gateway())

    async def _go_on(self, runs: frozenset[str]) -> None:
        """Have the runs of a worker that is gone run again.

        While another worker could begin one at once, those that Prefect calls crashed are left to its automations: both
        could schedule the run, one of them when it has begun already.
        """
        states = ("RUNNING", "PENDING", "CRASHED") if self._told.is_set() and self.server.is_ours else UNDER_WAY
        with contextlib.suppress(httpx.HTTPError):  # the automations find them too, only later
            for run in runs:
                await PrefectApi.of(self._prefect).schedule_again(run, "its worker is gone, and it goes on", states)

    def _begin(self, program: Callable[[], Program], left: Left | None = None) -> None:
        part = SupervisedProgram(program, self.lock, self.wanted.pace, left)
        self._parts.append(part)
        self._tasks.append(asyncio.create_task(part.keep()))

    async def _register(self) -> None:
        """Have every deployment of `prefect.yaml` on the server.

        Raises:
            ServerError: It does not end well.
        """
        log = self.folder / "deploy.log"
        done = await process.run(
            self.wanted.register, env=self._programs().registration(), cwd=ROOT, timeout=REGISTER_SECONDS, merge=True
        )
        log.write_text(done.output, "utf-8")
        if done.returncode:
            raise ServerError(f"The deployments can't be registered.{tail(log)}", hint=f"Its whole log: {log}")

    async def _watch(self, keeping: "asyncio.Task[None]") -> None:
        """Look after all until one of them can't be helped; or, if that is all that is wanted, until all are well."""
        while True:
            done, _ = await asyncio.wait(
                {keeping, *self._tasks}, timeout=self.wanted.pace.tick, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if self.wanted.once and all(seen.is_well for seen in self.seen()):
                return

    def _moved(self, prefect: Mapping[str, str]) -> None:
        """Prefect's server is somewhere else: who speaks to it begins anew."""
        self._prefect = prefect
        for part in self._parts:
            part.restart()

    async def _take_down(self) -> None:
        """First what lets work in, then what does it, then what it needs."""
        self.doing = "stopping"
        for part, task in zip(self._parts, self._tasks, strict=True):
            part.stop(hurry=self._hurried)
            await asyncio.gather(task, return_exceptions=True)
        if (left := await self.server.stop(hurry=self._hurried)) is not None:
            self.doing = f"the Prefect server goes on, and stops by itself: {left}"


@contextlib.contextmanager
def opened(wanted: StackOptions) -> Iterator[Stack]:
    """A stack that is the only one of this home.

    Raises:
        BusyError: There is one already.
        ServerError: Prefect's settings can't be read.
    """
    folder = home() / "up"
    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    lock = try_lock(folder / "lock")
    if lock is None:
        raise BusyError(
            f"`interlock up` runs already in {folder.parent}, or is just ending.",
            hint="Stop it where it runs, with Ctrl-C; or use another INTERLOCK_HOME.",
        )
    try:
        _begin_logs(folder)
        api = configured_api()
        server = OwnServer(wanted.port, wanted.pace) if api is None else ConfiguredServer(api, wanted.pace)
        yield Stack(wanted, folder, lock, server)
    finally:
        os.close(lock)


def _begin_logs(folder: Path) -> None:
    """Keep the logs of the last time, and no older ones."""
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


@contextlib.contextmanager
def stopped_by_signals(stack: Stack) -> Iterator[None]:
    """Have Ctrl-C, TERM and the end of the terminal stop the stack instead of this process."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stack.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
