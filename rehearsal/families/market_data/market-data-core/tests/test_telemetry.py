import pytest
from pydantic import ValidationError

from market_data_core.telemetry import BackpressureLevel, FeedbackEvent, RateAdjustment


def test_load_is_the_filled_part_of_the_queue():
    event = FeedbackEvent(
        coordinator_id="bars", queue_size=30, capacity=40, level=BackpressureLevel.soft, ts=1.0
    )
    assert event.load == 0.75


@pytest.mark.parametrize("scale", [-0.1, 1.1])
def test_a_pace_is_between_a_stop_and_full_speed(scale):
    with pytest.raises(ValidationError):
        RateAdjustment(provider="ibkr", scale=scale, reason=BackpressureLevel.ok, ts=1.0)
