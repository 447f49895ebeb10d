"""Migrates a ledger to this program's schema, by Alembic."""

import threading
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from interlock.adapters.ledger.engine import writer
from interlock.adapters.ledger.location import LedgerLocation
from interlock.adapters.ledger.tables import SCHEMA_TABLE
from interlock.errors import LedgerError

MIGRATIONS: Final = Path(__file__).with_name("migrations")
# A number that no other program uses in the same database: "ledger" in ASCII.
_ADVISORY_LOCK: Final = 0x6C6564676572
# Alembic's `op` and `context` are globals of the process.
_ONE_AT_A_TIME: Final = threading.Lock()


def bring_up_to_date(engine: Engine, location: LedgerLocation) -> None:
    """Run the migrations that this ledger has not had yet, in one transaction: all of them or none.

    Several processes may call this at once: one migrates while the others wait.

    Raises:
        LedgerError: The ledger is newer than this program, or its database refuses.
    """
    # ProgrammingError: this user may not create tables
    with location.blamed(also=(ProgrammingError,)):
        with engine.connect() as connection:
            if _is_current(connection, location):
                return
        with _ONE_AT_A_TIME, writer(engine).begin() as connection:
            _wait_for_others(connection)
            if not _is_current(connection, location):
                command.upgrade(configured(connection), "head")


def downgrade(connection: Connection, revision: str) -> None:
    """Undo migrations down to a revision, or all of them with `base`; what only the newer schema holds is lost."""
    with _ONE_AT_A_TIME:
        command.downgrade(configured(connection), revision)


def configured(connection: Connection) -> Config:
    """Alembic's configuration to work on a connection; the caller commits."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _is_current(connection: Connection, location: LedgerLocation) -> bool:
    scripts = ScriptDirectory(str(MIGRATIONS))
    context = MigrationContext.configure(connection, opts={"version_table": SCHEMA_TABLE})
    has = context.get_current_heads()
    unknown = set(has) - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise LedgerError(
            f"The ledger {location.name} was made by a newer Interlock: its form is {', '.join(sorted(unknown))}, "
            f"and this one knows up to {scripts.get_current_head()}.",
            hint="Update Interlock here, or name another ledger in $INTERLOCK_LEDGER_URL.",
        )
    return set(has) == set(scripts.get_heads())


def _wait_for_others(connection: Connection) -> None:
    # On SQLite the start of the transaction has waited already. This lock ends with the transaction.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
