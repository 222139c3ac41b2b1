"""Plans that were shown to a person, kept to be carried out as shown."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from service.ports import Raw
from service.store.repository import Repository
from service.store.tables import plans


class SqlPlans(Repository):
    """See `service.ports.Plans`."""

    def save(self, connection_id: int, kind: str, fingerprint: str, body: Raw, params: Raw, at: datetime) -> str:
        plan_id = self._context.new_id()
        saved = insert(plans).values(
            id=plan_id,
            connection_id=connection_id,
            kind=kind,
            fingerprint=fingerprint,
            body=body,
            params=params,
            created_at=at,
        )
        self._connection.execute(saved)
        return plan_id

    def get(self, plan_id: str) -> tuple[int, str, str, Raw, Raw] | None:
        row = self._connection.execute(select(plans).where(plans.c.id == plan_id)).one_or_none()
        return (row.connection_id, row.kind, row.fingerprint, row.body, row.params) if row else None
