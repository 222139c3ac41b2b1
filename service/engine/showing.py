"""What people see beside each record: its sync status, and why it is not in step."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.distru.projection import RecordRef
from mappings.documents import Ending, Key
from mappings.planner import in_step
from service.engine.compare import Comparison
from service.engine.under_way import UnderWay
from service.engine.working import Working
from service.ports import Transaction


def show(tx: Transaction, w: Working, c: Comparison, way: UnderWay, causes: Mapping[Key, str]) -> None:
    """The sync status beside every record: SYNCED only when every document that carries a part of it is in step."""
    shown = tx.id_map.statuses(w.id, w.epoch, c.company)
    for ref, keys in sorted(c.projection.touches.items()):
        main = document_of(c, ref)
        if main is None:
            continue
        known = sorted(key for key in keys if _is_kept(c, key))
        states = {key: _state(c, key, causes) for key in known}
        status = states[main]
        if status == "SYNCED" and any(state not in ("SYNCED", "DELETED_IN_QBO") for state in states.values()):
            status = "PARTIALLY_SYNCED"
        wait = c.projection.waits.get(main)
        never_sent = "It ended in the ERP before it was sent." if status == "NOT_SYNCED" else None
        message = (
            causes.get(main)
            or next((causes[k] for k in known if k in causes), None)
            or never_sent
            or ((wait.cause if wait else way.blocked.get(main)) if status not in ("SYNCED", "DELETED_IN_QBO") else None)
        )
        if shown.get(ref) != (status, message):
            set_status(tx, w, c, ref, main, status, message)
    for ref, why in c.projection.by_choice.items():
        if any(r.wanted for r in c.records if (r.kind, r.erp_id) == ref):
            set_status(tx, w, c, ref, "", "NOT_SYNCED", why)


def document_of(c: Comparison, ref: RecordRef) -> Key | None:
    """The document that a record's status is told of. None where the record is left alone: a document that carries a
    part of it does not stand for it, and would be taken for its document once it is named beside it."""
    keys = c.projection.touches[ref]
    own = [key for key in keys if ref in c.projection.records.get(key, ())]
    return min((key for key in own or keys if _is_kept(c, key)), default=None)


def _is_kept(c: Comparison, key: Key) -> bool:
    return key in c.scope or key in c.rows


def _state(c: Comparison, key: Key, causes: Mapping[Key, str]) -> str:
    if key in causes:
        row = c.rows.get(key)
        return "DELETED_IN_QBO" if _is_gone(c, key) and row and row.quickbooks_id else "ERROR"
    row = c.rows.get(key)
    if isinstance(c.projection.documents.get(key), Ending) and (row is None or not row.quickbooks_id):
        return "NOT_SYNCED"
    if row is None or row.agreed is None:
        return "PENDING"
    if row.status == "DELETED_IN_QBO":
        return row.status
    agreed = c.situation.agreed[key]
    if _is_gone(c, key) and not isinstance(c.projection.documents.get(key), Ending | None):
        return "DELETED_IN_QBO"  # such as a payment of credits alone whose invoice was voided: nothing is left to hold
    return "SYNCED" if in_step(agreed.erp, agreed.quickbooks) and key not in c.plan.outstanding else "PENDING"


def _is_gone(c: Comparison, key: str) -> bool:
    entity = c.held.entities.get(key)
    known = c.objects.get(entity) if entity else None
    return known is not None and known.deleted


def set_status(
    tx: Transaction, w: Working, c: Comparison, ref: tuple[str, str], key: str, status: str, message: str | None
) -> None:
    number = next((r.number for r in c.records if (r.kind, r.erp_id) == ref), None)
    tx.id_map.set_status(
        w.id, w.epoch, *ref, status=status, message=message, number=number, company_id=c.company, key=key, at=w.now()
    )
