"""Work done in this very process: a pool of threads, and a sweep each second that finds what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from threading import Condition, Event

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from service.dispatch.due import due, run_due
from service.ports import Clock, Store

SWEEP_EVERY_S = 1

_log = structlog.get_logger(__name__)


class EmbeddedDispatcher:
    """`service.ports.Dispatcher` over APScheduler; `work` gets a connection's id and claims it itself, and answers
    whether it should go on after those that wait.

    A connection is given to one thread of this process at a time: a second one would find it claimed. Should `work`
    raise, the others go on, and the next sweep tries again.
    """

    def __init__(
        self,
        store: Store,
        work: Callable[[int], object],
        clock: Clock,
        threads: int = 8,
        leaving: Event | None = None,
    ) -> None:
        self._store = store
        self._work = work
        self._clock = clock
        self._leaving = leaving or Event()
        self._given: set[int] = set()
        self._at_work = 0
        self._stopping = False
        self._changed = Condition()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            # What had its turn and is not done waits among its like; the sweep must find a free thread at any time.
            executors={
                "default": ThreadPoolExecutor(threads),
                "long": ThreadPoolExecutor(max(1, threads // 2)),
                "sweep": ThreadPoolExecutor(1),
            },
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def kick(self, connection_id: int) -> None:
        """Work on it soon."""
        self._pass_on(connection_id, "default")

    def _pass_on(self, connection_id: int, executor: str) -> None:
        """Without an id for the job: APScheduler would drop a second one while the first runs."""
        if self._scheduler.running and self._give(connection_id):
            self._scheduler.add_job(self._work_given, args=[connection_id], executor=executor)

    def start(self) -> None:
        """Begin to sweep; in a process that forks, only after it did."""
        self._scheduler.add_job(self._sweep, "interval", seconds=SWEEP_EVERY_S, executor="sweep", id="sweep")
        self._scheduler.start()

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more, and wait for what runs, but no longer than that: claims and journal cover the rest."""
        self._leaving.set()
        if not self._scheduler.running:
            return
        with self._changed:
            self._stopping = True
        self._scheduler.pause()
        # Waits for the scheduler's round in hand, which would stumble over a shutdown.
        self._scheduler.remove_all_jobs()
        with self._changed:
            self._changed.wait_for(lambda: self._at_work == 0, timeout_s)
        self._scheduler.shutdown(wait=False)

    def run_due(self) -> None:
        run_due(self._store, self._clock, self._work_safely)

    def _sweep(self) -> None:
        for connection_id in due(self._store, self._clock):
            self.kick(connection_id)

    def _give(self, connection_id: int) -> bool:
        """Whether no thread here has it already. What is kicked while it runs stays due, and the sweep finds it."""
        with self._changed:
            free = connection_id not in self._given and not self._stopping
            if free:
                self._given.add(connection_id)
            return free

    def _work_given(self, connection_id: int) -> None:
        with self._changed:
            if self._stopping:
                return
            self._at_work += 1
        goes_on = False
        try:
            goes_on = self._work_safely(connection_id)
        finally:
            with self._changed:
                self._given.discard(connection_id)
                self._at_work -= 1
                self._changed.notify_all()
        if goes_on:
            self._pass_on(connection_id, "long")

    def _work_safely(self, connection_id: int) -> bool:
        """One connection's failure must not stop the others."""
        try:
            return bool(self._work(connection_id))
        except Exception:
            _log.exception("work_failed", connection_id=connection_id)
            return False
