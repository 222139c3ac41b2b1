"""The open items of one company, in the contract's shape."""

from __future__ import annotations

from mappings.money import text
from mappings.openitems import Item, open_items
from mappings.sides import Sides
from service.engine.compare import Comparison, compare
from service.engine.lists import load_lists
from service.engine.looking import View, named, sides_of
from service.engine.views import money
from service.engine.working import Working
from service.ports import Transaction


def of_company(tx: Transaction, w: Working, company_id: str) -> View:
    """What a company owes, what it may spend and what may be used where."""
    lists = load_lists(tx, w)
    c = compare(tx, w, company_id, lists)
    sides = sides_of(c, lists)
    found = open_items(sides)
    customer = tx.objects.get(w.id, w.epoch, "Customer", c.customer or "")
    return {
        "company": {
            "id": company_id,
            "name": c.books.company.name if c.books.company else None,
            "quickbooks_id": c.customer,
            "quickbooks_name": customer.body.get("DisplayName") if customer else None,
        },
        "invoices": [_item(c, sides, item) for item in found.invoices],
        "credits": [_item(c, sides, item) for item in found.credits],
        "deposits": [_item(c, sides, item) for item in found.deposits],
        "unapplied": [_item(c, sides, item) for item in found.unapplied],
        "reserved": [_item(c, sides, item) for item in found.reserved],
        "applicable": [
            {"credit_id": pair.credit, "invoice_id": pair.invoice, "maximum": text(pair.maximum)}
            for pair in found.applicable
        ],
    }


def _item(c: Comparison, sides: Sides, item: Item) -> View:
    return named(c, sides, item.record, item.key) | {
        "kind": item.kind,
        "amount": text(item.amount),
        "erp_open": money(item.erp_open),
        "quickbooks_open": money(item.quickbooks_open),
        "reserved": text(item.reserved),
        "order_id": item.order,
    }
