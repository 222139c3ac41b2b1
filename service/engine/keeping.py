"""Plans that a person was shown: kept row by row, carried out as shown, and told apart from what has grown old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from mappings.money import cents, text
from service.engine.views import View
from service.engine.working import Working
from service.ports import PlanCompany, PlanRow, Transaction

KEPT_FOR = timedelta(days=30)
"""How long a plan is kept that nobody carried out."""
AT_ONCE = 2_000
"""Rows of a transaction: it holds up whoever else wants to write for a tenth of a second."""
FACTS = ("erp_credits", "erp_payments", "quickbooks_credits", "quickbooks_payments")
SIDES = ("erp_before", "erp_after", "quickbooks_before", "quickbooks_after")


def keep_plan(
    w: Working,
    kind: str,
    fingerprint: str,
    plan: View,
    params: Mapping[str, Any],
    books: Iterable[View] | None = None,
    found: list[View] | None = None,
) -> View:
    """The plan with its id. `books`: A/R and more of every company that was looked at (default: the plan's own);
    `found`: what it is about, where that is more than its rows."""
    books = list(plan["ar"] if books is None else books)
    with w.writing() as tx:
        tx.plans.forget(w.id, before=w.now() - KEPT_FOR)
        plan_id = tx.plans.save(
            w.id,
            kind,
            fingerprint,
            summary={"totals": plan["totals"], "books": _sums(books), "rows": len(plan["steps"]), "found": found},
            companies=_companies(tx, w, plan, books),
            params=params,
            at=w.now(),
        )
    for first in range(0, len(plan["steps"]), AT_ONCE):
        with w.writing() as tx:
            tx.plans.add_rows(w.id, plan_id, first, [_row(step) for step in plan["steps"][first : first + AT_ONCE]])
    with w.writing() as tx:
        tx.plans.ready(plan_id)
    return plan | {"plan_id": plan_id}


def _row(step: View) -> PlanRow:
    return PlanRow(**{**step, "amount": cents(step["amount"])})


def _companies(tx: Transaction, w: Working, plan: View, books: Iterable[View]) -> list[PlanCompany]:
    """Every company that the plan names, as a person knows it."""
    looked_at = {each["company_id"]: each for each in books}
    ids = sorted(looked_at.keys() | {step["company_id"] for step in plan["steps"] if step["company_id"]})
    names = {record.erp_id: record.number for record in tx.records.many(w.id, "COMPANY", ids)}
    customers = {row.company_id: row.quickbooks_id for row in tx.id_map.of_kind(w.id, w.epoch, "customer")}
    return [_company(one, names.get(one), customers.get(one), looked_at.get(one, {})) for one in ids]


def _company(company_id: str, name: str | None, customer: str | None, books: View) -> PlanCompany:
    figures = {side: cents(books[side]) if side in books else None for side in SIDES}
    return PlanCompany(company_id, name, customer, **figures, facts=books.get("facts") or {})


def _sums(books: Iterable[View]) -> View:
    """A/R of all companies together, and how many credits and payments each side has."""
    found = list(books)
    facts: dict[str, dict[str, Any]] = {}
    for name in FACTS:
        told = [each["facts"][name] for each in found if name in each.get("facts", ())]
        facts[name] = {
            "count": sum(one["count"] for one in told),
            "amount": text(sum(cents(o["amount"]) for o in told)),
        }
    return {side: text(sum(cents(each[side]) for each in found)) for side in SIDES} | {"companies": len(found), **facts}
