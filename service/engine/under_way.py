"""One company's plan while it is carried out: the books as they move, what is held back, and the map of documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mappings.documents import Ending, Key, Payment, Side, to_json
from mappings.plan import Step
from mappings.quickbooks import Entity
from service.engine import problems
from service.engine.compare import Comparison, compare
from service.engine.lists import Lists
from service.engine.working import Working
from service.ports import Audit, Row, Transaction


class UnderWay:
    """Where the plan of one company has come to. `c` follows what was done; `unanswered`: what QuickBooks owes an
    answer for.

    `blocked` says why a document waits, `failed` names those that wait for a person, `moved` those that something was
    done to, and `again` that the books moved under us.
    """

    def __init__(self, w: Working, comparison: Comparison, lists: Lists, unanswered: Iterable[Key] = ()) -> None:
        self.w = w
        self.c = comparison
        self.lists = lists
        self.blocked = dict.fromkeys(unanswered, "QuickBooks has not answered an earlier change of it yet.")
        self.failed: set[Key] = set()
        self.moved: set[Key] = set()
        self.again = False

    @property
    def has_moved(self) -> bool:
        """Whether the books, or what is remembered of them, are not as they were planned any more."""
        return bool(self.moved or self.failed or self.again)

    def hold(self, key: Key, reason: str, *, failed: bool = False) -> None:
        self.blocked.setdefault(key, reason)
        if failed:
            self.failed.add(key)

    def agreed(self, key: Key) -> Side:
        """What both books held when they last agreed, in the ERP's words."""
        known = self.c.situation.agreed.get(key)
        return known.erp if known else None

    def compare(self, tx: Transaction) -> None:
        """Look at the books anew."""
        self.c = compare(tx, self.w, self.c.company, self.lists)

    def see(self, tx: Transaction, key: Key, entity: Entity, echo: Side) -> None:
        """Later steps of this plan refer to what this one made."""
        entities = {**self.c.held.entities, key: entity}
        documents = {**self.c.held.documents, key: echo}
        objects = dict(self.c.objects)
        known = tx.objects.get(self.w.id, self.w.epoch, *entity)
        if known:
            objects[entity] = known
        held = replace(self.c.held, documents=documents, entities=entities)
        self.c = replace(self.c, held=held, objects=objects)

    def audit(self, tx: Transaction, step: Step, entity: Entity | None, side: str, after: Side) -> None:
        """One row for what a step did on one `side`; what was there before is the step's."""
        kind, erp_id = problems.subject_of(self.c, step.key)
        amount = next(
            (s.total for s in (step.document, step.before) if s is not None and not isinstance(s, Ending)), None
        )
        run = self.w.run
        row = Audit(
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
        tx.audits.add(self.w.id, [row])

    # --------------------------------------------------------------------------------------------- the map

    def row(self, key: Key, entity: Entity | None, *sides: Side) -> Row:
        """The map's row of a document as it is known, on `entity`; the first living of `sides` says its kind."""
        known = self.c.rows.get(key)
        taken = {ref for other, refs in self.c.projection.records.items() if other != key for ref in refs}
        refs = self.c.projection.records.get(key) or tuple(
            r for r in (known.records if known else ()) if r not in taken
        )
        kind = next(
            (
                s.KIND.value
                for s in (*sides, self.c.held.documents.get(key), self.c.projection.documents.get(key))
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

    def save(
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
        """Keep what both books agree on now, and which records the document stands for (default: as projected)."""
        row = self.row(key, entity, agreed, echo)
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
                # What ended in this very plan was saved since the plan was made.
                now = tx.id_map.get(self.w.id, self.w.epoch, other.key) or other
                left = tuple(ref for ref in now.records if ref not in shared)
                tx.id_map.save(self.w.id, self.w.epoch, replace(now, records=left), self.w.now())


def touched_by(step: Step) -> set[Key]:
    """Everything that a step moves: its own document, and those that a Payment is put against or was."""
    return {step.key, *step.needs, *_links(step.before), *_links(step.document)}


def _links(side: Side) -> set[Key]:
    if not isinstance(side, Payment):
        return set()
    return {part.key for part in (*side.invoices, *side.credits, *side.refunds)}
