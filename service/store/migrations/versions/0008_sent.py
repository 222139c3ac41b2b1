"""When a write last left without being answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_sent"
down_revision = "0007_problems"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty for writes from before: they count as sent when they were noted."""
    op.add_column("journal", sa.Column("sent_at", sa.DateTime(timezone=True)))
