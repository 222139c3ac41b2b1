"""The simulator's public API as the service calls it: contracts/erp.md part 2 and its conventions."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import simplejson
from erp_simulator_bench import BASE, PUBLIC, QUICKBOOKS, Office, message, open_office

from fixtures.simulators.erp import ErpSimulator
from fixtures.simulators.serving import serve_in_thread


@pytest.fixture
def office() -> Office:
    return open_office()


@pytest.fixture
def shop(office: Office) -> Any:
    return office.user.create_company("Blue Dream Dispensary")


def ids(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["data"]]


# -- the frame --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{PUBLIC}/companies", f"{QUICKBOOKS}/links"])
def test_without_the_account_s_key_nothing_is_answered(office: Office, path: str) -> None:
    office.session.headers["Authorization"] = "Bearer wrong"

    answer = office.get(path) if path.startswith(PUBLIC) else office.put(path, {"links": []})

    assert answer.status_code == 401
    assert set(answer.json()["errors"][0]) == {"message", "pointer"}


def test_one_account_never_sees_another_s_records(office: Office, shop: Any) -> None:
    office.erp.create_account(name="Other", api_key="other-key")

    office.session.headers["Authorization"] = "Bearer other-key"

    assert ids(office.get(f"{PUBLIC}/companies")) == []
    assert office.get(f"{PUBLIC}/companies/{shop['id']}").status_code == 404


@pytest.mark.parametrize("path", [f"{PUBLIC}/orders", f"{PUBLIC}/invoices/none", "/nowhere"])
def test_what_is_not_there_is_404_in_the_errors_envelope(office: Office, path: str) -> None:
    answer = office.get(path)

    assert (answer.status_code, list(answer.json())) == (404, ["errors"])


def test_a_body_that_is_not_json_is_400(office: Office) -> None:
    answer = office.session.put(f"{BASE}{QUICKBOOKS}/links", data=b"{links")

    assert (answer.status_code, message(answer)) == (400, "is not JSON")


def test_money_is_text_but_a_return_s_total_is_a_number(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    office.user.receive_payment(invoice["id"], amount="99.50")
    office.user.create_return(shop["id"], items=[{"quantity": 1, "price": "12.3"}])

    assert office.get(f"{PUBLIC}/payments").json()["data"][0]["amount"] == "99.5"
    assert '"total": 12.30' in office.get(f"{PUBLIC}/returns").text


def test_every_field_that_the_contract_names_is_there(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="10.00", charges=[{"name": "Delivery", "amount": "5.00"}])
    office.user.receive_payment(invoice["id"], amount="20.00")
    office.user.refund_credit(office.account.all("credit")[0]["id"], "1.00")
    office.user.create_return(shop["id"], items=[{"quantity": 1, "price": "5"}])
    named = {
        "companies": "id name legal_business_name invoice_email phone billing_location qb_customer_id "
        "outstanding_balance deleted_at updated_datetime",
        "invoices": "id invoice_number invoice_datetime due_datetime order company items charges total paid_amount "
        "remaining_amount status voided_datetime payments notes updated_datetime",
        "payments": "id payment_number invoice order company status amount credit_uses overpayment_credits "
        "fully_paid_with_credits payment_method payment_datetime description quickbooks_deposit_account_id "
        "updated_datetime",
        "credits": "id credit_number source status amount original_amount remaining_balance credit_uses company "
        "payment return reason quickbooks_sales_item_id internal_note external_note qb_credit_memo_id qb_payment_id "
        "canceled_datetime deleted_at inserted_datetime updated_datetime",
        "returns": "id return_number status return_datetime total order invoice_numbers company items credits "
        "qb_credit_memo_id updated_datetime",
        "refunds": "id credit company amount payment_method refund_datetime description voided_datetime "
        "updated_datetime",
    }

    for name, fields in named.items():
        [record] = office.get(f"{PUBLIC}/{name}").json()["data"]
        assert set(fields.split()) <= set(record), name


# -- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_is_followed_page_by_page_through_next_page(office: Office, shop: Any) -> None:
    office.erp.page_size = 2
    made = [office.user.create_credit(shop["id"], "1.00")["id"] for _ in range(5)]
    seen: list[list[str]] = []
    url = f"{PUBLIC}/credits?company_ids[]={shop['id']}"

    while url:
        page = office.get(url)
        seen.append(ids(page))
        url = page.json()["next_page"]

    assert [len(page) for page in seen] == [2, 2, 1]
    assert [one for page in seen for one in page] == made


def test_a_record_made_while_paging_is_not_a_reason_to_see_one_twice(office: Office, shop: Any) -> None:
    office.erp.page_size = 1
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    older = office.user.receive_payment(invoice["id"], amount="1.00")
    newer = office.user.receive_payment(invoice["id"], amount="1.00")

    first = office.get(f"{PUBLIC}/payments")
    office.user.receive_payment(invoice["id"], amount="1.00")
    second = office.get(first.json()["next_page"])

    assert (ids(first), ids(second)) == ([newer["id"]], [older["id"]])


def test_payments_come_newest_first_voided_ones_too(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    older = office.user.receive_payment(invoice["id"], amount="1.00")
    newer = office.user.receive_payment(invoice["id"], amount="2.00")
    office.user.void_payment(older["id"])

    answer = office.get(f"{PUBLIC}/payments")

    assert [(one["id"], one["status"]) for one in answer.json()["data"]] == [
        (newer["id"], "POSTED"),
        (older["id"], "VOIDED"),
    ]
    nested = office.get(f"{PUBLIC}/invoices/{invoice['id']}").json()["data"]["payments"]
    assert nested == [office.fresh("payment", newer)]


def test_the_updated_range_is_inclusive_and_open_on_either_side(office: Office, shop: Any) -> None:
    credits = [office.user.create_credit(shop["id"], "1.00") for _ in range(3)]
    first, second, third = (credit["updated_datetime"] for credit in credits)
    wanted = [credit["id"] for credit in credits]

    def between(value: str) -> list[str]:
        return ids(office.get(f"{PUBLIC}/credits", updated_datetime=value))

    assert between(f"{first},{second}") == wanted[:2]
    assert between(f"{second},") == wanted[1:]
    assert between(f",{second}") == wanted[:2]
    assert between(f"{third},{third}") == wanted[2:]
    assert between(f"2026-11-21T19:00:00+01:00,{second}") == wanted[:2]


@pytest.mark.parametrize(
    "query",
    [
        "ids=a",
        "company_ids=a",
        "updated_datetime=2026-01-01T00:00:00Z",
        "updated_datetime=soon,",
        "deleted=yes",
        "page[after]=nonsense",
        "&".join(["ids[]=a"] * 201),
    ],
)
def test_a_filter_that_makes_no_sense_is_400(office: Office, shop: Any, query: str) -> None:
    assert office.get(f"{PUBLIC}/companies?{query}").status_code == 400


def test_two_hundred_ids_may_be_asked_for_at_once(office: Office, shop: Any) -> None:
    wanted = "&".join(["ids[]=a"] * 199)

    assert ids(office.get(f"{PUBLIC}/companies?{wanted}&ids[]={shop['id']}")) == [shop["id"]]


def test_a_soft_deleted_credit_is_404_by_id_and_listed_only_when_asked_for(office: Office, shop: Any) -> None:
    kept = office.user.create_credit(shop["id"], "1.00")
    gone = office.user.create_credit(shop["id"], "1.00")
    office.user.delete_credit(gone["id"])

    assert office.get(f"{PUBLIC}/credits/{gone['id']}").status_code == 404
    assert ids(office.get(f"{PUBLIC}/credits")) == [kept["id"]]
    assert ids(office.get(f"{PUBLIC}/credits", deleted="only")) == [gone["id"]]
    assert ids(office.get(f"{PUBLIC}/credits", deleted="include")) == [kept["id"], gone["id"]]


def test_every_change_moves_updated_datetime_of_what_it_touches_and_of_nothing_else(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")
    idle = office.user.create_credit(shop["id"], "10.00")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    before = office.fresh("invoice", invoice)["updated_datetime"]

    office.user.receive_payment(invoice["id"], amount="10.00", credits=[{"credit_id": credit["id"], "amount": "10"}])

    assert office.fresh("credit", credit)["updated_datetime"] > credit["updated_datetime"]
    assert office.fresh("invoice", invoice)["updated_datetime"] > before
    assert office.fresh("credit", idle) == idle


# -- writes -----------------------------------------------------------------------------------------------------------


def test_companies_are_created_and_changed_sparsely(office: Office) -> None:
    created = office.post(f"{PUBLIC}/companies", {"name": "New Leaf", "phone": "555"})
    company = created.json()["data"]

    changed = office.post(f"{PUBLIC}/companies", {"id": company["id"], "qb_customer_id": "63"})
    cleared = office.post(f"{PUBLIC}/companies", {"id": company["id"], "phone": None})

    assert (created.status_code, changed.status_code) == (201, 200)
    assert (changed.json()["data"]["phone"], changed.json()["data"]["qb_customer_id"]) == ("555", "63")
    assert (cleared.json()["data"]["phone"], cleared.json()["data"]["name"]) == (None, "New Leaf")
    assert office.post(f"{PUBLIC}/companies", {"phone": "1"}).status_code == 400
    assert office.post(f"{PUBLIC}/companies", {"id": "none", "phone": "1"}).status_code == 404


def test_the_service_voids_a_payment_once(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")

    voided = office.post(f"{PUBLIC}/payments/{payment['id']}/void")

    assert voided.json()["data"]["status"] == "VOIDED"
    assert office.owes(shop) == 10000
    assert office.post(f"{PUBLIC}/payments/{payment['id']}/void").status_code == 400
    assert office.post(f"{PUBLIC}/payments/none/void").status_code == 404


@pytest.mark.parametrize(("revert", "status"), [(True, "NOT_PAID"), (False, "FULLY_PAID")])
def test_user_rules_do_not_bind_the_service_s_key(office: Office, shop: Any, revert: bool, status: str) -> None:
    """An overpayment credit, which nobody cancels by hand."""
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    office.user.receive_payment(invoice["id"], amount="120.00")
    [credit] = office.account.all("credit")
    other = office.user.create_invoice(shop["id"], amount="15.00")
    office.user.receive_payment(other["id"], amount="15.00", credits="FIFO")

    answer = office.post(f"{PUBLIC}/credits/{credit['id']}/cancel", {"should_delete_credit_uses": revert})
    again = office.post(f"{PUBLIC}/credits/{credit['id']}/cancel", {"should_delete_credit_uses": revert})

    assert answer.json()["data"]["status"] == "CANCELED"
    assert again.json() == answer.json()
    assert office.fresh("invoice", other)["status"] == status


def test_the_service_deletes_unused_credits(office: Office, shop: Any) -> None:
    used = office.user.create_credit(shop["id"], "10.00")
    invoice = office.user.create_invoice(shop["id"], amount="10.00")
    office.user.receive_payment(invoice["id"], amount="10.00", credits="FIFO")
    unused = office.user.create_credit(shop["id"], "10.00")

    assert office.delete(f"{PUBLIC}/credits/{unused['id']}").status_code == 204
    assert office.delete(f"{PUBLIC}/credits/{unused['id']}").status_code == 404
    assert office.delete(f"{PUBLIC}/credits/{used['id']}").status_code == 400


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_reads_lag_a_write_by_as_long_as_is_asked_for(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")
    office.erp.read_lag_seconds = 2

    office.user.edit_credit(credit["id"], amount="8.00")
    late = office.user.create_credit(shop["id"], "5.00")
    stale = office.get(f"{PUBLIC}/credits").json()["data"]
    missing = office.get(f"{PUBLIC}/credits/{late['id']}")
    office.clock.pass_(seconds=2)
    caught_up = office.get(f"{PUBLIC}/credits").json()["data"]

    assert [(one["id"], one["amount"]) for one in stale] == [(credit["id"], "10.00")]
    assert missing.status_code == 404
    assert [one["amount"] for one in caught_up] == ["8.00", "5.00"]
    assert office.get(f"{PUBLIC}/companies").json()["data"][0]["outstanding_balance"] == "-13.00"


@pytest.mark.parametrize("kind", ["timeout_before", "down"])
def test_a_call_lost_on_the_way_has_no_effect(office: Office, shop: Any, kind: str) -> None:
    office.erp.faults.add({"method": "PUT", "path": "/credit-memos/"}, kind)

    with pytest.raises(requests.RequestException):
        office.declare_memo("77", company_id=shop["id"], amount="80.00")

    assert office.account.all("credit") == []
    assert office.declare_memo("77", company_id=shop["id"], amount="80.00").status_code == 200


@pytest.mark.parametrize("kind", ["timeout_after", "reset"])
def test_an_answer_lost_on_the_way_back_does_not_undo_the_call(office: Office, shop: Any, kind: str) -> None:
    office.erp.faults.add({"method": "PUT", "path": "/credit-memos/"}, kind)

    with pytest.raises(requests.RequestException):
        office.declare_memo("77", company_id=shop["id"], amount="80.00")

    assert [credit["amount"] for credit in office.account.all("credit")] == ["80.00"]


def test_faults_skip_and_count_and_stop(office: Office) -> None:
    office.erp.faults.add({"path": "/public/*"}, "http_503_html", times=2, skip=1)
    office.erp.faults.add(kind="throttle_429", times=None)

    answers = [office.get(f"{PUBLIC}/companies") for _ in range(4)]
    office.erp.faults.clear()

    assert [answer.status_code for answer in answers] == [429, 503, 503, 429]
    assert answers[0].headers["Retry-After"] == "1"
    assert "<html>" in answers[1].text
    assert office.get(f"{PUBLIC}/companies").status_code == 200


def test_a_planted_record_is_shown_whatever_rules_it_breaks(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")
    office.notices()

    office.account.plant("credit", {**credit, "remaining_balance": "-3.00", "company": {"id": "nobody"}})
    office.account.plant("invoice", {"id": "broken", "total": "lots"})

    assert office.get(f"{PUBLIC}/credits/{credit['id']}").json()["data"]["remaining_balance"] == "-3.00"
    assert office.get(f"{PUBLIC}/invoices").json()["data"][0]["total"] == "lots"
    assert [kind for kind, _, _ in office.notices()] == ["CREDIT", "INVOICE"]


def test_the_account_counts_what_the_service_asks_and_how_fast(office: Office) -> None:
    for _ in range(3):
        office.get(f"{PUBLIC}/companies")
        office.clock.pass_(seconds=0.5)

    assert office.account.calls.counts == {("GET", f"{PUBLIC}/companies"): 3}
    assert office.account.max_rps_seen == 2
    office.account.reset_calls()
    assert (len(office.account.calls), office.account.max_rps_seen) == (0, 0)


# -- the side door ----------------------------------------------------------------------------------------------------


def test_the_side_door_does_over_http_what_people_do(office: Office) -> None:
    account = office.post("/_sim/accounts", {"account_id": "acme", "name": "Acme", "api_key": "acme-key"}).json()
    people = "/_sim/accounts/acme/user"

    company = office.post(f"{people}/create_company", {"name": "Blue Dream", "qb_customer_id": "58"}).json()
    invoice = office.post(f"{people}/create_invoice", {"company_id": company["id"], "amount": "100.00"}).json()
    refused = office.post(f"{people}/receive_payment", {"invoice_id": invoice["id"], "amount": "0"})
    office.post(f"{people}/receive_payment", {"invoice_id": invoice["id"], "amount": "120.00"})

    assert account in office.get("/_sim/accounts").json()["data"]
    assert (refused.status_code, message(refused)) == (400, "must be greater than zero")
    assert office.post(f"{people}/create_company", {"title": "x"}).status_code == 400
    assert office.post(f"{people}/fire_everybody").status_code == 404
    records = office.get(f"/_sim/accounts/acme/records/credit?company_id={company['id']}").json()["data"]
    assert [record["amount"] for record in records] == ["20.00"]
    assert office.get("/_sim/accounts/acme/receivables").json() == {"cents": {company["id"]: -2000}}
    assert office.get("/_sim/accounts/acme/links/credit").json() == {"data": {}}


def test_the_side_door_orders_faults_webhooks_and_time(office: Office) -> None:
    office.post("/_sim/faults", {"match": {"path": "/companies"}, "kind": "http_500"})
    failed = office.get(f"{PUBLIC}/companies").status_code
    office.post("/_sim/faults", {"kind": "http_500"})
    office.delete("/_sim/faults")
    passed = office.get(f"{PUBLIC}/companies").status_code
    office.put("/_sim/webhooks", {"duplicate": True, "lose_next": 1})
    time = office.put("/_sim/time", {"advance_seconds": 60, "read_lag_seconds": 1}).json()

    assert (failed, passed) == (500, 200)
    assert office.post("/_sim/faults", {"kind": "earthquake"}).status_code == 400
    assert office.erp.webhooks.duplicate
    assert time == {"now": "2026-11-21T18:01:00+00:00", "read_lag_seconds": 1.0}


def test_people_can_look_at_the_books_in_a_browser(office: Office, shop: Any) -> None:
    office.user.create_credit(shop["id"], "10.00")

    page = office.get("/")

    assert page.headers["Content-Type"].startswith("text/html")
    for text in ("Emerald Wholesale", "Blue Dream Dispensary", "-10.00", "CR-1001"):
        assert text in page.text


def test_it_is_served_on_a_real_socket_where_faults_cut_the_line() -> None:
    erp = ErpSimulator()
    served = serve_in_thread(erp.app)
    erp.base_url = served.url
    key = erp.create_account().api_key
    headers = {"Authorization": f"Bearer {key}"}
    erp.faults.add(kind="timeout_before")

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{served.url}{PUBLIC}/companies", headers=headers, timeout=5)
    answer = requests.get(f"{served.url}{PUBLIC}/companies", headers=headers, timeout=5)
    served.stop()

    assert simplejson.loads(answer.text) == {"data": [], "next_page": None}
