"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create everything that the first version needs."""
    op.create_table(
        "api_tokens",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("hash", name="uq_api_tokens_hash"),
    )
    op.create_index(
        "uq_api_tokens_living_name",
        "api_tokens",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "connections",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("erp_api_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("realm_id", sa.Text),
        sa.Column("quickbooks_company", sa.Text),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("two_way", sa.Boolean, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("connected_at", INSTANT),
        sa.Column("watermarks", sa.Text, nullable=False),
        sa.Column("lists", sa.Text, nullable=False),
        sa.Column("dirty", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("claim", sa.BigInteger, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=False),
        sa.Column("sweep_at", INSTANT, nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("account_id", name="uq_connections_account_id"),
    )
    op.create_index("ix_connections_realm_id", "connections", ["realm_id"])
    op.create_table(
        "ignored_counts",
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source", "reason", name="pk_ignored_counts"),
    )
    op.create_table(
        "audit",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("erp_id", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("company_id", sa.Text),
        sa.Column("amount", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_audit_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_connection_id_erp_id", "audit", ["connection_id", "erp_id"])
    op.create_index("ix_audit_connection_id_key", "audit", ["connection_id", "key"])
    op.create_index("ix_audit_connection_id_number", "audit", ["connection_id", "number"])
    op.create_index("ix_audit_connection_id_quickbooks_id", "audit", ["connection_id", "quickbooks_id"])
    op.create_index("ix_audit_connection_id_run_id", "audit", ["connection_id", "run_id"])
    op.create_table(
        "documents",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("company_id", sa.Text),
        sa.Column("quickbooks_type", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("quickbooks_number", sa.Text),
        sa.Column("agreed", sa.Text),
        sa.Column("echo", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_documents_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("connection_id", "epoch", "key", name="uq_documents_connection_id_epoch_key"),
        sa.UniqueConstraint(
            "connection_id",
            "epoch",
            "quickbooks_type",
            "quickbooks_id",
            name="uq_documents_connection_id_epoch_quickbooks_type_quickbooks_id",
        ),
    )
    op.create_index(
        "ix_documents_connection_id_epoch_company_id", "documents", ["connection_id", "epoch", "company_id"]
    )
    op.create_index("ix_documents_connection_id_epoch_kind", "documents", ["connection_id", "epoch", "kind"])
    op.create_index("ix_documents_connection_id_quickbooks_id", "documents", ["connection_id", "quickbooks_id"])
    op.create_table(
        "grants",
        sa.Column("connection_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_grants_connection_id_connections"),
        sa.PrimaryKeyConstraint("connection_id", name="pk_grants"),
    )
    op.create_table(
        "journal",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("document", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("intuit_tid", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("closed_at", INSTANT),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_journal_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index("ix_journal_connection_id_epoch_key", "journal", ["connection_id", "epoch", "key"])
    op.create_index(
        "ix_journal_unanswered",
        "journal",
        ["connection_id", "epoch"],
        sqlite_where=sa.text("state = 'noted'"),
        postgresql_where=sa.text("state = 'noted'"),
    )
    op.create_table(
        "links",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("erp_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("company_id", sa.Text),
        sa.Column("document_key", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("pushed", sa.Boolean, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_links_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint(
            "connection_id", "epoch", "kind", "erp_id", name="uq_links_connection_id_epoch_kind_erp_id"
        ),
    )
    op.create_index("ix_links_connection_id_epoch_document_key", "links", ["connection_id", "epoch", "document_key"])
    op.create_index("ix_links_connection_id_erp_id", "links", ["connection_id", "erp_id"])
    op.create_index("ix_links_connection_id_status", "links", ["connection_id", "status"])
    op.create_index(
        "ix_links_unpushed",
        "links",
        ["connection_id", "epoch"],
        sqlite_where=sa.text("NOT pushed"),
        postgresql_where=sa.text("NOT pushed"),
    )
    op.create_table(
        "marks",
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("company_id", sa.Text, nullable=False),
        sa.Column("mark", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_marks_connection_id_connections"),
        sa.PrimaryKeyConstraint("connection_id", "company_id", name="pk_marks"),
    )
    op.create_table(
        "notices",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID),
        sa.Column("type", sa.Text),
        sa.Column("event", sa.Text),
        sa.Column("entity_id", sa.Text),
        sa.Column("occurred_at", INSTANT),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("dedupe", sa.Text),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_notices_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("dedupe", name="uq_notices_dedupe"),
    )
    op.create_index("ix_notices_connection_id_state", "notices", ["connection_id", "state"])
    op.create_index("ix_notices_state", "notices", ["state"])
    op.create_table(
        "objects",
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("sync_token", sa.Text),
        sa.Column("updated_at", INSTANT),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("touched_at", INSTANT),
        sa.Column("body", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_objects_connection_id_connections"),
        sa.PrimaryKeyConstraint("connection_id", "epoch", "entity", "object_id", name="pk_objects"),
    )
    op.create_index("ix_objects_connection_id_epoch_customer_id", "objects", ["connection_id", "epoch", "customer_id"])
    op.create_table(
        "plans",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_plans_connection_id_connections"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_table(
        "problems",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("erp_id", sa.Text),
        sa.Column("quickbooks_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("company_id", sa.Text),
        sa.Column("amount", sa.BigInteger),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("what_to_do", sa.Text, nullable=False),
        sa.Column("choices", sa.Text, nullable=False),
        sa.Column("quickbooks_code", sa.Text),
        sa.Column("intuit_tid", sa.Text),
        sa.Column("erp", sa.Text),
        sa.Column("quickbooks", sa.Text),
        sa.Column("agreed", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("first_seen", INSTANT, nullable=False),
        sa.Column("last_seen", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("settled_at", INSTANT),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_problems_connection_id_connections"),
        sa.PrimaryKeyConstraint("seq", name="pk_problems"),
        sa.UniqueConstraint("id", name="uq_problems_id"),
    )
    op.create_index("ix_problems_connection_id_status", "problems", ["connection_id", "status"])
    op.create_index("ix_problems_connection_id_subject_code", "problems", ["connection_id", "subject", "code"])
    op.create_index(
        "uq_problems_open",
        "problems",
        ["connection_id", "subject", "code"],
        unique=True,
        sqlite_where=sa.text("status IN ('open', 'conflict')"),
        postgresql_where=sa.text("status IN ('open', 'conflict')"),
    )
    op.create_table(
        "records",
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("erp_id", sa.Text, nullable=False),
        sa.Column("company_id", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("updated_at", INSTANT),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("wanted", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.CheckConstraint("wanted IN ('touched', 'asked')", name=op.f("ck_records_wanted")),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_records_connection_id_connections"),
        sa.PrimaryKeyConstraint("connection_id", "kind", "erp_id", name="pk_records"),
    )
    op.create_index("ix_records_connection_id_company_id", "records", ["connection_id", "company_id"])
    op.create_table(
        "runs",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("free_calls", sa.Integer, nullable=False),
        sa.Column("metered_calls", sa.Integer, nullable=False),
        sa.Column("erp_calls", sa.Integer, nullable=False),
        sa.Column("problems", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("requested_by", sa.Text),
        sa.Column("approved_by", sa.Text),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("finished_at", INSTANT),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_runs_connection_id_connections"),
        sa.PrimaryKeyConstraint("seq", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
    )
    op.create_index("ix_runs_connection_id_state", "runs", ["connection_id", "state"])
    op.create_table(
        "single_use",
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("connection_id", BIG_ID, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_single_use_connection_id_connections"),
        sa.PrimaryKeyConstraint("hash", name="pk_single_use"),
    )
    op.create_index("ix_single_use_expires_at", "single_use", ["expires_at"])
