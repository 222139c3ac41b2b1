"""The ways to each QuickBooks company, counted for all processes: one statement to take one, one to give it back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Interval, Row, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from service.ports import Clock, Lane, LaneRules
from service.store.columns import Instant
from service.store.tables import lanes

_log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 0.05
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class SqlLanes:
    """See `service.ports.Lanes`. Every call is a transaction of its own.

    Without a `clock` the database's own is used: workers on several machines then cannot disagree about the time.
    """

    def __init__(
        self, engine: Engine, clock: Clock | None = None, new_id: Callable[[], str] = lambda: uuid4().hex
    ) -> None:
        on_sqlite = engine.dialect.name == "sqlite"
        self._engine = engine if on_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._insert = sqlite.insert if on_sqlite else postgresql.insert
        self._clock = clock
        self._new_id = new_id

    def take(self, realm_id: str, rules: LaneRules, *, batch: bool) -> Lane | float:
        with self._engine.begin() as connection:
            taken = self._taken(connection, realm_id, rules, batch)
            if taken is None and self._open(connection, realm_id, rules):
                taken = self._taken(connection, realm_id, rules, batch)
            return taken or self._wait_s(connection, realm_id, batch)

    def give_back(self, lane: Lane) -> None:
        mine = (lanes.c.realm_id == lane.realm_id, lanes.c.lane == lane.number, lanes.c.holder == lane.holder)
        try:
            with self._engine.begin() as connection:
                connection.execute(update(lanes).where(*mine).values(holder=None, held_until=_LONG_AGO))
        except SQLAlchemyError as error:
            _log.warning("a lane could not be given back (%s): it frees itself", type(error).__name__)

    def _taken(self, connection: Connection, realm_id: str, rules: LaneRules, batch: bool) -> Lane | None:
        """Of many who look at once each sees another free lane: rows that somebody is taking are skipped."""
        now, holder = self._after(0), self._new_id()
        free = [lanes.c.realm_id == realm_id, lanes.c.held_until <= now, lanes.c.free_at <= now]
        if batch:
            free.append(lanes.c.batch_free_at <= now)
        first = select(lanes.c.lane).where(*free).order_by(lanes.c.free_at).limit(1).with_for_update(skip_locked=True)
        values = {"holder": holder, "held_until": self._after(rules.hold_s), "free_at": self._after(rules.apart_s)}
        if batch:
            values["batch_free_at"] = self._after(rules.batches_apart_s)
        chosen = (lanes.c.realm_id == realm_id, lanes.c.lane == first.scalar_subquery())
        number = connection.execute(update(lanes).where(*chosen).values(values).returning(lanes.c.lane)).scalar()
        return None if number is None else Lane(realm_id, number, holder)

    def _open(self, connection: Connection, realm_id: str, rules: LaneRules) -> bool:
        """A company that is called for the first time gets its lanes; answers whether it was."""
        known = select(func.count()).select_from(lanes).where(lanes.c.realm_id == realm_id)
        if connection.execute(known).scalar_one() >= rules.count:
            return False
        fresh = {"realm_id": realm_id, "held_until": _LONG_AGO, "free_at": _LONG_AGO, "batch_free_at": _LONG_AGO}
        rows = [{**fresh, "lane": number} for number in range(rules.count)]
        connection.execute(self._insert(lanes).on_conflict_do_nothing(), rows)
        return True

    def _wait_s(self, connection: Connection, realm_id: str, batch: bool) -> float:
        """Until the first lane is free; when a call that holds one will be answered nobody knows."""
        now = self._after(0)
        rows = connection.execute(select(lanes, now.label("now")).where(lanes.c.realm_id == realm_id)).all()
        return max(_LOOK_AGAIN_S, min(_free_in_s(row, batch) for row in rows))

    def _after(self, seconds: float) -> ColumnElement[Any]:
        if self._clock is not None:
            return literal(self._clock() + timedelta(seconds=seconds), Instant)
        now = func.clock_timestamp(type_=Instant)
        return now if not seconds else now + literal(timedelta(seconds=seconds), Interval)


def _free_in_s(row: Row[Any], batch: bool) -> float:
    now: datetime = row.now
    at: datetime = max(row.free_at, row.batch_free_at) if batch else row.free_at
    return max((at - now).total_seconds(), _LOOK_AGAIN_S if row.held_until > now else 0.0)
