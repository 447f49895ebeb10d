"""Cascades, and the progress of each of their packages."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "ledger_cascade",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("root", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("aborted", sa.Boolean, nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_cascade_package",
        sa.Column("cascade", sa.String, primary_key=True),
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("progress", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_cascade_hold",
        sa.Column("cascade", sa.String, primary_key=True),
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("why", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("ledger_cascade_hold")
    op.drop_table("ledger_cascade_package")
    op.drop_table("ledger_cascade")
