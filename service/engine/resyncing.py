"""Mass re-sync: push what has no link, in dependency order, adopting what QuickBooks already has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.engine.customers import link_customers
from service.engine.sync import Look, bring_into_step, read_both
from service.engine.working import Working, as_record, instant
from service.ports import Record, Transaction

KINDS = ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND")
AT_ONCE = 200
"""Companies that are given their customers between two looks at the clock."""


def run(w: Working) -> None:
    """Ask for every record in scope, then the ordinary loop sends it. Resumable: what is linked is not sent again."""
    assert w.run is not None
    if not w.has_reached("read"):
        w.progress(phase="Reading both books")
        read_both(w, Look())
        w.progress(total=w.run.done, phase="Choosing what is to be sent")
        w.reach("read")
    companies = ask(w)
    mode = customers_mode(w.run.params)
    _link_customers(w, companies, mode)
    w.progress(phase="Sending, company by company")
    look = Look(everything=False, companies=companies, retry=True, customers=mode)
    bring_into_step(w, look)
    w.progress(total=w.run.done)


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
    for kind in KINDS:
        if not w.has_reached(f"asked:{kind}"):
            found, unsent = _in_scope(w, kind)
            with w.writing() as tx:
                tx.records.set_wanted(w.id, kind, [r.erp_id for r in found], "asked")
            w.progress(total=w.run.total + unsent)
            w.reach("in_scope", sorted({*(w.reached("in_scope") or ()), *(str(r.company_id) for r in found)}))
            w.reach(f"asked:{kind}")
            w.make_room()
    return frozenset(w.reached("in_scope") or ())


def _in_scope(w: Working, kind: str) -> tuple[list[Record], int]:
    """The records that were asked for, and how many of them stand for a document that is still to be sent."""
    assert w.run is not None
    with w.reading() as tx:
        found = [r for r in tx.records.of_kind(w.id, kind) if is_asked(r, w.run.params)]
        sent = _sent(tx, w, kind)
    return found, sum(r.erp_id not in sent for r in found) if kind != "RETURN" else 0


def _sent(tx: Transaction, w: Working, kind: str) -> set[str]:
    rows = tx.id_map.of_kind(w.id, w.epoch, "customer" if kind == "COMPANY" else kind.lower())
    return {erp_id for row in rows if row.quickbooks_id for record, erp_id in row.records if record == kind}


def _link_customers(w: Working, companies: frozenset[str], mode: str) -> None:
    left = [company for company in sorted(companies) if company > str(w.reached("linked_to") or "")]
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        link_customers(w, mode=mode, companies=frozenset(some))
        w.reach("linked_to", some[-1])
        w.make_room()


def give_up(w: Working) -> None:
    """A re-sync that a person stopped: what was not sent yet is not asked for any more."""
    for kind in KINDS:
        with w.writing() as tx:
            asked = [r for r in tx.records.of_kind(w.id, kind) if r.wanted == "asked"]
            left = [r for r in asked if tx.id_map.by_record(w.id, w.epoch, kind, r.erp_id) is None]
            touched = [r.erp_id for r in left if as_record(kind, r.body, w.connection.connected_at).wanted]
            tx.records.set_wanted(w.id, kind, [r.erp_id for r in left], None)
            tx.records.set_wanted(w.id, kind, touched, "touched")
