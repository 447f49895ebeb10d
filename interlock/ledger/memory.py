"""A ledger that ends with the program: for tests, and for who wants nothing kept."""

import threading
from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from interlock.cascade_plan import Cascade, Progress, State
from interlock.dispatches import DispatchRecord, Order
from interlock.ledger.memory_deliveries import MemoryDeliveries
from interlock.ledger.protocol import KnownCell, KnownContract, in_utc
from interlock.lifecycle import Release
from interlock.verdicts import CellKey, Run, Verdict


class MemoryLedger(MemoryDeliveries):
    """The twin of `SqlLedger` without a database; see `Ledger` for what its methods do."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._runs: dict[str, list[Run]] = {}
        self._readers: dict[str, frozenset[str]] = {}
        self._cells: dict[CellKey, KnownCell] = {}
        self._releases: dict[tuple[str, str], Release] = {}
        self._cascades: dict[str, Cascade] = {}
        self._dispatches: dict[tuple[str, str], DispatchRecord] = {}
        self._contracts: dict[tuple[str, str], KnownContract] = {}

    def runs(self, fingerprints: Collection[str]) -> dict[str, tuple[Run, ...]]:
        """All runs of each fingerprint that has any, oldest first."""
        with self._lock:
            return {
                fingerprint: tuple(sorted(self._runs[fingerprint], key=lambda run: run.started_at))
                for fingerprint in fingerprints
                if fingerprint in self._runs
            }

    def record(self, run: Run) -> None:
        """Add a run."""
        kept = run.model_copy(update={"started_at": in_utc(run.started_at)})
        with self._lock:
            self._runs.setdefault(run.fingerprint, []).append(kept)

    def version_readers(self, fingerprints: Collection[str]) -> dict[str, frozenset[str]]:
        """The packages whose version each base fingerprint's suite reads."""
        with self._lock:
            return {
                fingerprint: self._readers[fingerprint] for fingerprint in fingerprints if fingerprint in self._readers
            }

    def record_version_reader(self, fingerprint: str, packages: frozenset[str]) -> None:
        """Add packages to a base fingerprint's."""
        if not packages:
            return
        with self._lock:
            self._readers[fingerprint] = self._readers.get(fingerprint, frozenset()) | packages

    def cells(self, keys: Collection[CellKey]) -> dict[CellKey, KnownCell]:
        """The last verdict of each cell that has one."""
        with self._lock:
            return {key: self._cells[key] for key in keys if key in self._cells}

    def versions_of(self, upstream: str) -> frozenset[str]:
        """The versions of an upstream of which any cell is known."""
        with self._lock:
            return frozenset(key.upstream_version for key in self._cells if key.upstream == upstream)

    def cells_of(self, upstream: str, version: str) -> dict[CellKey, KnownCell]:
        """The last verdict of every cell of one version of an upstream."""
        with self._lock:
            return {
                key: known
                for key, known in self._cells.items()
                if (key.upstream, key.upstream_version) == (upstream, version)
            }

    def record_cells(
        self, cells: Mapping[CellKey, Verdict], at: datetime, runs: Mapping[CellKey, str] | None = None
    ) -> None:
        """Keep verdicts, unless a later one is known."""
        moment = in_utc(at)
        with self._lock:
            for key, verdict in cells.items():
                known = self._cells.get(key)
                if known is None or known.at <= moment:
                    self._cells[key] = KnownCell(verdict=verdict, at=moment, run=(runs or {}).get(key))

    def record_release(self, release: Release) -> None:
        """Keep how far a release has come."""
        with self._lock:
            self._releases[release.package, str(release.version)] = release

    def releases(self, package: str | None = None) -> tuple[Release, ...]:
        """The releases of a package, or of all, the one that began last first."""
        with self._lock:
            found = [release for release in self._releases.values() if package in {None, release.package}]
        return tuple(sorted(found, key=lambda release: release.began_at, reverse=True))

    def record_dispatch(self, record: DispatchRecord) -> None:
        """Keep what is known of a dispatch."""
        with self._lock:
            self._dispatches[record.order.id, record.order.repository] = record

    def dispatch(self, order: Order) -> DispatchRecord | None:
        """What is known of a dispatch."""
        with self._lock:
            return self._dispatches.get((order.id, order.repository))

    def begin_cascade(self, cascade: Cascade) -> Cascade:
        """Keep a cascade, unless there is one of this id."""
        with self._lock:
            return self._cascades.setdefault(cascade.id, cascade)

    def record_progress(self, cascade: str, *progress: Progress) -> None:
        """Keep how far packages have come."""
        with self._lock:
            kept = self._cascades[cascade]
            out = State.RELEASED
            news = [each for each in progress if kept.state(each.package) is not out or each.state is out]
            self._cascades[cascade] = kept.with_progress(*news)

    def hold(self, cascade: str, package: str, why: str | None) -> None:
        """Keep that a person holds a package, or holds it no more."""
        with self._lock:
            kept = self._cascades[cascade]
            others = {name: reason for name, reason in kept.holds.items() if name != package}
            self._update(kept, holds=others if why is None else {**others, package: why})

    def abort_cascade(self, cascade: str, aborted: bool = True) -> None:
        """Keep that a person ended a cascade, or that it goes on after all."""
        with self._lock:
            self._update(self._cascades[cascade], aborted=aborted)

    def end_cascade(self, cascade: str, at: datetime | None) -> None:
        """Keep when a cascade had nothing left to do."""
        with self._lock:
            self._update(self._cascades[cascade], ended_at=at and in_utc(at))

    def cascade(self, id: str) -> Cascade | None:  # noqa: A002 - the field's name
        """A cascade as it is now."""
        with self._lock:
            return self._cascades.get(id)

    def cascades(self, root: str | None = None) -> tuple[Cascade, ...]:
        """The cascades of a root, or all, the one that began last first."""
        with self._lock:
            found = [cascade for cascade in self._cascades.values() if root in {None, cascade.root}]
        return tuple(sorted(found, key=lambda cascade: cascade.began_at, reverse=True))

    def record_contract(self, known: KnownContract) -> None:
        """Keep what became of a contract."""
        with self._lock:
            self._contracts[known.package, known.sha] = known.model_copy(update={"at": in_utc(known.at)})

    def contract(self, package: str, sha: str) -> KnownContract | None:
        """What became of a package's contract at a commit."""
        with self._lock:
            return self._contracts.get((package, sha))

    def _update(self, kept: Cascade, **fields: object) -> None:
        self._cascades[kept.id] = kept.model_copy(update=fields)

    def close(self) -> None:
        """There is nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
