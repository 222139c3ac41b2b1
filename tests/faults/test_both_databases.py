"""The same history on SQLite and on PostgreSQL: what the service asks of both sides is the same, word by word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from databases import empty, fresh_postgres

from fixtures.simulation.history import History, history_of
from fixtures.simulation.play import Outcome, play, world_of
from service.store.migrate import upgrade

SEEDS = (1, 2, 3, 5, 8, 13)
SQLITE_ONLY = {"backup_is_taken", "backup_is_restored", "process_dies", "worker_pauses"}
"""A database in memory has one connection: where they die and sleep, PostgreSQL's have places of their own."""


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with fresh_postgres() as url:
        upgrade(url)
        yield url


@pytest.fixture
def emptied(postgres_url: str) -> Iterator[str]:
    yield postgres_url
    empty(postgres_url)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_makes_the_same_calls_and_leaves_the_same_problems_on_both_databases(seed: int, emptied: str) -> None:
    history = history_of(seed)
    history = replace(history, steps=tuple(step for step in history.steps if step.name not in SQLITE_ONLY))

    here, there = _played(history, "sqlite://"), _played(history, emptied)

    assert there.story == here.story
    assert there.calls == here.calls
    assert sorted(there.codes) == sorted(here.codes)
    assert not here.violations
    assert not there.violations


def _played(history: History, url: str) -> Outcome:
    return play(history, world_of(history, url))
