"""The ERP's webhooks: signature and envelope."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import simplejson

from service.erp.notifications import Unreadable, is_signed, parse

BODY = (
    b'{"type": "CREDIT", "event": "UPDATE", "id": "c-1", "object": {"amount": "120.00", "total": 99.50},'
    b' "changes": {"amount": {"before": "150.00", "after": "120.00"}},'
    b' "occurred_datetime": "2026-11-21T18:00:00.000001Z"}'
)


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(**fields: object) -> bytes:
    return simplejson.dumps({**simplejson.loads(BODY), **fields}).encode()


def test_any_of_several_secrets_signs() -> None:
    for secret in ("new", "old"):
        assert is_signed(BODY, signature(BODY, secret), ["new", "old"])
    assert not is_signed(BODY, signature(BODY, "other"), ["new", "old"])
    assert not is_signed(BODY + b" ", signature(BODY, "new"), ["new"])


@pytest.mark.parametrize(
    "header", ["", "sha256=", "sha256=zz", "ünïcode", signature(BODY, "new").removeprefix("sha256=")]
)
def test_a_header_that_is_no_signature_is_none(header: str) -> None:
    assert not is_signed(BODY, header, ["new"])


def test_an_empty_secret_signs_nothing() -> None:
    assert not is_signed(BODY, signature(BODY, ""), ["", "new"])
    assert not is_signed(BODY, signature(BODY, ""), [])


def test_an_event_is_read_whole() -> None:
    notice = parse(BODY)

    assert (notice.type, notice.event, notice.id) == ("CREDIT", "UPDATE", "c-1")
    assert notice.object == {"amount": "120.00", "total": Decimal("99.50")}
    assert notice.changes["amount"]["after"] == "120.00"
    assert notice.occurred_at == datetime(2026, 11, 21, 18, 0, 0, 1, tzinfo=UTC)


def test_a_delete_has_no_object_and_perhaps_no_changes() -> None:
    notice = parse(envelope(event="DELETE", object=None, changes=None))

    assert notice.object is None
    assert notice.changes == {}


def test_types_that_are_new_to_us_are_read_all_the_same() -> None:
    assert parse(envelope(type="PACKAGE", event="SPLIT")).type == "PACKAGE"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"not json", b'{"type": "CRE', b"[" * 100_000, b'{"a":' * 100_000, b"[1e99999999999999999999]"],
    ids=lambda body: body[:12].decode(errors="replace"),
)
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not JSON"):
        parse(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7"])
def test_what_is_no_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not an object"):
        parse(body)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Unreadable) as unreadable:
        parse(b'{"event": 7, "id": "", "object": [], "changes": "x", "occurred_datetime": "yesterday"}')

    told = str(unreadable.value)
    for name in ("type", "event", "id", "object", "changes", "occurred_datetime"):
        assert name in told


def test_a_time_at_the_end_of_the_calendar_is_none() -> None:
    with pytest.raises(Unreadable, match="occurred_datetime"):
        parse(envelope(occurred_datetime="0001-01-01T00:00:00+14:00"))
