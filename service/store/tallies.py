"""Figures over all connections, and the calls to QuickBooks that were made."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from service.ports import CallKey, Clock, ConnectionState, Counts, Store
from service.store.repository import Repository
from service.store.tables import NEEDS_A_PERSON, call_tallies, connections, ignored_counts, notices, problems, runs

HELD_BACK = timedelta(seconds=1)

_log = structlog.get_logger(__name__)


class SqlTallies(Repository):
    """See `service.ports.Tallies`."""

    def problems(self) -> Counts:
        query = select(problems.c.code, func.count()).where(NEEDS_A_PERSON).group_by(problems.c.code)
        return {(code,): count for code, count in self._connection.execute(query)}

    def runs(self) -> Counts:
        query = select(runs.c.kind, runs.c.state, func.count()).group_by(runs.c.kind, runs.c.state)
        return {(kind, state): count for kind, state, count in self._connection.execute(query)}

    def run_times(self, since: datetime) -> list[tuple[str, datetime, datetime | None]]:
        recent = or_(runs.c.state == "running", runs.c.finished_at >= since)
        query = select(runs.c.kind, runs.c.started_at, runs.c.finished_at).where(runs.c.started_at.is_not(None), recent)
        return [(kind, started, finished) for kind, started, finished in self._connection.execute(query)]

    def notices(self) -> Counts:
        query = select(notices.c.source, notices.c.state, func.count()).group_by(notices.c.source, notices.c.state)
        return {(source, state): count for source, state, count in self._connection.execute(query)}

    def ignored(self) -> Counts:
        query = select(ignored_counts.c.source, ignored_counts.c.reason, ignored_counts.c.count)
        return {(source, reason): count for source, reason, count in self._connection.execute(query)}

    def oldest_waiting(self) -> datetime | None:
        waiting = notices.join(connections, notices.c.connection_id == connections.c.id)
        query = select(notices.c.received_at).select_from(waiting).order_by(notices.c.received_at).limit(1)
        connected = connections.c.state == ConnectionState.CONNECTED.value
        return self._connection.scalar(query.where(notices.c.state == "new", connected))

    def newest_notice(self, source: str) -> datetime | None:
        query = select(notices.c.received_at).where(notices.c.source == source)
        return self._connection.scalar(query.order_by(notices.c.id.desc()).limit(1))

    def found_by_sweeps(self, since: datetime) -> set[str]:
        swept = select(runs.c.counts).where(runs.c.trigger == "sweep", runs.c.finished_at >= since)
        return {action for counts in self._connection.scalars(swept) for action in counts}

    def add_calls(self, calls: Mapping[CallKey, int]) -> None:
        """In one order, so that two processes that add at once do not wait for each other in a circle."""
        for (month, realm_id, cost, outcome), count in sorted(calls.items()):
            values = {"month": month, "realm_id": realm_id, "cost": cost, "outcome": outcome, "count": count}
            added = self._insert(call_tallies).values(**values)
            self._connection.execute(
                added.on_conflict_do_update(
                    index_elements=["month", "realm_id", "cost", "outcome"],
                    set_={"count": call_tallies.c.count + added.excluded.count},
                )
            )

    def calls(self, month: str | None = None) -> Counts:
        query = select(call_tallies.c.cost, call_tallies.c.outcome, func.sum(call_tallies.c.count))
        query = query.group_by(call_tallies.c.cost, call_tallies.c.outcome)
        if month is not None:
            query = query.where(call_tallies.c.month == month)
        return {(cost, outcome): int(count) for cost, outcome, count in self._connection.execute(query)}


class CallTally:
    """Calls of this process that the database has not been told of: it is told every second or so, and when asked to.

    A call is never delayed or failed by being counted; a process that is killed forgets about a second of them.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._untold: Counter[CallKey] = Counter()
        self._told_at = clock()

    def add(self, realm_id: str, cost: str, outcome: str) -> None:
        """One call was made."""
        now = self._clock()
        with self._lock:
            self._untold[f"{now:%Y-%m}", realm_id, cost, outcome] += 1
            late = now - self._told_at >= HELD_BACK
        if late:
            self.tell()

    def tell(self) -> None:
        """Bring the database up to date; what it does not take is kept for the next time."""
        with self._lock:
            calls, self._untold = self._untold, Counter()
            self._told_at = self._clock()
        if not calls:
            return
        try:
            with self._store.writing() as books:
                books.tallies.add_calls(calls)
        except SQLAlchemyError as error:
            _log.warning("calls_not_counted_yet", error=type(error).__name__)
            with self._lock:
                self._untold.update(calls)
