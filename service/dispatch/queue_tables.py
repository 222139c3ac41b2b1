"""Procrastinate's own tables in our database: made, and brought up to date, by the SQL that it ships."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

_LOCK = 0x71626F71  # any number that nobody else uses
_TABLE = "procrastinate_jobs"


def upgrade(conninfo: str) -> None:
    """Bring them up to date. Several processes may start at once: one does it."""
    with _alone(conninfo) as connection:
        if not _exists(connection):
            connection.execute(SchemaManager.get_schema())
            _remember(connection, _shipped()[-1])
        for step in _missing(connection):
            connection.execute(step.read_bytes())
            _remember(connection, step)


def pending(conninfo: str) -> bool:
    """Whether `upgrade` would have something to do."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return not _exists(connection) or bool(_missing(connection))


@contextmanager
def _alone(conninfo: str) -> Iterator[psycopg.Connection]:
    """Each statement for itself: some of the shipped steps cannot share a transaction."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield connection  # closing the session lets go of the lock


def _exists(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [_TABLE]).fetchone() != (None,)


def _missing(connection: psycopg.Connection) -> list[Path]:
    """The shipped steps after the one that is noted; their names sort by version."""
    row = connection.execute("SELECT obj_description(to_regclass(%s))", [_TABLE]).fetchone()
    noted = str(row[0] or "") if row else ""
    return [step for step in _shipped() if step.name > noted]


def _shipped() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _remember(connection: psycopg.Connection, step: Path) -> None:
    noted = sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(_TABLE), sql.Literal(step.name))
    connection.execute(noted)
