"""Run by Alembic: migrates the ledger that is being opened, or, from the command line, the configured one."""

from alembic import context
from sqlalchemy import Connection

from interlock.adapters.ledger.engine import connect, writer
from interlock.adapters.ledger.location import location_of
from interlock.adapters.ledger.tables import SCHEMA_TABLE, metadata


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=SCHEMA_TABLE,
        # in a shared database, only the ledger's tables
        include_name=lambda name, kind, _parents: kind != "table" or name in metadata.tables,
        # SQLite alters a table by making a new one
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _migrate_from_command_line() -> None:
    engine = connect(location_of(None))
    try:
        with writer(engine).begin() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    _migrate_from_command_line()
else:
    _migrate(given)
