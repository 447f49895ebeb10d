"""Which pace answers which level."""

from collections.abc import Mapping

from market_data_core.telemetry import BackpressureLevel, FeedbackEvent, RateAdjustment

SCALES: Mapping[BackpressureLevel, float] = {
    BackpressureLevel.ok: 1.0,
    BackpressureLevel.soft: 0.7,
    BackpressureLevel.hard: 0.0,
}


def to_rate_adjustment(event: FeedbackEvent, provider: str) -> RateAdjustment:
    """The pace that a provider is asked for after this event."""
    return RateAdjustment(
        provider=provider, scale=SCALES[event.level], reason=event.level, ts=event.ts
    )
