"""The whole ledger in SQLite or PostgreSQL, and opening it."""

from pydantic import SecretStr

from interlock.adapters.ledger.engine import connect
from interlock.adapters.ledger.location import location_of
from interlock.adapters.ledger.migrate import bring_up_to_date
from interlock.adapters.ledger.sql_cascades import SqlCascades
from interlock.adapters.ledger.sql_deliveries import SqlDeliveries
from interlock.adapters.ledger.sql_releases import SqlContracts, SqlReleases
from interlock.adapters.ledger.sql_statements import SqlStatements
from interlock.adapters.ledger.sql_verdicts import SqlVerdicts


class SqlLedger(SqlVerdicts, SqlReleases, SqlCascades, SqlContracts, SqlDeliveries, SqlStatements):
    """The ledger of `open_ledger`; the protocols of `Ledger` describe its methods."""


def open_ledger(url: SecretStr | None = None, *, to_read: bool = False) -> SqlLedger:
    """Open the ledger; a missing one is made, and an older one migrated.

    Args:
        url: `sqlite:////a/path` or `postgresql://user:password@host/database`.
            Default: `$INTERLOCK_LEDGER_URL`, or `ledger.db` in Interlock's home.
        to_read: Whether an SQLite file that can't be written is opened too.

    Raises:
        LedgerError: It cannot be reached, is damaged, or was made by a newer Interlock.
    """
    location = location_of(url)
    engine = connect(location, to_read=to_read)
    try:
        bring_up_to_date(engine, location)
    except BaseException:
        engine.dispose()
        raise
    return SqlLedger(engine, location)
