"""What every ledger can do; the twins `SqlLedger` and `MemoryLedger` pass the same tests."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime

from interlock.dispatches import DispatchRecord, Order
from interlock.lifecycle import Release
from interlock.values import Value
from interlock.verdicts import CellKey, Run, Verdict


class KnownCell(Value):
    """What a cell showed when it was last looked at.

    Attributes:
        at: When that was, in UTC.
    """

    verdict: Verdict
    at: AwareDatetime


class Ledger(Protocol):
    """The memory of every run, of every cell's last verdict, and of releases with their dispatches.

    All of it may be called from several threads, and by several processes that share one database. Whatever a method
    has recorded when it returns is kept. Each method raises LedgerError when the ledger cannot be reached or read.
    """

    def runs(self, fingerprints: Collection[str]) -> dict[str, tuple[Run, ...]]:
        """All runs of each fingerprint that has any, oldest first: by `started_at`, then as they were recorded."""
        ...

    def record(self, run: Run) -> None:
        """Add a run to those of its fingerprint; nothing is ever replaced."""
        ...

    def version_readers(self, fingerprints: Collection[str]) -> dict[str, frozenset[str]]:
        """For each base fingerprint that has any: the family packages whose version its suite was seen to read."""
        ...

    def record_version_reader(self, fingerprint: str, packages: frozenset[str]) -> None:
        """Add packages to those whose version a base fingerprint's suite reads; the set only grows."""
        ...

    def cells(self, keys: Collection[CellKey]) -> dict[CellKey, KnownCell]:
        """The last verdict of each cell that has one."""
        ...

    def record_cells(self, cells: Mapping[CellKey, Verdict], at: datetime) -> None:
        """Keep the cells' verdicts, all of them or none; one that is already known from later than `at` stays.

        Raises:
            ValueError: `at` has no time zone.
        """
        ...

    def record_release(self, release: Release) -> None:
        """Keep how far a release has come; an earlier record of the same package and version is replaced."""
        ...

    def releases(self, package: str | None = None) -> tuple[Release, ...]:
        """The releases of a package, or of all, the one that began last first."""
        ...

    def record_dispatch(self, record: DispatchRecord) -> None:
        """Keep what is known of a dispatch; an earlier record of the same id and repository is replaced."""
        ...

    def dispatch(self, order: Order) -> DispatchRecord | None:
        """What is known of a dispatch."""
        ...

    def close(self) -> None:
        """Let go of the database; the ledger is not used afterwards."""
        ...


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: It has no time zone, and so is no moment.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)
