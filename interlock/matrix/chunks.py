"""Sends cells on in chunks, where each sending is costly: callers ask for one cell, and many are run at once.

The first request of a chunk waits a moment for others; then everything that came is divided among the workers. A chunk
that fails gives its error to each of its requests, and to no others. Leaving the context cancels what is under way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from interlock.cells.recipe import Recipe
from interlock.model.verdicts import Run

RunChunk = Callable[[tuple[Recipe, ...]], Awaitable[tuple[tuple[Run, ...], ...]]]

Request = tuple[Recipe, "asyncio.Future[tuple[Run, ...]]"]


class Chunks:
    """Runs one cell, as `execute_cells` needs it; cells that are requested within a moment go together.

    Args:
        run: Runs a chunk, and returns the runs in its order.
        takers: How many chunks can be run at once.
        most: How many cells a chunk has at most.
        moment: How many seconds the first of a chunk waits for others.
    """

    def __init__(self, run: RunChunk, *, takers: int, most: int, moment: float = 0.05) -> None:
        self._run = run
        self._takers = takers
        self._most = most
        self._moment = moment
        self._requests: list[Request] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __call__(self, recipe: Recipe) -> tuple[Run, ...]:
        """Run a cell.

        Raises:
            InterlockError: Its chunk ended with this error.
        """
        answer: asyncio.Future[tuple[Run, ...]] = asyncio.get_running_loop().create_future()
        if not self._requests:
            self._start(self._send_soon())
        self._requests.append((recipe, answer))
        return await answer

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_soon(self) -> None:
        await asyncio.sleep(self._moment)
        requests, self._requests = self._requests, []
        size = max(1, min(self._most, -(-len(requests) // self._takers)))
        for start in range(0, len(requests), size):
            self._start(self._send(requests[start : start + size]))

    async def _send(self, requests: list[Request]) -> None:
        try:
            answers = await self._run(tuple(recipe for recipe, _ in requests))
        except Exception as error:  # noqa: BLE001  any error belongs to the chunk's callers
            for _, answer in requests:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), runs in zip(requests, answers, strict=True):
            if not answer.done():
                answer.set_result(runs)
