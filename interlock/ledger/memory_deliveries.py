"""Webhook deliveries in a ledger that ends with the program."""

import threading
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from interlock.ledger.protocol import in_utc
from interlock.webhooks import Delivery, DeliveryState

_MOMENTS = ("at", "due_at", "ended_at")


class MemoryDeliveries:
    """The twin of `SqlDeliveries`; see `Deliveries` for what its methods do."""

    def __init__(self) -> None:
        self._posts: dict[UUID, Delivery] = {}
        self._post_lock = threading.Lock()

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        """Keep deliveries that are not known."""
        with self._post_lock:
            new = {each.guid: _in_utc(each) for each in reversed(arrived) if each.guid not in self._posts}
            self._posts |= new
        return frozenset(new)

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        """Take deliveries that are due."""
        with self._post_lock:
            waiting = [each for each in self._posts.values() if each.state is DeliveryState.ACCEPTED]
            due = [each for each in waiting if each.due_at is not None and each.due_at <= now]
            taken = sorted(due, key=lambda each: (each.at, str(each.guid)))[:most]
            for each in taken:
                self._posts[each.guid] = each.model_copy(update={"due_at": in_utc(until)})
        return tuple(map(_bare, taken))

    def record_delivery(self, delivery: Delivery) -> None:
        """Keep how far an accepted delivery has come."""
        with self._post_lock:
            kept = self._posts.get(delivery.guid)
            if kept is not None and kept.state is DeliveryState.ACCEPTED:
                body = None if delivery.state is DeliveryState.IGNORED else kept.body
                self._posts[delivery.guid] = _in_utc(delivery).model_copy(update={"body": body})

    def delivery(self, guid: UUID) -> Delivery | None:
        """A delivery."""
        with self._post_lock:
            return self._posts.get(guid)

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        """Deliveries, the newest first."""
        with self._post_lock:
            found = [each for each in self._posts.values() if state in {None, each.state}]
        newest_first = sorted(found, key=lambda each: (each.at, str(each.guid)), reverse=True)
        return tuple(map(_bare, newest_first[:most]))

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        """Those that are kept."""
        with self._post_lock:
            return frozenset(guid for guid in guids if guid in self._posts)

    def waiting_deliveries(self) -> int:
        """How many wait."""
        return len(self.deliveries(DeliveryState.ACCEPTED))

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        """Forget what is over."""
        with self._post_lock:
            for guid, each in list(self._posts.items()):
                if each.state is DeliveryState.ACCEPTED:
                    continue
                if each.at < rows:
                    del self._posts[guid]
                elif each.at < bodies:
                    self._posts[guid] = _bare(each)


def _bare(delivery: Delivery) -> Delivery:
    return delivery.model_copy(update={"body": None})


def _in_utc(delivery: Delivery) -> Delivery:
    moments = {name: getattr(delivery, name) for name in _MOMENTS}
    return delivery.model_copy(update={name: moment and in_utc(moment) for name, moment in moments.items()})
