"""Work done by `qbo-sync worker` processes, any number of them: Procrastinate carries the kicks, in our own database.

It only delivers. Who may write is decided by the claim, so a kick that is lost costs a sweep, and one that comes twice
finds the connection claimed. Nothing here is retried by Procrastinate: what goes wrong is kept in our own rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from threading import Event, Thread
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import JobDeferrer, Status

from service.dispatch.due import due, run_due
from service.ports import WORKER, Clock, Store

QUICK, LONG, MAINTENANCE = "quick", "long", "maintenance"
"""Queues. What had its turn and is not done waits among its like, and never before what is new."""
SYNC = "sync_connection"
STALLED_AFTER_S = 30
COME_BACK_AFTER_S = 1.0
MOST_AT_ONCE = 100
"""Connections that one sweep kicks; the next comes two seconds later."""

_log = structlog.get_logger(__name__)


class ExternalDispatcher:
    """`service.ports.Dispatcher` over Procrastinate. Any process may kick; those that `start` work.

    `transaction` opens a short transaction of ours and gives its psycopg connection. `work` gets a connection's id and
    the name under which to claim it.
    """

    def __init__(
        self,
        store: Store,
        work: Callable[[int, str | None], bool],
        clock: Clock,
        *,
        conninfo: str,
        transaction: Callable[[], AbstractContextManager[Any]],
        threads: int = 8,
        leaving: Event | None = None,
    ) -> None:
        self._store = store
        self._work = work
        self._clock = clock
        self._conninfo = conninfo
        self._transaction = transaction
        self._threads = threads
        self._leaving = leaving or Event()
        self._life: Thread | None = None
        # Never opened: it enqueues on connections that it is given.
        self._sender = App(connector=SyncPsycopgConnector(conninfo=""))

    def kick(self, connection_id: int) -> None:
        """Also from a process that does not work itself. The notice is stored already: nothing is lost here."""
        self._enqueue(connection_id, QUICK)

    def start(self) -> None:
        self._life = Thread(target=self._live, name="worker", daemon=True)
        self._life.start()

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more; what runs leaves at its next step."""
        self._leaving.set()
        if self._life is not None:
            self._life.join(timeout_s)

    def run_due(self) -> None:
        run_due(self._store, self._clock, lambda connection_id: self._work(connection_id, None))

    # -------------------------------------------------------------------------------------- the queue

    def _enqueue(self, connection_id: int, queue: str) -> None:
        """In a savepoint: a kick that waits already aborts only that, and not the transaction around it."""
        try:
            with self._transaction() as connection, suppress(AlreadyEnqueued), connection.transaction():
                _job(self._sender, connection_id, queue, connection=connection).defer(connection_id=connection_id)
        except Exception as error:
            _log.warning("kick_lost", connection_id=connection_id, error=type(error).__name__)

    def _sync(self, context: JobContext, connection_id: int) -> None:
        """Never raises: Procrastinate would keep the job, and its lock with it."""
        try:
            goes_on = self._work(connection_id, _name(context.job.id))
        except Exception:
            _log.exception("work_failed", connection_id=connection_id)
            return
        if goes_on:
            self._enqueue(connection_id, LONG)

    async def _sweep(self, app: App) -> None:
        """Kick what nobody told of, and show that a worker lives."""
        for connection_id in await asyncio.to_thread(self._look_for_work):
            with suppress(AlreadyEnqueued):
                await _job(app, connection_id, QUICK).defer_async(connection_id=connection_id)

    def _look_for_work(self) -> list[int]:
        with self._store.writing() as tx:
            tx.heartbeats.beat(WORKER, self._clock())
        return due(self._store, self._clock)[:MOST_AT_ONCE]

    async def _rescue(self, app: App) -> None:
        """A worker that was killed keeps its jobs and claims; one that only slept finds itself replaced."""
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
            assert job.id is not None
            await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            connection_id = job.task_kwargs.get("connection_id")
            if job.task_name == SYNC and isinstance(connection_id, int):
                _log.warning("worker_died", connection_id=connection_id)
                await asyncio.to_thread(self._free, connection_id, _name(job.id))
                with suppress(AlreadyEnqueued):
                    await _job(app, connection_id, QUICK).defer_async(connection_id=connection_id)

    def _free(self, connection_id: int, by: str) -> None:
        with self._store.writing() as tx:
            tx.connections.free(connection_id, by)

    # ---------------------------------------------------------------------------------- the worker's life

    def _live(self) -> None:
        """Until told to leave. A database that goes away ends the workers in it: they come back with it."""
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        while not self._leaving.is_set():
            try:
                asyncio.run(self._work_until_told())
            except (Exception, asyncio.CancelledError) as error:
                _log.warning("worker_lost_the_database", error=type(error).__name__)
            self._leaving.wait(COME_BACK_AFTER_S)

    async def _work_until_told(self) -> None:
        slots = {QUICK: self._threads, LONG: max(1, self._threads // 2), MAINTENANCE: 1}
        # Sync tasks run in the loop's pool, which has only a few threads by itself.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(sum(slots.values()) + 2))
        app = self._app()
        async with app.open_async():
            workers = [asyncio.create_task(_worker(app, queue, count)) for queue, count in slots.items()]
            while not self._leaving.is_set() and not any(worker.done() for worker in workers):
                await asyncio.wait(workers, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _app(self) -> App:
        """Made anew for each life: its pool belongs to one event loop."""
        app = App(connector=PsycopgConnector(conninfo=self._conninfo, min_size=1, max_size=4, timeout=10))

        @app.task(name=SYNC, pass_context=True)
        def sync(context: JobContext, connection_id: int) -> None:
            self._sync(context, connection_id)

        @app.periodic(cron="* * * * * */2")
        @app.task(name="sweep", queue=MAINTENANCE, queueing_lock="sweep")
        async def sweep(timestamp: int) -> None:
            await self._sweep(app)

        @app.periodic(cron="* * * * * */10")
        @app.task(name="rescue", queue=MAINTENANCE, queueing_lock="rescue")
        async def rescue(timestamp: int) -> None:
            await self._rescue(app)

        return app


def _job(app: App, connection_id: int, queue: str, **how: Any) -> JobDeferrer:
    """One waits and one runs for each connection, never more; whatever comes meanwhile is in that one."""
    lock = f"connection:{connection_id}"
    return app.configure_task(SYNC, allow_unknown=True, queue=queue, lock=lock, queueing_lock=lock, **how)


def _name(job_id: int | None) -> str:
    return f"job:{job_id}"


async def _worker(app: App, queue: str, concurrency: int) -> None:
    await app.run_worker_async(
        name=queue,
        queues=[queue],
        concurrency=concurrency,
        install_signal_handlers=False,
        fetch_job_polling_interval=1,
        update_heartbeat_interval=5,
        stalled_worker_timeout=STALLED_AFTER_S,
        shutdown_graceful_timeout=20,
        delete_jobs="successful",
    )
