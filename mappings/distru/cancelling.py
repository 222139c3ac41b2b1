"""What the ERP's records will say once a credit is cancelled: enabling two-way sync is previewed before it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mappings.money import cents, text

Raw = Mapping[str, Any]
Records = dict[tuple[str, str], dict[str, Any]]


def cancelled(records: Iterable[tuple[str, Raw]], credits: Iterable[str], *, revert: bool) -> Records:
    """The (kind, record)s of one company after these credits are cancelled, by (kind, id).

    `revert` removes their uses and re-opens the invoices; without it the uses stay and only the balance goes
    (contracts/erp.md, `should_delete_credit_uses`).
    """
    after: Records = {(kind, str(raw["id"])): dict(raw) for kind, raw in records}
    for credit_id in credits:
        credit = after[("CREDIT", credit_id)]
        credit |= {"status": "CANCELED", "remaining_balance": "0.00"}
        if revert:
            credit["credit_uses"] = []
            _remove_uses(after, credit_id)
    return after


def _remove_uses(after: Records, credit_id: str) -> None:
    for (kind, _), payment in list(after.items()):
        if kind != "PAYMENT" or payment.get("status") != "POSTED":
            continue
        uses = payment.get("credit_uses") or []
        gone = sum(cents(use["amount"]) for use in uses if use["credit"]["id"] == credit_id)
        if not gone:
            continue
        left = cents(payment["amount"]) - gone
        kept = [use for use in uses if use["credit"]["id"] != credit_id]
        payment |= {"amount": text(left), "credit_uses": kept}
        if not left and not payment.get("overpayment_credits"):
            payment["status"] = "VOIDED"
        _reopen(after, (payment.get("invoice") or {}).get("id"), gone)


def _reopen(after: Records, invoice_id: str | None, amount: int) -> None:
    invoice = after.get(("INVOICE", invoice_id or ""))
    if invoice is None:
        return
    paid = cents(invoice.get("paid_amount") or 0) - amount
    remaining = cents(invoice["remaining_amount"]) + amount
    invoice |= {
        "paid_amount": text(paid),
        "remaining_amount": text(remaining),
        "status": "PARTIALLY_PAID" if paid else "NOT_PAID",
    }
