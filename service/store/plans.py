"""Plans that were shown to a person, kept to be carried out as shown and to be looked through row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from service.ports import KeptPlan, PlanCompany, PlanRow, Raw
from service.store.repository import Repository, chunks
from service.store.tables import plan_companies, plan_rows, plans


class SqlPlans(Repository):
    """See `service.ports.Plans`."""

    def save(
        self,
        connection_id: int,
        kind: str,
        fingerprint: str,
        *,
        summary: Raw,
        companies: Sequence[PlanCompany],
        params: Raw,
        at: datetime,
    ) -> str:
        plan_id = self._context.new_id()
        saved = insert(plans).values(
            id=plan_id,
            connection_id=connection_id,
            kind=kind,
            fingerprint=fingerprint,
            body=summary,
            params=params,
            created_at=at,
            outdated_at=at,
        )
        self._connection.execute(saved)
        named = {"plan_id": plan_id, "connection_id": connection_id}
        for few in chunks(iter(companies)):
            self._connection.execute(insert(plan_companies), [named | vars(company) for company in few])
        return plan_id

    def add_rows(self, connection_id: int, plan_id: str, first: int, rows: Sequence[PlanRow]) -> None:
        named = {"plan_id": plan_id, "connection_id": connection_id}
        for some in chunks(enumerate(rows, start=first)):
            self._connection.execute(insert(plan_rows), [named | {"seq": seq} | vars(row) for seq, row in some])

    def ready(self, plan_id: str) -> None:
        self._connection.execute(update(plans).where(plans.c.id == plan_id).values(outdated_at=None))

    def get(self, plan_id: str) -> KeptPlan | None:
        row = self._connection.execute(select(plans).where(plans.c.id == plan_id)).one_or_none()
        return _read(row) if row else None

    def latest(self, connection_id: int, kind: str) -> KeptPlan | None:
        query = select(plans).where(plans.c.connection_id == connection_id, plans.c.kind == kind)
        row = self._connection.execute(query.order_by(plans.c.created_at.desc(), plans.c.id).limit(1)).one_or_none()
        return _read(row) if row else None

    def carried_out(self, plan_id: str, run_id: str) -> None:
        self._connection.execute(update(plans).where(plans.c.id == plan_id).values(run_id=run_id))

    def outdated(self, plan_id: str, at: datetime) -> None:
        self._connection.execute(update(plans).where(plans.c.id == plan_id).values(outdated_at=at))

    def forget(self, connection_id: int, *, before: datetime) -> int:
        old = select(plans.c.id).where(
            plans.c.connection_id == connection_id, plans.c.run_id.is_(None), plans.c.created_at < before
        )
        ids = self._connection.execute(old).scalars().all()
        for table, column in _PARTS:
            self._connection.execute(delete(table).where(column.in_(ids)))
        return len(ids)


_PARTS: tuple[tuple[Any, ColumnElement[str]], ...] = (
    (plan_rows, plan_rows.c.plan_id),
    (plan_companies, plan_companies.c.plan_id),
    (plans, plans.c.id),
)


def _read(row: Row[Any]) -> KeptPlan:
    return KeptPlan(
        id=row.id,
        connection_id=row.connection_id,
        kind=row.kind,
        fingerprint=row.fingerprint,
        summary=row.body,
        params=row.params,
        created_at=row.created_at,
        outdated_at=row.outdated_at,
        run_id=row.run_id,
    )
