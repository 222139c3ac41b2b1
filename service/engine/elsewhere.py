"""Documents that stand in QuickBooks under another customer than the one that their company is linked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from mappings.documents import Document, Ending, Key, Kind, Side
from mappings.keys import born_key
from mappings.policy import flow
from mappings.quickbooks import Entity, customer_of, read_object
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
    *,
    two_way: bool,
) -> Elsewhere:
    """They have not ended: each is read as a document of whoever it stands under.

    What QuickBooks may tell the ERP of ends for this company instead, and comes anew to the other one (contracts/erp.md
    part 3). A document that the ERP moved here from another company is still under that one's customer.
    """

    @cache
    def whose(theirs: str) -> Key:
        row = tx.id_map.by_quickbooks(w.id, w.epoch, "Customer", theirs)
        return row.company_id if row and row.company_id else born_key("Customer", theirs)

    documents: dict[Key, Side] = {}
    living: dict[Key, Document] = {}
    names: dict[Key, str] = {}
    for key, row in rows.items():
        seen = objects.get((row.quickbooks_type or "", row.quickbooks_id or ""))
        theirs = customer_of(seen.body) if seen is not None and not seen.deleted else None
        if seen is None or theirs is None or theirs == customer:
            continue
        owner, arrived = whose(theirs), row.company_id not in (None, company)
        there = read_object(seen.entity, seen.body, key, known, owner)
        ends_here = customer is None or flow(Kind(row.kind), key, two_way=two_way).into
        if not ends_here or (arrived and owner == row.company_id):
            documents[key] = there
        if there is not None and not isinstance(there, Ending):
            living[key] = there
            names |= {company: _name(tx, w, customer), owner: _name(tx, w, theirs)}
    return Elsewhere(documents, living, names)


def _name(tx: Transaction, w: Working, customer: str | None) -> str:
    seen = tx.objects.get(w.id, w.epoch, "Customer", customer or "")
    return str((seen.body.get("DisplayName") if seen else None) or f"customer {customer}")


def visitors(
    tx: Transaction, w: Working, objects: Mapping[Entity, QboObject], owners: Mapping[Entity, str | None]
) -> dict[Entity, Visitor]:
    """`owners`: the company that each of the objects belongs to by our map."""
    found = {}
    for entity, company in owners.items():
        if not objects[entity].deleted:
            record = tx.records.get(w.id, "COMPANY", company or "")
            name = (record.number if record else None) or company
            cause = f"It stands under this customer in QuickBooks, and belongs to '{name}' in the ERP."
            found[entity] = Visitor(objects[entity], cause)
    return found
