"""What can be shown as a table: one declaration for each listing, and one query for all of them.

The rows are counted without the joins, which are all outer and on unique keys, unless a filter or the search needs
them: that is what keeps a page of 100,000 links fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Table,
    and_,
    func,
    or_,
    select,
    union_all,
)

from service.ports import Listed
from service.store.repository import Repository
from service.store.tables import audit, connections, documents, links, notices, problems, records, runs

_ESCAPE = "\\"
_TOTAL = "total_of_all"


@dataclass(frozen=True)
class Listing:
    """One table's declaration. Every column may be filtered and sorted by; `searched` are those a search looks at.

    `order` is a unique column of `base`: it decides between rows that sort alike. `joins`: other tables by what makes
    their row that of a row of `base`; there is one at most.
    """

    base: Table
    columns: Mapping[str, ColumnElement[Any]]
    order: Column[Any]
    searched: tuple[Column[Any], ...] = ()
    joins: Mapping[Table, ColumnElement[bool]] = field(default_factory=dict)

    @property
    def source(self) -> FromClause:
        """Where all the columns are found."""
        found: FromClause = self.base
        for table, its_row in self.joins.items():
            found = found.outerjoin(table, its_row)
        return found

    def owned_by(self, table: Table, connection_id: int) -> ColumnElement[bool]:
        """The rows of one connection, in `base` or in a joined table."""
        return (table.c.id if table is connections else table.c.connection_id) == connection_id


def _of(table: Table, *names: str) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in names}


_ITS_DOCUMENT = and_(
    documents.c.connection_id == links.c.connection_id,
    documents.c.epoch == links.c.epoch,
    documents.c.key == links.c.document_key,
)
_ITS_RECORD = and_(
    records.c.connection_id == links.c.connection_id,
    records.c.kind == links.c.kind,
    records.c.erp_id == links.c.erp_id,
)

LISTINGS: Mapping[str, Listing] = {
    "connections": Listing(
        connections,
        _of(connections, "account_id", "name", "state", "realm_id", "quickbooks_company", "epoch", "two_way")
        | _of(connections, "connected_at", "created_at"),
        connections.c.id,
        searched=(connections.c.account_id, connections.c.name, connections.c.quickbooks_company),
    ),
    "links": Listing(
        links,
        _of(links, "kind", "erp_id", "company_id", "document_key", "status", "message", "epoch", "updated_at")
        | {"erp_number": func.coalesce(links.c.number, records.c.number)}
        | _of(documents, "quickbooks_type", "quickbooks_id", "quickbooks_number"),
        links.c.id,
        searched=(
            links.c.erp_id,
            links.c.number,
            documents.c.quickbooks_id,
            documents.c.quickbooks_number,
            records.c.number,
        ),
        joins={documents: _ITS_DOCUMENT, records: _ITS_RECORD},
    ),
    "documents": Listing(
        documents,
        _of(documents, "epoch", "key", "kind", "company_id", "status", "message", "generation")
        | _of(documents, "quickbooks_type", "quickbooks_id", "quickbooks_number"),
        documents.c.id,
        searched=(documents.c.key, documents.c.quickbooks_id, documents.c.quickbooks_number),
    ),
    "problems": Listing(
        problems,
        _of(problems, "id", "status", "code", "key", "kind", "erp_id", "quickbooks_id", "number", "company_id")
        | _of(problems, "amount", "cause", "what_to_do", "choices", "quickbooks_code", "intuit_tid", "reason")
        | _of(problems, "first_seen", "last_seen", "attempts", "settled_at", "connection_id"),
        problems.c.seq,
        searched=(
            problems.c.number,
            problems.c.erp_id,
            problems.c.quickbooks_id,
            problems.c.cause,
            problems.c.company_id,
        ),
    ),
    "runs": Listing(
        runs,
        _of(runs, "id", "kind", "state", "trigger", "done", "total", "free_calls", "metered_calls", "erp_calls")
        | _of(runs, "problems", "error", "requested_by", "approved_by", "created_at", "started_at", "finished_at")
        | _of(runs, "connection_id"),
        runs.c.seq,
        searched=(runs.c.id, runs.c.requested_by, runs.c.error),
    ),
    "audit": Listing(
        audit,
        _of(audit, "id", "at", "actor", "action", "side", "key", "kind", "erp_id", "quickbooks_id", "number")
        | _of(audit, "company_id", "amount", "why", "run_id"),
        audit.c.id,
        searched=(audit.c.actor, audit.c.erp_id, audit.c.quickbooks_id, audit.c.number, audit.c.why),
    ),
    "notices": Listing(
        notices,
        _of(notices, "id", "source", "type", "event", "entity_id", "occurred_at", "state", "error", "received_at"),
        notices.c.id,
        searched=(notices.c.entity_id, notices.c.error),
    ),
}


class SqlListings(Repository):
    """See `service.ports.Listings`."""

    def page(
        self,
        listing: str,
        connection_id: int | None,
        *,
        filters: Mapping[str, Any],
        search: str | None,
        sort: str,
        descending: bool,
        offset: int,
        limit: int,
    ) -> Listed:
        asked = LISTINGS[listing]
        conditions = [_equals(asked.columns[name], value) for name, value in filters.items()]
        if connection_id is not None:
            conditions.append(asked.owned_by(asked.base, connection_id))
        if search:
            conditions.append(asked.order.in_(self._found(asked, connection_id, search)))
        by = asked.columns[sort]
        # NULL last when descending and first when ascending, on both databases.
        order = (by.desc().nulls_last(), asked.order.desc()) if descending else (by.nulls_first(), asked.order)
        query = select(*(column.label(name) for name, column in asked.columns.items())).select_from(asked.source)
        query = query.where(*conditions).order_by(*order).offset(offset).limit(limit)
        if not search:
            return Listed(self._rows(query), self._count(asked, conditions))
        rows = self._rows(query.add_columns(func.count().over().label(_TOTAL)))
        # Counted on the way: a search costs more than its rows, and is not done twice.
        total = rows[0][_TOTAL] if rows else self._count(asked, conditions) if offset else 0
        return Listed([{name: row[name] for name in asked.columns} for row in rows], total)

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in self._connection.execute(query)]

    def _found(self, asked: Listing, connection_id: int | None, search: str) -> CompoundSelect[Any]:
        """What a search finds, table by table: one scan of each, where one condition over all would join every row."""
        # LIKE is blind to case on SQLite, and much faster than lower() there.
        like = "like" if self._connection.dialect.name == "sqlite" else "ilike"
        pattern = f"%{_literally(search)}%"
        looks = []
        for table in (asked.base, *asked.joins):
            holds = (getattr(each, like)(pattern, escape=_ESCAPE) for each in asked.searched if each.table is table)
            look = select(asked.order).where(or_(*holds))
            if table is not asked.base:
                look = look.select_from(table.join(asked.base, asked.joins[table]))
            looks.append(look if connection_id is None else look.where(asked.owned_by(table, connection_id)))
        return union_all(*looks)

    def _count(self, asked: Listing, conditions: list[ColumnElement[bool]]) -> int:
        needs_joins = any(table is not asked.base for condition in conditions for table in condition._from_objects)
        counted = select(func.count()).select_from(asked.source if needs_joins else asked.base)
        return int(self._connection.execute(counted.where(*conditions)).scalar_one())


def _equals(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    return column.in_(list(value)) if isinstance(value, list | tuple | frozenset | set) else column == value


def _literally(search: str) -> str:
    """No character of what a person typed is a wildcard."""
    for special in (_ESCAPE, "%", "_"):
        search = search.replace(special, _ESCAPE + special)
    return search
