"""The ERP's webhooks (ERP contract, part 1): are they the ERP's, and what do they say."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import simplejson

_PREFIX = "sha256="


@dataclass(frozen=True)
class ErpNotice:
    """One event. `type` and `event` as the contract spells them (`INVOICE`, `UPDATE`), also ones that are new to us.

    `object` is the whole record as it was when sent, None on a delete; `changes` what moved, by field.
    """

    type: str
    event: str
    id: str
    object: Mapping[str, Any] | None
    changes: Mapping[str, Any]
    occurred_at: datetime


class Unreadable(Exception):
    """Not JSON that can be read, or not this envelope; the text names everything that is wrong."""


def is_signed(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Whether `x-distru-signature` fits these very bytes under any of the secrets. Empty secrets sign nothing."""
    given = header.strip().removeprefix(_PREFIX).lower().encode()
    if not header.strip().startswith(_PREFIX):
        return False
    signatures = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets if secret)
    return any(hmac.compare_digest(signature.encode(), given) for signature in signatures)


def parse(body: bytes) -> ErpNotice:
    """The event in a webhook's body. What is wrong inside the record is not looked at here."""
    try:
        envelope = simplejson.loads(body.decode(), use_decimal=True)
    except (ValueError, ArithmeticError, RecursionError):
        raise Unreadable("not JSON") from None
    if not isinstance(envelope, dict):
        raise Unreadable("not an object")
    occurred_at = _instant(envelope.get("occurred_datetime"))
    wrong = _findings(envelope)
    if occurred_at is None:
        wrong.append("occurred_datetime is no instant")
    if wrong or occurred_at is None:
        raise Unreadable("; ".join(wrong))
    return ErpNotice(
        type=envelope["type"],
        event=envelope["event"],
        id=envelope["id"],
        object=envelope.get("object"),
        changes=envelope.get("changes") or {},
        occurred_at=occurred_at,
    )


def _findings(envelope: Mapping[str, Any]) -> list[str]:
    texts = [f"{name} is no text" for name in ("type", "event", "id") if not _is_text(envelope.get(name))]
    objects = [f"{name} is no object" for name in ("object", "changes") if not _is_object(envelope.get(name))]
    return texts + objects


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_object(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _instant(text: object) -> datetime | None:
    """An instant without an offset is UTC (ERP contract, conventions)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
