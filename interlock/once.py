"""Work that many ask for and that is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Results by key: the first who asks starts the work, the others wait for it; what failed is begun anew."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work for a key.

        Args:
            key: What names the work.
            work: Begins it; called when nobody has asked for the key before, or when the work failed.
        """
        task = self._tasks.get(key)
        if task is None or _failed(task):
            task = self._tasks[key] = asyncio.ensure_future(work())
        # Shielded: one who gives up must not end the work that others wait for.
        return await asyncio.shield(task)

    def forget(self, key: K) -> None:
        """Begin the work for a key anew when it is asked for next."""
        self._tasks.pop(key, None)


def _failed(task: asyncio.Future[V]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
