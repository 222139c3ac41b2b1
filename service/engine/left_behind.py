"""Documents that we made in QuickBooks and know nothing of any more: our database came back from a backup, and the ERP
ended their records before it did."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mappings.distru.projection import RecordRef
from mappings.distru.records import Books
from mappings.quickbooks import TYPES, Entity, is_voided, marker_of
from service.engine.working import Working, instant
from service.ports import QboObject, Row, Transaction


def left_behind(
    tx: Transaction,
    w: Working,
    books: Books,
    objects: Mapping[Entity, QboObject],
    ours: Collection[Entity],
    rows: Iterable[Row],
) -> dict[Entity, RecordRef]:
    """Living documents with our marker whose record has ended (or fell below zero), each with that record; `ours` stand
    for something.

    Only what was made since the connection stands and no row of ours ever stood for: a copy that somebody made of a
    document is theirs, and what was there before is left alone (decision 0004).
    """
    known = {(row.quickbooks_type, ref) for row in rows for ref in row.records}
    found: dict[Entity, RecordRef] = {}
    for entity, each in objects.items():
        ref = _record_of(each)
        if entity in ours or ref is None or (each.entity, ref) in known or not _is_of_this_connection(w, each):
            continue
        if _has_ended(tx, w, books, ref, each.entity) and not _stands_elsewhere(tx, w, books, ref):
            found[entity] = ref
    return found


def _stands_elsewhere(tx: Transaction, w: Working, books: Books, ref: RecordRef) -> bool:
    """Whether the record belongs to another company by now, whose document this is."""
    row = tx.id_map.by_record(w.id, w.epoch, *ref)
    company = books.company.id if books.company else None
    return row is not None and row.company_id != company


def _record_of(each: QboObject) -> RecordRef | None:
    if each.deleted or each.entity not in TYPES.values() or is_voided(each.body):
        return None
    words = (marker_of(each.body) or "").split()
    return (words[1].upper(), words[2]) if len(words) == 3 else None


def _is_of_this_connection(w: Working, each: QboObject) -> bool:
    made = instant((each.body.get("MetaData") or {}).get("CreateTime"))
    since = w.connection.connected_at
    return made is not None and since is not None and made >= since.replace(microsecond=0)


def _has_ended(tx: Transaction, w: Working, books: Books, ref: RecordRef, entity: str) -> bool:
    """Voided, cancelled, deleted; gone for good, so that the ERP does not list it; or an invoice that is a memo now."""
    kind, erp_id = ref
    match kind:
        case "INVOICE" if invoice := books.invoices.get(erp_id):
            return invoice.voided or invoice.deleted or (invoice.total < 0) != (entity == TYPES["credit_memo"])
        case "PAYMENT" if payment := books.payments.get(erp_id):
            return not payment.posted
        case "CREDIT" if credit := books.credits.get(erp_id):
            return not credit.live
        case "REFUND" if refund := books.refunds.get(erp_id):
            return refund.voided
    record = tx.records.get(w.id, kind, erp_id)
    if record is None:
        # Credits and payments that the ERP does not know may be somebody else's: they count as made in QuickBooks.
        return entity not in ("CreditMemo", "Payment")
    return record.deleted
