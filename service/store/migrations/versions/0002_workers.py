"""Many workers: who holds a connection and when it was last served, QuickBooks' limits, signs of life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_workers"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Columns that may be empty, and two tables: nothing that stands is rewritten."""
    op.add_column("connections", sa.Column("claimed_by", sa.Text))
    op.add_column("connections", sa.Column("served_at", INSTANT))
    op.create_table(
        "lanes",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("held_until", INSTANT, nullable=False),
        sa.Column("free_at", INSTANT, nullable=False),
        sa.Column("batch_free_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("realm_id", "lane", name="pk_lanes"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeats"),
    )
