"""The way of feedback: from whoever publishes it to the provider's controller."""

from collections.abc import Awaitable, Callable

from market_data_core.protocols import FeedbackPublisher, RateController
from market_data_core.telemetry import FeedbackEvent

from market_data_pipeline.policy import to_rate_adjustment

Subscriber = Callable[[FeedbackEvent], Awaitable[None]]


class FeedbackBus(FeedbackPublisher):
    """Hands every event to every subscriber, in the order of subscription."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Let it hear of what is published from now on."""
        self._subscribers.append(subscriber)

    async def publish(self, event: FeedbackEvent) -> None:
        """Hand an event to all subscribers."""
        for subscriber in self._subscribers:
            await subscriber(event)


class FeedbackHandler:
    """Turns events into a pace for one provider."""

    def __init__(self, provider: str, controller: RateController) -> None:
        self._provider, self._controller = provider, controller

    async def handle(self, event: FeedbackEvent) -> None:
        """Set the pace that answers the event."""
        await self._controller.apply(to_rate_adjustment(event, self._provider))
