"""Who or what changed which record where, when and why. There is no way here to change or remove an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Row, insert, or_, select

from service.ports import Audit, Page
from service.store.paging import page
from service.store.repository import Repository
from service.store.tables import audit

_FIELDS = tuple(each.name for each in fields(Audit))


class SqlAudits(Repository):
    """See `service.ports.Audits`."""

    def add(self, connection_id: int, entries: Sequence[Audit]) -> None:
        rows = [
            {"connection_id": connection_id} | {name: getattr(entry, name) for name in _FIELDS if name != "id"}
            for entry in entries
        ]
        if rows:
            self._connection.execute(insert(audit), rows)

    def page(self, connection_id: int, *, record: str | None, run: str | None, cursor: str | None, limit: int) -> Page:
        query = select(audit).where(audit.c.connection_id == connection_id)
        if record is not None:
            names = (audit.c.key, audit.c.erp_id, audit.c.quickbooks_id, audit.c.number)
            query = query.where(or_(*(name == record for name in names)))
        if run is not None:
            query = query.where(audit.c.run_id == run)
        return page(self._connection, query, audit.c.id, cursor, limit, _read, newest_first=True)


def _read(row: Row[Any]) -> Audit:
    return Audit(**{name: getattr(row, name) for name in _FIELDS})
