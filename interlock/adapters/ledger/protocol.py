"""The ledger, as one protocol for each feature: a function takes the protocol that it needs.

All methods may be called from several threads, and by several processes that share one database. What a method has
recorded is durable when it returns. Each method raises LedgerError when the ledger cannot be reached or read.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from packaging.version import Version
from pydantic import AwareDatetime

from interlock.common.frozen_model import FrozenModel
from interlock.model.bump import ReleasePart
from interlock.model.cascade import Cascade, Progress
from interlock.model.delivery import Delivery, DeliveryState
from interlock.model.dispatches import DispatchRecord, Order
from interlock.model.release import Release
from interlock.model.statement import Statement
from interlock.model.verdicts import CellKey, Run, Verdict


class KnownCell(FrozenModel):
    """The last verdict of a cell.

    Attributes:
        at: When it was found, in UTC.
        run: The fingerprint of its run; None where it was not recorded.
    """

    verdict: Verdict
    at: AwareDatetime
    run: str | None = None


class KnownContract(FrozenModel):
    """The change of a package's contract at a commit.

    Attributes:
        sha: The commit, 40 hex digits.
        part: The part of the version that the change asks for: patch, minor or major.
        text: What changed, for people; a line for each change.
        at: When it was found.
    """

    package: str
    sha: str
    part: ReleasePart
    text: str
    at: AwareDatetime

    def is_since(self, version: Version) -> bool:
        """Whether it was compared with this release, and not with another commit."""
        return self.text.startswith((f"compared with {version},", f"compared with {version}\n"))


class VerdictLedger(Protocol):
    """The memory of runs, and of every cell's last verdict."""

    def runs(self, fingerprints: Collection[str]) -> dict[str, tuple[Run, ...]]:
        """All runs of each fingerprint that has any, oldest first: by `started_at`, then in the order of recording."""
        ...

    def record(self, run: Run) -> None:
        """Add a run to those of its fingerprint; nothing is ever replaced."""
        ...

    def version_readers(self, fingerprints: Collection[str]) -> dict[str, frozenset[str]]:
        """For each base fingerprint that has any: the family packages with a version that its suite reads."""
        ...

    def record_version_reader(self, fingerprint: str, packages: frozenset[str]) -> None:
        """Add packages with a version that the suite of a base fingerprint reads; the set only grows."""
        ...

    def cells(self, keys: Collection[CellKey]) -> dict[CellKey, KnownCell]:
        """The last verdict of each cell that has one."""
        ...

    def versions_of(self, upstream: str) -> frozenset[str]:
        """The versions of an upstream that have any known cell, as text."""
        ...

    def cells_of(self, upstream: str, version: str) -> dict[CellKey, KnownCell]:
        """The last verdict of every cell of one version of an upstream."""
        ...

    def record_cells(
        self, cells: Mapping[CellKey, Verdict], at: datetime, runs: Mapping[CellKey, str] | None = None
    ) -> None:
        """Record the verdicts of cells, all of them or none; a verdict from later than `at` stays.

        Args:
            cells: The verdicts.
            at: When they were found.
            runs: By cell, the fingerprint of its run, where there is one.

        Raises:
            ValueError: `at` has no time zone.
        """
        ...


class ReleaseLedger(Protocol):
    """The memory of releases and their dispatches."""

    def record_release(self, release: Release) -> None:
        """Record how far a release has come, replacing the record of the same package and version."""
        ...

    def releases(self, package: str | None = None) -> tuple[Release, ...]:
        """The releases of a package, or of all packages, newest start first."""
        ...

    def record_dispatch(self, record: DispatchRecord) -> None:
        """Record the state of a dispatch, replacing the record of the same id and repository."""
        ...

    def dispatch(self, order: Order) -> DispatchRecord | None:
        """The record of a dispatch."""
        ...


class CascadeLedger(Protocol):
    """The memory of cascades, on which several processes may work at once."""

    def begin_cascade(self, cascade: Cascade) -> Cascade:
        """Record a new cascade, or join the one with this id.

        Returns:
            The recorded one, as `cascade` gives it. The methods below change only cascades that were begun here.
        """
        ...

    def record_progress(self, cascade: str, *progress: Progress) -> None:
        """Record the progress of packages of a cascade. That of other packages stays, and so does `released`."""
        ...

    def hold(self, cascade: str, package: str, why: str | None) -> None:
        """Record that a person holds a package of a cascade, and why; None removes the hold."""
        ...

    def abort_cascade(self, cascade: str, aborted: bool = True) -> None:
        """Record that a person aborted a cascade, or resumed it."""
        ...

    def end_cascade(self, cascade: str, at: datetime | None) -> None:
        """Record when a cascade had nothing left to do; None while it is under way."""
        ...

    def cascade(self, id: str) -> Cascade | None:  # noqa: A002 - the field's name
        """A cascade as it is now, with what other processes have written."""
        ...

    def cascades(self, root: str | None = None) -> tuple[Cascade, ...]:
        """The cascades of a root, or of all roots, newest start first."""
        ...


class ContractLedger(Protocol):
    """The memory of the changes of contracts."""

    def record_contract(self, known: KnownContract) -> None:
        """Record the change of a contract, replacing the record of the same package and commit."""
        ...

    def contract(self, package: str, sha: str) -> KnownContract | None:
        """The change of a package's contract at a commit."""
        ...


class DeliveryLedger(Protocol):
    """The memory of webhook deliveries; a restart of the gateway loses none."""

    def accept_deliveries(self, arrived: Sequence[Delivery]) -> frozenset[UUID]:
        """Record deliveries, all of them or none; one with a known GUID stays as it is.

        Returns:
            The GUIDs that were new.
        """
        ...

    def claim_deliveries(self, now: datetime, until: datetime, most: int) -> tuple[Delivery, ...]:
        """Claim accepted deliveries that are due, oldest first; no other claim gets them before `until`.

        Returns:
            The deliveries as they were, without their bodies.
        """
        ...

    def record_delivery(self, delivery: Delivery) -> None:
        """Record how far an accepted delivery has come; a started or ignored one stays as it is."""
        ...

    def delivery(self, guid: UUID) -> Delivery | None:
        """A delivery, with its body as long as that is kept."""
        ...

    def deliveries(self, state: DeliveryState | None = None, most: int | None = None) -> tuple[Delivery, ...]:
        """Deliveries, newest first, without their bodies.

        Args:
            state: Only those in this state.
            most: How many at most.
        """
        ...

    def known_deliveries(self, guids: Collection[UUID]) -> frozenset[UUID]:
        """The given GUIDs that are recorded."""
        ...

    def waiting_deliveries(self) -> int:
        """How many are accepted and not yet started."""
        ...

    def check_writable(self) -> None:
        """Check that deliveries can be written: something is written and removed again, and there is room for more.

        Raises:
            LedgerError: They can't.
        """
        ...

    def forget_deliveries(self, bodies: datetime, rows: datetime) -> None:
        """Of deliveries that are over, delete the bodies from before `bodies`, and the rows from before `rows`."""
        ...


class StatementLedger(Protocol):
    """The memory of what is to be told on GitHub: the newest statement of each subject."""

    def record_statement(self, statement: Statement, *, replaces: UUID | None = None) -> None:
        """Record a statement, to be told soon, replacing an older one of its subject.

        Args:
            statement: The statement.
            replaces: The one statement that it may replace. Default: any older one.
        """
        ...

    def open_statements(self, family: str) -> tuple[Statement, ...]:
        """Those that a flow run is to replace, told or not, newest first; 200 at most."""
        ...

    def claim_statements(self, family: str, now: datetime, until: datetime, most: int) -> tuple[Statement, ...]:
        """Claim statements that are to be told; no other claim gets their subjects before `until`.

        A body that is longer than `LARGEST` is not read.
        """
        ...

    def settle_statement(self, subject: str, told: UUID, now: datetime) -> bool:
        """Record that a claimed statement was told.

        Returns:
            False when there is a newer one of its subject, which can be claimed at once.
        """
        ...

    def waiting_statements(self, family: str, now: datetime) -> int:
        """How many are to be told, and not claimed."""
        ...

    def forget_statements(self, before: datetime) -> None:
        """Delete those from before a time, told or not."""
        ...

    def spend_write(self, now: datetime, *, a_minute: int, an_hour: int) -> float:
        """Count a write on the code host that can wait, if the limits allow one more now.

        Returns:
            0 when it was counted; else after how many seconds to try again: at most 60 for the limit of a minute.
        """
        ...


class Ledger(VerdictLedger, ReleaseLedger, CascadeLedger, ContractLedger, DeliveryLedger, StatementLedger, Protocol):
    """The whole ledger, in one database."""

    def close(self) -> None:
        """Close the database; the ledger can't be used afterwards."""
        ...
