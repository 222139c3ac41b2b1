"""Jobs on a connection."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update

from service.ports import Page, Run
from service.store.paging import page
from service.store.repository import Repository
from service.store.tables import run_problems, runs

_FIELDS = tuple(each.name for each in fields(Run))
_CHANGEABLE = frozenset(_FIELDS) - {"id", "connection_id", "created_at"}

_GET = select(runs).where(runs.c.id == bindparam("run"))
_QUEUED = (
    select(runs)
    .where(runs.c.connection_id == bindparam("connection"), runs.c.state.in_(("queued", "running")))
    .order_by(runs.c.seq)
)
_CHANGE = update(runs).where(runs.c.id == bindparam("run")).returning(runs)
_CREATE = insert(runs).returning(runs)
_FORGET_PROBLEMS = delete(run_problems).where(run_problems.c.run_id == bindparam("run"))
_FORGET = delete(runs).where(runs.c.id == bindparam("run"))


class SqlRuns(Repository):
    """See `service.ports.Runs`. An unknown id raises LookupError."""

    def create(self, run: Run) -> Run:
        values = {name: getattr(run, name) for name in _FIELDS}
        return _read(self._connection.execute(_CREATE, values).one())

    def get(self, run_id: str) -> Run | None:
        return self._first(_GET, run=run_id)

    def queued(self, connection_id: int) -> list[Run]:
        return [_read(row) for row in self._connection.execute(_QUEUED, {"connection": connection_id})]

    def active(self, connection_id: int, kind: str) -> Run | None:
        states = ("queued", "running", "held")
        query = select(runs).where(runs.c.connection_id == connection_id, runs.c.kind == kind)
        return self._first(query.where(runs.c.state.in_(states)).order_by(runs.c.seq).limit(1))

    def update(self, run_id: str, **changes: Any) -> Run:
        if unknown := changes.keys() - _CHANGEABLE:
            raise TypeError(f"a run has no {', '.join(sorted(unknown))} to change")
        row = self._connection.execute(_CHANGE, {"run": run_id, **changes}).one_or_none()
        if row is None:
            raise LookupError(f"there is no run {run_id}")
        return _read(row)

    def page(self, connection_id: int, cursor: str | None, limit: int) -> Page:
        """Newest first."""
        query = select(runs).where(runs.c.connection_id == connection_id)
        return page(self._connection, query, runs.c.seq, cursor, limit, _read, newest_first=True)

    def last(self, connection_id: int, kind: str | None = None) -> Run | None:
        query = select(runs).where(runs.c.connection_id == connection_id)
        query = query if kind is None else query.where(runs.c.kind == kind)
        return self._first(query.order_by(runs.c.seq.desc()).limit(1))

    def delete(self, run_id: str) -> None:
        for forget in (_FORGET_PROBLEMS, _FORGET):
            self._connection.execute(forget, {"run": run_id})

    def _first(self, query: Select[Any], **values: Any) -> Run | None:
        row = self._connection.execute(query, values).first()
        return _read(row) if row else None


def _read(row: Row[Any]) -> Run:
    return Run(**{name: getattr(row, name) for name in _FIELDS})
