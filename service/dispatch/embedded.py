"""Work done in this very process: a pool of threads, and a sweep each second that finds what is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from threading import Lock

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from service.ports import Clock, Store

SWEEP_EVERY_S = 1
MOST_ROUNDS = 1_000
_STOP_LOOKS_EVERY_S = 0.05

_log = structlog.get_logger(__name__)


class StillDue(RuntimeError):
    """Working did not make the connections any less due, however often it was tried."""


class EmbeddedDispatcher:
    """`service.ports.Dispatcher` over APScheduler; `work` gets a connection's id and claims it itself.

    A connection is given to one thread of this process at a time: a second one would find it claimed. Should `work`
    raise, the others go on, and the next sweep tries again.
    """

    def __init__(self, store: Store, work: Callable[[int], None], clock: Clock, threads: int = 8) -> None:
        self._store = store
        self._work = work
        self._clock = clock
        self._busy: set[int] = set()
        self._lock = Lock()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            # The sweep must find a free thread when all others work.
            executors={"default": ThreadPoolExecutor(threads), "sweep": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def kick(self, connection_id: int) -> None:
        """Work on it soon. Without an id for the job: APScheduler would drop a second one while the first runs."""
        if self._scheduler.running and self._reserve(connection_id):
            self._scheduler.add_job(self._work_reserved, args=[connection_id])

    def start(self) -> None:
        """Begin to sweep; in a process that forks, only after it did."""
        self._scheduler.add_job(self._sweep, "interval", seconds=SWEEP_EVERY_S, executor="sweep", id="sweep")
        self._scheduler.start()

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more, and wait for what runs, but no longer than that: claims and journal cover the rest."""
        if not self._scheduler.running:
            return
        self._scheduler.shutdown(wait=False)
        until = time.monotonic() + timeout_s
        while self._busy and time.monotonic() < until:
            time.sleep(_STOP_LOOKS_EVERY_S)

    def run_due(self) -> None:
        """See the port. Raises: `StillDue`."""
        for _ in range(MOST_ROUNDS):
            due = self._due()
            if not due:
                return
            for connection_id in due:
                self._work_safely(connection_id)
        raise StillDue(f"{len(due)} connections are still due after {MOST_ROUNDS} rounds")

    def _sweep(self) -> None:
        for connection_id in self._due():
            self.kick(connection_id)

    def _due(self) -> list[int]:
        with self._store.reading() as books:
            return books.connections.due(self._clock())

    def _reserve(self, connection_id: int) -> bool:
        """Whether nobody here has it already. What is kicked while it runs stays due, and the sweep finds it."""
        with self._lock:
            free = connection_id not in self._busy
            self._busy.add(connection_id)
            return free

    def _work_reserved(self, connection_id: int) -> None:
        try:
            self._work_safely(connection_id)
        finally:
            with self._lock:
                self._busy.discard(connection_id)

    def _work_safely(self, connection_id: int) -> None:
        """One connection's failure must not stop the others."""
        try:
            self._work(connection_id)
        except Exception:
            _log.exception("work_failed", connection_id=connection_id)
