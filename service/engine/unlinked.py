"""What either book holds for customers that the other does not know: part of the proof, each with its reason."""

from __future__ import annotations

from mappings.distru.records import read_books
from mappings.quickbooks import amount_of
from mappings.tieout import erp_credit, erp_receivable
from service.engine.working import Working
from service.ports import QboObject, Tied, Transaction


def unlinked(tx: Transaction, w: Working) -> list[Tied]:
    """Companies without a customer and customers without a company, as far as they owe or are owed anything."""
    linked = {row.company_id for row in tx.id_map.of_kind(w.id, w.epoch, "customer")}
    ours = [lone_company(tx, w, company) for company in tx.records.company_ids(w.id) if company not in linked]
    return [*(tied for tied in ours if tied is not None), *lone_customers(tx, w)]


def lone_company(tx: Transaction, w: Working, company: str) -> Tied | None:
    """A company that is linked to no customer; None where nothing is owed either way."""
    records = tx.records.of_company(w.id, company)
    books = read_books([(r.kind, r.body, r.deleted) for r in records])
    owed, credit = erp_receivable(books), erp_credit(books)
    if not owed and not credit:
        return None
    cause = "The company is not linked to a QuickBooks customer."
    name = books.company.name if books.company else company
    explained = (_explained("COMPANY", company, None, name, owed, cause),) if owed else ()
    return Tied(company, name, None, erp_ar=owed, erp_credit=credit, explained=explained)


def lone_customers(tx: Transaction, w: Working) -> list[Tied]:
    """Customers that no company is linked to, and whose balance is not zero."""
    linked = {row.quickbooks_id for row in tx.id_map.of_kind(w.id, w.epoch, "customer")}
    customers = tx.objects.of_entity(w.id, w.epoch, "Customer")
    found = [lone_customer(each) for each in customers if each.id not in linked]
    return [tied for tied in found if tied is not None]


def lone_customer(customer: QboObject) -> Tied | None:
    """A customer that no company is linked to; None where its balance is zero."""
    balance = balance_of(customer)
    if not balance:
        return None
    name = str(customer.body.get("DisplayName") or customer.id)
    cause = "No company of the ERP is linked to this customer."
    explained = (_explained("Customer", None, customer.id, name, -balance, cause),)
    return Tied(None, name, customer.id, quickbooks_ar=balance, quickbooks_balance=balance, explained=explained)


def balance_of(customer: QboObject) -> int:
    """As QuickBooks itself counts it, in cents."""
    return 0 if customer.deleted else amount_of(customer.body, "Balance")


def _explained(
    kind: str, erp_id: str | None, quickbooks_id: str | None, number: str, amount: int, cause: str
) -> dict[str, object]:
    names = {"kind": kind, "erp_id": erp_id, "quickbooks_id": quickbooks_id, "number": number}
    return {**names, "amount": amount, "cause": cause}
