"""Carry out one company's plan, step by step: note ▶ write ▶ record. A step that fails holds back what depends on
it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from structlog.contextvars import bound_contextvars

from mappings.distru.declarations import Told, declare_credit_memo, declare_payment
from mappings.documents import CreditMemo, Ending, Invoice, Key, Payment, Side, amounts, from_json, to_json
from mappings.keys import NUMBER_LENGTH
from mappings.money import text
from mappings.plan import TO_ERP, TO_QUICKBOOKS, Action, Step
from mappings.planner import in_step
from mappings.quickbooks import TYPES, Entity, body, customer_of, identity, read_object
from service.engine import problems, reopening
from service.engine.compare import Comparison, compare
from service.engine.links import push_links
from service.engine.lists import Lists, refresh_preferences
from service.engine.reading import check_deleted, keep_deleted, keep_objects, keep_records
from service.engine.working import Working, as_object, as_record, dumps
from service.engine.writing import note, record_answer, send
from service.errors import Gone, Refused, Stale, SyncError
from service.ports import Audit, Intent, Operation, Problem, QuickBooksWrite, Raw, Row, Transaction

_OPERATIONS = {
    Action.CREATE: Operation.CREATE,
    Action.UPDATE: Operation.UPDATE,
    Action.VOID: Operation.VOID,
    Action.DELETE: Operation.DELETE,
}

MOST_SUFFIXES = 9
ANSWERED = ("not_mirrored", "kept_something_else")
"""The other side did take these: the very same again, in the same surroundings, changes nothing."""


class Applier:
    """Works one company's plan. `known`: its open problems; `unanswered`: what QuickBooks owes an answer for; `retry`:
    try again what was refused before. `again`: the books moved under us."""

    def __init__(
        self,
        w: Working,
        comparison: Comparison,
        lists: Lists,
        known: Sequence[Problem],
        unanswered: Iterable[Key],
        *,
        retry: bool = False,
    ) -> None:
        self.w = w
        self.c = comparison
        self.lists = lists
        self.known = known
        self.retry = retry
        self.blocked = dict.fromkeys(unanswered, "QuickBooks has not answered an earlier change of it yet.")
        self.failed: set[Key] = set()
        self.again = False
        self.moved: set[Key] = set()

    def run(self) -> None:
        self._leave_to_a_person()
        refused = {p.fingerprint for p in self.known if not self._is_checked_here(p.code)}
        answered = {p.fingerprint for p in self.known if p.code in ANSWERED}
        self.w.begin_long_part()
        for step in self.c.plan.steps:
            if step.action is Action.REMEMBER:
                self._remember(step)
                continue
            mark = problems.fingerprint(self.c, step)
            if mark in answered or (not self.retry and not self.moved & set(step.needs) and mark in refused):
                self._hold(step.key, "It was refused before and waits for a person.", failed=True)
            elif not self._is_waiting(step):
                self.w.make_room()
                self.w.heed()
                if self.w.is_paused(problems.kind_of(self.c, step.key)):
                    self._hold(step.key, "A person paused this kind.")
                    continue
                with bound_contextvars(record=step.key):
                    self._try(step)

    def _leave_to_a_person(self) -> None:
        """What would reach into closed books of the ERP's side waits, with the payments that hang on it."""
        for task in reopening.tasks(self.c, self.lists):
            with self.w.writing() as tx:
                problems.report(tx, self.w, task.problem(self.w, self.c))
            self._hold(task.step.key, task.cause, failed=True)
            for payment in task.payments:
                self._hold(payment, task.cause)

    def _is_checked_here(self, code: str) -> bool:
        """Refusals of our own, before any call: looking again costs nothing, and the cause may be gone."""
        waits = (self.w.settings.get("closed_books") or "hold") != "refuse"
        return code in ("item_unusable", "no_default_item") or (code == "closed_books" and waits)

    @property
    def has_moved(self) -> bool:
        """Whether the books, or what is remembered of them, are not as they were planned any more."""
        return bool(self.moved or self.failed or self.again)

    # ---------------------------------------------------------------------------------------- one step

    def _is_waiting(self, step: Step) -> bool:
        if step.key in self.blocked:
            return True
        missing = [key for key in step.needs if key in self.blocked or not self._stands(key)]
        if step.action in TO_ERP:
            missing = [key for key in step.needs if key in self.blocked and "@" in key]
        elif step.action is Action.CREATE:
            missing += self._in_its_place(step.key)
        if missing:
            self._hold(step.key, "Waits for " + ", ".join(sorted(map(self._name, missing))) + ".")
        return bool(missing)

    def _stands(self, key: Key) -> bool:
        """Whether QuickBooks holds it, so that something may be put against it."""
        return key in self.c.held.entities and not isinstance(self.c.held.documents.get(key), Ending)

    def _in_its_place(self, key: Key) -> list[Key]:
        """What still stands in QuickBooks for the same records, e.g. the invoice that a negative one replaces."""
        refs = set(self.c.projection.records.get(key, ()))
        others = [
            row for row in self.c.rows.values() if row.key != key and row.quickbooks_id and refs & set(row.records)
        ]
        return [row.key for row in others if not isinstance(self.c.held.documents.get(row.key), Ending)]

    def _name(self, key: Key) -> str:
        number = problems.number_of_key(self.c, key)
        return f"{key.partition(':')[0].partition('@')[0]} {number or key}"

    def _hold(self, key: Key, reason: str, *, failed: bool = False) -> None:
        self.blocked.setdefault(key, reason)
        if failed:
            self.failed.add(key)

    def _try(self, step: Step) -> None:
        try:
            if step.action in TO_QUICKBOOKS:
                self._write(self._dated(step))
            elif step.action is Action.DECLARE:
                self._declare(step)
            else:
                self._void_in_erp(step)
            self.moved |= {step.key, *step.needs, *_links(step.before), *_links(step.document)}
        except (Stale, Gone) as error:
            self._look_again(step, error)
        except Refused as error:
            renumbered = self._renumbered(step) if error.code == "duplicate_number" else None
            if renumbered is not None:
                self._try(renumbered)
            else:
                self._refused(step, error)

    def _renumbered(self, step: Step) -> Step | None:
        """Another document has this number (6140): by policy a suffix, or a number of QuickBooks' own."""
        document = step.document
        if (
            step.action is not Action.CREATE
            or document is None
            or isinstance(document, Ending)
            or document.number is None
        ):
            return None
        if self.w.settings.get("on_number_clash") == "quickbooks_numbers":
            return replace(step, document=replace(document, number=None))
        base, _, tail = document.number.rpartition("~")
        count = int(tail) + 1 if base and tail.isdigit() else 2
        if count > MOST_SUFFIXES:
            return None
        number = f"{(base if base and tail.isdigit() else document.number)[: NUMBER_LENGTH - 3]}~{count}"
        return replace(step, document=replace(document, number=number))

    def _refused(self, step: Step, error: SyncError) -> None:
        if (
            error.code == "closed_books"
            and error.quickbooks_code
            and not self.lists.closing_date_at_least(self._day_of(step))
        ):
            # The closing date moved since we read it: read it again, and let the connection's policy decide.
            refresh_preferences(self.w, now_please=True)
            self._hold(step.key, error.message)
            self.again = True
            return
        declared = step.action in TO_ERP
        code = "erp_refused" if declared else None
        choices: tuple[str, ...] = ("use_erp",) if declared and step.erp is not None else ()
        if choices and isinstance(step.document, CreditMemo) and isinstance(step.erp, CreditMemo):
            choices = ("use_erp", "release_uses") if step.document.total < step.erp.total else choices
        with self.w.writing() as tx:
            problems.report(tx, self.w, problems.of_step(self.w, self.c, step, error, code=code, choices=choices))
        self._hold(step.key, error.message, failed=True)

    def _look_again(self, step: Step, error: SyncError) -> None:
        """5010 or 610: read what QuickBooks holds now and plan again."""
        entity = self.c.held.entities.get(step.key)
        if entity is None:
            self._refused(step, error)
            return
        try:
            raw = self.w.quickbooks.read(*entity)
            before = self.c.objects.get(entity)
            unmoved = before is not None and before.sync_token == raw.get("SyncToken")
            if unmoved and (isinstance(error, Gone) or step.action in TO_ERP):
                self._refused(step, error)
                return
            keep_objects(self.w, [as_object(entity[0], raw, customer_of(raw))])
        except Gone:
            keep_deleted(self.w, [entity])
        self._hold(step.key, "QuickBooks changed it meanwhile; it is looked at again.")
        self.again = True

    # -------------------------------------------------------------------------------------- QuickBooks

    def _dated(self, step: Step) -> Step:
        """Closed books: hold and ask, move to the first open day with a note, or refuse (per connection)."""
        closing = self.lists.closing_date
        day = self._day_of(step)
        if not closing or not day or day > closing:
            return step
        policy = self.w.settings.get("closed_books") or "hold"
        live = step.document
        if (
            policy == "next_open_day"
            and step.action is Action.CREATE
            and not isinstance(live, Ending)
            and live is not None
        ):
            opened = (date.fromisoformat(closing) + timedelta(days=1)).isoformat()
            note = "\n".join(
                filter(None, (live.note, f"Dated {day} in the ERP; QuickBooks' books are closed up to {closing}."))
            )
            return replace(step, document=replace(live, date=opened, note=note))
        raise Refused(
            f"QuickBooks' books are closed up to {closing}, and this document is dated {day}.", code="closed_books"
        )

    def _day_of(self, step: Step) -> str | None:
        raw = self.c.raw(step.key)
        if raw is not None and step.action is not Action.CREATE:
            return str(raw.get("TxnDate") or "") or None
        return getattr(step.document, "date", None)

    def _write(self, step: Step) -> None:
        step = replace(step, document=self._in_this_company(step.document))
        self._check_items(step)
        entity, operation, text = self._request(step)
        with self.w.writing() as tx:
            intent = note(tx, self.w, step.key, QuickBooksWrite(entity, operation, text, ""), step)
        answer = send(self.w, intent)
        self._record(step, intent, answer)

    def _request(self, step: Step) -> tuple[str, Operation, str]:
        raw = self.c.raw(step.key)
        operation = _OPERATIONS[step.action]
        if step.action in (Action.VOID, Action.DELETE):
            assert raw is not None
            entity = self.c.held.entities[step.key][0]
            sparse = {"sparse": True} if step.action is Action.VOID and entity == "Payment" else {}
            return entity, operation, dumps({**identity(raw), **sparse})
        document = step.document
        assert document is not None
        assert not isinstance(document, Ending)
        agreed = self.c.situation.agreed[step.key].erp if step.key in self.c.situation.agreed else None
        refs = self.c.refs(self.lists, self.w.settings)
        content = body(document, refs, raw if step.action is Action.UPDATE else None, agreed)
        return TYPES[document.KIND.value], operation, dumps(content)

    def _in_this_company(self, side: Side) -> Side:
        """Ids that the ERP keeps of a former QuickBooks company mean nothing here: use namesakes, or leave them out."""
        if isinstance(side, Invoice | CreditMemo):
            lines = tuple(
                replace(line, item=self.lists.item_here(line.item) if line.item else None) for line in side.lines
            )
            return replace(side, lines=lines)
        if isinstance(side, Payment):
            method = side.method if side.method in self.lists.methods else None
            account = side.deposit_account if side.deposit_account in self.lists.accounts else None
            return replace(side, method=method, deposit_account=account)
        return side

    def _check_items(self, step: Step) -> None:
        """Name the item that cannot be used, instead of silently using another (scenario A21)."""
        document = step.document
        lines = getattr(document, "lines", ()) if step.action in (Action.CREATE, Action.UPDATE) else ()
        if not lines:
            return
        default = self.lists.default_item(self.w.settings)
        for item in {line.item or default for line in lines}:
            if item is None:
                raise Refused(
                    "QuickBooks has no item 'Distru Sales', and this connection names no default item.",
                    code="no_default_item",
                )
            trouble = self.lists.item_trouble(item)
            if trouble:
                raise Refused(f"A line cannot be written: {trouble}.", code="item_unusable")

    def _record(self, step: Step, intent: Intent, answer: Raw) -> None:
        """Answer, link and agreed document in one transaction; then look whether QuickBooks did what was asked."""
        entity, echo = self._echo(step, intent, answer)
        is_as_asked = in_step(step.document, echo)
        if not is_as_asked and self._is_clamped(step, echo):
            self._accept_clamped(step, intent, answer, entity, echo)
            return
        with self.w.writing() as tx:
            record_answer(tx, self.w, intent, answer)
            before = self.c.situation.agreed.get(step.key)
            kept = before.quickbooks if step.then_declare and before else echo
            self._save(tx, step.key, entity, self._agreed_after(step, is_as_asked), kept)
            self._touch(tx, step, answer)
            tx.audits.add(self.w.id, [self._audit(step, entity, "quickbooks", echo)])
            if is_as_asked:
                tx.problems.settle(self.w.id, step.key, at=self.w.now())
            else:
                error = Refused(_difference(step.document, echo), code="kept_something_else")
                problems.report(tx, self.w, problems.of_step(self.w, self.c, step, error))
            self._see(tx, step.key, entity, echo)
            self.w.step_done(tx, step.action.value)
        if not is_as_asked:
            self._hold(step.key, "QuickBooks kept something else than was asked.", failed=True)
        self.again = self.again or step.then_declare

    def _is_clamped(self, step: Step, echo: Side) -> bool:
        """Somebody paid the same invoice meanwhile: QuickBooks took what was left (REFERENCE 4.6)."""
        asked = step.document
        if not self.w.connection.two_way or not isinstance(asked, Payment) or not isinstance(echo, Payment):
            return False
        got, wanted = amounts(echo.invoices), amounts(asked.invoices)
        return got.keys() == wanted.keys() and all(got[key] <= wanted[key] for key in got) and echo.total == asked.total

    def _accept_clamped(self, step: Step, intent: Intent, answer: Raw, entity: Entity, echo: Side) -> None:
        """QuickBooks is the truth on payments: what it kept is told to the ERP with the next look."""
        with self.w.writing() as tx:
            record_answer(tx, self.w, intent, answer)
            self._save(tx, step.key, entity, step.erp, step.document)
            self._touch(tx, step, answer)
            tx.audits.add(self.w.id, [self._audit(step, entity, "quickbooks", echo)])
            self._see(tx, step.key, entity, echo)
        self.again = True

    def _echo(self, step: Step, intent: Intent, answer: Raw) -> tuple[Entity, Side]:
        entity = intent.write.entity
        if intent.write.operation is Operation.DELETE:
            return self.c.held.entities[step.key], Ending.DELETED
        known = {e: key for key, e in self.c.held.entities.items()}
        entity_id = str(answer["Id"])
        return (entity, entity_id), self._with_uses(
            step.key, read_object(entity, answer, step.key, known, self.c.company)
        )

    def _with_uses(self, key: Key, echo: Side) -> Side:
        """A memo's answer says nothing of what Payments did with it: that is as it was."""
        held = self.c.held.documents.get(key)
        if isinstance(echo, CreditMemo) and isinstance(held, CreditMemo):
            return replace(echo, outside=held.outside, refunded=held.refunded)
        return echo

    def _agreed_after(self, step: Step, is_as_asked: bool) -> Side:
        before = self.c.situation.agreed.get(step.key)
        if step.partial or not is_as_asked:
            return before.erp if before else None
        if step.erp is not None:
            return step.erp
        return step.document

    def _touch(self, tx: Transaction, step: Step, answer: Raw) -> None:
        """A Payment's write moves the documents that it links: their notices are echoes of ours (REFERENCE 3.3)."""
        at = as_object("Payment", answer, None).updated_at if answer.get("MetaData") else self.w.now()
        for key in {*step.needs, *_links(step.before), *_links(step.document)}:
            entity = self.c.held.entities.get(key)
            if entity and at:
                tx.objects.touch(self.w.id, self.w.epoch, *entity, at)

    # -------------------------------------------------------------------------------------------- the ERP

    def _declare(self, step: Step) -> None:
        """Tell the ERP the whole state of one QuickBooks document, then see whether its books say the same."""
        entity, object_id = self.c.held.entities[step.key]
        erp = self.w.erp
        if isinstance(step.document, Ending):
            # The ERP finds what ended by its QuickBooks ID: it has to know it first.
            push_links(self.w)
        if entity == "CreditMemo":
            answer = erp.declare_credit_memo(object_id, self._memo_declaration(step))
            made = {"CREDIT": [answer.get("credit")]}
        else:
            answer = erp.declare_payment(object_id, self._payment_declaration(step))
            made = {"PAYMENT": answer.get("payments") or [], "CREDIT": answer.get("credits") or []}
            self._ask_after_the_unnamed(step.key, {str(raw["id"]) for raw in made["PAYMENT"] if raw})
        self.w.declared = True
        self._learn(step, entity, object_id, made)

    def _ask_after_the_unnamed(self, key: Key, named: set[str]) -> None:
        """A payment that the answer leaves out was voided by what was declared, or deleted for good before: counted on
        beside the credit that the ERP made of its money, it would be the same money twice."""
        refs = self.c.projection.records.get(key, ())
        check_deleted(self.w, "PAYMENT", [erp_id for kind, erp_id in refs if kind == "PAYMENT" and erp_id not in named])

    def _memo_declaration(self, step: Step) -> dict[str, Any]:
        document = step.document
        assert isinstance(document, CreditMemo | Ending)
        kind, credit = problems.subject_of(self.c, step.key)
        return declare_credit_memo(document, credit if kind == "CREDIT" else None, self.c.books, self._told(step.key))

    def _payment_declaration(self, step: Step) -> dict[str, Any]:
        document = step.document
        assert isinstance(document, Payment | Ending)
        return declare_payment(document, step.key, self.c.books, self.c.terms, self._told(step.key))

    def _told(self, key: Key) -> Told:
        raw = self.c.objects[self.c.held.entities[key]].body
        method = (raw.get("PaymentMethodRef") or {}).get("value")
        name = (self.lists.methods.get(str(method)) or {}).get("Name") if method else None
        known = self.c.situation.agreed.get(key)
        last = known.quickbooks if known else None
        day = str(raw.get("TxnDate") or "1970-01-01")
        return Told(raw.get("SyncToken"), self.c.company, self.c.terms.timezone, name, last, day)

    def _learn(self, step: Step, entity: str, object_id: str, made: Mapping[str, Sequence[Raw | None]]) -> None:
        records = [
            as_record(kind, raw, self.w.connection.connected_at) for kind, raws in made.items() for raw in raws if raw
        ]
        refs = [(record.kind, record.erp_id) for record in records]
        planned, gone = self.c, isinstance(step.document, Ending)
        there = None if gone and self._moved_away((entity, object_id)) else (entity, object_id)
        with self.w.writing() as tx:
            keep_records(tx, self.w, records)
            if there is None:
                self._hand_over(tx, (entity, object_id))
            row = self._row(step.key, there, None, None)
            kept = [ref for ref in row.records if ref not in refs]
            carried = [ref for ref in refs if self._belongs(ref, step.key)]
            status = "DELETED_IN_QBO" if gone else "SYNCED"
            self._save(tx, step.key, there, row_side(row), step.document, records=(*kept, *carried), status=status)
            self.c = compare(tx, self.w, self.c.company, self.lists)
            self._leave_what_is_told(planned, step.key, carried)
            erp = self.c.projection.documents.get(step.key)
            mirrored = in_step(erp, step.document)
            if mirrored:
                agreed = erp if erp is not None else step.document
                self._save(tx, step.key, there, agreed, step.document, status=status)
            else:
                # What both held before stays remembered: QuickBooks' change is not done with.
                self._save(tx, step.key, there, row_side(row), from_json(row.echo))
                self.c = compare(tx, self.w, self.c.company, self.lists)
            tx.audits.add(self.w.id, [self._audit(step, (entity, object_id), "erp", step.document)])
            if mirrored:
                tx.problems.settle(self.w.id, step.key, at=self.w.now())
            else:
                error = Refused(_difference(step.document, erp), code="not_mirrored")
                problems.report(
                    tx,
                    self.w,
                    problems.of_step(
                        # As the next look will find it, so that the very same is not told again.
                        self.w,
                        self.c,
                        replace(step, before=self.c.projection.documents.get(step.key)),
                        error,
                        choices=("use_erp", "use_quickbooks"),
                    ),
                )
            self.w.step_done(tx, step.action.value)
        if not mirrored:
            self._hold(step.key, "The ERP's books say something else after it was told.", failed=True)

    def _leave_what_is_told(self, planned: Comparison, key: Key, refs: Sequence[tuple[str, str]]) -> None:
        """The ERP may have heard of this document before and we forgot (a lost answer, a backup): what it made of it
        then is no document of its own, whatever was planned for it."""
        for other, owned in planned.projection.records.items():
            if other != key and other not in planned.rows and set(owned) & set(refs):
                self._hold(other, "It came from QuickBooks.")

    def _belongs(self, ref: tuple[str, str], key: Key) -> bool:
        """A payment that two QuickBooks payments share stays with the one that carries its cash."""
        known = self.c.terms.owners.get(ref)
        default = ref[0] == "PAYMENT" and f"payment:{ref[1]}" in self.c.held.entities and f"payment:{ref[1]}" != key
        return known in (None, key) and not default

    def _void_in_erp(self, step: Step) -> None:
        """QuickBooks' own choice is adopted: the ERP's payment that it leaves no credit for is voided there."""
        refs = self.c.projection.records.get(step.key, ())
        payments = [ref[1] for ref in refs if ref[0] == "PAYMENT" and self.c.books.payments[ref[1]].posted]
        for payment in payments:
            raw = self.w.erp.void_payment(payment)
            with self.w.writing() as tx:
                keep_records(tx, self.w, [as_record("PAYMENT", raw, self.w.connection.connected_at)])
        self.w.declared = True
        with self.w.writing() as tx:
            tx.audits.add(self.w.id, [self._audit(step, None, "erp", step.document)])
        self.again = True

    # --------------------------------------------------------------------------------------------- the map

    def _remember(self, step: Step) -> None:
        self.moved.add(step.key)
        entity = self.c.held.entities.get(step.key)
        with self.w.writing() as tx:
            self._save(tx, step.key, entity, step.erp, step.document, status=self._status_after(step))
            tx.problems.settle(self.w.id, step.key, at=self.w.now())
            if step.key in self.c.adopted:
                tx.audits.add(self.w.id, [self._audit(step, entity, "map", step.document)])

    def _status_after(self, step: Step) -> str:
        """What ended in QuickBooks without us: the ERP may have been told before we could write it down."""
        before, row = self.c.situation.agreed.get(step.key), self.c.rows.get(step.key)
        if before is None or row is None or not isinstance(step.document, Ending):
            return "SYNCED"
        return row.status if isinstance(before.quickbooks, Ending) else "DELETED_IN_QBO"

    def _row(self, key: Key, entity: Entity | None, agreed: Side, echo: Side) -> Row:
        known = self.c.rows.get(key)
        taken = {ref for other, refs in self.c.projection.records.items() if other != key for ref in refs}
        refs = self.c.projection.records.get(key) or tuple(
            r for r in (known.records if known else ()) if r not in taken
        )
        kind = next(
            (
                s.KIND.value
                for s in (agreed, echo, self.c.held.documents.get(key), self.c.projection.documents.get(key))
                if s is not None and not isinstance(s, Ending)
            ),
            known.kind if known else "payment",
        )
        return Row(
            key=key,
            kind=kind,
            company_id=self.c.company,
            quickbooks_type=entity[0] if entity else None,
            quickbooks_id=entity[1] if entity else None,
            agreed=known.agreed if known else None,
            echo=known.echo if known else None,
            status=known.status if known else "PENDING",
            message=None,
            generation=known.generation if known else 0,
            records=tuple(refs),
        )

    def _save(
        self,
        tx: Transaction,
        key: Key,
        entity: Entity | None,
        agreed: Side,
        echo: Side,
        *,
        records: tuple[tuple[str, str], ...] | None = None,
        status: str = "SYNCED",
    ) -> None:
        row = self._row(key, entity, agreed, echo)
        row = replace(
            row,
            agreed=to_json(agreed),
            echo=to_json(echo),
            status=status,
            records=row.records if records is None else records,
        )
        self._release(tx, row)
        tx.id_map.save(self.w.id, self.w.epoch, row, self.w.now())

    def _release(self, tx: Transaction, row: Row) -> None:
        """A record has one document at a time: what ended lets go of it, and keeps its place in the history."""
        for other in self.c.rows.values():
            shared = set(other.records) & set(row.records)
            if shared and other.key != row.key and isinstance(self.c.held.documents.get(other.key), Ending):
                left = tuple(ref for ref in other.records if ref not in shared)
                tx.id_map.save(self.w.id, self.w.epoch, replace(other, records=left), self.w.now())

    def _moved_away(self, entity: Entity | None) -> bool:
        """A document that a person gave to another customer: this company lets go of it, the other one meets it
        anew."""
        known = self.c.objects.get(entity) if entity else None
        return known is not None and not known.deleted and customer_of(known.body) != self.c.customer

    def _hand_over(self, tx: Transaction, entity: Entity | None) -> None:
        customer = customer_of(self.c.objects[entity].body) if entity else None
        owner = tx.id_map.by_quickbooks(self.w.id, self.w.epoch, "Customer", customer) if customer else None
        tx.marks.add(self.w.id, [owner.company_id] if owner and owner.company_id else [])

    def _see(self, tx: Transaction, key: Key, entity: Entity, echo: Side) -> None:
        """Later steps of this plan refer to what this one made."""
        entities = {**self.c.held.entities, key: entity}
        documents = {**self.c.held.documents, key: echo}
        objects = dict(self.c.objects)
        known = tx.objects.get(self.w.id, self.w.epoch, *entity)
        if known:
            objects[entity] = known
        held = replace(self.c.held, documents=documents, entities=entities)
        self.c = replace(self.c, held=held, objects=objects)

    def _audit(self, step: Step, entity: Entity | None, side: str, after: Side) -> Audit:
        kind, erp_id = problems.subject_of(self.c, step.key)
        amount = next(
            (s.total for s in (step.document, step.before) if s is not None and not isinstance(s, Ending)), None
        )
        run = self.w.run
        return Audit(
            at=self.w.now(),
            actor=(run.requested_by if run and run.requested_by else "sync"),
            action=step.action.value,
            side=side,
            key=step.key,
            kind=kind,
            erp_id=erp_id,
            quickbooks_id=entity[1] if entity else None,
            number=problems.number_of_key(self.c, step.key),
            company_id=self.c.company,
            amount=amount,
            why=step.reason,
            run_id=run.id if run else None,
            before=to_json(step.before),
            after=to_json(after),
        )


def row_side(row: Row) -> Side:
    return from_json(row.agreed)


def _links(side: Side) -> set[Key]:
    if not isinstance(side, Payment):
        return set()
    return {part.key for part in (*side.invoices, *side.credits, *side.refunds)}


def _difference(wanted: Side, found: Side) -> str:
    """What was asked and what is there, in one sentence with figures."""
    return f"Asked for {_words(wanted)}, found {_words(found)}."


def _words(side: Side) -> str:
    if side is None:
        return "nothing"
    if isinstance(side, Ending):
        return side.value
    words = f"{side.KIND.value.replace('_', ' ')} of {text(side.total)}"
    if isinstance(side, Payment):
        links = [f"{text(p.amount)} on {p.key}" for p in (*side.invoices, *side.credits, *side.refunds)]
        words += f" ({', '.join([*links, f'{text(side.unapplied)} unapplied'])})"
    return words
