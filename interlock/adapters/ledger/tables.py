"""The ledger's tables. Who changes them adds a migration: docs/ledger.md says how, and a test insists."""

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
    TypeDecorator,
)

# Where Alembic keeps the number of the last migration: `alembic_version` may be Prefect's in the same database.
SCHEMA_TABLE = "ledger_schema"


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: It has no time zone, and so is no moment.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


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
    """Long text that people rarely ask for, as zlib of UTF-8; so it may hold NUL, which PostgreSQL's text may not."""

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
    # JSON also here, since what a tool printed may hold NUL
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

# The key begins with what all cells of one sheet have in common: a sheet is read as one range of it.
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

# A dispatch is recorded before it is sent: a crash in between leaves the question, and the target's runs the answer.
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

# A row for each package: branches that go side by side, in several processes too, never overwrite each other's.
CASCADE_PACKAGE = Table(
    "ledger_cascade_package",
    metadata,
    Column("cascade", String, primary_key=True),
    Column("package", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("progress", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# Written by commands while another process walks the cascade, so apart from what the walk writes.
CASCADE_HOLD = Table(
    "ledger_cascade_hold",
    metadata,
    Column("cascade", String, primary_key=True),
    Column("package", String, primary_key=True),
    # JSON, since what a person wrote may hold NUL
    Column("why", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# What became of a package's contract at a commit, since the release before it; the last word replaces the ones before.
CONTRACT = Table(
    "ledger_contract",
    metadata,
    Column("package", String, primary_key=True),
    Column("sha", String, primary_key=True),
    Column("part", String, nullable=False),
    # JSON, since what stands in somebody's source may hold NUL
    Column("text", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

# A delivery is here before it is answered. What a stranger sent is not: only what was signed, and what it leads to.
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
    # JSON, since what a server said may hold NUL
    Column("why", JSON, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("run", String),
    Column("ended_at", UtcDateTime),
    Column("body", CompressedText),
    Index("ledger_delivery_state", "state", "due_at"),
    Index("ledger_delivery_at", "at"),
)
