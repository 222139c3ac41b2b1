"""The ERP adapter against HTTP answers of every shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from service.erp.client import ErpClient
from service.erp.door import HttpErpDoor
from service.erp.limiter import Limiter
from service.errors import Disconnected, Gone, Refused, Stale, Throttled, UnknownOutcome, Unreachable

ERP = "https://erp.test"
PUBLIC = f"{ERP}/public/v1"
PRIVATE = f"{ERP}/integrations/quickbooks/v1"
KEY = "erp-key-1"


@dataclass
class VirtualClock:
    """Time passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Bench:
    """One account behind the real adapter; `http` plays the ERP."""

    http: responses.RequestsMock
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.door = HttpErpDoor(ERP, now=self.clock.read, sleep=self.clock.sleep)

    def erp(self, account_id: str = "account-1") -> ErpClient:
        return self.door.open(account_id, KEY)

    @property
    def sent(self) -> list[requests.PreparedRequest]:
        return [call.request for call in self.http.calls]


@pytest.fixture
def world() -> Iterator[Bench]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        yield Bench(http)


def query_of(request: requests.PreparedRequest) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(str(request.url)).query)


def body_of(request: requests.PreparedRequest) -> object:
    return simplejson.loads(request.body or "null", use_decimal=True)


def page(*ids: str, next_page: str | None = None) -> dict[str, object]:
    return {"data": [{"id": one} for one in ids], "next_page": next_page}


# ------------------------------------------------------------------------------------------------- reading


def test_changes_are_asked_for_from_an_instant_on(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/payments", json=page("p-1"))
    since = datetime(2026, 11, 21, 18, 0, 0, 5, tzinfo=UTC)

    records = list(world.erp().changed("payment", since))

    [request] = world.sent
    assert [record["id"] for record in records] == ["p-1"]
    assert query_of(request) == [("updated_datetime", "2026-11-21T18:00:00.000005Z,")]
    assert request.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("kind", "path", "deleted"),
    [
        ("company", "companies", True),
        ("invoice", "invoices", False),
        ("payment", "payments", False),
        ("credit", "credits", True),
        ("return", "returns", False),
        ("refund", "refunds", False),
    ],
)
def test_each_kind_has_its_list_and_soft_deleted_ones_are_asked_for(
    world: Bench, kind: str, path: str, deleted: bool
) -> None:
    world.http.get(f"{PUBLIC}/{path}", json=page("1"))

    assert len(list(world.erp().changed(kind, None))) == 1

    assert query_of(world.sent[0]) == ([("deleted", "include")] if deleted else [])


def test_the_next_page_is_followed_as_it_is_given(world: Bench) -> None:
    following = f"{PUBLIC}/invoices?page%5Bafter%5D=abc%3D%3D&odd=%2B"
    world.http.get(f"{PUBLIC}/invoices", json=page("1", next_page=following))
    world.http.get(following, json=page("2"), match_querystring=None)
    erp = world.erp()

    ids = [record["id"] for record in erp.changed("invoice", None)]

    assert ids == ["1", "2"]
    assert world.sent[1].url == following
    assert erp.calls == 2


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/public/v1/invoices",
        "http://erp.test/public/v1/invoices",
        "https://erp.test:8443/public/v1/invoices",
        "https://erp.test@evil.test/public/v1/invoices",
        "//evil.test/public/v1/invoices",
    ],
)
def test_a_next_page_is_asked_of_the_erp_that_we_know_by_whatever_name_it_calls_itself(
    world: Bench, elsewhere: str
) -> None:
    """Behind a proxy it may not know its own; no other server is given the key."""
    world.http.get(f"{PUBLIC}/invoices", json=page("1", next_page=f"{elsewhere}?cursor=2"))
    world.http.get(f"{PUBLIC}/invoices?cursor=2", json=page("2"))

    ids = [record["id"] for record in world.erp().changed("invoice", None)]

    assert ids == ["1", "2"]
    assert world.sent[1].url == f"{PUBLIC}/invoices?cursor=2"


def test_an_erp_without_such_a_list_is_said_to_have_none(world: Bench) -> None:
    """A mistyped ERP_API_URL, mostly: whoever looks at the problem learns what to check."""
    world.http.get(f"{PUBLIC}/invoices", status=404, json={"errors": [{"message": "not found"}]})

    with pytest.raises(Refused) as refused:
        list(world.erp().changed("invoice", None))

    assert refused.value.code == "erp_list_missing"
    assert "ERP_API_URL" in refused.value.message


def test_a_relative_next_page_stays_at_the_erp(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/invoices", json=page("1", next_page="/public/v1/invoices?cursor=2"))
    world.http.get(f"{PUBLIC}/invoices?cursor=2", json=page("2"))

    assert [record["id"] for record in world.erp().changed("invoice", None)] == ["1", "2"]


def test_pages_that_lead_in_a_circle_end(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/invoices", json=page("1", next_page=f"{PUBLIC}/invoices"))

    with pytest.raises(Refused) as refused:
        list(world.erp().changed("invoice", None))

    assert refused.value.code == "erp_page_loop"


def test_records_are_asked_for_by_two_hundred_ids_at_a_time(world: Bench) -> None:
    asked: list[list[tuple[str, str]]] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        asked.append(query_of(request))
        return 200, {}, simplejson.dumps(page(*[value for name, value in asked[-1] if name == "ids[]"]))

    world.http.add_callback(responses.GET, f"{PUBLIC}/credits", callback=answer)
    wanted = [f"cr-{n}" for n in range(450)]

    records = world.erp().by_ids("credit", [*wanted, "cr-0", "cr-1"])

    assert [record["id"] for record in records] == wanted
    assert [len(query) - 1 for query in asked] == [80, 80, 80, 80, 80, 50]
    assert all(query[-1] == ("deleted", "include") for query in asked)


def test_no_ids_ask_nobody(world: Bench) -> None:
    assert world.erp().by_ids("credit", []) == []
    assert world.sent == []


def test_amounts_are_read_exactly(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/returns", body='{"data": [{"total": 99.50, "other": "99.5"}], "next_page": null}')

    [record] = world.erp().changed("return", None)

    assert (record["total"], str(record["total"]), record["other"]) == (Decimal("99.50"), "99.50", "99.5")


# ------------------------------------------------------------------------------------------------- writing


def test_a_declaration_carries_money_as_decimal_strings(world: Bench) -> None:
    world.http.put(f"{PRIVATE}/payments/55", json={"payments": [], "credits": []})

    answer = world.erp().declare_payment(
        "55", {"total_amount": Decimal("120.50"), "applications": [{"amount": "3.00"}]}
    )

    [request] = world.sent
    assert answer == {"payments": [], "credits": []}
    assert request.body == b'{"total_amount": "120.50", "applications": [{"amount": "3.00"}]}'


def test_what_a_declaration_made_is_found_with_or_without_an_envelope(world: Bench) -> None:
    world.http.put(f"{PRIVATE}/credit-memos/7", json={"credit": {"id": "c"}})
    world.http.put(f"{PRIVATE}/credit-memos/8", json={"data": {"credit": None}})

    assert world.erp().declare_credit_memo("7", {})["credit"] == {"id": "c"}
    assert world.erp().declare_credit_memo("8", {})["credit"] is None


def test_links_go_five_hundred_at_a_time_and_the_unknown_ones_come_back(world: Bench) -> None:
    sizes: list[int] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        links = simplejson.loads(request.body or "")["links"]
        sizes.append(len(links))
        return 200, {}, simplejson.dumps({"unknown": [links[0]["id"]]})

    world.http.add_callback(responses.PUT, f"{PRIVATE}/links", callback=answer)

    unknown = world.erp().put_links([{"id": f"i-{n}"} for n in range(1001)])

    assert sizes == [500, 500, 1]
    assert unknown == ["i-0", "i-500", "i-1000"]


def test_no_links_tell_nobody(world: Bench) -> None:
    assert world.erp().put_links([]) == []
    assert world.sent == []


def test_voiding_and_cancelling_use_the_public_calls(world: Bench) -> None:
    world.http.post(f"{PUBLIC}/payments/p-1/void", json={"data": {"id": "p-1", "status": "VOIDED"}})
    world.http.post(f"{PUBLIC}/credits/c-1/cancel", json={"data": {"id": "c-1", "status": "CANCELED"}})
    erp = world.erp()

    assert erp.void_payment("p-1")["status"] == "VOIDED"
    assert erp.cancel_credit("c-1", delete_uses=True)["status"] == "CANCELED"
    assert body_of(world.sent[1]) == {"should_delete_credit_uses": True}


def test_a_company_met_in_quickbooks_is_made(world: Bench) -> None:
    world.http.post(f"{PRIVATE}/companies", json={"company": {"id": "co-9"}})

    assert world.erp().create_company({"qb_customer_id": "12", "name": "Green"}) == {"id": "co-9"}


def test_an_id_cannot_lead_to_another_address(world: Bench) -> None:
    world.http.post(f"{PUBLIC}/payments/..%2Fcredits%2Fc%3F/void", json={"data": {"id": "x"}})

    assert world.erp().void_payment("../credits/c?")["id"] == "x"


# ------------------------------------------------------------------------------------------------- failing

LOST = [
    pytest.param({"body": requests.ReadTimeout("slow")}, id="timeout"),
    pytest.param({"body": requests.ConnectionError("reset")}, id="reset"),
    pytest.param({"status": 500, "json": {"errors": [{"message": "oops"}]}}, id="500"),
    pytest.param({"status": 502, "body": "<html>"}, id="502 html"),
    pytest.param({"status": 200, "body": "<html>"}, id="200 html"),
    pytest.param({"status": 200, "body": ""}, id="200 empty"),
    pytest.param({"status": 200, "body": '{"data": ['}, id="200 cut off"),
    pytest.param({"status": 302, "headers": {"Location": "https://evil.test/"}}, id="redirect"),
]


@pytest.mark.parametrize("lost", LOST)
def test_what_is_safe_to_repeat_is_repeated_and_then_given_up(world: Bench, lost: dict[str, object]) -> None:
    world.http.get(f"{PUBLIC}/invoices", **lost)
    world.http.put(f"{PRIVATE}/payments/5", **lost)

    with pytest.raises(Unreachable):
        list(world.erp().changed("invoice", None))
    with pytest.raises(Unreachable):
        world.erp().declare_payment("5", {})

    assert [request.method for request in world.sent] == ["GET"] * 3 + ["PUT"] * 3


@pytest.mark.parametrize("lost", LOST)
def test_a_void_without_an_answer_has_an_unknown_outcome_and_is_not_repeated(
    world: Bench, lost: dict[str, object]
) -> None:
    world.http.post(f"{PUBLIC}/payments/p-1/void", **lost)

    with pytest.raises(UnknownOutcome):
        world.erp().void_payment("p-1")

    assert len(world.sent) == 1


def test_a_read_that_fails_once_is_repeated(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/invoices", status=503)
    world.http.get(f"{PUBLIC}/invoices", json=page("1"))
    erp = world.erp()

    assert len(list(erp.changed("invoice", None))) == 1
    assert erp.calls == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_dead_key_disconnects(world: Bench, status: int) -> None:
    world.http.get(f"{PUBLIC}/invoices", status=status, json={"errors": [{"message": "unknown key"}]})

    with pytest.raises(Disconnected) as dead:
        list(world.erp().changed("invoice", None))

    assert dead.value.code == "erp_key_refused"
    assert KEY not in dead.value.message


def test_the_erps_own_sentences_come_with_their_places(world: Bench) -> None:
    errors = [{"message": "must be positive", "pointer": ["items", 0, "quantity"]}, {"message": "is closed"}]
    world.http.put(f"{PRIVATE}/payments/5", status=400, json={"errors": errors})

    with pytest.raises(Refused) as refused:
        world.erp().declare_payment("5", {})

    assert (refused.value.code, refused.value.message) == (
        "erp_refused",
        "must be positive (items.0.quantity); is closed",
    )
    assert len(world.sent) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"errors": "odd"}', '{"errors": ["odd"]}', '{"errors": [{}]}'])
def test_an_odd_refusal_is_a_refusal(world: Bench, body: str) -> None:
    world.http.put(f"{PRIVATE}/payments/5", status=400, body=body)

    with pytest.raises(Refused):
        world.erp().declare_payment("5", {})


def test_what_is_not_there_is_gone_and_what_is_newer_is_stale(world: Bench) -> None:
    world.http.post(f"{PUBLIC}/payments/p-1/void", status=404, json={"errors": [{"message": "not found"}]})
    world.http.put(f"{PRIVATE}/payments/5", status=409, json={"errors": [{"message": "stale"}]})

    with pytest.raises(Gone):
        world.erp().void_payment("p-1")
    with pytest.raises(Stale):
        world.erp().declare_payment("5", {})


@pytest.mark.parametrize(("header", "wait_s"), [({"Retry-After": "7"}, 7), ({}, 30), ({"Retry-After": "soon"}, 30)])
def test_a_429_is_not_slept_out(world: Bench, header: dict[str, str], wait_s: int) -> None:
    world.http.get(f"{PUBLIC}/invoices", status=429, headers=header)

    with pytest.raises(Throttled) as limit:
        list(world.erp().changed("invoice", None))

    assert limit.value.retry_after_s == wait_s
    assert len(world.sent) == 1


# ------------------------------------------------------------------------------------------------- politeness


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.floats(0, 1.5), min_size=1, max_size=60))
def test_no_more_than_so_many_requests_start_within_any_second(per_second: int, pauses: list[float]) -> None:
    clock = VirtualClock()
    limiter = Limiter(per_second, now=clock.read, sleep=clock.sleep)
    starts: list[float] = []

    for pause in pauses:
        clock.now += pause
        limiter.wait()
        starts.append(clock.now)

    for start in starts:
        assert sum(1 for other in starts if start <= other < start + 1.0) <= per_second


def test_the_pace_is_kept_per_account_however_often_it_is_opened(world: Bench) -> None:
    world.http.get(f"{PUBLIC}/invoices", json=page("1"))

    for _ in range(6):
        list(world.erp("account-1").changed("invoice", None))
    busy = world.clock.now
    list(world.erp("account-2").changed("invoice", None))

    assert busy - 1000.0 >= 2.0
    assert world.clock.now == busy


@pytest.mark.parametrize(("per_second", "apart_s"), [(0.5, 2.0), (0.1, 10.0), (1.0, 1.0)])
def test_a_pace_below_one_a_second_is_kept(per_second: float, apart_s: float) -> None:
    clock = VirtualClock()
    door = HttpErpDoor(ERP, max_per_second=per_second, now=clock.read, sleep=clock.sleep)

    with responses.RequestsMock() as http:
        http.get(f"{PUBLIC}/invoices", json=page("1"))
        for _ in range(3):
            list(door.open("account-1", KEY).changed("invoice", None))

    assert all(apart_s <= slept <= apart_s + 0.1 for slept in clock.slept)
    assert len(clock.slept) == 2


def test_a_fraction_above_one_a_second_does_not_count() -> None:
    clock = VirtualClock()
    limiter = Limiter(2.9, now=clock.read, sleep=clock.sleep)

    for _ in range(3):
        limiter.wait()

    assert len(clock.slept) == 1


@pytest.mark.parametrize("per_second", [0, -0.5])
def test_a_pace_of_nothing_is_refused(per_second: float) -> None:
    with pytest.raises(ValueError, match="ERP_MAX_RPS"):
        Limiter(per_second)
