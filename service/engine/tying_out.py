"""Tie-out: what both books say of each company, and the documents that explain where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.documents import Ending, Key
from mappings.keys import born_key
from mappings.money import text
from mappings.quickbooks import Held, amount_of, number_of, read_object, with_foreign_uses
from mappings.tieout import TieOut, tie_out
from service.engine import problems
from service.engine.compare import Comparison, compare
from service.engine.customers import linked_companies
from service.engine.elsewhere import Visitor
from service.engine.lists import Lists, load_lists
from service.engine.unlinked import unlinked
from service.engine.working import Working
from service.errors import Reason, Rejected
from service.ports import Connection, KeptTieOut, Raw, Tied, Transaction

View = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """What a sync left: its totals, and every company by name."""

    totals: KeptTieOut
    companies: list[Tied]


def kept(tx: Transaction, connection: Connection, moment: datetime) -> Kept:
    """What the last sync up to `moment` left."""
    totals = tx.tie_outs.as_of(connection.id, moment)
    if totals is None:
        sentence = "No tie-out was kept up to then: one is kept at the end of each sync that changed something."
        raise Rejected(Reason.NOT_FOUND, "no_tie_out_kept", sentence)
    return Kept(totals, tx.tie_outs.companies(connection.id, totals))


def everybody(tx: Transaction, w: Working, day: str | None = None) -> list[Tied]:
    """Every company as the mirror has it now; with `day` only by what is dated up to then.

    Of another day's proof those without a link are no part: nothing ties their documents to a day.
    """
    lists = load_lists(tx, w)
    linked = [of_company(tx, w, company, lists, day) for company in linked_companies(tx, w)]
    return linked if day else linked + unlinked(tx, w)


def of_company(tx: Transaction, w: Working, company: str, lists: Lists, day: str | None = None) -> Tied:
    causes = problems.causes_by_key(tx.problems.open_of_company(w.id, company))
    return tied(compare(tx, w, company, lists), lists, causes, day)


def tied(c: Comparison, lists: Lists, causes: Mapping[Key, str], day: str | None = None) -> Tied:
    """One linked company's figures, from books that are loaded already. `causes`: why documents wait for a person."""
    figures = compared(c, lists, day)
    customer = c.objects.get(("Customer", c.customer or ""))
    return Tied(
        company_id=c.company,
        name=c.books.company.name if c.books.company else c.company,
        quickbooks_id=c.customer,
        erp_ar=figures.erp_receivable,
        quickbooks_ar=figures.quickbooks_receivable,
        quickbooks_balance=amount_of(customer.body, "Balance") if customer else None,
        erp_credit=figures.erp_credit,
        quickbooks_credit=figures.quickbooks_credit,
        explained=tuple(_explained(c, d.kind, d.key, d.amount, causes) for d in figures.explained),
    )


def compared(c: Comparison, lists: Lists, day: str | None = None) -> TieOut:
    """One company's books by the customer under whom each document stands in QuickBooks, whoever it belongs to."""
    visiting = [visitor.seen for visitor in c.visitors.values()]
    others = [o for o in c.objects.values() if not o.deleted and o.customer_id == c.customer]
    rest = [(o.entity, o.body) for o in (*others, *visiting)]
    return tie_out(c.books, c.projection.documents, _under_our_customer(c), rest, lists.receivable_accounts, day)


def _under_our_customer(c: Comparison) -> Held:
    """What stands elsewhere counts there; of visitors Payments are documents, the others count by what is open."""
    if not c.visitors and not c.situation.elsewhere:
        return c.held
    here = {key: side for key, side in c.held.documents.items() if getattr(side, "customer", c.company) == c.company}
    known = {entity: key for key, entity in c.held.entities.items()}
    for entity, visitor in c.visitors.items():
        if entity[0] == "Payment":
            key = born_key(*entity)
            here[key] = read_object(entity[0], visitor.seen.body, key, known, c.company)
    return Held(with_foreign_uses(here), c.held.entities)


def shown(rows: Iterable[Tied]) -> View:
    """The contract's totals and companies."""
    rows = list(rows)
    erp, quickbooks = sum(each.erp_ar for each in rows), sum(each.quickbooks_ar for each in rows)
    return {
        "erp_total": text(erp),
        "quickbooks_total": text(quickbooks),
        "difference": text(erp - quickbooks),
        "companies": [shown_company(each) for each in rows],
    }


def shown_company(each: Tied) -> View:
    return {
        "company_id": each.company_id,
        "name": each.name,
        "quickbooks_id": each.quickbooks_id,
        "erp_ar": text(each.erp_ar),
        "quickbooks_ar": text(each.quickbooks_ar),
        "quickbooks_balance": None if each.quickbooks_balance is None else text(each.quickbooks_balance),
        "difference": text(each.difference),
        "erp_credit": text(each.erp_credit),
        "quickbooks_credit": text(each.quickbooks_credit),
        "explained_by": [{**document, "amount": text(document["amount"])} for document in each.explained],
    }


def _explained(c: Comparison, kind: str, key: str, amount: int, causes: Mapping[str, str]) -> Raw:
    subject = problems.subject_of(c, key) if "@" not in key and key else (None, None)
    entity = c.held.entities.get(key)
    visitor = _visitor(c, key)
    return {
        "kind": subject[0] or kind,
        "erp_id": subject[1],
        "quickbooks_id": entity[1] if entity else key.partition("@")[2] or None,
        "number": number_of(visitor.seen.body) if visitor else problems.number_of_key(c, key) if key else None,
        "amount": amount,
        "cause": causes.get(key) or _cause(c, kind, key, subject),
    }


def _cause(c: Comparison, kind: str, key: str, subject: tuple[str | None, str | None]) -> str:
    if not key:
        return "The ERP's own figures for this company do not add up to its documents."
    ref = (subject[0] or "", subject[1] or "")
    if ref in c.projection.by_choice:
        return c.projection.by_choice[ref]
    if key in c.projection.waits:
        return c.projection.waits[key].cause
    visitor = _visitor(c, key)
    if visitor:
        return visitor.cause
    if "@" in key:
        spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
        return f"Only in QuickBooks: {spaced} {problems.number_of_key(c, key) or key.partition('@')[2]}."
    if key.startswith("negative:"):
        return "The memo of this negative invoice was used in QuickBooks; the ERP has no credit to use with it."
    here = c.held.documents.get(key)
    if here is None:
        return (
            "Only in the ERP: made before the connection, not sent." if key not in c.scope else "Not in QuickBooks yet."
        )
    if key in c.situation.elsewhere:
        return "It stands under another customer in QuickBooks."
    return "Ended in QuickBooks." if isinstance(here, Ending) else "Changed on one side and not brought into step yet."


def _visitor(c: Comparison, key: str) -> Visitor | None:
    entity, _, object_id = key.partition("@")
    return c.visitors.get((entity, object_id))
