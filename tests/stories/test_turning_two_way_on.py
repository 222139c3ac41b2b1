"""Scenarios C: two-way sync is switched on for books that exist already."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from service.errors import Rejected
from tests.stories.world import World


def preview(world: World, used_credits: str = "revert") -> dict:
    return world.desk.preview_two_way("acc-1", used_credits=used_credits, actor=world.actor)


def test_the_preview_says_what_becomes_of_every_credit_and_enabling_does_just_that(one_way: World) -> None:
    world = one_way
    company, customer = world.linked_company()
    unused = world.user.create_credit(company_id=company, amount="40.00")
    typed = world.user.create_credit(company_id=company, amount="70.00")
    world.person.write_credit_memo(customer, "70.00", number=typed["credit_number"], date="2026-03-02")
    foreign = world.person.write_credit_memo(customer, "15.00", number="CM-9")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="130.00")
    world.settle()

    plan = preview(world)

    actions = {(row["action"], row["number"]) for row in plan["steps"]}
    assert ("cancel", unused["credit_number"]) in actions
    assert ("adopt", typed["credit_number"]) in actions
    assert ("import", "CM-9") in actions
    assert plan["totals"]["keep"] == {"count": 1, "amount": "30.00"}
    [ar] = plan["ar"]
    assert ar["erp_after"] == ar["quickbooks_after"]
    assert world.account.get("credit", unused["id"])["status"] == "ACTIVE"

    run = world.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=world.actor)
    world.settle()

    assert world.desk.run(run["id"])["state"] == "succeeded"
    assert world.account.get("credit", unused["id"])["status"] == "CANCELED"
    assert world.account.get("credit", typed["id"])["status"] == "ACTIVE"
    assert len(world.all("CreditMemo")) == 2
    imported = [c for c in world.account.all("credit", company) if c["qb_credit_memo_id"] == foreign["Id"]]
    assert [c["source"] for c in imported] == ["QB_CREDIT_MEMO"]
    assert world.tie_out()["erp_total"] == ar["erp_after"]
    world.check()


def test_a_credit_of_a_company_without_a_customer_is_cancelled_like_the_rest(one_way: World) -> None:
    world = one_way
    company = world.user.create_company(name="Nobody In QuickBooks")["id"]
    credit = world.user.create_credit(company_id=company, amount="50.00")
    world.user.create_invoice(company_id=company, amount="80.00")
    world.settle()

    plan = preview(world)
    world.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=world.actor)
    world.settle()

    assert [(row["action"], row["number"]) for row in plan["steps"]] == [("cancel", credit["credit_number"])]
    assert world.account.get("credit", credit["id"])["status"] == "CANCELED"
    assert [problem["code"] for problem in world.problems()] == ["customer_not_linked"]


def test_a_plan_is_refused_once_the_books_moved_on(one_way: World) -> None:
    company, _ = one_way.linked_company()
    one_way.user.create_credit(company_id=company, amount="40.00")
    one_way.settle()
    plan = preview(one_way)

    one_way.user.create_credit(company_id=company, amount="5.00")
    one_way.clock.sleep(2)

    with pytest.raises(Rejected) as refused:
        one_way.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=one_way.actor)
    assert refused.value.code == "plan_outdated"


def used_credit(world: World) -> tuple[str, str, str]:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="100.00")
    invoice = world.user.create_invoice(company_id=company, amount="80.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="80.00", credits=[{"credit_id": credit["id"], "amount": "30.00"}]
    )
    world.settle()
    return company, credit["id"], invoice["id"]


def test_a_partly_used_credit_is_reverted_and_its_invoice_opens_again(one_way: World) -> None:
    _, credit, invoice = used_credit(one_way)

    one_way.enable_two_way()

    assert one_way.account.get("credit", credit)["status"] == "CANCELED"
    assert one_way.account.get("invoice", invoice)["remaining_amount"] == "30.00"
    assert one_way.all("CreditMemo") == []
    one_way.check()


def test_a_partly_used_credit_is_carried_over_as_far_as_it_is_used(one_way: World) -> None:
    _, credit, invoice = used_credit(one_way)

    one_way.enable_two_way("carry_over")

    assert one_way.account.get("credit", credit)["status"] == "CANCELED"
    assert one_way.account.get("invoice", invoice)["remaining_amount"] == "0.00"
    memo = one_way.one("CreditMemo")
    assert (memo["TotalAmt"], memo["RemainingCredit"]) == (Decimal("30.00"), 0)
    one_way.check()


def test_an_application_that_was_typed_by_hand_on_another_day_is_adopted(one_way: World) -> None:
    """The credit-only payment is recognised by customer, invoice, memo and amount, whatever its number and date."""
    world = one_way
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="40.00", credits=[{"credit_id": credit["id"], "amount": "40.00"}]
    )
    world.settle()
    memo = world.person.write_credit_memo(customer, "40.00", number=credit["credit_number"], date="2026-03-02")["Id"]
    world.person.take_payment(
        customer, "0.00", {world.one("Invoice")["Id"]: "40.00"}, {memo: "40.00"}, date="2026-03-05"
    )

    world.enable_two_way()

    assert len(world.all("Payment")) == 1
    assert world.account.get("credit", credit["id"])["status"] == "REDEEMED"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "60.00"
    world.check()


def before_the_connection(world: World) -> tuple[str, str]:
    """(company, customer) of an account that is connected later; its clock stands in January until `connect_now`."""
    world.clock.now = datetime(2026, 1, 20, 18, tzinfo=UTC)
    return world.linked_company()


def connect_now(world: World) -> None:
    world.clock.now = datetime(2026, 3, 2, 17, tzinfo=UTC)
    world.connect()
    world.settle()


def test_credits_of_before_the_connection_that_were_typed_into_quickbooks_are_adopted_too(unconnected: World) -> None:
    world = unconnected
    company, customer = before_the_connection(world)
    typed = world.user.create_credit(company_id=company, amount="70.00")
    world.person.write_credit_memo(customer, "70.00", number=typed["credit_number"], date="2026-01-20")
    other_day = world.user.create_credit(company_id=company, amount="33.00")
    world.person.write_credit_memo(customer, "33.00", number=other_day["credit_number"], date="2026-01-22")
    connect_now(world)

    plan = preview(world)
    world.enable_two_way()

    assert {(row["action"], row["number"]) for row in plan["steps"]} == {
        ("adopt", typed["credit_number"]),
        ("cancel", other_day["credit_number"]),
        ("import", other_day["credit_number"]),
    }
    assert world.account.get("credit", typed["id"])["status"] == "ACTIVE"
    assert len(world.all("CreditMemo")) == 2
    world.check()


def test_uses_of_before_the_connection_that_both_books_hold_count_once(unconnected: World) -> None:
    """20 of credit, 8 of it used in both books on an invoice that both have: 12 are left, not 4."""
    world = unconnected
    company, customer = before_the_connection(world)
    credit = world.user.create_credit(company_id=company, amount="20.00")
    invoice = world.user.create_invoice(company_id=company, amount="50.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="8.00", credits=[{"credit_id": credit["id"], "amount": "8.00"}]
    )
    typed = world.person.create_invoice(customer, "50.00", number=invoice["invoice_number"])["Id"]
    memo = world.person.write_credit_memo(customer, "20.00", number=credit["credit_number"], date="2026-01-20")["Id"]
    world.person.take_payment(customer, "0.00", {typed: "8.00"}, {memo: "8.00"}, date="2026-01-25")
    connect_now(world)
    receivables = world.account.receivables(company)

    [ar] = preview(world)["ar"]
    world.enable_two_way()

    assert ar["erp_after"] == ar["erp_before"] == ar["quickbooks_after"] == "30.00"
    assert world.account.receivables(company) == receivables == 3000
    assert (len(world.all("Invoice")), len(world.all("Payment"))) == (1, 1)
    world.check()


def test_enabling_that_dies_half_way_goes_on_without_cancelling_twice(one_way: World) -> None:
    world = one_way
    company, _ = world.linked_company()
    for _ in range(5):
        world.user.create_credit(company_id=company, amount="10.00")
    world.settle()
    plan = preview(world)
    world.erp.faults.add(match={"path": "cancel"}, kind="down", times=1, skip=2)

    run = world.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=world.actor)
    again = world.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor="somebody else")
    world.settle()
    world.wait(minutes=1)

    assert again["id"] == run["id"]
    assert world.desk.run(run["id"])["state"] == "succeeded"
    cancels = [call for call in world.account.calls if call.path.endswith("/cancel") and call.status < 300]
    assert len(cancels) == 5
    assert {c["status"] for c in world.account.all("credit")} == {"CANCELED"}
    world.check()


def test_memos_that_the_one_way_integration_made_from_returns_are_kept(one_way: World) -> None:
    world = one_way
    company, _ = world.linked_company()
    returned = world.user.create_return(company_id=company, items=[{"quantity": "2", "price": "30"}])
    world.user.complete_return(returned["id"])
    world.settle()

    plan = preview(world)
    assert plan["totals"]["keep"]["amount"] == "60.00"
    world.enable_two_way()

    assert len(world.all("CreditMemo")) == 1
    [credit] = world.account.all("credit", company)
    assert credit["status"] == "ACTIVE"
    world.check()


def test_payments_that_quickbooks_took_before_are_imported(one_way: World) -> None:
    world = one_way
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.person.take_payment(customer, "60.00", invoices={world.one("Invoice")["Id"]: "60.00"})
    world.settle()
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "100.00"

    world.enable_two_way()

    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "40.00"
    world.check()
