"""Runs of suites and the last verdict of every cell, in SQLite or PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, select

from interlock.adapters.ledger.engine import Database, chunks, insert
from interlock.adapters.ledger.protocol import KnownCell, VerdictLedger
from interlock.adapters.ledger.tables import CELL, RUN, VERSION_READER, in_utc
from interlock.model.verdicts import CellKey, Run, Verdict

_KEY: Final = tuple(column.name for column in CELL.primary_key)
_FINGERPRINT: Final = attrgetter("fingerprint")
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


class SqlVerdicts(Database, VerdictLedger):
    """The verdicts of `SqlLedger`."""

    def runs(self, fingerprints: Collection[str]) -> dict[str, tuple[Run, ...]]:
        with self._reading() as connection:
            return {
                fingerprint: tuple(map(_run, rows))
                for chunk in chunks(fingerprints)
                for fingerprint, rows in groupby(
                    connection.execute(_RUNS, {"wanted": chunk}), attrgetter("fingerprint")
                )
            }

    def record(self, run: Run) -> None:
        with self._writing() as connection:
            connection.execute(RUN.insert(), _run_row(run))

    def version_readers(self, fingerprints: Collection[str]) -> dict[str, frozenset[str]]:
        packages: dict[str, set[str]] = {}
        with self._reading() as connection:
            for chunk in chunks(fingerprints):
                for row in connection.execute(_READERS, {"wanted": chunk}):
                    packages.setdefault(row.fingerprint, set()).add(row.package)
        return {fingerprint: frozenset(found) for fingerprint, found in packages.items()}

    def record_version_reader(self, fingerprint: str, packages: frozenset[str]) -> None:
        if not packages:
            return
        # In one order, so that two writers never wait for each other.
        rows = [{"fingerprint": fingerprint, "package": package} for package in sorted(packages)]
        with self._writing() as connection:
            connection.execute(insert(connection, VERSION_READER).on_conflict_do_nothing(), rows)

    def cells(self, keys: Collection[CellKey]) -> dict[CellKey, KnownCell]:
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
        wanted = select(CELL.c.upstream_version).where(CELL.c.upstream == upstream).distinct()
        with self._reading() as connection:
            return frozenset(connection.scalars(wanted))

    def cells_of(self, upstream: str, version: str) -> dict[CellKey, KnownCell]:
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
        found, of_runs = in_utc(at), runs or {}
        rows = (
            {**key.model_dump(), "verdict": verdict.value, "at": found, "run": of_runs.get(key)}
            for key, verdict in cells.items()
        )
        self._keep(CELL, rows, newer=lambda new: CELL.c.at <= new.at)


def _by_sheet(keys: Iterable[CellKey]) -> dict[tuple[str, ...], dict[tuple[str, ...], CellKey]]:
    sheets: dict[tuple[str, ...], dict[tuple[str, ...], CellKey]] = {}
    for key in keys:
        sheet = (key.upstream, key.downstream, key.suite, key.python, key.point)
        sheets.setdefault(sheet, {})[key.upstream_version, key.downstream_version] = key
    return sheets


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
