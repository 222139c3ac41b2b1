"""Carry out one company's plan, step by step. A step that fails holds back what depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from structlog.contextvars import bound_contextvars

from mappings.documents import CreditMemo, Ending, Key
from mappings.keys import NUMBER_LENGTH
from mappings.plan import TO_ERP, TO_QUICKBOOKS, Action, Step
from mappings.quickbooks import customer_of
from service.engine import problems, reopening, to_erp, to_quickbooks
from service.engine.lists import refresh_preferences
from service.engine.reading import keep_deleted, keep_objects
from service.engine.under_way import UnderWay, touched_by
from service.engine.working import as_object
from service.errors import Gone, Refused, Stale, SyncError
from service.ports import Problem

MOST_SUFFIXES = 9
ANSWERED = ("not_mirrored", "kept_something_else")
"""The other side did take these: the very same again, in the same surroundings, changes nothing."""


def carry_out(way: UnderWay, known: Sequence[Problem], *, retry: bool = False) -> None:
    """Work off the plan. `known`: the company's open problems; `retry`: try again what was refused before."""
    _leave_to_a_person(way)
    refused = {p.fingerprint for p in known if not _is_checked_here(way, p.code)}
    answered = {p.fingerprint for p in known if p.code in ANSWERED}
    way.w.begin_long_part()
    for step in way.c.plan.steps:
        if step.action is Action.REMEMBER:
            _remember(way, step)
            continue
        mark = problems.fingerprint(way.c, step)
        if mark in answered or (not retry and not way.moved & set(step.needs) and mark in refused):
            way.hold(step.key, "It was refused before and waits for a person.", failed=True)
        elif not _is_waiting(way, step):
            way.w.make_room()
            way.w.heed()
            if way.w.is_paused(problems.kind_of(way.c, step.key)):
                way.hold(step.key, "A person paused this kind.")
                continue
            with bound_contextvars(record=step.key):
                _try(way, step)


def _leave_to_a_person(way: UnderWay) -> None:
    """What would reach into closed books of the ERP's side waits, with the payments that hang on it."""
    for task in reopening.tasks(way.c, way.lists):
        with way.w.writing() as tx:
            problems.report(tx, way.w, task.problem(way.w, way.c))
        way.hold(task.step.key, task.cause, failed=True)
        for payment in task.payments:
            way.hold(payment, task.cause)


def _is_checked_here(way: UnderWay, code: str) -> bool:
    """Refusals of our own, before any call: looking again costs nothing, and the cause may be gone."""
    waits = (way.w.settings.get("closed_books") or "hold") != "refuse"
    return code in ("item_unusable", "no_default_item") or (code == "closed_books" and waits)


# -------------------------------------------------------------------------------------------- what it waits for


def _is_waiting(way: UnderWay, step: Step) -> bool:
    if step.key in way.blocked:
        return True
    missing = [key for key in step.needs if key in way.blocked or not _stands(way, key)]
    if step.action in TO_ERP:
        missing = [key for key in step.needs if key in way.blocked and "@" in key]
    elif step.action is Action.CREATE:
        missing += _in_its_place(way, step.key)
    if missing:
        way.hold(step.key, "Waits for " + ", ".join(sorted(_name(way, key) for key in missing)) + ".")
    return bool(missing)


def _stands(way: UnderWay, key: Key) -> bool:
    """Whether QuickBooks holds it under our customer, so that something may be put against it (REFERENCE 4.14)."""
    side = way.c.held.documents.get(key)
    return side is not None and not isinstance(side, Ending) and side.customer == way.c.company


def _in_its_place(way: UnderWay, key: Key) -> list[Key]:
    """What still stands in QuickBooks for the same records, e.g. the invoice that a negative one replaces."""
    refs = set(way.c.projection.records.get(key, ()))
    others = [row for row in way.c.rows.values() if row.key != key and row.quickbooks_id and refs & set(row.records)]
    return [row.key for row in others if not isinstance(way.c.held.documents.get(row.key), Ending)]


def _name(way: UnderWay, key: Key) -> str:
    number = problems.number_of_key(way.c, key)
    return f"{key.partition(':')[0].partition('@')[0]} {number or key}"


# ----------------------------------------------------------------------------------------------------- one step


def _try(way: UnderWay, step: Step) -> None:
    try:
        if step.action in TO_QUICKBOOKS:
            to_quickbooks.write(way, step)
        elif step.action is Action.DECLARE:
            to_erp.declare(way, step)
        else:
            to_erp.void(way, step)
        way.moved |= touched_by(step)
    except (Stale, Gone) as error:
        _look_again(way, step, error)
    except Refused as error:
        renumbered = _renumbered(way, step) if error.code == "duplicate_number" else None
        if renumbered is not None:
            _try(way, renumbered)
        else:
            _refused(way, step, error)


def _renumbered(way: UnderWay, step: Step) -> Step | None:
    """Another document has this number (6140): by policy a suffix, or a number of QuickBooks' own."""
    document = step.document
    if step.action is not Action.CREATE or document is None or isinstance(document, Ending) or document.number is None:
        return None
    if way.w.settings.get("on_number_clash") == "quickbooks_numbers":
        return replace(step, document=replace(document, number=None))
    base, _, tail = document.number.rpartition("~")
    count = int(tail) + 1 if base and tail.isdigit() else 2
    if count > MOST_SUFFIXES:
        return None
    number = f"{(base if base and tail.isdigit() else document.number)[: NUMBER_LENGTH - 3]}~{count}"
    return replace(step, document=replace(document, number=number))


def _refused(way: UnderWay, step: Step, error: SyncError) -> None:
    if (
        error.code == "closed_books"
        and error.quickbooks_code
        and not way.lists.closing_date_at_least(to_quickbooks.day_of(way, step))
    ):
        # The closing date moved since we read it: read it again, and let the connection's policy decide.
        refresh_preferences(way.w, now_please=True)
        way.hold(step.key, error.message)
        way.again = True
        return
    declared = step.action in TO_ERP
    code = "erp_refused" if declared else None
    choices: tuple[str, ...] = ("use_erp",) if declared and step.erp is not None else ()
    if choices and isinstance(step.document, CreditMemo) and isinstance(step.erp, CreditMemo):
        choices = ("use_erp", "release_uses") if step.document.total < step.erp.total else choices
    with way.w.writing() as tx:
        problems.report(tx, way.w, problems.of_step(way.w, way.c, step, error, code=code, choices=choices))
    way.hold(step.key, error.message, failed=True)


def _look_again(way: UnderWay, step: Step, error: SyncError) -> None:
    """5010 or 610: read what QuickBooks holds now and plan again."""
    entity = way.c.held.entities.get(step.key)
    if entity is None:
        _refused(way, step, error)
        return
    try:
        raw = way.w.quickbooks.read(*entity)
        before = way.c.objects.get(entity)
        unmoved = before is not None and before.sync_token == raw.get("SyncToken")
        if unmoved and (isinstance(error, Gone) or step.action in TO_ERP):
            _refused(way, step, error)
            return
        keep_objects(way.w, [as_object(entity[0], raw, customer_of(raw))])
    except Gone:
        keep_deleted(way.w, [entity])
    way.hold(step.key, "QuickBooks changed it meanwhile; it is looked at again.")
    way.again = True


# ----------------------------------------------------------------------------------------- nothing to write, but


def _remember(way: UnderWay, step: Step) -> None:
    """Both books agree already: keep it. What ended for this company and lives under another customer is that one's."""
    way.moved.add(step.key)
    entity = way.c.held.entities.get(step.key)
    with way.w.writing() as tx:
        if entity and isinstance(step.document, Ending) and step.key in way.c.situation.elsewhere:
            to_erp.hand_over(tx, way, entity)
            entity = None
        way.save(tx, step.key, entity, step.erp, step.document, status=_status_after(way, step))
        tx.problems.settle(way.w.id, step.key, at=way.w.now())
        if step.key in way.c.adopted:
            way.audit(tx, step, entity, "map", step.document)


def _status_after(way: UnderWay, step: Step) -> str:
    """What ended in QuickBooks without us: the ERP may have been told before we could write it down."""
    before, row = way.c.situation.agreed.get(step.key), way.c.rows.get(step.key)
    if before is None or row is None or not isinstance(step.document, Ending):
        return "SYNCED"
    return row.status if isinstance(before.quickbooks, Ending) else "DELETED_IN_QBO"
