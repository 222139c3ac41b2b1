"""What either book holds for customers that the other does not know: part of the proof, each with its reason."""

from __future__ import annotations

from typing import Any

from mappings.distru.records import read_books
from mappings.money import text
from mappings.quickbooks import amount_of
from mappings.tieout import erp_credit, erp_receivable
from service.engine.working import Working
from service.ports import Transaction

Row = tuple[dict[str, Any], dict[str, int]]


def unlinked(tx: Transaction, w: Working, as_of: str | None) -> list[Row]:
    """Companies without a customer and customers without a company, as far as they owe or are owed anything.

    Of another day's proof they are no part: without a link nothing ties their documents to a day.
    """
    if as_of is not None:
        return []
    rows = list(tx.id_map.of_kind(w.id, w.epoch, "customer"))
    companies, customers = {row.company_id for row in rows}, {row.quickbooks_id for row in rows}
    ours = [_company(tx, w, company) for company in tx.records.company_ids(w.id) if company not in companies]
    theirs = [
        _customer(tx, w, customer) for customer in tx.objects.customer_ids(w.id, w.epoch) if customer not in customers
    ]
    return [row for row in (*ours, *theirs) if row is not None]


def _company(tx: Transaction, w: Working, company: str) -> Row | None:
    records = tx.records.of_company(w.id, company)
    books = read_books([(r.kind, r.body, r.deleted) for r in records])
    owed = erp_receivable(books)
    if not owed and not erp_credit(books):
        return None
    cause = "The company is not linked to a QuickBooks customer."
    explained = [{"kind": "COMPANY", "erp_id": company, "quickbooks_id": None, "amount": text(owed), "cause": cause}]
    view = _view(
        company, books.company.name if books.company else company, None, erp=owed, erp_credit=erp_credit(books)
    )
    return view | {"explained_by": explained if owed else []}, {"erp": owed, "quickbooks": 0}


def _customer(tx: Transaction, w: Working, customer: str) -> Row | None:
    found = tx.objects.get(w.id, w.epoch, "Customer", customer)
    balance = amount_of(found.body, "Balance") if found and not found.deleted else 0
    if found is None or not balance:
        return None
    name = str(found.body.get("DisplayName") or customer)
    cause = "No company of the ERP is linked to this customer."
    row = {"kind": "Customer", "erp_id": None, "quickbooks_id": customer, "amount": text(-balance), "cause": cause}
    return _view(None, name, customer, quickbooks=balance) | {"explained_by": [row]}, {"erp": 0, "quickbooks": balance}


def _view(
    company: str | None, name: str, customer: str | None, *, erp: int = 0, erp_credit: int = 0, quickbooks: int = 0
) -> dict[str, Any]:
    return {
        "company_id": company,
        "name": name,
        "quickbooks_id": customer,
        "erp_ar": text(erp),
        "quickbooks_ar": text(quickbooks),
        "quickbooks_balance": text(quickbooks) if customer else None,
        "difference": text(erp - quickbooks),
        "erp_credit": text(erp_credit),
        "quickbooks_credit": "0.00",
    }
