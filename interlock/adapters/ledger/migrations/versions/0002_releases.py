"""Releases and their dispatches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "ledger_release",
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("release", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_dispatch",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("repository", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("ledger_dispatch")
    op.drop_table("ledger_release")
