"""Looking at one company's books without changing them: what the open items, the guards and the repairs start from."""

from __future__ import annotations

from typing import Any

from mappings.distru.projection import RecordRef
from mappings.documents import Key
from mappings.keys import born_key
from mappings.quickbooks import RECEIVABLES, Held, open_balance, read_object
from mappings.sides import Sides
from service.engine import problems
from service.engine.compare import Comparison
from service.engine.links import WORDS
from service.engine.lists import Lists

View = dict[str, Any]


def sides_of(c: Comparison, lists: Lists) -> Sides:
    """Both books of one company, with what only QuickBooks can tell of them."""
    held = _with_foreign(c)
    foreign = {
        key: abs(open_balance(entity[0], c.objects[entity].body))
        for key, entity in held.entities.items()
        if "@" in key and key not in c.rows and entity in c.objects and not c.objects[entity].deleted
    }
    deposited = frozenset(key for key in c.held.entities if _is_deposited(c, key))
    return Sides(c.books, c.terms, c.projection, held, foreign, deposited, lists.closing_date)


def _with_foreign(c: Comparison) -> Held:
    """What QuickBooks holds, with the customer's documents that are none of ours: the engine leaves these alone."""
    known = {entity: key for key, entity in c.held.entities.items()}
    news = {
        born_key(*entity): entity
        for entity, found in c.objects.items()
        if entity[0] in RECEIVABLES and entity not in known and not found.deleted and found.customer_id == c.customer
    }
    read = {key: read_object(e[0], c.objects[e].body, key, known, c.company) for key, e in news.items()}
    return Held({**read, **c.held.documents}, {**news, **c.held.entities})


def _is_deposited(c: Comparison, key: Key) -> bool:
    """Whether a Payment lies in a bank deposit."""
    linked = (c.raw(key) or {}).get("LinkedTxn") or ()
    return any(one.get("TxnType") == "Deposit" for one in linked)


def named(c: Comparison, sides: Sides, ref: RecordRef | None, key: Key | None) -> View:
    """Both ids and both numbers of one record; None where a book does not have it."""
    entity = sides.held.entities.get(key or "")
    held = sides.live(key)
    return {
        "kind": ref[0] if ref else (problems.subject_of(c, key)[0] if key else None),
        "erp_id": ref[1] if ref else None,
        "erp_number": _number(c, ref),
        "quickbooks_type": WORDS.get(entity[0]) if entity else None,
        "quickbooks_id": entity[1] if entity else None,
        "quickbooks_number": held.number if held else None,
    }


def _number(c: Comparison, ref: RecordRef | None) -> str | None:
    return next((r.number for r in c.records if (r.kind, r.erp_id) == ref), None)
