"""The first schema: runs, version readers, and the last verdicts of cells."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ledger_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.JSON),
        sa.Column("tests", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("lock", sa.JSON, nullable=False),
        sa.Column("reads", sa.JSON, nullable=False),
        sa.Column("log", sa.LargeBinary, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
    )
    op.create_index("ledger_run_fingerprint", "ledger_run", ["fingerprint"])
    op.create_table(
        "ledger_version_reader",
        sa.Column("fingerprint", sa.String, primary_key=True),
        sa.Column("package", sa.String, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_cell",
        sa.Column("upstream", sa.String, primary_key=True),
        sa.Column("downstream", sa.String, primary_key=True),
        sa.Column("suite", sa.String, primary_key=True),
        sa.Column("python", sa.String, primary_key=True),
        sa.Column("point", sa.String, primary_key=True),
        sa.Column("upstream_version", sa.String, primary_key=True),
        sa.Column("downstream_version", sa.String, primary_key=True),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("ledger_cell")
    op.drop_table("ledger_version_reader")
    op.drop_table("ledger_run")
