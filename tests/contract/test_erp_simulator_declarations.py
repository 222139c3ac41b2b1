"""What QuickBooks says, declared to the simulator: contracts/erp.md part 3, sentence by sentence."""

from __future__ import annotations

from typing import Any

import pytest
from erp_simulator_bench import QUICKBOOKS, Office, application, message, open_office


@pytest.fixture
def office() -> Office:
    return open_office()


@pytest.fixture
def shop(office: Office) -> Any:
    return office.user.create_company("Blue Dream Dispensary", qb_customer_id="58")


@pytest.fixture
def invoice(office: Office, shop: Any) -> Any:
    return office.user.create_invoice(shop["id"], amount="100.00")


@pytest.fixture
def other(office: Office, shop: Any) -> Any:
    return office.user.create_invoice(shop["id"], amount="50.00")


def unchanged(office: Office, declare: Any) -> Any:
    """The answer of a call that must leave the books alone, to the last stamp, and tell nobody."""
    before = office.books()
    office.notices()
    answer = declare()
    assert office.books() == before
    assert office.notices() == []
    return answer


def unchanged_but_links(office: Office, declare: Any) -> Any:
    """As `unchanged`, where a credit learns its QuickBooks ID: that is no change of the credit."""
    before = {kind: [record["updated_datetime"] for record in records] for kind, records in office.books().items()}
    office.notices()
    answer = declare()
    after = {kind: [record["updated_datetime"] for record in records] for kind, records in office.books().items()}
    assert after == before
    assert office.notices() == []
    return answer


# -- credit memos -----------------------------------------------------------------------------------------------------


def test_a_memo_born_in_quickbooks_becomes_a_credit(office: Office, shop: Any) -> None:
    answer = office.declare_memo("77", company_id=shop["id"], amount="80.00", external_note="Promo")

    credit = answer.json()["credit"]
    assert answer.status_code == 200
    assert (credit["source"], credit["amount"], credit["remaining_balance"]) == ("QB_CREDIT_MEMO", "80.00", "80.00")
    assert (credit["qb_credit_memo_id"], credit["external_note"]) == ("77", "Promo")
    assert office.owes(shop) == -8000


def test_a_repeated_memo_changes_nothing(office: Office, shop: Any) -> None:
    first = office.declare_memo("77", company_id=shop["id"], amount="80.00")

    again = unchanged(office, lambda: office.declare_memo("77", company_id=shop["id"], amount="80.00"))

    assert again.json() == first.json()


def test_an_older_version_is_stale(office: Office, shop: Any) -> None:
    """Versions compare as numbers: 9 is older than 10."""
    office.declare_memo("77", company_id=shop["id"], amount="80.00", sync_token="10")

    answer = unchanged(office, lambda: office.declare_memo("77", company_id=shop["id"], amount="70.00", sync_token="9"))

    assert (answer.status_code, message(answer)) == (409, "stale")


def test_a_memo_edited_upward_keeps_the_original_amount(office: Office, shop: Any) -> None:
    office.declare_memo("77", company_id=shop["id"], amount="80.00")

    credit = office.declare_memo("77", company_id=shop["id"], amount="120.00", sync_token="2").json()["credit"]

    assert (credit["amount"], credit["original_amount"]) == ("120.00", "80.00")


def test_what_quickbooks_applied_elsewhere_or_paid_out_lowers_what_is_left(office: Office, shop: Any) -> None:
    declared = office.declare_memo(
        "77", company_id=shop["id"], amount="80.00", outside_amount="30.00", refunded_amount="10.00"
    )

    assert declared.json()["credit"]["remaining_balance"] == "40.00"


def test_refunded_counts_both_sides_once(office: Office, shop: Any) -> None:
    """The ERP refunded 20 itself: a memo with 30 paid out has 10 refunded in QBO."""
    credit = office.user.create_credit(shop["id"], "80.00")
    refund = office.user.refund_credit(credit["id"], "20.00")
    body = {"credit_id": credit["id"], "company_id": shop["id"], "amount": "80.00"}

    declared = office.declare_memo("77", refunded_amount="30.00", **body).json()["credit"]

    assert declared["remaining_balance"] == "50.00"
    too_little = unchanged(office, lambda: office.declare_memo("77", refunded_amount="10.00", **body))
    assert too_little.status_code == 400
    office.user.void_refund(refund["id"])
    assert office.fresh("credit", credit)["remaining_balance"] == "70.00"


def test_a_memo_of_the_erp_s_own_credit_names_it(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "80.00", internal_note="ours")

    declared = office.declare_memo("77", credit_id=credit["id"], company_id=shop["id"], amount="60.00")

    assert declared.json()["credit"]["id"] == credit["id"]
    assert office.fresh("credit", credit)["source"] == "USER"
    assert (office.fresh("credit", credit)["amount"], office.owes(shop)) == ("60.00", -6000)


def test_an_amount_below_what_is_used_is_refused(office: Office, shop: Any, invoice: Any) -> None:
    """Scenario 38."""
    office.declare_memo("77", company_id=shop["id"], amount="80.00")
    office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")

    answer = unchanged(office, lambda: office.declare_memo("77", company_id=shop["id"], amount="50.00", sync_token="2"))

    assert answer.status_code == 400
    assert "50.00 is less than the 60.00 already used" in message(answer)


@pytest.mark.parametrize(
    "body",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "1.005"},
        {"amount": "many"},
        {"company_id": "nobody"},
        {"credit_id": "nothing"},
        {"status": "VOIDED"},
        {"sync_token": None},
        {"sync_token": "latest"},
    ],
)
def test_a_memo_that_makes_no_sense_is_refused(office: Office, shop: Any, body: dict[str, Any]) -> None:
    whole = {"company_id": shop["id"], "amount": "80.00", **body}

    assert unchanged(office, lambda: office.declare_memo("77", **whole)).status_code == 400


def test_an_active_memo_with_a_balance_does_not_revive_a_cancelled_credit(
    office: Office, shop: Any, invoice: Any
) -> None:
    """Scenario 14: 60 of 100 used, the rest cancelled; only the memo of 60 with nothing left is accepted."""
    credit = office.user.create_credit(shop["id"], "100.00")
    office.user.receive_payment(invoice["id"], amount="60.00", credits="FIFO")
    office.user.cancel_credit(credit["id"])
    body = {"credit_id": credit["id"], "company_id": shop["id"]}

    refused = unchanged(office, lambda: office.declare_memo("77", amount="100.00", **body))
    accepted = office.declare_memo("77", amount="60.00", **body)

    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert accepted.json()["credit"]["status"] == "CANCELED"


def test_a_deleted_memo_cancels_its_credit_and_removes_its_uses(office: Office, shop: Any, invoice: Any) -> None:
    office.declare_memo("77", company_id=shop["id"], amount="80.00", sync_token="5")
    office.user.receive_payment(invoice["id"], amount="80.00", credits="FIFO")

    deleted = office.declare_memo("77", status="DELETED", sync_token=None)

    assert deleted.json()["credit"]["status"] == "CANCELED"
    assert office.fresh("invoice", invoice)["status"] == "NOT_PAID"
    again = unchanged(office, lambda: office.declare_memo("77", status="DELETED", sync_token=None))
    assert again.json() == deleted.json()


def test_a_deleted_memo_that_the_erp_never_had_is_no_error(office: Office, shop: Any) -> None:
    answer = unchanged(office, lambda: office.declare_memo("99", status="DELETED", sync_token=None))

    assert (answer.status_code, answer.json()) == (200, {"credit": None})


def test_a_memo_moved_to_another_customer_is_deleted_and_born_again(office: Office, shop: Any) -> None:
    heir = office.user.create_company("Heir")
    first = office.declare_memo("77", company_id=shop["id"], amount="80.00").json()["credit"]

    at_once = unchanged(
        office, lambda: office.declare_memo("77", company_id=heir["id"], amount="80.00", sync_token="2")
    )
    office.declare_memo("77", status="DELETED", sync_token=None)
    moved = office.declare_memo("77", company_id=heir["id"], amount="80.00", sync_token="2").json()["credit"]

    assert at_once.status_code == 400
    assert moved["id"] != first["id"]
    assert (office.owes(shop), office.owes(heir)) == (0, -8000)


# -- payments born in QuickBooks --------------------------------------------------------------------------------------


def test_a_payment_born_in_quickbooks_pays_each_invoice_with_one_erp_payment(
    office: Office, shop: Any, invoice: Any, other: Any
) -> None:
    """Scenario 34: 325 covers two ERP invoices, one that only QBO has, and leaves 25."""
    answer = office.declare_payment(
        "900",
        company_id=shop["id"],
        payment_datetime="2026-11-20T00:00:00Z",
        payment_method_name="Wire",
        reference="W-12",
        total_amount="275.00",
        unapplied_amount="25.00",
        outside_amount="100.00",
        applications=[application(invoice, "100"), application(other, "50.00")],
    )

    made = answer.json()
    assert [payment["amount"] for payment in made["payments"]] == ["100", "50"]
    assert [payment["description"] for payment in made["payments"]] == ["W-12", "W-12"]
    assert made["payments"][0]["payment_method"]["name"] == "Wire"
    [credit] = made["credits"]
    assert (credit["source"], credit["amount"], credit["qb_payment_id"]) == ("QB_PAYMENT", "25.00", "900")
    assert office.fresh("invoice", invoice)["status"] == "FULLY_PAID"
    assert office.owes(shop) == -2500


def test_a_repeated_payment_changes_nothing(office: Office, shop: Any, invoice: Any) -> None:
    body = {
        "company_id": shop["id"],
        "total_amount": "90.00",
        "unapplied_amount": "10.00",
        "applications": [application(invoice, "80.00")],
    }
    first = office.declare_payment("900", **body)

    again = unchanged(office, lambda: office.declare_payment("900", **body))

    assert again.json() == first.json()


def test_a_prepayment_is_a_credit_and_gets_spent_in_quickbooks(
    office: Office, shop: Any, invoice: Any, other: Any
) -> None:
    """Scenarios 32 and 33."""
    prepaid = office.declare_payment("900", company_id=shop["id"], total_amount="150.00", unapplied_amount="150.00")
    assert prepaid.json()["payments"] == []
    assert office.owes(shop) == 15000 - 15000

    spent = [application(invoice, "100.00"), application(other, "50.00")]
    office.declare_payment("900", company_id=shop["id"], total_amount="150.00", applications=spent, sync_token="2")
    assert [credit["remaining_balance"] for credit in office.account.all("credit")] == ["0.00"]

    partly = [application(invoice, "100.00"), application(other, "30.00")]
    edited = office.declare_payment(
        "900",
        company_id=shop["id"],
        total_amount="150.00",
        unapplied_amount="20.00",
        applications=partly,
        sync_token="3",
    )
    assert [credit["remaining_balance"] for credit in edited.json()["credits"]] == ["20.00"]
    assert office.owes(shop) == 0


def test_an_application_left_out_is_voided_and_its_uses_stay_in_the_history(
    office: Office, shop: Any, invoice: Any, other: Any
) -> None:
    memo = office.user.create_credit(shop["id"], "30.00")
    both = [application(invoice, "100.00"), application(other, "40.00", None, **{memo["id"]: "30.00"})]
    first = office.declare_payment("900", company_id=shop["id"], total_amount="110.00", applications=both).json()

    office.declare_payment(
        "900",
        company_id=shop["id"],
        total_amount="110.00",
        unapplied_amount="10.00",
        applications=both[:1],
        sync_token="2",
    )

    dropped = office.fresh("payment", first["payments"][1])
    assert (dropped["status"], dropped["credit_uses"]) == ("VOIDED", [])
    assert [use["amount"] for use in dropped["voided_credit_uses"]] == ["30"]
    assert office.fresh("credit", memo)["remaining_balance"] == "30.00"
    assert office.fresh("invoice", other)["status"] == "NOT_PAID"


def test_a_line_left_out_leaves_quickbooks_credit_to_the_document(office: Office, shop: Any, invoice: Any) -> None:
    """The 20 held since the payment came in grow to 100; the ERP payment that showed them is void all the same."""
    body = {"company_id": shop["id"], "total_amount": "100.00"}
    first = office.declare_payment(
        "900", unapplied_amount="20.00", applications=[application(invoice, "80.00")], **body
    ).json()
    assert [made["amount"] for made in first["payments"][0]["overpayment_credits"]] == ["20"]

    second = office.declare_payment("900", unapplied_amount="100.00", sync_token="2", **body).json()

    dropped = office.fresh("payment", first["payments"][0])
    assert (dropped["status"], dropped["overpayment_credits"]) == ("VOIDED", [])
    [credit] = second["credits"]
    assert (credit["id"], credit["amount"], credit["payment"]) == (first["credits"][0]["id"], "100.00", None)


def test_a_new_reference_changes_the_payment_but_not_the_credit_it_uses(
    office: Office, shop: Any, invoice: Any
) -> None:
    money = {"company_id": shop["id"], "total_amount": "50.00"}
    prepaid = office.declare_payment("900", unapplied_amount="50.00", **money).json()["credits"][0]
    spent = {**money, "applications": [application(invoice, "50.00", None, **{prepaid["id"]: "50.00"})]}
    [payment] = office.declare_payment("900", reference="A-1", sync_token="2", **spent).json()["payments"]
    credit = office.fresh("credit", prepaid)

    office.declare_payment("900", reference="A-2", sync_token="3", **spent)

    assert office.fresh("payment", payment)["updated_datetime"] > payment["updated_datetime"]
    assert office.fresh("credit", credit)["updated_datetime"] == credit["updated_datetime"]


@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
def test_a_payment_voided_or_deleted_in_quickbooks_is_void_here(
    office: Office, shop: Any, invoice: Any, status: str
) -> None:
    """Scenario 44. Neither needs a version; only the void made in QBO shows "0"."""
    memo = office.user.create_credit(shop["id"], "30.00")
    lines = [application(invoice, "80.00", None, **{memo["id"]: "30.00"})]
    office.declare_payment(
        "900", company_id=shop["id"], total_amount="60.00", unapplied_amount="10.00", applications=lines
    )

    answer = office.declare_payment("900", status=status, sync_token=None).json()

    [payment] = answer["payments"]
    assert (payment["status"], payment["amount"]) == ("VOIDED", "0" if status == "VOIDED" else "80")
    assert [credit["status"] for credit in answer["credits"]] == ["CANCELED"]
    assert office.fresh("credit", memo)["remaining_balance"] == "30.00"
    assert office.owes(shop) == 10000 - 3000
    again = unchanged(office, lambda: office.declare_payment("900", status=status, sync_token=None))
    assert again.json() == answer


def test_a_void_of_a_payment_that_the_erp_never_had_is_no_error(office: Office, shop: Any) -> None:
    answer = unchanged(office, lambda: office.declare_payment("999", status="VOIDED", sync_token=None))

    assert answer.json() == {"payments": [], "credits": []}


def test_a_payment_moved_to_another_customer_is_deleted_and_born_again(office: Office, shop: Any) -> None:
    heir = office.user.create_company("Heir")
    money = {"total_amount": "40.00", "unapplied_amount": "40.00"}
    office.declare_payment("900", company_id=shop["id"], **money)

    at_once = unchanged(office, lambda: office.declare_payment("900", company_id=heir["id"], sync_token="2", **money))
    office.declare_payment("900", status="DELETED", sync_token=None)
    office.declare_payment("900", company_id=heir["id"], sync_token="2", **money)

    assert at_once.status_code == 400
    assert (office.owes(shop), office.owes(heir)) == (0, -4000)


def test_money_paid_back_leaves_no_refund_record(office: Office, shop: Any, invoice: Any) -> None:
    answer = office.declare_payment(
        "900",
        company_id=shop["id"],
        total_amount="120.00",
        unapplied_amount="15.00",
        refunded_amount="5.00",
        applications=[application(invoice, "100.00")],
    )

    [credit] = answer.json()["credits"]
    assert (credit["amount"], credit["remaining_balance"]) == ("20.00", "15.00")
    assert office.account.all("refund") == []


# -- payments of the ERP, seen again in QuickBooks --------------------------------------------------------------------


def overpaid(office: Office, invoice: Any) -> tuple[Any, str]:
    """A payment of 120 on 100, linked to QBO's 900, with the id of its credit of 20."""
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    [credit] = payment["overpayment_credits"]
    office.link("PAYMENT", payment, "PAYMENT", "900")
    office.link("CREDIT", credit, "PAYMENT", "900")
    return payment, credit["id"]


def test_what_the_erp_has_already_changes_nothing(office: Office, shop: Any, invoice: Any) -> None:
    payment, _ = overpaid(office, invoice)

    answer = unchanged(
        office,
        lambda: office.declare_payment(
            "900",
            company_id=shop["id"],
            payment_datetime=payment["payment_datetime"],
            payment_method_name="Check",
            reference=payment["payment_number"],
            total_amount="120.00",
            unapplied_amount="20.00",
            applications=[application(invoice, "100.00", payment)],
        ),
    )

    assert answer.status_code == 200


def test_the_erp_s_own_overpayment_credit_holds_the_unapplied_amount(office: Office, shop: Any, invoice: Any) -> None:
    """QBO's line is lowered to 70: the credit that the ERP made grows to 50, no second one appears."""
    payment, credit_id = overpaid(office, invoice)

    answer = office.declare_payment(
        "900",
        company_id=shop["id"],
        total_amount="120.00",
        unapplied_amount="50.00",
        applications=[application(invoice, "70.00", payment)],
    )

    assert [(credit["id"], credit["amount"]) for credit in answer.json()["credits"]] == [(credit_id, "50.00")]
    assert office.fresh("payment", payment)["amount"] == "70"
    assert office.owes(shop) == -2000


def test_a_use_of_the_payment_s_own_credit_is_another_line_of_it(
    office: Office, shop: Any, invoice: Any, other: Any
) -> None:
    """Scenario 8: total 120 = 100 + 20, the use of its own credit is not an "other credit"."""
    payment, credit_id = overpaid(office, invoice)
    use = office.user.receive_payment(other["id"], amount="20.00", credits=[{"credit_id": credit_id, "amount": "20"}])
    lines = [application(invoice, "100.00", payment), application(other, "20.00", use, **{credit_id: "20.00"})]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="120.00", applications=lines)
    )

    assert [payment["amount"] for payment in answer.json()["payments"]] == ["100", "20"]
    assert [credit["status"] for credit in answer.json()["credits"]] == ["REDEEMED"]


def test_two_credits_of_one_payment_are_left_as_they_are_when_their_sum_is_right(
    office: Office, shop: Any, invoice: Any, other: Any
) -> None:
    """Overpaid by 20, reduced by 30 later; 5 of the second credit are used."""
    payment, _ = overpaid(office, invoice)
    office.user.edit_invoice(invoice["id"], amount="70.00")
    credit_id = office.account.all("credit")[1]["id"]
    use = office.user.receive_payment(other["id"], amount="5.00", credits=[{"credit_id": credit_id, "amount": "5.00"}])
    lines = [application(invoice, "70.00", payment), application(other, "5.00", use, **{credit_id: "5.00"})]

    answer = unchanged_but_links(
        office,
        lambda: office.declare_payment(
            "900", company_id=shop["id"], total_amount="120.00", unapplied_amount="45.00", applications=lines
        ),
    )

    assert [credit["remaining_balance"] for credit in answer.json()["credits"]] == ["20.00", "25.00"]


def test_two_quickbooks_payments_share_one_erp_payment(office: Office, shop: Any, invoice: Any, other: Any) -> None:
    """Cash of 901 and an overpayment of 900 on one ERP payment: each declares its own share, the amount is the sum."""
    payment, credit_id = overpaid(office, invoice)
    shared = office.user.receive_payment(
        other["id"], amount="50.00", credits=[{"credit_id": credit_id, "amount": "20.00"}]
    )
    office.link("PAYMENT", shared, "PAYMENT", "901")
    cash = {"company_id": shop["id"], "total_amount": "30.00", "applications": [application(other, "30.00", shared)]}
    old = [application(invoice, "100.00", payment), application(other, "20.00", shared, **{credit_id: "20.00"})]
    older = {"company_id": shop["id"], "total_amount": "120.00", "applications": old}
    unchanged(office, lambda: office.declare_payment("901", **cash))
    unchanged(office, lambda: office.declare_payment("900", **older))

    less_cash = [application(other, "25.00", shared)]
    office.declare_payment("901", company_id=shop["id"], total_amount="25.00", applications=less_cash, sync_token="2")
    assert office.fresh("payment", shared)["amount"] == "45"

    office.declare_payment("900", status="VOIDED", sync_token=None)
    left = office.fresh("payment", shared)
    assert (left["status"], left["amount"], left["credit_uses"]) == ("POSTED", "25", [])
    assert office.fresh("payment", payment)["status"] == "VOIDED"

    office.declare_payment("901", status="VOIDED", sync_token=None)
    assert office.fresh("payment", shared)["status"] == "VOIDED"
    assert office.owes(shop) == 15000


def test_a_line_taken_off_in_quickbooks_leaves_the_money_as_credit(office: Office, shop: Any, invoice: Any) -> None:
    payment = office.user.receive_payment(invoice["id"], amount="100.00")
    office.link("PAYMENT", payment, "PAYMENT", "900")

    answer = office.declare_payment("900", company_id=shop["id"], total_amount="100.00", unapplied_amount="100.00")

    assert office.fresh("payment", payment)["status"] == "VOIDED"
    assert [credit["source"] for credit in answer.json()["credits"]] == ["QB_PAYMENT"]
    assert office.owes(shop) == 0


def test_a_payment_whose_money_is_all_credit_stays_posted_at_zero(office: Office, shop: Any, invoice: Any) -> None:
    payment, credit_id = overpaid(office, invoice)

    office.declare_payment("900", company_id=shop["id"], total_amount="120.00", unapplied_amount="120.00")

    left = office.fresh("payment", payment)
    assert (left["status"], left["amount"]) == ("POSTED", "0")
    assert [credit["amount"] for credit in left["overpayment_credits"]] == ["120"]
    assert office.account.get("credit", credit_id)["source"] == "INVOICE_PAYMENT"


def test_the_unapplied_amount_first_covers_deposits_and_payments_on_voided_invoices(
    office: Office, shop: Any, invoice: Any
) -> None:
    order = office.user.create_order(shop["id"], items=[{"quantity": 1, "unit_price": "40.00"}])
    deposit = office.user.receive_payment(order_id=order["id"], amount="40.00")
    office.link("PAYMENT", deposit, "PAYMENT", "900")
    on_voided = office.user.receive_payment(invoice["id"], amount="60.00")
    office.link("PAYMENT", on_voided, "PAYMENT", "901")
    office.user.cancel_order(invoice["order"]["id"])

    for payment_id, amount in (("900", "40.00"), ("901", "60.00")):
        body = {"company_id": shop["id"], "total_amount": amount, "unapplied_amount": amount}
        answer = unchanged(office, lambda payment_id=payment_id, body=body: office.declare_payment(payment_id, **body))
        assert answer.json() == {"payments": [], "credits": []}
    assert office.owes(shop) == -10000

    more = office.declare_payment(
        "900", company_id=shop["id"], total_amount="45.00", unapplied_amount="45.00", sync_token="2"
    )
    assert [credit["amount"] for credit in more.json()["credits"]] == ["5.00"]


def test_money_of_a_deposit_that_quickbooks_spent_elsewhere_leaves_the_deposit(
    office: Office, shop: Any, invoice: Any
) -> None:
    order = office.user.create_order(shop["id"], items=[{"quantity": 1, "unit_price": "40.00"}])
    deposit = office.user.receive_payment(order_id=order["id"], amount="40.00")
    office.link("PAYMENT", deposit, "PAYMENT", "900")

    office.declare_payment(
        "900",
        company_id=shop["id"],
        total_amount="40.00",
        unapplied_amount="15.00",
        applications=[application(invoice, "25.00")],
    )

    assert office.fresh("payment", deposit)["amount"] == "15"
    assert office.owes(shop) == 10000 - 4000


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_payment_must_sum_to_its_total(office: Office, shop: Any, invoice: Any) -> None:
    body = {"company_id": shop["id"], "total_amount": "100.01", "applications": [application(invoice, "100.00")]}

    answer = unchanged(office, lambda: office.declare_payment("900", **body))

    assert (answer.status_code, message(answer)) == (400, "is 100.01 but its parts sum to 100.00")


def test_an_application_to_a_voided_invoice_is_refused(office: Office, shop: Any, invoice: Any) -> None:
    office.user.cancel_order(invoice["order"]["id"])
    body = {"company_id": shop["id"], "total_amount": "10.00", "applications": [application(invoice, "10.00")]}

    answer = unchanged(office, lambda: office.declare_payment("900", **body))

    assert answer.status_code == 400
    assert "void it in QuickBooks first" in message(answer)


def test_an_invoice_is_never_overpaid(office: Office, shop: Any, invoice: Any) -> None:
    office.user.receive_payment(invoice["id"], amount="30.00")
    body = {"company_id": shop["id"], "total_amount": "71.00", "applications": [application(invoice, "71.00")]}

    answer = unchanged(office, lambda: office.declare_payment("900", **body))

    assert answer.status_code == 400
    assert "overpaid by 1.00" in message(answer)


def test_more_of_a_credit_than_there_is_is_refused(office: Office, shop: Any, invoice: Any) -> None:
    credit = office.user.create_credit(shop["id"], "30.00")
    lines = [application(invoice, "31.00", None, **{credit["id"]: "31.00"})]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="0", applications=lines)
    )

    assert answer.status_code == 400
    assert "30.00 is less than the 31.00 already used" in message(answer)


def test_a_cancelled_credit_is_not_used(office: Office, shop: Any, invoice: Any) -> None:
    credit = office.user.create_credit(shop["id"], "30.00")
    office.user.cancel_credit(credit["id"])
    lines = [application(invoice, "30.00", None, **{credit["id"]: "30.00"})]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="0", applications=lines)
    )

    assert answer.status_code == 400


def test_an_overpayment_does_not_pay_the_invoice_that_produced_it(office: Office, shop: Any, invoice: Any) -> None:
    payment, credit_id = overpaid(office, invoice)
    office.user.edit_invoice(invoice["id"], amount="120.00")
    lines = [application(invoice, "120.00", payment, **{credit_id: "20.00"})]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="120.00", applications=lines)
    )

    assert answer.status_code == 400
    assert "cannot pay the invoice that produced it" in message(answer)


def test_a_voided_payment_is_not_named_again(office: Office, shop: Any, invoice: Any) -> None:
    payment = office.user.receive_payment(invoice["id"], amount="100.00")
    office.user.void_payment(payment["id"])
    lines = [application(invoice, "100.00", payment)]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="100", applications=lines)
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"company_id": "nobody"},
        {"applications": [{"invoice_id": "none", "payment_id": None, "amount": "10"}]},
        {"applications": "all"},
        {"unapplied_amount": "-1"},
        {"total_amount": None},
        {"payment_datetime": "yesterday"},
        {"status": "PAID"},
        {"sync_token": True},
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(office: Office, shop: Any, body: dict[str, Any]) -> None:
    whole = {"company_id": shop["id"], "total_amount": "10", "unapplied_amount": "10", **body}

    assert unchanged(office, lambda: office.declare_payment("900", **whole)).status_code == 400


@pytest.mark.parametrize(
    "wrong", ["payment_id", "credit_id", "stranger's credit", "stranger's invoice", "twice", "over"]
)
def test_an_application_that_names_the_wrong_records_is_refused(
    office: Office, shop: Any, invoice: Any, other: Any, wrong: str
) -> None:
    stranger = office.user.create_company("Stranger")
    their_credit = office.user.create_credit(stranger["id"], "10.00")
    their_invoice = office.user.create_invoice(stranger["id"], amount="10.00")
    on_other = office.user.receive_payment(other["id"], amount="10.00")
    lines = {
        "payment_id": [application(invoice, "10.00", on_other)],
        "credit_id": [application(invoice, "10.00", None, nothing="10.00")],
        "stranger's credit": [application(invoice, "10.00", None, **{their_credit["id"]: "10.00"})],
        "stranger's invoice": [application(their_invoice, "10.00")],
        "twice": [application(invoice, "5.00"), application(invoice, "5.00")],
        "over": [application(invoice, "1.00", None, **{their_credit["id"]: "10.00"})],
    }[wrong]

    answer = unchanged(
        office, lambda: office.declare_payment("900", company_id=shop["id"], total_amount="10.00", applications=lines)
    )

    assert answer.status_code == 400


# -- links and companies ----------------------------------------------------------------------------------------------


def test_links_show_beside_records_without_changing_them(office: Office, shop: Any, invoice: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")
    taken_back = office.user.create_return(shop["id"], items=[{"quantity": 1, "price": "5"}])
    stamps = [record["updated_datetime"] for record in (shop, credit, taken_back)]
    office.notices()

    office.link("COMPANY", shop, "CUSTOMER", "63")
    office.link("CREDIT", credit, "CREDIT_MEMO", "77")
    office.link("RETURN", taken_back, "CREDIT_MEMO", "77")
    office.link("INVOICE", invoice, "INVOICE", "145")

    records = [office.fresh("company", shop), office.fresh("credit", credit), office.fresh("return", taken_back)]
    assert records[0]["qb_customer_id"] == "63"
    assert [record["qb_credit_memo_id"] for record in records[1:]] == ["77", "77"]
    assert [record["updated_datetime"] for record in records] == stamps
    assert office.notices() == []
    assert office.account.links("invoice")[invoice["id"]] == {
        "quickbooks_type": "INVOICE",
        "quickbooks_id": "145",
        "sync_status": "SYNCED",
        "message": None,
    }


def test_a_credit_has_a_memo_id_or_a_payment_id_never_both(office: Office, shop: Any) -> None:
    credit = office.user.create_credit(shop["id"], "10.00")

    for quickbooks_type, ids in (("CREDIT_MEMO", ("7", None)), ("PAYMENT", (None, "7")), (None, (None, None))):
        office.link("CREDIT", credit, quickbooks_type, "7" if quickbooks_type else None)
        now = office.fresh("credit", credit)
        assert (now["qb_credit_memo_id"], now["qb_payment_id"]) == ids


def test_links_of_unknown_records_are_named_and_ignored(office: Office, shop: Any) -> None:
    answer = office.link("INVOICE", {"id": "gone"}, "INVOICE", "145")

    assert (answer.status_code, answer.json()) == (200, {"unknown": ["gone"]})


@pytest.mark.parametrize(
    "change",
    [{"kind": "ORDER"}, {"quickbooks_type": "INVOICE"}, {"quickbooks_type": None}, {"sync_status": "FINE"}],
)
def test_one_wrong_link_and_none_is_taken(office: Office, shop: Any, change: dict[str, Any]) -> None:
    good = {
        "kind": "COMPANY",
        "id": shop["id"],
        "quickbooks_type": "CUSTOMER",
        "quickbooks_id": "63",
        "sync_status": "SYNCED",
        "message": None,
    }

    answer = office.put(f"{QUICKBOOKS}/links", {"links": [good, {**good, **change}]})

    assert answer.status_code == 400
    assert office.fresh("company", shop)["qb_customer_id"] == "58"


def test_at_most_five_hundred_links_at_once(office: Office) -> None:
    row = {"kind": "INVOICE", "id": "x", "quickbooks_type": None, "quickbooks_id": None, "sync_status": "NOT_SYNCED"}

    assert office.put(f"{QUICKBOOKS}/links", {"links": [row] * 500}).status_code == 200
    assert office.put(f"{QUICKBOOKS}/links", {"links": [row] * 501}).status_code == 400


def test_after_a_hard_disconnect_another_company_s_documents_may_have_the_same_ids(
    office: Office, shop: Any, invoice: Any
) -> None:
    """Links cleared: version 0 of the next company's payment 900 is not older than version 7 of the last one's."""
    payment, credit_id = overpaid(office, invoice)
    memo = office.declare_memo("77", company_id=shop["id"], amount="5.00", sync_token="7").json()["credit"]
    lines = [application(invoice, "100.00", payment)]
    body = {"company_id": shop["id"], "total_amount": "120.00", "unapplied_amount": "20.00", "applications": lines}
    office.declare_payment("900", sync_token="7", **body)

    office.link("PAYMENT", payment, None, None)
    office.link("CREDIT", {"id": credit_id}, None, None)
    office.link("CREDIT", memo, None, None)

    stranger = office.declare_payment(
        "900", sync_token="0", company_id=shop["id"], total_amount="9", unapplied_amount="9"
    )
    assert [credit["amount"] for credit in stranger.json()["credits"]] == ["9.00"]
    assert office.fresh("payment", payment)["amount"] == "100"
    assert office.declare_memo("77", company_id=shop["id"], amount="6.00", sync_token="0").status_code == 200
    assert office.fresh("credit", memo)["amount"] == "5.00"


def test_a_legacy_overpayment_that_became_a_memo_is_no_part_of_its_payment(
    office: Office, shop: Any, invoice: Any
) -> None:
    """Scenario 63: source INVOICE_PAYMENT with a memo id."""
    payment = office.user.receive_payment(invoice["id"], amount="120.00")
    credit = payment["overpayment_credits"][0]
    office.link("PAYMENT", payment, "PAYMENT", "900")
    office.link("CREDIT", credit, "CREDIT_MEMO", "77")

    unchanged(
        office,
        lambda: office.declare_payment(
            "900",
            company_id=shop["id"],
            total_amount="100.00",
            applications=[application(invoice, "100.00", payment)],
        ),
    )
    unchanged(office, lambda: office.declare_memo("77", company_id=shop["id"], amount="20.00"))


def test_a_customer_met_in_quickbooks_becomes_a_company_once(office: Office) -> None:
    body = {"qb_customer_id": "70", "name": "New Leaf", "email": "a@leaf.test", "phone": "555", "billing_address": None}

    made = office.post(f"{QUICKBOOKS}/companies", body).json()["company"]
    again = unchanged(office, lambda: office.post(f"{QUICKBOOKS}/companies", body))

    assert (made["name"], made["qb_customer_id"], made["invoice_email"]) == ("New Leaf", "70", "a@leaf.test")
    assert again.json()["company"] == made
    assert office.post(f"{QUICKBOOKS}/companies", {"name": "No id"}).status_code == 400


def test_every_declaration_is_kept_with_its_answer(office: Office, shop: Any) -> None:
    office.declare_memo("77", company_id=shop["id"], amount="80.00")
    office.declare_memo("77", company_id="nobody", amount="80.00")

    first, second = office.account.declarations
    assert (first.method, first.path, first.status) == ("PUT", f"{QUICKBOOKS}/credit-memos/77", 200)
    assert (first.body["amount"], first.answer["credit"]["amount"]) == ("80.00", "80.00")
    assert (second.status, second.answer["errors"][0]["message"]) == (400, "unknown company: nobody")
