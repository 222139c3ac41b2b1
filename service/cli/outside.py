"""What the commands need from outside, handed in so that a test can hand in its own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import requests
from sqlalchemy import make_url
from werkzeug.http import parse_date

from service.console.context import Office
from service.settings import Settings, conninfo

PROBE_TIMEOUT_S = 10


class Migrations(Protocol):
    """The database's tables, as `service.store.migrate` brings them up to date."""

    def pending(self, url: str) -> bool: ...
    def upgrade(self, url: str) -> None: ...


class StoredMigrations:
    """The real ones; on PostgreSQL the queue has tables of its own beside ours."""

    def pending(self, url: str) -> bool:
        from service.dispatch import queue_tables
        from service.store.migrate import pending

        return pending(url) or (_is_postgresql(url) and queue_tables.pending(conninfo(url)))

    def upgrade(self, url: str) -> None:
        from service.dispatch import queue_tables
        from service.store.migrate import upgrade

        upgrade(url)
        if _is_postgresql(url):
            queue_tables.upgrade(conninfo(url))


def _is_postgresql(url: str) -> bool:
    return make_url(url).get_backend_name() == "postgresql"


def build_service(settings: Settings) -> Office:
    """The real one; imported late, so that `--help` does not wait for it."""
    from service.bootstrap import build

    return build(settings)


def tell_demo(once: bool) -> int:
    """The demo's exit status."""
    from fixtures.demo import main

    return main(once)


@dataclass(frozen=True)
class Site:
    """How one GET was answered; `said_at` is the other side's clock, where it told."""

    status: int
    said_at: datetime | None = None


def visit(url: str) -> Site:
    """Raises: `requests.RequestException`."""
    with requests.get(url, timeout=PROBE_TIMEOUT_S, stream=True) as answer:
        return Site(answer.status_code, parse_date(answer.headers.get("Date")))


def wait_for_stop() -> None:
    """Return when the process is asked to end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


@dataclass(frozen=True)
class Outside:
    """The world as the commands see it."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    build: Callable[[Settings], Office] = build_service
    migrations: Migrations = field(default_factory=StoredMigrations)
    demo: Callable[[bool], int] = tell_demo
    visit: Callable[[str], Site] = visit
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep
    wait_for_stop: Callable[[], None] = wait_for_stop
