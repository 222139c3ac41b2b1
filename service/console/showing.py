"""How values look: money, instants and statuses, the same on every page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask

from service.ports import Connection


@dataclass(frozen=True)
class Look:
    """A status in words, and its tone: ok, busy, wait, warn, bad or off. The icon follows the tone."""

    label: str
    tone: str


STATUSES: Mapping[str, Look] = {
    # connections
    "new": Look("Not connected yet", "off"),
    "connected": Look("Connected", "ok"),
    "needs_reauthorisation": Look("Connect again", "bad"),
    "soft_disconnected": Look("Disconnected", "off"),
    "hard_disconnected": Look("Disconnected for good", "off"),
    # runs
    "queued": Look("Queued", "wait"),
    "running": Look("Running", "busy"),
    "held": Look("Held: waits for approval", "warn"),
    "succeeded": Look("Succeeded", "ok"),
    "failed": Look("Failed", "bad"),
    "cancelled": Look("Cancelled", "off"),
    # problems
    "open": Look("Open", "bad"),
    "conflict": Look("Conflict", "warn"),
    "dismissed": Look("Dismissed", "off"),
    "resolved": Look("Resolved", "ok"),
    # links
    "SYNCED": Look("Synced", "ok"),
    "PENDING": Look("Pending", "wait"),
    "ERROR": Look("Error", "bad"),
    "NOT_SYNCED": Look("Not synced", "off"),
    "PARTIALLY_SYNCED": Look("Partly synced", "warn"),
    "DELETED_IN_QBO": Look("Deleted in QuickBooks", "warn"),
    # what a plan does
    "cancel": Look("Cancel in the ERP", "warn"),
    "keep": Look("Keep: it is linked", "off"),
    "adopt": Look("Adopt: QuickBooks holds it", "ok"),
    "import": Look("Import into the ERP", "busy"),
    "create": Look("Make in QuickBooks", "busy"),
    "update": Look("Bring into step", "busy"),
    "delete": Look("Delete in QuickBooks", "warn"),
    "void": Look("Void in QuickBooks", "warn"),
    "declare": Look("Tell the ERP", "busy"),
    "void_in_erp": Look("Void in the ERP", "warn"),
    # people
    "active": Look("Active", "ok"),
    "disabled": Look("Disabled", "off"),
}

ICONS: Mapping[str, str] = {
    "ok": "M3 8.5l3.2 3L13 4.5",
    "busy": "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
    "wait": "M8 4v4.2l2.8 1.8M8 2.2a5.8 5.8 0 1 1 0 11.6a5.8 5.8 0 0 1 0-11.6",
    "warn": "M8 2.4L14 13.2H2zM8 6.4v3M8 11.2v.4",
    "bad": "M4 4l8 8M12 4l-8 8",
    "off": "M4 8h8",
}


def look(status: object) -> Look:
    """Of a status; an unknown one keeps its own word."""
    word = str(status)
    return STATUSES.get(word, Look(word.replace("_", " ").capitalize(), "off"))


def money(amount: int | Decimal | str) -> str:
    """Cents (an integer) or a decimal (as text too) with thousands set apart: 1,234.50."""
    exact = Decimal(amount).scaleb(-2) if isinstance(amount, int) else Decimal(amount)
    return f"{exact:,.2f}"


def instant(value: datetime | str) -> datetime:
    """Aware, whether it comes from the store or, as text, from the desk."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value.replace("Z", "+00:00"))


def local(value: datetime | str, zone: str) -> str:
    """2 Mar 2026, 09:00 in that zone."""
    at = instant(value).astimezone(zone_of(zone))
    return f"{at.day} {at:%b %Y, %H:%M}"


def in_utc(value: datetime | str) -> str:
    """The same instant for whoever hovers."""
    at = instant(value).astimezone(ZoneInfo("UTC"))
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(text: str) -> date:
    """2026-03-31 as a day. Raises: ValueError, also for one that no books are kept of."""
    found = date.fromisoformat(text)
    if not 1900 <= found.year < 2900:
        raise ValueError(f"{text} is too far away")
    return found


def midnight(of: date, zone: ZoneInfo) -> datetime:
    """Where a day of that zone begins."""
    return datetime(of.year, of.month, of.day, tzinfo=zone)


def ago(value: datetime | str, now: datetime) -> str:
    """3 minutes ago."""
    seconds = int((now - instant(value)).total_seconds())
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return "just now"


def zone_of(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def zone_name(connection: Connection | None) -> str:
    """A connection's time zone: its setting, else QuickBooks', else UTC."""
    if connection is None:
        return "UTC"
    named = connection.settings.get("timezone") or connection.lists.get("timezone")
    return str(zone_of(named))


_SPELLED = {"quickbooks": "QuickBooks", "erp": "ERP"}
_NAMED = re.compile(r"\b(?:quickbooks|erp)\b", re.IGNORECASE)


def words(name: str) -> str:
    """`quickbooks_id` as people read it: QuickBooks id."""
    said = name.replace("_", " ").strip().capitalize()
    return _NAMED.sub(lambda found: _SPELLED[found[0].lower()], said)


def show(app: Flask) -> None:
    """Make these known to the templates."""
    app.jinja_env.filters.update({"money": money, "local": local, "in_utc": in_utc, "words": words})
    shown: dict[str, Any] = {"look": look, "icons": ICONS, "instant": instant, "ago": ago, "zone_name": zone_name}
    app.jinja_env.globals.update(shown)
