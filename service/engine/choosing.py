"""What a setting may be: QuickBooks' own lists to choose from, and a check that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from service.engine.lists import Lists, load_lists
from service.engine.settings import BANKS, checked, shown
from service.engine.working import Ports, Working
from service.errors import Reason, Rejected
from service.ports import Claim, Connection

Named = Mapping[str, str]
"""Ids and what they are called, by name."""


@dataclass(frozen=True)
class Choices:
    """What QuickBooks has to choose from, as last seen, and the values that count now."""

    settings: Mapping[str, Any]
    items: Named
    accounts: Named
    methods: Named


class Choosing:
    """Raises `Rejected` as the desk does; the desk alone changes anything."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def choices(self, account_id: str) -> Choices:
        connection, lists = self._look(account_id)
        items = {i: f"{_name(item)} ({item.get('Type', 'item')})" for i, item in lists.items.items() if _usable(item)}
        accounts = {i: f"{_name(a)} ({a['AccountType']})" for i, a in lists.accounts.items() if _holds_money(a)}
        methods = {i: _name(method) for i, method in lists.methods.items() if method.get("Active", True)}
        return Choices(shown(connection), _by_name(items), _by_name(accounts), _by_name(methods))

    def check(self, account_id: str, changes: Mapping[str, Any]) -> str:
        """What the value is called in QuickBooks, or nothing. Raises `Rejected`, with what to choose instead."""
        connection, lists = self._look(account_id)
        try:
            checked(connection.settings, changes, lists)
        except Rejected as rejected:
            raise _with_advice(rejected, changes, self.choices(account_id)) from None
        return " · ".join(filter(None, (_called(lists, field, value) for field, value in changes.items())))

    def _look(self, account_id: str) -> tuple[Connection, Lists]:
        with self.ports.store.reading() as tx:
            connection = tx.connections.get(account_id)
            if connection is None:
                raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
            nobodys = Claim(connection.id, 0, 0)
            return connection, load_lists(tx, Working(self.ports, connection, nobodys))


def _with_advice(rejected: Rejected, changes: Mapping[str, Any], choices: Choices) -> Rejected:
    """Whoever typed a name, or a name that is nearly right, is told its id."""
    field = (rejected.field or "").removeprefix("settings.")
    top, _, key = field.partition(".")
    typed = str(changes[top][key] if key else changes[top])
    offered = {"deposit_account_id": choices.accounts, "payment_methods": choices.methods}.get(top, choices.items)
    if not offered:
        return Rejected(rejected.reason, rejected.code, rejected.message.removeprefix(f"{field}: "), field=field)
    near = get_close_matches(typed.casefold(), [name.casefold() for name in offered.values()], n=2, cutoff=0.4)
    found = [(i, name) for i, name in offered.items() if name.casefold() in near] or list(offered.items())[:2]
    advice = " or ".join(f"{i} ({name.rpartition(' (')[0] or name})" for i, name in found)
    why = rejected.message.removeprefix(f"{field}: ")
    sentence = f"{why[:1].upper()}{why[1:]} Choose for example {advice}."
    return Rejected(rejected.reason, rejected.code, sentence, field=field)


def _called(lists: Lists, field: str, value: Any) -> str | None:
    if isinstance(value, Mapping):
        return " · ".join(filter(None, (_called(lists, field, each) for each in value.values())))
    shelf = {
        "default_item_id": lists.items,
        "reason_items": lists.items,
        "deposit_account_id": lists.accounts,
        "payment_methods": lists.methods,
    }.get(field)
    return _name(shelf[str(value)]) if shelf is not None and value is not None and str(value) in shelf else None


def _name(body: Mapping[str, Any]) -> str:
    return str(body.get("FullyQualifiedName") or body.get("Name") or "")


def _usable(item: Mapping[str, Any]) -> bool:
    return bool(item.get("Active", True)) and item.get("Type") != "Category"


def _holds_money(account: Mapping[str, Any]) -> bool:
    return bool(account.get("Active", True)) and account.get("AccountType") in BANKS


def _by_name(named: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(named.items(), key=lambda each: each[1].casefold()))
