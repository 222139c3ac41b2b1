"""Both sides changed the same Payment or credit: take each change that only one side made.

Where both changed one thing differently, QuickBooks wins (two-way sync: it is the truth on payments and credits).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from mappings.documents import Document, Key, Payment, Side, amounts, parts

_LINKS = ("invoices", "credits", "refunds")


def merge(erp: Document, quickbooks: Document, agreed: Side) -> Document:
    """The document that holds both sides' changes since `agreed`; QuickBooks' own where they do not fit together."""
    if type(agreed) is not type(erp) or type(erp) is not type(quickbooks):
        return quickbooks
    changes: dict[str, Any] = {}
    for field in fields(erp):
        ours, theirs, before = (getattr(side, field.name) for side in (erp, quickbooks, agreed))
        if field.name in _LINKS:
            changes[field.name] = parts(_merge_links(amounts(ours), amounts(theirs), amounts(before)))
        else:
            changes[field.name] = ours if theirs == before else theirs
    merged = replace(erp, **changes)
    return merged if _holds(merged) else quickbooks


def _merge_links(ours: dict[Key, int], theirs: dict[Key, int], before: dict[Key, int]) -> dict[Key, int]:
    keys = ours.keys() | theirs.keys() | before.keys()
    return {
        key: ours.get(key, 0) if theirs.get(key, 0) == before.get(key, 0) else theirs.get(key, 0)
        for key in sorted(keys)
    }


def _holds(document: Document) -> bool:
    """A Payment may not put more against documents than it brought in."""
    return not isinstance(document, Payment) or document.unapplied >= 0
