"""Rotating the keys that secrets at rest are encrypted with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from fake_engine import FERNET_KEY
from outside_fakes import World

from service.store.store import SqlStore, open_store

Type = Callable[..., Result]


def stored(url: str, *keys: str) -> SqlStore:
    return open_store(url, keys, lambda: datetime.now(UTC))


@pytest.fixture
def first() -> str:
    """A key that is newer than the one before."""
    return Fernet.generate_key().decode()


@pytest.fixture
def url(world: World, first: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Books with one secret, and a service that knows the new key beside the old one."""
    from service.store.migrate import upgrade

    url = f"sqlite:///{tmp_path_factory.mktemp('books')}/books.db"
    upgrade(url)
    with stored(url, FERNET_KEY).writing() as books:
        books.connections.create("acct-1", "Green Leaf", "the account's key")
    world.service.store = stored(url, first, FERNET_KEY)  # type: ignore[assignment]
    return url


def test_after_rotating_the_old_key_is_not_needed_any_more(run: Type, first: str, url: str) -> None:
    result = run("keys", "rotate")

    assert (result.exit_code, result.stdout) == (0, "1 secrets are encrypted with the first key\n")
    with stored(url, first).reading() as books:
        connection = books.connections.get("acct-1")
        assert connection is not None
        assert books.connections.erp_api_key(connection.id) == "the account's key"


@pytest.mark.usefixtures("url")
def test_a_program_is_told_how_many(run: Type) -> None:
    assert json.loads(run("keys", "rotate", "--json").stdout) == {"rotated": 1}


def test_a_secret_that_no_key_opens_is_one_line_and_names_the_setting(
    run: Type, world: World, first: str, url: str
) -> None:
    world.service.store = stored(url, first)  # type: ignore[assignment]

    result = run("keys", "rotate")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "ENCRYPTION_KEYS" in result.stderr
    assert first not in result.output
