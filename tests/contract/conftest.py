"""One store on every database that we support."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import empty, fresh_postgres
from store_builders import KEY, noon

from service.store import SqlStore, open_store
from service.store.migrate import upgrade


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A migrated PostgreSQL database, one for the session."""
    with fresh_postgres() as url:
        upgrade(url)
        yield url


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """The same database, emptied after the test."""
    yield postgres_url
    empty(postgres_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    """An empty store: SQLite in memory, and PostgreSQL."""
    in_memory = request.param == "sqlite"
    url = "sqlite://" if in_memory else request.getfixturevalue("empty_postgres_url")
    opened = open_store(url, [KEY], noon)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite file", "postgresql"])
def durable_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated, empty database that many threads and processes can share."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("empty_postgres_url"))
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/books.db"
    upgrade(url)
    return url


@pytest.fixture
def durable_store(durable_url: str) -> Iterator[SqlStore]:
    """A store that many threads and processes can share."""
    opened = open_store(durable_url, [KEY], noon)
    yield opened
    opened.close()
