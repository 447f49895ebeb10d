"""What store takes from core."""

import asyncio

from market_data_core.protocols import FeedbackPublisher
from market_data_core.telemetry import BackpressureLevel, FeedbackEvent

from market_data_store.coordinator import WriteCoordinator, level_of


class Listener(FeedbackPublisher):
    def __init__(self):
        self.heard = []

    async def publish(self, event):
        self.heard.append(event)


async def fill_and_empty(listener):
    coordinator = WriteCoordinator("bars", 10, listener)
    for number in range(10):
        await coordinator.put(number)
    for _ in range(10):
        await coordinator.write()


def test_levels_of_core_grade_the_queue():
    levels = [level_of(size, 10) for size in (0, 5, 6, 8, 9, 10)]
    assert [level.value for level in levels] == ["ok", "ok", "soft", "soft", "hard", "hard"]


def test_every_change_of_level_is_published():
    listener = Listener()
    asyncio.run(fill_and_empty(listener))
    assert [event.level for event in listener.heard] == [
        BackpressureLevel.soft,
        BackpressureLevel.hard,
        BackpressureLevel.soft,
        BackpressureLevel.ok,
    ]


def test_an_event_can_be_read_back_from_json():
    listener = Listener()
    asyncio.run(fill_and_empty(listener))
    first = listener.heard[0]
    assert isinstance(listener, FeedbackPublisher)
    assert FeedbackEvent.model_validate_json(first.model_dump_json()) == first
    assert (first.coordinator_id, first.queue_size, first.capacity) == ("bars", 6, 10)
