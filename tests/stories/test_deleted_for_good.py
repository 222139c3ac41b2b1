"""Hard deletes in the ERP: heard of, found by asking, or only seeming so because of a key or of reads that lag."""

from __future__ import annotations

import pytest

from tests.stories.world import World


def an_invoice(world: World, company: str, *, paid: bool = True) -> str:
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    if paid:
        world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    return str(invoice["id"])


def reads_lag(world: World) -> None:
    world.erp.read_lag_seconds = 1
    world.clock.sleep(10)


def test_an_invoice_that_the_erp_does_not_show_yet_is_not_taken_for_deleted(world: World) -> None:
    """The notice was faster than the ERP's reads, and somebody asked for a reconciliation within that second."""
    company, _ = world.linked_company()
    world.settle()
    reads_lag(world)
    an_invoice(world, company, paid=False)
    world.deliver()
    world.service.dispatcher.run_due()
    world.clock.sleep(0.3)

    world.reconcile()

    assert world.company.created["Invoice", world.one("Invoice")["PrivateNote"].splitlines()[-1]] == 1
    assert world.one("Invoice")["Balance"] == 100
    world.check()


@pytest.mark.parametrize("tells_of_payments", [True, False])
@pytest.mark.parametrize("lags", [True, False])
def test_a_deleted_invoice_takes_its_payments_along(world: World, tells_of_payments: bool, lags: bool) -> None:
    """Whether or not the ERP tells of each payment, and however late its reads are."""
    world.erp.webhooks.distru_types_only = not tells_of_payments
    company, _ = world.linked_company()
    invoice = an_invoice(world, company)
    world.settle()
    if lags:
        reads_lag(world)

    world.user.delete_invoice(invoice)
    world.clock.sleep(0.1)
    world.settle()

    assert world.all("Invoice") == world.all("Payment") == []
    world.check()


@pytest.mark.parametrize("tells_of_payments", [True, False])
@pytest.mark.parametrize("lags", [True, False])
def test_a_deleted_order_takes_its_deposit_along(world: World, tells_of_payments: bool, lags: bool) -> None:
    world.erp.webhooks.distru_types_only = not tells_of_payments
    company, _ = world.linked_company()
    items = [{"description": "Flower", "quantity": "1", "unit_price": "100.00"}]
    order = world.user.create_order(company_id=company, items=items)
    world.user.receive_payment(order_id=order["id"], amount="40.00")
    world.wait(minutes=6)
    assert world.one("Payment")["UnappliedAmt"] == 40
    if lags:
        reads_lag(world)

    world.user.delete_order(order["id"])
    world.clock.sleep(0.1)
    world.settle()

    assert world.all("Payment") == []
    world.check()


def test_a_payment_deleted_with_its_credit_is_not_left_with_the_rest_of_its_money(world: World) -> None:
    """Found by simulation, seed 51079: of the deletion nobody told, and the customer's 72.95 became 13.13."""
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="88.40")
    world.settle()
    world.person.take_payment(customer, "72.95", invoices={world.one("Invoice")["Id"]: "13.13"})
    world.settle()
    world.webhooks_on = False

    world.user.delete_invoice(invoice["id"])
    world.wait(minutes=6)

    assert world.all("Payment") == []
    world.wait(hours=25)
    world.check()


def many_are_deleted_and_nobody_tells(world: World) -> str:
    company, _ = world.linked_company()
    invoices = [an_invoice(world, company) for _ in range(5)]
    world.settle()
    world.webhooks_on = False
    for invoice in invoices[:4]:
        world.user.delete_invoice(invoice)
    return company


def test_many_that_are_missing_at_once_are_asked_about_before_anything_is_ended(world: World) -> None:
    many_are_deleted_and_nobody_tells(world)

    world.reconcile()

    assert len(world.all("Invoice")) == len(world.all("Payment")) == 5
    [problem] = world.problems()
    assert (problem["code"], problem["status"], problem["choices"]) == (
        "erp_records_missing",
        "conflict",
        ["end_in_quickbooks"],
    )
    assert "8 of 10 records" in problem["cause"]
    [way_out] = world.service.problem_desk.problem(problem["id"])["ways_out"]
    assert way_out["effect"]


def test_who_says_that_they_were_deleted_has_them_ended_in_quickbooks(world: World) -> None:
    many_are_deleted_and_nobody_tells(world)
    world.reconcile()
    [problem] = world.problems()

    run = world.desk.resolve(problem["id"], choice="end_in_quickbooks", actor=world.actor)
    world.settle()

    assert world.desk.run(run["id"])["state"] == "succeeded"
    assert len(world.all("Invoice")) == len(world.all("Payment")) == 1
    assert world.problems() == []
    world.check()


@pytest.mark.parametrize("asked_by_a_person", [True, False])
def test_the_key_of_another_account_reads_nothing_and_ends_nothing(world: World, asked_by_a_person: bool) -> None:
    """Before, one pasted key emptied QuickBooks, and no problem said so."""
    company, _ = world.linked_company()
    an_invoice(world, company)
    world.settle()
    other = world.erp.create_account(account_id="acc-2", name="Other", api_key="other-key")
    world.desk.create_connection("acc-2", "Other", "other-key", actor=world.actor)
    other.user.create_invoice(company_id=other.user.create_company(name="Strangers")["id"], amount="9.00")

    world.desk.create_connection("acc-1", "Emerald Wholesale", "other-key", actor=world.actor)
    if asked_by_a_person:
        world.desk.reconcile("acc-1", company_id=None, dry_run=False, actor=world.actor)
    for _ in range(3):
        world.wait(hours=9)

    assert len(world.all("Invoice")) == len(world.all("Payment")) == 1
    assert [problem["code"] for problem in world.problems()] == ["erp_key_of_another_account"]

    world.desk.create_connection("acc-1", "Emerald Wholesale", world.erp_key, actor=world.actor)
    world.wait(minutes=10)
    world.reconcile()

    assert world.problems() == []
    world.check()
