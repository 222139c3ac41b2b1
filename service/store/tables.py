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

from service.store.chain import refuse_changes
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
    Column("audit_rows", BigInteger, nullable=False, server_default=text("0")),
    Column("audit_head", Text),
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
    Index(None, "number", "connection_id"),
    Index(None, "erp_id", "connection_id"),
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
    Column("number", Prose),
    PrimaryKeyConstraint("connection_id", "epoch", "entity", "object_id"),
    Index(None, "connection_id", "epoch", "customer_id"),
    Index(None, "number", "connection_id"),
    Index(None, "object_id", "connection_id"),
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
    Index(None, "quickbooks_id", "connection_id"),
    Index(None, "quickbooks_number", "connection_id"),
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
    Index(None, "connection_id", "updated_at"),
    Index(None, "erp_id", "connection_id"),
    Index(None, "connection_id", "epoch", "company_id"),
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
    Column("sent_at", Instant),
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
    Column("currency", Text),
    Column("cause_group", Text),
    Column("pattern", Prose),
    Index(None, "connection_id", "subject", "code"),
    Index(None, "connection_id", "status"),
    Index(None, "connection_id", "last_seen"),
    Index(None, "cause_group", "connection_id"),
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
    Column("phase", Prose),
    Column("pace", Json),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Index(None, "connection_id", "state"),
    Index(None, "connection_id", "created_at"),
)

run_problems = Table(
    "run_problems",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("problem_id", Text, ForeignKey("problems.id"), nullable=False),
    PrimaryKeyConstraint("run_id", "problem_id"),
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
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("connection_id", "seq"),
    Index(None, "connection_id", "key"),
    Index(None, "connection_id", "erp_id"),
    Index(None, "connection_id", "quickbooks_id"),
    Index(None, "connection_id", "number"),
    Index(None, "connection_id", "run_id"),
    Index(None, "connection_id", "at"),
)
refuse_changes(audit)

audit_checks = Table(
    "audit_checks",
    metadata,
    Column("connection_id", BigId, ForeignKey("connections.id"), primary_key=True, autoincrement=False),
    Column("rows", BigInteger, nullable=False),
    Column("hash", Text),
    Column("at", Instant, nullable=False),
    Column("broken_at", BigInteger),
    Column("fault", Text),
)

# A company's figures stand from `at` on, until the next row of the same subject; `gone`: it counts no more.
tie_out_figures = Table(
    "tie_out_figures",
    metadata,
    _of_connection(),
    Column("epoch", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("company_id", Text),
    Column("name", Prose, nullable=False),
    Column("quickbooks_id", Text),
    Column("erp_ar", BigInteger, nullable=False),
    Column("quickbooks_ar", BigInteger, nullable=False),
    Column("quickbooks_balance", BigInteger),
    Column("erp_credit", BigInteger, nullable=False),
    Column("quickbooks_credit", BigInteger, nullable=False),
    Column("explained", Json, nullable=False),
    PrimaryKeyConstraint("connection_id", "epoch", "subject", "at"),
    Index(None, "connection_id", "epoch", "at"),
)

tie_outs = Table(
    "tie_outs",
    metadata,
    _of_connection(),
    Column("at", Instant, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("run_id", Text),
    Column("erp_ar", BigInteger, nullable=False),
    Column("quickbooks_ar", BigInteger, nullable=False),
    Column("erp_credit", BigInteger, nullable=False),
    Column("quickbooks_credit", BigInteger, nullable=False),
    Column("apart", BigInteger, nullable=False),
    Column("companies", Integer, nullable=False),
    Column("differing", Integer, nullable=False),
    Column("audit_rows", BigInteger, nullable=False),
    Column("audit_hash", Text),
    PrimaryKeyConstraint("connection_id", "at"),
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

# Every call to QuickBooks, by its cost and how it went. Runs that found nothing are forgotten, their calls are not.
call_tallies = Table(
    "call_tallies",
    metadata,
    Column("month", Text, nullable=False),  # 2026-11, in UTC
    Column("realm_id", Text, nullable=False),
    Column("cost", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("month", "realm_id", "cost", "outcome"),
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
    Column("outdated_at", Instant),
    Column("run_id", Text),
    Index(None, "connection_id", "kind"),
)

plan_rows = Table(
    "plan_rows",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), nullable=False),
    _of_connection(),
    Column("seq", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("kind", Text),
    Column("erp_id", Text),
    Column("quickbooks_id", Text),
    Column("number", Prose),
    Column("company_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("gl_effect", Json),
    PrimaryKeyConstraint("plan_id", "seq"),
    Index(None, "plan_id", "action"),
)

plan_companies = Table(
    "plan_companies",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), nullable=False),
    _of_connection(),
    Column("company_id", Text, nullable=False),
    Column("name", Prose),
    Column("quickbooks_id", Text),
    Column("erp_before", BigInteger),
    Column("erp_after", BigInteger),
    Column("quickbooks_before", BigInteger),
    Column("quickbooks_after", BigInteger),
    Column("facts", Json, nullable=False),
    PrimaryKeyConstraint("plan_id", "company_id"),
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
    Column("purpose", Text),
    _of_connection(),
    Column("expires_at", Instant, nullable=False, index=True),
)

# `handle` is the name without its case: nobody can pass for somebody else by a capital letter.
users = Table(
    "users",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Prose, nullable=False),
    Column("handle", Prose, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text),
    Column("subject", Text, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    CheckConstraint("role IN ('viewer', 'support', 'admin')", name="role"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("user_id", BigId, ForeignKey("users.id"), nullable=False, index=True),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
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
