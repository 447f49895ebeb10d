"""The flow run that a statement waits for, and how much was written on the code host in the last hour."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("ledger_statement", sa.Column("run", sa.String))
    op.create_table(
        "ledger_host_writes",
        sa.Column("minute", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("ledger_host_writes")
    op.drop_column("ledger_statement", "run")
