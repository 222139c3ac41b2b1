"""Turning two-way sync on: QuickBooks becomes the truth on payments and credits.

Credits that QuickBooks holds already are kept or adopted; every other credit made before is cancelled
(contracts/service.md, "Enabling two-way sync"). Preview and run are the same comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mappings.distru.cancelling import cancelled
from mappings.distru.projection import is_held_by_payment
from mappings.distru.records import Credit
from mappings.gl import gl_effect
from mappings.keys import owner
from mappings.money import cents, text
from mappings.plan import Action
from mappings.quickbooks import amount_of, is_voided, open_balance
from mappings.tieout import contribution, erp_receivable
from service.engine import views
from service.engine.compare import Comparison, compare
from service.engine.customers import linked_companies
from service.engine.lists import Lists, load_lists
from service.engine.reading import keep_records, read_erp
from service.engine.sync import Look, bring_into_step, read_both
from service.engine.tying_out import compared
from service.engine.working import Working, as_record, digest, dumps
from service.errors import Refused
from service.ports import Audit, Record, Transaction

REASONS = {
    "keep": "QuickBooks holds it, and it is linked.",
    "adopt": "QuickBooks holds it already: number, company, amount and date agree.",
    "cancel": "Made before two-way sync; QuickBooks does not hold it.",
}

MOVES = ("cancel", "import", "update")
"""Actions that take a step; what is kept or adopted is remembered only."""


@dataclass(frozen=True)
class Outcome:
    """What happens to one company: rows of the plan, and A/R in cents (before, after) on both sides. `recognised`:
    credits of before the connection that QuickBooks holds; `facts`: how many credits and payments each side has, and
    over how much."""

    rows: tuple[dict[str, Any], ...]
    cancels: tuple[str, ...]
    recognised: tuple[str, ...]
    erp: tuple[int, int]
    quickbooks: tuple[int, int]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Rehearsal:
    """The plan without its id, a fingerprint of the books that it was made from, and the books of every company that
    was looked at."""

    plan: dict[str, Any]
    fingerprint: str
    books: list[dict[str, Any]]


def preview(w: Working, used_credits: str) -> Rehearsal:
    """Rehearse enabling. Reads both sides, changes nothing."""
    read_both(w, Look())
    rows: list[dict[str, Any]] = []
    receivables, books = [], []
    with w.reading() as tx:
        lists = load_lists(tx, w)
        for company in _concerned(tx, w):
            outcome = _outcome(tx, w, company, lists, used_credits)
            rows += outcome.rows
            ar = views.ar(company, outcome.erp, outcome.quickbooks)
            books.append(ar | {"facts": outcome.facts})
            if outcome.rows or outcome.erp != outcome.quickbooks:
                receivables.append(ar)
    plan = views.plan("", w.now(), rows, receivables)
    return Rehearsal(plan, digest(used_credits, dumps(rows), dumps(receivables)), books)


def run(w: Working) -> None:
    """Cancel what is to be cancelled, switch two-way on, then the ordinary loop adopts, imports and updates.

    Resumable: what is cancelled already is not cancelled again, and imports are declarations that may be repeated.
    """
    assert w.run is not None
    used = str(w.run.params.get("used_credits") or "revert")
    if not w.has_reached("two_way"):
        if not w.has_reached("begun"):
            w.progress(phase="Reading both books")
            w.reach("begun")
        read_both(w, Look())
        _cancel_what_quickbooks_lacks(w, used)
        w.reach("two_way")
    with w.reading() as tx:
        companies = linked_companies(tx, w)
    w.progress(phase="Two-way sync is on: adopting and importing, company by company")
    bring_into_step(w, Look(companies=frozenset(companies), retry=True), as_planned=True)


def _cancel_what_quickbooks_lacks(w: Working, used_credits: str) -> None:
    assert w.run is not None
    with w.reading() as tx:
        lists = load_lists(tx, w)
        companies = _concerned(tx, w) if not w.connection.two_way else []
        planned = {company: _outcome(tx, w, company, lists, used_credits) for company in companies}
    cancels = [(company, credit) for company, outcome in planned.items() for credit in outcome.cancels]
    moves = [row for outcome in planned.values() for row in outcome.rows if row["action"] in MOVES]
    w.progress(total=w.run.done + len(moves), phase="Cancelling credits that QuickBooks does not hold")
    w.begin_long_part()
    for company, credit in cancels:
        w.heed()
        if w.is_paused("CREDIT"):
            raise Refused("Credits are paused on this connection: end the pause, then enable again.", code="paused")
        _cancel(w, company, credit, delete_uses=used_credits == "revert")
        w.make_room()
    if cancels:
        read_erp(w, ("credit", "invoice", "payment"))
    w.heed()
    _want(w, [credit for outcome in planned.values() for credit in outcome.recognised])
    if not w.connection.two_way:
        w.update(two_way=True)


def _concerned(tx: Transaction, w: Working) -> list[str]:
    """Companies with a customer, and those with credits: what QuickBooks cannot hold is cancelled like the rest."""
    with_credits = {r.company_id for r in tx.records.of_kind(w.id, "CREDIT") if r.company_id and not r.deleted}
    return sorted(with_credits.union(linked_companies(tx, w)))


def _outcome(tx: Transaction, w: Working, company: str, lists: Lists, used_credits: str) -> Outcome:
    records = tx.records.of_company(w.id, company)
    recognised = _recognised(tx, w, company, lists, records)
    now = compare(tx, w, company, lists, two_way=True, records=_wanting(records, recognised))
    fates = {credit.id: _fate(now, credit) for credit in now.books.credits.values() if credit.live}
    cancels = tuple(sorted(credit for credit, fate in fates.items() if fate == "cancel"))
    revert = used_credits == "revert"
    after = compare(tx, w, company, lists, two_way=True, records=_after(now.records, cancels, revert=revert))
    rows = [_credit_row(now, now.books.credits[credit], fate, revert=revert) for credit, fate in sorted(fates.items())]
    changes = [s for s in after.plan.steps if s.action is not Action.REMEMBER] if after.customer else []
    for step in changes:
        action = "import" if step.action is Action.DECLARE and step.erp is None else "update"
        rows.append(views.step(after, step, lists, action))
    erp_before = erp_receivable(now.books)
    erp_after = erp_receivable(after.books) + sum(
        contribution(s.document) - contribution(s.erp) for s in changes if s.action is Action.DECLARE
    )
    quickbooks_before = compared(now, lists).quickbooks_receivable
    quickbooks_after = quickbooks_before + sum(
        contribution(s.document) - contribution(s.before) for s in changes if s.action is not Action.DECLARE
    )
    before_and_after = (erp_before, erp_after), (quickbooks_before, quickbooks_after)
    return Outcome(tuple(rows), cancels, tuple(sorted(recognised)), *before_and_after, _facts(now))


def _recognised(tx: Transaction, w: Working, company: str, lists: Lists, records: list[Record]) -> frozenset[str]:
    """Credits of before the connection that QuickBooks turns out to hold: they are wanted from now on, with the
    payments that use them and the invoices of these. Else their uses in QuickBooks would count a second time."""
    old = frozenset(r.erp_id for r in records if r.kind == "CREDIT" and r.wanted is None and not r.deleted)
    if not old:
        return old
    asked = compare(tx, w, company, lists, two_way=True, records=_wanting(records, old))
    credits = (asked.books.credits[credit] for credit in old & asked.books.credits.keys())
    return frozenset(credit.id for credit in credits if credit.live and _document_of(asked, credit) in asked.adopted)


def _wanting(records: list[Record], credits: frozenset[str]) -> list[Record]:
    return [replace(r, wanted="touched") if r.kind == "CREDIT" and r.erp_id in credits else r for r in records]


def _want(w: Working, credits: list[str]) -> None:
    with w.writing() as tx:
        tx.records.set_wanted(w.id, "CREDIT", credits, "touched")


def _facts(c: Comparison) -> dict[str, Any]:
    """Credits by what is open of them, payments by their amount."""
    there = [(o.entity, o.body) for o in c.objects.values() if not o.deleted and not is_voided(o.body)]
    return {
        "erp_credits": _sum(credit.remaining for credit in c.books.credits.values() if credit.live),
        "erp_payments": _sum(payment.amount for payment in c.books.payments.values() if payment.posted),
        "quickbooks_credits": _sum(-open_balance(*each) for each in there if open_balance(*each) < 0),
        "quickbooks_payments": _sum(amount_of(raw, "TotalAmt") for entity, raw in there if entity == "Payment"),
    }


def _sum(amounts: Iterable[int]) -> dict[str, Any]:
    found = list(amounts)
    return {"count": len(found), "amount": text(sum(found))}


def _fate(c: Comparison, credit: Credit) -> str:
    key = _document_of(c, credit)
    if key in c.adopted:
        return "adopt"
    return "keep" if key in c.held.entities else "cancel"


def _document_of(c: Comparison, credit: Credit) -> str:
    if not is_held_by_payment(credit, c.terms):
        return owner(c.terms.owners, "CREDIT", credit.id)
    return next((key for key in sorted(c.projection.touches.get(("CREDIT", credit.id), ()))), f"deposit:{credit.id}")


def _credit_row(c: Comparison, credit: Credit, fate: str, *, revert: bool) -> dict[str, Any]:
    entity = c.held.entities.get(_document_of(c, credit))
    reason = REASONS[fate]
    if fate == "cancel" and credit.used:
        reason += (
            f" {text(credit.used)} of it is used: these uses are removed and the invoices re-open."
            if revert
            else f" {text(credit.used)} of it is used: that part goes to QuickBooks, the rest is cancelled."
        )
    effect = gl_effect(-credit.remaining, credit.reason) if fate == "cancel" else None
    return views.plan_row(
        fate,
        "CREDIT",
        credit.id,
        entity[1] if entity else None,
        credit.number,
        c.company,
        credit.amount,
        reason,
        effect,
    )


def _after(records: Iterable[Record], cancels: tuple[str, ...], *, revert: bool) -> list[Record]:
    kept = list(records)
    bodies = cancelled([(r.kind, r.body) for r in kept], cancels, revert=revert)
    touched = {("CREDIT", credit) for credit in cancels}
    return [
        replace(r, body=bodies[(r.kind, r.erp_id)], wanted="touched" if (r.kind, r.erp_id) in touched else r.wanted)
        for r in kept
    ]


def _cancel(w: Working, company: str, credit: str, *, delete_uses: bool) -> None:
    with w.reading() as tx:
        known = tx.records.get(w.id, "CREDIT", credit)
    if known is None or known.deleted or known.body.get("status") == "CANCELED":
        return
    raw = w.erp.cancel_credit(credit, delete_uses=delete_uses)
    run = w.run
    with w.writing() as tx:
        keep_records(tx, w, [as_record("CREDIT", raw, w.connection.connected_at)])
        tx.audits.add(
            w.id,
            [
                Audit(
                    at=w.now(),
                    actor=run.requested_by if run and run.requested_by else "sync",
                    action="cancel",
                    side="erp",
                    key=f"credit:{credit}",
                    kind="CREDIT",
                    erp_id=credit,
                    number=known.number,
                    company_id=company,
                    amount=cents(raw.get("amount") or 0),
                    why=REASONS["cancel"],
                    run_id=run.id if run else None,
                )
            ],
        )
        w.step_done(tx, "cancel")
