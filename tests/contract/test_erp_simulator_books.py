"""The simulator's ledger, as people use it: contracts/erp.md part 2, "What the books mean", and seed 001."""

from __future__ import annotations

from typing import Any

import pytest
from erp_simulator_bench import Office, open_office

from fixtures.simulators.erp import UserRefused


@pytest.fixture
def office() -> Office:
    return open_office()


@pytest.fixture
def shop(office: Office) -> Any:
    return office.user.create_company("Blue Dream Dispensary")


# -- invoices ---------------------------------------------------------------------------------------------------------


def test_an_invoice_sums_its_lines_each_rounded_half_up(office: Office, shop: Any) -> None:
    items = [
        {"description": "Gummies", "quantity": "7", "unit_price": "12.345"},  # 86.415
        {"description": "Gummies", "quantity": "1", "unit_price": "0.004"},
    ]

    invoice = office.user.create_invoice(shop["id"], items=items)

    assert [item["total"] for item in invoice["items"]] == ["86.42", "0.00"]
    assert invoice["total"] == "86.42"


def test_charges_raise_and_discounts_lower_the_total(office: Office, shop: Any) -> None:
    tax = {"id": "t1", "name": "Excise", "qb_product_id": "9", "qb_account_id": None}
    charges: list[Any] = [
        {"type": "CHARGE", "name": "Excise", "amount": "15.00", "tax": tax},
        {"type": "DISCOUNT", "name": "Friend", "amount": "5.50"},
    ]

    invoice = office.user.create_invoice(shop["id"], amount="100.00", charges=charges)

    assert invoice["total"] == "109.50"
    assert invoice["charges"][0]["tax"] == tax


def test_a_negative_invoice_is_a_credit_that_takes_no_payment(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="-40.00")

    assert (invoice["total"], invoice["remaining_amount"], invoice["status"]) == ("-40.00", "-40.00", "NOT_PAID")
    with pytest.raises(UserRefused, match="already fully paid"):
        office.user.receive_payment(invoice["id"], amount="1.00")


@pytest.mark.parametrize(
    ("paid", "status", "remaining"),
    [("40.00", "PARTIALLY_PAID", "60.00"), ("100.00", "FULLY_PAID", "0.00"), ("120.00", "FULLY_PAID", "0.00")],
)
def test_an_invoice_s_status_follows_what_is_paid(
    office: Office, shop: Any, paid: str, status: str, remaining: str
) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")

    office.user.receive_payment(invoice["id"], amount=paid)

    now = office.fresh("invoice", invoice)
    assert (now["status"], now["remaining_amount"]) == (status, remaining)


def test_a_cancelled_order_voids_its_invoice_and_brings_it_back(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="30.00")

    office.user.cancel_order(invoice["order"]["id"])

    voided = office.fresh("invoice", invoice)
    assert voided["voided_datetime"]
    assert voided["order"]["status"] == "CANCELED"
    assert office.fresh("payment", payment)["status"] == "POSTED"
    assert office.owes(shop) == -3000
    with pytest.raises(UserRefused, match="voided"):
        office.user.edit_invoice(invoice["id"], amount="50.00")
    with pytest.raises(UserRefused, match="voided"):
        office.user.receive_payment(invoice["id"], amount="1.00")

    office.user.uncancel_order(invoice["order"]["id"])

    assert office.fresh("invoice", invoice)["voided_datetime"] is None
    assert office.owes(shop) == 7000


def test_the_customer_of_an_invoice_with_an_overpayment_credit_cannot_change(office: Office, shop: Any) -> None:
    other = office.user.create_company("Other")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")

    with pytest.raises(UserRefused, match="overpayment credit"):
        office.user.edit_invoice(invoice["id"], company_id=other["id"])

    office.user.void_payment(payment["id"])
    assert office.user.edit_invoice(invoice["id"], company_id=other["id"])["company"]["id"] == other["id"]
    assert (office.owes(shop), office.owes(other)) == (0, 10000)


def test_the_customer_of_a_mapped_invoice_changes_only_once_its_payments_are_void(office: Office, shop: Any) -> None:
    other = office.user.create_company("Other")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="20.00")
    office.link("INVOICE", invoice, "INVOICE", "145")

    with pytest.raises(UserRefused, match="void its payments first"):
        office.user.edit_invoice(invoice["id"], company_id=other["id"])

    office.user.void_payment(payment["id"])
    office.user.edit_invoice(invoice["id"], company_id=other["id"])


# -- overpayments and reductions --------------------------------------------------------------------------------------


def test_what_is_paid_beyond_the_invoice_becomes_a_credit_of_that_payment(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")

    payment = office.user.receive_payment(invoice["id"], amount="120.00")

    assert payment["amount"] == "100"
    [made] = payment["overpayment_credits"]
    credit = office.account.get("credit", made["id"])
    assert (credit["source"], credit["amount"], credit["payment"]["id"]) == ("INVOICE_PAYMENT", "20.00", payment["id"])
    assert office.owes(shop) == -2000


def test_reducing_a_paid_invoice_takes_the_surplus_off_the_newest_cash(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    older = office.user.receive_payment(invoice["id"], amount="70.00")
    newer = office.user.receive_payment(invoice["id"], amount="30.00")

    office.user.edit_invoice(invoice["id"], amount="60.00")

    assert (office.fresh("payment", newer)["amount"], office.fresh("payment", newer)["status"]) == ("0", "POSTED")
    assert office.fresh("payment", older)["amount"] == "60"
    assert sorted(credit["amount"] for credit in office.account.all("credit")) == ["10.00", "30.00"]
    assert office.fresh("invoice", invoice)["status"] == "FULLY_PAID"
    assert office.owes(shop) == -4000


def test_a_payment_may_have_two_credits(office: Office, shop: Any) -> None:
    """Overpaid, and its invoice reduced later."""
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")

    office.user.edit_invoice(invoice["id"], amount="80.00")

    now = office.fresh("payment", payment)
    assert (now["amount"], [credit["amount"] for credit in now["overpayment_credits"]]) == ("80", ["20", "20"])


def test_reducing_an_invoice_paid_by_credit_alone_gives_the_credit_back(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "100.00")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    uses = [{"credit_id": credit["id"], "amount": "100.00"}]
    payment = office.user.receive_payment(invoice["id"], amount="100.00", credits=uses)

    office.user.edit_invoice(invoice["id"], amount="75.00")

    assert office.fresh("credit", credit)["remaining_balance"] == "25.00"
    assert office.fresh("payment", payment)["amount"] == "75"
    assert len(office.account.all("credit")) == 1


# -- using credits ----------------------------------------------------------------------------------------------------


def test_a_mixed_payment_s_amount_includes_credit_and_excludes_the_overpaid_part(office: Office, shop: Any) -> None:
    """Scenario 6: 100 paid with 60 of credit and 50 of cash; QBO's total is 100 - 60 + 10."""
    credit = office.user.create_credit(shop["id"], "60.00")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    uses = [{"credit_id": credit["id"], "amount": "60.00"}]

    payment = office.user.receive_payment(invoice["id"], amount="110.00", credits=uses, method="Cash")

    assert payment["amount"] == "100"
    assert [use["amount"] for use in payment["credit_uses"]] == ["60"]
    assert [made["amount"] for made in payment["overpayment_credits"]] == ["10"]
    assert not payment["fully_paid_with_credits"]
    assert payment["payment_method"]["type"] == "CASH"


def test_a_payment_of_credits_alone_has_no_method(office: Office, shop: Any) -> None:
    office.user.create_credit(shop["id"], "60.00")
    invoice = office.user.create_invoice(shop["id"], amount="60.00")

    payment = office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")

    assert payment["fully_paid_with_credits"]
    assert payment["payment_method"] is None


def test_fifo_takes_the_oldest_credit_first_and_passes_over_what_is_promised(office: Office, shop: Any) -> None:
    first = office.user.create_credit(shop["id"], "10.00")
    second = office.user.create_credit(shop["id"], "10.00")
    third = office.user.create_credit(shop["id"], "10.00")
    order = office.user.create_order(shop["id"], items=[{"quantity": 1, "unit_price": "10"}])
    office.user.receive_payment(
        order_id=order["id"], amount="10.00", credits=[{"credit_id": first["id"], "amount": "10"}]
    )
    invoice = office.user.create_invoice(shop["id"], amount="100.00")

    payment = office.user.receive_payment(invoice["id"], amount="40.00", credits="FIFO", credit_amount="15.00")

    taken = [(use["credit"]["id"], use["amount"]) for use in payment["credit_uses"]]
    assert taken == [(second["id"], "10"), (third["id"], "5")]


def test_a_credit_never_pays_the_invoice_that_produced_it(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    office.user.edit_invoice(invoice["id"], amount="150.00")
    own = [{"credit_id": payment["overpayment_credits"][0]["id"], "amount": "20.00"}]

    with pytest.raises(UserRefused, match="cannot pay the invoice that produced it"):
        office.user.receive_payment(invoice["id"], amount="20.00", credits=own)
    with pytest.raises(UserRefused, match="short"):
        office.user.receive_payment(invoice["id"], amount="20.00", credits="FIFO")


@pytest.mark.parametrize(
    ("amount", "used", "sentence"),
    [
        ("80.00", "80.00", "less than the 80.00 already used"),
        ("20.00", "30.00", "more than the amount"),
        ("200.00", "200.00", "exceed the 100.00 open"),
    ],
)
def test_a_refused_payment_leaves_no_trace(office: Office, shop: Any, amount: str, used: str, sentence: str) -> None:
    credit = office.user.create_credit(shop["id"], "50.00")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    before = office.books()
    office.notices()

    with pytest.raises(UserRefused, match=sentence):
        office.user.receive_payment(invoice["id"], amount=amount, credits=[{"credit_id": credit["id"], "amount": used}])

    assert office.books() == before
    assert office.notices() == []


def test_one_customer_s_credit_never_pays_another_s_invoice(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(office.user.create_company("Other")["id"], "50.00")
    invoice = office.user.create_invoice(shop["id"], amount="50.00")

    with pytest.raises(UserRefused, match="another customer"):
        office.user.receive_payment(
            invoice["id"], amount="50.00", credits=[{"credit_id": credit["id"], "amount": "50.00"}]
        )


# -- voiding ----------------------------------------------------------------------------------------------------------


def test_voiding_a_payment_cancels_what_it_made_and_frees_what_it_used(office: Office, shop: Any) -> None:
    """The overpayment of P1 pays a part of B: with P1 void, that use is gone and B is open again."""
    memo = office.user.create_credit(shop["id"], "30.00")
    invoice_a = office.user.create_invoice(shop["id"], amount="100.00")
    invoice_b = office.user.create_invoice(shop["id"], amount="50.00")
    first = office.user.receive_payment(
        invoice_a["id"], amount="120.00", credits=[{"credit_id": memo["id"], "amount": "30.00"}]
    )
    made = first["overpayment_credits"][0]["id"]
    pure = office.user.receive_payment(invoice_b["id"], amount="5.00", credits=[{"credit_id": made, "amount": "5.00"}])
    mixed = office.user.receive_payment(
        invoice_b["id"], amount="25.00", credits=[{"credit_id": made, "amount": "15.00"}]
    )

    voided = office.user.void_payment(first["id"])

    assert (voided["status"], voided["amount"], voided["credit_uses"]) == ("VOIDED", "100", [])
    assert [use["amount"] for use in voided["voided_credit_uses"]] == ["30"]
    assert office.account.get("credit", made)["status"] == "CANCELED"
    assert office.fresh("credit", memo)["remaining_balance"] == "30.00"
    assert office.fresh("payment", pure)["status"] == "VOIDED"
    assert (office.fresh("payment", mixed)["status"], office.fresh("payment", mixed)["amount"]) == ("POSTED", "10")
    assert office.fresh("invoice", invoice_a)["status"] == "NOT_PAID"
    assert office.fresh("invoice", invoice_b)["remaining_amount"] == "40.00"
    with pytest.raises(UserRefused, match="already voided"):
        office.user.void_payment(first["id"])


def test_a_payment_whose_credit_was_refunded_is_not_voided_before_the_refund(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    refund = office.user.refund_credit(payment["overpayment_credits"][0]["id"], "20.00")

    with pytest.raises(UserRefused, match="void the refund first"):
        office.user.void_payment(payment["id"])

    office.user.void_refund(refund["id"])
    office.user.void_payment(payment["id"])
    assert office.owes(shop) == 10000


# -- deposits and orders ----------------------------------------------------------------------------------------------


def test_a_deposit_waits_for_its_order_s_invoice_and_its_surplus_becomes_a_credit(office: Office, shop: Any) -> None:
    order = office.user.create_order(shop["id"], items=[{"quantity": 2, "unit_price": "40.00"}])
    deposit = office.user.receive_payment(order_id=order["id"], amount="100.00")
    assert deposit["invoice"] is None
    assert (deposit["order"]["id"], deposit["amount"], office.owes(shop)) == (order["id"], "100", -10000)

    invoice = office.user.invoice_order(order["id"])

    assert (invoice["total"], invoice["status"]) == ("80.00", "FULLY_PAID")
    applied = office.fresh("payment", deposit)
    assert (applied["invoice"]["id"], applied["amount"]) == (invoice["id"], "80")
    assert [made["amount"] for made in applied["overpayment_credits"]] == ["20"]
    assert office.owes(shop) == -2000


def test_credit_promised_to_an_order_is_free_again_when_the_order_dies(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "50.00")
    order = office.user.create_order(shop["id"], items=[{"quantity": 1, "unit_price": "80.00"}])
    promise = office.user.receive_payment(order_id=order["id"], amount="50.00", credits="FIFO")
    assert office.fresh("credit", credit)["remaining_balance"] == "0.00"

    office.user.cancel_order(order["id"])

    assert office.fresh("credit", credit)["remaining_balance"] == "50.00"
    assert office.fresh("payment", promise)["status"] == "VOIDED"


def test_deleting_an_order_deletes_its_overpayment_credit_and_reverts_its_uses(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    made = payment["overpayment_credits"][0]["id"]
    other = office.user.create_invoice(shop["id"], amount="20.00")
    office.user.receive_payment(other["id"], amount="20.00", credits=[{"credit_id": made, "amount": "20.00"}])

    office.user.delete_order(invoice["order"]["id"])

    assert office.account.get("credit", made)["deleted_at"]
    assert office.fresh("invoice", other)["status"] == "NOT_PAID"
    assert office.get(f"/public/v1/invoices/{invoice['id']}").status_code == 404
    assert office.get(f"/public/v1/payments/{payment['id']}").status_code == 404
    assert office.owes(shop) == 2000


def test_deleting_an_invoice_cancels_its_overpayment_credit_and_frees_what_paid_it(office: Office, shop: Any) -> None:
    used = office.user.create_credit(shop["id"], "40.00")
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00", credits="FIFO", credit_amount="40.00")

    office.user.delete_invoice(invoice["id"])

    assert office.fresh("credit", used)["remaining_balance"] == "40.00"
    cancelled = office.account.get("credit", payment["overpayment_credits"][0]["id"])
    assert (cancelled["status"], cancelled["payment"]) == ("CANCELED", None)
    assert office.account.all("payment") == []
    assert office.user.invoice_order(invoice["order"]["id"])["status"] == "NOT_PAID"


def test_a_deleted_customer_keeps_its_credits(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "40.00")

    office.user.delete_company(shop["id"])

    assert office.fresh("company", shop)["deleted_at"]
    assert office.get(f"/public/v1/credits/{credit['id']}").json()["data"]["remaining_balance"] == "40.00"


# -- credits ----------------------------------------------------------------------------------------------------------


def test_a_credit_is_edited_down_to_what_is_used_and_no_further(office: Office, shop: Any) -> None:
    """Scenario 12."""
    credit = office.user.create_credit(shop["id"], "150.00", reason="GOODWILL", external_note="Sorry")
    invoice = office.user.create_invoice(shop["id"], amount="60.00")
    office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")

    edited = office.user.edit_credit(credit["id"], amount="60.00")

    assert (edited["status"], edited["amount"], edited["original_amount"]) == ("REDEEMED", "60.00", "150.00")
    assert (edited["reason"], edited["external_note"]) == ("GOODWILL", "Sorry")
    with pytest.raises(UserRefused, match=r"50\.00 is less than the 60\.00 already used"):
        office.user.edit_credit(credit["id"], amount="50.00")


def test_cancel_balance_only_leaves_the_uses(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "100.00")
    invoice = office.user.create_invoice(shop["id"], amount="60.00")
    office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")

    canceled = office.user.cancel_credit(credit["id"])

    assert (canceled["status"], canceled["remaining_balance"]) == ("CANCELED", "0.00")
    assert canceled["canceled_datetime"]
    assert [use["amount"] for use in canceled["credit_uses"]] == ["60"]
    assert office.fresh("invoice", invoice)["status"] == "FULLY_PAID"


def test_cancel_and_revert_opens_the_invoices_again(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "100.00")
    invoice = office.user.create_invoice(shop["id"], amount="60.00")
    payment = office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")

    canceled = office.user.cancel_credit(credit["id"], should_delete_credit_uses=True)

    assert (canceled["status"], canceled["credit_uses"]) == ("CANCELED", [])
    assert office.fresh("invoice", invoice)["status"] == "NOT_PAID"
    assert office.fresh("payment", payment)["status"] == "VOIDED"
    assert office.owes(shop) == 6000


def test_a_credit_is_deleted_only_while_unused(office: Office, shop: Any) -> None:
    used = office.user.create_credit(shop["id"], "10.00")
    invoice = office.user.create_invoice(shop["id"], amount="10.00")
    office.user.receive_payment(invoice["id"], amount="10.00", credits="FIFO")
    unused = office.user.create_credit(shop["id"], "10.00")

    with pytest.raises(UserRefused, match="used and cannot be deleted"):
        office.user.delete_credit(used["id"])
    assert office.user.delete_credit(unused["id"])["deleted_at"]


def test_nobody_edits_cancels_or_deletes_an_overpayment_credit(office: Office, shop: Any) -> None:
    invoice = office.user.create_invoice(shop["id"], amount="100.00")
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    credit_id = payment["overpayment_credits"][0]["id"]

    with pytest.raises(UserRefused, match="void the associated payment instead"):
        office.user.edit_credit(credit_id, amount="10.00")
    with pytest.raises(UserRefused, match="void the associated payment instead"):
        office.user.cancel_credit(credit_id)
    with pytest.raises(UserRefused, match="void the associated payment instead"):
        office.user.delete_credit(credit_id)
    assert office.user.edit_credit(credit_id, internal_note="called them")["internal_note"] == "called them"


def test_a_return_credits_all_its_items_and_people_change_only_its_notes(office: Office, shop: Any) -> None:
    """Scenario 3: wasted goods credit money too; the total is a JSON number."""
    product = office.user.create_product("Sour Diesel", sku="SD-1", quickbooks_item_id="12")
    items = [
        {"product_id": product["id"], "quantity": "7", "price": "12.345", "waste": True, "batch": "B-9"},
        {"product_id": product["id"], "quantity": "1", "price": "3.58", "package": "1A400-77"},
    ]
    taken_back = office.user.create_return(shop["id"], items=items)
    assert (taken_back["status"], office.account.all("credit")) == ("PROCESSING", [])

    completed = office.user.complete_return(taken_back["id"])

    [credit] = office.account.all("credit")
    assert (credit["source"], credit["amount"], credit["reason"]) == ("RETURN", "90.00", "RETURN")
    assert credit["return"]["id"] == completed["id"]
    assert completed["total"] == 90
    assert completed["items"][0]["batch"]["name"] == "B-9"
    assert completed["items"][1]["package"]["compliance_label"] == "1A400-77"
    assert office.user.edit_credit(credit["id"], external_note="Broken jars")["external_note"] == "Broken jars"
    with pytest.raises(UserRefused, match="cannot be changed"):
        office.user.edit_credit(credit["id"], amount="80.00")
    with pytest.raises(UserRefused, match="cannot be canceled"):
        office.user.cancel_credit(credit["id"])


def test_a_return_completed_without_a_credit_makes_none(office: Office, shop: Any) -> None:
    taken_back = office.user.create_return(shop["id"], items=[{"quantity": 1, "price": "5.00"}])

    completed = office.user.complete_return(taken_back["id"], create_credit=False)

    assert (completed["status"], completed["credits"]) == ("COMPLETED", [])


def test_a_refund_lowers_what_is_left_and_a_voided_one_restores_it(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "100.00")

    refund = office.user.refund_credit(credit["id"], "40.00", method="Check")

    assert refund["payment_method"]["name"] == "Check"
    assert office.fresh("credit", credit)["remaining_balance"] == "60.00"
    with pytest.raises(UserRefused, match=r"only 60\.00"):
        office.user.refund_credit(credit["id"], "60.01")
    assert office.user.void_refund(refund["id"])["voided_datetime"]
    assert office.fresh("credit", credit)["remaining_balance"] == "100.00"


def test_what_a_customer_owes_counts_everything_once(office: Office, shop: Any) -> None:
    """The A/R that ties out: open invoices less credits, deposits and payments on voided invoices."""
    office.user.create_invoice(shop["id"], amount="200.00")
    voided = office.user.create_invoice(shop["id"], amount="50.00")
    office.user.create_credit(shop["id"], "30.00")
    office.user.receive_payment(voided["id"], amount="25.00", credits="FIFO", credit_amount="10.00")
    office.user.cancel_order(voided["order"]["id"])
    order = office.user.create_order(shop["id"], items=[{"quantity": 1, "unit_price": "70.00"}])
    office.user.receive_payment(order_id=order["id"], amount="7.00")

    assert office.owes(shop) == 20000 - 2000 - 700 - 2500
    assert office.fresh("company", shop)["outstanding_balance"] == "180.00"
