"""Webhooks as they came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from service.ports import Notice, Page
from service.store.paging import page
from service.store.repository import Repository, chunks, new
from service.store.tables import ignored_counts, notices

_FIELDS = tuple(each.name for each in fields(Notice))

_NEW = (
    select(notices)
    .where(notices.c.connection_id == bindparam("connection"), notices.c.state == "new")
    .order_by(notices.c.id)
)
_QUARANTINED = select(notices).where(notices.c.state == "quarantined").order_by(notices.c.id)


_FINISH = (
    update(notices)
    .where(notices.c.id.in_(bindparam("ids", expanding=True)))
    .values(state=bindparam("to"), error=bindparam("why"))
)


@cache
def _adding(dialect: str) -> ReturningInsert[Any]:
    return new(dialect, notices).on_conflict_do_nothing(index_elements=["dedupe"]).returning(notices.c.id)


class SqlInbox(Repository):
    """See `service.ports.Inbox`. The id of an added notice is given by the database."""

    def add(self, notice: Notice, *, dedupe: str | None) -> bool:
        values = {name: getattr(notice, name) for name in _FIELDS if name != "id"}
        added = self._connection.execute(_adding(self._dialect), {**values, "dedupe": dedupe})
        return added.first() is not None

    def new(self, connection_id: int) -> list[Notice]:
        return self._all(_NEW, connection=connection_id)

    def finish(self, ids: Iterable[int], state: str, error: str | None = None) -> None:
        for some in chunks(iter(ids)):
            self._connection.execute(_FINISH, {"ids": some, "to": state, "why": error})

    def count_ignored(self, source: str, reason: str) -> None:
        counted = self._insert(ignored_counts).values(source=source, reason=reason, count=1)
        self._connection.execute(
            counted.on_conflict_do_update(
                index_elements=["source", "reason"], set_={"count": ignored_counts.c.count + 1}
            )
        )

    def get(self, notice_id: int) -> Notice | None:
        row = self._connection.execute(select(notices).where(notices.c.id == notice_id)).one_or_none()
        return _read(row) if row else None

    def page(self, connection_id: int | None, *, states: Sequence[str], cursor: str | None, limit: int) -> Page:
        query = select(notices).where(notices.c.state.in_(states))
        if connection_id is not None:
            query = query.where(notices.c.connection_id == connection_id)
        return page(self._connection, query, notices.c.id, cursor, limit, _read, newest_first=True)

    def reopen(self, notice_id: int) -> None:
        self.finish([notice_id], "new")

    def quarantined(self) -> list[Notice]:
        return self._all(_QUARANTINED)

    def quarantined_count(self, connection_id: int) -> int:
        whose = or_(notices.c.connection_id == connection_id, notices.c.connection_id.is_(None))
        query = select(func.count()).select_from(notices).where(notices.c.state == "quarantined", whose)
        return self._connection.execute(query).scalar_one()

    def _all(self, query: Select[Any], **values: Any) -> list[Notice]:
        """In the order in which they came."""
        return [_read(row) for row in self._connection.execute(query, values)]


def _read(row: Row[Any]) -> Notice:
    return Notice(**{name: getattr(row, name) for name in _FIELDS})
