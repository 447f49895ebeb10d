"""One provider, one pipeline, one store, wired up."""

from dataclasses import dataclass

from market_data_core.protocols import FeedbackPublisher, RateController
from market_data_ibkr.provider import IbkrProvider
from market_data_pipeline.feedback import FeedbackBus, FeedbackHandler
from market_data_store.coordinator import WriteCoordinator


@dataclass(frozen=True)
class Assembly:
    """The parts that run together."""

    provider: RateController
    bus: FeedbackPublisher
    coordinator: WriteCoordinator


def assemble(capacity: int) -> Assembly:
    """Wire them up, so that a full queue slows its provider down."""
    provider, bus = IbkrProvider(), FeedbackBus()
    bus.subscribe(FeedbackHandler(provider.name, provider).handle)
    return Assembly(provider, bus, WriteCoordinator("bars", capacity, bus))
