"""A queue of writes that says how full it is."""

import time
from collections import deque

from market_data_core.protocols import FeedbackPublisher
from market_data_core.telemetry import BackpressureLevel, FeedbackEvent

SOFT, HARD = 0.6, 0.9


def level_of(queue_size: int, capacity: int) -> BackpressureLevel:
    """How urgently a queue of this size needs relief."""
    load = queue_size / capacity
    if load >= HARD:
        return BackpressureLevel.hard
    return BackpressureLevel.soft if load >= SOFT else BackpressureLevel.ok


class WriteCoordinator:
    """Queues writes; publishes an event whenever the level changes."""

    def __init__(self, name: str, capacity: int, publisher: FeedbackPublisher) -> None:
        self._name, self._capacity, self._publisher = name, capacity, publisher
        self._queue: deque[object] = deque()
        self._level = BackpressureLevel.ok

    async def put(self, item: object) -> None:
        """Queue a write."""
        self._queue.append(item)
        await self._tell()

    async def write(self) -> object:
        """Write the oldest one."""
        item = self._queue.popleft()
        await self._tell()
        return item

    async def _tell(self) -> None:
        level = level_of(len(self._queue), self._capacity)
        if level is not self._level:
            self._level = level
            await self._publisher.publish(self._event())

    def _event(self) -> FeedbackEvent:
        return FeedbackEvent(
            coordinator_id=self._name,
            queue_size=len(self._queue),
            capacity=self._capacity,
            level=self._level,
            source="store",
            ts=time.time(),
        )
