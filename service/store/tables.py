"""The tables. Uniqueness that the engine relies on is promised here, by the database, and nowhere else."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.store.columns import BigId, Instant, Json, Prose

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The one condition that both databases accept, word for word, in the index and in the upsert that relies on it.
NEEDS_A_PERSON = text("status IN ('open', 'conflict')")


def _of_connection(*, nullable: bool = False) -> Column[Any]:
    return Column("connection_id", BigId, ForeignKey("connections.id"), nullable=nullable)


connections = Table(
    "connections",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("account_id", Text, nullable=False, unique=True),
    Column("name", Prose, nullable=False),
    Column("erp_api_key", Text, nullable=False),  # sealed
    Column("state", Text, nullable=False),
    Column("realm_id", Text, index=True),
    Column("quickbooks_company", Prose),
    Column("epoch", Integer, nullable=False),
    Column("two_way", Boolean, nullable=False),
    Column("settings", Json, nullable=False),
    Column("connected_at", Instant),
    Column("watermarks", Json, nullable=False),
    Column("lists", Json, nullable=False),
    Column("dirty", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("claim", BigInteger, nullable=False),
    Column("claimed_until", Instant, nullable=False),
    Column("claimed_by", Text),
    Column("served_at", Instant),
    Column("sweep_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("connection_id", BigId, ForeignKey("connections.id"), primary_key=True, autoincrement=False),
    Column("sealed", Text, nullable=False),
    Column("saved_at", Instant, nullable=False),
)

records = Table(
    "records",
    metadata,
    _of_connection(),
    Column("kind", Text, nullable=False),
    Column("erp_id", Text, nullable=False),
    Column("company_id", Text),
    Column("number", Prose),
    Column("updated_at", Instant),
    Column("deleted", Boolean, nullable=False),
    Column("wanted", Text),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("connection_id", "kind", "erp_id"),
    CheckConstraint("wanted IN ('touched', 'asked')", name="wanted"),
    Index(None, "connection_id", "company_id"),
)

objects = Table(
    "objects",
    metadata,
    _of_connection(),
    Column("epoch", Integer, nullable=False),
    Column("entity", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("sync_token", Text),
    Column("updated_at", Instant),
    Column("deleted", Boolean, nullable=False),
    Column("touched_at", Instant),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("connection_id", "epoch", "entity", "object_id"),
    Index(None, "connection_id", "epoch", "customer_id"),
)

marks = Table(
    "marks",
    metadata,
    _of_connection(),
    Column("company_id", Text, nullable=False),
    Column("mark", BigInteger, nullable=False),
    PrimaryKeyConstraint("connection_id", "company_id"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", BigId, primary_key=True),
    _of_connection(),
    Column("epoch", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("company_id", Text),
    Column("quickbooks_type", Text),
    Column("quickbooks_id", Text),
    Column("quickbooks_number", Prose),
    Column("agreed", Json),
    Column("echo", Json),
    Column("status", Text, nullable=False),
    Column("message", Prose),
    Column("generation", Integer, nullable=False),
    UniqueConstraint("connection_id", "epoch", "key"),
    UniqueConstraint("connection_id", "epoch", "quickbooks_type", "quickbooks_id"),
    Index(None, "connection_id", "epoch", "company_id"),
    Index(None, "connection_id", "epoch", "kind"),
    Index(None, "connection_id", "quickbooks_id"),
)

# `document_key` is no foreign key: a parked record names a document that is not there yet.
links = Table(
    "links",
    metadata,
    Column("id", BigId, primary_key=True),
    _of_connection(),
    Column("epoch", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("erp_id", Text, nullable=False),
    Column("number", Prose),
    Column("company_id", Text),
    Column("document_key", Text),
    Column("status", Text, nullable=False),
    Column("message", Prose),
    Column("pushed", Boolean, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("connection_id", "epoch", "kind", "erp_id"),
    Index(None, "connection_id", "epoch", "document_key"),
    Index(None, "connection_id", "status"),
    Index(None, "connection_id", "erp_id"),
    Index(
        "ix_links_unpushed",
        "connection_id",
        "epoch",
        sqlite_where=text("NOT pushed"),
        postgresql_where=text("NOT pushed"),
    ),
)

journal = Table(
    "journal",
    metadata,
    Column("id", BigId, primary_key=True),
    _of_connection(),
    Column("epoch", Integer, nullable=False),
    Column("run_id", Text),
    Column("key", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("document", Json),
    Column("state", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("answer", Prose),
    Column("quickbooks_id", Text),
    Column("intuit_tid", Text),
    Column("error", Prose),
    Column("closed_at", Instant),
    Index(None, "connection_id", "epoch", "key"),
    Index(
        "ix_journal_unanswered",
        "connection_id",
        "epoch",
        sqlite_where=text("state = 'noted'"),
        postgresql_where=text("state = 'noted'"),
    ),
)

# `subject` is what a problem is about: its key, or the record where it has none. Two NULL keys would not clash.
problems = Table(
    "problems",
    metadata,
    Column("seq", BigId, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    _of_connection(),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("key", Text),
    Column("kind", Text),
    Column("erp_id", Text),
    Column("quickbooks_id", Text),
    Column("number", Prose),
    Column("company_id", Text),
    Column("amount", BigInteger),
    Column("cause", Prose, nullable=False),
    Column("what_to_do", Prose, nullable=False),
    Column("choices", Json, nullable=False),
    Column("quickbooks_code", Text),
    Column("intuit_tid", Text),
    Column("erp", Json),
    Column("quickbooks", Json),
    Column("agreed", Json),
    Column("fingerprint", Text),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Prose),
    Column("settled_at", Instant),
    Index(None, "connection_id", "subject", "code"),
    Index(None, "connection_id", "status"),
    Index(
        "uq_problems_open",
        "connection_id",
        "subject",
        "code",
        unique=True,
        sqlite_where=NEEDS_A_PERSON,
        postgresql_where=NEEDS_A_PERSON,
    ),
)

runs = Table(
    "runs",
    metadata,
    Column("seq", BigId, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    _of_connection(),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("params", Json, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("counts", Json, nullable=False),
    Column("free_calls", Integer, nullable=False),
    Column("metered_calls", Integer, nullable=False),
    Column("erp_calls", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
    Column("error", Prose),
    Column("requested_by", Prose),
    Column("approved_by", Prose),
    Column("cancel_requested", Boolean, nullable=False),
    Column("cursor", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Index(None, "connection_id", "state"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    _of_connection(),
    Column("at", Instant, nullable=False),
    Column("actor", Prose, nullable=False),
    Column("action", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("key", Text),
    Column("kind", Text),
    Column("erp_id", Text),
    Column("quickbooks_id", Text),
    Column("number", Prose),
    Column("company_id", Text),
    Column("amount", BigInteger),
    Column("why", Prose, nullable=False),
    Column("run_id", Text),
    Column("before", Json),
    Column("after", Json),
    Index(None, "connection_id", "key"),
    Index(None, "connection_id", "erp_id"),
    Index(None, "connection_id", "quickbooks_id"),
    Index(None, "connection_id", "number"),
    Index(None, "connection_id", "run_id"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("source", Text, nullable=False),
    _of_connection(nullable=True),
    Column("type", Text),
    Column("event", Text),
    Column("entity_id", Text),
    Column("occurred_at", Instant),
    Column("body", Prose, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Prose),
    Column("received_at", Instant, nullable=False),
    Column("dedupe", Text, unique=True),
    Index(None, "connection_id", "state"),
    Index(None, "state"),
)

ignored_counts = Table(
    "ignored_counts",
    metadata,
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "reason"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    _of_connection(),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("params", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index(
        "uq_api_tokens_living_name",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)

single_use = Table(
    "single_use",
    metadata,
    Column("hash", Text, primary_key=True),
    _of_connection(),
    Column("expires_at", Instant, nullable=False, index=True),
)

# Ten lanes to each QuickBooks company, for all processes: see `service.ports.Lanes`.
lanes = Table(
    "lanes",
    metadata,
    Column("realm_id", Text, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("holder", Text),
    Column("held_until", Instant, nullable=False),
    Column("free_at", Instant, nullable=False),
    Column("batch_free_at", Instant, nullable=False),
    PrimaryKeyConstraint("realm_id", "lane"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
