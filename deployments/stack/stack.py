"""The stack: starts its programs one after the other, keeps them running, and stops all of them however it ends.

What can end it, and why nothing is left behind: a stop request ends `run`, which takes the programs down in order. A
program that can't be started raises in its task, `_watch` raises it again, and the same order follows. If this process
is killed, the kernel closes the pipes that its programs read (`embedded_server/child.py`), and they end. The lock is
inherited by every program, so a second stack can't start while one of them lives. Flow runs have sessions of their own:
`orphaned_runs.py` ends them with their worker and has them scheduled again.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from deployments.embedded_server import configured_api
from deployments.embedded_server.state import is_locked, tail, try_lock
from deployments.embedded_server.supervised_process import Backoff, Program, State
from deployments.stack.orphaned_runs import UNDER_WAY, PrefectApi, folder_of_runs, pick_up
from deployments.stack.programs import POOL, ROOT, UNTRUSTED_POOL, Programs, why_no_gateway
from deployments.stack.server import ConfiguredServer, OwnServer, PrefectServer
from deployments.stack.supervised_program import OnExit, ProgramStatus, SupervisedProgram
from interlock.common import process
from interlock.common.paths import home
from interlock.errors import BusyError, ServerError

REGISTER = (sys.executable, "-P", "-m", "deployments.stack.register")
REGISTER_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What the stack starts.

    Attributes:
        port: The port of Prefect's own server.
        gateway_port: The port of the gateway.
        workers: The number of workers of each kind.
        runs: How many flow runs a worker has at once.
        untrusted: Whether workers for code under test are among them.
        once: Whether to stop everything again as soon as all of it is healthy.
        register: The command that registers the deployments.
    """

    port: int
    gateway_port: int
    workers: int = 1
    runs: int = 2
    untrusted: bool = True
    once: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    register: tuple[str, ...] = REGISTER


@dataclass
class Stack:
    """Everything that one command keeps running.

    Attributes:
        folder: Where its lock and its logs are.
        lock: The descriptor of that lock.
        server: Prefect's.
        secrets: The shell's, by their variables.
    """

    options: StackOptions
    folder: Path
    lock: int
    server: PrefectServer
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    doing: str = "starting the Prefect server"
    _supervised: list[SupervisedProgram] = field(default_factory=list)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _absent: list[ProgramStatus] = field(default_factory=list)
    _stop_requested: asyncio.Event = field(default_factory=asyncio.Event)
    _hurried: bool = False
    _prefect: Mapping[str, str] = field(default_factory=dict)

    def seen(self) -> tuple[ProgramStatus, ...]:
        """The status of each program."""
        return (self.server.seen(), *(program.seen() for program in self._supervised), *self._absent)

    def stop(self) -> None:
        """Request the stop; at the second request, flow runs under way are not waited for."""
        self._hurried = self._stop_requested.is_set()
        self._stop_requested.set()
        if self._hurried:
            for program in self._supervised:
                program.stop(hurry=True)

    async def run(self) -> None:
        """Start everything and keep it running until a stop is requested.

        Raises:
            ServerError: A program can't be started.
        """
        work = asyncio.create_task(self._keep())
        stopping = asyncio.create_task(self._stop_requested.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, stopping):
                task.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)
            await self._take_down()

    async def _keep(self) -> None:
        self._programs().write_credentials(self.secrets)
        self._prefect = await self.server.start()
        self._start_gateway()
        self.doing = "registering the deployments"
        await self._register()
        if self.server.is_ours:
            with contextlib.suppress(httpx.HTTPError):  # the automations find them too, only later
                await pick_up(PrefectApi.of(self._prefect), self._pools)
        for number in range(1, self.options.workers + 1):
            self._start(partial(lambda each: self._programs().worker(each), number), self._run_again)
            if self.options.untrusted:
                self._start(partial(lambda each: self._programs().untrusted_worker(each), number), self._run_again)
        self.doing = ""
        keeping = asyncio.create_task(self.server.keep(self._moved))
        try:
            await self._watch(keeping)
        finally:
            keeping.cancel()

    @property
    def _pools(self) -> frozenset[str]:
        """The work pools with workers on this machine, and nowhere else if the server is ours."""
        return frozenset({POOL, UNTRUSTED_POOL} if self.options.untrusted else {POOL})

    def _programs(self) -> Programs:
        options = self.options
        return Programs(folder=self.folder, prefect=self._prefect, gateway_port=options.gateway_port, runs=options.runs)

    def _start_gateway(self) -> None:
        """Start the gateway before anything that takes long: GitHub sends a webhook once."""
        if (why := why_no_gateway(self.secrets)) is not None:
            self._absent.append(ProgramStatus(name="gateway", state=State.ABSENT, note=why))
            return
        self._start(lambda: self._programs().gateway())

    async def _run_again(self, runs: frozenset[str]) -> None:
        """Schedule the runs of a dead worker again.

        Crashed runs are left to Prefect's automations while another worker could take them at once: both would schedule
        such a run, and the second might do so when it has started already.
        """
        is_last = self._stop_requested.is_set() and self.server.is_ours
        states = ("RUNNING", "PENDING", "CRASHED") if is_last else UNDER_WAY
        with contextlib.suppress(httpx.HTTPError):  # the automations find them too, only later
            for run in runs:
                await PrefectApi.of(self._prefect).schedule_again(run, "its worker is gone, and it goes on", states)

    def _start(self, make: Callable[[], Program], on_exit: OnExit | None = None) -> None:
        program = SupervisedProgram(make, self.lock, self.options.backoff, on_exit)
        self._supervised.append(program)
        self._tasks.append(asyncio.create_task(program.keep()))

    async def _register(self) -> None:
        """Register every deployment of `prefect.yaml` with the server.

        Raises:
            ServerError: The registration failed.
        """
        log = self.folder / "deploy.log"
        done = await process.run(
            self.options.register, env=self._programs().registration(), cwd=ROOT, timeout=REGISTER_SECONDS, merge=True
        )
        log.write_text(done.output, "utf-8")
        if done.returncode:
            raise ServerError(f"The deployments can't be registered.{tail(log)}", hint=f"Its whole log: {log}")

    async def _watch(self, keeping: "asyncio.Task[None]") -> None:
        """Wait until a program can't be kept running; with `once`, until all of them are healthy."""
        while True:
            done, _ = await asyncio.wait(
                {keeping, *self._tasks}, timeout=self.options.backoff.tick, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            if self.options.once and all(seen.is_well for seen in self.seen()):
                return

    def _moved(self, prefect: Mapping[str, str]) -> None:
        """Restart the programs that use Prefect's server, since its address has changed."""
        self._prefect = prefect
        for program in self._supervised:
            program.restart()

    async def _take_down(self) -> None:
        """Stop the gateway, which lets work in, then the workers, which do it, then the server that they need."""
        self.doing = "stopping"
        for program, task in zip(self._supervised, self._tasks, strict=True):
            program.stop(hurry=self._hurried)
            await asyncio.gather(task, return_exceptions=True)
        if (left := await self.server.stop(hurry=self._hurried)) is not None:
            self.doing = f"the Prefect server goes on, and stops by itself: {left}"


@contextlib.contextmanager
def opened(options: StackOptions, secrets: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """The only stack of this home.

    Args:
        options: What is started.
        secrets: The shell's, by their variables.

    Raises:
        BusyError: Another one runs.
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
        _rotate_logs(folder)
        _make_runs()
        api = configured_api()
        server = OwnServer(options.port, options.backoff) if api is None else ConfiguredServer(api, options.backoff)
        yield Stack(options, folder, lock, server, secrets or {})
    finally:
        shutil.rmtree(folder / "credentials", ignore_errors=True)
        os.close(lock)


def _make_runs() -> None:
    """Make the directory of live runs; of an earlier stack's, those that live on stay."""
    folder = folder_of_runs()
    folder.mkdir(exist_ok=True, mode=0o700)
    for file in folder.iterdir():
        if not is_locked(file):
            file.unlink()


def _rotate_logs(folder: Path) -> None:
    """Keep the logs of the previous run, and no older ones."""
    for log in folder.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


@contextlib.contextmanager
def stopped_by_signals(stack: Stack) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and the end of the terminal stop the stack instead of this process."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stack.stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
