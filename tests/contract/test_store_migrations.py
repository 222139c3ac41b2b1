"""Migrations and the tables in code say the same, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import fresh_postgres
from sqlalchemy import inspect, text
from store_builders import PROCESSES

from service.store.database import make_engine
from service.store.migrate import pending, upgrade
from service.store.tables import metadata


@pytest.fixture(params=["sqlite file", "postgresql"])
def untouched_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it; the SQLite file's folder is not there yet."""
    if request.param == "sqlite file":
        yield f"sqlite:///{tmp_path}/var/books.db"
        return
    with fresh_postgres() as url:
        yield url


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(untouched_url: str):
    upgrade(untouched_url)

    engine = make_engine(untouched_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_conditions_of_partial_indexes_and_checks_are_the_same_too(untouched_url: str):
    """What alembic does not compare: made from the code and by the migrations, both read the same in the database."""
    upgrade(untouched_url)
    engine = make_engine(untouched_url)
    migrated = _conditions(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        metadata.drop_all(connection)
        metadata.create_all(connection)

    assert _conditions(engine) == migrated
    engine.dispose()


def test_a_database_is_pending_until_it_is_upgraded_and_may_be_upgraded_again(untouched_url: str):
    assert pending(untouched_url)

    upgrade(untouched_url)
    upgrade(untouched_url)

    assert not pending(untouched_url)


def test_two_processes_that_start_at_once_migrate_once(untouched_url: str):
    with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool:
        list(pool.map(upgrade, [untouched_url] * 2))

    assert not pending(untouched_url)


def _conditions(engine) -> dict[str, list[tuple[str, str]]]:
    inspector = inspect(engine)
    where = f"{engine.dialect.name}_where"
    return {
        table: sorted(
            [(each["name"], str(each.get("dialect_options", {}).get(where))) for each in inspector.get_indexes(table)]
            + [(each["name"], each["sqltext"]) for each in inspector.get_check_constraints(table)]
        )
        for table in metadata.tables
    }
