"""The simulator answers recorded requests in the recorded shape: key names, JSON types, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
import simplejson

from tests.contract.quickbooks_simulator_world import (
    World,
    exact,
    payment,
    recorded,
    sales_form,
    token_of,
    world,
)

__all__ = ["world"]

ADDRESS = {"Line1": "4581 Finch St.", "City": "Bayshore", "CountrySubDivisionCode": "CA", "PostalCode": "94326"}
GEOGRAPHY = {"Lat", "Long", "ShipFromAddr"}
"""Made by QuickBooks' address service, which is not simulated."""


def shape(value: Any) -> Any:
    """Keys and JSON types; a list stands for the union of its elements."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [merged(shape(part) for part in value)] if value else []
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | Decimal) else type(value).__name__


def merged(shapes: Iterable[Any]) -> Any:
    result: Any = {}
    for each in shapes:
        result = {**result, **each} if isinstance(each, dict) else each
    return result


def differences(ours: Any, theirs: Any, path: str = "", ignoring: frozenset[str] = frozenset()) -> list[str]:
    """Where two shapes part; an empty list on either side says nothing about its elements."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}.{key}: only here" for key in ours.keys() - theirs.keys() - ignoring]
        found += [f"{path}.{key}: missing" for key in theirs.keys() - ours.keys() - ignoring]
        for key in (ours.keys() & theirs.keys()) - ignoring:
            found += differences(ours[key], theirs[key], f"{path}.{key}", ignoring)
        return sorted(found)
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{path}[]", ignoring) if ours and theirs else []
    return [] if ours == theirs else [f"{path}: {ours} here, {theirs} there"]


def assert_same_shape(ours: Any, theirs: Any, *ignored: str) -> None:
    assert differences(shape(ours), shape(theirs), ignoring=frozenset(ignored) | GEOGRAPHY) == []


def with_address(world: World) -> str:
    made = world.company.person.create_customer("Amy's Bird Sanctuary", BillAddr=ADDRESS, ShipAddr=ADDRESS)
    assert made["Id"] == "1", "the recorded requests name customer 1"
    return "1"


def test_a_new_credit_memo_looks_as_recorded(world: World) -> None:
    with_address(world)

    answer = world.raw("POST", "creditmemo", recorded("creditmemo/create-unapplied.request.json"))

    assert_same_shape(exact(answer), recorded("creditmemo/create-unapplied.json"))


def test_an_applied_memo_keeps_number_and_link_through_a_full_update_and_moves_to_today(world: World) -> None:
    """The recorded update of memo 73 (REFERENCE 16.2)."""
    customer = with_address(world)
    memo = world.company.person.write_credit_memo(customer, "100.00", date="2026-03-22")
    invoice = world.company.person.create_invoice(customer, "205.00")
    world.company.person.apply_credit(memo["Id"], invoice["Id"], "100.00")
    applied = world.get("CreditMemo", memo["Id"])
    request = {**recorded("creditmemo/update-applied-73.request.json"), **token_of(applied)}
    request["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] = "1"

    answer = exact(world.raw("POST", "creditmemo", request))

    assert_same_shape(answer, recorded("creditmemo/update-applied-73.json"))
    after = answer["CreditMemo"]
    assert (after["DocNumber"], after["TxnDate"], after["RemainingCredit"]) == (memo["DocNumber"], "2026-11-20", 0)


def test_a_new_invoice_looks_as_recorded(world: World) -> None:
    with_address(world)

    answer = world.raw("POST", "invoice", recorded("invoice/create-one-line.request.json"))

    assert_same_shape(exact(answer), recorded("invoice/create-one-line.json"))


def test_money_is_spelled_with_two_decimals_or_a_plain_zero(world: World) -> None:
    """The raw recorded body says `100.00` and `0` (corpus NOTES 2)."""
    customer = with_address(world)

    text = world.raw("POST", "invoice", sales_form(customer, "100")).text

    assert '"TotalAmt": 100.00' in text
    assert '"TotalTax": 0}' in text


def test_a_voided_invoice_looks_as_recorded(world: World) -> None:
    invoice = world.post("Invoice", sales_form(with_address(world), "100.00"))

    voided = world.post("Invoice", token_of(invoice), operation="void")

    theirs = recorded("invoice/void-after-264.json")["Invoice"]
    assert_same_shape(voided, theirs, "CustomExtensions", "LastModifiedByRef", "ItemAccountRef", "FreeFormAddress")
    for name in ("SyncToken", "TotalAmt", "Balance", "PrivateNote", "LinkedTxn"):
        assert voided[name] == theirs[name], name
    assert [line["Amount"] for line in voided["Line"]] == [0, 0]


@pytest.mark.parametrize("entity", ["Invoice", "CreditMemo"])
def test_a_deleted_document_leaves_only_its_id(world: World, entity: str) -> None:
    made = world.post(entity, sales_form(world.customer(), "100.00"))

    answer = world.raw("POST", entity.lower(), token_of(made), operation="delete")

    theirs = recorded("invoice/delete-266.json")
    assert_same_shape({"Invoice": exact(answer)[entity], "time": exact(answer)["time"]}, theirs)


def test_an_unapplied_payment_looks_as_recorded(world: World) -> None:
    with_address(world)

    answer = world.raw("POST", "payment", recorded("payment/create-unapplied.request.json"))

    assert_same_shape(exact(answer), recorded("payment/create-unapplied.json"))
    assert exact(answer)["Payment"]["Line"] == []


def test_the_zero_payment_that_links_a_credit_looks_as_recorded(world: World) -> None:
    """Payment 74 of the recorded page; it has no deposit account."""
    customer = with_address(world)
    memo = world.company.person.write_credit_memo(customer, "100.00")
    invoice = world.company.person.create_invoice(customer, "205.00")

    world.company.person.apply_credit(memo["Id"], invoice["Id"], "100.00")

    [linking] = world.query("select * from Payment")["Payment"]
    rows = recorded("payment/page-16-zero-link.json")["QueryResponse"]["Payment"]
    assert_same_shape(linking, next(row for row in rows if row["Id"] == "74"))


def test_a_line_of_a_payment_shows_the_balance_it_covers_as_text(world: World) -> None:
    """txnOpenBalance is today's balance plus the line, not the balance of the day (corpus NOTES 5)."""
    customer = with_address(world)
    invoice = world.post("Invoice", sales_form(customer, "205.00"))
    first = world.post("Payment", payment(customer, "105.00", ("Invoice", invoice["Id"], "105.00")))
    world.post("Payment", payment(customer, "40.00", ("Invoice", invoice["Id"], "40.00")))

    [line] = world.get("Payment", first["Id"])["Line"]

    pairs = {pair["value"]["Name"]: pair["value"]["Value"] for pair in line["LineEx"]["any"]}
    assert pairs == {
        "txnId": invoice["Id"],
        "txnOpenBalance": "165.00",
        "txnReferenceNumber": invoice["DocNumber"],
    }


def test_a_page_of_invoices_is_counted_and_a_page_of_payments_is_not(world: World) -> None:
    customer = with_address(world)
    invoice = world.post("Invoice", sales_form(customer, "54.00", TxnDate="2026-04-01"))
    world.post("Payment", payment(customer, "50.00", ("Invoice", invoice["Id"], "50.00")))

    invoices, payments = world.query("select * from Invoice"), world.query("select * from Payment")

    theirs = recorded("invoice/page-37-mixed.json")["QueryResponse"]
    assert invoices.keys() == theirs.keys()
    assert payments.keys() == recorded("payment/page-16-zero-link.json")["QueryResponse"].keys()
    assert shape(invoices["totalCount"]) == shape(theirs["totalCount"]) == "number"


@pytest.mark.parametrize("which", ["full", "minimal"])
def test_a_new_customer_looks_as_recorded(world: World, which: str) -> None:
    answer = world.raw("POST", "customer", recorded(f"customer/create-{which}.request.json"))

    assert_same_shape(exact(answer), recorded(f"customer/create-{which}.json"), "IsProject")


def test_a_customer_in_a_query_differs_a_little_from_one_read_by_id(world: World) -> None:
    customer = with_address(world)

    [row] = world.query("select * from Customer")["Customer"]
    read = world.get("Customer", customer)

    assert row.keys() - read.keys() == {"V4IDPseudonym", "ClientEntityId"}
    assert read.keys() - row.keys() == {"DefaultTaxCodeRef"}


def test_a_new_item_looks_as_recorded(world: World) -> None:
    answer = world.raw("POST", "item", recorded("item/create-service.request.json"))

    assert_same_shape(exact(answer), recorded("item/create-service.json"))


def test_a_new_account_looks_as_recorded(world: World) -> None:
    answer = world.raw("POST", "account", recorded("account/create-bank.request.json"))

    assert_same_shape(exact(answer), recorded("account/create-bank.json"), "LastUpdatedTime", "AccountSubType")


def test_a_journal_entry_looks_as_recorded(world: World) -> None:
    answer = world.raw("POST", "journalentry", recorded("journalentry/create-balanced.request.json"))

    assert_same_shape(exact(answer), recorded("journalentry/create-balanced.json"))
    assert [line["Id"] for line in exact(answer)["JournalEntry"]["Line"]] == ["0", "1"]


def test_a_deposit_of_payments_looks_as_recorded(world: World) -> None:
    customer = with_address(world)
    taken = world.company.person.take_payment(customer, "80.00")
    world.company.person.deposit([taken["Id"]])

    [deposit] = world.query("select * from Deposit")["Deposit"]

    rows = recorded("deposit/page-13-linked-payments.json")["QueryResponse"]["Deposit"]
    theirs = next(row for row in rows if any("LinkedTxn" in line for line in row["Line"]))
    assert deposit["Line"][0]["LinkedTxn"][0].keys() == theirs["Line"][0]["LinkedTxn"][0].keys()
    assert deposit.keys() - theirs.keys() == set()


def test_empty_and_counted_queries_look_as_recorded(world: World) -> None:
    empty = exact(world.raw("GET", "query", query="select * from Invoice"))
    counted = exact(world.raw("GET", "query", query="select count(*) from Customer"))

    assert empty["QueryResponse"] == recorded("query/empty-queryresponse.json")["QueryResponse"] == {}
    assert_same_shape(counted, recorded("query/count-only.json"))


FAULTS = [
    ("fault/2010-unknown-property.json", "POST", "invoice", recorded("fault/2010-unknown-property.request.json"), {}),
    ("fault/4001-invalid-entity-name.json", "GET", "query", None, {"query": "SELECT * FROM Custmoer"}),
    ("fault/500-unsupported-operation.json", "GET", "customer/1/5", None, {}),
]


@pytest.mark.parametrize(("file", "method", "path", "body", "params"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_says_what_the_recorded_one_says(
    world: World, file: str, method: str, path: str, body: Any, params: dict[str, str]
) -> None:
    answer = world.raw(method, path, body, **params)

    theirs = recorded(file)
    assert_same_shape(exact(answer), theirs)
    ours, recorded_error = exact(answer)["Fault"]["Error"][0], theirs["Fault"]["Error"][0]
    assert (ours["Message"], ours["code"]) == (recorded_error["Message"], recorded_error["code"])
    assert ours["Detail"][:40] == recorded_error["Detail"][:40]


def test_an_id_that_is_no_number_is_refused_as_recorded(world: World) -> None:
    error = exact(world.raw("GET", "customer/1.5"))["Fault"]["Error"][0]

    assert error == recorded("fault/2030-invalid-id.json")["Fault"]["Error"][0]


def test_changing_a_deposited_payment_is_refused_as_recorded(world: World) -> None:
    taken = world.company.person.take_payment(world.customer(), "80.00")
    world.company.person.deposit([taken["Id"]])

    answer = exact(world.raw("POST", "payment", {**token_of(taken), "sparse": True, "PrivateNote": "x"}))

    assert answer["Fault"] == recorded("fault/6540-deposited-transaction.json")["Fault"]


def test_a_duplicate_number_is_refused_as_recorded(world: World) -> None:
    world.company.switches.duplicate_number = "6140"
    customer = world.customer()
    world.post("Invoice", sales_form(customer, "1.00", DocNumber="18696"))

    error = exact(world.raw("POST", "invoice", sales_form(customer, "1.00", DocNumber="18696")))["Fault"]["Error"][0]

    theirs = recorded("fault/6140-duplicate-docnumber.json")["Fault"]["Error"][0]
    assert error["Detail"] == theirs["Detail"].replace("TxnId=6575", "TxnId=1")
    assert error["Message"] == theirs["Message"]


def test_a_wrong_line_amount_is_refused_as_recorded(world: World) -> None:
    form = sales_form(world.customer(), "1000")
    form["Line"][0]["SalesItemLineDetail"] |= {"Qty": 2, "UnitPrice": 400}

    error = exact(world.raw("POST", "invoice", form))["Fault"]["Error"][0]

    assert error == recorded("fault/6070-amount-mismatch.error-element.json")


def test_a_dead_token_is_answered_in_lower_case_as_recorded(world: World) -> None:
    world.sim.tokens.expire_access(world.company.realm_id)

    answer = world.raw("GET", "customer/1")

    assert answer.status_code == 401
    assert_same_shape(exact(answer), recorded("fault/3200-token-expired-401.json"))


def test_a_token_of_another_company_is_answered_as_recorded(world: World) -> None:
    other = world.sim.create_company("Blue Leaf Books")

    answer = world.session.get(f"http://qbo.test/v3/company/{other.realm_id}/customer/1")

    assert answer.status_code == 403
    assert exact(answer) == recorded("fault/3100-authorization-failed.json")


def test_a_batch_mixes_objects_faults_and_queries_as_recorded(world: World) -> None:
    stale = world.post("Customer", {"DisplayName": "Dylan"})
    world.post("Customer", {**token_of(stale), "sparse": True, "CompanyName": "Sollfrank"})
    items = [
        {"bId": "bid1", "operation": "create", "Customer": {"DisplayName": "Boraski Family Store"}},
        {"bId": "bid2", "operation": "delete", "Invoice": {"Id": "129", "SyncToken": "0"}},
        {"bId": "bid3", "operation": "update", "Customer": {**token_of(stale), "sparse": True, "Notes": "x"}},
        {"bId": "bid4", "Query": "select * from Customer"},
    ]

    answer = exact(world.raw("POST", "batch", {"BatchItemRequest": items}))["BatchItemResponse"]

    theirs = recorded("batch/mixed-success-610-5010-query.json")["BatchItemResponse"]
    assert [list(item)[-1] for item in answer] == [list(item)[-1] for item in theirs] == ["bId"] * 4
    assert answer[1]["Fault"] == theirs[1]["Fault"]
    assert_same_shape(answer[2]["Fault"], theirs[2]["Fault"])
    assert answer[2]["Fault"]["Error"][0]["Detail"].startswith("Stale Object Error : You and ")
    assert answer[3]["QueryResponse"].keys() - {"Customer"} == {"startPosition", "maxResults"}


def test_a_poll_of_changes_lists_deleted_rows_as_recorded(world: World) -> None:
    start = world.clock.now
    invoice = world.post("Invoice", sales_form(world.customer(), "10.00"))
    world.delete("Invoice", invoice)

    answer = exact(world.raw("GET", "cdc", entities="Account,Invoice,Payment", changedSince=start.isoformat()))

    theirs = recorded("cdc/live-order-deleted.json")
    assert answer.keys() == theirs.keys()
    blocks = answer["CDCResponse"][0]["QueryResponse"]
    block = next(block for block in blocks if "Invoice" in block)
    assert {} in blocks
    assert block["Invoice"] == [
        {
            "domain": "QBO",
            "status": "Deleted",
            "Id": invoice["Id"],
            "MetaData": {"LastUpdatedTime": "2026-11-20T10:00:00-08:00"},
        }
    ]
    assert "startPosition" not in block


def test_the_preferences_look_as_recorded(world: World) -> None:
    ours = exact(world.raw("GET", "preferences"))["Preferences"]

    theirs = recorded("preferences/record.json")
    for section in ("AccountingInfoPrefs", "TaxPrefs", "CurrencyPrefs", "OtherPrefs"):
        assert section in theirs
        assert ours[section].keys() & theirs[section].keys(), section
    assert "BookCloseDate" not in ours["AccountingInfoPrefs"]


def test_every_amount_of_a_busy_company_is_a_number(world: World) -> None:
    """Outside LineEx no amount is a text (corpus NOTES 2)."""
    customer = world.customer()
    invoice = world.company.person.create_invoice(customer, "100.10")
    world.company.person.take_payment(customer, "33.37", {invoice["Id"]: "33.37"})

    rows = [*world.query("select * from Invoice")["Invoice"], *world.query("select * from Payment")["Payment"]]

    for row in rows:
        for name in ("TotalAmt", "Balance", "UnappliedAmt"):
            assert not isinstance(row.get(name, 0), str)
            assert isinstance(row.get(name, 0), int | Decimal)


def test_webhooks_look_as_recorded(world: World) -> None:
    with_address(world)
    [(_, cloud)] = world.sim.webhooks.drain()
    world.sim.webhooks.formats = "legacy"
    world.company.person.rename("1", "Amy's")
    [(_, legacy)] = world.sim.webhooks.drain()

    theirs = recorded("webhook/cloudevents-class-created.json")
    assert_same_shape(simplejson.loads(cloud), theirs, "alternative_ids", "datacontenttype")
    assert_same_shape(simplejson.loads(legacy), recorded("webhook/legacy-vendor-update-customer-create.json"))
