"""Who tells of a queue, and who obeys."""

from typing import Protocol, runtime_checkable

from market_data_core.telemetry import FeedbackEvent, RateAdjustment


@runtime_checkable
class FeedbackPublisher(Protocol):
    """Passes feedback on to whoever wants it."""

    async def publish(self, event: FeedbackEvent) -> None:
        """Pass it on."""


@runtime_checkable
class RateController(Protocol):
    """Sets the pace of a provider."""

    async def apply(self, adjustment: RateAdjustment) -> None:
        """Go at this pace from now on."""
