"""How often QuickBooks was called, month by month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_call_tallies"
down_revision = "0005_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_tallies",
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("cost", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("month", "realm_id", "cost", "outcome", name="pk_call_tallies"),
    )
