"""A connection's settings: defaults, and the check against QuickBooks' own lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.engine.lists import Lists
from service.errors import Reason, Rejected
from service.ports import Connection

DEFAULTS: dict[str, Any] = {
    "timezone": None,
    "default_item_id": None,
    "reason_items": {},
    "deposit_account_id": None,
    "payment_methods": {},
    "customers": "linked_only",
    "import_customers": False,
    "cut_over_date": None,
    "closed_books": "hold",
    "auto_applied": "adopt",
    "number_prefix": "",
    "on_number_clash": "suffix",
    "inventory_lines": False,
    "max_documents_per_run": None,
    "max_amount_per_run": None,
    "paused": [],
}
BANKS = ("Bank", "Other Current Asset")


def shown(connection: Connection) -> dict[str, Any]:
    """Every setting with the value that counts."""
    zone = connection.settings.get("timezone") or connection.lists.get("timezone")
    return {**DEFAULTS, **connection.settings, "timezone": zone}


def checked(before: Mapping[str, Any], changes: Mapping[str, Any], lists: Lists) -> dict[str, Any]:
    """The settings after a change; None puts one back to its default. Raises `Rejected` naming the field."""
    for field, trouble in _troubles(changes, lists):
        raise Rejected(Reason.INVALID, "invalid_setting", f"{field}: {trouble}.", field=f"settings.{field}")
    merged = {**before, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _troubles(changes: Mapping[str, Any], lists: Lists) -> Iterator[tuple[str, str]]:
    items = [("default_item_id", changes.get("default_item_id"))]
    items += [(f"reason_items.{reason}", item) for reason, item in (changes.get("reason_items") or {}).items()]
    for field, item in items:
        trouble = lists.item_trouble(str(item)) if item else None
        if trouble:
            yield field, trouble
        elif item and lists.items[str(item)].get("Type") == "Category":
            yield field, "a category cannot stand on a line"
    account = changes.get("deposit_account_id")
    if account and (lists.accounts.get(str(account)) or {}).get("AccountType") not in BANKS:
        yield "deposit_account_id", f"QuickBooks has no bank or other current asset account with id {account}"
    for method, known in (changes.get("payment_methods") or {}).items():
        if str(known) not in lists.methods:
            yield f"payment_methods.{method}", f"QuickBooks has no payment method with id {known}"
