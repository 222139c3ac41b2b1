"""Looking into both books: the ID map, tie-out, the audit, what a company may spend, what may be changed."""

from __future__ import annotations

from service.web import shapes
from service.web.context import Answer, desk
from service.web.csv_files import links_as_csv, tie_out_as_csv, wants_csv
from service.web.description import api_blueprint
from service.web.engine_protocol import Json
from service.web.queries import (
    LARGEST_PAGE,
    AccountPath,
    AsOf,
    AuditFilter,
    CompanyPath,
    CreditPath,
    InvoicePath,
    LinkFilter,
)

api = api_blueprint("books", "/api/v1/connections/<account_id>", "Both books, side by side.")


@api.get("/links", responses={200: shapes.Links})
def list_links(path: AccountPath, query: LinkFilter) -> Answer:
    """The ID map; as CSV with `Accept: text/csv`

    The CSV holds every link that matches, from the cursor on: it is not cut at `limit`.
    """
    if wants_csv():
        return links_as_csv(lambda cursor: _links(path, query, cursor, LARGEST_PAGE), query.cursor)
    return _links(path, query, query.cursor, query.limit)


@api.get("/tie-out", responses={200: shapes.TieOut})
def tie_out(path: AccountPath, query: AsOf) -> Answer:
    """Receivables and credits of both books, company by company; as CSV with `Accept: text/csv`"""
    answer = desk().tie_out(path.account_id, as_of=query.as_of)
    return tie_out_as_csv(answer) if wants_csv() else answer


@api.get("/audit", responses={200: shapes.AuditTrail})
def list_audit(path: AccountPath, query: AuditFilter) -> Answer:
    """Who or what changed which record where, when and why; newest first"""
    return desk().audit(path.account_id, record=query.record, run=query.run, cursor=query.cursor, limit=query.limit)


@api.get("/companies/<company_id>/open-items", responses={200: shapes.OpenItems})
def open_items(path: CompanyPath) -> Answer:
    """What a company owes, what it has to spend, and what may be used where"""
    return desk().open_items(path.account_id, path.company_id)


@api.get("/invoices/<invoice_id>/guards", responses={200: shapes.InvoiceGuards})
def invoice_guards(path: InvoicePath) -> Answer:
    """What may be done to an invoice now"""
    return desk().invoice_guards(path.account_id, path.invoice_id)


@api.get("/credits/<credit_id>/guards", responses={200: shapes.CreditGuards})
def credit_guards(path: CreditPath) -> Answer:
    """What may be done to a credit now"""
    return desk().credit_guards(path.account_id, path.credit_id)


def _links(path: AccountPath, query: LinkFilter, cursor: str | None, limit: int) -> Json:
    return desk().links(
        path.account_id,
        kind=query.kind,
        erp_id=query.erp_id,
        quickbooks_id=query.quickbooks_id,
        status=query.status,
        epoch=query.epoch,
        cursor=cursor,
        limit=limit,
    )
