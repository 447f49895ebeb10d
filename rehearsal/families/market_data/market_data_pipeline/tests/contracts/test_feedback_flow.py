"""What a store says becomes a pace for a provider."""

import pytest
from market_data_core.telemetry import BackpressureLevel, FeedbackEvent

from market_data_pipeline.feedback import FeedbackBus, FeedbackHandler
from market_data_pipeline.pacing import PacedController
from market_data_pipeline.policy import to_rate_adjustment


def event_of(level):
    return FeedbackEvent(coordinator_id="bars", queue_size=7, capacity=10, level=level, ts=1.5)


def test_an_event_survives_json_and_keeps_level_and_time_as_an_adjustment():
    sent = event_of(BackpressureLevel.soft)
    received = FeedbackEvent.model_validate_json(sent.model_dump_json())
    assert received == sent
    adjustment = to_rate_adjustment(received, "ibkr")
    assert (adjustment.reason, adjustment.ts) == (BackpressureLevel.soft, 1.5)


@pytest.mark.asyncio
@pytest.mark.parametrize(("level", "scale"), [("ok", 1.0), ("soft", 0.7), ("hard", 0.0)])
async def test_a_level_sets_the_pace(level, scale):
    controller, bus = PacedController(full_speed=100.0), FeedbackBus()
    bus.subscribe(FeedbackHandler("ibkr", controller).handle)
    event = event_of(BackpressureLevel(level))
    await bus.publish(event)
    assert to_rate_adjustment(event, "ibkr").scale == scale
    assert controller.rate == pytest.approx(100.0 * scale)
