"""Many tenants, few workers: what is long goes in turns, what is small waits for one of them at most."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service.engine.worker import work
from service.engine.working import TURN
from service.store.migrate import upgrade
from tests.stories.world import World

MANY = 120


def a_second_tenant(world: World) -> tuple[Any, Any, str]:
    """(account, QuickBooks company, company of the ERP) of another tenant."""
    account = world.erp.create_account(account_id="acc-2", name="Other Wholesale", api_key="key-2")
    books = world.qbo.create_company(name="Other Books")
    customer = books.person.create_customer("Moonrise")["Id"]
    company = account.user.create_company(name="Moonrise", qb_customer_id=customer)["id"]
    world.connect(account, realm=books.realm_id)
    world.settle()
    plan = world.desk.preview_two_way("acc-2", used_credits="revert", actor=world.actor)
    world.desk.enable_two_way("acc-2", plan_id=plan["plan_id"], actor=world.actor)
    world.settle()
    return account, books, company


def a_mass_resync(world: World, companies: int = 3, many: int = MANY) -> dict[str, Any]:
    """Ask for all that was made before the connection."""
    for number in range(companies):
        company, _ = world.linked_company(f"Dispensary {number}")
        for _ in range(many // companies):
            world.user.create_invoice(company_id=company, amount="10.00")
    world.erp.webhooks.drain()
    world.qbo.webhooks.drain()
    world.clock.sleep(3600)
    world.connect(realm=world.company.realm_id)
    world.settle()
    assert world.all("Invoice") == []
    return world.desk.resync(
        "acc-1", kinds=None, company_ids=None, updated_after=None, customers=None, dry_run=False, actor=world.actor
    )


def made_at(document: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(document["MetaData"]["CreateTime"])


@pytest.mark.parametrize("companies", [1, 3])
def test_a_mass_resync_does_not_delay_the_credit_of_another_tenant(unconnected: World, companies: int) -> None:
    """One worker for both. What is written one after the other takes time: QuickBooks' limits see to that."""
    world = unconnected
    account, books, company = a_second_tenant(world)
    run = a_mass_resync(world, companies)
    account.user.create_credit(company_id=company, amount="20.00")
    issued = world.clock()

    world.settle()

    [memo] = books.all("CreditMemo")
    assert made_at(memo) - issued < TURN * 2
    invoices = world.all("Invoice")
    assert len(invoices) == MANY
    assert max(map(made_at, invoices)) - issued > TURN * 3
    done = world.desk.run(run["id"])
    assert (done["state"], done["progress"]["done"], done["progress"]["total"]) == ("succeeded", MANY, MANY)
    world.check()


def test_a_change_of_the_same_tenant_does_not_wait_for_its_mass_resync(unconnected: World) -> None:
    world = unconnected
    a_mass_resync(world)
    company, _ = world.linked_company("Zenith")
    world.deliver()
    credit = world.user.create_credit(company_id=company, amount="20.00")
    issued = world.clock()

    world.settle()

    memo = world.one("CreditMemo")
    assert memo["DocNumber"] == credit["credit_number"]
    assert made_at(memo) - issued < TURN * 3
    assert len(world.all("Invoice")) == MANY
    world.check()


def test_a_mass_resync_reads_both_books_once_however_many_turns_it_takes(unconnected: World) -> None:
    world = unconnected
    run = a_mass_resync(world)
    before = world.company.calls.metered

    world.settle()

    assert world.desk.run(run["id"])["state"] == "succeeded"
    assert world.company.calls.metered - before <= 3
    world.check()


def test_a_mass_resync_can_be_stopped_between_two_turns(unconnected: World) -> None:
    world = unconnected
    run = a_mass_resync(world)
    work_one_turn(world)
    sent = len(world.all("Invoice"))

    world.desk.cancel(run["id"], actor=world.actor)
    world.settle()
    world.wait(hours=1)

    assert 0 < sent < MANY
    assert len(world.all("Invoice")) == sent
    assert world.desk.run(run["id"])["state"] == "cancelled"


def test_a_disconnect_does_not_wait_for_a_mass_resync(unconnected: World) -> None:
    world = unconnected
    run = a_mass_resync(world)
    work_one_turn(world)
    sent = len(world.all("Invoice"))

    world.desk.disconnect("acc-1", mode="soft", confirm="Emerald Wholesale", actor=world.actor)
    world.settle()

    assert 0 < sent == len(world.all("Invoice"))
    assert world.desk.connection("acc-1")["state"] == "soft_disconnected"
    assert world.desk.run(run["id"])["state"] == "failed"


def test_a_process_that_stops_leaves_at_the_next_step_and_another_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    upgrade(url)
    world = World(url, connect=False)
    run = a_mass_resync(world, many=12)
    world.service.dispatcher.stop(0)

    work_one_turn(world)

    assert (world.desk.run(run["id"])["state"], world.all("Invoice")) == ("queued", [])
    world.restart()
    world.settle()
    assert world.desk.run(run["id"])["state"] == "succeeded"
    assert len(world.all("Invoice")) == 12
    world.check()
    world.close()


def test_a_long_look_goes_on_where_it_was(unconnected: World) -> None:
    """No run that anybody asked for: many changes at once, found by a sweep."""
    world = unconnected
    world.webhooks_on = False
    world.connect(realm=world.company.realm_id)
    world.settle()
    for number in range(3):
        company, _ = world.linked_company(f"Dispensary {number}")
        for _ in range(MANY // 3):
            world.user.create_invoice(company_id=company, amount="10.00")
    before = world.company.calls.metered

    world.wait(minutes=6)

    assert len(world.all("Invoice")) == MANY
    assert world.company.calls.metered - before <= 6
    world.check()


def test_a_stop_switch_stops_a_run_that_is_under_way(unconnected: World) -> None:
    world = unconnected
    run = a_mass_resync(world)
    world.before_each_call = lambda path: pause_after(world, "INVOICE", 5) if path.endswith("/invoice") else None

    world.settle()

    assert 5 <= len(world.all("Invoice")) <= 6
    assert world.desk.run(run["id"])["state"] == "succeeded"
    world.before_each_call = lambda path: None
    world.desk.patch("acc-1", settings={"paused": []}, actor=world.actor)
    world.settle()
    assert len(world.all("Invoice")) == MANY
    world.check()


def test_a_stop_switch_stops_the_repeat_of_an_unanswered_write_too(world: World) -> None:
    company, _ = world.linked_company()
    world.qbo.faults.add(match={"method": "POST", "path": "invoice"}, kind="timeout_before")
    world.before_each_call = lambda path: pause_after(world, "ALL", 0) if path.endswith("/invoice") else None
    world.user.create_invoice(company_id=company, amount="10.00")
    world.settle()
    calls = world.company.calls.free

    world.wait(hours=1)

    assert (world.all("Invoice"), world.company.calls.free) == ([], calls)
    world.before_each_call = lambda path: None
    world.desk.patch("acc-1", settings={"paused": []}, actor=world.actor)
    world.settle()
    assert len(world.all("Invoice")) == 1
    world.check()


def test_asking_anew_between_two_turns_looks_anew(world: World) -> None:
    company, _ = world.linked_company()
    for _ in range(MANY):
        world.user.create_invoice(company_id=company, amount="10.00")
    world.erp.webhooks.drain()
    first = world.desk.reconcile("acc-1", company_id=None, dry_run=False, actor=world.actor)
    work_one_turn(world)
    assert 0 < len(world.all("Invoice")) < MANY
    world.user.create_invoice(company_id=company, amount="77.00")
    world.erp.webhooks.drain()

    second = world.desk.reconcile("acc-1", company_id=None, dry_run=False, actor=world.actor)
    while world.desk.run(second["id"])["state"] != "succeeded":
        world.service.dispatcher.run_due()

    assert second["id"] != first["id"]
    assert [i["TotalAmt"] for i in world.all("Invoice") if i["TotalAmt"] == 77] == [77]
    world.check()


def pause_after(world: World, kind: str, documents: int) -> None:
    """A person switches it off while a run is at work."""
    if len(world.all("Invoice")) == documents:
        world.desk.patch("acc-1", settings={"paused": [kind]}, actor=world.actor)


def work_one_turn(world: World) -> None:
    """As a worker does: the first that is due, once."""
    with world.service.store.reading() as tx:
        due = tx.connections.due(world.clock())
    work(world.service.ports, due[0])
