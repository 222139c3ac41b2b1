"""The QuickBooks adapter against HTTP answers of every shape."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
import simplejson

from service.errors import Disconnected, Gone, Refused, Stale, Throttled, UnknownOutcome, Unreachable
from service.ports import Condition, Operation, QuickBooksWrite
from tests.contract.quickbooks_bench import (
    COMPANY,
    CREDIT,
    NOW,
    TOKEN_URL,
    Bench,
    bench,
    closed_port_company,
    corpus,
    corpus_json,
    token_answer,
)

MEMOS = f"{COMPANY}/creditmemo"
PAYMENTS = f"{COMPANY}/payment"
INVOICES = f"{COMPANY}/invoice"
QUERY = f"{COMPANY}/query"
BATCH = f"{COMPANY}/batch"
CDC = f"{COMPANY}/cdc"
HTML = "<html><body>Bad gateway</body></html>"


@pytest.fixture
def world() -> Iterator[Bench]:
    with bench() as made:
        yield made


def query_of(request: requests.PreparedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}


def memo_answer(**fields: object) -> str:
    return simplejson.dumps(
        {"CreditMemo": {"Id": "181", "SyncToken": "0", **fields}, "time": "2026-05-05T03:11:50.809-07:00"}
    )


def fault(code: str, detail: str = "", message: str = "Refused") -> dict[str, object]:
    return {"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": "ValidationFault"}}


# ------------------------------------------------------------------------------------------------- writing


def test_a_journaled_body_is_sent_byte_for_byte_with_its_request_id(world: Bench) -> None:
    body = '{"TotalAmt":  120.50, "PrivateNote": "Café — Distru credit 7"}'
    world.http.post(MEMOS, body=memo_answer(TotalAmt=120))

    world.company().write(QuickBooksWrite("CreditMemo", Operation.CREATE, body, "req-9"))

    [request] = world.requests_to(MEMOS)
    assert request.body == body.encode()
    assert query_of(request) == {"minorversion": "75", "requestid": "req-9"}
    assert request.headers["Authorization"] == "Bearer access-1"
    assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"


def test_amounts_come_back_as_exact_decimals(world: Bench) -> None:
    world.http.post(INVOICES, body=corpus("invoice/create-266-raw.json"))

    invoice = world.company().write(QuickBooksWrite("Invoice", Operation.CREATE, "{}", "req-1"))

    assert isinstance(invoice["TotalAmt"], Decimal | int)
    assert invoice["TotalAmt"] == corpus_json("invoice/create-266-raw.json")["Invoice"]["TotalAmt"]


def test_an_amount_in_a_recorded_answer_keeps_its_spelling(world: Bench) -> None:
    world.http.post(MEMOS, body='{"CreditMemo": {"Id": "1", "TotalAmt": 99999999999999.99, "Balance": 10.50}}')

    memo = world.company().write(CREDIT)

    assert (str(memo["TotalAmt"]), str(memo["Balance"])) == ("99999999999999.99", "10.50")


def test_names_beyond_ascii_survive_an_answer_without_a_charset(world: Bench) -> None:
    body = '{"CreditMemo": {"Id": "1", "PrivateNote": "Señor Ünïcode 株式会社"}}'
    world.http.post(MEMOS, body=body.encode(), content_type="application/json")

    assert world.company().write(CREDIT)["PrivateNote"] == "Señor Ünïcode 株式会社"


@pytest.mark.parametrize(
    ("entity", "operation", "expected"),
    [
        ("Invoice", Operation.VOID, {"operation": "void"}),
        ("Payment", Operation.VOID, {"operation": "update", "include": "void"}),
        ("Payment", Operation.DELETE, {"operation": "delete"}),
        ("Payment", Operation.UPDATE, {}),
    ],
)
def test_each_operation_takes_its_own_form(
    world: Bench, entity: str, operation: Operation, expected: dict[str, str]
) -> None:
    world.http.post(f"{COMPANY}/{entity.lower()}", json={entity: {"Id": "5"}})

    world.company().write(QuickBooksWrite(entity, operation, '{"Id": "5", "SyncToken": "0"}', "req-1"))

    [request] = world.requests_to(f"{COMPANY}/{entity.lower()}")
    assert query_of(request) == {"minorversion": "75", "requestid": "req-1", **expected}


def test_voiding_a_credit_memo_is_refused_before_it_is_sent(world: Bench) -> None:
    """QuickBooks would answer 200 and change nothing."""
    with pytest.raises(Refused) as refused:
        world.company().write(QuickBooksWrite("CreditMemo", Operation.VOID, "{}", "req-1"))

    assert refused.value.code == "void_not_supported"
    assert not world.requests_to(MEMOS)


def test_a_request_id_never_leaks_into_the_next_call(world: Bench) -> None:
    world.http.post(PAYMENTS, json={"Payment": {"Id": "5"}})
    world.http.get(f"{PAYMENTS}/5", json={"Payment": {"Id": "5"}})
    company = world.company()

    company.write(QuickBooksWrite("Payment", Operation.VOID, "{}", "req-1"))
    company.write(QuickBooksWrite("Payment", Operation.VOID, "{}", "req-2"))
    company.write(QuickBooksWrite("Payment", Operation.UPDATE, "{}", "req-3"))
    company.read("Payment", "5")

    sent = [query_of(request) for request in world.requests_to(PAYMENTS)]
    assert [one["requestid"] for one in sent] == ["req-1", "req-2", "req-3"]
    assert "include" not in sent[2]
    assert query_of(world.requests_to(f"{PAYMENTS}/5")[0]) == {"minorversion": "75"}


def test_a_delete_answers_its_stub(world: Bench) -> None:
    world.http.post(INVOICES, body=corpus("invoice/delete-266.json"))

    stub = world.company().write(QuickBooksWrite("Invoice", Operation.DELETE, "{}", "req-1"))

    assert stub["status"] == "Deleted"


LOST = [
    pytest.param({"body": requests.ReadTimeout("slow")}, id="timeout"),
    pytest.param({"body": requests.ConnectionError("reset by peer")}, id="reset"),
    pytest.param({"body": requests.exceptions.ChunkedEncodingError("half")}, id="broken off"),
    pytest.param({"status": 500, "json": fault("10000")}, id="500 with a fault"),
    pytest.param({"status": 502, "body": HTML, "content_type": "text/html"}, id="502 html"),
    pytest.param({"status": 503, "body": ""}, id="503 empty"),
    pytest.param({"status": 408, "body": ""}, id="408"),
    pytest.param({"status": 200, "body": HTML, "content_type": "text/html"}, id="200 html"),
    pytest.param({"status": 200, "body": ""}, id="200 empty"),
    pytest.param({"status": 200, "body": '{"CreditMemo": {"Id": "1'}, id="200 cut off"),
    pytest.param({"status": 200, "body": "[]"}, id="200 with a list"),
    pytest.param({"status": 200, "body": '{"time": "2026"}'}, id="200 without the object"),
    pytest.param({"status": 404, "body": HTML}, id="404 html"),
    pytest.param({"status": 302, "headers": {"Location": "https://elsewhere.test/"}}, id="redirect"),
    pytest.param({"status": 400, "json": fault("10000")}, id="400 with a severe fault"),
    pytest.param(
        {"status": 200, "json": {"Fault": {"Error": [], "type": "SystemFault"}}}, id="a fault without an error"
    ),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_write_without_a_usable_answer_has_an_unknown_outcome_and_is_not_repeated(
    world: Bench, lost: dict[str, object]
) -> None:
    world.http.post(MEMOS, **lost)

    with pytest.raises(UnknownOutcome):
        world.company().write(CREDIT)

    assert len(world.requests_to(MEMOS)) == 1
    assert world.slept == []


@pytest.mark.parametrize("lost", LOST)
def test_a_read_without_a_usable_answer_is_repeated_and_then_given_up(world: Bench, lost: dict[str, object]) -> None:
    world.http.get(f"{MEMOS}/1", **lost)

    with pytest.raises(Unreachable) as given_up:
        world.company().read("CreditMemo", "1")

    assert not isinstance(given_up.value, UnknownOutcome)


def test_a_read_that_fails_once_is_repeated(world: Bench) -> None:
    world.http.get(f"{MEMOS}/1", status=503)
    world.http.get(f"{MEMOS}/1", body=memo_answer())
    company = world.company()

    assert company.read("CreditMemo", "1")["Id"] == "181"
    assert (company.calls.metered, len(world.slept)) == (2, 1)


def test_a_write_to_a_closed_port_never_left_and_is_plainly_unreachable() -> None:
    """Nothing listens there: the connection is refused before a byte is sent."""
    with pytest.raises(Unreachable) as refused:
        closed_port_company().write(CREDIT)

    assert not isinstance(refused.value, UnknownOutcome)


# ------------------------------------------------------------------------------------------------- faults


def test_a_stale_object_is_told_apart(world: Bench) -> None:
    world.http.post(MEMOS, status=400, json=fault("5010"), headers={"intuit_tid": "1-abc"})

    with pytest.raises(Stale) as stale:
        world.company().write(CREDIT)

    assert (stale.value.quickbooks_code, stale.value.intuit_tid) == ("5010", "1-abc")


def test_610_means_gone_for_what_exists_and_an_inactive_reference_for_what_is_new(world: Bench) -> None:
    world.http.post(MEMOS, status=400, json=fault("610"))
    world.http.get(f"{MEMOS}/7", status=400, json=fault("610"))
    company = world.company()

    with pytest.raises(Gone):
        company.read("CreditMemo", "7")
    with pytest.raises(Gone):
        company.write(QuickBooksWrite("CreditMemo", Operation.UPDATE, "{}", "req-1"))
    with pytest.raises(Refused) as refused:
        company.write(CREDIT)
    assert refused.value.code == "inactive_reference"


def test_a_fault_inside_a_200_is_a_fault(world: Bench) -> None:
    world.http.post(MEMOS, status=200, json=fault("6540", "deposited"))

    with pytest.raises(Refused) as refused:
        world.company().write(CREDIT)

    assert refused.value.code == "deposited"


def test_of_several_errors_all_are_told_and_the_first_known_one_decides(world: Bench) -> None:
    errors = [
        {"Message": "Odd", "Detail": "", "code": "X-1"},
        {"Message": "Too long", "Detail": "21 chars", "code": "2050", "element": "DocNumber"},
    ]
    world.http.post(MEMOS, status=400, json={"Fault": {"Error": errors, "type": "ValidationFault"}})

    with pytest.raises(Refused) as refused:
        world.company().write(CREDIT)

    assert refused.value.code == "text_too_long"
    assert "Odd" in refused.value.message
    assert "[DocNumber]" in refused.value.message


@pytest.mark.parametrize("code", ["ABC", "7777"])
def test_an_unlisted_code_is_a_refusal_that_keeps_it(world: Bench, code: str) -> None:
    world.http.post(MEMOS, status=400, json=fault(code))

    with pytest.raises(Refused) as refused:
        world.company().write(CREDIT)

    assert (refused.value.code, refused.value.quickbooks_code) == ("unlisted_fault", code)


def test_a_validation_fault_without_an_error_is_a_refusal(world: Bench) -> None:
    world.http.post(MEMOS, status=400, json={"Fault": {"Error": [], "type": "ValidationFault"}})

    with pytest.raises(Refused):
        world.company().write(CREDIT)


@pytest.mark.parametrize(
    "throttled",
    [
        pytest.param({"status": 429, "body": ""}, id="429 empty"),
        pytest.param({"status": 429, "body": HTML}, id="429 html"),
        pytest.param({"status": 429, "body": corpus("fault/429-as-retold.json")}, id="429 json"),
        pytest.param({"status": 403, "body": corpus("fault/3001-throttle-403-xml.xml")}, id="403 xml"),
        pytest.param({"status": 503, "json": fault("003001")}, id="503 with the throttle's code"),
    ],
)
def test_throttling_ends_the_call_at_once(world: Bench, throttled: dict[str, object]) -> None:
    world.http.get(f"{MEMOS}/1", **throttled)

    with pytest.raises(Throttled) as limit:
        world.company().read("CreditMemo", "1")

    assert limit.value.retry_after_s == 60
    assert len(world.requests_to(f"{MEMOS}/1")) == 1


def test_a_retry_after_header_is_heard(world: Bench) -> None:
    world.http.post(MEMOS, status=429, headers={"Retry-After": "17"})

    with pytest.raises(Throttled) as limit:
        world.company().write(CREDIT)

    assert limit.value.retry_after_s == 17


# ------------------------------------------------------------------------------------------------- the grant


def test_a_refused_token_is_renewed_once_and_the_write_repeated(world: Bench) -> None:
    world.http.post(MEMOS, status=401, body=corpus("fault/3200-token-expired-401.json"))
    world.http.post(MEMOS, body=memo_answer())
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-2"))

    world.company().write(CREDIT)

    first, second = world.requests_to(MEMOS)
    assert second.headers["Authorization"] == "Bearer access-2"
    assert query_of(first) == query_of(second)
    assert first.body == second.body
    assert world.vault.held is not None
    assert world.vault.held.refresh == "refresh-2"


def test_a_token_that_is_refused_twice_is_a_dead_grant(world: Bench) -> None:
    world.http.post(MEMOS, status=401, body=corpus("fault/3200-token-expired-401.json"))
    world.http.post(TOKEN_URL, json=token_answer("access-2", "refresh-1"))

    with pytest.raises(Disconnected):
        world.company().write(CREDIT)

    assert len(world.requests_to(MEMOS)) == 2


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, corpus("fault/3100-authorization-failed.json"), "not_authorised"),
        (401, simplejson.dumps(fault("120")), "user_lost_access"),
        (400, simplejson.dumps(fault("6190")), "subscription_ended"),
        (400, simplejson.dumps(fault("10200")), "company_reset"),
        (400, simplejson.dumps(fault("140")), "company_locked"),
    ],
)
def test_what_no_refresh_heals_is_not_refreshed(world: Bench, status: int, body: str, code: str) -> None:
    world.http.post(MEMOS, status=status, body=body)

    with pytest.raises(Disconnected) as dead:
        world.company().write(CREDIT)

    assert dead.value.code == code
    assert not world.requests_to(TOKEN_URL)


def test_without_a_grant_nothing_is_called(world: Bench) -> None:
    world.vault.held = None

    with pytest.raises(Disconnected) as dead:
        world.company().preferences()

    assert dead.value.code == "not_connected"
    assert len(world.http.calls) == 0


# ------------------------------------------------------------------------------------------------- reading


def test_company_and_preferences_are_read_from_their_own_addresses(world: Bench) -> None:
    world.http.get(f"{COMPANY}/companyinfo/9130000000000001", json={"CompanyInfo": {"CompanyName": "Green"}})
    world.http.get(f"{COMPANY}/preferences", json={"Preferences": {"Id": "1"}})
    company = world.company()

    assert company.company_info()["CompanyName"] == "Green"
    assert company.preferences()["Id"] == "1"
    assert (company.calls.free, company.calls.metered) == (0, 2)


def test_an_id_cannot_lead_to_another_address(world: Bench) -> None:
    world.http.get(f"{COMPANY}/payment/..%2Finvoice%2F7%3Fx", json={"Payment": {"Id": "5"}})

    assert world.company().read("Payment", "../invoice/7?x")["Id"] == "5"


def test_a_query_quotes_its_values(world: Bench) -> None:
    world.http.post(QUERY, json={"QueryResponse": {}})

    where = [
        Condition("CustomerRef", "=", "1"),
        Condition("DocNumber", "=", "x\\' OR Id > '0"),
        Condition("Balance", ">", "0"),
        Condition("Id", "IN", ["1", "o'2"]),
        Condition("Job", "=", False),
    ]
    rows = list(world.company().query("Customer", where, with_inactive=True))

    [request] = world.requests_to(QUERY)
    assert rows == []
    assert request.headers["Content-Type"] == "application/text"
    assert request.body.decode() == (
        "SELECT * FROM Customer WHERE CustomerRef = '1' AND DocNumber = 'x\\\\\\' OR Id > \\'0' AND Balance > '0' "
        "AND Id IN ('1', 'o\\'2') AND Job = false AND Active IN (true, false) "
        "ORDERBY Id STARTPOSITION 1 MAXRESULTS 1000"
    )


def test_a_query_for_one_of_no_values_asks_nobody(world: Bench) -> None:
    assert list(world.company().query("Invoice", [Condition("Id", "IN", [])])) == []
    assert len(world.http.calls) == 0


def paged(world: Bench, ids: list[str], *, vanish_with_each_page: int = 0) -> None:
    """Serve these rows by position; with each page read, some of the first ones are deleted."""
    rows = [{"Id": one} for one in ids]

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, bytes)
        start = int(request.body.decode().split("STARTPOSITION ")[1].split()[0])
        page = rows[start - 1 : start + 999]
        del rows[:vanish_with_each_page]
        return 200, {}, simplejson.dumps({"QueryResponse": {"Payment": page} if page else {}})

    world.http.add_callback(responses.POST, QUERY, callback=answer)


def test_every_row_of_every_page_comes_once(world: Bench) -> None:
    paged(world, [str(n) for n in range(1, 2502)])
    company = world.company()

    ids = [row["Id"] for row in company.query("Payment")]

    assert ids == [str(n) for n in range(1, 2502)]
    assert company.calls.metered == 3


def test_a_full_last_page_ends_the_query(world: Bench) -> None:
    paged(world, [str(n) for n in range(1, 1001)])

    assert len(list(world.company().query("Payment"))) == 1000


def test_rows_deleted_while_paging_hide_no_others(world: Bench) -> None:
    """Three rows of the first page vanish after it was read: the later ones move up by three."""
    paged(world, [str(n) for n in range(1, 1501)], vanish_with_each_page=3)

    ids = [row["Id"] for row in world.company().query("Payment")]

    assert ids == [str(n) for n in range(1, 1501)]


def not_sorted_by_id(world: Bench, ids: list[str]) -> list[str]:
    """Serve these rows by position, in any order but that of Ids; answers the orders that were asked for."""
    rows, orders = [{"Id": one} for one in ids], []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, bytes)
        words = request.body.decode().split()
        orders.append(words[words.index("ORDERBY") + 1])
        start = int(words[words.index("STARTPOSITION") + 1])
        if orders[-1] == "Id":
            return 400, {}, simplejson.dumps(fault("4001", "property 'Id' is not sortable"))
        return 200, {}, simplejson.dumps({"QueryResponse": {words[3]: rows[start - 1 : start + 999]}})

    world.http.add_callback(responses.POST, QUERY, callback=answer)
    return orders


def test_an_entity_that_is_not_sorted_by_id_is_read_in_the_order_of_change(world: Bench) -> None:
    """It is refused once; after that the company's client knows, for this entity alone."""
    orders = not_sorted_by_id(world, [str(n) for n in range(1, 1501)])
    company = world.company()

    assert len(list(company.query("Term"))) == len(list(company.query("Term"))) == 1500
    assert orders == ["Id", *["MetaData.LastUpdatedTime"] * 4]
    assert len(list(company.query("Class"))) == 1500
    assert orders[5:] == ["Id", *["MetaData.LastUpdatedTime"] * 2]


def test_a_query_that_is_refused_in_either_order_is_refused(world: Bench) -> None:
    world.http.post(QUERY, status=400, json=fault("4001", "invalid context declaration: Custmoer"))
    company = world.company()

    for _ in range(2):
        with pytest.raises(Refused):
            list(company.query("Custmoer"))

    assert [b"ORDERBY Id " in request.body for request in world.requests_to(QUERY)] == [True, False] * 2


def test_another_refusal_of_a_query_is_not_asked_again(world: Bench) -> None:
    world.http.post(QUERY, status=400, json=fault("4000"))

    with pytest.raises(Refused):
        list(world.company().query("Payment"))

    assert len(world.requests_to(QUERY)) == 1


def test_changes_are_sorted_by_key_with_the_deleted_ones_apart(world: Bench) -> None:
    world.http.get(CDC, body=corpus("cdc/live-order-deleted.json"))
    since = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)

    changes = world.company().changes(["Customer", "Invoice", "Payment", "Account"], since)

    assert sorted(changes.deleted) == [("Customer", "7"), ("Invoice", "9")]
    assert [(entity, row["Id"]) for entity, row in changes.objects] == [("Account", "1"), ("Account", "2")]
    assert changes.complete_to == datetime(2026, 9, 15, 18, 25, 13, tzinfo=UTC)
    assert changes.capped == frozenset()
    [request] = world.requests_to(CDC)
    assert query_of(request) == {
        "entities": "Customer,Invoice,Payment,Account",
        "changedSince": "2026-11-20T10:00:00+00:00",
        "minorversion": "75",
    }


def test_the_documented_changes_are_read_in_spite_of_their_counters(world: Bench) -> None:
    world.http.get(CDC, body=corpus("cdc/doc-sample.json"))

    changes = world.company().changes(["Customer", "Estimate"], NOW)

    assert [row["Id"] for _, row in changes.objects] == ["63", "99", "34", "123"]
    assert changes.deleted == [("Estimate", "979")]


def test_no_changes_at_all_are_an_empty_part(world: Bench) -> None:
    world.http.get(CDC, json={"CDCResponse": [{}], "time": "2026-11-21T10:00:00.000-08:00"})

    changes = world.company().changes(["Payment"], NOW)

    assert (list(changes.objects), list(changes.deleted)) == ([], [])


@pytest.mark.parametrize("told", [{}, {"time": None}, {"time": "just now"}])
def test_changes_without_a_time_are_complete_up_to_the_asking(world: Bench, told: dict[str, object]) -> None:
    world.http.get(CDC, json={"CDCResponse": [{}], **told})

    assert world.company().changes(["Payment"], NOW - timedelta(hours=1)).complete_to == NOW


def test_an_answer_without_changes_is_unreachable(world: Bench) -> None:
    world.http.get(CDC, json={"time": "2026-11-21T10:00:00.000-08:00"})

    with pytest.raises(Unreachable):
        world.company().changes(["Payment"], NOW)


def test_a_full_answer_makes_every_entity_suspect(world: Bench) -> None:
    blocks = [{"Payment": [{"Id": str(n)} for n in range(600)]}, {"Invoice": [{"Id": str(n)} for n in range(400)]}]
    world.http.get(CDC, json={"CDCResponse": [{"QueryResponse": blocks}], "time": "2026-11-21T10:00:00.000-08:00"})

    changes = world.company().changes(["Payment", "Invoice", "CreditMemo"], NOW)

    assert changes.capped == {"Payment", "Invoice", "CreditMemo"}


def test_a_fault_inside_the_changes_is_raised(world: Bench) -> None:
    blocks = [{"Payment": [{"Id": "1"}]}, fault("5020")]
    world.http.get(CDC, json={"CDCResponse": [{"QueryResponse": blocks}], "time": "2026-11-21T10:00:00.000-08:00"})

    with pytest.raises(Refused) as refused:
        world.company().changes(["Payment", "Invoice"], NOW)

    assert refused.value.code == "permission_denied"


def test_changes_of_more_than_30_days_ago_are_not_asked_for(world: Bench) -> None:
    with pytest.raises(Refused) as refused:
        world.company().changes(["Payment"], NOW - timedelta(days=30, seconds=1))

    assert refused.value.code == "window_too_old"
    assert len(world.http.calls) == 0


# ------------------------------------------------------------------------------------------------- batches


def three_writes() -> list[QuickBooksWrite]:
    return [
        QuickBooksWrite("CreditMemo", Operation.CREATE, '{"TotalAmt":  1.10}', "req-1"),
        QuickBooksWrite("Payment", Operation.UPDATE, '{"Id": "5"}', "req-2"),
        QuickBooksWrite("Invoice", Operation.DELETE, '{"Id": "6"}', "req-3"),
    ]


def test_a_batch_accounts_for_every_write_in_the_order_given(world: Bench) -> None:
    """Items come back out of order, one of them not at all."""
    stale = {**fault("5010"), "bId": "1"}
    world.http.post(BATCH, json={"BatchItemResponse": [stale, {"CreditMemo": {"Id": "9"}, "bId": "0"}]})
    company = world.company()

    made, failed, missing = company.write_many(three_writes())

    assert made == {"Id": "9"}
    assert isinstance(failed, Stale)
    assert isinstance(missing, UnknownOutcome)
    assert (company.calls.free, company.calls.metered) == (0, 1)


def test_a_batch_carries_each_body_byte_for_byte_and_a_request_id_of_its_own(world: Bench) -> None:
    world.http.post(BATCH, json={"BatchItemResponse": []})
    company = world.company()

    company.write_many(three_writes())
    company.write_many(three_writes())
    company.write_many(three_writes()[:2])

    first, again, other = world.requests_to(BATCH)
    assert b'{"bId":"0","operation":"create","CreditMemo":{"TotalAmt":  1.10}}' in first.body
    assert simplejson.loads(first.body)["BatchItemRequest"][2]["operation"] == "delete"
    assert query_of(first)["requestid"] == query_of(again)["requestid"] != query_of(other)["requestid"]
    assert len(query_of(first)["requestid"]) <= 36


def test_the_recorded_batch_answer_is_understood(world: Bench) -> None:
    recorded = corpus_json("batch/mixed-success-610-5010-query.json")
    for number, item in enumerate(recorded["BatchItemResponse"]):
        item["bId"] = str(number)
    world.http.post(BATCH, body=simplejson.dumps(recorded, use_decimal=True))
    writes = [
        QuickBooksWrite("Vendor", Operation.CREATE, "{}", "req-1"),
        QuickBooksWrite("Invoice", Operation.DELETE, "{}", "req-2"),
        QuickBooksWrite("SalesReceipt", Operation.UPDATE, "{}", "req-3"),
    ]

    vendor, gone, stale = world.company().write_many(writes)

    assert isinstance(vendor, dict)
    assert vendor["Id"] == "71"
    assert isinstance(gone, Gone)
    assert isinstance(stale, Stale)


def test_a_batch_whose_answer_is_lost_is_unknown_as_a_whole(world: Bench) -> None:
    world.http.post(BATCH, status=504, body=HTML)

    with pytest.raises(UnknownOutcome):
        world.company().write_many(three_writes())


def test_a_repeated_batch_that_gets_a_bare_6000_is_not_taken_for_refused(world: Bench) -> None:
    world.http.post(BATCH, status=400, json=fault("6000", "A business validation error has occurred"))

    with pytest.raises(UnknownOutcome):
        world.company().write_many(three_writes())


def test_voids_in_a_batch_go_one_by_one(world: Bench) -> None:
    world.http.post(BATCH, json={"BatchItemResponse": [{"CreditMemo": {"Id": "9"}, "bId": "0"}]})
    world.http.post(INVOICES, json={"Invoice": {"Id": "7"}})
    void = QuickBooksWrite("Invoice", Operation.VOID, '{"Id": "7"}', "req-4")
    company = world.company()

    assert company.write_many([void, CREDIT]) == [{"Id": "7"}, {"Id": "9"}]
    assert (company.calls.free, company.calls.metered) == (1, 1)


def test_a_batch_of_too_many_is_a_programming_error(world: Bench) -> None:
    with pytest.raises(ValueError, match="at most 25"):
        world.company().write_many([CREDIT] * 26)


# ------------------------------------------------------------------------------------------------- discretion


def test_no_secret_is_in_an_error_a_representation_or_a_log(world: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.http.post(MEMOS, body=requests.ConnectionError("https://qbo.test/?query=Customer+Jones Bearer access-1"))

    with pytest.raises(UnknownOutcome) as lost:
        world.company().write(CREDIT)

    told = f"{lost.value!r} {lost.value.message} {caplog.text} {world.vault.held!r} {world.seen!r}"
    assert lost.value.__cause__ is None
    for secret in ("access-1", "refresh-1", "s3cret", "Jones"):
        assert secret not in told


def test_each_call_is_observed_with_its_transaction_id(world: Bench) -> None:
    world.http.post(MEMOS, body=memo_answer(), headers={"intuit_tid": "1-xyz"})

    world.company().write(CREDIT)

    [seen] = world.seen
    assert (seen.kind, seen.resource, seen.status, seen.intuit_tid) == ("write", "creditmemo", 200, "1-xyz")
