"""QuickBooks' webhooks (§12): are they Intuit's, and what do they say. They carry ids only."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.quickbooks.answers import read_json
from service.quickbooks.moments import parse_instant

_ENTITIES = {
    name.lower(): name
    for name in (
        *("Account", "Bill", "BillPayment", "Budget", "Class", "CreditMemo", "Currency", "Customer", "Department"),
        *(
            "Deposit",
            "Employee",
            "Estimate",
            "Invoice",
            "Item",
            "JournalCode",
            "JournalEntry",
            "Payment",
            "PaymentMethod",
        ),
        *("Preferences", "Purchase", "PurchaseOrder", "RefundReceipt", "SalesReceipt", "TaxAgency", "Term"),
        *("TimeActivity", "Transfer", "Vendor", "VendorCredit"),
    )
}
_OPERATIONS = {
    "created": "create",
    "updated": "update",
    "deleted": "delete",
    "merged": "merge",
    "voided": "void",
}


@dataclass(frozen=True)
class Event:
    """A hint that an object changed.

    `entity` is spelled as in JSON (`CreditMemo`); one that we never heard of stays as it came. `operation` is
    `create`, `update`, `delete`, `merge`, `void`, `emailed` or what else came. On a merge, `entity_id` is the one that
    remains and `deleted_id` the one that is gone. `event_id` is None in the older format, `at` without a readable time.
    """

    realm_id: str
    entity: str
    entity_id: str
    operation: str
    at: datetime | None = None
    deleted_id: str | None = None
    event_id: str | None = None


class Unreadable(Exception):
    """A body that says something else than a webhook should; `events` are those parts of it that could be read."""

    def __init__(self, reasons: Sequence[str], events: Sequence[Event] = ()) -> None:
        super().__init__("; ".join(reasons))
        self.events = tuple(events)


def is_signed(body: bytes, signature: str, token: str) -> bool:
    """Whether the header `intuit-signature` fits these very bytes. Without a token nothing is signed."""
    if not token:
        return False
    expected = base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.strip().encode())


def parse(body: bytes) -> list[Event]:
    """The events of either format, told apart by shape: an array (CloudEvents) or an object with `eventNotifications`.

    Raises: `Unreadable`, naming everything that is wrong.
    """
    events: list[Event] = []
    reasons: list[str] = []
    for position, (read, item) in enumerate(_items(read_json(body.decode(errors="replace")))):
        try:
            events.append(read(item))
        except Exception as odd:  # whatever it is, it must not hide the events beside it
            reasons.append(f"event {position}: {type(odd).__name__}: {odd}")
    if reasons:
        raise Unreadable(reasons, events)
    return events


def _items(document: object) -> Iterator[tuple[Callable[[Mapping[str, Any]], Event], Any]]:
    """Each event of the body with its reader: one that cannot be read does not hide the others."""
    if isinstance(document, list):
        yield from ((_cloud_event, event) for event in document)
    elif isinstance(document, Mapping) and isinstance(document.get("eventNotifications"), list):
        for notification in document["eventNotifications"]:
            yield from ((_legacy_event, item) for item in _with_realm(notification))
    else:
        raise Unreadable(["neither an array of events nor an object with eventNotifications"])


def _with_realm(notification: Any) -> list[Any]:
    """The changes of one company, each with its realm. What holds none stands for itself, to be found unreadable."""
    try:
        realm_id, entities = notification["realmId"], notification["dataChangeEvent"]["entities"]
        return [{**entity, "realmId": realm_id} for entity in entities]
    except (LookupError, TypeError):
        return [notification]


def _legacy_event(change: Mapping[str, Any]) -> Event:
    return Event(
        realm_id=_text(change, "realmId"),
        entity=_entity(_text(change, "name")),
        entity_id=_text(change, "id"),
        operation=_operation(_text(change, "operation")),
        at=parse_instant(change.get("lastUpdated")),
        deleted_id=_deleted_id(change),
    )


def _cloud_event(event: Mapping[str, Any]) -> Event:
    """`type` is `qbo.<entity>.<verb>.v1`; `data` may be missing."""
    _, entity, verb, *_ = _text(event, "type").split(".")
    return Event(
        realm_id=_text(event, "intuitaccountid"),
        entity=_entity(entity),
        entity_id=_text(event, "intuitentityid"),
        operation=_operation(verb),
        at=parse_instant(event.get("time")),
        deleted_id=_deleted_id(event.get("data")),
        event_id=_known_id(event.get("id")),
    )


def _text(item: Mapping[str, Any], name: str) -> str:
    value = _known_id(item[name])
    if value is None:
        raise ValueError(f"{name} is no text")
    return value


def _known_id(value: object) -> str | None:
    """Text that can be stored; None for anything else: nothing, objects, control characters, half a character."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if text and text.isprintable() else None


def _entity(name: str) -> str:
    return _ENTITIES.get(name.lower(), name)


def _operation(verb: str) -> str:
    return _OPERATIONS.get(verb.lower(), verb.lower())


def _deleted_id(fields: object) -> str | None:
    """Spelled `deletedid`, `deletedId` or `deletedID` (§12.2, §12.3). What is no object names none."""
    if not isinstance(fields, Mapping):
        return None
    return next((_known_id(value) for name, value in fields.items() if name.lower() == "deletedid"), None)
