"""Stories run through the real engine and both simulators, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import empty, fresh_postgres

from service.store.migrate import upgrade
from tests.stories.world import World


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with fresh_postgres() as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield "sqlite://"
        return
    url = str(request.getfixturevalue("postgres_url"))
    yield url
    empty(url)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A connected account with two-way sync on."""
    world = World(database_url)
    yield world
    world.close()


@pytest.fixture
def one_way(database_url: str) -> Iterator[World]:
    """A connected account as most are: one-way."""
    world = World(database_url, two_way=False)
    yield world
    world.close()


@pytest.fixture
def unconnected(database_url: str) -> Iterator[World]:
    """An account before it is connected."""
    world = World(database_url, connect=False)
    yield world
    world.close()
