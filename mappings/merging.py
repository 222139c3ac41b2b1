"""Both sides changed the same Payment or credit: take each change that only one side made.

Where both changed one thing differently, QuickBooks wins (two-way sync: it is the truth on payments and credits).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from mappings.documents import CreditMemo, Document, Key, Payment, Side, amounts, parts

_LINKS = ("invoices", "credits", "refunds")
_ERP_ALONE = ("lines", "reason")
"""Of a credit memo QuickBooks' document never says these: that they are missing is no change."""


def merge(erp: Document, quickbooks: Document, agreed: Side) -> Document:
    """The document that holds both sides' changes since `agreed`; QuickBooks' own where they do not fit together."""
    if type(agreed) is not type(erp) or type(erp) is not type(quickbooks):
        return quickbooks
    changes: dict[str, Any] = {}
    for field in fields(erp):
        ours, theirs, before = (getattr(side, field.name) for side in (erp, quickbooks, agreed))
        if field.name in _LINKS:
            changes[field.name] = parts(_merge_links(amounts(ours), amounts(theirs), amounts(before)))
        elif field.name in _ERP_ALONE:
            changes[field.name] = ours
        else:
            changes[field.name] = ours if theirs == before else theirs
    merged = _lined(replace(erp, **changes), erp)
    return merged if _holds(merged) else quickbooks


def _merge_links(ours: dict[Key, int], theirs: dict[Key, int], before: dict[Key, int]) -> dict[Key, int]:
    keys = ours.keys() | theirs.keys() | before.keys()
    return {
        key: ours.get(key, 0) if theirs.get(key, 0) == before.get(key, 0) else theirs.get(key, 0)
        for key in sorted(keys)
    }


def _lined(merged: Document, erp: Document) -> Document:
    """The ERP's lines sum to its own total; for another one they would be wrong."""
    return replace(merged, lines=()) if isinstance(merged, CreditMemo) and merged.total != erp.total else merged


def _holds(document: Document) -> bool:
    """A Payment may not put more against documents than it brought in."""
    return not isinstance(document, Payment) or document.unapplied >= 0
