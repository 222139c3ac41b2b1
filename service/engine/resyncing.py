"""Mass re-sync: push what has no link, in dependency order, adopting what QuickBooks already has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.plan import Action
from service.engine.customers import link_customers
from service.engine.sync import Look, bring_into_step, plans, read_both
from service.engine.working import Working, as_record, instant
from service.ports import Record

KINDS = ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND")


def run(w: Working) -> None:
    """Ask for every record in scope, then the ordinary loop sends it. Resumable: what is linked is not sent again."""
    assert w.run is not None
    w.progress(phase="Reading both books")
    read_both(w, Look())
    w.progress(phase="Choosing what is to be sent")
    companies = ask(w)
    mode = customers_mode(w.run.params)
    link_customers(w, mode=mode, companies=companies)
    look = Look(companies=companies, retry=True, customers=mode)
    w.progress(total=w.run.done + _ahead(w, look), phase="Sending, company by company")
    bring_into_step(w, look, approved=w.run.approved_by is not None)


def _ahead(w: Working, look: Look) -> int:
    """Steps to come: customers that have to be made, then their documents."""
    found = plans(w, look)
    documents = sum(1 for _, plan in found for step in plan.steps if step.action is not Action.REMEMBER)
    return documents + sum(1 for c, _ in found if c.customer is None)


def customers_mode(params: Mapping[str, Any]) -> str:
    """How companies get their customers, unless the one who asked narrowed it."""
    return str(params.get("customers") or "create")


def is_asked(record: Record, params: Mapping[str, Any]) -> bool:
    """Whether a record is in the scope that was asked for."""
    kinds, only, since = params.get("kinds"), params.get("company_ids"), instant(params.get("updated_after"))
    return (
        not record.deleted
        and record.company_id is not None
        and record.kind in (kinds or KINDS)
        and (not only or record.company_id in only)
        and (since is None or (record.updated_at is not None and record.updated_at >= since))
    )


def ask(w: Working) -> frozenset[str]:
    """Mark the records in scope as asked for; answers the companies that have any."""
    assert w.run is not None
    companies: set[str] = set()
    for kind in KINDS:
        with w.reading() as tx:
            found = [r for r in tx.records.of_kind(w.id, kind) if is_asked(r, w.run.params)]
        with w.writing() as tx:
            tx.records.set_wanted(w.id, kind, [r.erp_id for r in found], "asked")
            tx.marks.add(w.id, {r.company_id for r in found if r.company_id})
        companies |= {r.company_id for r in found if r.company_id}
    return frozenset(companies)


def give_up(w: Working) -> None:
    """A re-sync that a person stopped: what was not sent yet is not asked for any more."""
    for kind in KINDS:
        with w.writing() as tx:
            asked = [r for r in tx.records.of_kind(w.id, kind) if r.wanted == "asked"]
            left = [r for r in asked if tx.id_map.by_record(w.id, w.epoch, kind, r.erp_id) is None]
            touched = [r.erp_id for r in left if as_record(kind, r.body, w.connection.connected_at).wanted]
            tx.records.set_wanted(w.id, kind, [r.erp_id for r in left], None)
            tx.records.set_wanted(w.id, kind, touched, "touched")
