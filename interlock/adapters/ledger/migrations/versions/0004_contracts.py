"""The change of a package's contract at a commit, and the run behind a cell's verdict."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "ledger_contract",
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("sha", sa.String, primary_key=True),
        sa.Column("part", sa.String, nullable=False),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("ledger_cell", sa.Column("run", sa.String))


def downgrade() -> None:
    op.drop_column("ledger_cell", "run")
    op.drop_table("ledger_contract")
