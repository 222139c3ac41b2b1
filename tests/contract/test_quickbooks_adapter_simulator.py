"""The QuickBooks adapter against the simulator over a real socket: time-outs bite, connections really break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import simplejson

from fixtures.simulators.quickbooks import QuickBooksSimulator
from fixtures.simulators.quickbooks.company import Company
from service.errors import Disconnected, Gone, Refused, Stale, Throttled, UnknownOutcome
from service.ports import Condition, Operation, QuickBooksWrite, Raw, Tokens
from service.quickbooks.app import IntuitApp
from service.quickbooks.company import QuickBooksCompany
from service.quickbooks.door import CompanyOpener, IntuitConsent, IntuitDoor
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.throttle import InProcessThrottle
from tests.contract.adapter_front import Front, front
from tests.contract.quickbooks_bench import MemoryVault

CALLBACK = "http://us.test/callback"


@dataclass
class World:
    """A simulator with one company, the adapter in front of it, and the grant that it holds."""

    url: str
    simulator: QuickBooksSimulator
    company: Company
    vault: MemoryVault = field(default_factory=MemoryVault)

    def __post_init__(self) -> None:
        app = IntuitApp(
            client_id=self.simulator.client_id,
            client_secret=self.simulator.client_secret,
            redirect_uri=CALLBACK,
            environment=f"{self.url}/.well-known/openid_configuration",
            api_url=f"{self.url}/v3",
            timeout_s=0.3,
        )
        self.oauth = IntuitOAuth(app)
        self.opener = CompanyOpener(app, InProcessThrottle(sleep=lambda _: None, patience_s=1e9), sleep=lambda _: None)
        self.consent = IntuitConsent(self.opener, self.oauth)
        self.vault.held = self.connect()
        self.customer_id = self.company.person.create_customer("Green Leaf")["Id"]

    def connect(self) -> Tokens:
        """A person's way through the browser, and the exchange at its end."""
        arrived = requests.get(self.consent.authorize_url("state-1"), allow_redirects=False, timeout=5)
        callback = parse_qs(urlsplit(arrived.headers["Location"]).query)
        assert callback["state"] == ["state-1"]
        return self.consent.exchange(callback["code"][0])

    def open(self) -> QuickBooksCompany:
        return IntuitDoor(self.opener, self.oauth, self.vault).open(1, self.company.realm_id)

    def memo(self, number: str, request_id: str = "req-1") -> QuickBooksWrite:
        body = {
            "CustomerRef": {"value": self.customer_id},
            "DocNumber": number,
            "PrivateNote": "Distru credit 7, ünïcode",
            "Line": [
                {
                    "Amount": 120.5,
                    "DetailType": "SalesItemLineDetail",
                    "SalesItemLineDetail": {"ItemRef": {"value": self.item_id()}},
                }
            ],
        }
        return QuickBooksWrite("CreditMemo", Operation.CREATE, simplejson.dumps(body), request_id)

    def item_id(self) -> str:
        item_id: str = self.company.all("Item")[0]["Id"]
        return item_id


@pytest.fixture(scope="module")
def socket() -> Iterator[Front]:
    with front() as made:
        yield made


@pytest.fixture
def world(socket: Front) -> World:
    simulator = QuickBooksSimulator()
    simulator.faults.hold_seconds = 0.6
    socket.app = simulator.app
    return World(socket.url, simulator, simulator.create_company())


def change(held: Raw, operation: Operation, request_id: str) -> QuickBooksWrite:
    body = simplejson.dumps({"Id": held["Id"], "SyncToken": held["SyncToken"], "sparse": True})
    return QuickBooksWrite("Payment" if "UnappliedAmt" in held else "CreditMemo", operation, body, request_id)


def test_a_consent_opens_the_company_it_was_given_for(world: World) -> None:
    grant = world.connect()

    info = world.consent.company_info(grant, world.company.realm_id)

    assert info["CompanyName"] == world.company.name
    assert grant.refresh_hard_expires_at is not None
    assert grant.refresh_hard_expires_at > datetime.now(UTC) + timedelta(days=4 * 365)


def test_a_code_works_once(world: World) -> None:
    arrived = requests.get(world.consent.authorize_url("s"), allow_redirects=False, timeout=5)
    code = parse_qs(urlsplit(arrived.headers["Location"]).query)["code"][0]
    world.consent.exchange(code)

    with pytest.raises(Refused) as refused:
        world.consent.exchange(code)

    assert refused.value.code == "consent_failed"


def test_revoking_ends_the_grant_and_may_be_repeated(world: World) -> None:
    assert world.vault.held is not None

    world.consent.revoke(world.vault.held)
    world.consent.revoke(world.vault.held)

    with pytest.raises(Disconnected):
        world.open().preferences()


def test_a_memo_is_written_read_found_and_deleted(world: World) -> None:
    company = world.open()

    made = company.write(world.memo("CR-1"))
    found = list(company.query("CreditMemo", [Condition("DocNumber", "=", "CR-1")]))
    stub = company.write(change(made, Operation.DELETE, "req-2"))

    assert str(made["TotalAmt"]) in ("120.5", "120.50")
    assert made["PrivateNote"] == "Distru credit 7, ünïcode"
    assert [one["Id"] for one in found] == [made["Id"]]
    assert stub["status"] == "Deleted"
    with pytest.raises(Gone):
        company.read("CreditMemo", made["Id"])
    assert (company.calls.free, company.calls.metered) == (2, 2)


def test_a_payment_is_voided_and_stays(world: World) -> None:
    payment = world.company.person.take_payment(world.customer_id, "50.00")

    voided = world.open().write(change(payment, Operation.VOID, "req-1"))

    assert voided["TotalAmt"] == 0
    assert world.company.get("Payment", payment["Id"]) is not None


def test_an_outdated_token_is_stale(world: World) -> None:
    payment = world.company.person.take_payment(world.customer_id, "50.00")
    world.company.person.edit_payment(payment["Id"], amount="60.00")

    with pytest.raises(Stale):
        world.open().write(change(payment, Operation.VOID, "req-1"))


@pytest.mark.parametrize("kind", ["timeout_after", "reset", "truncated_json"])
def test_an_answer_that_is_lost_is_repeated_unchanged_and_nothing_is_made_twice(world: World, kind: str) -> None:
    world.simulator.faults.add({"operation": "create"}, kind)  # type: ignore[arg-type]
    company = world.open()

    with pytest.raises(UnknownOutcome):
        company.write(world.memo("CR-1"))
    made = company.write(world.memo("CR-1"))

    assert [memo["Id"] for memo in world.company.all("CreditMemo")] == [made["Id"]]


@pytest.mark.parametrize("kind", ["http_500_html", "http_502_empty", "http_503_html", "timeout_before", "reset"])
def test_a_read_outlives_one_failure(world: World, kind: str) -> None:
    world.simulator.faults.add({"operation": "read"}, kind)  # type: ignore[arg-type]

    assert world.open().preferences()["Id"] == "1"


@pytest.mark.parametrize("kind", ["throttle_json", "throttle_xml", "throttle_403"])
def test_throttling_is_told_in_every_form(world: World, kind: str) -> None:
    world.simulator.faults.add({}, kind)  # type: ignore[arg-type]

    with pytest.raises(Throttled) as limit:
        world.open().write(world.memo("CR-1"))

    assert limit.value.retry_after_s == 60


def test_a_token_that_ends_in_mid_run_is_renewed(world: World) -> None:
    company = world.open()
    company.preferences()
    world.simulator.tokens.rotate_on_every_refresh = True
    world.simulator.tokens.expire_access(world.company.realm_id)

    made = company.write(world.memo("CR-1"))

    assert world.company.get("CreditMemo", made["Id"]) is not None
    assert len(world.vault.saved) == 1


def test_a_company_that_the_user_disconnected_asks_for_a_person(world: World) -> None:
    world.company.disconnect()

    with pytest.raises(Disconnected) as dead:
        world.open().preferences()

    assert dead.value.code == "grant_expired"


def test_changes_tell_what_was_written_and_what_was_deleted(world: World) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    kept = world.company.person.take_payment(world.customer_id, "50.00")
    gone = world.company.person.take_payment(world.customer_id, "60.00")
    world.company.person.delete_payment(gone["Id"])

    changes = world.open().changes(["Payment", "CreditMemo", "Invoice"], since)

    assert [(entity, row["Id"]) for entity, row in changes.objects] == [("Payment", kept["Id"])]
    assert list(changes.deleted) == [("Payment", gone["Id"])]
    assert abs(changes.complete_to - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_batch_is_made_once_however_often_it_is_sent(world: World) -> None:
    world.simulator.faults.add({"operation": "batch"}, "batch_missing_item")
    writes = [world.memo(f"CR-{n}", f"req-{n}") for n in range(3)]

    results = world.open().write_many(writes)

    assert [isinstance(one, dict) for one in results] == [True, True, False]
    assert isinstance(results[2], UnknownOutcome)
    assert len(world.company.all("CreditMemo")) == 3


def test_names_with_quotes_and_backslashes_are_found(world: World) -> None:
    name = "O'Hara \\ Söhne & Co"
    made = world.company.person.create_customer(name)
    other = world.company.person.create_customer("x")
    world.company.person.deactivate(other["Id"])
    company = world.open()

    [found] = company.query("Customer", [Condition("DisplayName", "=", name)])
    everyone = list(company.query("Customer", with_inactive=True))

    assert found["Id"] == made["Id"]
    assert other["Id"] in [row["Id"] for row in everyone]
