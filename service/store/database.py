"""Opening the database so that both engines keep the same promises: nothing lost, no endless wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, QueuePool, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_BUSY_TIMEOUT_MS = 5_000
_BEGIN = "begin"
"""How the next transaction of a driver's connection begins; IMMEDIATE where nothing is said."""
_POSTGRES_OPTIONS = "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"


class Sqlite(SQLiteDialect_pysqlite):
    """SQLite, beginning its transactions itself (the driver would begin some of them, and late).

    Not by an event of the engine's: one listener slows every statement down.
    """

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """IMMEDIATE takes the write lock before the first read, so that no read-then-write is lost or refused
        half-way."""
        cursor = dbapi_connection.cursor()
        cursor.execute(dbapi_connection.info.pop(_BEGIN, "BEGIN IMMEDIATE"))
        cursor.close()


registry.register("sqlite.ours", __name__, Sqlite.__name__)


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


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """A connection for looks that change nothing: they see one moment, and on SQLite they block nobody."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.info[_BEGIN] = "BEGIN DEFERRED"
            connection.begin()  # now: the next one to have this connection must not find the word
            yield connection
        else:
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


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
        make_url(url).set(drivername="sqlite+ours"),
        poolclass=QueuePool,
        # A database in memory lives in its one connection: the pool makes transactions wait for each other.
        pool_size=1 if in_memory else 20,
        max_overflow=0 if in_memory else 20,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """FULL, not NORMAL: a journal row forgotten on power loss would be a second write to QuickBooks."""
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
