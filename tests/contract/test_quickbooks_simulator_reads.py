"""Queries, change data capture, batches, and what they cost (REFERENCE 6, 7, 8, 10)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.quickbooks_simulator_world import World, exact, payment, sales_form, token_of, world

__all__ = ["world"]


@pytest.fixture
def customer(world: World) -> str:
    return world.customer()


@pytest.fixture
def memos(world: World, customer: str) -> list[Any]:
    """Three memos of 10, 20 and 30, a minute apart; the second is used up."""
    made = []
    for number, amount in enumerate(("10.00", "20.00", "30.00"), start=1):
        world.clock.turn(minutes=1)
        form = sales_form(customer, amount, DocNumber=f"CR-{number}", TxnDate=f"2026-11-0{number}")
        made.append(world.post("CreditMemo", form))
    invoice = world.company.person.create_invoice(customer, "20.00")
    world.company.switches.memo_moves_when_applied = False
    world.company.person.apply_credit(made[1]["Id"], invoice["Id"], "20.00")
    return made


STATEMENTS = [
    ("select * from CreditMemo where Balance > '0'", ["CR-3", "CR-1"]),
    ("SELECT * FROM CreditMemo WHERE CustomerRef = '1' AND Balance > '0' ORDERBY Id", ["CR-1", "CR-3"]),
    ("select * from CreditMemo order by DocNumber desc", ["CR-3", "CR-2", "CR-1"]),
    ("select * from CreditMemo", ["CR-3", "CR-2", "CR-1"]),
    ("select * from CreditMemo where DocNumber in ('CR-1', 'CR-3') orderby DocNumber", ["CR-1", "CR-3"]),
    ("select * from CreditMemo where DocNumber like '%-2'", ["CR-2"]),
    (
        "select * from CreditMemo where DocNumber like 'CR%' and TxnDate >= '2026-11-02' orderby TxnDate",
        ["CR-2", "CR-3"],
    ),
    ("select * from CreditMemo where Id < '2'", ["CR-1"]),
    ("select * from CreditMemo orderby Id startposition 2 maxresults 1", ["CR-2"]),
    ("select * from CreditMemo orderby Id maxresults 1 startposition 3", ["CR-3"]),
    (
        "select * from CreditMemo where MetaData.LastUpdatedTime > '2026-11-20T10:01:00-08:00' orderby Id",
        ["CR-2", "CR-3"],
    ),
    ("select * from CreditMemo where MetaData.CreateTime <= '2026-11-20T10:01:00'", ["CR-1"]),
    ("select * from CreditMemo where DocNumber = 'cr-1'", ["CR-1"]),
]


@pytest.mark.parametrize(("statement", "numbers"), STATEMENTS, ids=[row[0] for row in STATEMENTS])
def test_a_query_finds_orders_and_pages(world: World, memos: list[Any], statement: str, numbers: list[str]) -> None:
    found = world.query(statement)

    assert [memo["DocNumber"] for memo in found["CreditMemo"]] == numbers
    assert found["maxResults"] == len(numbers)


BROKEN = [
    ("4000", "select from CreditMemo"),
    ("4000", "select * from CreditMemo where Balance != '0'"),
    ("4000", "select * from CreditMemo where Id = '1' or Id = '2'"),
    ("4000", "select * from CreditMemo where DocNumber = CR-1"),
    ("4000", "select * from CreditMemo where DocNumber = 'it's'"),
    ("4000", "update CreditMemo"),
    ("4001", "select * from Custmoer"),
    ("4001", "select * from Payment where UnappliedAmt > '0'"),
    ("4001", "select * from Payment where DocNumber = '1'"),
    ("4001", "select * from CreditMemo where RemainingCredit > '0'"),
    ("4001", "select * from CreditMemo startposition 0"),
    ("4001", "select * from CreditMemo where Balance > 'much'"),
    ("4001", "select * from CreditMemo where MetaData.CreateTime > 'yesterday'"),
    ("4001", "select * from CreditMemo orderby CustomerRef"),
    ("2020", " "),
]


@pytest.mark.parametrize(("code", "statement"), BROKEN, ids=[row[1] for row in BROKEN])
def test_a_query_that_can_not_be_asked_is_refused(world: World, memos: list[Any], code: str, statement: str) -> None:
    assert world.fault(world.raw("GET", "query", query=statement)) == code


def test_an_apostrophe_and_an_ampersand_in_a_name_are_found(world: World) -> None:
    world.company.person.create_customer("Amy's \\ Bird & Sons")

    found = world.query(r"select * from Customer where DisplayName = 'Amy\'s \\ Bird & Sons'")

    assert len(found["Customer"]) == 1


def test_a_query_in_the_body_is_the_same_as_in_the_address(world: World, memos: list[Any]) -> None:
    statement = "select * from CreditMemo where Balance > '0'"

    answer = world.session.post(world.url("query"), data=statement, headers={"Content-Type": "application/text"})

    assert exact(answer)["QueryResponse"] == world.query(statement)


def test_selected_properties_and_counts(world: World, memos: list[Any]) -> None:
    [first, *_] = world.query("select Id, SyncToken from CreditMemo")["CreditMemo"]

    assert first == {"domain": "QBO", "sparse": False, "Id": "3", "SyncToken": "0"}
    assert world.query("select count(*) from CreditMemo where Balance > '0'") == {"totalCount": 2}


def test_a_page_past_the_end_is_empty(world: World, memos: list[Any]) -> None:
    assert world.query("select * from CreditMemo startposition 4") == {}


def test_lists_hide_the_inactive_and_come_by_name(world: World) -> None:
    names = [item["Name"] for item in world.query("select * from Item")["Item"]]
    every = [item["Name"] for item in world.query("select * from Item where Active in (true, false)")["Item"]]

    assert names == ["Blue Dream 3.5g", "Distru Sales", "Services"]
    assert "Old Product (deleted)" in every


def test_changes_come_oldest_first_with_the_deleted_behind(world: World, memos: list[Any], customer: str) -> None:
    since = world.clock.now
    world.clock.turn(minutes=1)
    world.delete("CreditMemo", world.get("CreditMemo", memos[0]["Id"]))
    world.clock.turn(minutes=1)
    changed = world.post("CreditMemo", {**token_of(memos[2]), "sparse": True, "PrivateNote": "x"})

    rows = world.cdc("CreditMemo,Payment", since)["CreditMemo"]

    assert [(row["Id"], row.get("status")) for row in rows[-2:]] == [(changed["Id"], None), (memos[0]["Id"], "Deleted")]
    assert rows[-2] == changed


def test_nothing_changed_at_all_is_one_empty_block(world: World) -> None:
    world.clock.turn(minutes=1)

    answer = world.raw("GET", "cdc", entities="Invoice,Payment", changedSince=world.clock.now.isoformat())

    assert answer.json()["CDCResponse"] == [{"QueryResponse": [{}]}]


@pytest.mark.parametrize(
    ("code", "entities", "since"),
    [
        ("2190", "Invoice", "2026-10-21T09:59:59-08:00"),
        ("2060", "Invoice", "last week"),
        ("2020", "Invoice", ""),
        ("2020", "", "2026-11-20"),
        ("2000", "TaxCode", "2026-11-20"),
    ],
)
def test_changes_that_can_not_be_asked_for_are_refused(world: World, code: str, entities: str, since: str) -> None:
    assert world.fault(world.raw("GET", "cdc", entities=entities, changedSince=since)) == code


def test_a_deposit_is_invisible_among_changed_payments(world: World, customer: str) -> None:
    paid = world.company.person.take_payment(customer, "10.00")
    world.clock.turn(minutes=1)

    world.company.person.deposit([paid["Id"]])

    assert world.cdc("Payment", world.clock.now) == {}


def test_data_in_is_free_and_data_out_is_metered(world: World, customer: str) -> None:
    world.company.reset_calls()
    memo = world.post("CreditMemo", sales_form(customer, "10.00"))
    memo = world.post("CreditMemo", {**token_of(memo), "sparse": True, "PrivateNote": "x"})
    world.delete("CreditMemo", memo)
    world.query("select * from Invoice")
    world.cdc("Invoice", world.clock.now)
    world.raw("GET", "preferences")

    calls = world.company.calls

    assert (calls.free, calls.metered, calls.batch) == (3, 3, 0)
    assert calls.by_kind == {
        "create CreditMemo": 1,
        "update CreditMemo": 1,
        "delete CreditMemo": 1,
        "query Invoice": 1,
        "cdc": 1,
        "read Preferences": 1,
    }
    assert [status for *_, status in calls.log] == [200] * 6


def test_a_batch_is_one_metered_call_and_its_items_count_for_themselves(world: World, customer: str) -> None:
    world.company.reset_calls()
    items = [
        {"bId": "1", "operation": "create", "CreditMemo": sales_form(customer, "10.00")},
        {"bId": "2", "Query": "select * from Invoice"},
    ]

    world.raw("POST", "batch", {"BatchItemRequest": items})

    calls = world.company.calls
    assert (calls.free, calls.metered, calls.batch, len(calls.log)) == (1, 2, 1, 1)


def test_a_batch_creates_updates_voids_and_deletes(world: World, customer: str) -> None:
    invoice = world.post("Invoice", sales_form(customer, "10.00"))
    paid, other = (world.post("Payment", payment(customer, "10.00")) for _ in range(2))
    items = [
        {"bId": "a", "operation": "update", "optionsData": "void", "Payment": {**token_of(paid), "sparse": True}},
        {"bId": "b", "operation": "delete", "Payment": token_of(other)},
        {"bId": "c", "operation": "update", "optionsData": "void", "Invoice": token_of(invoice)},
    ]

    answer = exact(world.raw("POST", "batch", {"BatchItemRequest": items}))["BatchItemResponse"]

    assert answer[0]["Payment"]["PrivateNote"] == answer[2]["Invoice"]["PrivateNote"] == "Voided"
    assert answer[1]["Payment"]["status"] == "Deleted"


def test_a_batch_is_neither_empty_nor_longer_than_thirty(world: World) -> None:
    item = {"bId": "1", "Query": "select * from Invoice"}

    assert world.refused("Batch", {"BatchItemRequest": []}) == "400"
    assert world.refused("Batch", {"BatchItemRequest": [item] * 31}) == "1040"
    assert world.raw("POST", "batch", {"BatchItemRequest": [item] * 30}).status_code == 200


def test_requestid_and_bid_together_are_at_most_fifty_characters(world: World, customer: str) -> None:
    items = [{"bId": "12345", "operation": "create", "CreditMemo": sales_form(customer, "10.00")}]

    long = exact(world.raw("POST", "batch", {"BatchItemRequest": items}, requestid="x" * 46))["BatchItemResponse"]
    fits = exact(world.raw("POST", "batch", {"BatchItemRequest": items}, requestid="x" * 45))["BatchItemResponse"]

    assert long[0]["Fault"]["Error"][0]["code"] == "6000"
    assert fits[0]["CreditMemo"]["TotalAmt"] == Decimal("10.00")
    assert world.refused("CreditMemo", sales_form(customer, "10.00"), requestid="x" * 51) == "2130"


def test_without_asking_for_json_the_answer_is_xml(world: World, customer: str) -> None:
    world.session.headers["Accept"] = "*/*"

    read, refused = world.raw("GET", f"customer/{customer}"), world.raw("GET", "customer/99")

    assert read.headers["Content-Type"].startswith("application/xml")
    assert "<DisplayName>Acme</DisplayName>" in read.text
    assert '<Error code="610">' in refused.text


@pytest.mark.parametrize(
    ("status", "code", "method", "path"),
    [
        (400, "500", "GET", "nothing/1"),
        (400, "500", "POST", "creditmemo/1"),
        (500, "10000", "GET", "CreditMemo/1"),
        (400, "610", "GET", "creditmemo/99"),
    ],
)
def test_a_wrong_address_is_a_fault_not_a_404(world: World, status: int, code: str, method: str, path: str) -> None:
    answer = world.raw(method, path, {} if method == "POST" else None)

    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (status, code)


def test_a_body_must_be_json_and_say_so(world: World) -> None:
    broken = world.session.post(world.url("invoice"), data="{", headers={"Content-Type": "application/json"})
    unnamed = world.session.post(world.url("invoice"), data="{}", headers={"Content-Type": "text/plain"})

    assert (world.fault(broken), world.fault(unnamed)) == ("400", "1050")


def test_every_answer_carries_intuits_trace_id(world: World) -> None:
    assert world.raw("GET", "preferences").headers["intuit_tid"]
    assert world.raw("GET", "invoice/77").headers["intuit_tid"]
