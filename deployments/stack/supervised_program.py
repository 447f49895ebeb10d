"""One program of the stack: a worker with its flow runs, or the gateway."""

import asyncio
from collections.abc import Awaitable, Callable

from deployments.embedded_server.state import tail
from deployments.embedded_server.supervised_process import Backoff, Program, State, SupervisedProcess
from deployments.embedded_server.supervisor import answers
from deployments.stack.orphaned_runs import Runs
from interlock.common.frozen_model import FrozenModel
from interlock.errors import ServerError

OnExit = Callable[[frozenset[str]], Awaitable[None]]


class ProgramStatus(FrozenModel):
    """The status of a program, for display.

    Attributes:
        runs: How many flow runs it has.
        note: Its address, or why it was not started.
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
        """Whether it is healthy, or was not meant to be started."""
        return self.state in {State.HEALTHY, State.ABSENT}


class SupervisedProgram(SupervisedProcess):
    """Keeps a program running.

    Args:
        make: Makes the program; called before each start.
        lock: The descriptor of the stack's lock, which the program holds as long as it lives.
        backoff: The pauses between starts.
        on_exit: Called after each exit with the flow runs that ended with the program.
    """

    def __init__(self, make: Callable[[], Program], lock: int, backoff: Backoff, on_exit: OnExit | None = None) -> None:
        super().__init__(lock, backoff)
        self._make, self._on_exit = make, on_exit
        self._made = make()
        self._runs = Runs()
        self._restarts = 0
        self._was_healthy = False

    def seen(self) -> ProgramStatus:
        """Its status."""
        return ProgramStatus(
            name=self._made.name,
            state=self._state,
            pid=self._pid,
            restarts=self._restarts,
            runs=len(self._runs.ids) if self._pid else 0,
            note=self._made.note,
            log=str(self._made.log),
        )

    def restart(self) -> None:
        """End it, so that it is started again as `make` makes it now."""
        if self._process is not None and self._pid:
            self._process.terminate()

    def _program(self) -> Program:
        self._made, self._runs = self._make(), Runs()
        return self._made

    def _become(self, state: State) -> None:
        super()._become(state)
        self._restarts += state is State.PAUSING

    async def _look(self, process: asyncio.subprocess.Process) -> bool:
        self._runs.look(process.pid)
        if process.returncode is not None or self._stop_requested.is_set():
            return True
        if await asyncio.to_thread(answers, self._made.port, self._made.health):
            self._become(State.HEALTHY)
            self._was_healthy = True
        elif self._state is State.HEALTHY:
            self._become(State.UNHEALTHY)
        return True

    async def _live(self) -> None:
        try:
            await super()._live()
        finally:
            runs = self._runs.ids
            self._runs.kill()
        if self._on_exit is not None and runs:
            await self._on_exit(runs)

    def _check_restart(self, failures: int) -> None:
        if self._was_healthy or failures < self._backoff.tries:
            return
        raise ServerError(
            f"{self._made.name} ended {failures} times before it was ready.{tail(self._made.log)}",
            hint=f"Its whole log: {self._made.log}",
        )
