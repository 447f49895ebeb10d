"""What is to be told on GitHub: written by work that is not trusted, told by work that is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "ledger_statement",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("family", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("ledger_statement")
