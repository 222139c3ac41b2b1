"""What can be shown as a table: one declaration for each listing, and one query for all of them.

The rows are counted without the joins, which are all outer and on unique keys, unless a filter or the search needs
them: that is what keeps a page of 100,000 links fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, and_, case, func, or_, select, true

from service.ports import Between, Listed
from service.store.repository import Repository
from service.store.tables import (
    audit,
    connections,
    documents,
    links,
    notices,
    plan_companies,
    plan_rows,
    problems,
    records,
    run_problems,
    runs,
)

_ESCAPE = "\\"


@dataclass(frozen=True)
class Listing:
    """One table's declaration. Every column may be filtered and sorted by; `searched` are those a search looks at."""

    base: Table
    columns: Mapping[str, ColumnElement[Any]]
    order: Column[Any]
    """A unique column of `base`: it decides between rows that sort alike."""
    searched: tuple[str, ...] = ()
    joined: FromClause | None = None

    @property
    def source(self) -> FromClause:
        """Where all the columns are found."""
        return self.base if self.joined is None else self.joined


def _of(table: Table, *names: str) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in names}


_COMPANY = records.alias("company")


def _with_company(table: Table) -> FromClause:
    """Each row beside the company that it belongs to, as the ERP names it."""
    same = (_COMPANY.c.connection_id == table.c.connection_id, _COMPANY.c.erp_id == table.c.company_id)
    return table.outerjoin(_COMPANY, and_(*same, _COMPANY.c.kind == "COMPANY"))


_LINKED = links.outerjoin(
    documents,
    and_(
        documents.c.connection_id == links.c.connection_id,
        documents.c.epoch == links.c.epoch,
        documents.c.key == links.c.document_key,
    ),
).outerjoin(
    records,
    and_(
        records.c.connection_id == links.c.connection_id,
        records.c.kind == links.c.kind,
        records.c.erp_id == links.c.erp_id,
    ),
)


def _stands_for(link: FromClause, document: FromClause) -> ColumnElement[bool]:
    same = (document.c.connection_id == link.c.connection_id, document.c.epoch == link.c.epoch)
    return and_(*same, document.c.key == link.c.document_key)


_ITS_COMPANY = and_(
    plan_companies.c.plan_id == plan_rows.c.plan_id, plan_companies.c.company_id == plan_rows.c.company_id
)
_NOW, _DOCUMENT_NOW = links.alias("link_now"), documents.alias("document_now")
_SAME_RECORD = and_(
    _NOW.c.connection_id == links.c.connection_id,
    _NOW.c.epoch == connections.c.epoch,
    _NOW.c.kind == links.c.kind,
    _NOW.c.erp_id == links.c.erp_id,
)
_CARRIED = (
    _LINKED.outerjoin(connections, connections.c.id == links.c.connection_id)
    .outerjoin(_NOW, _SAME_RECORD)
    .outerjoin(_DOCUMENT_NOW, _stands_for(_NOW, _DOCUMENT_NOW))
)
_OUTCOME = case(
    (_DOCUMENT_NOW.c.quickbooks_id.is_(None), "missing"),
    (
        and_(
            _DOCUMENT_NOW.c.quickbooks_id == documents.c.quickbooks_id,
            _DOCUMENT_NOW.c.quickbooks_type == documents.c.quickbooks_type,
        ),
        "same",
    ),
    else_="other",
)

LISTINGS: Mapping[str, Listing] = {
    "connections": Listing(
        connections,
        _of(connections, "account_id", "name", "state", "realm_id", "quickbooks_company", "epoch", "two_way")
        | _of(connections, "connected_at", "created_at"),
        connections.c.id,
        searched=("account_id", "name", "quickbooks_company", "realm_id"),
    ),
    "links": Listing(
        links,
        _of(links, "kind", "erp_id", "company_id", "document_key", "status", "message", "epoch", "updated_at")
        | {"erp_number": func.coalesce(links.c.number, records.c.number)}
        | _of(documents, "quickbooks_type", "quickbooks_id", "quickbooks_number"),
        links.c.id,
        searched=("erp_id", "erp_number", "quickbooks_id", "quickbooks_number"),
        joined=_LINKED,
    ),
    "documents": Listing(
        documents,
        _of(documents, "epoch", "key", "kind", "company_id", "status", "message", "generation")
        | _of(documents, "quickbooks_type", "quickbooks_id", "quickbooks_number"),
        documents.c.id,
        searched=("key", "quickbooks_id", "quickbooks_number"),
    ),
    "problems": Listing(
        problems,
        _of(problems, "id", "status", "code", "key", "kind", "erp_id", "quickbooks_id", "number", "company_id")
        | _of(problems, "amount", "cause", "what_to_do", "choices", "quickbooks_code", "intuit_tid", "reason")
        | _of(problems, "first_seen", "last_seen", "attempts", "settled_at", "connection_id")
        | _of(problems, "currency", "cause_group")
        | {"company": _COMPANY.c.number},
        problems.c.seq,
        searched=("number", "erp_id", "quickbooks_id", "cause", "company_id", "company"),
        joined=_with_company(problems),
    ),
    "runs": Listing(
        runs,
        _of(runs, "id", "kind", "state", "trigger", "done", "total", "free_calls", "metered_calls", "erp_calls")
        | _of(runs, "problems", "error", "requested_by", "approved_by", "created_at", "started_at", "finished_at")
        | _of(runs, "connection_id"),
        runs.c.seq,
        searched=("id", "requested_by", "error"),
    ),
    "audit": Listing(
        audit,
        _of(audit, "id", "at", "actor", "action", "side", "key", "kind", "erp_id", "quickbooks_id", "number")
        | _of(audit, "company_id", "amount", "why", "run_id", "before", "after", "seq", "hash"),
        audit.c.id,
        searched=("actor", "erp_id", "quickbooks_id", "number", "why"),
    ),
    "plan_rows": Listing(
        plan_rows,
        _of(plan_rows, "plan_id", "seq", "action", "kind", "erp_id", "quickbooks_id", "number", "company_id", "amount")
        | _of(plan_rows, "reason", "gl_effect")
        | {"company": plan_companies.c.name},
        plan_rows.c.seq,
        searched=("number", "erp_id", "quickbooks_id", "company"),
        joined=plan_rows.outerjoin(
            plan_companies,
            and_(
                plan_companies.c.plan_id == plan_rows.c.plan_id, plan_companies.c.company_id == plan_rows.c.company_id
            ),
        ),
    ),
    "plan_companies": Listing(
        plan_companies,
        _of(plan_companies, "plan_id", "company_id", "name", "quickbooks_id", "facts", "erp_before", "erp_after")
        | _of(plan_companies, "quickbooks_before", "quickbooks_after")
        | {"difference": plan_companies.c.erp_after - plan_companies.c.quickbooks_after},
        plan_companies.c.company_id,
        searched=("name", "company_id", "quickbooks_id"),
    ),
    "report": Listing(
        audit,
        _of(audit, "id", "at", "action", "side", "kind", "erp_id", "quickbooks_id", "number", "company_id", "amount")
        | _of(audit, "why", "run_id")
        | {"company": _COMPANY.c.number},
        audit.c.id,
        searched=("number", "erp_id", "quickbooks_id", "company"),
        joined=_with_company(audit),
    ),
    "run_problems": Listing(
        problems,
        _of(problems, "id", "status", "code", "kind", "erp_id", "quickbooks_id", "number", "company_id", "amount")
        | _of(problems, "cause", "what_to_do", "last_seen")
        | {"run_id": run_problems.c.run_id, "company": _COMPANY.c.number},
        problems.c.seq,
        searched=("number", "erp_id", "quickbooks_id", "company", "cause"),
        joined=_with_company(problems).outerjoin(run_problems, run_problems.c.problem_id == problems.c.id),
    ),
    "carried": Listing(
        links,
        _of(links, "epoch", "kind", "erp_id")
        | {"erp_number": func.coalesce(links.c.number, records.c.number)}
        | {"type_then": documents.c.quickbooks_type, "id_then": documents.c.quickbooks_id}
        | {"type_now": _DOCUMENT_NOW.c.quickbooks_type, "id_now": _DOCUMENT_NOW.c.quickbooks_id}
        | {"was_linked": case((documents.c.quickbooks_id.is_(None), 0), else_=1), "outcome": _OUTCOME}
        | {"status_now": _NOW.c.status},
        links.c.id,
        searched=("erp_number", "erp_id", "id_then", "id_now"),
        joined=_CARRIED,
    ),
    "notices": Listing(
        notices,
        _of(notices, "id", "source", "type", "event", "entity_id", "occurred_at", "state", "error", "received_at"),
        notices.c.id,
        searched=("entity_id", "error"),
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
        conditions = _conditions(asked, connection_id, filters)
        if search:
            conditions.append(self._holds(asked, search))
        by = asked.columns[sort]
        # NULL last when descending and first when ascending, on both databases.
        nulls = (by.desc().nulls_last(), asked.order.desc()) if descending else (by.nulls_first(), asked.order)
        query = select(*(column.label(name) for name, column in asked.columns.items())).select_from(asked.source)
        query = query.where(*conditions).order_by(*nulls).offset(offset).limit(limit)
        # A search looks at every row: what it finds is counted on the way, not in a second look.
        counted = query.add_columns(func.count().over()) if search else query
        rows = self._connection.execute(counted).all()
        found = [dict(zip(asked.columns, row, strict=False)) for row in rows]
        return Listed(found, rows[0][-1] if search and rows else self._count(asked, conditions))

    def _holds(self, asked: Listing, search: str) -> ColumnElement[bool]:
        """LIKE is blind to case on SQLite, and much faster than `lower()` there."""
        like = "like" if self._connection.dialect.name == "sqlite" else "ilike"
        pattern = f"%{_literally(search)}%"
        return or_(*(getattr(asked.columns[name], like)(pattern, escape=_ESCAPE) for name in asked.searched))

    def _count(self, asked: Listing, conditions: list[ColumnElement[bool]]) -> int:
        needs_joins = any(table is not asked.base for condition in conditions for table in _tables(condition))
        counted = select(func.count()).select_from(asked.source if needs_joins else asked.base)
        return int(self._connection.execute(counted.where(*conditions)).scalar_one())


def _conditions(asked: Listing, connection_id: int | None, filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found = [_equals(asked.columns[name], value) for name, value in filters.items()]
    if connection_id is not None:
        own = asked.base.c.id if asked.base is connections else asked.base.c.connection_id
        found.append(own == connection_id)
    return found


def _equals(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    if isinstance(value, Between):
        since = true() if value.since is None else column >= value.since
        return and_(since, true() if value.until is None else column < value.until)
    return column.in_(list(value)) if isinstance(value, list | tuple | frozenset | set) else column == value


def _literally(search: str) -> str:
    """No character of what a person typed is a wildcard."""
    for special in (_ESCAPE, "%", "_"):
        search = search.replace(special, _ESCAPE + special)
    return search


def _tables(condition: ColumnElement[bool]) -> list[FromClause]:
    return condition._from_objects
