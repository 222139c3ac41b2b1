"""One step of a plan into QuickBooks: made fit for this company, noted, sent, recorded, and looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from mappings.documents import CreditMemo, Ending, Invoice, Key, Payment, Side, amounts
from mappings.plan import Action, Step
from mappings.planner import in_step
from mappings.quickbooks import TYPES, Entity, body, customer_of, identity, read_object
from service.engine import problems
from service.engine.lists import Lists
from service.engine.under_way import UnderWay, touched_by
from service.engine.working import as_object, dumps
from service.engine.writing import mark_left, note, record_answer, send
from service.errors import Refused
from service.ports import Intent, Operation, QuickBooksWrite, Raw, Transaction

_OPERATIONS = {
    Action.CREATE: Operation.CREATE,
    Action.UPDATE: Operation.UPDATE,
    Action.VOID: Operation.VOID,
    Action.DELETE: Operation.DELETE,
}


def write(way: UnderWay, step: Step) -> None:
    """Carry a step out. Raises: `Refused` (by QuickBooks, or by a rule of ours before any call), `Stale`, `Gone`."""
    step = _dated(way, step)
    step = replace(step, document=_in_this_company(way.lists, step.document))
    _check_items(way, step)
    entity, operation, text = _request(way, step)
    with way.w.writing() as tx:
        intent = note(tx, way.w, step.key, QuickBooksWrite(entity, operation, text, ""), step)
    answer = send(way.w, intent)
    _record(way, step, intent, answer)


def day_of(way: UnderWay, step: Step) -> str | None:
    """The day in whose books a step writes."""
    raw = way.c.raw(step.key)
    if raw is not None and step.action is not Action.CREATE:
        return str(raw.get("TxnDate") or "") or None
    return getattr(step.document, "date", None)


# ------------------------------------------------------------------------------------------- before the call


def _dated(way: UnderWay, step: Step) -> Step:
    """Closed books: hold and ask, move to the first open day with a note, or refuse (per connection)."""
    closing = way.lists.closing_date
    day = day_of(way, step)
    if not closing or not day or day > closing:
        return step
    policy = way.w.settings.get("closed_books") or "hold"
    live = step.document
    if policy == "next_open_day" and step.action is Action.CREATE and not isinstance(live, Ending) and live is not None:
        opened = (date.fromisoformat(closing) + timedelta(days=1)).isoformat()
        words = f"Dated {day} in the ERP; QuickBooks' books are closed up to {closing}."
        return replace(step, document=replace(live, date=opened, note="\n".join(filter(None, (live.note, words)))))
    raise Refused(
        f"QuickBooks' books are closed up to {closing}, and this document is dated {day}.", code="closed_books"
    )


def _in_this_company(lists: Lists, side: Side) -> Side:
    """Ids that the ERP keeps of a former QuickBooks company mean nothing here: use namesakes, or leave them out."""
    if isinstance(side, Invoice | CreditMemo):
        lines = tuple(replace(line, item=lists.item_here(line.item) if line.item else None) for line in side.lines)
        return replace(side, lines=lines)
    if isinstance(side, Payment):
        method = side.method if side.method in lists.methods else None
        account = side.deposit_account if side.deposit_account in lists.accounts else None
        return replace(side, method=method, deposit_account=account)
    return side


def _check_items(way: UnderWay, step: Step) -> None:
    """Name the item that cannot be used, instead of silently using another (scenario A21)."""
    document = step.document
    lines = getattr(document, "lines", ()) if step.action in (Action.CREATE, Action.UPDATE) else ()
    if not lines:
        return
    default = way.lists.default_item(way.w.settings)
    for item in {line.item or default for line in lines}:
        if item is None:
            raise Refused(
                "QuickBooks has no item 'Distru Sales', and this connection names no default item.",
                code="no_default_item",
            )
        trouble = way.lists.item_trouble(item)
        if trouble:
            raise Refused(f"A line cannot be written: {trouble}.", code="item_unusable")


def _request(way: UnderWay, step: Step) -> tuple[str, Operation, str]:
    raw = way.c.raw(step.key)
    operation = _OPERATIONS[step.action]
    if step.action in (Action.VOID, Action.DELETE):
        assert raw is not None
        entity = way.c.held.entities[step.key][0]
        sparse = {"sparse": True} if step.action is Action.VOID and entity == "Payment" else {}
        return entity, operation, dumps({**identity(raw), **sparse})
    document = step.document
    assert document is not None
    assert not isinstance(document, Ending)
    refs = way.c.refs(way.lists, way.w.settings)
    content = body(document, refs, raw if step.action is Action.UPDATE else None, way.agreed(step.key))
    return TYPES[document.KIND.value], operation, dumps(content)


# -------------------------------------------------------------------------------------------- after the call


def _record(way: UnderWay, step: Step, intent: Intent, answer: Raw) -> None:
    """Answer, link and agreed document in one transaction; then look whether QuickBooks did what was asked."""
    entity, echo = _echo(way, step, intent, answer)
    is_as_asked = in_step(step.document, echo)
    if not is_as_asked and _is_clamped(way, step, echo):
        _accept_clamped(way, step, intent, answer, entity, echo)
        return
    w = way.w
    with w.writing() as tx:
        record_answer(tx, w, intent, answer)
        way.save(tx, step.key, entity, _agreed_after(way, step, is_as_asked), _known_after(way, step, echo))
        _touch(tx, way, step, answer)
        mark_left(tx, w, way.c.company, step.before)
        way.audit(tx, step, entity, "quickbooks", echo)
        if is_as_asked:
            tx.problems.settle(w.id, step.key, at=w.now())
        else:
            error = Refused(problems.difference(step.document, echo), code="kept_something_else")
            problems.report(tx, w, problems.of_step(w, way.c, step, error))
        way.see(tx, step.key, entity, echo)
        w.step_done(tx, step.action.value)
    if not is_as_asked:
        way.hold(step.key, "QuickBooks kept something else than was asked.", failed=True)
    way.again = way.again or step.then_declare or _is_elsewhere(way, entity)


def _is_elsewhere(way: UnderWay, entity: Entity) -> bool:
    """QuickBooks answers a repeated request with what it made then: somebody may have given it to another customer."""
    seen = way.c.objects.get(entity)
    return seen is not None and not seen.deleted and customer_of(seen.body) not in (None, way.c.customer)


def _is_clamped(way: UnderWay, step: Step, echo: Side) -> bool:
    """Somebody paid the same invoice meanwhile: QuickBooks took what was left (REFERENCE 4.6)."""
    asked = step.document
    if not way.w.connection.two_way or not isinstance(asked, Payment) or not isinstance(echo, Payment):
        return False
    got, wanted = amounts(echo.invoices), amounts(asked.invoices)
    return got.keys() == wanted.keys() and all(got[key] <= wanted[key] for key in got) and echo.total == asked.total


def _accept_clamped(way: UnderWay, step: Step, intent: Intent, answer: Raw, entity: Entity, echo: Side) -> None:
    """QuickBooks is the truth on payments: what it kept is told to the ERP with the next look."""
    with way.w.writing() as tx:
        record_answer(tx, way.w, intent, answer)
        way.save(tx, step.key, entity, step.erp, _known_after(way, step, step.document))
        _touch(tx, way, step, answer)
        way.audit(tx, step, entity, "quickbooks", echo)
        way.see(tx, step.key, entity, echo)
    way.again = True


def _echo(way: UnderWay, step: Step, intent: Intent, answer: Raw) -> tuple[Entity, Side]:
    entity = intent.write.entity
    if intent.write.operation is Operation.DELETE:
        return way.c.held.entities[step.key], Ending.DELETED
    known = {e: key for key, e in way.c.held.entities.items()}
    echo = read_object(entity, answer, step.key, known, way.c.company)
    return (entity, str(answer["Id"])), _with_uses(way, step.key, echo)


def _with_uses(way: UnderWay, key: Key, echo: Side) -> Side:
    """A memo's answer says nothing of what Payments did with it: that is as it was."""
    held = way.c.held.documents.get(key)
    if isinstance(echo, CreditMemo) and isinstance(held, CreditMemo):
        return replace(echo, outside=held.outside, refunded=held.refunded)
    return echo


def _agreed_after(way: UnderWay, step: Step, is_as_asked: bool) -> Side:
    if step.partial or not is_as_asked:
        return way.agreed(step.key)
    return step.document if step.erp is None else step.erp


def _known_after(way: UnderWay, step: Step, written: Side) -> Side:
    """What QuickBooks had changed before a merged document was written is not done with until the ERP was told."""
    before = way.c.situation.agreed.get(step.key)
    return before.quickbooks if step.then_declare and before else written


def _touch(tx: Transaction, way: UnderWay, step: Step, answer: Raw) -> None:
    """A Payment's write moves the documents that it links: their notices are echoes of ours (REFERENCE 3.3)."""
    at = as_object("Payment", answer, None).updated_at if answer.get("MetaData") else way.w.now()
    for key in touched_by(step) - {step.key}:
        entity = way.c.held.entities.get(key)
        if entity and at:
            tx.objects.touch(way.w.id, way.w.epoch, *entity, at)
