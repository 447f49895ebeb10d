"""What every ledger can do with webhook deliveries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from interlock.webhooks import Delivery, DeliveryState


class Deliveries(Protocol):
    """The memory of webhook deliveries: what is in it outlives the gateway."""

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        """Keep deliveries, all of them or none; one whose GUID is known stays as it is.

        Returns:
            Those that were new.
        """
        ...

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        """Take accepted deliveries that are due, the oldest first; nobody else is given them before `until`.

        Returns:
            They, as they were, without what was sent.
        """
        ...

    def record_delivery(self, delivery: Delivery) -> None:
        """Keep how far an accepted delivery has come; one that was started or ignored stays so for ever."""
        ...

    def delivery(self, guid: UUID) -> Delivery | None:
        """A delivery, with what was sent as long as that is kept."""
        ...

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        """Deliveries, the newest first, without what was sent.

        Args:
            state: Only those in this state.
            most: How many at most.
        """
        ...

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        """Those of them that are kept."""
        ...

    def waiting_deliveries(self) -> int:
        """How many are accepted and not yet started."""
        ...

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        """Forget what is over: what was sent before one moment, and all that is known of what came before another."""
        ...
