"""Writing to QuickBooks exactly once: note the intent and commit, send it, record the answer in one transaction."""

from __future__ import annotations

from dataclasses import replace

from mappings.documents import Ending, Key, Side, to_json
from mappings.plan import Step
from mappings.quickbooks import customer_of
from service.engine.working import Working, as_object, digest, dumps
from service.errors import Gone, Refused, Stale, SyncError
from service.ports import Intent, Operation, QuickBooksWrite, Raw, Transaction


def note(tx: Transaction, w: Working, key: Key, write: QuickBooksWrite, step: Step | None) -> Intent:
    """Note a write before it is sent. The request id names content and generation: a repeat is the same request, a new
    attempt after a definite answer is another (QuickBooks replays answers, also for what was deleted since)."""
    generation = tx.journal.answered_count(w.id, w.epoch, key)
    request_id = digest(
        w.id, w.connection.realm_id, w.epoch, key, write.entity, write.operation, write.body, generation
    )
    return tx.journal.note(
        w.id,
        w.epoch,
        run_id=w.run.id if w.run else None,
        key=key,
        write=replace(write, request_id=request_id),
        document=_noted(step),
        at=w.now(),
    )


def send(w: Working, intent: Intent) -> Raw:
    """What QuickBooks answers to a noted write. A definite refusal is recorded and raised (`Refused`, `Stale`, `Gone`);
    without an answer the intent stays noted, to be repeated unchanged."""
    try:
        return w.quickbooks.write(intent.write)
    except (Refused, Stale, Gone) as error:
        with w.writing() as tx:
            close(tx, w, intent, "refused", error=error)
        raise


def record_answer(tx: Transaction, w: Working, intent: Intent, answer: Raw) -> None:
    """Close the intent and mirror what QuickBooks now holds."""
    entity = intent.write.entity
    object_id = str(answer["Id"])
    close(tx, w, intent, "answered", answer=dumps(answer), quickbooks_id=object_id)
    if intent.write.operation is Operation.DELETE:
        known = tx.objects.get(w.id, w.epoch, entity, object_id)
        if known:
            latest = max(filter(None, (known.updated_at, w.now())))
            tx.objects.upsert(w.id, w.epoch, [replace(known, deleted=True, updated_at=latest)])
    else:
        tx.objects.upsert(w.id, w.epoch, [as_object(entity, answer, customer_of(answer))])


def mark_left(tx: Transaction, w: Working, company: Key | None, before: Side) -> None:
    """Whose document it was: a company that a write took one from has other figures now, too."""
    left = None if before is None or isinstance(before, Ending) else before.customer
    if left is not None and left != company and "@" not in left:
        tx.marks.add(w.id, [left])


def close(
    tx: Transaction,
    w: Working,
    intent: Intent,
    state: str,
    *,
    answer: str | None = None,
    quickbooks_id: str | None = None,
    error: SyncError | None = None,
) -> None:
    """Nothing is unknown of this write any more."""
    tx.journal.close(
        intent.id,
        state=state,
        answer=answer,
        quickbooks_id=quickbooks_id,
        intuit_tid=error.intuit_tid if error else None,
        error=error.message if error else None,
        at=w.now(),
    )


def _noted(step: Step | None) -> Raw | None:
    if step is None:
        return None
    return {
        "action": step.action.value,
        "document": to_json(step.document),
        "erp": to_json(step.erp),
        "partial": step.partial,
        "then_declare": step.then_declare,
        "before": to_json(step.before),
        "reason": step.reason,
    }
