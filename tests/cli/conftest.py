"""The command line over an engine in memory."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result
from fake_engine import ENVIRONMENT, FakeService
from outside_fakes import FakeMigrations, World

from service.cli import main

Type = Callable[..., Result]


@pytest.fixture
def world() -> World:
    """Everything outside the commands, good settings included."""
    return World(env=dict(ENVIRONMENT), service=FakeService(), migrations=FakeMigrations())


@pytest.fixture
def run(world: World) -> Type:
    """Type a command: `run("tie-out", "acct-1")`."""

    def type_(*words: str) -> Result:
        assert isinstance(main, click.Group)
        return CliRunner().invoke(main, words, obj=world.outside())

    return type_
