"""Problems by cause, and a name for everything that support may look for."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007_problems"
down_revision = "0006_call_tallies"
branch_labels = None
depends_on = None

SOUGHT = (
    ("records", "number"),
    ("records", "erp_id"),
    ("objects", "number"),
    ("objects", "object_id"),
    ("documents", "quickbooks_id"),
    ("documents", "quickbooks_number"),
    ("links", "erp_id"),
)
NUMBERS = ("DocNumber", "PaymentRefNum", "DisplayName")
BATCH = 500


def upgrade() -> None:
    """A problem from before stays a cause of its own until it is met again."""
    for column in ("currency", "cause_group", "pattern"):
        op.add_column("problems", sa.Column(column, sa.Text))
    op.execute("UPDATE problems SET cause_group = id, pattern = cause")
    op.create_index("ix_problems_cause_group_connection_id", "problems", ["cause_group", "connection_id"])
    op.add_column("objects", sa.Column("number", sa.Text))
    _number_objects()
    op.drop_index("ix_documents_connection_id_quickbooks_id", "documents")
    op.drop_index("ix_links_connection_id_erp_id", "links")
    op.create_index("ix_links_connection_id_epoch_company_id", "links", ["connection_id", "epoch", "company_id"])
    for table, column in SOUGHT:
        op.create_index(f"ix_{table}_{column}_connection_id", table, [column, "connection_id"])


def _number_objects() -> None:
    """What QuickBooks holds is looked for by number, too: read once out of the bodies."""
    names = ("connection_id", "epoch", "entity", "object_id")
    objects = sa.table("objects", *(sa.column(name) for name in (*names, "body", "number")))
    key = sa.tuple_(*(objects.c[name] for name in names))
    query = sa.select(*(objects.c[name] for name in names), objects.c.body)
    query = query.order_by(*(objects.c[name] for name in names)).limit(BATCH)
    connection = op.get_bind()
    rows = connection.execute(query).all()
    while rows:
        for row in rows:
            body = json.loads(row.body)
            number = next((str(body[name]) for name in NUMBERS if body.get(name)), None)
            if number is not None:
                connection.execute(sa.update(objects).where(key == tuple(row[:4])).values(number=number))
        rows = connection.execute(query.where(key > tuple(rows[-1][:4]))).all()
