"""One step of a plan into the ERP: what QuickBooks holds is declared to it, and its books are looked at afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mappings.distru.declarations import Told, declare_credit_memo, declare_payment
from mappings.documents import CreditMemo, Ending, Key, Payment, from_json
from mappings.plan import Step
from mappings.planner import in_step
from mappings.quickbooks import Entity, customer_of
from service.engine import problems
from service.engine.compare import Comparison
from service.engine.hard_deletes import check_deleted, let_the_erp_catch_up
from service.engine.links import push_links
from service.engine.reading import keep_records
from service.engine.under_way import UnderWay
from service.engine.working import as_record
from service.errors import Refused
from service.ports import Raw, Transaction


def declare(way: UnderWay, step: Step) -> None:
    """Tell the ERP the whole state of one QuickBooks document, then see whether its books say the same.

    Raises: `Refused`.
    """
    entity, object_id = way.c.held.entities[step.key]
    erp = way.w.erp
    if isinstance(step.document, Ending):
        # The ERP finds what ended by its QuickBooks ID: it has to know it first.
        push_links(way.w)
    if entity == "CreditMemo":
        answer = erp.declare_credit_memo(object_id, _memo_declaration(way, step))
        made = {"CREDIT": [answer.get("credit")]}
    else:
        answer = erp.declare_payment(object_id, _payment_declaration(way, step))
        made = {"PAYMENT": answer.get("payments") or [], "CREDIT": answer.get("credits") or []}
        _ask_after_the_unnamed(way, step.key, {str(raw["id"]) for raw in made["PAYMENT"] if raw})
    way.w.declared = True
    _learn(way, step, (entity, object_id), made)


def void(way: UnderWay, step: Step) -> None:
    """QuickBooks' own choice is adopted: the ERP's payment that it leaves no credit for is voided there."""
    w = way.w
    refs = way.c.projection.records.get(step.key, ())
    payments = [ref[1] for ref in refs if ref[0] == "PAYMENT" and way.c.books.payments[ref[1]].posted]
    for payment in payments:
        raw = w.erp.void_payment(payment)
        with w.writing() as tx:
            keep_records(tx, w, [as_record("PAYMENT", raw, w.connection.connected_at)])
    w.declared = True
    with w.writing() as tx:
        way.audit(tx, step, None, "erp", step.document)
    way.again = True


# ------------------------------------------------------------------------------------------------- telling


def _memo_declaration(way: UnderWay, step: Step) -> dict[str, Any]:
    document = step.document
    assert isinstance(document, CreditMemo | Ending)
    kind, credit = problems.subject_of(way.c, step.key)
    return declare_credit_memo(document, credit if kind == "CREDIT" else None, way.c.books, _told(way, step.key))


def _payment_declaration(way: UnderWay, step: Step) -> dict[str, Any]:
    document = step.document
    assert isinstance(document, Payment | Ending)
    return declare_payment(document, step.key, way.c.books, way.c.terms, _told(way, step.key))


def _told(way: UnderWay, key: Key) -> Told:
    raw = way.c.objects[way.c.held.entities[key]].body
    method = (raw.get("PaymentMethodRef") or {}).get("value")
    name = (way.lists.methods.get(str(method)) or {}).get("Name") if method else None
    known = way.c.situation.agreed.get(key)
    last = known.quickbooks if known else None
    day = str(raw.get("TxnDate") or "1970-01-01")
    return Told(raw.get("SyncToken"), way.c.company, way.c.terms.timezone, name, last, day)


def _ask_after_the_unnamed(way: UnderWay, key: Key, named: set[str]) -> None:
    """A payment that the answer leaves out was voided by what was declared, or deleted for good before: counted on
    beside the credit that the ERP made of its money, it would be the same money twice."""
    refs = way.c.projection.records.get(key, ())
    unnamed = [erp_id for kind, erp_id in refs if kind == "PAYMENT" and erp_id not in named]
    if unnamed:
        let_the_erp_catch_up(way.w, way.w.now())
        check_deleted(way.w, "PAYMENT", unnamed)


# ------------------------------------------------------------------------------------------------ learning


def _learn(way: UnderWay, step: Step, entity: Entity, made: Mapping[str, Sequence[Raw | None]]) -> None:
    w, key = way.w, step.key
    records = [as_record(kind, raw, w.connection.connected_at) for kind, raws in made.items() for raw in raws if raw]
    refs = [(record.kind, record.erp_id) for record in records]
    planned, gone = way.c, isinstance(step.document, Ending)
    there = None if gone and key in way.c.situation.elsewhere else entity
    with w.writing() as tx:
        keep_records(tx, w, records)
        if there is None:
            hand_over(tx, way, entity)
        row = way.row(key, there)
        kept = [ref for ref in row.records if ref not in refs]
        carried = [ref for ref in refs if _belongs(way.c, ref, key)]
        status = "DELETED_IN_QBO" if gone else "SYNCED"
        before = from_json(row.agreed)
        way.save(tx, key, there, before, step.document, records=(*kept, *carried), status=status)
        way.compare(tx)
        _leave_what_is_told(way, planned, key, carried)
        erp = way.c.projection.documents.get(key)
        mirrored = in_step(erp, step.document)
        if mirrored:
            way.save(tx, key, there, step.document if erp is None else erp, step.document, status=status)
            tx.problems.settle(w.id, key, at=w.now())
        else:
            # What both held before stays remembered, and what it stands on: QuickBooks' change is not done with.
            way.save(tx, key, entity, before, from_json(row.echo))
            way.compare(tx)
            error = Refused(problems.difference(step.document, erp), code="not_mirrored")
            # As the next look will find it, so that the very same is not told again.
            found = replace(step, before=way.c.projection.documents.get(key))
            choices = ("use_erp", "use_quickbooks")
            problems.report(tx, w, problems.of_step(w, way.c, found, error, choices=choices))
        way.audit(tx, step, entity, "erp", step.document)
        w.step_done(tx, step.action.value)
    if not mirrored:
        way.hold(key, "The ERP's books say something else after it was told.", failed=True)


def _leave_what_is_told(way: UnderWay, planned: Comparison, key: Key, refs: Sequence[tuple[str, str]]) -> None:
    """The ERP may have heard of this document before and we forgot (a lost answer, a backup): what it made of it then
    is no document of its own, whatever was planned for it."""
    for other, owned in planned.projection.records.items():
        if other != key and other not in planned.rows and set(owned) & set(refs):
            way.hold(other, "It came from QuickBooks.")


def _belongs(c: Comparison, ref: tuple[str, str], key: Key) -> bool:
    """A payment that two QuickBooks payments share stays with the one that carries its cash."""
    known = c.terms.owners.get(ref)
    default = ref[0] == "PAYMENT" and f"payment:{ref[1]}" in c.held.entities and f"payment:{ref[1]}" != key
    return known in (None, key) and not default


def hand_over(tx: Transaction, way: UnderWay, entity: Entity) -> None:
    """A document that a person gave to another customer: this company lets go of it, the other one meets it anew."""
    customer = customer_of(way.c.objects[entity].body)
    owner = tx.id_map.by_quickbooks(way.w.id, way.w.epoch, "Customer", customer) if customer else None
    tx.marks.add(way.w.id, [owner.company_id] if owner and owner.company_id else [])
