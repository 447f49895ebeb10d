"""What a ledger can do, a protocol for each feature: a caller asks for the one that it needs.

All of it may be called from several threads, and by several processes that share one database. Whatever a method has
recorded when it returns is kept. Each method raises LedgerError when the ledger cannot be reached or read.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import ReleasePart
from interlock.model.cascade import Cascade, Progress
from interlock.model.delivery import Delivery, DeliveryState
from interlock.model.dispatches import DispatchRecord, Order
from interlock.model.release import Release
from interlock.model.verdicts import CellKey, Run, Verdict


class KnownCell(FrozenModel):
    """What a cell showed when it was last looked at.

    Attributes:
        at: When that was, in UTC.
        run: The fingerprint of the run that says so; None where it was not kept.
    """

    verdict: Verdict
    at: AwareDatetime
    run: str | None = None


class KnownContract(FrozenModel):
    """What became of a package's contract at a commit.

    Attributes:
        sha: The commit, 40 hex digits.
        part: The part of the version that the change asks for: patch, minor or major.
        text: What changed, for people; a line for each thing.
        at: When that was found out.
    """

    package: str
    sha: str
    part: ReleasePart
    text: str
    at: AwareDatetime


class VerdictLedger(Protocol):
    """The memory of runs, and of every cell's last verdict."""

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

    def versions_of(self, upstream: str) -> frozenset[str]:
        """The versions of an upstream of which any cell is known, as they were written."""
        ...

    def cells_of(self, upstream: str, version: str) -> dict[CellKey, KnownCell]:
        """The last verdict of every cell of one version of an upstream."""
        ...

    def record_cells(
        self, cells: Mapping[CellKey, Verdict], at: datetime, runs: Mapping[CellKey, str] | None = None
    ) -> None:
        """Keep the cells' verdicts, all of them or none; one that is already known from later than `at` stays.

        Args:
            cells: Their verdicts.
            at: When they were found out.
            runs: By cell, the fingerprint of the run that says so, where there is one.

        Raises:
            ValueError: `at` has no time zone.
        """
        ...


class ReleaseLedger(Protocol):
    """The memory of releases, and of what their dispatches became."""

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


class CascadeLedger(Protocol):
    """The memory of cascades, in which several processes may be at work."""

    def begin_cascade(self, cascade: Cascade) -> Cascade:
        """Keep a cascade, unless there is one of this id: a second process joins the first.

        Returns:
            The one that is kept, as `cascade` gives it. What the methods below change must have been begun here.
        """
        ...

    def record_progress(self, cascade: str, *progress: Progress) -> None:
        """Keep how far packages of a cascade have come; what is kept of the others stays, and released is for ever."""
        ...

    def hold(self, cascade: str, package: str, why: str | None) -> None:
        """Keep that a person holds a package of a cascade, and why; None: holds it no more."""
        ...

    def abort_cascade(self, cascade: str, aborted: bool = True) -> None:
        """Keep that a person ended a cascade, or that it goes on after all."""
        ...

    def end_cascade(self, cascade: str, at: datetime | None) -> None:
        """Keep when a cascade had nothing left to do; None: it goes on."""
        ...

    def cascade(self, id: str) -> Cascade | None:  # noqa: A002 - the field's name
        """A cascade as it is now, with what other processes have written since."""
        ...

    def cascades(self, root: str | None = None) -> tuple[Cascade, ...]:
        """The cascades of a root, or all, the one that began last first."""
        ...


class ContractLedger(Protocol):
    """The memory of what packages' contracts became."""

    def record_contract(self, known: KnownContract) -> None:
        """Keep what became of a contract; an earlier record of the same package and commit is replaced."""
        ...

    def contract(self, package: str, sha: str) -> KnownContract | None:
        """What became of a package's contract at a commit."""
        ...


class DeliveryLedger(Protocol):
    """The memory of webhook deliveries: what is in it outlives the gateway."""

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        """Keep deliveries, all of them or none; one whose GUID is known stays as it is.

        Returns:
            Those that were new.
        """
        ...

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        """Take accepted deliveries that are due, the oldest first; nobody else is given them before `until`.

        Returns:
            They, as they were, without what was sent.
        """
        ...

    def record_delivery(self, delivery: Delivery) -> None:
        """Keep how far an accepted delivery has come; one that was started or ignored stays so for ever."""
        ...

    def delivery(self, guid: UUID) -> Delivery | None:
        """A delivery, with what was sent as long as that is kept."""
        ...

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        """Deliveries, the newest first, without what was sent.

        Args:
            state: Only those in this state.
            most: How many at most.
        """
        ...

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        """Those of them that are kept."""
        ...

    def waiting_deliveries(self) -> int:
        """How many are accepted and not yet started."""
        ...

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        """Forget what is over: what was sent before one moment, and all that is known of what came before another."""
        ...


class Ledger(VerdictLedger, ReleaseLedger, CascadeLedger, ContractLedger, DeliveryLedger, Protocol):
    """All that is remembered, in one database."""

    def close(self) -> None:
        """Let go of the database; the ledger is not used afterwards."""
        ...
