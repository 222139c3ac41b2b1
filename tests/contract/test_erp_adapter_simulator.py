"""The ERP adapter against the simulator over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.simulators.erp import ErpSimulator
from fixtures.simulators.erp.simulator import Account
from service.erp.client import ErpClient
from service.erp.door import HttpErpDoor
from service.errors import Disconnected, Gone, Refused, Throttled, UnknownOutcome, Unreachable
from tests.contract.adapter_front import Front, closed_address, front


@dataclass
class World:
    url: str
    simulator: ErpSimulator
    account: Account

    def open(self, api_key: str = "erp-key", *, per_second: int = 1000) -> ErpClient:
        door = HttpErpDoor(self.url, max_per_second=per_second, timeout_s=0.3)
        return door.open(self.account.account_id, api_key)


@pytest.fixture(scope="module")
def socket() -> Iterator[Front]:
    with front() as made:
        yield made


@pytest.fixture
def world(socket: Front) -> World:
    simulator = ErpSimulator(base_url=socket.url)
    socket.app = simulator.app
    return World(socket.url, simulator, simulator.create_account())


def test_every_page_of_changes_is_read_deleted_ones_included(world: World) -> None:
    world.simulator.page_size = 3
    made = [world.account.user.create_company(f"Company {n}")["id"] for n in range(8)]
    world.account.user.delete_company(made[4])
    erp = world.open()

    ids = [record["id"] for record in erp.changed("company", None)]

    assert ids == made
    assert erp.calls == 3


def test_only_what_changed_since_is_read(world: World) -> None:
    world.account.user.create_company("Old")
    world.simulator.advance(3600)
    since = world.simulator.now()
    world.simulator.advance(1)
    fresh = world.account.user.create_company("New")["id"]

    assert [record["id"] for record in world.open().changed("company", since)] == [fresh]


def test_records_are_found_by_id_deleted_ones_too_and_unknown_ones_are_left_out(world: World) -> None:
    company = world.account.user.create_company("Green")["id"]
    credit = world.account.user.create_credit(company, "30.00")["id"]
    world.account.user.delete_credit(credit)

    [found] = world.open().by_ids("credit", [credit, "no-such-credit"])

    assert found["id"] == credit
    assert found["deleted_at"] is not None


@pytest.mark.parametrize("kind", ["company", "invoice", "payment", "credit", "return", "refund"])
def test_every_kind_can_be_listed(world: World, kind: str) -> None:
    assert list(world.open().changed(kind, datetime.now(UTC) - timedelta(days=1))) == []


def test_a_declared_credit_memo_becomes_a_credit(world: World) -> None:
    company = world.account.user.create_company("Green", qb_customer_id="12")["id"]
    declared = {
        "sync_token": "0",
        "status": "ACTIVE",
        "credit_id": None,
        "company_id": company,
        "doc_number": "1050",
        "transaction_date": "2026-11-20",
        "amount": "120.50",
        "outside_amount": "0.00",
        "refunded_amount": "0.00",
        "external_note": None,
        "internal_note": None,
    }
    erp = world.open()

    credit = erp.declare_credit_memo("181", declared)["credit"]
    again = erp.declare_credit_memo("181", declared)["credit"]

    assert credit["id"] == again["id"]
    assert credit["amount"] in ("120.5", "120.50")


def test_links_are_told_and_the_unknown_come_back(world: World) -> None:
    company = world.account.user.create_company("Green")["id"]
    link = {
        "kind": "COMPANY",
        "quickbooks_type": "CUSTOMER",
        "quickbooks_id": "12",
        "sync_status": "SYNCED",
        "message": None,
    }

    unknown = world.open().put_links([{**link, "id": company}, {**link, "id": "no-such-company"}])

    assert unknown == ["no-such-company"]
    assert world.account.get("company", company)["qb_customer_id"] == "12"


def test_a_customer_met_in_quickbooks_becomes_a_company(world: World) -> None:
    made = world.open().create_company(
        {"qb_customer_id": "12", "name": "Green", "email": None, "phone": None, "billing_address": None}
    )

    assert world.account.get("company", made["id"])["name"] == "Green"


def test_a_credit_is_cancelled(world: World) -> None:
    company = world.account.user.create_company("Green")["id"]
    credit = world.account.user.create_credit(company, "30.00")["id"]

    assert world.open().cancel_credit(credit, delete_uses=True)["status"] == "CANCELED"


def test_what_the_erp_does_not_have_is_gone(world: World) -> None:
    with pytest.raises(Gone):
        world.open().void_payment("no-such-payment")


def test_a_forbidden_declaration_comes_back_in_the_erps_own_words(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.open().declare_payment("5", {"status": "NONSENSE"})

    assert refused.value.code == "erp_refused"
    assert refused.value.message


def test_another_key_is_refused(world: World) -> None:
    with pytest.raises(Disconnected):
        list(world.open("not-the-key").changed("company", None))


@pytest.mark.parametrize("kind", ["http_500", "http_503_html", "timeout_before", "timeout_after", "reset"])
def test_a_read_outlives_one_failure(world: World, kind: str) -> None:
    world.account.user.create_company("Green")
    world.simulator.faults.add({"method": "GET"}, kind)

    assert len(list(world.open().changed("company", None))) == 1


def test_a_cancellation_whose_answer_is_lost_is_not_repeated(world: World) -> None:
    company = world.account.user.create_company("Green")["id"]
    credit = world.account.user.create_credit(company, "30.00")["id"]
    world.simulator.faults.add({"method": "POST"}, "timeout_after")
    erp = world.open()

    with pytest.raises(UnknownOutcome):
        erp.cancel_credit(credit, delete_uses=True)

    assert erp.calls == 1


def test_throttling_is_told(world: World) -> None:
    world.simulator.faults.add({}, "throttle_429")

    with pytest.raises(Throttled):
        list(world.open().changed("company", None))


def test_an_erp_that_stays_away_is_given_up() -> None:
    with pytest.raises(Unreachable) as away:
        HttpErpDoor(closed_address()).open("account-1", "erp-key").void_payment("p-1")

    assert not isinstance(away.value, UnknownOutcome)


def test_the_pace_is_kept_as_the_erp_sees_it(world: World) -> None:
    world.simulator.page_size = 1
    for number in range(5):
        world.account.user.create_company(f"Company {number}")

    list(world.open(per_second=4).changed("company", None))

    assert world.account.max_rps_seen <= 4
