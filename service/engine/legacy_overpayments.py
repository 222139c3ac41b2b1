"""Overpayments that QuickBooks holds as Credit Memos (before 2026-02-25): listed, previewed, repaired on request.

The repair moves one row of the ID map: the credit is said to be held by its Payment. Everything else is the ordinary
loop's: it takes the memo's uses off, deletes the memo, raises the Payment and puts the uses on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mappings.documents import CreditMemo, Ending, Key
from mappings.keys import owner
from mappings.legacy import (
    Overpayment,
    in_quickbooks_by_hand,
    in_the_erp_by_hand,
    legacy_overpayments,
    obstacle,
    repair_plan,
    repaired,
)
from mappings.money import text
from mappings.plan import Step
from mappings.sides import Sides
from service.engine import over_paid, views
from service.engine.brakes import brake
from service.engine.compare import Comparison, compare
from service.engine.lists import Lists, load_lists, refresh_preferences
from service.engine.looking import View, sides_of
from service.engine.repeating import repeat_unanswered
from service.engine.sync import Look, bring_into_step, read_both
from service.engine.working import Working, digest, dumps
from service.errors import Refused
from service.ports import Audit, Record, Row, Transaction

WHY = "An overpayment that reached QuickBooks as a Credit Memo becomes what its Payment leaves unapplied."
REASONS = {
    "delete": "The Credit Memo goes; what only applied it goes with it.",
    "void": "What only applied the Credit Memo goes.",
    "update": "The overpayment stands on its Payment, uses included.",
}


@dataclass(frozen=True)
class Survey:
    """One company's: all that were found, with what keeps each from being repaired, and the steps for the rest."""

    comparison: Comparison
    sides: Sides
    found: tuple[tuple[Overpayment, str | None], ...]
    after: Comparison

    @property
    def repairable(self) -> list[Overpayment]:
        return [one for one, reason in self.found if reason is None]

    @property
    def steps(self) -> list[Step]:
        return [step for step in self.after.plan.steps if views.is_change(step)]


# ---------------------------------------------------------------------------------------------- the list


def preview(w: Working) -> tuple[list[View], View, str]:
    """Rows of the list, the plan without its id, and a fingerprint of the books. Reads both sides, changes nothing."""
    read_both(w, Look())
    refresh_preferences(w, now_please=True)
    rows: list[View] = []
    steps: list[View] = []
    with w.reading() as tx:
        for survey in _surveys(tx, w):
            rows += [_row(survey, one, reason) for one, reason in survey.found]
            steps += [_step(survey, step) for step in survey.steps]
        rows += over_paid.rows(tx, w)
    return rows, views.plan("", w.now(), steps, []), digest(dumps(rows), dumps(steps))


def repairable(rows: Iterable[View]) -> dict[str, list[str]]:
    """The credits that a repair would take on, by company."""
    chosen: dict[str, list[str]] = {}
    for row in rows:
        if row["repairable"]:
            chosen.setdefault(row["company_id"], []).append(row["credit_id"])
    return chosen


def _surveys(tx: Transaction, w: Working, only: Mapping[str, Iterable[str]] | None = None) -> list[Survey]:
    """Company by company; `only`: these companies, and of them these credits."""
    lists = load_lists(tx, w)
    companies = _candidates(tx, w) if only is None else sorted(only)
    found = [
        _survey(tx, w, company, lists, None if only is None else frozenset(only[company])) for company in companies
    ]
    return [survey for survey in found if survey is not None]


def _candidates(tx: Transaction, w: Working) -> list[str]:
    """Companies with a credit that may be one: only these are compared."""
    credits = [r for r in tx.records.of_kind(w.id, "CREDIT") if r.body.get("source") == "INVOICE_PAYMENT"]
    return sorted({r.company_id for r in credits if r.company_id and not r.deleted})


def _survey(
    tx: Transaction, w: Working, company: str, lists: Lists, only: frozenset[str] | None = None
) -> Survey | None:
    """Compare as if all records of the repair were asked for: so the Payments that QuickBooks holds are recognised."""
    records = tx.records.of_company(w.id, company)
    plain = compare(tx, w, company, lists, records=records)
    involved = {ref for one in legacy_overpayments(sides_of(plain, lists)) for ref in one.records}
    if not involved:
        return None
    c = compare(tx, w, company, lists, records=[_asked(r) if (r.kind, r.erp_id) in involved else r for r in records])
    sides = sides_of(c, lists)
    all_found = [one for one in legacy_overpayments(sides) if only is None or one.credit.id in only]
    found = tuple((one, obstacle(sides, c.situation, c.plan, one)) for one in all_found)
    chosen = [one for one, reason in found if reason is None]
    after = replace(
        c, projection=repaired(sides, c.situation, chosen).projection, plan=repair_plan(sides, c.situation, chosen)
    )
    return Survey(c, sides, found, after if chosen else replace(c, plan=replace(c.plan, steps=())))


def _asked(record: Record) -> Record:
    return replace(record, wanted="asked")


def _row(survey: Survey, one: Overpayment, reason: str | None) -> View:
    c, credit = survey.comparison, one.credit
    invoice = c.books.invoices.get(one.maker.invoice or "") if one.maker else None
    return {
        "company_id": c.company,
        "company_name": c.books.company.name if c.books.company else None,
        "kind": "CREDIT",
        "credit_id": credit.id,
        "credit_number": credit.number,
        "payment_id": one.maker.id if one.maker else None,
        "payment_number": one.maker.number if one.maker else None,
        "invoice_id": invoice.id if invoice else None,
        "invoice_number": invoice.number if invoice else None,
        "amount": text(credit.amount),
        "used": text(credit.used),
        "erp_open": text(credit.remaining),
        "made_at": views.moment(credit.at),
        "uses": [_use(c, payment, amount) for payment, amount in one.uses],
        "quickbooks": {
            "credit_memo": _memo(survey, one),
            "payment": over_paid.payment(c, survey.sides, one.payment),
        },
        "suggested_fixes": {"quickbooks": in_quickbooks_by_hand(one), "erp": in_the_erp_by_hand(one)},
        "repairable": reason is None,
        "left_out": reason,
    }


def _use(c: Comparison, payment: Any, amount: int) -> View:
    invoice = c.books.invoices.get(payment.invoice or "")
    return {
        "payment_id": payment.id,
        "payment_number": payment.number,
        "invoice_id": payment.invoice,
        "invoice_number": invoice.number if invoice else None,
        "amount": text(amount),
    }


def _memo(survey: Survey, one: Overpayment) -> View:
    held = survey.sides.live(one.memo)
    entity = survey.comparison.held.entities.get(one.memo)
    return {
        "id": entity[1] if entity else one.credit.memo_id,
        "number": held.number if held else None,
        "date": held.date if held else None,
        "amount": text(held.total) if isinstance(held, CreditMemo) else None,
        "open": views.money(survey.sides.quickbooks_open(one.memo)),
    }


def _step(survey: Survey, step: Step) -> View:
    return views.step(survey.after, step) | {"reason": REASONS.get(step.action.value, step.reason)}


# -------------------------------------------------------------------------------------------- the repair


def run(w: Working, chosen: Mapping[str, Iterable[str]]) -> None:
    """Repair these credits, company by company. Resumable: a credit that was moved already is found moved."""
    repeat_unanswered(w)
    w.progress(phase="Reading both books")
    read_both(w, Look())
    refresh_preferences(w, now_please=True)
    with w.reading() as tx:
        surveys = _surveys(tx, w, chosen)
    # Before the map is touched: what is moved there would go out with the next look.
    brake(w, (step for survey in surveys for step in survey.steps))
    ahead = sum(len(survey.steps) for survey in surveys)
    w.progress(total=(w.run.done if w.run else 0) + ahead, phase="Repairing, company by company")
    for survey in surveys:
        w.heed()
        _repair(w, survey)
    for company, credits in chosen.items():
        _tidy(w, company, credits)
        _settle(w, company)


def _repair(w: Working, survey: Survey) -> None:
    if not survey.repairable:
        return
    company = survey.comparison.company
    with w.writing() as tx:
        for kind, erp_id in sorted({ref for one in survey.repairable for ref in one.records}):
            tx.records.set_wanted(w.id, kind, [erp_id], "asked")
    _settle(w, company)  # what QuickBooks holds of them is linked; there is nothing else to do
    with w.writing() as tx:
        for one in survey.repairable:
            _move(tx, w, company, one)
    _settle(w, company)


def _settle(w: Working, company: str) -> None:
    look = Look(everything=False, companies=frozenset({company}), retry=True)
    bring_into_step(w, look, as_planned=True)


def _move(tx: Transaction, w: Working, company: str, one: Overpayment) -> None:
    """From now on its Payment stands for the credit."""
    ref = ("CREDIT", one.credit.id)
    memo, payment = tx.id_map.get(w.id, w.epoch, one.memo), tx.id_map.get(w.id, w.epoch, one.payment or "")
    if memo is None or payment is None:
        raise Refused(f"Credit {one.credit.number} moved on while it was repaired: look again.", code="plan_outdated")
    _hand_over(tx, w, ref, memo, payment)
    tx.audits.add(w.id, [_audit(w, company, one, memo)])


def _hand_over(tx: Transaction, w: Working, ref: tuple[str, str], old: Row, new: Row) -> None:
    """A record stands on one document at a time: first it leaves, then it arrives."""
    tx.id_map.save(w.id, w.epoch, replace(old, records=tuple(r for r in old.records if r != ref)), w.now())
    tx.id_map.save(w.id, w.epoch, replace(new, records=tuple(dict.fromkeys((*new.records, ref)))), w.now())


def _tidy(w: Working, company: str, credits: Iterable[str]) -> None:
    """A payment of nothing but such a credit has no document of its own any more: the credit's Payment carries it."""
    with w.writing() as tx:
        lists = load_lists(tx, w)
        c = compare(tx, w, company, lists)
        sides = sides_of(c, lists)
        for credit_id in sorted(credits):
            holder = owner(c.terms.owners, "CREDIT", credit_id)
            for payment, _ in sides.users(credit_id):
                key = owner(c.terms.owners, "PAYMENT", payment.id)
                if _has_ended(c, key):
                    _carry(tx, w, ("PAYMENT", payment.id), key, holder)


def _has_ended(c: Comparison, key: Key) -> bool:
    return key in c.rows and isinstance(c.held.documents.get(key), Ending)


def _carry(tx: Transaction, w: Working, ref: tuple[str, str], ended: Key, holder: Key) -> None:
    old, new = tx.id_map.get(w.id, w.epoch, ended), tx.id_map.get(w.id, w.epoch, holder)
    if old is not None and new is not None and old.key != new.key and new.quickbooks_type == "Payment":
        _hand_over(tx, w, ref, old, new)


def _audit(w: Working, company: str, one: Overpayment, memo: Row) -> Audit:
    run = w.run
    return Audit(
        at=w.now(),
        actor=run.requested_by if run and run.requested_by else "sync",
        action="repair",
        side="map",
        key=one.memo,
        kind="CREDIT",
        erp_id=one.credit.id,
        quickbooks_id=memo.quickbooks_id,
        number=one.credit.number,
        company_id=company,
        amount=one.credit.amount,
        why=WHY,
        run_id=run.id if run else None,
    )
