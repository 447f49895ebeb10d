"""The ledger's tables. A change of them needs a migration, which a test checks; docs/ledger.md says how."""

import zlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

# Where Alembic keeps the number of the last migration: `alembic_version` may be Prefect's in the same database.
SCHEMA_TABLE = "ledger_schema"


def in_utc(time: datetime) -> datetime:
    """The same time in UTC.

    Raises:
        ValueError: It has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC; SQLite keeps no time zone at all."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC."""
        return None if value is None else in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC, or from the PostgreSQL session's time zone."""
        return None if value is None else in_utc(value if value.tzinfo else value.replace(tzinfo=UTC))


class CompressedText(TypeDecorator[str]):
    """Long text that is rarely read, as zlib of UTF-8; so it may hold NUL, which PostgreSQL's text may not."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Compress."""
        return None if value is None else zlib.compress(value.encode())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ANN401, ARG002
        """Decompress."""
        return None if value is None else zlib.decompress(value).decode()


metadata = MetaData()

RUN = Table(
    "ledger_run",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("status", String, nullable=False),
    # JSON also here, since a tool's output may hold NUL
    Column("reason", JSON(none_as_null=True)),
    Column("tests", JSON, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("lock", JSON, nullable=False),
    Column("reads", JSON, nullable=False),
    Column("log", CompressedText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Index("ledger_run_fingerprint", "fingerprint"),
)

VERSION_READER = Table(
    "ledger_version_reader",
    metadata,
    Column("fingerprint", String, primary_key=True),
    Column("package", String, primary_key=True),
    sqlite_with_rowid=False,
)

# The key starts with what all cells of one sheet have in common: a sheet is read as one range of it.
CELL = Table(
    "ledger_cell",
    metadata,
    Column("upstream", String, primary_key=True),
    Column("downstream", String, primary_key=True),
    Column("suite", String, primary_key=True),
    Column("python", String, primary_key=True),
    Column("point", String, primary_key=True),
    Column("upstream_version", String, primary_key=True),
    Column("downstream_version", String, primary_key=True),
    Column("verdict", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("run", String),
    sqlite_with_rowid=False,
)

RELEASE = Table(
    "ledger_release",
    metadata,
    Column("package", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("release", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# A dispatch is recorded before it is sent; after a crash in between, the target's runs show whether it was.
DISPATCH = Table(
    "ledger_dispatch",
    metadata,
    Column("id", String, primary_key=True),
    Column("repository", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("record", JSON, nullable=False),
    sqlite_with_rowid=False,
)

CASCADE = Table(
    "ledger_cascade",
    metadata,
    Column("id", String, primary_key=True),
    Column("root", String, nullable=False),
    Column("version", String, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("aborted", Boolean, nullable=False),
    Column("plan", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# A row for each package: branches of a cascade run side by side, perhaps in several processes, and don't share a row.
CASCADE_PACKAGE = Table(
    "ledger_cascade_package",
    metadata,
    Column("cascade", String, primary_key=True),
    Column("package", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("progress", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# In a table of its own: commands write it while another process runs the cascade.
CASCADE_HOLD = Table(
    "ledger_cascade_hold",
    metadata,
    Column("cascade", String, primary_key=True),
    Column("package", String, primary_key=True),
    # JSON, since a person's text may hold NUL
    Column("why", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# The change of a package's contract at a commit, since the release before it; a new record replaces an old one.
CONTRACT = Table(
    "ledger_contract",
    metadata,
    Column("package", String, primary_key=True),
    Column("sha", String, primary_key=True),
    Column("part", String, nullable=False),
    # JSON, since source code may hold NUL
    Column("text", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

# A delivery is recorded before it is answered, and only if its signature is right.
DELIVERY = Table(
    "ledger_delivery",
    metadata,
    Column("guid", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("event", String, nullable=False),
    Column("action", String),
    Column("repository", String),
    Column("at", UtcDateTime, nullable=False),
    Column("state", String, nullable=False),
    Column("start", JSON(none_as_null=True)),
    # JSON, since a server's words may hold NUL
    Column("why", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("run", String),
    Column("ended_at", UtcDateTime),
    Column("body", CompressedText),
    Index("ledger_delivery_state", "state", "due_at"),
    Index("ledger_delivery_at", "at"),
)

# What is to be told on GitHub about one subject. The newest statement replaces its predecessor, told or not.
STATEMENT = Table(
    "ledger_statement",
    metadata,
    Column("subject", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("family", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    # JSON as text, whose length the database can compare before anything reads it
    Column("body", Text, nullable=False),
    # The flow run that replaces it; null when nothing follows
    Column("run", String),
    sqlite_with_rowid=False,
)

# What was written on the code host in the last hour, counted by minute.
HOST_WRITES = Table(
    "ledger_host_writes",
    metadata,
    Column("minute", UtcDateTime, primary_key=True),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)
