"""The audit becomes a chain that nobody may change, and each sync's tie-out is kept."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004_proofs"
down_revision = "0003_people"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
CONTENT = (
    "at", "actor", "action", "side", "key", "kind", "erp_id", "quickbooks_id", "number", "company_id", "amount", "why",
    "run_id", "before", "after",
)  # fmt: skip
BATCH = 1000
AUDIT = sa.table(
    "audit",
    sa.column("at", INSTANT),
    *(sa.column(name, sa.Text) for name in CONTENT if name not in ("at", "amount")),
    *(sa.column(name, sa.BigInteger) for name in ("id", "connection_id", "seq", "amount")),
    sa.column("hash", sa.Text),
)
CONNECTIONS = sa.table(
    "connections",
    sa.column("id", sa.BigInteger),
    sa.column("audit_rows", sa.BigInteger),
    sa.column("audit_head", sa.Text),
)


def upgrade() -> None:
    """Existing rows get their place and hash in the order in which they were written; then the table is sealed."""
    _chain_the_audit()
    _refuse_changes()
    op.create_table(
        "audit_checks",
        sa.Column("connection_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("broken_at", sa.BigInteger),
        sa.Column("fault", sa.Text),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_audit_checks_connection_id_connections"
        ),
        sa.PrimaryKeyConstraint("connection_id", name="pk_audit_checks"),
    )
    _make_tie_outs()


def _make_tie_outs() -> None:
    op.create_table(
        "tie_out_figures",
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.Column("company_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("erp_ar", sa.BigInteger, nullable=False),
        sa.Column("quickbooks_ar", sa.BigInteger, nullable=False),
        sa.Column("quickbooks_balance", sa.BigInteger),
        sa.Column("erp_credit", sa.BigInteger, nullable=False),
        sa.Column("quickbooks_credit", sa.BigInteger, nullable=False),
        sa.Column("explained", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name="fk_tie_out_figures_connection_id_connections"
        ),
        sa.PrimaryKeyConstraint("connection_id", "epoch", "subject", "at", name="pk_tie_out_figures"),
    )
    op.create_index("ix_tie_out_figures_connection_id_epoch_at", "tie_out_figures", ["connection_id", "epoch", "at"])
    op.create_table(
        "tie_outs",
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("erp_ar", sa.BigInteger, nullable=False),
        sa.Column("quickbooks_ar", sa.BigInteger, nullable=False),
        sa.Column("erp_credit", sa.BigInteger, nullable=False),
        sa.Column("quickbooks_credit", sa.BigInteger, nullable=False),
        sa.Column("apart", sa.BigInteger, nullable=False),
        sa.Column("companies", sa.Integer, nullable=False),
        sa.Column("differing", sa.Integer, nullable=False),
        sa.Column("audit_rows", sa.BigInteger, nullable=False),
        sa.Column("audit_hash", sa.Text),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_tie_outs_connection_id_connections"),
        sa.PrimaryKeyConstraint("connection_id", "at", name="pk_tie_outs"),
    )


def _chain_the_audit() -> None:
    op.add_column("connections", sa.Column("audit_rows", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("connections", sa.Column("audit_head", sa.Text))
    op.add_column("audit", sa.Column("seq", sa.BigInteger))
    op.add_column("audit", sa.Column("hash", sa.Text))
    for (connection_id,) in op.get_bind().execute(sa.select(CONNECTIONS.c.id)).all():
        _chain(connection_id)
    with op.batch_alter_table("audit") as audit:
        audit.alter_column("seq", nullable=False)
        audit.alter_column("hash", nullable=False)
        audit.create_unique_constraint("uq_audit_connection_id_seq", ["connection_id", "seq"])


def _chain(connection_id: int) -> None:
    bind = op.get_bind()
    place = sa.update(AUDIT).where(AUDIT.c.id == sa.bindparam("row_id"))
    place = place.values(seq=sa.bindparam("new_seq"), hash=sa.bindparam("new_hash"))
    last_id, seq, previous = 0, 0, ""
    query = sa.select(AUDIT).where(AUDIT.c.connection_id == connection_id).order_by(AUDIT.c.id).limit(BATCH)
    while rows := bind.execute(query.where(AUDIT.c.id > last_id)).all():
        placed = []
        for row in rows:
            last_id, seq = row.id, seq + 1
            previous = _sealed(connection_id, seq, previous, row._mapping)
            placed.append({"row_id": row.id, "new_seq": seq, "new_hash": previous})
        bind.execute(place, placed)
    head = sa.update(CONNECTIONS).where(CONNECTIONS.c.id == connection_id)
    bind.execute(head.values(audit_rows=seq, audit_head=previous or None))


def _sealed(connection_id: int, seq: int, previous: str, row: Any) -> str:
    """As `service.store.chain.sealed` did when this migration was written."""
    at = row["at"] if row["at"].tzinfo else row["at"].replace(tzinfo=UTC)
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = [moment if name == "at" else row[name] for name in CONTENT]
    whole = json.dumps([connection_id, seq, previous, *content], separators=(",", ":"))
    return hashlib.sha256(whole.encode()).hexdigest()


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_no_{statement} BEFORE {statement} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    for statement, each in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_no_{statement} BEFORE {statement} ON audit "
            f"FOR EACH {each} EXECUTE FUNCTION audit_refuse()"
        )
