"""Signs of life."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from service.store.repository import Repository
from service.store.tables import heartbeats


class SqlHeartbeats(Repository):
    """See `service.ports.Heartbeats`."""

    def beat(self, name: str, at: datetime) -> None:
        self._upsert(heartbeats, [{"name": name, "at": at}], "name")

    def last(self, name: str) -> datetime | None:
        return self._connection.execute(select(heartbeats.c.at).where(heartbeats.c.name == name)).scalar_one_or_none()
