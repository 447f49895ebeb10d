"""Work that many callers need and that is done once: single flight.

For each key there is one future, of the work while it is under way, and with its result afterwards. The first caller
starts the work; all others await the same future.

- Two callers never start the same work: nothing is awaited between looking for the future and storing it, and all of
  this happens in one event loop. Threads may not share a `SingleFlight`.
- A cancelled caller ends nothing: callers await through a shield, and the work continues for the others. It continues
  even when all of them are cancelled; the next caller gets its result.
- Failed work is not kept: all waiting callers get its error, and the next caller starts it again. The same holds when
  the work itself was cancelled, as at the end of a loop.
- `forget` changes nothing for waiting callers; the next caller starts the work again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Results by key: the first caller starts the work, and the others wait for it."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work for a key.

        Args:
            key: What names the work.
            work: Starts it; called for a new key, and after a failure.
        """
        task = self._tasks.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._tasks[key] = asyncio.ensure_future(work())
        return await asyncio.shield(task)

    def forget(self, key: K) -> None:
        """Start the work for a key again when it is needed next."""
        self._tasks.pop(key, None)
