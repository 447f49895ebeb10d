"""Webhook deliveries in SQLite or PostgreSQL, and the lease under which each is started.

Theory of operation. A delivery is a row before its sender is answered, so that an answer of success is a promise. It
waits, `accepted`, until a worker has recorded what became of it. Several workers, in several processes, serve one
table.

The lease has no holder: it is the moment in `due_at`. `claim_deliveries` reads waiting rows that are due and moves
their `due_at` to the lease's end, in one transaction. Until then no other claim sees them as due. A row without a
`due_at` is due, whatever its clock said when it was accepted. One that is due later than any pause or lease can last
was set while a clock was wrong, and is due too.

- SQLite: the transaction starts by taking the only write lock, so a second claim reads after the first has committed.
- PostgreSQL: `FOR UPDATE SKIP LOCKED` passes by rows that another claim has in hand. It reads a row again that another
  claim has changed since this statement started, and finds it not due any more.

What can interrupt it, and why nothing is lost or done twice:

- A killed worker leaves its rows waiting. They are due at the lease's end, and the next claim takes them.
- A worker that is slower than its lease, or that is killed between starting a run and recording it, lets a delivery be
  started again. The second start has the same `Start.key`, so that it finds the run of the first.
- A late `record_delivery` changes only a row that still waits: what was started or ignored stays so. On a row that
  waits it moves `due_at`, which at worst ends another worker's lease early: the case before.
- What waits is never forgotten, however old it is.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, func, or_, select

from interlock.adapters.ledger.engine import Database, chunks, insert
from interlock.adapters.ledger.protocol import DeliveryLedger
from interlock.adapters.ledger.tables import DELIVERY
from interlock.common.clock import now
from interlock.model.delivery import Delivery, DeliveryState, Source

# Longer than any pause or lease of a worker.
_FARTHEST = timedelta(hours=1)
_WAITS = DELIVERY.c.state == DeliveryState.ACCEPTED.value
_BARE = [column for column in DELIVERY.c if column.name != "body"]


class SqlDeliveries(Database, DeliveryLedger):
    """The deliveries of `SqlLedger`."""

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        if not arrived:
            return frozenset()
        # In one order, so that two writers never wait for each other.
        rows = sorted(map(_row, {each.guid: each for each in reversed(arrived)}.values()), key=itemgetter("guid"))
        with self._writing() as connection:
            new = insert(connection, DELIVERY).on_conflict_do_nothing().returning(DELIVERY.c.guid)
            return frozenset(UUID(guid) for guid in connection.scalars(new, rows))

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        moment = DELIVERY.c.due_at
        is_due = or_(moment.is_(None), moment <= now, moment > now + _FARTHEST)
        due = select(*_BARE).where(_WAITS, is_due).order_by(DELIVERY.c.at, DELIVERY.c.guid)
        with self._writing() as connection:
            taken = connection.execute(due.limit(most).with_for_update(skip_locked=True)).all()
            if names := [row.guid for row in taken]:
                connection.execute(DELIVERY.update().where(DELIVERY.c.guid.in_(names)).values(due_at=until))
        return tuple(map(_delivery, taken))

    def record_delivery(self, delivery: Delivery) -> None:
        row = _row(delivery)
        del row["guid"], row["body"]
        if delivery.state is DeliveryState.IGNORED:
            row["body"] = None
        with self._writing() as connection:
            connection.execute(DELIVERY.update().where(DELIVERY.c.guid == str(delivery.guid), _WAITS).values(**row))

    def delivery(self, guid: UUID) -> Delivery | None:
        with self._reading() as connection:
            row = connection.execute(select(DELIVERY).where(DELIVERY.c.guid == str(guid))).one_or_none()
            return None if row is None else _delivery(row)

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        wanted = select(*_BARE).order_by(DELIVERY.c.at.desc(), DELIVERY.c.guid.desc()).limit(most)
        if state is not None:
            wanted = wanted.where(DELIVERY.c.state == state.value)
        with self._reading() as connection:
            return tuple(map(_delivery, connection.execute(wanted)))

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        found: set[UUID] = set()
        with self._reading() as connection:
            for chunk in chunks(map(str, guids)):
                known = select(DELIVERY.c.guid).where(DELIVERY.c.guid.in_(chunk))
                found.update(UUID(guid) for guid in connection.scalars(known))
        return frozenset(found)

    def waiting_deliveries(self) -> int:
        with self._reading() as connection:
            return connection.scalar(select(func.count()).select_from(DELIVERY).where(_WAITS)) or 0

    def check_writable(self) -> None:
        self._location.check_room()
        row = _row(Delivery(guid=uuid4(), source=Source.SIGNED, event="", at=now(), state=DeliveryState.IGNORED))
        with self._writing() as connection:
            connection.execute(DELIVERY.insert().values(**row))
            connection.execute(DELIVERY.delete().where(DELIVERY.c.guid == row["guid"]))

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        old = (~_WAITS, DELIVERY.c.at < bodies, DELIVERY.c.body.is_not(None))
        with self._writing() as connection:
            connection.execute(DELIVERY.delete().where(~_WAITS, DELIVERY.c.at < rows))
            connection.execute(DELIVERY.update().where(*old).values(body=None))


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
