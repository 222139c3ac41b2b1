"""The accounting of a credit: which accounts a step debits and credits (seeds: credit memo scenarios)."""

from __future__ import annotations

from typing import Any

from mappings.money import text

EXPENSES = {"GOODWILL": "Goodwill expense", "WRITE_OFF": "Bad debt expense", "PROMOTION": "Promotion expense"}
"""Reasons that are a cost of their own; every other credit gives back revenue."""


def gl_effect(
    amount: int, reason: str | None, *, account: str | None = None, moves_stock: bool = False
) -> dict[str, Any]:
    """Debit what the credit is booked to, credit Accounts Receivable. `amount` in cents, negative takes a credit back;
    `account` names the item's income account where it is known."""
    booked = account or EXPENSES.get(reason or "", "Sales revenue")
    debit, credit = (booked, "Accounts Receivable") if amount >= 0 else ("Accounts Receivable", booked)
    value = text(abs(amount))
    entries = [{"account": debit, "debit": value, "credit": None}, {"account": credit, "debit": None, "credit": value}]
    if moves_stock:
        entries += [
            {"account": "Inventory asset", "debit": "at cost", "credit": None},
            {"account": "Cost of goods sold", "debit": None, "credit": "at cost"},
        ]
    return {"entries": entries, "stock": moves_stock}
