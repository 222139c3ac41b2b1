"""Looking at one company's books without changing them: what the open items, the guards and the repairs start from."""

from __future__ import annotations

from typing import Any

from mappings.distru.projection import RecordRef
from mappings.documents import Key
from mappings.quickbooks import open_balance
from mappings.sides import Sides
from service.engine import problems
from service.engine.compare import Comparison
from service.engine.lists import Lists
from service.engine.sync import WORDS

View = dict[str, Any]


def sides_of(c: Comparison, lists: Lists) -> Sides:
    """Both books of one company, with what only QuickBooks can tell of them."""
    foreign = {}
    for key, entity in c.held.entities.items():
        known = c.objects.get(entity)
        if "@" in key and key not in c.rows and known is not None and not known.deleted:
            foreign[key] = abs(open_balance(entity[0], known.body))
    deposited = frozenset(key for key in c.held.entities if _deposit_of(c, key))
    return Sides(c.books, c.terms, c.projection, c.held, foreign, deposited, lists.closing_date)


def _deposit_of(c: Comparison, key: Key) -> str | None:
    """The bank deposit that a Payment lies in, by its QuickBooks id."""
    linked = (c.raw(key) or {}).get("LinkedTxn") or ()
    return next((str(one["TxnId"]) for one in linked if one.get("TxnType") == "Deposit"), None)


def named(c: Comparison, sides: Sides, ref: RecordRef | None, key: Key | None) -> View:
    """Both ids and both numbers of one record; None where a book does not have it."""
    entity = c.held.entities.get(key or "")
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
