"""Releases, dispatches and changes of contracts in SQLite or PostgreSQL; a new record replaces its row."""

from sqlalchemy import select

from interlock.adapters.ledger.engine import Database
from interlock.adapters.ledger.protocol import ContractLedger, KnownContract, ReleaseLedger
from interlock.adapters.ledger.tables import CONTRACT, DISPATCH, RELEASE
from interlock.model.dispatches import DispatchRecord, Order
from interlock.model.release import Release


class SqlReleases(Database, ReleaseLedger):
    """The releases of `SqlLedger`."""

    def record_release(self, release: Release) -> None:
        row = {
            "package": release.package,
            "version": str(release.version),
            "began_at": release.began_at,
            "ended_at": release.ended_at,
            "release": release.model_dump(mode="json"),
        }
        self._keep(RELEASE, [row])

    def releases(self, package: str | None = None) -> tuple[Release, ...]:
        wanted = select(RELEASE.c.release).order_by(RELEASE.c.began_at.desc(), RELEASE.c.package)
        if package is not None:
            wanted = wanted.where(RELEASE.c.package == package)
        with self._reading() as connection:
            return tuple(Release.model_validate(body) for body in connection.scalars(wanted))

    def record_dispatch(self, record: DispatchRecord) -> None:
        row = {
            "id": record.order.id,
            "repository": record.order.repository,
            "state": record.state.value,
            "at": record.at,
            "record": record.model_dump(mode="json"),
        }
        self._keep(DISPATCH, [row])

    def dispatch(self, order: Order) -> DispatchRecord | None:
        wanted = select(DISPATCH.c.record).where(DISPATCH.c.id == order.id, DISPATCH.c.repository == order.repository)
        with self._reading() as connection:
            found = connection.scalar(wanted)
            return None if found is None else DispatchRecord.model_validate(found)


class SqlContracts(Database, ContractLedger):
    """The contracts of `SqlLedger`."""

    def record_contract(self, known: KnownContract) -> None:
        self._keep(CONTRACT, [{**known.model_dump(), "part": known.part.value}])

    def contract(self, package: str, sha: str) -> KnownContract | None:
        wanted = select(CONTRACT).where(CONTRACT.c.package == package, CONTRACT.c.sha == sha)
        with self._reading() as connection:
            found = connection.execute(wanted).one_or_none()
            return None if found is None else KnownContract.model_validate(found._asdict())
