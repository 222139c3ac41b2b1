"""Legacy invoices that are over-paid without a credit (scenario C64), shown beside the overpayments to be repaired.

QuickBooks is right already: the surplus is what the Payment leaves unapplied. Only the ERP lacks the credit, and only a
person can record the payment again there.
"""

from __future__ import annotations

from typing import Any

from mappings.documents import Payment
from mappings.keys import owner
from mappings.legacy import OverPaid, over_paid_invoices, recorded_again
from mappings.money import text
from mappings.sides import Sides
from service.engine import views
from service.engine.compare import Comparison, compare
from service.engine.lists import Lists, load_lists
from service.engine.looking import sides_of
from service.engine.working import Working
from service.ports import Transaction

View = dict[str, Any]
BY_HAND = "The ERP keeps no credit for it: a person has to record the payment again there."


def rows(tx: Transaction, w: Working) -> list[View]:
    """In the shape of the other legacy overpayments."""
    lists = load_lists(tx, w)
    return [row for company in _candidates(tx, w) for row in _of_company(tx, w, company, lists)]


def _candidates(tx: Transaction, w: Working) -> list[str]:
    """Companies with an invoice that says so: only these are compared."""
    invoices = [r for r in tx.records.of_kind(w.id, "INVOICE") if r.body.get("status") == "OVER_PAID"]
    return sorted({r.company_id for r in invoices if r.company_id and not r.deleted})


def _of_company(tx: Transaction, w: Working, company: str, lists: Lists) -> list[View]:
    c = compare(tx, w, company, lists)
    sides = sides_of(c, lists)
    return [_row(c, sides, one) for one in over_paid_invoices(sides)]


def _row(c: Comparison, sides: Sides, one: OverPaid) -> View:
    return {
        "company_id": c.company,
        "company_name": c.books.company.name if c.books.company else None,
        "kind": "INVOICE",
        "credit_id": None,
        "credit_number": None,
        "payment_id": one.newest.id if one.newest else None,
        "payment_number": one.newest.number if one.newest else None,
        "invoice_id": one.invoice.id,
        "invoice_number": one.invoice.number,
        "amount": text(one.surplus),
        "used": "0.00",
        "erp_open": text(one.surplus),
        "made_at": views.moment(one.invoice.at),
        "uses": [],
        "quickbooks": {
            "credit_memo": {"id": None, "number": None, "date": None, "amount": None, "open": None},
            "payment": payment(c, sides, _key(c, one)),
        },
        "suggested_fixes": {
            "quickbooks": "Nothing: the Payment holds it unapplied already.",
            "erp": recorded_again(one),
        },
        "repairable": False,
        "left_out": f"Invoice {one.invoice.number or one.invoice.id} is over-paid. {BY_HAND}",
    }


def _key(c: Comparison, one: OverPaid) -> str | None:
    return owner(c.terms.owners, "PAYMENT", one.newest.id) if one.newest else None


def payment(c: Comparison, sides: Sides, key: str | None) -> View | None:
    """The QuickBooks Payment that stands for `key`, where it is there."""
    held, entity = sides.live(key), c.held.entities.get(key or "")
    if not isinstance(held, Payment) or entity is None:
        return None
    return {
        "id": entity[1],
        "number": held.number,
        "date": held.date,
        "amount": text(held.total),
        "open": text(held.unapplied),
    }
