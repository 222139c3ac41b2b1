"""Real `qbo-sync worker` processes on PostgreSQL: they work, survive its restart, and leave when they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from databases import fresh_postgres
from fake_engine import ENVIRONMENT, FERNET_KEY, some_settings

from service.bootstrap import build
from service.health import Health
from service.settings import conninfo
from service.store import SqlStore, open_store

PATIENCE_S = 30.0
COMMAND = [sys.executable, "-c", "from service.cli import main; main()"]


def now() -> datetime:
    return datetime.now(UTC)


def wait_for(look: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    with fresh_postgres() as url:
        yield {**ENVIRONMENT, "DATABASE_URL": url, "WORKERS": "external", "LOG_LEVEL": "WARNING"}


@contextmanager
def two_workers(env: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    workers = [subprocess.Popen([*COMMAND, "worker"], env=os.environ | env) for _ in range(2)]
    try:
        wait_for(lambda: queues_served(env) == len(workers) * 3)
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def queues_served(env: dict[str, str]) -> int:
    """Each process serves three."""
    with psycopg.connect(conninfo(env["DATABASE_URL"])) as connection:
        return connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone()[0]


@pytest.fixture
def store(env: dict[str, str]) -> Iterator[SqlStore]:
    subprocess.run([*COMMAND, "migrate"], env=os.environ | env, check=True, capture_output=True)
    opened = open_store(env["DATABASE_URL"], [FERNET_KEY], now)
    yield opened
    opened.close()


def a_notice(store: SqlStore, connection_id: int) -> None:
    with store.writing() as tx:
        tx.connections.mark_dirty(connection_id)


def is_worked(store: SqlStore, connection_id: int) -> bool:
    with store.reading() as tx:
        connection = tx.connections.by_id(connection_id)
    return connection.seen == connection.dirty and connection.sweep_at > now()


def test_workers_work_outlive_a_restart_of_the_database_and_leave_in_order(
    env: dict[str, str], store: SqlStore
) -> None:
    with store.writing() as tx:
        connection_id = tx.connections.create("acme", "Acme", "key").id
    health = Health(store, some_settings(**env), now)

    with two_workers(env) as workers:
        wait_for(lambda: is_worked(store, connection_id))
        assert health.look() == {"ready": True, "database": "ok", "migrations": "ok", "worker": "ok"}
        with psycopg.connect(conninfo(env["DATABASE_URL"]), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        a_notice(store, connection_id)
        wait_for(lambda: is_worked(store, connection_id))
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(PATIENCE_S) for worker in workers] == [0, 0]


def test_what_a_server_kicks_is_worked_at_once_and_not_by_the_server(env: dict[str, str], store: SqlStore) -> None:
    """The kick is a row of the queue, in our own database."""
    web = build(some_settings(**env))
    with store.writing() as tx:
        connection_id = tx.connections.create("acme", "Acme", "key").id

    web.dispatcher.kick(connection_id)
    web.dispatcher.kick(connection_id)

    with psycopg.connect(conninfo(env["DATABASE_URL"])) as connection:
        rows = connection.execute("SELECT queue_name, lock, queueing_lock, status FROM procrastinate_jobs").fetchall()
    assert rows == [("quick", f"connection:{connection_id}", f"connection:{connection_id}", "todo")]
    with two_workers(env):
        wait_for(lambda: is_worked(store, connection_id))
    web.store.close()
