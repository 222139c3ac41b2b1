"""Consent and tokens, webhooks, faults on order, people, and the side door (REFERENCE 2, 12, 14)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import simplejson

from fixtures.simulators.quickbooks import Refusal
from fixtures.simulators.serving import serve_in_thread
from tests.contract.quickbooks_simulator_world import World, payment, recorded, sales_form, token_of, world

__all__ = ["world"]

CALLBACK = "https://us.test/callback"


@pytest.fixture
def customer(world: World) -> str:
    return world.customer()


def consent(world: World, **changed: str) -> requests.Response:
    sent = {
        "client_id": "sim-client",
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": CALLBACK,
        "state": "s-1",
        **changed,
    }
    return world.session.get("http://qbo.test/connect/oauth2", params=sent, allow_redirects=False)


def callback_of(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def token(world: World, **form: str) -> requests.Response:
    """`secret` is the client's, and no part of the form."""
    client = ("sim-client", form.pop("secret", "sim-secret"))
    session = requests.Session()
    session.trust_env = False
    session.mount("http://qbo.test", world.session.get_adapter("http://qbo.test"))
    return session.post("http://qbo.test/oauth2/v1/tokens/bearer", data=form, auth=client)


def exchanged(world: World) -> Any:
    code = callback_of(consent(world))["code"]
    return token(world, grant_type="authorization_code", code=code, redirect_uri=CALLBACK).json()


def refreshed(world: World, value: str) -> requests.Response:
    return token(world, grant_type="refresh_token", refresh_token=value)


# --- consent and tokens


def test_consent_returns_to_the_app_with_the_company_the_person_picked(world: World) -> None:
    other = world.sim.create_company("Blue Leaf Books")
    world.sim.sign_in(other.realm_id)

    back = callback_of(consent(world))

    assert (back["realmId"], back["state"]) == (other.realm_id, "s-1")


def test_a_refused_consent_returns_an_error_and_no_company(world: World) -> None:
    world.sim.deny_next_consent()

    assert callback_of(consent(world)) == {"error": "access_denied", "state": "s-1"}
    assert "code" in callback_of(consent(world))


@pytest.mark.parametrize(
    "changed", [{"client_id": "who"}, {"response_type": "token"}, {"state": ""}, {"redirect_uri": ""}]
)
def test_a_wrong_request_for_consent_goes_nowhere(world: World, changed: dict[str, str]) -> None:
    assert consent(world, **changed).status_code == 400


def test_another_scope_is_refused_at_the_callback(world: World) -> None:
    assert callback_of(consent(world, scope="openid"))["error"] == "invalid_scope"


def test_tokens_look_as_recorded_and_open_the_company(world: World) -> None:
    pair = exchanged(world)

    assert pair.keys() == recorded("oauth/token-refresh-dotnet.json").keys() - {"id_token"}
    assert (pair["expires_in"], pair["x_refresh_token_expires_in"]) == (3600, 8726400)
    world.session.headers["Authorization"] = f"Bearer {pair['access_token']}"
    assert world.raw("GET", "preferences").status_code == 200


def test_a_code_works_once_and_a_second_try_kills_the_tokens(world: World) -> None:
    code = callback_of(consent(world))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    pair = token(world, **form).json()

    again = token(world, **form)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert refreshed(world, pair["refresh_token"]).status_code == 400


def test_the_callback_address_of_the_exchange_must_be_the_one_of_the_consent(world: World) -> None:
    code = callback_of(consent(world))["code"]

    answer = token(world, grant_type="authorization_code", code=code, redirect_uri="https://else.test/")

    assert answer.json()["error"] == "invalid_grant"


def test_a_refresh_token_rotates_with_the_first_refresh_after_a_day(world: World) -> None:
    first = exchanged(world)["refresh_token"]
    world.clock.turn(hours=23)
    same = refreshed(world, first).json()["refresh_token"]
    world.clock.turn(hours=1)
    rotated = refreshed(world, first).json()["refresh_token"]

    assert same == first != rotated
    assert refreshed(world, first).json()["error"] == "invalid_grant"
    assert refreshed(world, rotated).status_code == 200


def test_a_refresh_token_can_rotate_every_time(world: World) -> None:
    world.sim.tokens.rotate_on_every_refresh = True
    first = exchanged(world)["refresh_token"]

    assert refreshed(world, first).json()["refresh_token"] != first
    assert refreshed(world, first).status_code == 400


def test_a_refresh_token_dies_after_its_lifetime_unless_it_is_used(world: World) -> None:
    first = exchanged(world)["refresh_token"]
    world.clock.turn(days=100)
    value = refreshed(world, first).json()["refresh_token"]
    world.clock.turn(days=102)

    assert refreshed(world, value).json()["error"] == "invalid_grant"


def test_a_wrong_client_is_401_and_a_strange_grant_400(world: World) -> None:
    wrong = token(world, secret="guess", grant_type="refresh_token", refresh_token="x")
    strange = token(world, grant_type="password")

    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    assert (strange.status_code, strange.json()["error"]) == (400, "unsupported_grant_type")
    assert token(world, grant_type="refresh_token").json()["error"] == "invalid_request"


def test_disconnecting_inside_quickbooks_kills_both_tokens(world: World) -> None:
    pair = exchanged(world)

    world.company.disconnect()

    assert world.raw("GET", "preferences").status_code == 401
    assert refreshed(world, pair["refresh_token"]).json()["error"] == "invalid_grant"


# --- webhooks


def events(world: World) -> list[tuple[str, str]]:
    """(type, id) of every CloudEvent drained, in order."""
    deliveries = world.sim.webhooks.drain()
    return [(event["type"], event["intuitentityid"]) for _, body in deliveries for event in simplejson.loads(body)]


def test_a_delivery_is_signed_over_its_raw_bytes(world: World, customer: str) -> None:
    [(headers, body)] = world.sim.webhooks.drain()

    digest = hmac.new(b"sim-verifier", body, hashlib.sha256).digest()
    assert headers["intuit-signature"] == base64.b64encode(digest).decode()
    assert headers["content-type"] == "application/json; charset=utf-8"


def test_changes_of_one_company_share_a_delivery_and_companies_do_not(world: World, customer: str) -> None:
    other = world.sim.create_company("Blue Leaf Books")
    world.sim.tokens.grant(other.realm_id)
    other.person.create_customer("Beta")
    world.company.person.rename(customer, "Acme Inc.")
    apart = world.sim.webhooks.drain()
    world.sim.webhooks.several_realms_in_one = True
    other.person.create_customer("Gamma")
    world.company.person.rename(customer, "Acme Ltd.")

    [(_, together)] = world.sim.webhooks.drain()

    assert [len(simplejson.loads(body)) for _, body in apart] == [2, 1]
    assert {event["intuitaccountid"] for event in simplejson.loads(together)} == {
        world.company.realm_id,
        other.realm_id,
    }


def test_a_company_that_is_not_connected_tells_nothing(world: World) -> None:
    world.company.disconnect()

    world.company.person.create_customer("Silent")

    assert world.sim.webhooks.drain() == []


def test_notifications_can_be_doubled_reversed_lost_and_narrowed(world: World, customer: str) -> None:
    webhooks = world.sim.webhooks
    webhooks.drain()
    webhooks.duplicate = webhooks.reorder = True
    world.company.person.rename(customer, "A")
    world.company.person.create_customer("B")
    doubled = events(world)
    webhooks.duplicate = webhooks.reorder = False
    webhooks.lose_next(1)
    world.company.person.rename(customer, "C")
    world.company.person.rename(customer, "D")
    lost = events(world)
    webhooks.subscriptions = {("Invoice", "created")}
    world.company.person.rename(customer, "E")
    world.company.person.create_invoice(customer, "1.00")
    narrowed = events(world)

    assert doubled == [("qbo.customer.created.v1", "2"), ("qbo.customer.updated.v1", "1")] * 2
    assert lost == [("qbo.customer.updated.v1", customer)]
    assert narrowed == [("qbo.invoice.created.v1", "1")]


@pytest.mark.parametrize("verb", ["void", "voided"])
def test_a_void_has_its_own_verb(world: World, customer: str, verb: Any) -> None:
    world.sim.webhooks.void_verb = verb
    paid = world.company.person.take_payment(customer, "5.00")
    world.sim.webhooks.drain()

    world.company.person.void_payment(paid["Id"])

    assert events(world) == [(f"qbo.payment.{verb}.v1", paid["Id"])]


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint that answers with the statuses in turn, then 200."""
    received: list[bytes] = []
    answers = list(statuses)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        received.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response(f"{answers.pop(0) if answers else 200} .", [("Content-Length", "0")])
        return []

    served = serve_in_thread(app)
    try:
        yield served.url, received
    finally:
        served.stop()


def test_a_delivery_that_is_not_answered_with_200_comes_again_before_later_ones(world: World, customer: str) -> None:
    with receiver(500) as (url, received):
        world.sim.webhooks.target_url = url
        first = world.sim.webhooks.deliver()
        world.company.person.rename(customer, "Acme Inc.")
        second = world.sim.webhooks.deliver()

    assert (first, second) == (0, 2)
    assert received[0] == received[1] != received[2]


# --- faults on order


ANSWERS = [
    ("throttle_json", 429, "3001"),
    ("throttle_xml", 429, "<IntuitResponse"),
    ("throttle_403", 403, "3001"),
    ("http_500_html", 500, "<html>"),
    ("http_502_empty", 502, ""),
    ("http_503_html", 503, "<html>"),
    ("fault_in_200", 200, '"Fault"'),
    ("expired_token_401", 401, "003200"),
    ("authorization_3100", 403, "003100"),
    (("fault", "6190", "Subscription ended"), 400, "Subscription ended"),
]


@pytest.mark.parametrize(("kind", "status", "text"), ANSWERS, ids=[str(row[0]) for row in ANSWERS])
def test_an_ordered_answer_comes_once_and_nothing_is_executed(
    world: World, customer: str, kind: Any, status: int, text: str
) -> None:
    world.sim.faults.add({"method": "POST", "path": "creditmemo"}, kind)

    spoiled = world.raw("POST", "creditmemo", sales_form(customer, "1.00"))

    assert (spoiled.status_code, text in spoiled.text) == (status, True)
    assert world.company.all("CreditMemo") == []
    assert world.raw("POST", "creditmemo", sales_form(customer, "1.00")).status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_time_out_leaves_the_caller_not_knowing(world: World, customer: str, kind: Any, made: int) -> None:
    world.sim.faults.add({"operation": "create"}, kind)

    with pytest.raises(requests.ReadTimeout):
        world.raw("POST", "creditmemo", sales_form(customer, "1.00"))

    assert len(world.company.all("CreditMemo")) == made
    assert world.company.calls.log[-1] == ("POST", "/creditmemo", None, 0)


def test_a_connection_can_break_and_an_answer_be_cut_after_the_write(world: World, customer: str) -> None:
    world.sim.faults.add({"path": "creditmemo"}, "reset")
    with pytest.raises(requests.ConnectionError):
        world.raw("POST", "creditmemo", sales_form(customer, "1.00"))
    world.sim.faults.add({"path": "creditmemo"}, "truncated_json")
    cut = world.raw("POST", "creditmemo", sales_form(customer, "2.00"))

    with pytest.raises(requests.JSONDecodeError):
        cut.json()
    assert len(world.company.all("CreditMemo")) == 2


def test_a_server_error_can_hide_an_executed_write(world: World, customer: str) -> None:
    world.sim.faults.add({"path": "creditmemo"}, "http_502_empty", executed=True)

    answer = world.raw("POST", "creditmemo", sales_form(customer, "1.00"))

    assert (answer.status_code, len(world.company.all("CreditMemo"))) == (502, 1)


def test_a_batch_can_lose_an_answer(world: World, customer: str) -> None:
    world.sim.faults.add({"operation": "batch"}, "batch_missing_item")
    items = [{"bId": n, "operation": "create", "CreditMemo": sales_form(customer, "1.00")} for n in ("1", "2")]

    answer = world.raw("POST", "batch", {"BatchItemRequest": items}).json()

    assert [item["bId"] for item in answer["BatchItemResponse"]] == ["1"]
    assert len(world.company.all("CreditMemo")) == 2


def test_a_fault_can_wait_repeat_and_be_narrowed(world: World, customer: str) -> None:
    world.sim.faults.add({"body_contains": "CR-7", "realm": world.company.realm_id}, "http_500_html", times=2, skip=1)
    statuses = [
        world.raw("POST", "creditmemo", sales_form(customer, "1.00", DocNumber=number)).status_code
        for number in ("CR-6", "CR-7", "CR-7", "CR-7", "CR-7")
    ]
    world.sim.faults.add({}, "http_500_html", times=None)
    for_ever = [world.raw("GET", "preferences").status_code for _ in range(3)]
    world.sim.faults.clear()

    assert statuses == [200, 200, 500, 500, 200]
    assert for_ever == [500] * 3
    assert world.raw("GET", "preferences").status_code == 200
    with pytest.raises(ValueError, match="no fault"):
        world.sim.faults.add({}, "nonsense")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="matched by"):
        world.sim.faults.add({"colour": "green"}, "reset")


# --- people


def test_a_person_writes_uses_frees_and_deletes_a_credit(world: World, customer: str) -> None:
    person = world.company.person
    memo, invoice = person.write_credit_memo(customer, "80.00", note="broken"), person.create_invoice(customer, "50.00")
    person.apply_credit(memo["Id"], invoice["Id"], "50.00")
    left = person.edit_credit_memo(memo["Id"], amount="90.00", number="CM-77")["RemainingCredit"]
    shrunk = person.edit_credit_memo(memo["Id"], amount="20.00")["RemainingCredit"]
    owed = world.company.balance(customer)
    freed = person.unapply_credit(memo["Id"], invoice["Id"])
    person.delete_credit_memo(memo["Id"])

    assert (left, shrunk, owed, freed) == (Decimal("40.00"), 0, 3_000, None)
    assert world.company.balance(customer) == 5_000


def test_a_person_takes_a_credit_out_of_a_mixed_payment(world: World, customer: str) -> None:
    person = world.company.person
    memo, invoice = person.write_credit_memo(customer, "40.00"), person.create_invoice(customer, "100.00")
    paid = person.take_payment(customer, "60.00", {invoice["Id"]: "100.00"}, {memo["Id"]: "40.00"})

    left = person.unapply_credit(memo["Id"], invoice["Id"])

    assert left is not None
    assert (left["Id"], left["TotalAmt"], left["UnappliedAmt"]) == (paid["Id"], Decimal("60.00"), 0)
    assert world.get("Invoice", invoice["Id"])["Balance"] == Decimal("40.00")


def test_a_person_voids_an_applied_memo_and_its_invoice_reopens(world: World, customer: str) -> None:
    person = world.company.person
    memo, invoice = person.write_credit_memo(customer, "40.00"), person.create_invoice(customer, "100.00")
    person.apply_credit(memo["Id"], invoice["Id"], "40.00")

    voided = person.void_credit_memo(memo["Id"])

    assert (voided["TotalAmt"], voided["RemainingCredit"], voided["PrivateNote"]) == (0, 0, "Voided")
    assert world.company.balance(customer) == 10_000


def test_a_person_spreads_and_edits_a_prepayment(world: World, customer: str) -> None:
    person = world.company.person
    first, second = person.create_invoice(customer, "200.00"), person.create_invoice(customer, "300.00")
    paid = person.take_payment(customer, "500.00", number="1234")

    spread = person.edit_payment(paid["Id"], invoices={first["Id"]: "200.00", second["Id"]: "300.00"})
    edited = person.edit_payment(paid["Id"], invoices={first["Id"]: "200.00", second["Id"]: "250.00"})

    assert (spread["UnappliedAmt"], edited["UnappliedAmt"]) == (0, Decimal("50.00"))
    assert edited["PaymentRefNum"] == "1234"


def test_a_person_pays_credits_and_overpayments_out(world: World, customer: str) -> None:
    person = world.company.person
    memo, paid = person.write_credit_memo(customer, "40.00"), person.take_payment(customer, "30.00")

    person.refund_credit(memo["Id"], "15.00")
    left = person.refund_payment(paid["Id"], "10.00")["UnappliedAmt"]
    with pytest.raises(Refusal, match="greater"):
        person.refund_credit(memo["Id"], "26.00")

    assert left == Decimal("20.00")
    assert world.get("CreditMemo", memo["Id"])["RemainingCredit"] == Decimal("25.00")
    assert world.company.balance(customer) == world.company.receivables(customer) == -4_500


def test_people_are_not_metered(world: World, customer: str) -> None:
    assert (world.company.calls.metered, world.company.calls.free, world.company.calls.log) == (0, 0, [])


# --- the side door


def test_everything_a_test_does_a_demo_can_do_over_http(world: World) -> None:
    def door(method: str, path: str, **sent: Any) -> Any:
        answer = world.session.request(method, f"http://qbo.test/_sim/{path}", json=sent)
        assert answer.ok, answer.text
        return answer.json()

    realm = door("POST", "companies", name="Blue Leaf Books")["realm_id"]
    person = f"companies/{realm}/person"
    customer = door("POST", f"{person}/create_customer", name="Acme")["Id"]
    invoice = door("POST", f"{person}/create_invoice", customer_id=customer, amount="100.00")["Id"]
    door("POST", f"{person}/take_payment", customer_id=customer, amount="120.00", invoices={invoice: "100.00"})
    door("PATCH", f"companies/{realm}/switches", auto_apply_credit="on_credit")
    door("POST", f"{person}/set_preference", book_close_date="2026-01-31")
    door("PUT", "webhooks", formats="legacy", target_url="http://localhost:1/", lose_next=1)
    door("POST", "sign-in", realm_id=realm)
    door("POST", "faults", kind=["fault", "6000", "no"], match={"path": "invoice"})
    door("DELETE", "faults")

    assert [company["name"] for company in door("GET", "companies")] == ["Green Leaf Books", "Blue Leaf Books"]
    assert door("GET", f"companies/{realm}/documents/Payment")[0]["UnappliedAmt"] == 20
    assert door("GET", f"companies/{realm}/documents/Invoice/{invoice}")["Balance"] == 0
    assert door("GET", f"companies/{realm}/balances")[customer]["receivables_cents"] == -2000
    assert door("GET", f"companies/{realm}/calls")["metered"] == 0
    assert callback_of(consent(world))["realmId"] == realm
    assert world.sim.companies[realm].preferences.book_close_date == "2026-01-31"
    door("POST", f"companies/{realm}/disconnect")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "companies/{realm}/person/fly", {}, 404),
        ("POST", "companies/{realm}/person/create_customer", {"nam": "Acme"}, 400),
        ("POST", "companies/{realm}/person/void_invoice", {"id": "7"}, 400),
        ("PATCH", "companies/{realm}/switches", {"overpaid_line": "perhaps"}, 400),
        ("GET", "companies/77/balances", {}, 404),
        ("GET", "companies/{realm}/documents/Invoice/7", {}, 404),
        ("PUT", "webhooks", {"colour": "green"}, 400),
    ],
)
def test_a_wrong_word_at_the_side_door_is_named(
    world: World, method: str, path: str, sent: dict[str, str], status: int
) -> None:
    answer = world.session.request(
        method, f"http://qbo.test/_sim/{path.format(realm=world.company.realm_id)}", json=sent
    )

    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_the_front_page_lists_companies_and_documents_for_people(world: World, customer: str) -> None:
    world.post("Payment", payment(customer, "12.34", PrivateNote="<b>cash</b>"))

    page = world.session.get("http://qbo.test/").text

    for text in ("Green Leaf Books", "Acme", "-12.34", "&lt;b&gt;cash&lt;/b&gt;"):
        assert text in page


def test_what_was_handed_out_does_not_change_with_the_books(world: World, customer: str) -> None:
    memo = world.post("CreditMemo", sales_form(customer, "1.00"))
    before = world.company.get("CreditMemo", memo["Id"])

    world.post("CreditMemo", {**token_of(memo), "sparse": True, "PrivateNote": "x"})

    assert before is not None
    assert "PrivateNote" not in before
    assert world.company.get("CreditMemo", "99") is None
