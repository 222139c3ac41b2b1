"""Scenarios E and F: what happens to invoices, orders and payments in the ERP, and when machines fail."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.stories.world import World, amounts


def test_an_order_that_is_cancelled_and_comes_back_gets_a_new_invoice_and_its_payments(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()
    first = world.one("Invoice")["Id"]

    world.user.cancel_order(invoice["order"]["id"])
    world.settle()

    assert world.one("Invoice")["TotalAmt"] == 0
    assert world.one("Payment")["UnappliedAmt"] == Decimal("100.00")
    world.check()

    world.user.uncancel_order(invoice["order"]["id"])
    world.settle()

    [again] = [i for i in world.all("Invoice") if i["TotalAmt"]]
    assert again["Id"] != first
    assert again["Balance"] == 0
    assert world.account.links("invoice")[invoice["id"]]["quickbooks_id"] == again["Id"]
    world.check(made_anew=1)


def test_a_voided_payment_gives_its_credits_back_and_takes_its_overpayment_along(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="30.00")
    first = world.user.create_invoice(company_id=company, amount="100.00")
    second = world.user.create_invoice(company_id=company, amount="15.00")
    payment = world.user.receive_payment(
        invoice_id=first["id"], amount="115.00", credits=[{"credit_id": credit["id"], "amount": "30.00"}]
    )
    over = next(c for c in world.account.all("credit") if c["source"] == "INVOICE_PAYMENT")
    world.user.receive_payment(
        invoice_id=second["id"], amount="10.00", credits=[{"credit_id": over["id"], "amount": "10.00"}], method=None
    )
    world.settle()
    world.check()

    world.user.void_payment(payment_id=payment["id"])
    world.settle()

    assert {i["Balance"] for i in world.all("Invoice")} == {Decimal("100.00"), Decimal("15.00")}
    assert world.all("Payment")[0]["TotalAmt"] == 0
    assert world.account.links("payment")[payment["id"]]["sync_status"] == "SYNCED"
    world.check()


def test_a_deleted_invoice_takes_its_payments_out_of_quickbooks(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()

    world.user.delete_invoice(invoice_id=invoice["id"])
    world.settle()

    assert world.all("Invoice") == []
    assert world.all("Payment") == []
    world.check()


def test_a_delete_that_no_notice_told_is_found_by_asking(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.webhooks_on = False

    world.user.delete_invoice(invoice_id=invoice["id"])
    world.settle()
    world.wait(hours=30)

    assert world.all("Invoice") == []
    world.webhooks_on = True
    world.check()


def test_a_deposit_on_an_open_order_rests_and_is_applied_when_the_order_is_invoiced(world: World) -> None:
    company, _ = world.linked_company()
    order = world.user.create_order(
        company_id=company, items=[{"description": "x", "quantity": "1", "unit_price": "80"}]
    )
    world.user.receive_payment(order_id=order["id"], amount="50.00")
    world.settle()

    assert world.one("Payment")["UnappliedAmt"] == Decimal("50.00")
    world.check()

    world.user.invoice_order(order["id"])
    world.settle()

    assert world.one("Invoice")["Balance"] == Decimal("30.00")
    assert world.one("Payment")["UnappliedAmt"] == 0
    world.check()


def test_a_credit_promised_to_an_open_order_is_applied_only_when_it_is_invoiced(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="50.00")
    order = world.user.create_order(
        company_id=company, items=[{"description": "x", "quantity": "1", "unit_price": "80"}]
    )
    world.user.receive_payment(
        order_id=order["id"], amount="50.00", credits=[{"credit_id": credit["id"], "amount": "50.00"}], method=None
    )
    world.settle()

    assert world.one("CreditMemo")["RemainingCredit"] == Decimal("50.00")
    assert world.all("Payment") == []
    world.check()

    world.user.invoice_order(order["id"])
    world.settle()

    assert world.one("CreditMemo")["RemainingCredit"] == 0
    assert world.one("Invoice")["Balance"] == Decimal("30.00")
    world.check()


def test_an_invoice_that_falls_below_zero_becomes_a_credit_memo_and_back(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="40.00")
    world.settle()

    world.user.edit_invoice(
        invoice_id=invoice["id"], items=[{"description": "adjustment", "quantity": "1", "unit_price": "-25"}]
    )
    world.settle()

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("25.00")
    assert [i for i in world.all("Invoice") if i["TotalAmt"]] == []
    assert world.account.links("invoice")[invoice["id"]]["quickbooks_type"] == "CREDIT_MEMO"
    world.check()

    world.user.edit_invoice(invoice_id=invoice["id"], amount="10.00")
    world.settle()

    assert world.all("CreditMemo") == []
    assert [i["TotalAmt"] for i in world.all("Invoice") if i["TotalAmt"]] == [Decimal("10.00")]
    world.check(made_anew=1)


def test_discounts_and_charges_add_up_to_the_invoice(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(
        company_id=company,
        items=[{"description": "flower", "quantity": "3", "unit_price": "33.335"}],
        charges=[
            {"type": "CHARGE", "name": "Excise", "amount": "12.50"},
            {"type": "DISCOUNT", "name": "Loyal", "amount": "5.00"},
        ],
    )
    world.settle()

    assert world.one("Invoice")["TotalAmt"] == Decimal("107.51")
    world.check()


def test_an_invoice_changed_by_hand_in_quickbooks_is_never_overwritten_silently(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    world.person.edit_invoice(world.one("Invoice")["Id"], amount="90.00")
    world.settle()

    [problem] = world.problems()
    assert (problem["code"], problem["status"]) == ("changed_in_quickbooks", "conflict")
    assert world.one("Invoice")["TotalAmt"] == Decimal("90.00")
    world.check(unexplained=True)

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()

    assert world.one("Invoice")["TotalAmt"] == Decimal("100.00")
    assert world.problems() == []
    world.check()


@pytest.mark.parametrize(
    "fault", ["timeout_after", "http_500_html", "truncated_json", "reset", "timeout_before", "http_502_empty"]
)
def test_an_answer_that_is_lost_never_makes_a_second_document(world: World, fault: str) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={"method": "POST", "path": "creditmemo"}, kind=fault, times=2)

    world.user.create_credit(company_id=company, amount="120.00")
    world.settle()
    world.wait(minutes=3)

    assert len(world.all("CreditMemo")) == 1
    assert max(world.company.created.values()) == 1
    assert world.problems() == []
    world.check()


def test_a_forgotten_request_id_is_made_good_by_the_marker(world: World) -> None:
    world.company.switches.requestid_lifetime_s = 0
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={"method": "POST", "path": "creditmemo"}, kind="timeout_after")

    world.user.create_credit(company_id=company, amount="120.00")
    world.settle()
    world.wait(minutes=3)

    assert len(world.all("CreditMemo")) == 1
    world.check()


def test_somebody_faster_in_quickbooks_means_looking_again(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    world.webhooks_on = False
    world.person.edit_credit_memo(world.one("CreditMemo")["Id"], note="typed by Ann")
    world.webhooks_on = True
    world.qbo.webhooks.drain()

    world.user.edit_credit(id=credit["id"], amount="30.00")
    world.settle()

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("30.00")
    world.check()


def test_quickbooks_down_is_one_problem_and_nothing_is_lost(world: World) -> None:
    company, _ = world.linked_company()
    world.settle()
    world.qbo.faults.add(match={}, kind="http_503_html", times=500)
    for _ in range(3):
        world.user.create_credit(company_id=company, amount="10.00")
    world.deliver()
    world.service.dispatcher.run_due()

    assert len(world.problems()) == 1

    world.qbo.faults.clear()
    world.wait(minutes=10)

    assert len(world.all("CreditMemo")) == 3
    assert world.problems() == []
    world.check()


def test_records_that_break_a_rule_are_named_and_everything_else_goes_on(world: World) -> None:
    company, _ = world.linked_company()
    good = world.user.create_credit(company_id=company, amount="10.00")
    bad = world.user.create_credit(company_id=company, amount="20.00")
    world.account.plant("credit", {**world.account.get("credit", bad["id"]), "remaining_balance": "-5.00"})
    world.settle()
    world.reconcile()

    assert world.account.links("credit")[good["id"]]["sync_status"] == "SYNCED"
    [problem] = [p for p in world.problems() if p["code"] == "negative_remaining"]
    assert "remaining_balance" in problem["cause"]
    assert problem["erp_id"] == bad["id"]


def three_credits_where_two_are_allowed(world: World) -> str:
    company, _ = world.linked_company()
    world.settle()
    world.desk.patch("acc-1", settings={"max_documents_per_run": 2}, actor=world.actor)
    for _ in range(3):
        world.user.create_credit(company_id=company, amount="10.00")
    world.settle()
    return company


def the_held_run(world: World) -> dict[str, Any]:
    [held] = [r for r in world.desk.runs("acc-1", cursor=None, limit=100)["data"] if r["state"] == "held"]
    return held


def test_a_run_that_would_change_too_much_waits_for_another_person(world: World) -> None:
    three_credits_where_two_are_allowed(world)
    world.wait(minutes=20)

    assert world.all("CreditMemo") == []
    held = the_held_run(world)

    world.desk.approve(held["id"], actor="another person")
    world.settle()

    assert len(world.all("CreditMemo")) == 3
    world.check()


def test_what_grew_by_more_than_the_limit_since_it_was_held_is_held_again(world: World) -> None:
    """Who approved three did not approve thirty."""
    company = three_credits_where_two_are_allowed(world)
    held = the_held_run(world)
    assert "3 documents (30.00)" in held["error"]
    for _ in range(3):
        world.user.create_credit(company_id=company, amount="10.00")

    world.desk.approve(held["id"], actor="another person")
    world.settle()

    assert world.all("CreditMemo") == []
    assert "6 documents (60.00)" in world.desk.run(held["id"])["error"]

    world.desk.approve(held["id"], actor="another person")
    world.settle()

    assert len(world.all("CreditMemo")) == 6
    world.check()


def test_customers_that_would_be_made_count_for_the_brakes(world: World) -> None:
    world.desk.patch("acc-1", settings={"max_documents_per_run": 2, "customers": "create"}, actor=world.actor)
    before = len(world.all("Customer"))
    for name in ("One", "Two"):
        company = world.user.create_company(name=name)["id"]
        world.user.create_credit(company_id=company, amount="10.00")
    world.settle()

    assert len(world.all("Customer")) == before
    held = the_held_run(world)
    assert "4 documents (20.00)" in held["error"]


def test_a_credit_memo_may_carry_what_people_write(world: World) -> None:
    company, _ = world.linked_company()
    world.user.create_credit(company_id=company, amount="10.00", external_note="Jar “Sour–D” 破損 ñ")
    world.settle()

    assert world.one("CreditMemo")["CustomerMemo"]["value"].startswith('Jar "Sour-D"')
    world.check()


def test_a_payment_in_a_bank_deposit_says_what_to_do_and_is_not_tried_for_ever(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()
    world.person.deposit([world.one("Payment")["Id"]])
    world.user.void_payment(payment_id=payment["id"])
    world.settle()
    calls = world.company.calls.free
    world.wait(hours=3)

    [problem] = world.problems()
    assert problem["code"] == "deposited"
    assert "deposit" in problem["what_to_do"]
    assert world.company.calls.free == calls
    assert amounts(world.one("Payment"))


def test_an_invoice_that_is_given_to_another_customer_moves_in_quickbooks_too(world: World) -> None:
    first, _ = world.linked_company()
    second, customer = world.linked_company("Moonrise")
    invoice = world.user.create_invoice(company_id=first, amount="40.00")
    world.settle()

    world.user.edit_invoice(invoice_id=invoice["id"], company_id=second)
    world.settle()

    assert world.one("Invoice")["CustomerRef"]["value"] == customer
    assert world.problems() == []
    world.check()
