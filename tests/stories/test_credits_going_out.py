"""Scenarios A: credits that leave the ERP."""

from __future__ import annotations

from decimal import Decimal

from tests.stories.world import World, amounts


def test_a_manual_credit_becomes_one_credit_memo_however_often_its_notice_comes(world: World) -> None:
    company, customer = world.linked_company()
    world.erp.webhooks.duplicate = True

    credit = world.user.create_credit(company_id=company, amount="150.00", internal_note="called them")
    world.settle()

    memo = world.one("CreditMemo")
    assert memo["TotalAmt"] == Decimal("150.00")
    assert memo["CustomerRef"]["value"] == customer
    assert memo["DocNumber"] == "CR-1001"
    assert memo["PrivateNote"].splitlines() == ["called them", f"Distru credit {credit['id']}"]
    assert [line["SalesItemLineDetail"]["ItemRef"]["name"] for line in memo["Line"][:-1]] == ["Distru Sales"]
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "SYNCED"
    assert world.account.get("credit", credit["id"])["qb_credit_memo_id"] == memo["Id"]
    world.check()


def test_a_credit_of_an_unlinked_company_waits_and_goes_when_the_company_is_linked(world: World) -> None:
    customer = world.person.create_customer("Sunset Dispensary")["Id"]
    company = world.user.create_company(name="Sunset Dispensary")["id"]

    credit = world.user.create_credit(company_id=company, amount="20.00")
    world.settle()

    assert world.all("CreditMemo") == []
    assert [p["code"] for p in world.problems()] == ["customer_not_linked"]
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "NOT_SYNCED"

    world.user.update_company(id=company, qb_customer_id=customer)
    world.settle()

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("20.00")
    assert world.problems() == []
    world.check()


def test_a_completed_return_becomes_a_memo_with_a_line_per_item_that_sums_to_the_cent(one_way: World) -> None:
    world = one_way
    company, _ = world.linked_company()
    oil = world.user.create_product(name="Live resin 1g")["id"]
    flower = world.user.create_product(name="Blue Dream 3.5g")["id"]
    returned = world.user.create_return(
        company_id=company,
        items=[
            {
                "product_id": oil,
                "quantity": "7",
                "price": "12.345",
                "waste": False,
                "batch": "B-7",
                "package": "1A4-77",
            },
            {"product_id": flower, "quantity": "2", "price": "30", "waste": True, "batch": "B-8", "package": "1A4-78"},
            {"product_id": flower, "quantity": "1", "price": "30", "waste": False, "batch": "B-8", "package": "1A4-79"},
        ],
    )

    world.user.complete_return(returned["id"])
    world.settle()

    memo = world.one("CreditMemo")
    lines = memo["Line"][:-1]
    assert [line["Amount"] for line in lines] == [Decimal("86.42"), Decimal("60.00"), Decimal("30.00")]
    assert memo["TotalAmt"] == Decimal("176.42")
    assert "B-7" in lines[0]["Description"]
    assert "1A4-77" in lines[0]["Description"]
    assert "waste" in lines[1]["Description"]
    assert world.account.get("return", returned["id"])["qb_credit_memo_id"] == memo["Id"]
    world.check()


def test_a_return_without_a_credit_sends_nothing_and_is_no_error(one_way: World) -> None:
    company, _ = one_way.linked_company()
    returned = one_way.user.create_return(company_id=company, items=[{"quantity": "1", "price": "30"}])

    one_way.user.complete_return(returned["id"], create_credit=False)
    one_way.settle()

    assert one_way.all("CreditMemo") == []
    assert one_way.problems() == []


def test_an_overpayment_is_one_payment_with_an_unapplied_part_and_no_memo(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")

    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    received = world.one("Payment")
    assert (received["TotalAmt"], received["UnappliedAmt"]) == (Decimal("120.00"), Decimal("20.00"))
    assert amounts(received) == {("Invoice", world.one("Invoice")["Id"]): "100.00"}
    assert received["PaymentRefNum"] == world.account.get("payment", payment["id"])["payment_number"]
    assert world.all("CreditMemo") == []
    [credit] = world.account.all("credit")
    assert credit["qb_payment_id"] == received["Id"]
    world.check()


def test_a_payment_of_cash_and_credit_that_also_overpays_keeps_every_cent(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="60.00")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    world.user.receive_payment(
        invoice_id=invoice["id"], amount="110.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}]
    )
    world.settle()

    payment, memo = world.one("Payment"), world.one("CreditMemo")
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (Decimal("50.00"), Decimal("10.00"))
    assert amounts(payment) == {("Invoice", world.one("Invoice")["Id"]): "100.00", ("CreditMemo", memo["Id"]): "60.00"}
    world.check()


def test_an_invoice_paid_by_credit_alone_is_a_payment_of_nothing_without_a_deposit_account(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="100.00")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")

    world.user.receive_payment(
        invoice_id=invoice["id"],
        amount="100.00",
        credits=[{"credit_id": credit["id"], "amount": "100.00"}],
        method=None,
    )
    world.settle()

    payment = world.one("Payment")
    assert payment["TotalAmt"] == 0
    assert "DepositToAccountRef" not in payment
    assert set(amounts(payment).values()) == {"100.00"}
    assert world.one("Invoice")["Balance"] == 0
    world.check()


def test_an_overpayment_credit_used_elsewhere_adds_a_line_to_its_own_payment(world: World) -> None:
    company, _ = world.linked_company()
    first = world.user.create_invoice(company_id=company, amount="100.00")
    second = world.user.create_invoice(company_id=company, amount="50.00")
    world.user.receive_payment(invoice_id=first["id"], amount="120.00")
    world.settle()
    [credit] = world.account.all("credit")

    use = world.user.receive_payment(
        invoice_id=second["id"], amount="20.00", credits=[{"credit_id": credit["id"], "amount": "20.00"}], method=None
    )
    world.settle()

    payment = world.one("Payment")
    assert sorted(amounts(payment).values()) == ["100.00", "20.00"]
    assert payment["UnappliedAmt"] == 0
    assert world.account.links("payment")[use["id"]]["quickbooks_id"] == payment["Id"]
    world.check()


def test_a_payment_of_memo_overpayment_and_cash_on_one_invoice_lands_on_both_payments(world: World) -> None:
    company, _ = world.linked_company()
    old = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=old["id"], amount="120.00")
    [over] = world.account.all("credit")
    manual = world.user.create_credit(company_id=company, amount="30.00")
    new = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    payment = world.user.receive_payment(
        invoice_id=new["id"],
        amount="100.00",
        credits=[{"credit_id": manual["id"], "amount": "30.00"}, {"credit_id": over["id"], "amount": "20.00"}],
    )
    world.settle()

    totals = sorted((p["TotalAmt"], p["UnappliedAmt"]) for p in world.all("Payment"))
    assert totals == [(Decimal("50.00"), 0), (Decimal("120.00"), 0)]
    assert all(invoice["Balance"] == 0 for invoice in world.all("Invoice"))
    assert world.account.links("payment")[payment["id"]]["sync_status"] == "SYNCED"
    world.check()


def test_half_of_a_payment_that_fails_is_shown_as_partial_and_retried_alone(world: World) -> None:
    company, _ = world.linked_company()
    old = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=old["id"], amount="120.00")
    [over] = world.account.all("credit")
    new = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    first = world.one("Payment")
    world.qbo.faults.add(
        match={"path": "payment", "body_contains": f'"Id":"{first["Id"]}"'},
        kind=("fault", "6540", "deposited"),
        times=None,
    )

    payment = world.user.receive_payment(
        invoice_id=new["id"], amount="100.00", credits=[{"credit_id": over["id"], "amount": "20.00"}]
    )
    world.settle()

    assert world.account.links("payment")[payment["id"]]["sync_status"] == "PARTIALLY_SYNCED"
    assert {i["DocNumber"]: i["Balance"] for i in world.all("Invoice")}[new["invoice_number"]] == Decimal("20.00")
    [problem] = world.problems()
    assert problem["code"] == "deposited"

    world.qbo.faults.clear()
    world.desk.retry(problem["id"], actor=world.actor)
    world.settle()

    assert world.account.links("payment")[payment["id"]]["sync_status"] == "SYNCED"
    assert world.problems() == []
    assert len(world.all("Payment")) == 2
    world.check()


def test_a_paid_invoice_that_is_reduced_leaves_the_difference_unapplied_on_its_payment(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    world.settle()

    world.user.edit_invoice(invoice_id=invoice["id"], amount="80.00")
    world.settle()

    payment = world.one("Payment")
    assert world.one("Invoice")["TotalAmt"] == Decimal("80.00")
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (Decimal("100.00"), Decimal("20.00"))
    assert len(world.account.all("credit")) == 1
    world.check()


def test_a_credit_edited_down_to_what_is_used_leaves_nothing_in_the_memo(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="150.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.settle()

    world.user.edit_credit(id=credit["id"], amount="60.00")
    world.settle()

    memo = world.one("CreditMemo")
    assert (memo["TotalAmt"], memo["RemainingCredit"]) == (Decimal("60.00"), 0)
    assert world.account.get("credit", credit["id"])["status"] == "REDEEMED"
    world.check()


def test_notes_of_a_credit_change_notes_only(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00", external_note="before", internal_note="x")
    world.settle()

    world.user.edit_credit(id=credit["id"], external_note="for the broken jars", internal_note="asked Maria")
    world.settle()

    memo = world.one("CreditMemo")
    assert memo["CustomerMemo"]["value"] == "for the broken jars"
    assert memo["PrivateNote"].startswith("asked Maria\n")
    assert memo["TotalAmt"] == Decimal("40.00")
    world.check()


def test_cancelling_only_the_balance_reduces_the_memo_to_what_is_used(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="100.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.settle()

    world.user.cancel_credit(id=credit["id"])
    world.settle()
    world.wait(minutes=10)

    memo = world.one("CreditMemo")
    assert (memo["TotalAmt"], memo["RemainingCredit"]) == (Decimal("60.00"), 0)
    assert world.account.get("credit", credit["id"])["status"] == "CANCELED"
    world.check()


def test_cancelling_with_its_uses_takes_the_links_off_and_deletes_the_memo(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="90.00")
    for _ in range(3):
        invoice = world.user.create_invoice(company_id=company, amount="30.00")
        world.user.receive_payment(
            invoice_id=invoice["id"],
            amount="30.00",
            credits=[{"credit_id": credit["id"], "amount": "30.00"}],
            method=None,
        )
    world.settle()

    world.user.cancel_credit(id=credit["id"], should_delete_credit_uses=True)
    world.settle()

    assert world.all("CreditMemo") == []
    assert [invoice["Balance"] for invoice in world.all("Invoice")] == [Decimal("30.00")] * 3
    world.check()


def test_an_unused_credit_that_is_deleted_takes_its_memo_along(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="25.00")
    world.settle()

    world.user.delete_credit(id=credit["id"])
    world.settle()

    assert world.all("CreditMemo") == []
    assert world.problems() == []
    world.check()


def test_one_way_a_manual_credit_stays_in_the_erp_and_a_payment_with_it_sends_only_its_cash(one_way: World) -> None:
    world = one_way
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="100.00", credits=[{"credit_id": credit["id"], "amount": "40.00"}]
    )
    world.settle()

    assert world.all("CreditMemo") == []
    assert amounts(world.one("Payment")) == {("Invoice", world.one("Invoice")["Id"]): "60.00"}
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "NOT_SYNCED"
    world.check(unexplained=True)


def test_an_inactive_item_is_named_once_and_nothing_else_is_used_instead(world: World) -> None:
    company, _ = world.linked_company()
    item = world.person.create_item("Breakage")["Id"]
    world.reconcile()
    world.person.deactivate_item(item)
    credits = [
        world.user.create_credit(company_id=company, amount="10.00", quickbooks_sales_item_id=item) for _ in range(2)
    ]
    world.settle()
    world.wait(minutes=10)

    assert world.all("CreditMemo") == []
    assert {p["code"] for p in world.problems()} == {"item_unusable"}
    assert all("Breakage" in p["cause"] for p in world.problems())
    assert {world.account.links("credit")[c["id"]]["sync_status"] for c in credits} == {"ERROR"}


def test_a_credit_in_closed_books_is_held_before_it_is_sent(world: World) -> None:
    company, _ = world.linked_company()
    world.person.close_books("2026-03-31")
    world.wait(hours=7)
    calls = world.company.calls.free

    world.user.create_credit(company_id=company, amount="10.00")
    world.settle()

    assert world.company.calls.free == calls
    assert [p["code"] for p in world.problems()] == ["closed_books"]


def test_a_number_that_is_too_long_is_cut_without_collision_and_kept_whole_in_the_note(world: World) -> None:
    company, _ = world.linked_company()
    for end in ("A", "B"):
        world.user.create_invoice(company_id=company, amount="10.00", number=f"INV-2026-SOUTH-WAREHOUSE-{end}")
    world.settle()

    numbers = {invoice["DocNumber"] for invoice in world.all("Invoice")}
    assert len(numbers) == 2
    assert max(map(len, numbers)) <= 21
    assert any("INV-2026-SOUTH-WAREHOUSE-B" in invoice["PrivateNote"] for invoice in world.all("Invoice"))
    world.check()
