"""Statements in SQLite or PostgreSQL: what is to be told on GitHub, and the lease under which it is told.

Theory of operation. The row of a subject is the newest thing to tell about it, and `due_at` says when: null when it was
told. `claim_statements` moves `due_at` to the lease's end, as for deliveries, so one process at a time tells a subject.

- A statement that comes while its predecessor is being told replaces the row, and leaves the lease as it is: no second
  process starts. The first one notices at `settle_statement`, since the row has another id, and the row is due again.
  So a predecessor is never told after its successor.
- A killed process leaves its rows due at the lease's end. To tell a statement again changes nothing on GitHub.
- An older statement never replaces a newer one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, func, select

from interlock.adapters.ledger.engine import Database, insert
from interlock.adapters.ledger.protocol import StatementLedger
from interlock.adapters.ledger.tables import HOST_WRITES, STATEMENT
from interlock.model.statement import LARGEST, Statement

# Without a result a body is short; what is written by code under test must not fill the memory of who reads it.
_LARGEST_OPEN, _MOST_OPEN = 200_000, 200
_WAITS = STATEMENT.c.due_at.is_not(None)


class SqlStatements(Database, StatementLedger):
    """The statements of `SqlLedger`."""

    def record_statement(self, statement: Statement, *, replaces: UUID | None = None) -> None:
        row = {**statement.model_dump(mode="json"), "at": statement.at, "due_at": statement.at}
        with self._writing() as connection:
            new = insert(connection, STATEMENT)
            changes: dict[str, Any] = {name: new.excluded[name] for name in row if name != "subject"}
            # The lease of the process that tells the predecessor stays.
            changes["due_at"] = case((STATEMENT.c.due_at > new.excluded.due_at, STATEMENT.c.due_at), else_=statement.at)
            may = STATEMENT.c.id == str(replaces) if replaces else new.excluded.at >= STATEMENT.c.at
            connection.execute(new.on_conflict_do_update(index_elements=["subject"], set_=changes, where=may), [row])

    def open_statements(self, family: str) -> tuple[Statement, ...]:
        wanted = STATEMENT.c.run.is_not(None) & (func.length(STATEMENT.c.body) <= _LARGEST_OPEN)
        chosen = select(STATEMENT).where(STATEMENT.c.family == family, wanted).order_by(STATEMENT.c.at.desc())
        with self._reading() as connection:
            return _read(connection.execute(chosen.limit(_MOST_OPEN)).all())

    def claim_statements(self, family: str, now: datetime, until: datetime, most: int) -> tuple[Statement, ...]:
        due = (
            select(STATEMENT)
            .where(STATEMENT.c.family == family, STATEMENT.c.due_at <= now, func.length(STATEMENT.c.body) <= LARGEST)
            .order_by(STATEMENT.c.due_at, STATEMENT.c.subject)
        )
        with self._writing() as connection:
            taken = connection.execute(due.limit(most).with_for_update(skip_locked=True)).all()
            if subjects := [row.subject for row in taken]:
                changed = STATEMENT.update().where(STATEMENT.c.subject.in_(subjects)).values(due_at=until)
                connection.execute(changed)
        return _read(taken)

    def settle_statement(self, subject: str, told: UUID, now: datetime) -> bool:
        is_told = STATEMENT.c.id == str(told)
        with self._writing() as connection:
            rows = STATEMENT.update().where(STATEMENT.c.subject == subject)
            if connection.execute(rows.where(is_told).values(due_at=None)).rowcount:
                return True
            connection.execute(rows.where(_WAITS).values(due_at=now))
        return False

    def waiting_statements(self, family: str, now: datetime) -> int:
        wanted = select(func.count()).select_from(STATEMENT).where(STATEMENT.c.family == family)
        with self._reading() as connection:
            return connection.scalar(wanted.where(STATEMENT.c.due_at <= now)) or 0

    def forget_statements(self, before: datetime) -> None:
        with self._writing() as connection:
            connection.execute(STATEMENT.delete().where(STATEMENT.c.at < before))

    def spend_write(self, now: datetime, *, a_minute: int, an_hour: int) -> float:
        minute = now.replace(second=0, microsecond=0)
        with self._writing() as connection:
            connection.execute(HOST_WRITES.delete().where(HOST_WRITES.c.minute < minute - timedelta(hours=1)))
            rows = connection.execute(select(HOST_WRITES)).all()
            written: dict[datetime, int] = {row.minute: row.number for row in rows}
            if sum(written.values()) >= an_hour:
                return (min(written) + timedelta(hours=1, minutes=1) - now).total_seconds()
            if written.get(minute, 0) >= a_minute:
                return (minute + timedelta(minutes=1) - now).total_seconds()
            new = insert(connection, HOST_WRITES).values(minute=minute, number=1)
            counted = {"number": HOST_WRITES.c.number + 1}
            connection.execute(new.on_conflict_do_update(index_elements=["minute"], set_=counted))
        return 0.0


def _read(rows: Iterable[Row[Any]]) -> tuple[Statement, ...]:
    names = Statement.model_fields
    return tuple(Statement.model_validate({name: getattr(row, name) for name in names}) for row in rows)
