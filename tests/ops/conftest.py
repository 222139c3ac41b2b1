"""A whole world in one process, on SQLite: what operators see of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A connected account with two-way sync on."""
    world = World()
    yield world
    world.close()
