"""How a cascade is written as rows, and read from them."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select

from interlock.cascade_plan import Cascade, CascadePlan, Progress
from interlock.ledger.tables import CASCADE, CASCADE_HOLD, CASCADE_PACKAGE


def cascade_row(cascade: Cascade) -> dict[str, Any]:
    """What stands of it in `ledger_cascade`."""
    return {
        "id": cascade.id,
        "root": cascade.root,
        "version": str(cascade.version),
        "began_at": cascade.began_at,
        "ended_at": cascade.ended_at,
        "aborted": cascade.aborted,
        "plan": cascade.plan.model_dump(mode="json"),
    }


def progress_rows(cascade: str, progress: Iterable[Progress]) -> list[dict[str, Any]]:
    """A row for each package."""
    return [
        {
            "cascade": cascade,
            "package": each.package,
            "state": each.state.value,
            "progress": each.model_dump(mode="json"),
        }
        for each in progress
    ]


def hold_rows(cascade: Cascade) -> list[dict[str, Any]]:
    """A row for each package that a person holds."""
    return [{"cascade": cascade.id, "package": name, "why": why} for name, why in cascade.holds.items()]


def read_cascades(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[Cascade]:
    """The cascades of a query, the one that began last first.

    Raises:
        ValueError: What is kept is none.
    """
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
