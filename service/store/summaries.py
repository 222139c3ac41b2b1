"""What reports and previews say in one line, counted by the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select

from service.ports import Carried, CauseCount, Done
from service.store.repository import Repository
from service.store.tables import audit, documents, links, objects, problems, records, run_problems

_BEFORE, _AFTER = links.alias("before"), links.alias("after")
_THEN, _NOW = documents.alias("document_then"), documents.alias("document_now")


class SqlSummaries(Repository):
    """See `service.ports.Summaries`."""

    def done(self, connection_id: int, run_id: str) -> list[Done]:
        by = (audit.c.action, audit.c.side, audit.c.kind)
        query = select(*by, func.count(), func.coalesce(func.sum(audit.c.amount), 0)).group_by(*by)
        named = query.where(audit.c.connection_id == connection_id, audit.c.run_id == run_id)
        return [Done(*row) for row in self._connection.execute(named.order_by(*by))]

    def causes(self, connection_id: int, run_id: str) -> list[CauseCount]:
        is_open = case((problems.c.status.in_(("open", "conflict")), 1), else_=0)
        figures = (func.count(), func.sum(is_open), func.coalesce(func.sum(problems.c.amount), 0))
        query = select(problems.c.code, func.min(problems.c.cause), func.min(problems.c.what_to_do), *figures)
        met = query.join(run_problems, run_problems.c.problem_id == problems.c.id)
        named = met.where(problems.c.connection_id == connection_id, run_problems.c.run_id == run_id)
        found = self._connection.execute(named.group_by(problems.c.code).order_by(func.count().desc(), problems.c.code))
        return [CauseCount(*row) for row in found]

    def links(self, connection_id: int, epoch: int) -> dict[str, int]:
        query = select(links.c.kind, func.count()).join(documents, _stands_for(links, documents))
        linked = query.where(_of(links, connection_id, epoch), documents.c.quickbooks_id.is_not(None))
        return self._counted(linked.group_by(links.c.kind))

    def carried(self, connection_id: int, epoch: int, into: int) -> list[Carried]:
        same = and_(_THEN.c.quickbooks_type == _NOW.c.quickbooks_type, _THEN.c.quickbooks_id == _NOW.c.quickbooks_id)
        figures = (
            func.count(),
            func.sum(case((same, 1), else_=0)),
            func.sum(case((_NOW.c.quickbooks_id.is_(None), 1), else_=0)),
        )
        then = select(_BEFORE.c.kind, *figures).join(_THEN, _stands_for(_BEFORE, _THEN))
        record = (_BEFORE.c.kind == _AFTER.c.kind, _BEFORE.c.erp_id == _AFTER.c.erp_id)
        both = then.outerjoin(_AFTER, and_(_of(_AFTER, connection_id, into), *record))
        query = both.outerjoin(_NOW, _stands_for(_AFTER, _NOW))
        linked = query.where(_of(_BEFORE, connection_id, epoch), _THEN.c.quickbooks_id.is_not(None))
        found = self._connection.execute(linked.group_by(_BEFORE.c.kind).order_by(_BEFORE.c.kind))
        return [Carried(*row) for row in found]

    def records(self, connection_id: int) -> dict[str, int]:
        query = select(records.c.kind, func.count()).where(records.c.connection_id == connection_id)
        return self._counted(query.where(~records.c.deleted).group_by(records.c.kind))

    def records_since(self, connection_id: int, at: datetime) -> dict[str, int]:
        query = select(records.c.kind, func.count()).where(records.c.connection_id == connection_id)
        moved = query.where(records.c.updated_at >= at).group_by(records.c.kind)
        return self._counted(moved)

    def objects_since(self, connection_id: int, epoch: int, at: datetime) -> dict[str, int]:
        query = select(objects.c.entity, func.count()).where(_of(objects, connection_id, epoch))
        moved = query.where(objects.c.updated_at >= at).group_by(objects.c.entity)
        return self._counted(moved)

    def _counted(self, query: Select[str, int]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query)}


def _stands_for(link: FromClause, document: FromClause) -> ColumnElement[bool]:
    same = (link.c.connection_id == document.c.connection_id, link.c.epoch == document.c.epoch)
    return and_(*same, link.c.document_key == document.c.key)


def _of(table: FromClause, connection_id: int, epoch: int) -> ColumnElement[bool]:
    return and_(table.c.connection_id == connection_id, table.c.epoch == epoch)
