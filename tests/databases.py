"""The databases that tests run on: SQLite always, PostgreSQL where it answers (in CI it must)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from service.store.tables import metadata
from tests.lacking import lacking

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """The URL of an empty database of our own, dropped at the end.

    Without a server the test is skipped, but fails where CI=true: there nothing may pass unseen.
    """
    server = create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"qbo_sync_{os.getpid()}_{uuid4().hex[:8]}"
    _create(server, name)
    try:
        yield make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        server.dispose()


def empty(url: str) -> None:
    """Throw every row of a PostgreSQL database away, the audit's too, which nobody but a test may; ids begin anew."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
            if "id" in table.c:  # no sequence is behind an id that is text: then nothing happens
                restart = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), 1, false)")
                connection.execute(restart, {"name": table.name})
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    engine.dispose()


def _create(server: Engine, name: str) -> None:
    try:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
            # A test's commits need not survive a power cut.
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    except OperationalError as error:
        lacking(f"PostgreSQL does not answer: {error.orig}")
