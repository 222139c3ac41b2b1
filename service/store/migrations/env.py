"""Runs the migrations on the connection that `service.store.migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from service.store.tables import metadata

_LOCK = 0x71626F73  # any number that nobody else uses


def _wait_for_our_turn(connection: Connection) -> None:
    """Two processes that start together must not both migrate. SQLite's BEGIN IMMEDIATE sees to that by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


connection: Connection = context.config.attributes["connection"]
_wait_for_our_turn(connection)
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    include_name=lambda name, *_: not str(name).startswith("procrastinate_"),  # the queue's own tables
)
with context.begin_transaction():
    context.run_migrations()
