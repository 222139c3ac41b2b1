"""Writes without an answer are repeated unchanged, before anything new is planned for their documents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import simplejson
from structlog.contextvars import bound_contextvars

from mappings.documents import Ending, Side, from_json, same_money, to_json
from mappings.keys import marker, record_of
from mappings.planner import in_step
from mappings.quickbooks import customer_of, marker_of, number_of, read_object
from service.engine import problems
from service.engine.reading import keep_deleted, keep_objects
from service.engine.working import Working, as_object
from service.engine.writing import close, mark_left, record_answer
from service.errors import Gone, Refused, Stale, SyncError, UnknownOutcome
from service.ports import AlreadyLinked, Audit, Condition, Intent, Operation, Problem, Raw, Row, Transaction

_NAMES = {"Customer": "DisplayName", "Item": "Name"}
"""Lists have no documents: what stands for them is found by its unique name."""
NEVER_ANSWERED = (
    "Its answer had been lost, and the connection ended before it came: see in QuickBooks whether it stands."
)
ON_ITS_WAY = timedelta(hours=1)
"""How long a request that left may still be carried out, such as by a worker that fell asleep over it: as long as the
access token in it lives (REFERENCE 2.3)."""
_NUMBER_FIELDS = {"Invoice": "DocNumber", "CreditMemo": "DocNumber", "Payment": "PaymentRefNum"}


def repeat_unanswered(w: Working) -> int:
    """Ask again for every answer that never came; answers how many there were.

    The request id alone is not trusted (QuickBooks may forget it, and replays a success even for a document since
    deleted): a create is first looked for by its marker, and an answer is checked to be alive.
    """
    with w.reading() as tx:
        intents = tx.journal.unanswered(w.id, w.epoch)
        known = tx.problems.open(w.id) if intents else ()
    for intent in intents:
        if _is_paused(w, intent) or _was_refused_lately(w, intent, known):
            continue
        try:
            with bound_contextvars(record=intent.key):
                _repeat(w, intent)
        except UnknownOutcome as error:
            if error.quickbooks_code is None:
                raise
            with w.writing() as tx:
                advice = "Nothing: it is repeated. If it stays, see it in QuickBooks."
                problems.report(tx, w, _problem_of(tx, w, intent, error, advice))
        except AlreadyLinked as error:
            # What it made carries our marker, so it is found again; this one must not stop the others.
            _close(w, intent, "abandoned", Refused(str(error)))
    return len(intents)


def leave_unanswered(tx: Transaction, w: Working) -> None:
    """The epoch ends before the answer came: nobody will ask again, so the audit says that it is not known."""
    for intent in tx.journal.unanswered(w.id, w.epoch):
        close(tx, w, intent, "abandoned", error=Refused(NEVER_ANSWERED))
        row = tx.id_map.get(w.id, w.epoch, intent.key)
        quickbooks_id, company = (row.quickbooks_id, row.company_id) if row else (None, None)
        tx.audits.add(w.id, [_repeated(w, intent, quickbooks_id, company, why=NEVER_ANSWERED)])


def _is_paused(w: Working, intent: Intent) -> bool:
    """A stop switch stops repeats too: the document waits, unknown, until it is switched back."""
    record = record_of(intent.key)
    return w.is_paused(record[0] if record else "PAYMENT")


def _was_refused_lately(w: Working, intent: Intent, known: Collection[Problem]) -> bool:
    """What was refused is not asked again with every look (see `_wait_for_the_first`)."""
    asked = [p.last_seen for p in known if (p.key, p.fingerprint) == (intent.key, intent.write.request_id)]
    return bool(asked) and w.now() - max(asked) < w.ports.reconcile_every


def _problem_of(tx: Transaction, w: Working, intent: Intent, error: SyncError, advice: str) -> Problem:
    """QuickBooks answers, but not whether it did it (its own fault, e.g. 10000): only this document waits."""
    row = tx.id_map.get(w.id, w.epoch, intent.key)
    record = record_of(intent.key)
    return replace(
        problems.of_connection(w, error.code, error, advice),
        key=intent.key,
        kind=record[0] if record else None,
        erp_id=record[1] if record else None,
        company_id=row.company_id if row else ((intent.document or {}).get("document") or {}).get("customer"),
        quickbooks_id=row.quickbooks_id if row else None,
    )


def _repeat(w: Working, intent: Intent) -> None:
    try:
        if intent.write.operation is Operation.CREATE:
            answer = _made_before(w, intent)
            if answer is None:
                with w.writing() as tx:
                    tx.journal.sent(intent.id, w.now())
                said = w.quickbooks.write(intent.write)
                answer = _alive(w, intent, said)
                if answer is None:
                    _undone(w, intent, said)
                    return
        else:
            answer = w.quickbooks.write(intent.write)
    except (Stale, Gone) as error:
        _settled_elsewhere(w, intent, error, "abandoned")
        return
    except Refused as error:
        # It says nothing of the attempts before.
        if intent.write.operation is not Operation.CREATE:
            _settled_elsewhere(w, intent, error, "refused")
        elif _may_still_arrive(w, intent):
            _wait_for_the_first(w, intent, error)
        else:
            _close(w, intent, "refused", error)
        return
    with w.writing() as tx:
        record_answer(tx, w, intent, answer)
        _remember(tx, w, intent, answer)


def _may_still_arrive(w: Working, intent: Intent) -> bool:
    """Whether a create may be carried out yet: a new one with another request id would be a second document. Of a name
    in a list QuickBooks has one only."""
    return intent.write.entity not in _NAMES and w.now() - intent.sent_at < ON_ITS_WAY


def _wait_for_the_first(w: Working, intent: Intent, error: Refused) -> None:
    """It stays unanswered, and its document waits: who asks again asks with the same request id."""
    advice = (
        "Nothing yet: an earlier request for it, whose answer was lost, may still reach QuickBooks. It is asked again "
        "every few minutes, and made anew when that cannot happen any more, an hour after it left."
    )
    with w.writing() as tx:
        tx.journal.sent(intent.id, intent.sent_at)
        problem = _problem_of(tx, w, intent, error, advice)
        problems.report(tx, w, replace(problem, fingerprint=intent.write.request_id))


def _made_before(w: Working, intent: Intent) -> Raw | None:
    """The document that the lost request made after all, found by our marker and its number, whoever somebody gave it
    to since; or by our marker, day and customer."""
    wanted = simplejson.loads(intent.write.body, use_decimal=True)
    field, entity = _NUMBER_FIELDS.get(intent.write.entity), intent.write.entity
    number, customer = number_of(wanted), customer_of(wanted)
    if entity in _NAMES:
        found = w.quickbooks.query(entity, [Condition(_NAMES[entity], "=", wanted[_NAMES[entity]])])
        return next(iter(found), None)
    mine = marker(intent.key)
    if mine is None:
        return None
    # By number first; but QuickBooks may have put a number of its own in place of ours (REFERENCE 14 #26).
    places = [Condition(field, "=", number)] if field and number else []
    for place in (*places, Condition("TxnDate", "=", wanted["TxnDate"])):
        for raw in w.quickbooks.query(entity, [place]):
            is_ours = customer_of(raw) == customer or (number is not None and number_of(raw) == number)
            if is_ours and marker_of(raw) == mine:
                with w.reading() as tx:
                    known = tx.id_map.by_quickbooks(w.id, w.epoch, entity, str(raw["Id"]))
                if known is None or known.key == intent.key:
                    return raw
    return None


def _alive(w: Working, intent: Intent, answer: Raw) -> Raw | None:
    """A replayed success may speak of a document that was deleted since (REFERENCE 9)."""
    try:
        return w.quickbooks.read(intent.write.entity, str(answer["Id"]))
    except Gone:
        return None


def _undone(w: Working, intent: Intent, answer: Raw) -> None:
    """It was made and deleted before its answer came. It counts as answered: the next attempt is another request, for
    this one would be answered by the deleted document again."""
    quickbooks_id, why = str(answer["Id"]), Refused("What it made was deleted in QuickBooks since.")
    with w.writing() as tx:
        close(tx, w, intent, "answered", quickbooks_id=quickbooks_id, error=why)
        company = _company_of(tx, w, intent, answer)
        number = number_of(answer)
        tx.audits.add(w.id, [_repeated(w, intent, quickbooks_id, company, number=number, after=Ending.DELETED)])
        if company:
            tx.marks.add(w.id, [company])


def _settled_elsewhere(w: Working, intent: Intent, error: SyncError, otherwise: str) -> None:
    """The version we wrote on is old, or the object is gone, or it is refused now: it took effect, or somebody was
    faster. State decides; `otherwise` is how the intent is closed where it did not."""
    body = simplejson.loads(intent.write.body, use_decimal=True)
    entity, object_id = intent.write.entity, str(body.get("Id", ""))
    try:
        raw = w.quickbooks.read(entity, object_id)
    except Gone:
        keep_deleted(w, [(entity, object_id)])
        _close(
            w,
            intent,
            "answered" if intent.write.operation is Operation.DELETE else otherwise,
            error,
            deleted=object_id,
        )
        return
    keep_objects(w, [as_object(entity, raw, customer_of(raw))])
    if not _took_effect(w, intent, raw):
        _close(w, intent, otherwise, error)
        return
    with w.writing() as tx:
        record_answer(tx, w, intent, raw)
        _remember(tx, w, intent, raw)


def _took_effect(w: Working, intent: Intent, raw: Raw) -> bool:
    """Whether the object is what the lost request asked for; else somebody was faster, and the planner decides anew."""
    if intent.write.operation is Operation.DELETE:
        return False  # it is still there, if only as what somebody voided
    document = from_json((intent.document or {}).get("document"))
    with w.reading() as tx:
        company = _company_of(tx, w, intent, raw) or ""
        rows = tx.id_map.of_company(w.id, w.epoch, company)
    known = {(r.quickbooks_type or "", r.quickbooks_id or ""): r.key for r in rows}
    as_it_is = read_object(intent.write.entity, raw, intent.key, known, company)
    return _customer_asked_for(intent) in (None, customer_of(raw)) and in_step(document, as_it_is)


def _customer_asked_for(intent: Intent) -> str | None:
    return customer_of(simplejson.loads(intent.write.body, use_decimal=True))


def _close(w: Working, intent: Intent, state: str, error: SyncError, *, deleted: str | None = None) -> None:
    with w.writing() as tx:
        close(tx, w, intent, state, quickbooks_id=deleted, error=error)
        row = tx.id_map.get(w.id, w.epoch, intent.key)
        if deleted and row is not None and state == "answered":
            ended = to_json(Ending.DELETED)
            noted = (intent.document or {}).get("erp")
            tx.id_map.save(w.id, w.epoch, replace(row, agreed=noted or ended, echo=ended), w.now())
            tx.audits.add(w.id, [_repeated(w, intent, deleted, row.company_id, after=Ending.DELETED)])
        if row is not None and row.company_id:
            tx.marks.add(w.id, [row.company_id])


def _remember(tx: Transaction, w: Working, intent: Intent, answer: Raw) -> None:
    """Link what the repeated write made, exactly as its first answer would have."""
    noted = intent.document or {}
    document, company = from_json(noted.get("document")), _company_of(tx, w, intent, answer)
    row = tx.id_map.get(w.id, w.epoch, intent.key)
    entity, object_id = intent.write.entity, str(answer["Id"])
    if entity in _NAMES:
        return
    known = {
        (r.quickbooks_type or "", r.quickbooks_id or ""): r.key
        for r in tx.id_map.of_company(w.id, w.epoch, company or "")
    }
    echo = (
        Ending.DELETED
        if answer.get("status") == "Deleted"
        else read_object(entity, answer, intent.key, known | {(entity, object_id): intent.key}, company or "")
    )
    as_asked = in_step(document, echo) or same_money(document, echo)
    agreed = noted.get("erp") if as_asked and not noted.get("partial") else (row.agreed if row else None)
    # What QuickBooks had changed before, and the ERP is to be told of, is not done with.
    kept = row.echo if row and noted.get("then_declare") else to_json(echo)
    kind = (
        document.KIND.value
        if document is not None and not isinstance(document, Ending)
        else (row.kind if row else "payment")
    )
    tx.id_map.save(
        w.id,
        w.epoch,
        Row(
            key=intent.key,
            kind=kind,
            company_id=company,
            quickbooks_type=entity,
            quickbooks_id=object_id,
            agreed=agreed,
            echo=kept,
            status="SYNCED",
            message=None,
            generation=row.generation if row else 0,
            records=row.records if row else _own_record(tx, w, intent),
        ),
        w.now(),
    )
    amount = getattr(document, "total", None)
    tx.audits.add(w.id, [_repeated(w, intent, object_id, company, number=number_of(answer), amount=amount, after=echo)])
    if company:
        tx.marks.add(w.id, [company])
    mark_left(tx, w, company, from_json(noted.get("before")))


def _own_record(tx: Transaction, w: Working, intent: Intent) -> tuple[tuple[str, str], ...]:
    """The record that the key speaks of, unless another document stands for it: a refund's settlement has none."""
    record = record_of(intent.key)
    return (record,) if record and tx.id_map.by_record(w.id, w.epoch, *record) is None else ()


def _repeated(
    w: Working,
    intent: Intent,
    quickbooks_id: str | None,
    company: str | None,
    *,
    number: str | None = None,
    amount: int | None = None,
    after: Side = None,
    why: str = "Its answer had been lost; repeated unchanged.",
) -> Audit:
    """What a write did whose answer came only when it was asked again, if ever."""
    record = record_of(intent.key)
    return Audit(
        at=w.now(),
        actor="sync",
        action=str((intent.document or {}).get("action") or intent.write.operation),
        side="quickbooks",
        key=intent.key,
        kind=record[0] if record else None,
        erp_id=record[1] if record else None,
        quickbooks_id=quickbooks_id,
        number=number,
        company_id=company,
        amount=amount,
        why=why,
        run_id=w.run.id if w.run else None,
        after=to_json(after),
    )


def _company_of(tx: Transaction, w: Working, intent: Intent, answer: Raw) -> str | None:
    row = tx.id_map.get(w.id, w.epoch, intent.key)
    if row is not None and row.company_id:
        return row.company_id
    # Somebody may have given it to another customer since.
    customer = _customer_asked_for(intent) or customer_of(answer)
    owner = tx.id_map.by_quickbooks(w.id, w.epoch, "Customer", customer) if customer else None
    return owner.company_id if owner else None
