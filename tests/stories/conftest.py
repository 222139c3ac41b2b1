"""Stories run through the real engine and both simulators."""

from __future__ import annotations

import pytest

from tests.stories.world import World


@pytest.fixture
def world() -> World:
    """A connected account with two-way sync on."""
    return World()


@pytest.fixture
def one_way() -> World:
    """A connected account as most are: one-way."""
    return World(two_way=False)
