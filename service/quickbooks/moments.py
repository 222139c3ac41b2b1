"""Instants as QuickBooks spells them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def parse_instant(text: object) -> datetime | None:
    """An instant in UTC; None when it is none. Takes 0 to 9 fraction digits, `Z`, `-07:00` and `-0700` (§12.2, §12.3).

    An instant without an offset is taken for UTC: nothing that we read is known to leave it out.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def instant_text(moment: datetime) -> str:
    """Whole seconds with an offset: QuickBooks reads an instant without one in a zone of its own (§6)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
