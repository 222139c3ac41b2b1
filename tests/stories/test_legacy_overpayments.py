"""Scenario C63: overpayments that reached QuickBooks as Credit Memos, before they became unapplied amounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from service.errors import Rejected
from service.web import shapes
from tests.stories.world import ERP_URL, World, amounts

JANUARY, MARCH = datetime(2026, 1, 20, 18, tzinfo=UTC), datetime(2026, 3, 2, 17, tzinfo=UTC)


@dataclass
class Old:
    """An overpayment as the integration of before left it: 120 paid on 100, the 20 a Credit Memo, 8 of it used."""

    company: str
    customer: str
    credit: dict[str, Any]
    payment: dict[str, Any]
    user: dict[str, Any]
    memo: str
    money: str
    use: str
    other_invoice: str


def left_over(world: World, name: str = "Sunset Dispensary", cash_on_other: str = "0.00") -> Old:
    """Both books in January, and the ids that the integration told the ERP."""
    world.clock.now = JANUARY
    company, customer = world.linked_company(name)
    first = world.user.create_invoice(company_id=company, amount="100.00")
    second = world.user.create_invoice(company_id=company, amount="50.00")
    payment = world.user.receive_payment(invoice_id=first["id"], amount="120.00")
    [credit] = world.account.all("credit", company)
    paid = str(Decimal("8.00") + Decimal(cash_on_other))
    user = world.user.receive_payment(
        invoice_id=second["id"],
        amount=paid,
        credits=[{"credit_id": credit["id"], "amount": "8.00"}],
        method="Check" if Decimal(cash_on_other) else None,
    )
    one = world.person.create_invoice(customer, "100.00", number=first["invoice_number"])["Id"]
    two = world.person.create_invoice(customer, "50.00", number=second["invoice_number"])["Id"]
    money = world.person.take_payment(customer, "100.00", {one: "100.00"}, number=payment["payment_number"])["Id"]
    memo = world.person.write_credit_memo(customer, "20.00", number=credit["credit_number"])["Id"]
    use = world.person.take_payment(
        customer, cash_on_other, {two: paid}, {memo: "8.00"}, number=user["payment_number"]
    )["Id"]
    tell_the_erp(world, credit["id"], memo)
    world.clock.now = MARCH
    return Old(company, customer, credit, payment, user, memo, money, use, two)


def tell_the_erp(world: World, credit: str, memo: str) -> None:
    link = {"kind": "CREDIT", "id": credit, "quickbooks_type": "CREDIT_MEMO", "quickbooks_id": memo}
    answer = world.session().put(
        f"{ERP_URL}/integrations/quickbooks/v1/links",
        json={"links": [link | {"sync_status": "SYNCED", "message": None}]},
        headers={"Authorization": f"Bearer {world.account.api_key}"},
    )
    assert answer.status_code == 200


def connect(world: World, *, two_way: bool) -> None:
    """Two-way is switched on once the old documents are recognised, as support does it: a mass re-sync adopts them."""
    world.connect()
    world.settle()
    if two_way:
        scope: dict[str, Any] = {"kinds": None, "company_ids": None, "updated_after": None, "customers": None}
        world.desk.resync("acc-1", **scope, dry_run=False, actor=world.actor)
        world.settle()
        world.enable_two_way()


def found(world: World) -> dict[str, Any]:
    return world.desk.legacy_overpayments("acc-1", actor=world.actor)


def repair(world: World) -> dict[str, Any]:
    plan_id = found(world)["plan_id"]
    run = world.desk.repair_legacy_overpayments("acc-1", plan_id=plan_id, actor=world.actor)
    world.settle()
    return world.desk.run(run["id"])


def quickbooks(world: World, entity: str, entity_id: str) -> dict[str, Any]:
    return next(each for each in world.all(entity) if each["Id"] == entity_id)


@pytest.mark.parametrize("two_way", [False, True])
def test_old_overpayments_are_listed_with_their_uses_and_both_books_state(unconnected: World, two_way: bool) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=two_way)
    calls = unconnected.company.calls.free

    answer = found(unconnected)

    [row] = answer["data"]
    assert (row["credit_number"], row["amount"], row["used"], row["erp_open"]) == (
        old.credit["credit_number"],
        "20.00",
        "8.00",
        "12.00",
    )
    assert row["payment_number"] == old.payment["payment_number"]
    assert [(use["amount"], use["payment_number"]) for use in row["uses"]] == [("8.00", old.user["payment_number"])]
    memo, payment = row["quickbooks"]["credit_memo"], row["quickbooks"]["payment"]
    assert (memo["id"], memo["amount"], memo["open"]) == (old.memo, "20.00", "12.00")
    assert (payment["id"], payment["amount"], payment["open"]) == (old.money, "100.00", "0.00")
    assert (row["repairable"], row["left_out"]) == (True, None)
    assert set(row["suggested_fixes"]) == {"quickbooks", "erp"}
    assert [(s["action"], s["quickbooks_id"], s["amount"]) for s in answer["plan"]["steps"]] == [
        ("delete", old.use, "0.00"),
        ("delete", old.memo, "20.00"),
        ("update", old.money, "120.00"),
    ]
    assert unconnected.company.calls.free == calls
    assert unconnected.problems() == []


@pytest.mark.parametrize("two_way", [False, True])
def test_repaired_an_old_overpayment_is_its_payments_unapplied_amount_uses_included(
    unconnected: World, two_way: bool
) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=two_way)

    run = repair(unconnected)

    assert (run["kind"], run["state"], run["problems"]) == ("repair", "succeeded", 0)
    assert unconnected.all("CreditMemo") == []
    payment = unconnected.one("Payment")
    assert (payment["Id"], payment["TotalAmt"], payment["UnappliedAmt"]) == (
        old.money,
        Decimal("120.00"),
        Decimal("12.00"),
    )
    assert amounts(payment)[("Invoice", old.other_invoice)] == "8.00"
    credit = unconnected.account.get("credit", old.credit["id"])
    assert (credit["qb_credit_memo_id"], credit["qb_payment_id"]) == (None, old.money)
    assert unconnected.account.links("payment")[old.user["id"]]["quickbooks_id"] == old.money
    assert found(unconnected)["data"] == []
    assert unconnected.problems() == []
    unconnected.check()


def test_a_payment_of_credit_and_money_keeps_its_money_when_the_memo_goes(unconnected: World) -> None:
    old = left_over(unconnected, cash_on_other="30.00")
    connect(unconnected, two_way=True)

    repair(unconnected)

    assert quickbooks(unconnected, "Payment", old.use)["TotalAmt"] == Decimal("30.00")
    assert amounts(quickbooks(unconnected, "Payment", old.use)) == {("Invoice", old.other_invoice): "30.00"}
    assert amounts(quickbooks(unconnected, "Payment", old.money))[("Invoice", old.other_invoice)] == "8.00"
    assert quickbooks(unconnected, "Invoice", old.other_invoice)["Balance"] == Decimal("12.00")
    unconnected.check()


def test_a_repaired_credit_goes_on_living_as_an_overpayment_does(unconnected: World) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=True)
    repair(unconnected)
    third = unconnected.user.create_invoice(company_id=old.company, amount="12.00")

    unconnected.user.receive_payment(
        invoice_id=third["id"],
        amount="12.00",
        method=None,
        credits=[{"credit_id": old.credit["id"], "amount": "12.00"}],
    )
    unconnected.settle()

    assert unconnected.one("Payment")["UnappliedAmt"] == 0
    unconnected.check()

    unconnected.user.void_payment(payment_id=old.payment["id"])
    unconnected.settle()

    assert quickbooks(unconnected, "Payment", old.money)["TotalAmt"] == 0
    unconnected.check()


def test_closed_books_are_never_repaired_by_themselves(unconnected: World) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=True)
    unconnected.person.close_books("2026-01-31")

    answer = found(unconnected)
    run = repair(unconnected)

    [row] = answer["data"]
    assert not row["repairable"]
    assert "2026-01-31" in row["left_out"]
    assert answer["plan"]["steps"] == []
    assert run["state"] == "succeeded"
    assert quickbooks(unconnected, "CreditMemo", old.memo)["TotalAmt"] == Decimal("20.00")
    unconnected.check()


def test_books_that_are_opened_again_are_repaired_when_a_person_asks(unconnected: World) -> None:
    left_over(unconnected)
    connect(unconnected, two_way=True)
    unconnected.person.close_books("2026-01-31")
    repair(unconnected)
    unconnected.person.close_books(None)

    repair(unconnected)

    assert unconnected.all("CreditMemo") == []
    unconnected.check()


def test_money_in_a_bank_deposit_is_left_out_with_the_way_out(unconnected: World) -> None:
    old = left_over(unconnected)
    unconnected.person.deposit([old.money])
    connect(unconnected, two_way=True)

    [row] = found(unconnected)["data"]

    assert "bank deposit" in row["left_out"]
    repair(unconnected)
    assert quickbooks(unconnected, "CreditMemo", old.memo)["TotalAmt"] == Decimal("20.00")


def test_what_quickbooks_paid_out_of_the_memo_is_left_out(unconnected: World) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=True)
    unconnected.person.refund_credit(old.memo, "5.00")
    unconnected.settle()

    [row] = found(unconnected)["data"]

    assert "5.00 of it was paid out" in row["left_out"]


def test_a_payment_that_quickbooks_does_not_hold_is_never_made_a_second_time(unconnected: World) -> None:
    old = left_over(unconnected)
    unconnected.person.delete_payment(old.money)
    connect(unconnected, two_way=False)
    payments = len(unconnected.all("Payment"))

    [row] = found(unconnected)["data"]
    repair(unconnected)

    assert "not found" in row["left_out"]
    assert len(unconnected.all("Payment")) == payments


def test_a_plan_is_refused_once_the_books_moved_on(unconnected: World) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=True)
    plan_id = found(unconnected)["plan_id"]

    unconnected.person.edit_credit_memo(old.memo, amount="19.00")
    unconnected.settle()

    with pytest.raises(Rejected) as refused:
        unconnected.desk.repair_legacy_overpayments("acc-1", plan_id=plan_id, actor=unconnected.actor)
    assert refused.value.code == "plan_outdated"


def test_a_plan_of_something_else_repairs_nothing(unconnected: World) -> None:
    left_over(unconnected)
    connect(unconnected, two_way=False)
    other = unconnected.desk.preview_two_way("acc-1", used_credits="revert", actor=unconnected.actor)

    with pytest.raises(Rejected) as refused:
        unconnected.desk.repair_legacy_overpayments("acc-1", plan_id=other["plan_id"], actor=unconnected.actor)
    assert refused.value.code == "unknown_plan"


def test_a_repair_larger_than_allowed_waits_before_it_touches_anything(unconnected: World) -> None:
    left_over(unconnected)
    connect(unconnected, two_way=True)
    unconnected.desk.patch("acc-1", settings={"max_documents_per_run": 2}, actor=unconnected.actor)

    run = repair(unconnected)
    unconnected.wait(minutes=20)

    assert unconnected.desk.run(run["id"])["state"] == "held"
    assert len(unconnected.all("CreditMemo")) == 1
    unconnected.desk.approve(run["id"], actor="another person")
    unconnected.settle()
    assert unconnected.all("CreditMemo") == []
    unconnected.check()


@pytest.mark.parametrize("operation", ["delete", "update"])
@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "http_500_html"])
def test_a_repair_that_was_interrupted_is_finished(unconnected: World, fault: str, operation: str) -> None:
    old = left_over(unconnected)
    connect(unconnected, two_way=True)
    plan_id = found(unconnected)["plan_id"]
    unconnected.qbo.faults.add(match={"operation": operation, "path": "payment"}, kind=fault, times=2)

    run = unconnected.desk.repair_legacy_overpayments("acc-1", plan_id=plan_id, actor=unconnected.actor)
    unconnected.settle()
    unconnected.wait(minutes=5)
    unconnected.wait(minutes=5)

    assert unconnected.desk.run(run["id"])["state"] == "succeeded"
    assert unconnected.all("CreditMemo") == []
    assert unconnected.one("Payment")["TotalAmt"] == Decimal("120.00")
    assert unconnected.account.links("payment")[old.user["id"]]["quickbooks_id"] == old.money
    unconnected.check()


def test_overpayments_of_today_are_not_among_them(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    assert found(world)["data"] == []


def test_an_invoice_over_paid_without_a_credit_counts_once_and_says_how_the_erp_is_made_right(world: World) -> None:
    """Scenario C64: QuickBooks holds the 20 unapplied, the ERP shows an invoice below zero."""
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    below = {"status": "OVER_PAID", "paid_amount": "120.00", "remaining_amount": "-20.00"}
    world.account.plant("payment", {**world.account.get("payment", payment["id"]), "amount": "120.00"})
    world.account.plant("invoice", {**world.account.get("invoice", invoice["id"]), **below})
    world.settle()
    world.reconcile()

    [row] = found(world)["data"]

    assert (row["kind"], row["invoice_number"], row["amount"]) == ("INVOICE", invoice["invoice_number"], "20.00")
    assert (row["credit_id"], row["repairable"]) == (None, False)
    assert (row["quickbooks"]["payment"]["amount"], row["quickbooks"]["payment"]["open"]) == ("120.00", "20.00")
    assert f"void payment {payment['payment_number']} and record it again" in row["suggested_fixes"]["erp"]
    shapes.LegacyOverpayment.model_validate(row)
    [figures] = world.tie_out()["companies"]
    assert (figures["erp_ar"], figures["quickbooks_ar"], figures["difference"]) == ("-20.00", "-20.00", "0.00")
