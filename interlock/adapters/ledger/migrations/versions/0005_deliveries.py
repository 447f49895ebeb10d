"""Webhook deliveries, and the flow runs that were made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "ledger_delivery",
        sa.Column("guid", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("action", sa.String),
        sa.Column("repository", sa.String),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("start", sa.JSON(none_as_null=True)),
        sa.Column("why", sa.JSON, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("run", sa.String),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("ledger_delivery_state", "ledger_delivery", ["state", "due_at"])
    op.create_index("ledger_delivery_at", "ledger_delivery", ["at"])


def downgrade() -> None:
    op.drop_table("ledger_delivery")
