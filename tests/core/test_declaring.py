"""What QuickBooks says, in the ERP's words: the sum rule of contracts/erp.md part 3, shares, own and other uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import SHOP, Record, a_credit, a_payment, a_refund, an_invoice, an_overpayment, books

from mappings.distru.declarations import Told, declare_credit_memo, declare_payment
from mappings.distru.projection import Terms
from mappings.documents import CreditMemo, Ending, Payment, parts
from mappings.money import cents

TOLD = Told("7", SHOP, "America/Los_Angeles", "Check")
OWN = {"O", "O2", "D"}
"""Credits that are the unapplied part of the payment under test."""

PAYMENT = Payment("payment:P", SHOP, "2026-09-02", "1042", total=12000, invoices=parts({"invoice:A": 10000}))


def declared(document: Payment, *records: Record, owners: dict[tuple[str, str], str] | None = None) -> dict[str, Any]:
    """The declaration of it, its sum proven as the contract words it."""
    said = declare_payment(document, document.key, books(*records), Terms(two_way=True, owners=owners or {}), TOLD)
    applications = said["applications"]
    others = sum(cents(use["amount"]) for a in applications for use in a["credit_uses"] if use["credit_id"] not in OWN)
    rest = sum(cents(said[f"{name}_amount"]) for name in ("unapplied", "outside", "refunded"))
    assert cents(said["total_amount"]) == sum(cents(a["amount"]) for a in applications) - others + rest
    for a in applications:
        assert sum(cents(use["amount"]) for use in a["credit_uses"]) <= cents(a["amount"])
    places = [(a["invoice_id"], a["payment_id"]) for a in applications]
    assert len(set(places)) == len(places), "one application per invoice and payment"
    return said


def shares(said: dict[str, Any]) -> list[tuple[str, str | None, str, dict[str, str]]]:
    return [
        (a["invoice_id"], a["payment_id"], a["amount"], {u["credit_id"]: u["amount"] for u in a["credit_uses"]})
        for a in said["applications"]
    ]


OVERPAID = [
    an_invoice("A", "100", "100"),
    a_payment("P", "A", "100", makes={"O": "20"}),
    an_overpayment("O", "20"),
]


def test_the_whole_state_of_a_payment_is_told() -> None:
    said = declared(replace(PAYMENT, method="2"), *OVERPAID)

    assert said == {
        "sync_token": "7",
        "status": "POSTED",
        "company_id": SHOP,
        "payment_datetime": "2026-09-02T19:00:00.000000Z",
        "payment_method_name": "Check",
        "reference": "1042",
        "total_amount": "120.00",
        "unapplied_amount": "20.00",
        "outside_amount": "0.00",
        "refunded_amount": "0.00",
        "applications": [{"invoice_id": "A", "payment_id": "P", "amount": "100.00", "credit_uses": []}],
    }


def test_an_ended_payment_is_told_as_ended_with_nothing_left_on_it() -> None:
    """Scenario 44."""
    for ending in Ending:
        said = declare_payment(ending, "payment:P", books(*OVERPAID), Terms(), replace(TOLD, last=PAYMENT))
        assert (said["status"], said["company_id"], said["applications"]) == (ending.value.upper(), SHOP, [])
        assert {said[name] for name in said if name.endswith("_amount")} == {"0.00"}


def test_a_prepayment_is_all_unapplied() -> None:
    """Scenario 32."""
    said = declared(replace(PAYMENT, key="Payment@9", total=50000, invoices=()))

    assert (said["unapplied_amount"], said["applications"]) == ("500.00", [])


def test_a_prepayment_spread_later_uses_its_own_credit() -> None:
    """Scenario 33: 500 spread 200/300; the ERP's credit pays both, nothing new comes in."""
    document = replace(PAYMENT, key="Payment@9", total=50000, invoices=parts({"invoice:A": 20000, "invoice:B": 30000}))
    records = [an_invoice("A", "200"), an_invoice("B", "300"), a_credit("D", "500", source="QB_PAYMENT")]

    said = declared(document, *records, owners={("CREDIT", "D"): "Payment@9"})

    assert shares(said) == [("A", None, "200.00", {"D": "200.00"}), ("B", None, "300.00", {"D": "300.00"})]
    assert said["unapplied_amount"] == "0.00"


def test_325_over_ours_a_strangers_and_a_rest() -> None:
    """Scenario 34."""
    document = replace(PAYMENT, key="Payment@9", total=32500, invoices=parts({"invoice:A": 20000}), outside=10000)

    said = declared(document, an_invoice("A", "200"))

    assert shares(said) == [("A", None, "200.00", {})]
    assert (said["outside_amount"], said["unapplied_amount"]) == ("100.00", "25.00")


def test_an_overpayment_applied_to_another_invoice_in_quickbooks() -> None:
    document = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:B": 2000}))

    said = declared(document, *OVERPAID, an_invoice("B", "50"))

    assert shares(said) == [("A", "P", "100.00", {}), ("B", None, "20.00", {"O": "20.00"})]


def test_a_credit_never_pays_the_invoice_that_produced_it() -> None:
    """Scenario 55: it is a larger payment line on A and a smaller credit."""
    document = replace(PAYMENT, invoices=parts({"invoice:A": 11500}))

    said = declared(document, an_invoice("A", "130", "100"), *OVERPAID[1:])

    assert shares(said) == [("A", "P", "115.00", {})]
    assert said["unapplied_amount"] == "5.00"


def test_two_credits_of_one_payment_that_pay_one_invoice_are_one_application() -> None:
    """Overpaid, and its invoice reduced later: both rests, and 5 of new money, go to B."""
    records = [
        an_invoice("A", "80", "80"),
        an_invoice("B", "60"),
        a_payment("P", "A", "80", makes={"O": "20", "O2": "20"}),
        an_overpayment("O", "20"),
        an_overpayment("O2", "20"),
    ]
    document = replace(PAYMENT, total=12500, invoices=parts({"invoice:A": 8000, "invoice:B": 4500}))

    said = declared(document, *records)

    assert shares(said) == [("A", "P", "80.00", {}), ("B", None, "45.00", {"O": "20.00", "O2": "20.00"})]


def test_a_link_taken_off_is_left_out() -> None:
    said = declared(replace(PAYMENT, invoices=()), *OVERPAID)

    assert (said["applications"], said["unapplied_amount"]) == ([], "120.00")


def test_what_shrinks_shrinks_from_the_newest_payment() -> None:
    """Two ERP payments stand on one QuickBooks payment: 60 and then 40; QuickBooks now has 70 there."""
    owners = {("PAYMENT", "P"): "payment:P", ("PAYMENT", "Q"): "payment:P"}
    records = [
        an_invoice("A", "100", "100"),
        a_payment("P", "A", "60", payment_datetime="2026-09-02T10:00:00Z"),
        a_payment("Q", "A", "40", payment_datetime="2026-09-03T10:00:00Z"),
    ]

    def told(amount: int) -> list[tuple[str, str | None, str, dict[str, str]]]:
        document = replace(PAYMENT, total=10000, invoices=parts({"invoice:A": amount}))
        return shares(declared(document, *records, owners=owners))

    assert told(7000) == [("A", "P", "60.00", {}), ("A", "Q", "10.00", {})]
    assert told(5000) == [("A", "P", "50.00", {})]
    assert told(10000) == [("A", "P", "60.00", {}), ("A", "Q", "40.00", {})]


MEMOS = [
    an_invoice("A", "100", "100"),
    an_invoice("B", "100"),
    a_credit("C", "60", {"P": "60"}),
    a_credit("M", "60"),
    a_payment("P", "A", "100", uses={"C": "60"}),
]


def test_a_mixed_payment_keeps_the_credit_where_the_erp_has_it() -> None:
    document = replace(
        PAYMENT,
        total=9000,
        invoices=parts({"invoice:A": 10000, "invoice:B": 5000}),
        credits=parts({"credit:C": 6000}),
    )

    said = declared(document, *MEMOS)

    assert shares(said) == [("A", "P", "100.00", {"C": "60.00"}), ("B", None, "50.00", {})]


def test_a_credit_that_the_erp_did_not_know_there_is_spread_over_what_is_open() -> None:
    document = replace(
        PAYMENT,
        total=3000,
        invoices=parts({"invoice:A": 10000, "invoice:B": 5000}),
        credits=parts({"credit:C": 6000, "credit:M": 6000}),
    )

    said = declared(document, *MEMOS)

    assert shares(said) == [("A", "P", "100.00", {"C": "60.00", "M": "40.00"}), ("B", None, "50.00", {"M": "20.00"})]


def test_less_of_a_credit_is_less_of_its_use() -> None:
    document = replace(PAYMENT, total=6000, invoices=parts({"invoice:A": 10000}), credits=parts({"credit:C": 4000}))

    assert shares(declared(document, *MEMOS)) == [("A", "P", "100.00", {"C": "40.00"})]


def test_a_shrunk_share_drops_credit_before_it_promises_more_than_its_amount() -> None:
    document = replace(PAYMENT, total=0, invoices=parts({"invoice:A": 5000}), credits=parts({"credit:C": 5000}))

    assert shares(declared(document, *MEMOS)) == [("A", "P", "50.00", {"C": "50.00"})]


def test_a_memo_left_over_pays_what_the_payments_own_credit_paid() -> None:
    """A person lowers the line on A and leaves the memo: it now pays a part of B, and the cash is unapplied again."""
    records = [
        an_invoice("A", "90", "90"),
        an_invoice("B", "20", "20"),
        a_credit("C", "90", {"P": "90"}),
        a_payment("P", "A", "90", uses={"C": "90"}, makes={"O": "20"}),
        an_overpayment("O", "20", {"Q": "20"}),
        a_payment("Q", "B", "20", uses={"O": "20"}),
    ]
    document = replace(
        PAYMENT,
        total=2000,
        invoices=parts({"invoice:A": 7500, "invoice:B": 2000}),
        credits=parts({"credit:C": 9000}),
    )

    carried = declared(document, *records, owners={("PAYMENT", "Q"): "payment:P"})
    shared = declared(document, *records)

    assert shares(carried) == [("A", "P", "75.00", {"C": "75.00"}), ("B", "Q", "20.00", {"C": "15.00", "O": "5.00"})]
    assert shares(shared) == [
        ("A", "P", "75.00", {"C": "75.00"}),
        ("B", "Q", "5.00", {"O": "5.00"}),
        ("B", None, "15.00", {"C": "15.00"}),
    ]
    assert carried["outside_amount"] == shared["outside_amount"] == "0.00"
    assert carried["unapplied_amount"] == shared["unapplied_amount"] == "15.00"


def test_a_credit_spent_on_a_stranger_is_the_memos_outside_and_not_the_payments() -> None:
    document = replace(
        PAYMENT, total=4000, invoices=parts({"invoice:A": 8000}), credits=parts({"credit:C": 6000}), outside=2000
    )

    said = declared(document, *MEMOS)

    assert shares(said) == [("A", "P", "80.00", {"C": "60.00"})]
    assert said["outside_amount"] == "20.00"


SHARED = [
    an_invoice("A", "100", "100"),
    an_invoice("B", "100", "100"),
    a_payment("P", "A", "100", makes={"O": "20"}),
    an_overpayment("O", "20", {"Q": "20"}),
    a_credit("C", "30", {"Q": "30"}),
    a_payment("Q", "B", "100", uses={"C": "30", "O": "20"}),
]


def test_a_payment_that_two_share_is_named_in_both_each_with_its_own_share() -> None:
    old = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:B": 2000}))
    new = replace(
        PAYMENT, key="payment:Q", total=5000, invoices=parts({"invoice:B": 8000}), credits=parts({"credit:C": 3000})
    )

    first = declare_payment(old, "payment:P", books(*SHARED), Terms(two_way=True), TOLD)
    second = declare_payment(new, "payment:Q", books(*SHARED), Terms(two_way=True), TOLD)

    assert shares(first) == [("A", "P", "100.00", {}), ("B", "Q", "20.00", {"O": "20.00"})]
    assert shares(second) == [("B", "Q", "80.00", {"C": "30.00"})]
    assert first["outside_amount"] == second["outside_amount"] == "0.00"


def test_refunds_of_either_side_are_told_once() -> None:
    document = replace(PAYMENT, refunds=parts({"refund:F": 500}), refunded=700)

    said = declared(document, *OVERPAID[:2], an_overpayment("O", "20", remaining_balance="15"), a_refund("F", "O", "5"))

    assert (said["refunded_amount"], said["unapplied_amount"]) == ("12.00", "8.00")


# ------------------------------------------------------------------------------------------------------------- memos


def test_a_memo_born_in_quickbooks_is_told_whole() -> None:
    """Scenario 29."""
    memo = CreditMemo(
        "CreditMemo@77", SHOP, "2026-09-01", "CM-77", "inside", total=8000, customer_note="Dear", outside=1000
    )

    assert declare_credit_memo(memo, None, books(), TOLD) == {
        "sync_token": "7",
        "status": "ACTIVE",
        "credit_id": None,
        "company_id": SHOP,
        "doc_number": "CM-77",
        "transaction_date": "2026-09-01",
        "amount": "80.00",
        "outside_amount": "10.00",
        "refunded_amount": "0.00",
        "external_note": "Dear",
        "internal_note": "inside",
    }


def test_a_memo_tells_all_that_was_paid_out_of_it_by_either_side() -> None:
    memo = CreditMemo("credit:C", SHOP, "2026-09-01", total=8000, refunded=700)
    records = [
        a_credit("C", "80"),
        a_refund("F", "C", "5"),
        a_refund("G", "C", "9", voided_datetime="2026-09-09T10:00:00Z"),
    ]

    assert declare_credit_memo(memo, "C", books(*records), TOLD)["refunded_amount"] == "12.00"


def test_a_memo_that_ended_is_told_as_deleted_however_it_ended() -> None:
    for ending in Ending:
        said = declare_credit_memo(ending, "C", books(), TOLD)
        assert (said["status"], said["credit_id"], said["company_id"]) == ("DELETED", "C", SHOP)
        assert "sync_token" not in said
