"""Webhook deliveries in SQLite or PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from interlock.ledger.protocol import in_utc
from interlock.ledger.tables import DELIVERY
from interlock.webhooks import Delivery, DeliveryState

_CHUNK = 500
_WAITS = DELIVERY.c.state == DeliveryState.ACCEPTED.value
_BARE = [column for column in DELIVERY.c if column.name != "body"]


class SqlDeliveries:
    """The deliveries of `SqlLedger`; see `Deliveries` for what its methods do."""

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        """Keep deliveries that are not known, in one transaction."""
        if not arrived:
            return frozenset()
        # in one order, so that two writers never wait for each other in a circle
        rows = sorted(map(_row, {each.guid: each for each in reversed(arrived)}.values()), key=itemgetter("guid"))
        with self._writing() as connection:
            insert = _insert(connection).on_conflict_do_nothing().returning(DELIVERY.c.guid)
            return frozenset(UUID(guid) for guid in connection.scalars(insert, rows))

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        """Take deliveries that are due; rows that another process takes just now are passed by."""
        due = select(*_BARE).where(_WAITS, DELIVERY.c.due_at <= now).order_by(DELIVERY.c.at, DELIVERY.c.guid)
        with self._writing() as connection:
            taken = connection.execute(due.limit(most).with_for_update(skip_locked=True)).all()
            if names := [row.guid for row in taken]:
                connection.execute(DELIVERY.update().where(DELIVERY.c.guid.in_(names)).values(due_at=in_utc(until)))
        return tuple(map(_delivery, taken))

    def record_delivery(self, delivery: Delivery) -> None:
        """Keep how far an accepted delivery has come."""
        row = _row(delivery)
        del row["guid"], row["body"]
        if delivery.state is DeliveryState.IGNORED:
            row["body"] = None
        with self._writing() as connection:
            connection.execute(DELIVERY.update().where(DELIVERY.c.guid == str(delivery.guid), _WAITS).values(**row))

    def delivery(self, guid: UUID) -> Delivery | None:
        """A delivery."""
        with self._reading() as connection:
            row = connection.execute(select(DELIVERY).where(DELIVERY.c.guid == str(guid))).one_or_none()
            return None if row is None else _delivery(row)

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        """Deliveries, the newest first."""
        wanted = select(*_BARE).order_by(DELIVERY.c.at.desc(), DELIVERY.c.guid.desc()).limit(most)
        if state is not None:
            wanted = wanted.where(DELIVERY.c.state == state.value)
        with self._reading() as connection:
            return tuple(map(_delivery, connection.execute(wanted)))

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        """Those that are kept."""
        found: set[UUID] = set()
        with self._reading() as connection:
            for chunk in _chunks(guids):
                known = select(DELIVERY.c.guid).where(DELIVERY.c.guid.in_(chunk))
                found.update(UUID(guid) for guid in connection.scalars(known))
        return frozenset(found)

    def waiting_deliveries(self) -> int:
        """How many wait."""
        with self._reading() as connection:
            return connection.scalar(select(func.count()).select_from(DELIVERY).where(_WAITS)) or 0

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        """Forget what is over."""
        old = (~_WAITS, DELIVERY.c.at < bodies, DELIVERY.c.body.is_not(None))
        with self._writing() as connection:
            connection.execute(DELIVERY.delete().where(~_WAITS, DELIVERY.c.at < rows))
            connection.execute(DELIVERY.update().where(*old).values(body=None))

    def _reading(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError


def _insert(connection: Connection) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(DELIVERY) if connection.dialect.name == "postgresql" else sqlite.insert(DELIVERY)


def _chunks(guids: Collection[UUID]) -> Iterator[list[str]]:
    wanted = iter(sorted({str(guid) for guid in guids}))
    while chunk := list(islice(wanted, _CHUNK)):
        yield chunk


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        **delivery.model_dump(),
        "guid": str(delivery.guid),
        "source": delivery.source.value,
        "state": delivery.state.value,
        "start": delivery.start and delivery.start.model_dump(mode="json"),
    }


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery.model_validate(row._asdict())
