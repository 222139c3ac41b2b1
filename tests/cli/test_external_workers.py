"""Workers in processes of their own: what is due is delivered to them, whoever is killed or cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from databases import empty, fresh_postgres
from fake_engine import FERNET_KEY, some_settings

from service.cli.outside import StoredMigrations
from service.dispatch import ExternalDispatcher, queue_tables
from service.health import Health
from service.ports import WORKER
from service.settings import conninfo
from service.store import SqlStore, open_store

PATIENCE_S = 60.0
"""Longer than it takes to find out that nobody works a job any more: a session may be cut before its end is told."""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with fresh_postgres() as url:
        StoredMigrations().upgrade(url)
        yield url


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = open_store(url, [FERNET_KEY], now)
    yield opened
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    empty(url)
    opened.close()


class Workers:
    """What was worked, by whom, and whether ever twice at once."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.worked: list[int] = []
        self.at_once: dict[int, int] = {}
        self.overlapped = False
        self.changed = threading.Condition()
        self.meanwhile: Callable[[int], bool] = lambda _: False

    def work(self, connection_id: int, by: str | None) -> bool:
        """As the engine does: claims, does something, gives back."""
        with self.store.writing() as tx:
            claim = tx.connections.claim(connection_id, now(), now() + timedelta(seconds=60), by=by)
        if claim is None:
            return False
        with self.changed:
            self.at_once[connection_id] = self.at_once.get(connection_id, 0) + 1
            self.overlapped |= self.at_once[connection_id] > 1
        goes_on = False
        try:
            goes_on = self.meanwhile(connection_id)
        finally:
            with self.store.writing() as tx:
                tx.connections.release(claim, seen=None if goes_on else claim.dirty)
            with self.changed:
                self.at_once[connection_id] -= 1
                self.worked.append(connection_id)
                self.changed.notify_all()
        return goes_on

    def wait_for(self, done: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(done, PATIENCE_S), self.worked


@pytest.fixture
def workers(store: SqlStore) -> Workers:
    return Workers(store)


def a_dispatcher(store: SqlStore, url: str, workers: Workers, threads: int = 4) -> ExternalDispatcher:
    return ExternalDispatcher(
        store,
        workers.work,
        now,
        conninfo=conninfo(url),
        transaction=store.driver_transaction,
        threads=threads,
    )


@contextmanager
def started(dispatcher: ExternalDispatcher) -> Iterator[ExternalDispatcher]:
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop(PATIENCE_S)


def a_connection(store: SqlStore, account: str = "acme", *, due: bool = False) -> int:
    with store.writing() as tx:
        connection = tx.connections.create(account, account, "key")
        tx.connections.update(connection.id, sweep_at=now() + timedelta(days=1))
        if due:
            tx.connections.mark_dirty(connection.id)
    return connection.id


def notice(store: SqlStore, dispatcher: ExternalDispatcher, connection_id: int) -> None:
    with store.writing() as tx:
        tx.connections.mark_dirty(connection_id)
    dispatcher.kick(connection_id)


def jobs(url: str) -> int:
    with psycopg.connect(conninfo(url)) as connection:
        row = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'sync_connection'")
        return int(row.fetchone()[0])  # type: ignore[index]


def test_a_notice_is_worked_by_another_process_at_once(store: SqlStore, url: str, workers: Workers) -> None:
    connection_id = a_connection(store)
    web = a_dispatcher(store, url, Workers(store))

    with started(a_dispatcher(store, url, workers)):
        notice(store, web, connection_id)
        workers.wait_for(lambda: workers.worked == [connection_id])


def test_a_hundred_notices_that_wait_are_one_job(store: SqlStore, url: str, workers: Workers) -> None:
    connection_id = a_connection(store)
    web = a_dispatcher(store, url, Workers(store))

    for _ in range(100):
        notice(store, web, connection_id)

    assert jobs(url) == 1
    with store.reading() as tx:
        assert tx.connections.by_id(connection_id).dirty == 100


def test_a_sweep_finds_what_nobody_kicked(store: SqlStore, url: str, workers: Workers) -> None:
    connection_id = a_connection(store, due=True)

    with started(a_dispatcher(store, url, workers)):
        workers.wait_for(lambda: connection_id in workers.worked)


def test_a_connection_never_works_beside_itself_and_no_notice_is_lost(
    store: SqlStore, url: str, workers: Workers
) -> None:
    ids = [a_connection(store, f"account-{n}") for n in range(5)]
    workers.meanwhile = lambda _: time.sleep(0.01) is not None
    web = a_dispatcher(store, url, Workers(store))

    with started(a_dispatcher(store, url, workers)), started(a_dispatcher(store, url, workers)):
        for _ in range(20):
            for connection_id in ids:
                notice(store, web, connection_id)
        workers.wait_for(lambda: not _due(store))

    assert set(workers.worked) == set(ids)
    assert not workers.overlapped


def test_what_goes_on_for_long_does_not_keep_what_is_new(store: SqlStore, url: str, workers: Workers) -> None:
    """One slot, three tenants that never come to an end, and a small change of a fourth."""
    endless = [a_connection(store, f"endless-{n}", due=True) for n in range(3)]
    small = a_connection(store, "small")
    workers.meanwhile = lambda connection_id: connection_id in endless
    web = a_dispatcher(store, url, Workers(store))

    with started(a_dispatcher(store, url, workers, threads=1)):
        workers.wait_for(lambda: all(workers.worked.count(each) > 3 for each in endless))
        before = len(workers.worked)
        notice(store, web, small)
        workers.wait_for(lambda: small in workers.worked)
        assert workers.worked.index(small) - before < 40
        with store.writing() as tx:
            for each in endless:
                tx.connections.update(each, not_before=now() + timedelta(days=1))


def test_work_that_fails_is_tried_again_and_holds_up_nobody(store: SqlStore, url: str, workers: Workers) -> None:
    broken, well = a_connection(store, "broken", due=True), a_connection(store, "well", due=True)
    failures = iter([True])

    def fail_once(connection_id: int) -> bool:
        if connection_id == broken and next(failures, False):
            raise RuntimeError("broken")
        return False

    workers.meanwhile = fail_once

    with started(a_dispatcher(store, url, workers)):
        workers.wait_for(lambda: not _due(store) and {broken, well} <= set(workers.worked))


def test_the_work_of_a_worker_that_was_killed_is_taken_over(store: SqlStore, url: str, workers: Workers) -> None:
    """What `kill -9` leaves behind: a job that nobody finishes, and a claim that nobody gives back."""
    connection_id = a_connection(store)
    web = a_dispatcher(store, url, Workers(store))
    notice(store, web, connection_id)
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        taken = connection.execute("UPDATE procrastinate_jobs SET status = 'doing' RETURNING id").fetchone()
    with store.writing() as tx:
        claim = tx.connections.claim(connection_id, now(), now() + timedelta(days=1), by=f"job:{taken[0]}")  # type: ignore[index]
    assert claim is not None

    with started(a_dispatcher(store, url, workers)):
        workers.wait_for(lambda: connection_id in workers.worked)


def test_a_worker_comes_back_with_the_database(store: SqlStore, url: str, workers: Workers) -> None:
    """Every session is cut, as when PostgreSQL restarts: the process stays, and works again."""
    connection_id = a_connection(store, due=True)

    with started(a_dispatcher(store, url, workers)):
        workers.wait_for(lambda: connection_id in workers.worked)
        with psycopg.connect(conninfo(url), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with store.writing() as tx:
            tx.connections.mark_dirty(connection_id)
        workers.wait_for(lambda: workers.worked.count(connection_id) > 1)


def test_a_kick_without_a_queue_is_left_to_the_sweep(store: SqlStore, url: str) -> None:
    """The web has stored the notice already: it must not answer with an error now."""
    nowhere = ExternalDispatcher(store, lambda *_: False, now, conninfo="", transaction=_no_database)

    nowhere.kick(1)


@contextmanager
def _no_database() -> Iterator[None]:
    raise psycopg.OperationalError("away")
    yield


def _due(store: SqlStore) -> list[int]:
    with store.reading() as tx:
        return tx.connections.due(now())


# ------------------------------------------------------------------------------------------------ is it well


def test_readiness_tells_that_no_worker_lives_and_since_when(store: SqlStore, url: str, workers: Workers) -> None:
    clock = [now()]
    health = Health(store, some_settings(DATABASE_URL=url, WORKERS="external"), lambda: clock[0])
    assert health.look()["worker"] == "none was ever seen: start qbo-sync worker"

    a_connection(store, due=True)
    with started(a_dispatcher(store, url, workers)):
        workers.wait_for(lambda: bool(workers.worked))
        assert health.look()["worker"] == "ok"

    with store.reading() as tx:
        seen = tx.heartbeats.last(WORKER)
    assert seen is not None
    clock[0] = seen + timedelta(minutes=1)
    found = health.look()
    assert (found["ready"], found["worker"]) == (
        False,
        f"none lives since {seen:%Y-%m-%dT%H:%M:%SZ}: start qbo-sync worker",
    )


# -------------------------------------------------------------------------------------------- the queue's tables


def test_the_queues_tables_are_made_once_and_brought_up_to_date_step_by_step() -> None:
    with fresh_postgres() as fresh:
        to = conninfo(fresh)
        assert queue_tables.pending(to)
        steps = queue_tables._shipped()
        with psycopg.connect(to, autocommit=True) as connection:
            for step in steps[:-2]:  # as an older version left it
                connection.execute(step.read_bytes())
            queue_tables._remember(connection, steps[-3])

        assert queue_tables.pending(to)
        queue_tables.upgrade(to)
        queue_tables.upgrade(to)

        assert not queue_tables.pending(to)
