"""QuickBooks' webhooks, as recorded and as documented."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import simplejson

from service.quickbooks.notifications import Event, Unreadable, is_signed, parse
from tests.contract.quickbooks_bench import corpus

TOKEN = "verifier"


def signature(body: bytes, token: str = TOKEN) -> str:
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest()).decode()


def cloud_event(**fields: object) -> dict[str, object]:
    event = {
        "id": "e-1",
        "type": "qbo.creditmemo.created.v1",
        "time": "2026-11-20T10:11:51.043Z",
        "intuitentityid": "181",
        "intuitaccountid": "913",
        "data": {},
    }
    return {**event, **fields}


def read(document: object) -> list[Event]:
    return parse(simplejson.dumps(document).encode())


def test_a_body_is_signed_by_its_very_bytes() -> None:
    body = corpus("webhook/cloudevents-class-created.json").encode()

    assert is_signed(body, signature(body), TOKEN)
    assert is_signed(body, f" {signature(body)} ", TOKEN)
    assert not is_signed(body + b" ", signature(body), TOKEN)
    assert not is_signed(body, signature(body, "another"), TOKEN)


@pytest.mark.parametrize("header", ["", "not base64!", "ünïcode", "AAAA"])
def test_a_header_that_is_no_signature_is_none(header: str) -> None:
    assert not is_signed(b"{}", header, TOKEN)


def test_without_a_verifier_token_nothing_is_signed() -> None:
    assert not is_signed(b"{}", signature(b"{}", ""), "")


def test_the_recorded_older_format_is_read() -> None:
    events = parse(corpus("webhook/legacy-vendor-update-customer-create.json").encode())

    assert events == [
        Event("1269959970", "Vendor", "40", "update", datetime(2016, 10, 5, 3, 9, 4, tzinfo=UTC)),
        Event("1269959970", "Customer", "43", "create", datetime(2016, 10, 5, 3, 7, 4, tzinfo=UTC)),
    ]


def test_an_offset_without_a_colon_is_read() -> None:
    events = parse(corpus("webhook/doc-legacy-two-entities.json").encode())

    assert [event.at for event in events] == [datetime(2015, 10, 5, 21, 42, 19, tzinfo=UTC)] * 2


def test_recorded_cloud_events_are_read() -> None:
    [event] = parse(corpus("webhook/cloudevents-class-created.json").encode())

    assert (event.realm_id, event.entity, event.entity_id, event.operation) == ("310687", "Class", "1234", "create")
    assert event.at == datetime(2025, 10, 7, 19, 59, 7, 34359, tzinfo=UTC)
    assert event.event_id == "d1a3aedd-9670-41bf-a4f9-c148a1cc4e03"


def test_a_merge_names_the_one_that_is_gone_in_either_format() -> None:
    [event] = parse(corpus("webhook/doc-cloudevents-customer-merged.json").encode())
    assert (event.entity, event.entity_id, event.operation, event.deleted_id) == ("Customer", "123", "merge", "27")

    for spelling in ("deletedId", "deletedID", "deletedid"):
        change = {
            "name": "Customer",
            "id": "3",
            "operation": "Merge",
            spelling: "8",
            "lastUpdated": "2026-05-05T10:12:02Z",
        }
        [event] = read({"eventNotifications": [{"realmId": "9", "dataChangeEvent": {"entities": [change]}}]})
        assert (event.operation, event.deleted_id) == ("merge", "8")


@pytest.mark.parametrize(
    ("type_", "entity", "operation"),
    [
        ("qbo.creditmemo.void.v1", "CreditMemo", "void"),
        ("qbo.payment.voided.v1", "Payment", "void"),
        ("qbo.refundreceipt.deleted.v1", "RefundReceipt", "delete"),
        ("qbo.invoice.emailed.v1", "Invoice", "emailed"),
        ("qbo.brandnew.sparkled.v2", "brandnew", "sparkled"),
    ],
)
def test_verbs_and_entities_get_one_spelling_and_new_ones_pass(type_: str, entity: str, operation: str) -> None:
    [event] = read([cloud_event(type=type_)])

    assert (event.entity, event.operation) == (entity, operation)


def test_one_delivery_may_speak_of_several_companies() -> None:
    realms = [event.realm_id for event in read([cloud_event(), cloud_event(intuitaccountid="914")])]

    assert realms == ["913", "914"]


def test_missing_data_and_an_odd_time_do_not_lose_the_hint() -> None:
    event = cloud_event(time="yesterday")
    del event["data"]

    [read_event] = read([event])

    assert read_event.at is None


def test_an_empty_delivery_says_nothing() -> None:
    assert read([]) == []
    assert read({"eventNotifications": []}) == []


@pytest.mark.parametrize("data", [None, [], ["deletedId", "8"], "deletedId", 7, {"deletedId": None}, {"deletedId": []}])
def test_data_that_names_no_deleted_object_is_ignored(data: object) -> None:
    [event] = read([cloud_event(data=data, id={})])

    assert (event.entity_id, event.deleted_id, event.event_id) == ("181", None, None)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff\xfe", b"not json", b"{}", b"null", b"7", b'{"eventNotifications": {}}'),
        *(b"[" * 100_000, b'{"a":' * 100_000, b"[1e99999999999999999999]", b"[" + b"9" * 5000 + b"]"),
    ],
    ids=lambda body: body[:12].decode(errors="replace"),
)
def test_what_is_no_webhook_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="neither"):
        parse(body)


def test_what_can_be_read_beside_what_cannot_is_kept() -> None:
    broken = [cloud_event(type="qbo"), cloud_event(intuitentityid=None), cloud_event(intuitentityid="1\x00"), {}]

    with pytest.raises(Unreadable) as unreadable:
        read([cloud_event(), *broken])

    assert [event.entity_id for event in unreadable.value.events] == ["181"]
    assert str(unreadable.value).count("event ") == 4


def test_an_older_notification_without_a_realm_is_unreadable_and_hides_no_other() -> None:
    change = {"name": "Invoice", "id": "1", "operation": "Update", "lastUpdated": "2026-05-05T10:12:02Z"}
    good = {"realmId": "9", "dataChangeEvent": {"entities": [change]}}

    with pytest.raises(Unreadable) as unreadable:
        read({"eventNotifications": [{"dataChangeEvent": {"entities": [change]}}, good, "odd"]})

    assert [event.realm_id for event in unreadable.value.events] == ["9"]


@pytest.mark.parametrize("odd", [None, 7, "odd", [], [[]], {"type": {}}, cloud_event(intuitaccountid="\ud800")])
def test_an_event_that_is_none_is_unreadable_and_no_crash(odd: object) -> None:
    with pytest.raises(Unreadable, match="event 0"):
        read([odd])


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_at_the_end_of_the_calendar_is_none(time: str) -> None:
    [event] = read([cloud_event(time=time)])

    assert event.at is None
