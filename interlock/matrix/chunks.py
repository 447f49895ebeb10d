"""Hands cells on in chunks, where handing on is dear: they are asked for one by one, and run many at once."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from interlock.cells.recipe import Recipe
from interlock.model.verdicts import Run

RunChunk = Callable[[tuple[Recipe, ...]], Awaitable[tuple[tuple[Run, ...], ...]]]

Asked = tuple[Recipe, "asyncio.Future[tuple[Run, ...]]"]


class Chunks:
    """Runs one cell, as `settle` wants it; what is asked for within a moment goes together.

    Args:
        run: Runs a chunk, and answers in its order.
        takers: How many chunks can be run at once: what is there is divided among them.
        most: How many cells a chunk has at most.
        moment: How many seconds the first of a chunk waits for others.
    """

    def __init__(self, run: RunChunk, *, takers: int, most: int, moment: float = 0.05) -> None:
        self._run = run
        self._takers = takers
        self._most = most
        self._moment = moment
        self._asked: list[Asked] = []
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
            InterlockError: What its chunk ended with.
        """
        answer: asyncio.Future[tuple[Run, ...]] = asyncio.get_running_loop().create_future()
        if not self._asked:
            self._start(self._send_soon())
        self._asked.append((recipe, answer))
        return await answer

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_soon(self) -> None:
        await asyncio.sleep(self._moment)
        asked, self._asked = self._asked, []
        size = max(1, min(self._most, -(-len(asked) // self._takers)))
        for start in range(0, len(asked), size):
            self._start(self._send(asked[start : start + size]))

    async def _send(self, asked: list[Asked]) -> None:
        try:
            answers = await self._run(tuple(recipe for recipe, _ in asked))
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to those who asked
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), runs in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(runs)
