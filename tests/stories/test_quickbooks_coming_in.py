"""Scenarios B: credits and payments that people make in QuickBooks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.stories.world import World, amounts


def test_a_memo_typed_in_quickbooks_becomes_a_credit_of_the_erp(world: World) -> None:
    company, customer = world.linked_company()

    memo = world.person.write_credit_memo(customer, "80.00", number="CM-77", note="price dispute")
    world.settle()

    [credit] = world.account.all("credit", company)
    assert (credit["source"], credit["amount"], credit["qb_credit_memo_id"]) == ("QB_CREDIT_MEMO", "80.00", memo["Id"])
    assert credit["internal_note"] == "price dispute"
    assert world.links(quickbooks_id=memo["Id"], kind="CREDIT")[0]["status"] == "SYNCED"
    world.check()


def test_a_prepayment_becomes_a_credit_and_its_spreading_over_invoices_follows_to_the_cent(world: World) -> None:
    company, customer = world.linked_company()
    first = world.user.create_invoice(company_id=company, amount="200.00")
    second = world.user.create_invoice(company_id=company, amount="400.00")
    payment = world.person.take_payment(customer, "500.00")
    world.settle()
    [credit] = world.account.all("credit", company)
    assert (credit["source"], credit["amount"], credit["qb_payment_id"]) == ("QB_PAYMENT", "500.00", payment["Id"])
    one, two = sorted(world.all("Invoice"), key=lambda i: i["TotalAmt"])

    world.person.edit_payment(payment["Id"], invoices={one["Id"]: "200.00", two["Id"]: "300.00"})
    world.settle()

    assert world.account.get("credit", credit["id"])["remaining_balance"] == "0.00"
    assert world.account.get("invoice", first["id"])["remaining_amount"] == "0.00"
    assert world.account.get("invoice", second["id"])["remaining_amount"] == "100.00"
    world.check()

    world.person.edit_payment(payment["Id"], invoices={one["Id"]: "200.00", two["Id"]: "250.00"})
    world.settle()

    live = [c for c in world.account.all("credit", company) if c["status"] != "CANCELED"]
    assert sum(Decimal(c["remaining_balance"]) for c in live) == Decimal("50.00")
    world.check()


def test_a_payment_over_our_invoice_a_foreign_one_and_nothing_is_proven_against_its_total(world: World) -> None:
    company, customer = world.linked_company()
    ours = world.user.create_invoice(company_id=company, amount="200.00")
    world.settle()
    foreign = world.person.create_invoice(customer, "100.00")
    payment = world.person.take_payment(
        customer, "325.00", invoices={world.all("Invoice")[0]["Id"]: "200.00", foreign["Id"]: "100.00"}
    )
    world.settle()

    assert world.account.get("invoice", ours["id"])["remaining_amount"] == "0.00"
    [credit] = world.account.all("credit", company)
    assert credit["amount"] == "25.00"
    declared = [d for d in world.account.declarations if payment["Id"] in d.path][-1].body
    assert declared["outside_amount"] == "100.00"
    world.check()


def test_a_partial_application_in_quickbooks_comes_in_at_once(world: World) -> None:
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="90.00")
    memo = world.person.write_credit_memo(customer, "30.00")
    world.settle()

    world.person.apply_credit(memo["Id"], world.one("Invoice")["Id"], "30.00")
    world.settle()

    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "60.00"
    [credit] = world.account.all("credit", company)
    assert credit["status"] == "REDEEMED"
    world.check()


def test_an_erp_credit_applied_by_hand_in_quickbooks_is_used_in_the_erp(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="90.00")
    credit = world.user.create_credit(company_id=company, amount="50.00")
    world.settle()

    world.person.apply_credit(world.one("CreditMemo")["Id"], world.one("Invoice")["Id"], "50.00")
    world.settle()

    assert world.account.get("credit", credit["id"])["remaining_balance"] == "0.00"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "40.00"
    world.check()

    world.person.unapply_credit(world.one("CreditMemo")["Id"], world.one("Invoice")["Id"])
    world.settle()

    assert world.account.get("credit", credit["id"])["remaining_balance"] == "50.00"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "90.00"
    world.check()


def reduced_below_its_uses(world: World) -> tuple[str, str, dict[str, Any]]:
    """A memo of 80, 60 of it used in the ERP while a person made it 50 in QuickBooks."""
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="80.00")
    world.settle()
    world.webhooks_on = False
    world.person.edit_credit_memo(world.one("CreditMemo")["Id"], amount="50.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.webhooks_on = True
    world.wait(minutes=10)
    return credit["id"], invoice["id"], next(p for p in world.problems() if p["kind"] == "CREDIT")


def test_raising_the_memo_again_is_one_way_out(world: World) -> None:
    credit, _, problem = reduced_below_its_uses(world)

    world.desk.resolve(problem["id"], choice="use_erp", actor=world.actor)
    world.settle()
    world.wait(minutes=10)

    assert world.one("CreditMemo")["TotalAmt"] == Decimal("80.00")
    assert world.account.get("credit", credit)["remaining_balance"] == "20.00"
    assert world.problems() == []
    world.check()


def test_taking_the_newest_use_off_is_the_other(world: World) -> None:
    credit, invoice, problem = reduced_below_its_uses(world)

    world.desk.resolve(problem["id"], choice="release_uses", actor=world.actor)
    world.settle()
    world.wait(minutes=10)

    assert world.account.get("credit", credit)["amount"] == "50.00"
    assert world.account.get("invoice", invoice)["remaining_amount"] == "60.00"
    assert world.problems() == []
    world.check()


def test_a_memo_reduced_in_quickbooks_below_what_the_erp_used_is_frozen_with_all_values(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="80.00")
    world.settle()
    memo = world.one("CreditMemo")
    world.webhooks_on = False
    world.person.edit_credit_memo(memo["Id"], amount="50.00")
    invoice = world.user.create_invoice(company_id=company, amount="60.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="60.00", credits=[{"credit_id": credit["id"], "amount": "60.00"}], method=None
    )
    world.webhooks_on = True
    world.wait(minutes=10)

    assert world.account.get("credit", credit["id"])["amount"] == "80.00"
    problem = next(p for p in world.problems() if p["kind"] == "CREDIT")
    assert problem["status"] == "conflict"
    assert problem["choices"]
    assert (problem["erp"]["total"], problem["quickbooks"]["total"], problem["agreed"]["total"]) == (
        "80.00",
        "50.00",
        "80.00",
    )
    assert not world.company.overapplied


def test_a_memo_raised_in_quickbooks_raises_the_credit(world: World) -> None:
    company, customer = world.linked_company()
    memo = world.person.write_credit_memo(customer, "80.00")
    world.settle()

    world.person.edit_credit_memo(memo["Id"], amount="120.00")
    world.settle()

    [credit] = world.account.all("credit", company)
    assert (credit["amount"], credit["original_amount"]) == ("120.00", "80.00")
    world.check()


def test_an_unused_memo_deleted_in_quickbooks_cancels_the_credit_and_is_never_made_again(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.settle()

    world.person.delete_credit_memo(world.one("CreditMemo")["Id"])
    world.settle()
    world.wait(hours=1)

    assert world.account.get("credit", credit["id"])["status"] == "CANCELED"
    assert world.account.links("credit")[credit["id"]]["sync_status"] == "DELETED_IN_QBO"
    assert world.all("CreditMemo") == []
    world.check()


def test_a_used_memo_deleted_in_quickbooks_reopens_the_invoices(world: World) -> None:
    world.company.switches.delete_applied_memo = "unapply"
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    invoice = world.user.create_invoice(company_id=company, amount="40.00")
    world.user.receive_payment(
        invoice_id=invoice["id"], amount="40.00", credits=[{"credit_id": credit["id"], "amount": "40.00"}], method=None
    )
    world.settle()

    world.person.delete_credit_memo(world.one("CreditMemo")["Id"])
    world.settle()

    assert world.account.get("credit", credit["id"])["status"] == "CANCELED"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "40.00"
    world.check()


@pytest.mark.parametrize(("paid", "method"), [("40.00", None), ("50.00", "Check")])
def test_a_used_memo_deleted_in_quickbooks_is_a_task_where_its_invoices_lie_in_closed_books(
    world: World, paid: str, method: str | None
) -> None:
    world.company.switches.delete_applied_memo = "unapply"
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    invoice = world.user.create_invoice(company_id=company, amount="50.00", date="2026-01-15T12:00:00Z")
    uses = [{"credit_id": credit["id"], "amount": "40.00"}]
    world.user.receive_payment(invoice_id=invoice["id"], amount=paid, credits=uses, method=method)
    world.settle()
    world.person.close_books("2026-01-31")
    world.wait(hours=7)

    world.person.delete_credit_memo(world.one("CreditMemo")["Id"])
    world.settle()
    world.wait(hours=1)

    [task] = world.problems()
    assert (task["code"], task["kind"], task["erp_id"]) == ("closed_books", "CREDIT", credit["id"])
    assert f"{invoice['invoice_number']} of 2026-01-15 (40.00)" in task["cause"]
    assert world.account.get("credit", credit["id"])["status"] == "REDEEMED"

    world.person.close_books(None)
    world.desk.retry(task["id"], actor=world.actor)
    world.settle()

    assert world.account.get("credit", credit["id"])["status"] == "CANCELED"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == f"{90 - Decimal(paid)}"
    assert world.problems() == []
    world.check()


def test_a_payment_voided_in_quickbooks_is_voided_in_the_erp_with_its_credit(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    payment = world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    world.person.void_payment(world.one("Payment")["Id"])
    world.settle()

    assert world.account.get("payment", payment["id"])["status"] == "VOIDED"
    [credit] = world.account.all("credit", company)
    assert credit["status"] == "CANCELED"
    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "100.00"
    world.check()


def test_a_payment_recorded_in_quickbooks_on_our_invoice_pays_it_in_the_erp(world: World) -> None:
    company, customer = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    payment = world.person.take_payment(
        customer, "100.00", invoices={world.one("Invoice")["Id"]: "100.00"}, number="CHK 9"
    )
    world.settle()

    [paid] = world.account.all("payment", company)
    assert world.account.get("invoice", invoice["id"])["status"] == "FULLY_PAID"
    assert world.account.links("payment")[paid["id"]]["quickbooks_id"] == payment["Id"]
    world.check()


def test_a_refund_of_a_memo_in_quickbooks_lowers_the_credit_and_touches_no_invoice(world: World) -> None:
    company, customer = world.linked_company()
    memo = world.person.write_credit_memo(customer, "80.00")
    world.settle()

    world.person.refund_credit(memo["Id"], "30.00")
    world.settle()

    [credit] = world.account.all("credit", company)
    assert credit["remaining_balance"] == "50.00"
    assert world.account.all("payment", company) == []
    world.check()


def test_a_refund_recorded_in_the_erp_goes_out_once_and_leaves_no_open_credit(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="80.00")
    world.settle()

    refund = world.user.refund_credit(credit_id=credit["id"], amount="80.00")
    world.settle()

    assert world.one("Purchase")["TotalAmt"] == Decimal("80.00")
    assert world.one("CreditMemo")["RemainingCredit"] == 0
    assert world.account.links("refund")[refund["id"]]["quickbooks_type"] == "PURCHASE"
    world.check()


def test_a_journal_entry_on_a_customer_is_no_credit_but_explains_the_difference(world: World) -> None:
    company, customer = world.linked_company()
    world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()

    entry = world.person.journal_entry(customer, "37.12")
    world.reconcile()

    [figures] = world.tie_out()["companies"]
    assert figures["difference"] == "37.12"
    [row] = figures["explained_by"]
    assert (row["kind"], row["quickbooks_id"], row["amount"]) == ("JournalEntry", entry["Id"], "37.12")
    assert world.account.all("credit", company) == []
    world.check(unexplained=True)


def test_an_overpayment_put_back_on_its_own_invoice_is_a_larger_payment_there(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="120.00")
    world.user.receive_payment(invoice_id=invoice["id"], amount="120.00")
    world.user.edit_invoice(invoice_id=invoice["id"], amount="100.00")
    world.settle()
    assert world.one("Payment")["UnappliedAmt"] == Decimal("20.00")
    world.user.edit_invoice(invoice_id=invoice["id"], amount="120.00")
    world.settle()

    world.person.edit_payment(world.one("Payment")["Id"], invoices={world.one("Invoice")["Id"]: "120.00"})
    world.settle()

    assert world.account.get("invoice", invoice["id"])["remaining_amount"] == "0.00"
    world.check()


def test_a_memos_number_changed_in_quickbooks_is_shown_and_not_fought_over(world: World) -> None:
    company, _ = world.linked_company()
    credit = world.user.create_credit(company_id=company, amount="40.00")
    world.settle()
    memo = world.one("CreditMemo")

    world.person.edit_credit_memo(memo["Id"], number="SPECIAL-1")
    world.settle()

    assert world.one("CreditMemo")["DocNumber"] == "SPECIAL-1"
    [link] = world.links(kind="CREDIT")
    assert (link["erp_number"], link["quickbooks_number"]) == (credit["credit_number"], "SPECIAL-1")
    world.check()


def test_our_own_writes_come_back_as_notices_and_cost_nothing(world: World) -> None:
    company, _ = world.linked_company()
    invoice = world.user.create_invoice(company_id=company, amount="100.00")
    world.settle()
    world.wait(minutes=6)
    world.company.reset_calls()

    world.user.receive_payment(invoice_id=invoice["id"], amount="100.00")
    for _ in range(3):
        world.deliver()
        world.service.dispatcher.run_due()

    assert world.company.calls.free == 1
    assert world.company.calls.metered == 0


def test_notices_that_never_came_are_made_good_by_the_scheduled_look(world: World) -> None:
    company, customer = world.linked_company()
    world.settle()
    world.webhooks_on = False

    world.user.create_credit(company_id=company, amount="10.00")
    world.person.write_credit_memo(customer, "20.00")
    world.settle()
    world.wait(hours=5)

    assert len(world.all("CreditMemo")) == 2
    assert len(world.account.all("credit", company)) == 2
    world.webhooks_on = True
    world.check()


@pytest.mark.parametrize("fmt", ["cloudevents", "legacy"])
def test_both_formats_of_quickbooks_notices_are_understood(world: World, fmt: str) -> None:
    world.qbo.webhooks.formats = fmt
    company, customer = world.linked_company()
    world.settle()

    world.person.write_credit_memo(customer, "20.00")
    world.settle()

    assert len(world.account.all("credit", company)) == 1


def test_a_memo_of_a_customer_that_no_company_is_linked_to_waits_until_one_is(world: World) -> None:
    customer = world.person.create_customer("Stranger")["Id"]
    world.person.write_credit_memo(customer, "20.00")
    world.settle()

    assert world.account.all("credit") == []

    company = world.user.create_company(name="Stranger Inc", qb_customer_id=customer)["id"]
    world.settle()

    [credit] = world.account.all("credit", company)
    assert credit["amount"] == "20.00"
    world.check()


def test_a_payments_lines_over_several_credits_keep_exact_cents(world: World) -> None:
    company, _ = world.linked_company()
    credits = [world.user.create_credit(company_id=company, amount=a)["id"] for a in ("33.17", "33.17", "33.16")]
    invoice = world.user.create_invoice(company_id=company, amount="99.5")
    world.user.receive_payment(
        invoice_id=invoice["id"],
        amount="99.5",
        method=None,
        credits=[{"credit_id": c, "amount": a} for c, a in zip(credits, ("33.17", "33.17", "33.16"), strict=True)],
    )
    world.settle()

    assert sorted(amounts(world.one("Payment")).values()) == ["33.16", "33.17", "33.17", "99.50"]
    world.check()
