"""Work that many ask for and that is done once: single flight.

For each key there is one future: of the work while it is under way, and with its result after that. The first caller
starts the work; all others await the same future, however many they are and whenever they come.

- Two never start the same work: between looking for the future and putting it there, nothing is awaited, and all of it
  happens in one event loop. Threads may not share a `SingleFlight`.
- A caller that is cancelled ends nothing: each awaits through a shield, and the work goes on for the others. It goes on
  even if all of them leave; its result is there for the next.
- Failed work is not kept: all that wait get its error, and the next caller starts it again. The same holds when the
  work itself was cancelled, as at the end of a loop.
- `forget` changes nothing for those that wait already; the next caller starts the work again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Results by key: the first who asks starts the work, the others wait for it; what failed is started again."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work for a key.

        Args:
            key: What names the work.
            work: Begins it; called when nobody has asked for the key before, or when the work failed.
        """
        task = self._tasks.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._tasks[key] = asyncio.ensure_future(work())
        # Shielded: one who gives up must not end the work that others wait for.
        return await asyncio.shield(task)

    def forget(self, key: K) -> None:
        """Start the work for a key again when it is asked for next."""
        self._tasks.pop(key, None)
