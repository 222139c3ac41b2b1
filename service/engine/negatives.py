"""Negative invoices: QuickBooks shows each as a credit memo, which the ERP has no credit for."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.documents import CreditMemo
from mappings.plan import Conflict
from mappings.quickbooks import amount_of
from service.engine.compare import Comparison


def used_in_quickbooks(c: Comparison) -> Iterator[Conflict]:
    """Memos that somebody used there: the ERP has nothing to use along with them, so a person has to settle it."""
    for key, held in c.held.documents.items():
        raw = c.raw(key) if key.startswith("negative:") else None
        if raw and isinstance(held, CreditMemo) and amount_of(raw, "RemainingCredit") != held.total:
            yield Conflict(
                key,
                "negative_invoice_used",
                "The memo of this negative invoice was used in QuickBooks; the ERP has no credit to use with it.",
                "Take it off again in QuickBooks, or settle the negative invoice in the ERP.",
                c.projection.documents.get(key),
                held,
                c.situation.agreed[key].erp if key in c.situation.agreed else None,
                (),
            )
