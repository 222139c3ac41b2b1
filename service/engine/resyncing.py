"""Mass re-sync: push what has no link, in dependency order, adopting what QuickBooks already has."""

from __future__ import annotations

from service.engine.customers import link_customers
from service.engine.sync import Look, bring_into_step, plans, read_both
from service.engine.working import Working, as_record, instant

KINDS = ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND")


def run(w: Working) -> None:
    """Ask for every record in scope, then the ordinary loop sends it. Resumable: what is linked is not sent again."""
    assert w.run is not None
    read_both(w, Look())
    companies = ask(w)
    mode = str(w.run.params.get("customers") or "create")
    link_customers(w, mode=mode, companies=companies)
    look = Look(companies=companies, retry=True, customers=mode)
    w.progress(total=w.run.done + sum(len(plan.steps) for _, plan in plans(w, look)))
    bring_into_step(w, look, approved=w.run.approved_by is not None)


def ask(w: Working) -> frozenset[str]:
    """Mark the records in scope as asked for; answers the companies that have any."""
    assert w.run is not None
    params = w.run.params
    only, since = params.get("company_ids"), instant(params.get("updated_after"))
    companies: set[str] = set()
    for kind in params.get("kinds") or KINDS:
        with w.reading() as tx:
            found = [
                r
                for r in tx.records.of_kind(w.id, kind)
                if not r.deleted
                and r.company_id
                and (not only or r.company_id in only)
                and (since is None or (r.updated_at is not None and r.updated_at >= since))
            ]
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
