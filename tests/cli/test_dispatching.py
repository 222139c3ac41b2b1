"""The dispatcher inside the process: what is due is worked on, by one thread each, and one failure stops nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from fake_engine import FakeStore

from service.dispatch import EmbeddedDispatcher
from service.dispatch.due import MOST_ROUNDS, StillDue

PATIENCE_S = 5.0


def _noon() -> datetime:
    return datetime(2026, 11, 21, 12, tzinfo=UTC)


@contextmanager
def _started(dispatcher: EmbeddedDispatcher) -> Iterator[EmbeddedDispatcher]:
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop(PATIENCE_S)


def test_everything_due_is_worked_until_nothing_is() -> None:
    worked: list[int] = []
    dispatcher = EmbeddedDispatcher(FakeStore(due=[[1, 2], [2]]), worked.append, _noon)

    dispatcher.run_due()

    assert worked == [1, 2, 2]


def test_one_failure_does_not_stop_the_others() -> None:
    worked: list[int] = []

    def work(connection_id: int) -> None:
        if connection_id == 1:
            raise RuntimeError("broken")
        worked.append(connection_id)

    EmbeddedDispatcher(FakeStore(due=[[1, 2]]), work, _noon).run_due()

    assert worked == [2]


def test_what_never_ends_is_given_up() -> None:
    endless = FakeStore(due=[[1]] * (MOST_ROUNDS + 1))

    with pytest.raises(StillDue):
        EmbeddedDispatcher(endless, lambda _: None, _noon).run_due()


def test_a_sweep_finds_what_nobody_told_of() -> None:
    done = threading.Event()

    with _started(EmbeddedDispatcher(FakeStore(due=[[7]]), lambda _: done.set(), _noon)):
        assert done.wait(PATIENCE_S)


def test_a_sweep_that_fails_is_followed_by_another() -> None:
    class Shaky(FakeStore):
        fails = 1

        def _due(self, now: object) -> list[int]:
            self.fails -= 1
            if self.fails >= 0:
                raise OSError("the database is away")
            return super()._due(now)

    done = threading.Event()

    with _started(EmbeddedDispatcher(Shaky(due=[[7]]), lambda _: done.set(), _noon)):
        assert done.wait(PATIENCE_S)


def test_kicked_connections_run_side_by_side_but_none_beside_itself() -> None:
    both_at_work = threading.Barrier(3)
    may_end = threading.Event()
    begun: list[int] = []

    def work(connection_id: int) -> None:
        begun.append(connection_id)
        both_at_work.wait(PATIENCE_S)
        may_end.wait(PATIENCE_S)

    with _started(EmbeddedDispatcher(FakeStore(), work, _noon)) as dispatcher:
        for connection_id in (1, 2, 1, 2):
            dispatcher.kick(connection_id)
        both_at_work.wait(PATIENCE_S)
        dispatcher.kick(1)
        may_end.set()

    assert sorted(begun) == [1, 2]


def test_stopping_waits_for_what_runs_but_not_for_ever() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work(_: int) -> None:
        begun.set()
        may_end.wait(PATIENCE_S)

    dispatcher = EmbeddedDispatcher(FakeStore(), work, _noon)
    dispatcher.start()
    dispatcher.kick(1)
    assert begun.wait(PATIENCE_S)

    dispatcher.stop(0.1)

    assert not may_end.is_set()
    may_end.set()


def test_a_kick_before_the_start_is_left_to_the_sweep() -> None:
    worked: list[int] = []

    EmbeddedDispatcher(FakeStore(), worked.append, _noon).kick(1)

    assert worked == []
