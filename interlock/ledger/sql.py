"""A ledger in SQLite or PostgreSQL."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, Self

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Row, Table, and_, bindparam, select, true
from sqlalchemy.dialects import postgresql, sqlite

from interlock.cascade_plan import Cascade, Progress, State
from interlock.dispatches import DispatchRecord, Order
from interlock.ledger.cascades import cascade_row, hold_rows, progress_rows, read_cascades
from interlock.ledger.engine import connect, writer
from interlock.ledger.migrate import bring_up_to_date
from interlock.ledger.place import Place, place_of
from interlock.ledger.protocol import KnownCell, KnownContract, in_utc
from interlock.ledger.sql_deliveries import SqlDeliveries
from interlock.ledger.tables import (
    CASCADE,
    CASCADE_HOLD,
    CASCADE_PACKAGE,
    CELL,
    CONTRACT,
    DISPATCH,
    RELEASE,
    RUN,
    VERSION_READER,
)
from interlock.lifecycle import Release
from interlock.verdicts import CellKey, Run, Verdict

# Fingerprints a query: far under what either database takes, and no more logs in memory than needed.
_CHUNK: Final = 1000
_KEY: Final = tuple(column.name for column in CELL.primary_key)
_SHEET: Final = ("upstream", "downstream", "suite", "python", "point")

_RUNS = (
    select(RUN)
    .where(RUN.c.fingerprint.in_(bindparam("wanted", expanding=True)))
    .order_by(RUN.c.fingerprint, RUN.c.started_at, RUN.c.id)
)
_READERS = select(VERSION_READER).where(VERSION_READER.c.fingerprint.in_(bindparam("wanted", expanding=True)))
_CELLS_OF_SHEET = select(
    CELL.c.upstream_version, CELL.c.downstream_version, CELL.c.verdict, CELL.c.at, CELL.c.run
).where(and_(*(CELL.c[name] == bindparam(name) for name in _SHEET)))


class SqlLedger(SqlDeliveries):
    """The ledger of `open_ledger`; see `Ledger` for what its methods do."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self._reader = engine
        self._writer = writer(engine)
        self._place = place

    def __repr__(self) -> str:
        return f"<SqlLedger {self._place.name}>"

    def runs(self, fingerprints: Collection[str]) -> dict[str, tuple[Run, ...]]:
        """All runs of each fingerprint that has any, oldest first; reads a thousand fingerprints at a time."""
        with self._reading() as connection:
            return {
                fingerprint: tuple(map(_run, rows))
                for chunk in _chunks(fingerprints)
                for fingerprint, rows in groupby(connection.execute(_RUNS, {"wanted": chunk}), _fingerprint)
            }

    def record(self, run: Run) -> None:
        """Add a run, in a transaction of its own."""
        with self._writing() as connection:
            connection.execute(RUN.insert(), _run_row(run))

    def version_readers(self, fingerprints: Collection[str]) -> dict[str, frozenset[str]]:
        """The packages whose version each base fingerprint's suite reads."""
        packages: dict[str, set[str]] = {}
        with self._reading() as connection:
            for chunk in _chunks(fingerprints):
                for row in connection.execute(_READERS, {"wanted": chunk}):
                    packages.setdefault(row.fingerprint, set()).add(row.package)
        return {fingerprint: frozenset(found) for fingerprint, found in packages.items()}

    def record_version_reader(self, fingerprint: str, packages: frozenset[str]) -> None:
        """Add packages to a base fingerprint's; sorted, so that two writers never wait for each other in a circle."""
        if not packages:
            return
        rows = [{"fingerprint": fingerprint, "package": package} for package in sorted(packages)]
        with self._writing() as connection:
            connection.execute(_insert(connection, VERSION_READER).on_conflict_do_nothing(), rows)

    def cells(self, keys: Collection[CellKey]) -> dict[CellKey, KnownCell]:
        """The last verdict of each cell that has one; reads a sheet at a time."""
        known: dict[CellKey, KnownCell] = {}
        with self._reading() as connection:
            for sheet, wanted in _by_sheet(keys).items():
                rows = connection.execute(_CELLS_OF_SHEET, dict(zip(_SHEET, sheet, strict=True)))
                for *versions, verdict, at, run in rows:
                    key = wanted.get(tuple(versions))
                    if key is not None:
                        known[key] = KnownCell(verdict=verdict, at=at, run=run)
        return known

    def versions_of(self, upstream: str) -> frozenset[str]:
        """The versions of an upstream of which any cell is known."""
        wanted = select(CELL.c.upstream_version).where(CELL.c.upstream == upstream).distinct()
        with self._reading() as connection:
            return frozenset(connection.scalars(wanted))

    def cells_of(self, upstream: str, version: str) -> dict[CellKey, KnownCell]:
        """The last verdict of every cell of one version of an upstream."""
        wanted = select(CELL).where(CELL.c.upstream == upstream, CELL.c.upstream_version == version)
        with self._reading() as connection:
            rows = [row._asdict() for row in connection.execute(wanted)]
            return {
                CellKey.model_validate({name: row[name] for name in _KEY}): KnownCell(
                    verdict=row["verdict"], at=row["at"], run=row["run"]
                )
                for row in rows
            }

    def record_cells(
        self, cells: Mapping[CellKey, Verdict], at: datetime, runs: Mapping[CellKey, str] | None = None
    ) -> None:
        """Keep verdicts in one transaction, unless a later one is known."""
        moment, shown = in_utc(at), runs or {}
        rows = [
            {**key.model_dump(), "verdict": verdict.value, "at": moment, "run": shown.get(key)}
            for key, verdict in cells.items()
        ]
        if not rows:
            return
        # PostgreSQL locks row by row; who all go in one order never wait in a circle
        rows.sort(key=itemgetter(*_KEY))
        with self._writing() as connection:
            insert = _insert(connection, CELL)
            newer = insert.on_conflict_do_update(
                index_elements=_KEY,
                set_={name: insert.excluded[name] for name in ("verdict", "at", "run")},
                where=CELL.c.at <= insert.excluded.at,
            )
            connection.execute(newer, rows)

    def record_release(self, release: Release) -> None:
        """Keep how far a release has come."""
        self._keep(
            RELEASE,
            package=release.package,
            version=str(release.version),
            began_at=release.began_at,
            ended_at=release.ended_at,
            release=release.model_dump(mode="json"),
        )

    def releases(self, package: str | None = None) -> tuple[Release, ...]:
        """The releases of a package, or of all, the one that began last first."""
        wanted = select(RELEASE.c.release).order_by(RELEASE.c.began_at.desc(), RELEASE.c.package)
        if package is not None:
            wanted = wanted.where(RELEASE.c.package == package)
        with self._reading() as connection:
            return tuple(Release.model_validate(body) for body in connection.scalars(wanted))

    def record_dispatch(self, record: DispatchRecord) -> None:
        """Keep what is known of a dispatch."""
        order = record.order
        self._keep(
            DISPATCH,
            id=order.id,
            repository=order.repository,
            state=record.state.value,
            at=record.at,
            record=record.model_dump(mode="json"),
        )

    def dispatch(self, order: Order) -> DispatchRecord | None:
        """What is known of a dispatch."""
        wanted = select(DISPATCH.c.record).where(DISPATCH.c.id == order.id, DISPATCH.c.repository == order.repository)
        with self._reading() as connection:
            found = connection.scalar(wanted)
            return None if found is None else DispatchRecord.model_validate(found)

    def begin_cascade(self, cascade: Cascade) -> Cascade:
        """Keep a cascade, unless there is one of this id; who comes second waits for the first, then reads it."""
        with self._writing() as connection:
            first = _insert(connection, CASCADE).on_conflict_do_nothing().returning(CASCADE.c.id)
            if connection.scalar(first, cascade_row(cascade)) is not None:
                connection.execute(CASCADE_PACKAGE.insert(), progress_rows(cascade.id, cascade.progress.values()))
                if cascade.holds:
                    connection.execute(CASCADE_HOLD.insert(), hold_rows(cascade))
        with self._reading() as connection:
            return next(read_cascades(connection, CASCADE.c.id == cascade.id))

    def record_progress(self, cascade: str, *progress: Progress) -> None:
        """Keep how far packages have come, all of them or none."""
        if not progress:
            return
        # in one order, so that two writers never wait for each other in a circle
        rows = sorted(progress_rows(cascade, progress), key=itemgetter("package"))
        with self._writing() as connection:
            insert = _insert(connection, CASCADE_PACKAGE)
            newer = insert.on_conflict_do_update(
                index_elements=["cascade", "package"],
                set_={"state": insert.excluded.state, "progress": insert.excluded.progress},
                # What is out stays so.
                where=(CASCADE_PACKAGE.c.state != State.RELEASED.value)
                | (insert.excluded.state == State.RELEASED.value),
            )
            connection.execute(newer, rows)

    def hold(self, cascade: str, package: str, why: str | None) -> None:
        """Keep that a person holds a package, or holds it no more."""
        if why is not None:
            self._keep(CASCADE_HOLD, cascade=cascade, package=package, why=why)
            return
        theirs = (CASCADE_HOLD.c.cascade == cascade, CASCADE_HOLD.c.package == package)
        with self._writing() as connection:
            connection.execute(CASCADE_HOLD.delete().where(*theirs))

    def abort_cascade(self, cascade: str, aborted: bool = True) -> None:
        """Keep that a person ended a cascade, or that it goes on after all."""
        self._change(cascade, aborted=aborted)

    def end_cascade(self, cascade: str, at: datetime | None) -> None:
        """Keep when a cascade had nothing left to do."""
        self._change(cascade, ended_at=at)

    def cascade(self, id: str) -> Cascade | None:  # noqa: A002 - the field's name
        """A cascade as it is now."""
        with self._reading() as connection:
            return next(read_cascades(connection, CASCADE.c.id == id), None)

    def cascades(self, root: str | None = None) -> tuple[Cascade, ...]:
        """The cascades of a root, or all, the one that began last first."""
        wanted = true() if root is None else CASCADE.c.root == root
        with self._reading() as connection:
            return tuple(read_cascades(connection, wanted))

    def record_contract(self, known: KnownContract) -> None:
        """Keep what became of a contract."""
        self._keep(CONTRACT, **known.model_dump() | {"part": known.part.value})

    def contract(self, package: str, sha: str) -> KnownContract | None:
        """What became of a package's contract at a commit."""
        wanted = select(CONTRACT).where(CONTRACT.c.package == package, CONTRACT.c.sha == sha)
        with self._reading() as connection:
            found = connection.execute(wanted).one_or_none()
            return None if found is None else KnownContract.model_validate(found._asdict())

    def _change(self, cascade: str, **fields: object) -> None:
        with self._writing() as connection:
            connection.execute(CASCADE.update().where(CASCADE.c.id == cascade).values(**fields))

    def _keep(self, table: Table, **row: object) -> None:
        """Insert a row, or replace the one with its key."""
        key = [column.name for column in table.primary_key]
        with self._writing() as connection:
            insert = _insert(connection, table).values(**row)
            others = {name: insert.excluded[name] for name in row if name not in key}
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=others))

    def close(self) -> None:
        """Close all connections; the last program to do so on SQLite also folds the -wal file into the ledger."""
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._place.blamed(), self._reader.begin() as connection:
                yield connection
        # pydantic's and json's errors are ValueErrors
        except (ValueError, zlib.error) as error:
            raise self._place.damage(" ".join(str(error).split())[:300]) from error

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._place.blamed(), self._writer.begin() as connection:
            yield connection


def open_ledger(url: SecretStr | None = None) -> SqlLedger:
    """Open the ledger, make it if there is none, and bring it to the form that this program knows.

    Args:
        url: `sqlite:////a/path` or `postgresql://user:password@host/database`.
            Default: `$INTERLOCK_LEDGER_URL`, or `ledger.db` in Interlock's home.

    Raises:
        LedgerError: It cannot be reached, is damaged, or was made by a newer Interlock.
    """
    place = place_of(url)
    engine = connect(place)
    try:
        bring_up_to_date(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return SqlLedger(engine, place)


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _chunks(fingerprints: Iterable[str]) -> Iterator[list[str]]:
    wanted = list(set(fingerprints))
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))


def _by_sheet(keys: Iterable[CellKey]) -> dict[tuple[str, ...], dict[tuple[str, ...], CellKey]]:
    sheets: dict[tuple[str, ...], dict[tuple[str, ...], CellKey]] = {}
    for key in keys:
        sheet = (key.upstream, key.downstream, key.suite, key.python, key.point)
        sheets.setdefault(sheet, {})[key.upstream_version, key.downstream_version] = key
    return sheets


def _fingerprint(row: Row[Any]) -> str:
    return str(row.fingerprint)


def _run_row(run: Run) -> dict[str, Any]:
    return {
        **run.model_dump(),
        "status": run.status.value,
        "tests": [test.model_dump(mode="json") for test in run.tests],
        "lock": list(run.lock),
        "reads": sorted(run.reads),
    }


def _run(row: Row[Any]) -> Run:
    fields = row._asdict()
    del fields["id"]
    return Run.model_validate(fields)
