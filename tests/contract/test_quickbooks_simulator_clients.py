"""The real client libraries, over a real socket: what they make of the simulator is what they make of QuickBooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import AuthorizationException, QuickbooksException
from quickbooks.objects.base import Ref
from quickbooks.objects.creditmemo import CreditMemo
from quickbooks.objects.customer import Customer
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.payment import Payment, PaymentLine

from fixtures.simulators.quickbooks import Company, QuickBooksSimulator
from fixtures.simulators.serving import Served, serve_in_thread

CALLBACK = "https://us.test/callback"


class TokenSession(requests.Session):
    """All that the library wants of its session: requests', and a token."""

    def __init__(self, access_token: str) -> None:
        super().__init__()
        self.access_token = access_token


@pytest.fixture
def sim() -> QuickBooksSimulator:
    simulator = QuickBooksSimulator()
    simulator.create_company()
    return simulator


@pytest.fixture
def company(sim: QuickBooksSimulator) -> Company:
    return next(iter(sim.companies.values()))


@pytest.fixture
def served(sim: QuickBooksSimulator) -> Iterator[Served]:
    handle = serve_in_thread(sim.app)
    yield handle
    handle.stop()


@pytest.fixture
def auth(served: Served) -> AuthClient:
    return AuthClient("sim-client", "sim-secret", CALLBACK, f"{served.url}/.well-known/openid_configuration")


@pytest.fixture
def client(sim: QuickBooksSimulator, company: Company, served: Served) -> QuickBooks:
    made = QuickBooks(company_id=company.realm_id, minorversion=75)
    made.api_url_v3 = made.sandbox_api_url_v3 = f"{served.url}/v3"
    made.session = TokenSession(str(sim.tokens.grant(company.realm_id)["access_token"]))
    return made


def line(amount: str) -> SalesItemLine:
    made = SalesItemLine()
    made.Amount = float(amount)
    made.SalesItemLineDetail = SalesItemLineDetail()
    made.SalesItemLineDetail.ItemRef = Ref()
    made.SalesItemLineDetail.ItemRef.value = "2"
    return made


def customer_of(client: QuickBooks, name: str = "Acme") -> Customer:
    made = Customer()
    made.DisplayName = name
    return made.save(qb=client)


def form_of(kind: type, customer: Customer, amount: str) -> CreditMemo | Invoice:
    made = kind()
    made.CustomerRef = customer.to_ref()
    made.Line.append(line(amount))
    return made


def test_python_quickbooks_writes_a_credit_and_applies_it(client: QuickBooks, company: Company) -> None:
    customer = customer_of(client)
    invoice = form_of(Invoice, customer, "100.00").save(qb=client)
    memo = form_of(CreditMemo, customer, "40.00").save(qb=client, request_id="req-1")
    linking = Payment()
    linking.TotalAmt = 0
    linking.CustomerRef = customer.to_ref()
    for document, kind in ((invoice, "Invoice"), (memo, "CreditMemo")):
        part = PaymentLine()
        part.Amount = 40
        part.LinkedTxn.append(document.to_linked_txn())
        assert part.LinkedTxn[0].TxnType == kind
        linking.Line.append(part)
    linking.save(qb=client)

    assert Invoice.get(invoice.Id, qb=client).Balance == 60
    assert CreditMemo.get(memo.Id, qb=client).RemainingCredit == 0
    assert company.receivables(customer.Id) == company.balance(customer.Id) == 6_000


def test_python_quickbooks_queries_counts_and_pages(client: QuickBooks) -> None:
    for name in ("Acme", "Beta", "O'Hara & Sons"):
        customer_of(client, name)

    assert [row.DisplayName for row in Customer.all(qb=client, order_by="DisplayName", max_results=2)] == [
        "Acme",
        "Beta",
    ]
    assert Customer.count("Active = true", qb=client) == 3
    assert len(Customer.filter(DisplayName="O'Hara & Sons", qb=client)) == 1


def test_python_quickbooks_updates_voids_and_deletes(client: QuickBooks, company: Company) -> None:
    customer = customer_of(client)
    invoice = form_of(Invoice, customer, "10.00").save(qb=client)
    invoice.PrivateNote = "changed"
    invoice = invoice.save(qb=client)
    invoice.void(qb=client)
    memo = form_of(CreditMemo, customer, "5.00").save(qb=client)
    memo.delete(qb=client)

    [voided] = company.all("Invoice")
    assert (voided["TotalAmt"], voided["PrivateNote"], voided["SyncToken"]) == (0, "Voided - changed", "2")
    assert company.all("CreditMemo") == []


def test_python_quickbooks_voids_a_payment(client: QuickBooks, company: Company) -> None:
    taken = company.person.take_payment(company.person.create_customer("Acme")["Id"], "12.00")

    Payment.get(taken["Id"], qb=client).void(qb=client)

    assert company.all("Payment")[0]["TotalAmt"] == 0


def test_python_quickbooks_reads_batches_changes_and_preferences(client: QuickBooks, company: Company) -> None:
    customer = customer_of(client)
    answer = batch_create([form_of(CreditMemo, customer, "1.00"), form_of(CreditMemo, customer, "2.00")], qb=client)
    since = company.created_at - timedelta(days=1)

    changes = client.change_data_capture("CreditMemo", since.isoformat())

    assert sorted(memo.TotalAmt for memo in answer.successes) == [1, 2]
    assert len(changes["CDCResponse"][0]["QueryResponse"][0]["CreditMemo"]) == 2
    assert client.get_single_object("preferences", "")["Preferences"]["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    assert len(change_data_capture([CreditMemo], since.strftime("%Y-%m-%d"), qb=client).CreditMemo) == 2


def test_python_quickbooks_meets_a_stale_object_and_a_dead_token(
    client: QuickBooks, sim: QuickBooksSimulator, company: Company
) -> None:
    memo = form_of(CreditMemo, customer_of(client), "10.00").save(qb=client)
    memo.SyncToken = "7"
    with pytest.raises(QuickbooksException) as stale:
        memo.save(qb=client)
    sim.tokens.expire_access(company.realm_id)

    assert stale.value.error_code == 5010
    with pytest.raises(AuthorizationException):
        CreditMemo.all(qb=client)


def test_intuit_oauth_connects_refreshes_and_revokes(
    auth: AuthClient, sim: QuickBooksSimulator, company: Company
) -> None:
    url = auth.get_authorization_url([Scopes.ACCOUNTING], "state-1")
    back = requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
    sent = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    auth.get_bearer_token(sent["code"], realm_id=sent["realmId"])
    connected, first = sim.tokens.is_connected(company.realm_id), auth.access_token
    auth.headers["x-include-refresh-token-hard-expires-in"] = "true"
    auth.refresh()

    assert (sent["realmId"], sent["state"], connected) == (company.realm_id, "state-1", True)
    assert auth.access_token != first
    assert auth.x_refresh_token_hard_expires_in == 5 * 365 * 86_400
    assert auth.revoke()
    with pytest.raises(AuthClientError) as dead:
        auth.refresh()
    assert b"invalid_grant" in bytes(str(dead.value.content), "utf-8")


def test_on_a_real_socket_silence_and_a_broken_connection_are_real(
    sim: QuickBooksSimulator, company: Company, served: Served
) -> None:
    headers = {"Authorization": f"Bearer {sim.tokens.grant(company.realm_id)['access_token']}"}
    url = f"{served.url}/v3/company/{company.realm_id}/preferences"
    sim.faults.hold_seconds = 0.3
    sim.faults.add({"path": "preferences"}, "timeout_after")
    with pytest.raises(requests.ReadTimeout):
        requests.get(url, headers=headers, timeout=0.1)
    sim.faults.add({"path": "preferences"}, "timeout_before")
    with pytest.raises(requests.ConnectionError):
        requests.get(url, headers=headers, timeout=5)
    sim.faults.add({"path": "preferences"}, "reset")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(url, headers=headers, timeout=5)

    assert requests.get(url, headers=headers, timeout=5).status_code == 200


def test_amounts_arrive_exactly(client: QuickBooks, company: Company) -> None:
    """A float sent by the library is read as the decimal it was printed as."""
    form_of(CreditMemo, customer_of(client), "1234567.89").save(qb=client)

    assert company.all("CreditMemo")[0]["TotalAmt"] == Decimal("1234567.89")
