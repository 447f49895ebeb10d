"""Cascades in SQLite or PostgreSQL."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select, true

from interlock.adapters.ledger.engine import Database, insert
from interlock.adapters.ledger.protocol import CascadeLedger
from interlock.adapters.ledger.tables import CASCADE, CASCADE_HOLD, CASCADE_PACKAGE
from interlock.model.cascade import Cascade, CascadePlan, Progress, State


class SqlCascades(Database, CascadeLedger):
    """The cascades of `SqlLedger`."""

    def begin_cascade(self, cascade: Cascade) -> Cascade:
        # a second process waits here until the first has written, then reads it
        with self._writing() as connection:
            first = insert(connection, CASCADE).on_conflict_do_nothing().returning(CASCADE.c.id)
            if connection.scalar(first, _cascade_row(cascade)) is not None:
                connection.execute(CASCADE_PACKAGE.insert(), _progress_rows(cascade.id, cascade.progress.values()))
                if cascade.holds:
                    holds = [
                        {"cascade": cascade.id, "package": name, "why": why} for name, why in cascade.holds.items()
                    ]
                    connection.execute(CASCADE_HOLD.insert(), holds)
        with self._reading() as connection:
            return next(_read_cascades(connection, CASCADE.c.id == cascade.id))

    def record_progress(self, cascade: str, *progress: Progress) -> None:
        out = State.RELEASED.value
        table = CASCADE_PACKAGE
        # A released package stays released.
        self._keep(
            table, _progress_rows(cascade, progress), newer=lambda new: (table.c.state != out) | (new.state == out)
        )

    def hold(self, cascade: str, package: str, why: str | None) -> None:
        if why is not None:
            self._keep(CASCADE_HOLD, [{"cascade": cascade, "package": package, "why": why}])
            return
        theirs = (CASCADE_HOLD.c.cascade == cascade, CASCADE_HOLD.c.package == package)
        with self._writing() as connection:
            connection.execute(CASCADE_HOLD.delete().where(*theirs))

    def abort_cascade(self, cascade: str, aborted: bool = True) -> None:
        self._change(cascade, aborted=aborted)

    def end_cascade(self, cascade: str, at: datetime | None) -> None:
        self._change(cascade, ended_at=at)

    def cascade(self, id: str) -> Cascade | None:  # noqa: A002 - the field's name
        with self._reading() as connection:
            return next(_read_cascades(connection, CASCADE.c.id == id), None)

    def cascades(self, root: str | None = None) -> tuple[Cascade, ...]:
        wanted = true() if root is None else CASCADE.c.root == root
        with self._reading() as connection:
            return tuple(_read_cascades(connection, wanted))

    def _change(self, cascade: str, **fields: object) -> None:
        with self._writing() as connection:
            connection.execute(CASCADE.update().where(CASCADE.c.id == cascade).values(**fields))


def _cascade_row(cascade: Cascade) -> dict[str, Any]:
    return {
        "id": cascade.id,
        "root": cascade.root,
        "version": str(cascade.version),
        "began_at": cascade.began_at,
        "ended_at": cascade.ended_at,
        "aborted": cascade.aborted,
        "plan": cascade.plan.model_dump(mode="json"),
    }


def _progress_rows(cascade: str, progress: Iterable[Progress]) -> list[dict[str, Any]]:
    return [
        {
            "cascade": cascade,
            "package": each.package,
            "state": each.state.value,
            "progress": each.model_dump(mode="json"),
        }
        for each in progress
    ]


def _read_cascades(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[Cascade]:
    """The cascades of a query, newest start first; a row that can't be read is a ValueError."""
    rows = connection.execute(select(CASCADE).where(wanted).order_by(CASCADE.c.began_at.desc(), CASCADE.c.id))
    for row in rows.all():
        yield _cascade(row, _theirs(connection, CASCADE_PACKAGE, row.id), _theirs(connection, CASCADE_HOLD, row.id))


def _theirs(connection: Connection, table: Table, cascade: str) -> list[Row[Any]]:
    return list(connection.execute(select(table).where(table.c.cascade == cascade)).all())


def _cascade(row: Row[Any], packages: Iterable[Row[Any]], holds: Iterable[Row[Any]]) -> Cascade:
    plan = CascadePlan.model_validate(row.plan)
    progress = {each.package: each.progress for each in packages}
    fields = row._asdict() | {
        "plan": plan,
        "progress": {name: progress[name] for name in plan.by_name if name in progress},
        "holds": {each.package: each.why for each in holds},
    }
    return Cascade.model_validate(fields)
