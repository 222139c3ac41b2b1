"""The kinds of value that requests and answers are made of."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

Kind = Literal["COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND"]
ProblemStatus = Literal["open", "conflict", "dismissed", "resolved"]
Customers = Literal["linked_only", "match_by_name", "create"]

_MONEY = r"^-?\d{1,15}\.\d{2}$"
_ASKED_AMOUNT = re.compile(r"(\d{1,13})(?:\.(\d{1,2}))?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RequestModel(BaseModel):
    """What comes in: a field that we do not know is an error, and so is `"5"` for 5."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _one_line(value: SecretStr) -> SecretStr:
    """It becomes an HTTP header one day."""
    if _CONTROL.search(value.get_secret_value()) or not value.get_secret_value().isascii():
        raise ValueError("must be printable ASCII")
    return value


def _amount(value: object) -> str:
    """Money as a string, two places; a JSON number may have lost cents on its way here."""
    digits = _ASKED_AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if digits is None:
        raise ValueError('must be a decimal string with at most two places, such as "1500.00"')
    text = f"{int(digits[1])}.{(digits[2] or '').ljust(2, '0')}"
    if text == "0.00":
        raise ValueError("must be more than zero")
    return text


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _day(value: object) -> str:
    try:
        return date.fromisoformat(_string(value)).isoformat()
    except ValueError:
        raise ValueError("must be a day, such as 2026-01-31") from None


def _instant(value: object) -> str:
    """In UTC, whatever zone it was given in."""
    try:
        given = datetime.fromisoformat(_string(value))
        if given.tzinfo is not None:
            return given.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be an instant with its zone, such as 2026-01-31T18:00:00Z")


def _day_or_instant(value: object) -> str:
    try:
        return _day(value)
    except ValueError:
        return _instant(value)


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be a time zone of the IANA database, such as America/Los_Angeles")
    return value


Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Credential = Annotated[SecretStr, Field(min_length=1, max_length=1000), AfterValidator(_one_line)]
AskedAmount = Annotated[
    str, BeforeValidator(_amount), WithJsonSchema({"type": "string", "pattern": r"^\d{1,13}(\.\d{1,2})?$"})
]
Day = Annotated[str, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
AskedInstant = Annotated[str, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
DayOrInstant = Annotated[
    str,
    BeforeValidator(_day_or_instant),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
TimeZone = Annotated[str, AfterValidator(_zone)]

Money = Annotated[str, Field(pattern=_MONEY, examples=["150.00"])]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
