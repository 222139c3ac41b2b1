"""One company's books side by side: load both, project and parse them, decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mappings.distru.projection import Projection, RecordRef, Terms, project
from mappings.distru.records import Books, read_books
from mappings.documents import CreditMemo, Ending, Key, Payment, from_json
from mappings.keys import born_key, marker
from mappings.plan import CompanyPlan
from mappings.planner import Agreed, Situation, importable, in_scope, plan
from mappings.quickbooks import (
    RECEIVABLES,
    Entity,
    Held,
    Refs,
    adoptable,
    foreign_uses,
    marker_of,
    read_objects,
)
from service.engine.elsewhere import Visitor, elsewhere, forgotten, visitors
from service.engine.left_behind import left_behind
from service.engine.lists import Lists
from service.engine.working import Working
from service.ports import QboObject, Raw, Record, Row, Transaction


@dataclass(frozen=True)
class Comparison:
    """Everything known of one company, and what follows from it.

    `visitors`: what stands under its customer for records of other companies.
    """

    company: str
    customer: str | None
    records: tuple[Record, ...]
    books: Books
    terms: Terms
    projection: Projection
    held: Held
    situation: Situation
    plan: CompanyPlan
    rows: Mapping[Key, Row]
    objects: Mapping[Entity, QboObject]
    scope: frozenset[Key]
    adopted: Mapping[Key, Entity] = field(default_factory=dict)
    left_behind: Mapping[Entity, RecordRef] = field(default_factory=dict)
    visitors: Mapping[Entity, Visitor] = field(default_factory=dict)

    def refs(self, lists: Lists, settings: Mapping[str, Any]) -> Refs:
        """The QuickBooks ids that a body may need."""
        currency = lists.home_currency if lists.is_multicurrency else None
        return Refs(
            customers={self.company: self.customer or ""},
            ids=dict(self.held.entities),
            default_item=lists.default_item(settings),
            receivable_account=min(lists.receivable_accounts, default=None),
            bank_account=settings.get("deposit_account_id") or lists.bank_account,
            currency=currency,
        )

    def raw(self, key: Key) -> Raw | None:
        """The object as last seen, where QuickBooks holds one."""
        entity = self.held.entities.get(key)
        known = self.objects.get(entity) if entity else None
        return known.body if known and not known.deleted else None


def company_key(company_id: str) -> Key:
    return f"company:{company_id}"


def compare(
    tx: Transaction,
    w: Working,
    company_id: str,
    lists: Lists,
    *,
    two_way: bool | None = None,
    records: list[Record] | None = None,
) -> Comparison:
    """Load one company from the mirror and plan it. `two_way` and `records` ask what would be if they were so."""
    two_way = w.connection.two_way if two_way is None else two_way
    records = tx.records.of_company(w.id, company_id) if records is None else records
    rows = {row.key: row for row in tx.id_map.of_company(w.id, w.epoch, company_id)}
    customer = _customer(rows.get(company_key(company_id)))
    rows = {key: row for key, row in rows.items() if not key.startswith("company:")}
    rows |= _arrived(tx, w, rows, records)
    books = read_books([(r.kind, r.body, r.deleted) for r in records], home_currency=lists.home_currency)
    archived = _archived(tx, w, company_id)
    terms = _terms(w, lists, rows, archived, records, two_way=two_way)
    projection = project(books, terms)
    objects, of_others = _objects(tx, w, customer, rows)
    known = {(row.quickbooks_type or "", row.quickbooks_id): key for key, row in rows.items() if row.quickbooks_id}
    agreed = {
        key: Agreed(from_json(row.agreed), from_json(row.echo), linked=row.quickbooks_id is not None)
        for key, row in rows.items()
    }
    wanted = frozenset(_wanted(projection, records))
    scope = in_scope(Situation(company_id, projection, Held(), agreed, wanted))
    before = {key: (row.quickbooks_type or "", row.quickbooks_id or "") for key, row in archived.items()}
    named = {**before, **_named_by_erp(books, projection)}
    adopted = _adopt(projection, agreed, scope, objects, known, customer or "", named, lists, two_way=two_way)
    known |= {entity: key for key, entity in adopted.items()}
    cut_over = w.settings.get("cut_over_date")
    held = _held(objects, known, company_id, customer, two_way=two_way, cut_over=cut_over)
    adopted = adopted | _adopt_same_links(projection, agreed, scope, held)
    if adopted.keys() - held.documents.keys():
        known |= {entity: key for key, entity in adopted.items()}
        held = _held(objects, known, company_id, customer, two_way=two_way, cut_over=cut_over)
    new = {key: side for key, side in projection.documents.items() if key in scope and _is_new(agreed.get(key))}
    lost = forgotten(tx, w, {key: new[key] for key in new.keys() - adopted.keys()}, customer, before)
    moved = elsewhere(tx, w, company_id, customer, rows, objects, known, lost, two_way=two_way)
    held = Held(
        {**held.documents, **moved.documents}, {**held.entities, **{k: (o.entity, o.id) for k, o in lost.items()}}
    )
    left = left_behind(tx, w, books, objects, known, rows.values())
    born = importable(held, agreed, cut_over) - {born_key(*entity) for entity in left} if two_way else frozenset()
    auto_applied = str(w.settings.get("auto_applied") or "adopt")
    situation = Situation(
        company_id, projection, held, agreed, wanted, born, two_way, auto_applied, moved.living, moved.names
    )
    return Comparison(
        company_id,
        customer,
        tuple(records),
        books,
        terms,
        projection,
        held,
        situation,
        replace(plan(situation), adopted=dict(adopted)),
        rows,
        objects,
        in_scope(situation),
        adopted,
        left,
        of_others,
    )


def _arrived(tx: Transaction, w: Working, rows: Mapping[Key, Row], records: list[Record]) -> dict[Key, Row]:
    """Documents of records that the ERP moved here from another company (an invoice's customer was changed)."""
    ours = {ref for row in rows.values() for ref in row.records}
    loose = [r for r in records if r.wanted and r.kind != "COMPANY" and (r.kind, r.erp_id) not in ours]
    found = tx.id_map.by_records(w.id, w.epoch, [(r.kind, r.erp_id) for r in loose]) if loose else []
    return {row.key: row for row in found}


def _customer(row: Row | None) -> str | None:
    return row.quickbooks_id if row else None


def _terms(
    w: Working,
    lists: Lists,
    rows: Mapping[Key, Row],
    archived: Mapping[Key, Row],
    records: list[Record],
    *,
    two_way: bool,
) -> Terms:
    foreign, spent = {}, {}
    for key, row in rows.items():
        echo = row.echo or {}
        if echo.get("outside") or echo.get("refunded"):
            foreign[key] = (int(echo.get("outside") or 0), int(echo.get("refunded") or 0))
            side = from_json(echo)
            spent[key] = foreign_uses(side) if isinstance(side, Payment) else {}
    settings = w.settings
    return Terms(
        timezone=str(settings.get("timezone") or w.connection.lists.get("timezone") or "UTC"),
        two_way=two_way,
        number_prefix=str(settings.get("number_prefix") or ""),
        reason_items=settings.get("reason_items") or {},
        stock_items=lists.stock_items,
        inventory_lines=bool(settings.get("inventory_lines")),
        payment_methods=settings.get("payment_methods") or {},
        deposit_account=settings.get("deposit_account_id"),
        owners={ref: key for known in (archived, rows) for key, row in known.items() for ref in row.records},
        linked={key: row.quickbooks_type or "" for key, row in rows.items() if row.quickbooks_id},
        asked=frozenset((r.kind, r.erp_id) for r in records if r.wanted == "asked"),
        foreign=foreign,
        spent=spent,
    )


def _objects(
    tx: Transaction, w: Working, customer: str | None, rows: Mapping[Key, Row]
) -> tuple[dict[Entity, QboObject], dict[Entity, Visitor]]:
    """The customer's objects, and those of ours that have moved to another customer; apart from them what another
    company has."""
    found = {(o.entity, o.id): o for o in tx.objects.of_customer(w.id, w.epoch, customer)} if customer else {}
    ours = {(row.quickbooks_type or "", row.quickbooks_id) for row in rows.values() if row.quickbooks_id}
    for entity in ours - found.keys():
        known = tx.objects.get(w.id, w.epoch, *entity)
        if known:
            found[entity] = known
    others = [e for e in found.keys() - ours if e[0] in (*RECEIVABLES, "Purchase")]
    owners = tx.id_map.owners(w.id, w.epoch, others)
    of_others = visitors(tx, w, found, owners)
    return {entity: o for entity, o in found.items() if entity not in owners}, of_others


def _held(
    objects: Mapping[Entity, QboObject],
    known: dict[Entity, Key],
    company: str,
    customer: str | None,
    *,
    two_way: bool,
    cut_over: str | None,
) -> Held:
    names = dict(known)
    if two_way:
        for (entity, object_id), o in objects.items():
            young = not cut_over or str(o.body.get("TxnDate", "")) >= cut_over
            if entity == "CreditMemo" and not o.deleted and young:
                names.setdefault((entity, object_id), born_key(entity, object_id))
    readable = [
        (o.entity, o.body, o.deleted) for o in objects.values() if o.entity in RECEIVABLES or (o.entity, o.id) in names
    ]
    return read_objects(readable, names, company, customer)


def _wanted(projection: Projection, records: list[Record]) -> set[Key]:
    wanted = {(r.kind, r.erp_id) for r in records if r.wanted}
    return {key for key, refs in projection.records.items() if any(ref in wanted for ref in refs)}


def _adopt(
    projection: Projection,
    agreed: Mapping[Key, Agreed],
    scope: frozenset[Key],
    objects: Mapping[Entity, QboObject],
    known: Mapping[Entity, Key],
    customer: str,
    named: Mapping[Key, Entity],
    lists: Lists,
    *,
    two_way: bool,
) -> dict[Key, Entity]:
    """Documents that QuickBooks holds already: those whose id the ERP knows, those with our marker, those typed by
    hand."""
    free = {
        e: o.body for e, o in objects.items() if e not in known and not o.deleted and e[0] in (*RECEIVABLES, "Purchase")
    }
    signed = {marker(key) for key in projection.documents} if named else set()
    adopted: dict[Key, Entity] = {}
    for key, side in sorted(projection.documents.items()):
        if side is None or isinstance(side, Ending) or not _is_new(agreed.get(key)):
            continue
        candidates = [(e[0], raw) for e, raw in free.items()]
        entity = named.get(key)
        # A credit's Payment that carries another record's marker is that record's: it holds the credit along with it.
        if entity not in free or marker_of(free[entity]) in signed - {None, marker(key)}:
            entity = adoptable(side, candidates, customer, by_number=key in scope, renumbered=lists.numbers_forms)
        if entity and (two_way or key in scope):
            adopted[key] = entity
            del free[entity]
    return adopted


def _is_new(agreed: Agreed | None) -> bool:
    """Whether nothing stands for it in QuickBooks, as far as we know, and nothing ever did."""
    return agreed is None or (agreed.erp is None and not agreed.linked)


def _archived(tx: Transaction, w: Working, company_id: str) -> dict[Key, Row]:
    """What stood for this company's records when this very QuickBooks company was connected before."""
    found: dict[Key, Row] = {}
    for epoch, kept in sorted((w.connection.lists.get("epochs") or {}).items(), key=lambda e: int(e[0])):
        if kept.get("realm_id") == w.connection.realm_id:
            rows = tx.id_map.of_company(w.id, int(epoch), company_id)
            found |= {row.key: row for row in rows if row.quickbooks_id and not row.key.startswith("company:")}
    return found


def _named_by_erp(books: Books, projection: Projection) -> dict[Key, Entity]:
    """QuickBooks ids that the ERP itself keeps, e.g. of memos that the one-way integration made from returns."""
    named: dict[Key, Entity] = {}
    for key, refs in projection.records.items():
        for kind, erp_id in refs:
            if kind == "CREDIT" and (credit := books.credits.get(erp_id)):
                returned = books.returns.get(credit.return_id or "")
                memo = credit.memo_id or (returned.memo_id if returned else None)
                if memo and isinstance(projection.documents.get(key), CreditMemo):
                    named[key] = ("CreditMemo", memo)
                elif credit.payment_id and isinstance(projection.documents.get(key), Payment):
                    named[key] = ("Payment", credit.payment_id)
    return named


def _adopt_same_links(
    projection: Projection, agreed: Mapping[Key, Agreed], scope: frozenset[Key], held: Held
) -> dict[Key, Entity]:
    """A zero Payment that QuickBooks wrote itself (automatic application) and that links just what ours would."""
    free = {
        key: side for key, side in held.documents.items() if "@" in key and isinstance(side, Payment) and not side.total
    }
    adopted: dict[Key, Entity] = {}
    for key, side in sorted(projection.documents.items()):
        if not isinstance(side, Payment) or side.total or key not in scope or (key in agreed and agreed[key].linked):
            continue
        same = next(
            (k for k, s in sorted(free.items()) if (s.invoices, s.credits) == (side.invoices, side.credits)), None
        )
        if same and side.credits:
            adopted[key] = held.entities[same]
            del free[same]
    return adopted
