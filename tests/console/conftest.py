"""The console over the real engine: both simulators, a database in memory, and people who are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from signed_in import PASSWORD, Browser, an_app

from tests.stories.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A connected account with two-way sync on."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def app(world: World) -> Flask:
    return an_app(world)


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """Somebody who is not signed in."""
    return Browser(app)


@pytest.fixture
def signed_in(app: Flask, world: World) -> Callable[[str], Browser]:
    """`signed_in("support")`: somebody of that role, named after it."""

    def sign_in(role: str) -> Browser:
        if all(known.name != role for known in world.service.people.list()):
            world.service.people.create(role, role, PASSWORD)
        browser = Browser(app)
        assert browser.sign_in(role).status_code == 303
        return browser

    return sign_in


@pytest.fixture
def support(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("support")
