"""Opening the database so that both engines keep the same promises: nothing lost, no endless wait."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, QueuePool, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 5_000
_POSTGRES_OPTIONS = "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"


def make_engine(url: str) -> Engine:
    """An engine for `sqlite://` (in memory), `sqlite:///file` or `postgresql+psycopg://…`.

    Its errors are logged with the statement and without the values, which are documents and secrets. `create_engine`
    is looked up when it is called: tracing puts its own in its place.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    return sqlalchemy.create_engine(
        url,
        pool_size=20,
        max_overflow=20,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": _POSTGRES_OPTIONS},
    )


def reading_engine(engine: Engine) -> Engine:
    """The same pool for looks that change nothing: they see one moment, and on SQLite they block nobody."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(sqlite_begin="DEFERRED")
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def sqlite_file(engine: Engine) -> str | None:
    """The path of an SQLite database; None for one in memory and for PostgreSQL."""
    name = engine.url.database
    return name if engine.dialect.name == "sqlite" and name and name != ":memory:" else None


def _sqlite(url: str) -> Engine:
    path = make_url(url).database or ":memory:"
    in_memory = path == ":memory:"
    if not in_memory:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(
        url,
        poolclass=QueuePool,
        # A database in memory lives in its one connection: the pool makes transactions wait for each other.
        pool_size=1 if in_memory else 20,
        max_overflow=0 if in_memory else 20,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """FULL, not NORMAL: a journal row forgotten on power loss would be a second write to QuickBooks."""
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_begin(connection: Connection) -> None:
    """IMMEDIATE takes the write lock before the first read, so that no read-then-write is lost or refused half-way."""
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN " + options.get("sqlite_begin", "IMMEDIATE"))
