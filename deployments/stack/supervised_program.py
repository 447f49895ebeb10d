"""One program of the stack: a worker with its flow runs, or the gateway."""

import asyncio
from collections.abc import Awaitable, Callable

from deployments.embedded_server.state import tail
from deployments.embedded_server.supervised_process import Backoff, Program, State, SupervisedProcess
from deployments.embedded_server.supervisor import answers
from deployments.stack.orphaned_runs import Runs
from interlock.common.frozen_model import FrozenModel
from interlock.errors import ServerError

Left = Callable[[frozenset[str]], Awaitable[None]]


class ProgramStatus(FrozenModel):
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


class SupervisedProgram(SupervisedProcess):
    """Keeps a program running.

    Args:
        program: Says how it is started, each time anew.
        lock: The descriptor of the stack's lock, which the program holds as long as it lives.
        pace: How patient one is with it.
        left: Is given the flow runs that have ended with it, after each of its lives.
    """

    def __init__(self, program: Callable[[], Program], lock: int, pace: Backoff, left: Left | None = None) -> None:
        super().__init__(lock, pace)
        self._make, self._left = program, left
        self._made = program()
        self._runs = Runs()
        self._restarts = 0
        self._was_healthy = False

    def seen(self) -> ProgramStatus:
        """What is shown of it."""
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
        """Have it begin anew, with what `program` says now."""
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
        if process.returncode is not None or self._told.is_set():
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
            left = self._runs.ids
            self._runs.kill()
        if self._left is not None and left:
            await self._left(left)

    def _check_going_on(self, failures: int) -> None:
        if self._was_healthy or failures < self._pace.tries:
            return
        raise ServerError(
            f"{self._made.name} ended {failures} times before it was ready.{tail(self._made.log)}",
            hint=f"Its whole log: {self._made.log}",
        )
