"""QuickBooks' own lists and preferences, as far as the rules need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from service.engine.working import Working, instant
from service.ports import Connection, Transaction

DEFAULT_ITEM = "Distru Sales"
"""The item of a line that names none (contracts/service.md, scenarios A1)."""
FRESH_FOR = timedelta(hours=6)


@dataclass(frozen=True)
class Lists:
    """Items, accounts and payment methods by id, as QuickBooks lists them, inactive ones included.

    `former_items`: names by id in the QuickBooks companies that were connected before; the ERP may still name them.
    """

    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preferences: Mapping[str, Any] = field(default_factory=dict)
    former_items: Mapping[str, str] = field(default_factory=dict)

    @property
    def closing_date(self) -> str | None:
        """Books are closed up to and including this day; None when they are open."""
        return (self.preferences.get("AccountingInfoPrefs") or {}).get("BookCloseDate")

    def closing_date_at_least(self, day: str | None) -> bool:
        """Whether the closing date that we know of explains that `day` is closed."""
        return bool(self.closing_date and day and day <= self.closing_date)

    @property
    def home_currency(self) -> str:
        return _home_currency(self.preferences)

    @property
    def is_multicurrency(self) -> bool:
        return bool((self.preferences.get("CurrencyPrefs") or {}).get("MultiCurrencyEnabled"))

    @property
    def numbers_forms(self) -> bool:
        """Whether QuickBooks numbers invoices and memos itself: it may put its own number in place of ours."""
        return not (self.preferences.get("SalesFormsPrefs") or {}).get("CustomTxnNumbers", True)

    @property
    def receivable_accounts(self) -> frozenset[str]:
        return frozenset(
            i for i, account in self.accounts.items() if account.get("AccountType") == "Accounts Receivable"
        )

    @property
    def bank_account(self) -> str | None:
        return next(
            (i for i, a in sorted(self.accounts.items()) if a.get("AccountType") == "Bank" and a.get("Active", True)),
            None,
        )

    @property
    def income_account(self) -> str | None:
        income = [
            (a.get("AccountSubType") != "SalesOfProductIncome", i)
            for i, a in self.accounts.items()
            if a.get("AccountType") == "Income" and a.get("Active", True)
        ]
        return min(income)[1] if income else None

    @property
    def stock_items(self) -> frozenset[str]:
        return frozenset(i for i, item in self.items.items() if item.get("Type") == "Inventory")

    def default_item(self, settings: Mapping[str, Any]) -> str | None:
        if settings.get("default_item_id"):
            return str(settings["default_item_id"])
        named = [i for i, item in self.items.items() if item.get("Name") == DEFAULT_ITEM and item.get("Active", True)]
        return min(named) if named else None

    def item_here(self, item_id: str) -> str | None:
        """The item that an id of the ERP's means in this company: itself, or its namesake where the id is a former
        company's; None for one of a former company without a namesake (the default item stands in)."""
        if item_id in self.items or item_id not in self.former_items:
            return item_id
        name = self.former_items[item_id]
        return next(
            (i for i, item in sorted(self.items.items()) if item.get("Name") == name and item.get("Active", True)), None
        )

    def item_trouble(self, item_id: str) -> str | None:
        """Why a line may not use an item; None when it may."""
        item = self.items.get(item_id)
        if item is None:
            return f"QuickBooks has no item with id {item_id}"
        if not item.get("Active", True):
            return f"the QuickBooks item '{item.get('Name', item_id)}' (id {item_id}) was made inactive"
        return None


def home_currency(connection: Connection) -> str:
    """As QuickBooks' preferences last said."""
    return _home_currency(connection.lists.get("preferences") or {})


def _home_currency(preferences: Mapping[str, Any]) -> str:
    currency = preferences.get("CurrencyPrefs") or {}
    return str((currency.get("HomeCurrency") or {}).get("value") or "USD")


def load_lists(tx: Transaction, w: Working) -> Lists:
    """The lists as last seen."""

    shelves: dict[str, dict[str, Mapping[str, Any]]] = {"Item": {}, "Account": {}, "PaymentMethod": {}}
    for each in tx.objects.of_entities(w.id, w.epoch, shelves):
        if not each.deleted:
            shelves[each.entity][each.id] = each.body
    former = {
        o.id: str(o.body.get("Name"))
        for epoch in sorted(w.connection.lists.get("epochs") or {}, key=int)
        for o in tx.objects.of_entity(w.id, int(epoch), "Item")
    }
    preferences = w.connection.lists.get("preferences") or {}
    return Lists(shelves["Item"], shelves["Account"], shelves["PaymentMethod"], preferences, former)


def refresh_preferences(w: Working, *, now_please: bool = False) -> None:
    """Preferences steer closed books, numbers and currency; they change rarely, and a read is metered."""
    if now_please or not preferences_are_younger_than(w, FRESH_FOR):
        w.update(lists={"preferences": w.quickbooks.preferences(), "preferences_at": w.now().isoformat()})


def preferences_are_younger_than(w: Working, age: timedelta) -> bool:
    """Whether they were read within that time."""
    read_at = instant(w.connection.lists.get("preferences_at"))
    return read_at is not None and w.now() - read_at < age
