"""Whatever bears a name, in both mirrors and the ID map: every question here is answered from an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select

from service.ports import Hit
from service.store.repository import Repository
from service.store.tables import connections, documents, links, objects, records

_SOUGHT = ("Customer", "Invoice", "Payment", "CreditMemo", "RefundReceipt", "Purchase", "JournalEntry")
"""QuickBooks' objects that a person looks for; items and accounts are none."""

_ON_LINKS = and_(
    links.c.connection_id == documents.c.connection_id,
    links.c.epoch == documents.c.epoch,
    links.c.document_key == documents.c.key,
)
_MAPPED = and_(
    documents.c.connection_id == objects.c.connection_id,
    documents.c.epoch == objects.c.epoch,
    documents.c.quickbooks_type == objects.c.entity,
    documents.c.quickbooks_id == objects.c.object_id,
)


class SqlFinder(Repository):
    """See `service.ports.Finder`."""

    def find(self, names: Sequence[str], *, connection_id: int | None, limit: int) -> list[Hit]:
        found: dict[tuple[Any, ...], Hit] = {}
        for query, by in _questions(names):
            if connection_id is not None:
                query = query.where(query.selected_columns.connection_id == connection_id)
            for row in self._connection.execute(query.limit(limit)):
                hit = Hit(row.connection_id, by, row.kind, row.erp_id, row.entity, row.quickbooks_id)
                found.setdefault(_identity(hit), hit)
        return list(found.values())[:limit]

    def companies(self, part: str, *, connection_id: int | None, limit: int) -> list[Hit]:
        whose = connections.c.id == connection_id if connection_id is not None else connections.c.id.is_not(None)
        named = func.lower(records.c.number).contains(part.lower(), autoescape=True)
        query = (
            select(records.c.connection_id, records.c.erp_id)
            .where(
                records.c.connection_id.in_(select(connections.c.id).where(whose)), records.c.kind == "COMPANY", named
            )
            .order_by(records.c.deleted, records.c.number)
            .limit(limit)
        )
        return [Hit(row.connection_id, "name", "COMPANY", row.erp_id) for row in self._connection.execute(query)]


def _questions(names: Sequence[str]) -> Iterator[tuple[Select[Any], str]]:
    """Numbers before ids: a short number is more often a document's than QuickBooks' own count."""
    yield _records(records.c.number.in_(names)), "number"
    yield _documents(documents.c.quickbooks_number.in_(names)), "number"
    yield _objects(objects.c.number.in_(names)), "number"
    yield _records(records.c.erp_id.in_(names)), "erp_id"
    yield _of(links).where(links.c.erp_id.in_(names)), "erp_id"
    yield _documents(documents.c.quickbooks_id.in_(names)), "quickbooks_id"
    yield _objects(objects.c.object_id.in_(names)), "quickbooks_id"


def _of(table: Table) -> Select[Any]:
    """ERP records of one table."""
    nothing = func.nullif("", "")
    return select(
        table.c.connection_id,
        table.c.kind,
        table.c.erp_id,
        nothing.label("entity"),
        nothing.label("quickbooks_id"),
    )


def _records(named: ColumnElement[bool]) -> Select[Any]:
    return _of(records).where(named).order_by(records.c.deleted, records.c.kind, records.c.erp_id)


def _documents(named: ColumnElement[bool]) -> Select[Any]:
    """Documents of the current epoch, each with the records that it stands for."""
    query = select(
        documents.c.connection_id,
        links.c.kind,
        links.c.erp_id,
        documents.c.quickbooks_type.label("entity"),
        documents.c.quickbooks_id,
    )
    joined = query.select_from(documents.join(connections, _is_current(documents)).outerjoin(links, _ON_LINKS))
    return joined.where(named, documents.c.quickbooks_id.is_not(None)).order_by(documents.c.id, links.c.id)


def _objects(named: ColumnElement[bool]) -> Select[Any]:
    """What QuickBooks has and no document of ours stands for."""
    nothing = func.nullif("", "")
    query = select(
        objects.c.connection_id,
        nothing.label("kind"),
        nothing.label("erp_id"),
        objects.c.entity,
        objects.c.object_id.label("quickbooks_id"),
    )
    loose = query.select_from(objects.join(connections, _is_current(objects)).outerjoin(documents, _MAPPED))
    unmapped = loose.where(named, documents.c.id.is_(None), objects.c.entity.in_(_SOUGHT))
    return unmapped.order_by(objects.c.deleted, objects.c.entity, objects.c.object_id)


def _is_current(table: Table) -> ColumnElement[bool]:
    return and_(connections.c.id == table.c.connection_id, connections.c.epoch == table.c.epoch)


def _identity(hit: Hit) -> tuple[Any, ...]:
    if hit.erp_id is not None:
        return hit.connection_id, hit.kind, hit.erp_id
    return hit.connection_id, hit.entity, hit.quickbooks_id
