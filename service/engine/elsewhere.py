"""Documents that stand in QuickBooks under another customer than the one that their company is linked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from mappings.documents import Document, Ending, Key, Kind, Side
from mappings.keys import born_key, marker
from mappings.policy import flow
from mappings.quickbooks import TYPES, Entity, customer_of, is_voided, marker_of, read_object
from service.engine.working import Working
from service.ports import QboObject, Row, Transaction


@dataclass(frozen=True)
class Elsewhere:
    """What of a company's stands under another customer: as it counts for the company, and those that live as they are
    there; and how people call the customers concerned."""

    documents: Mapping[Key, Side] = field(default_factory=dict)
    living: Mapping[Key, Document] = field(default_factory=dict)
    names: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Visitor:
    """An object under this company's customer that stands for a record of another company, and that in words."""

    seen: QboObject
    cause: str


def elsewhere(
    tx: Transaction,
    w: Working,
    company: str,
    customer: str | None,
    rows: Mapping[Key, Row],
    objects: Mapping[Entity, QboObject],
    known: Mapping[Entity, Key],
    lost: Mapping[Key, QboObject],
    *,
    two_way: bool,
) -> Elsewhere:
    """They have not ended: each is read as a document of whoever it stands under.

    What QuickBooks may tell the ERP of ends for this company instead, and comes anew to the other one (contracts/erp.md
    part 3). A document that the ERP moved here from another company is still under that one's customer. `lost`: what is
    `forgotten`.
    """

    @cache
    def whose(theirs: str) -> Key:
        row = tx.id_map.by_quickbooks(w.id, w.epoch, "Customer", theirs)
        return row.company_id if row and row.company_id else born_key("Customer", theirs)

    documents: dict[Key, Side] = {}
    living: dict[Key, Document] = {}
    names: dict[Key, str] = {}
    linked = {key: objects.get((row.quickbooks_type or "", row.quickbooks_id or "")) for key, row in rows.items()}
    for key, seen in (*linked.items(), *lost.items()):
        theirs = customer_of(seen.body) if seen is not None and not seen.deleted else None
        if seen is None or theirs is None or theirs == customer:
            continue
        owner = whose(theirs)
        there = read_object(seen.entity, seen.body, key, known, owner)
        if key not in lost and not _ends_here(rows[key], company, customer, owner, two_way=two_way):
            documents[key] = there
        if there is not None and not isinstance(there, Ending):
            living[key] = there
            if owner not in names:
                names |= {company: _name(tx, w, customer), owner: _name(tx, w, theirs)}
    return Elsewhere(documents, living, names)


def _ends_here(row: Row, company: str, customer: str | None, owner: Key, *, two_way: bool) -> bool:
    if row.company_id not in (None, company) and owner == row.company_id:
        return False
    return customer is None or flow(Kind(row.kind), row.key, two_way=two_way).into


def _name(tx: Transaction, w: Working, customer: str | None) -> str:
    seen = tx.objects.get(w.id, w.epoch, "Customer", customer or "")
    return str((seen.body.get("DisplayName") if seen else None) or f"customer {customer}")


def forgotten(
    tx: Transaction,
    w: Working,
    wanted: Mapping[Key, Side],
    customer: str | None,
    before: Mapping[Key, Entity],
) -> dict[Key, QboObject]:
    """What lives under another customer for documents that no row of ours stands for any more: our database came back
    from a backup, or QuickBooks was connected anew. A former epoch names it (`before`), or our marker and its number.
    """
    numbers = {side.number for side in wanted.values() if side and not isinstance(side, Ending) and side.number}
    same = tx.objects.numbered(w.id, w.epoch, numbers) if numbers else []
    signed = {(o.entity, marker_of(o.body)): o for o in same if _lives_elsewhere(o, customer)}
    found = {}
    for key, side in wanted.items():
        if side is None or isinstance(side, Ending):
            continue
        entity, mark = before.get(key), marker(key)
        known = tx.objects.get(w.id, w.epoch, *entity) if entity else None
        if known is None and mark is not None:
            known = signed.get((TYPES[side.KIND.value], mark))
        if known is not None and _lives_elsewhere(known, customer):
            found[key] = known
    return found


def _lives_elsewhere(seen: QboObject, customer: str | None) -> bool:
    if seen.deleted or is_voided(seen.body):
        return False
    return customer is not None and customer_of(seen.body) not in (None, customer)


def visitors(
    tx: Transaction, w: Working, objects: Mapping[Entity, QboObject], owners: Mapping[Entity, str | None]
) -> dict[Entity, Visitor]:
    """`owners`: the company that each of the objects belongs to by our map."""
    causes = {company: _belonging_to(tx, w, company or "") for company in set(owners.values())}
    return {e: Visitor(objects[e], causes[company]) for e, company in owners.items() if not objects[e].deleted}


def _belonging_to(tx: Transaction, w: Working, company: str) -> str:
    record = tx.records.get(w.id, "COMPANY", company)
    name = (record.number if record else None) or company
    return f"It stands under this customer in QuickBooks, and belongs to '{name}' in the ERP."
