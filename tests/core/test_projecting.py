"""What QuickBooks should hold of the ERP's records."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Record,
    a_credit,
    a_payment,
    a_refund,
    a_return,
    an_invoice,
    an_overpayment,
    books,
    changed,
    deleted,
    projected,
)

from mappings.distru.projection import Projection, Terms, is_held_by_payment, owners_of
from mappings.documents import CreditMemo, Ending, Invoice, Key, Line, Payment, Refund, amounts


def the_payment(projection: Projection, key: Key = "payment:P") -> Payment:
    side = projection.documents[key]
    assert isinstance(side, Payment)
    return side


def the_memo(projection: Projection, key: Key = "credit:C") -> CreditMemo:
    side = projection.documents[key]
    assert isinstance(side, CreditMemo)
    return side


def the_invoice(projection: Projection, key: Key = "invoice:A") -> Invoice:
    side = projection.documents[key]
    assert isinstance(side, Invoice)
    return side


def figures(payment: Payment) -> tuple[int, dict[Key, int], dict[Key, int], int]:
    return payment.total, amounts(payment.invoices), amounts(payment.credits), payment.unapplied


VOIDED = "2026-09-09T10:00:00Z"

# ------------------------------------------------------------------------------------------------------ payments


def test_an_overpaid_invoice_is_one_payment_and_no_memo() -> None:
    """Scenario 5: 120 on 100."""
    projection = projected(
        an_invoice("A", "100", "100"), a_payment("P", "A", "100", makes={"O": "20"}), an_overpayment()
    )

    assert projection.documents.keys() == {"invoice:A", "payment:P"}
    assert figures(the_payment(projection)) == (12000, {"invoice:A": 10000}, {}, 2000)
    assert projection.records["payment:P"] == (("PAYMENT", "P"), ("CREDIT", "O"))


def test_cash_a_credit_and_an_overpayment_in_one_payment() -> None:
    """Scenario 6: 100 of which 60 credit, 10 overpaid: QuickBooks gets 50 in cash."""
    projection = projected(
        an_invoice("A", "100", "100"),
        a_credit("C", "60", {"P": "60"}),
        a_payment("P", "A", "100", uses={"C": "60"}, makes={"O": "10"}),
        an_overpayment("O", "10"),
    )

    assert figures(the_payment(projection)) == (5000, {"invoice:A": 10000}, {"credit:C": 6000}, 1000)


def test_a_payment_of_credits_only_has_a_total_of_nothing() -> None:
    """Scenario 7."""
    projection = projected(
        an_invoice("A", "100", "100"),
        a_credit("C", "100", {"P": "100"}),
        a_payment("P", "A", "100", uses={"C": "100"}, fully_paid_with_credits=True),
    )

    assert figures(the_payment(projection)) == (0, {"invoice:A": 10000}, {"credit:C": 10000}, 0)


def test_an_overpayment_used_elsewhere_is_a_link_on_its_own_payment() -> None:
    """Scenario 8: no new Payment, no memo."""
    projection = projected(*_overpayment_used())

    assert projection.documents.keys() == {"invoice:A", "invoice:B", "payment:P"}
    assert figures(the_payment(projection)) == (12000, {"invoice:A": 10000, "invoice:B": 2000}, {}, 0)
    assert ("PAYMENT", "Q") in projection.records["payment:P"]
    assert projection.touches[("PAYMENT", "Q")] == {"payment:P"}


def _overpayment_used() -> list[Record]:
    return [
        an_invoice("A", "100", "100"),
        an_invoice("B", "20", "20"),
        a_payment("P", "A", "100", makes={"O": "20"}),
        an_overpayment("O", "20", {"Q": "20"}),
        a_payment("Q", "B", "20", uses={"O": "20"}),
    ]


def test_one_erp_payment_that_two_quickbooks_payments_share() -> None:
    """Scenario 9: a memo 30, an unapplied 20 and cash 50 on one invoice of 100."""
    projection = projected(
        an_invoice("A", "100", "100"),
        an_invoice("B", "100", "100"),
        a_payment("P", "A", "100", makes={"O": "20"}),
        an_overpayment("O", "20", {"Q": "20"}),
        a_credit("C", "30", {"Q": "30"}),
        a_payment("Q", "B", "100", uses={"C": "30", "O": "20"}),
    )

    assert figures(the_payment(projection)) == (12000, {"invoice:A": 10000, "invoice:B": 2000}, {}, 0)
    assert figures(the_payment(projection, "payment:Q")) == (5000, {"invoice:B": 8000}, {"credit:C": 3000}, 0)
    assert projection.touches[("PAYMENT", "Q")] == {"payment:P", "payment:Q"}


def test_a_payment_made_of_two_old_overpayments_is_shown_on_the_oldest() -> None:
    """contracts/erp.md: its link names the Payment that carries its cash, else the oldest."""
    projection = projected(
        an_invoice("A", "100", "100"),
        an_invoice("B", "100", "100"),
        an_invoice("D", "30", "30"),
        a_payment("Z", "A", "100", makes={"O1": "20"}, payment_datetime="2026-09-02T10:00:00Z"),
        a_payment("K", "B", "100", makes={"O2": "10"}, payment_datetime="2026-09-03T10:00:00Z"),
        an_overpayment("O1", "20", {"Q": "20"}, payment="Z"),
        an_overpayment("O2", "10", {"Q": "10"}, payment="K"),
        a_payment("Q", "D", "30", uses={"O1": "20", "O2": "10"}, payment_datetime="2026-09-04T10:00:00Z"),
    )

    assert ("PAYMENT", "Q") in projection.records["payment:Z"]
    assert ("PAYMENT", "Q") not in projection.records["payment:K"]


def test_an_invoice_reduced_after_it_was_paid_leaves_the_difference_unapplied() -> None:
    """Scenario 10: the payment's total stays 100."""
    projection = projected(
        an_invoice("A", "80", "80"), a_payment("P", "A", "80", makes={"O": "20"}), an_overpayment("O", "20")
    )

    assert the_invoice(projection).total == 8000
    assert figures(the_payment(projection)) == (10000, {"invoice:A": 8000}, {}, 2000)


def test_a_payment_overpaid_and_then_reduced_has_two_credits_and_one_unapplied_amount() -> None:
    projection = projected(
        an_invoice("A", "80", "80"),
        a_payment("P", "A", "80", makes={"O": "20", "N": "5"}),
        an_overpayment("O", "20"),
        an_overpayment("N", "5"),
    )

    assert figures(the_payment(projection)) == (10500, {"invoice:A": 8000}, {}, 2500)
    assert projection.records["payment:P"] == (("PAYMENT", "P"), ("CREDIT", "N"), ("CREDIT", "O"))


def test_a_payment_whose_money_has_all_become_a_credit_is_unapplied() -> None:
    projection = projected(
        an_invoice("A", "0", "0", items=[]), a_payment("P", "A", "0", makes={"O": "20"}), an_overpayment("O", "20")
    )

    assert figures(the_payment(projection)) == (2000, {}, {}, 2000)


def test_a_voided_payment_is_over_and_a_deleted_one_is_gone() -> None:
    projection = projected(
        an_invoice("A"),
        a_payment("P", "A", "0", status="VOIDED"),
        an_overpayment("O", "20", status="CANCELED", remaining_balance="0"),
        deleted(a_payment("Q", "A")),
    )

    assert projection.documents["payment:P"] is Ending.VOIDED
    assert projection.documents["payment:Q"] is Ending.DELETED


def test_a_deposit_rests_unapplied_until_its_order_is_invoiced() -> None:
    projection = projected(a_payment("P", None, "75"))

    assert figures(the_payment(projection)) == (7500, {}, {}, 7500)


def test_money_on_a_voided_invoice_rests_unapplied_and_its_memo_stays_whole() -> None:
    projection = projected(
        an_invoice("A", "100", "100", voided_datetime=VOIDED),
        a_credit("C", "60", {"P": "60"}),
        a_payment("P", "A", "100", uses={"C": "60"}),
    )

    assert projection.documents["invoice:A"] is Ending.VOIDED
    assert figures(the_payment(projection)) == (4000, {}, {}, 4000)
    assert the_memo(projection).total == 6000


def test_a_payment_of_only_credits_for_an_order_not_invoiced_has_no_document() -> None:
    projection = projected(a_credit("C", "60", {"P": "60"}), a_payment("P", None, "60", uses={"C": "60"}))

    assert "payment:P" not in projection.documents
    assert projection.by_choice[("PAYMENT", "P")] == "Held until its order is invoiced."


def test_a_linked_payment_that_lost_everything_is_still_judged() -> None:
    projection = projected(
        a_credit("C", "60", {"P": "60"}),
        a_payment("P", None, "60", uses={"C": "60"}),
        terms=Terms(two_way=True, linked={"payment:P": "Payment", "credit:C": "CreditMemo"}),
    )

    assert the_payment(projection).is_empty


def test_a_prepayment_of_quickbooks_keeps_its_document() -> None:
    """Scenarios 32 and 33: 500, of which 200 went to an invoice."""
    terms = Terms(two_way=True, owners={("CREDIT", "C"): "Payment@151"}, linked={"Payment@151": "Payment"})
    projection = projected(
        an_invoice("A", "200", "200"),
        a_credit("C", "500", {"P": "200"}, source="QB_PAYMENT", qb_payment_id="151"),
        a_payment("P", "A", "200", uses={"C": "200"}),
        terms=terms,
    )

    assert projection.documents.keys() == {"invoice:A", "Payment@151"}
    assert figures(the_payment(projection, "Payment@151")) == (50000, {"invoice:A": 20000}, {}, 30000)


def test_a_prepayment_without_any_document_gets_one_of_its_own() -> None:
    projection = projected(a_credit("C", "500", source="QB_PAYMENT"))

    assert figures(the_payment(projection, "deposit:C")) == (50000, {}, {}, 50000)


def test_what_quickbooks_alone_knows_of_a_payment_stays_on_it() -> None:
    terms = Terms(
        two_way=True,
        owners={("PAYMENT", "P"): "Payment@151"},
        linked={"Payment@151": "Payment"},
        foreign={"Payment@151": (10000, 0)},
    )

    payment = the_payment(
        projected(an_invoice("A", "200", "200"), a_payment("P", "A", "200"), terms=terms), "Payment@151"
    )

    assert (payment.total, payment.outside, payment.unapplied) == (30000, 10000, 0)


def test_the_method_and_the_account_come_from_the_record_or_the_settings() -> None:
    plain = a_payment("P", "A", payment_method={"id": "m1", "qb_payment_method_id": "3"})
    terms = Terms(payment_methods={"m1": "7"}, deposit_account="35")

    assert the_payment(projected(an_invoice("A", "100", "100"), plain)).method == "3"
    mapped = the_payment(projected(an_invoice("A", "100", "100"), plain, terms=terms))
    assert (mapped.method, mapped.deposit_account) == ("7", "35")
    own = changed(plain, quickbooks_deposit_account_id="36")
    assert the_payment(projected(an_invoice("A", "100", "100"), own, terms=terms)).deposit_account == "36"


# --------------------------------------------------------------------------------------------- what has not come yet


def test_a_payment_waits_for_its_invoice() -> None:
    projection = projected(a_payment("P", "A"))

    assert projection.waits["payment:P"].waits
    assert "invoice" in projection.waits["payment:P"].cause


def test_a_payment_waits_for_a_credit_that_it_uses() -> None:
    """Scenario 88."""
    projection = projected(an_invoice("A", "100", "100"), a_payment("P", "A", "100", uses={"C": "60"}))

    assert projection.waits.keys() == {"payment:P"}


def test_a_payment_waits_for_the_overpayment_that_it_made() -> None:
    """Else it would go out with less money than came in, and be seen as changed a moment later."""
    projection = projected(an_invoice("A", "100", "100"), a_payment("P", "A", "100", makes={"O": "20"}))

    assert "payment:P" in projection.waits


def test_a_payment_whose_overpayment_cannot_be_read_loses_no_money() -> None:
    broken = changed(an_overpayment(), amount="twenty")

    projection = projected(an_invoice("A", "100", "100"), a_payment("P", "A", "100", makes={"O": "20"}), broken)

    assert "payment:P" in projection.waits
    assert "amount" in projection.waits["payment:P"].field


def test_an_overpayment_waits_for_the_payment_that_made_it() -> None:
    """Else a Payment of 20 would go out where 120 came in."""
    projection = projected(an_overpayment("O", "20"))

    assert "payment:P" in projection.waits


def test_the_payment_whose_overpayment_was_used_waits_for_that_invoice_too() -> None:
    """Invoice B cannot be read just now: the link to it must not be taken off."""
    records = [r for r in _overpayment_used() if r[1]["id"] != "B"]

    for books_now in (records, [*records, changed(an_invoice("B", "20", "20"), total="?")]):
        projection = projected(*books_now)

        assert "payment:P" in projection.waits


def test_a_record_that_breaks_a_rule_waits_under_its_own_key() -> None:
    projection = projected(changed(an_invoice("A"), total="?"), an_invoice("B"))

    assert projection.waits["invoice:A"].field == "total"
    assert "invoice:B" in projection.documents


def test_records_that_disagree_are_not_sent() -> None:
    """The payment made 20, its credit says that 15 are left and nothing was used."""
    projection = projected(
        an_invoice("A", "100", "100"),
        a_payment("P", "A", "100", makes={"O": "20"}),
        an_overpayment("O", "20", remaining_balance="15"),
    )

    finding = projection.waits["payment:P"]
    assert finding.code == "records_disagree"
    assert "20.00" in finding.cause
    assert "15.00" in finding.cause


def test_a_refund_waits_for_its_credit() -> None:
    assert "refund:F" in projected(a_refund()).waits


# ----------------------------------------------------------------------------------------------------------- legacy


def test_a_legacy_over_paid_invoice_takes_no_more_than_its_total() -> None:
    """Scenario 64: the surplus rests on the Payment."""
    projection = projected(an_invoice("A", "100", "120", status="OVER_PAID"), a_payment("P", "A", "120"))

    assert figures(the_payment(projection)) == (12000, {"invoice:A": 10000}, {}, 2000)


def test_two_payments_that_together_overpaid_an_invoice_leave_the_newest_unapplied() -> None:
    projection = projected(
        an_invoice("A", "100", "120", status="OVER_PAID"),
        a_payment("Q", "A", "60", payment_datetime="2026-09-01T10:00:00Z"),
        a_payment("P", "A", "60", payment_datetime="2026-09-02T10:00:00Z"),
    )

    assert not projection.waits
    assert figures(the_payment(projection, "payment:Q")) == (6000, {"invoice:A": 6000}, {}, 0)
    assert figures(the_payment(projection)) == (6000, {"invoice:A": 4000}, {}, 2000)


def test_an_overpayment_that_reached_quickbooks_as_a_memo_stays_one() -> None:
    """Scenario 63."""
    projection = projected(
        an_invoice("A", "100", "100"),
        a_payment("P", "A", "100", makes={"O": "20"}),
        an_overpayment("O", "20", qb_credit_memo_id="77"),
    )

    assert figures(the_payment(projection)) == (10000, {"invoice:A": 10000}, {}, 0)
    assert the_memo(projection, "credit:O").total == 2000


@pytest.mark.parametrize(
    ("ids", "terms", "held"),
    [
        ({}, Terms(), True),
        ({"qb_payment_id": "5"}, Terms(), True),
        ({"qb_credit_memo_id": "7"}, Terms(), False),
        ({"qb_credit_memo_id": "7", "qb_payment_id": "5"}, Terms(), True),
        ({}, Terms(owners={("CREDIT", "O"): "payment:P"}, linked={"payment:P": "Payment"}), True),
        ({}, Terms(owners={("CREDIT", "O"): "credit:O"}, linked={"credit:O": "CreditMemo"}), False),
        ({}, Terms(owners={("CREDIT", "O"): "CreditMemo@7"}, linked={"CreditMemo@7": "CreditMemo"}), False),
    ],
)
def test_which_credits_a_payment_holds(ids: dict[str, str], terms: Terms, held: bool) -> None:
    assert is_held_by_payment(books(an_overpayment("O", **ids)).credits["O"], terms) is held


def test_no_other_source_is_held_by_a_payment() -> None:
    for source in ("USER", "RETURN", "QB_CREDIT_MEMO"):
        assert not is_held_by_payment(books(a_credit("C", source=source)).credits["C"], Terms())


# ---------------------------------------------------------------------------------------------------------- credits


def test_a_manual_credit_is_a_memo_of_one_line() -> None:
    """Scenarios 1 and 26."""
    terms = Terms(two_way=True, reason_items={"GOODWILL": "9"}, number_prefix="D-")
    record = a_credit("C", "150", reason="GOODWILL", external_note="Sorry!", internal_note="Ann asked")

    memo = the_memo(projected(record, terms=terms))

    assert (memo.total, memo.number, memo.reason) == (15000, "D-CR-C", "GOODWILL")
    assert (memo.customer_note, memo.note) == ("Sorry!", "Ann asked")
    assert memo.lines == (Line(15000, "Goodwill: Sorry!", "9"),)


def test_a_credits_own_item_wins_over_its_reasons() -> None:
    terms = Terms(two_way=True, reason_items={"OTHER": "9"})

    assert the_memo(projected(a_credit(quickbooks_sales_item_id="4"), terms=terms)).lines[0].item == "4"
    assert the_memo(projected(a_credit(), terms=terms)).lines[0].item == "9"


def test_a_long_number_is_shortened_and_told_in_the_note() -> None:
    """Scenario 20."""
    memo = the_memo(projected(a_credit(credit_number="CREDIT-OF-SEPTEMBER-2026-0001", internal_note="Ann")))

    assert len(memo.number or "") == 21
    assert memo.note == "Ann\nNumber CREDIT-OF-SEPTEMBER-2026-0001"


def a_returned(*goods: dict[str, Any], amount: str) -> list[Record]:
    named = [{"product": {"id": "p", "name": "Flower"}} | item for item in goods]
    return [a_return("R", named), a_credit("C", amount, source="RETURN", **{"return": {"id": "R"}})]


def test_a_return_is_a_memo_line_by_line_with_its_lineage() -> None:
    """Scenario 3."""
    records = a_returned(
        {"quantity": 7, "price": "12.345", "batch": {"name": "B-7"}, "package": {"compliance_label": "1A40"}},
        {"quantity": 1, "price": "5", "waste": True},
        amount="91.42",
    )

    memo = the_memo(projected(*records))

    assert [line.amount for line in memo.lines] == [8642, 500]
    assert memo.lines[0].description == "Flower · return RET-R · batch B-7 · package 1A40"
    assert memo.lines[1].description.endswith("waste, not restocked")
    assert memo.reason == "RETURN"


@pytest.mark.parametrize(
    ("amount", "lines"),
    [("20.01", [1000, 1000, 1]), ("19.99", [1000, 999]), ("10", [1000]), ("5", [500]), ("20", [1000, 1000])],
)
def test_the_lines_of_a_return_sum_exactly_to_its_credit(amount: str, lines: list[int]) -> None:
    goods = [{"quantity": 1, "price": "10"}, {"quantity": 1, "price": "10"}]

    memo = the_memo(projected(*a_returned(*goods, amount=amount)))

    assert [line.amount for line in memo.lines] == lines
    assert memo.lines[-1].description == "Adjustment" or len(lines) < 3


def test_goods_that_move_stock_are_credited_without_moving_it() -> None:
    goods = {"quantity": 1, "price": "10", "product": {"id": "p", "name": "Flower", "quickbooks_item_id": "50"}}
    terms = Terms(two_way=True, stock_items=frozenset({"50"}), reason_items={"RETURN": "9"})

    def item(terms: Terms) -> str | None:
        return the_memo(projected(*a_returned(goods, amount="10"), terms=terms)).lines[0].item

    assert item(terms) == "9"
    assert item(Terms(two_way=True, reason_items={"RETURN": "9"})) == "50"
    assert item(Terms(two_way=True, stock_items=frozenset({"50"}), inventory_lines=True)) == "50"


def test_one_way_sends_returns_and_no_other_credit() -> None:
    """Scenario 66."""
    projection = projected(*a_returned({"quantity": 1, "price": "10"}, amount="10"), a_credit("M"), two_way=False)

    assert projection.documents.keys() == {"credit:C"}
    assert "Two-way sync is off" in projection.by_choice[("CREDIT", "M")]


def test_one_way_still_keeps_a_manual_credit_that_quickbooks_holds_or_a_person_asked_for() -> None:
    linked = projected(a_credit("M"), terms=Terms(linked={"credit:M": "CreditMemo"}))
    asked = projected(a_credit("M"), terms=Terms(asked=frozenset({("CREDIT", "M")})))

    assert linked.documents.keys() == asked.documents.keys() == {"credit:M"}


def test_one_way_a_payment_leaves_out_the_credit_that_stays_behind() -> None:
    projection = projected(
        an_invoice("A", "100", "100"),
        a_credit("M", "60", {"P": "60"}),
        a_payment("P", "A", "100", uses={"M": "60"}),
        two_way=False,
    )

    assert figures(the_payment(projection)) == (4000, {"invoice:A": 4000}, {}, 0)


def test_cancelling_only_the_balance_leaves_the_used_part() -> None:
    """Scenario 14."""
    memo = the_memo(
        projected(
            an_invoice("A", "60", "60"),
            a_credit("C", "100", {"P": "60"}, status="CANCELED", remaining_balance="0"),
            a_payment("P", "A", "60", uses={"C": "60"}),
        )
    )

    assert memo.total == 6000
    assert sum(line.amount for line in memo.lines) == 6000


def test_a_cancelled_credit_keeps_what_was_paid_out_or_went_outside() -> None:
    record = a_credit("C", "100", status="CANCELED", remaining_balance="0")
    terms = Terms(two_way=True, foreign={"credit:C": (1000, 500)})

    assert the_memo(projected(record, a_refund(amount="20"))).total == 2000
    assert the_memo(projected(record, terms=terms)).total == 1500
    assert projected(record, a_refund(amount="20", voided_datetime=VOIDED)).documents["credit:C"] is Ending.DELETED


def test_a_cancelled_unused_or_deleted_credit_has_no_memo() -> None:
    """Scenarios 15 and 16."""
    cancelled = projected(a_credit(status="CANCELED", remaining_balance="0"))
    soft = projected(a_credit(deleted_at=VOIDED))

    assert cancelled.documents["credit:C"] is soft.documents["credit:C"] is Ending.DELETED


# --------------------------------------------------------------------------------------------------------- invoices


def test_an_invoice_is_its_items_its_charges_and_its_discount() -> None:
    record = an_invoice(
        "A",
        "105",
        items=[{"quantity": "2", "unit_price": "50", "total": "100", "description": "Flower"}],
        charges=[
            {"type": "CHARGE", "name": "Delivery", "amount": "10"},
            {"type": "CHARGE", "amount": "5", "tax": {"name": "Excise", "qb_product_id": "60"}},
            {"type": "DISCOUNT", "name": "Friend", "amount": "10"},
        ],
        notes="Thank you",
    )

    invoice = the_invoice(projected(record))

    assert [(line.amount, line.description, line.item) for line in invoice.lines] == [
        (10000, "Flower", None),
        (1000, "Delivery", None),
        (500, "Excise", "60"),
    ]
    assert (invoice.total, invoice.discount, invoice.customer_note) == (10500, 1000, "Thank you")


@pytest.mark.parametrize(
    ("total", "items", "discount"),
    [
        ("80", ["100", "-20"], "0"),
        ("70", ["100", "-20"], "10"),
        ("0", ["100"], "0"),
        ("0", ["100"], "100"),
        ("99.99", ["33.33", "33.33", "33.34"], "0"),
        ("100.01", ["33.33", "33.33", "33.34"], "0"),
        ("100", [], "0"),
        ("90", ["100"], "15"),
    ],
)
def test_the_lines_of_an_invoice_sum_to_its_total_and_none_is_negative(
    total: str, items: list[str], discount: str
) -> None:
    """QuickBooks refuses negative lines (2290): goods taken back on an invoice lower it as a discount does."""
    record = an_invoice(
        "A",
        total,
        items=[{"quantity": "1", "unit_price": item, "total": item} for item in items],
        charges=[{"type": "DISCOUNT", "amount": discount}],
    )

    invoice = the_invoice(projected(record))

    assert sum(line.amount for line in invoice.lines) - invoice.discount == invoice.total
    assert all(line.amount >= 0 for line in invoice.lines)
    assert invoice.discount >= 0


def test_a_negative_invoice_is_a_memo_of_its_own() -> None:
    goods = [
        {"quantity": "-2", "unit_price": "30", "total": "-60"},
        {"quantity": "1", "unit_price": "10", "total": "10"},
    ]

    projection = projected(an_invoice("A", "-50", items=goods))

    memo = the_memo(projection, "negative:A")
    assert projection.documents.keys() == {"negative:A"}
    assert memo.total == 5000 == sum(line.amount for line in memo.lines)
    assert projection.records["negative:A"] == (("INVOICE", "A"),)


def test_an_invoice_that_turned_negative_leaves_its_old_form_and_back() -> None:
    fallen = projected(an_invoice("A", "-50"), terms=Terms(linked={"invoice:A": "Invoice"}))
    risen = projected(an_invoice("A", "50"), terms=Terms(linked={"negative:A": "CreditMemo"}))
    ended = projected(an_invoice("A", "-50", voided_datetime=VOIDED), terms=Terms(linked={"negative:A": "CreditMemo"}))

    assert fallen.documents["invoice:A"] is Ending.VOIDED
    assert isinstance(fallen.documents["negative:A"], CreditMemo)
    assert risen.documents["negative:A"] is Ending.DELETED
    assert isinstance(risen.documents["invoice:A"], Invoice)
    assert ended.documents == {"negative:A": Ending.DELETED}


def test_the_day_is_the_businesss_own() -> None:
    record = an_invoice("A", invoice_datetime="2026-09-02T03:00:00.000000Z")

    assert the_invoice(projected(record)).date == "2026-09-02"
    assert the_invoice(projected(record, timezone="America/Los_Angeles")).date == "2026-09-01"


# ---------------------------------------------------------------------------------------------------------- refunds


def test_a_refund_of_a_credit_is_a_cheque_and_the_payment_that_ties_it() -> None:
    """Scenario 51."""
    projection = projected(a_credit("C", "50", remaining_balance="30"), a_refund("F", "C", "20", description="Moved"))

    refund = projection.documents["refund:F"]
    tie = the_payment(projection, "settlement:F")
    assert isinstance(refund, Refund)
    assert (refund.total, refund.note) == (2000, "Moved")
    assert (tie.total, tie.unapplied) == (0, 0)
    assert amounts(tie.credits) == {"credit:C": 2000}
    assert amounts(tie.refunds) == {"refund:F": 2000}
    assert the_memo(projection).total == 5000


def test_a_refund_of_an_overpayment_is_tied_by_its_own_payment() -> None:
    projection = projected(
        an_invoice("A", "100", "100"),
        a_payment("P", "A", "100", makes={"O": "20"}),
        an_overpayment("O", "20", remaining_balance="5"),
        a_refund("F", "O", "15"),
    )

    payment = the_payment(projection)
    assert (payment.total, payment.unapplied) == (12000, 500)
    assert amounts(payment.refunds) == {"refund:F": 1500}
    assert "settlement:F" not in projection.documents


def test_a_voided_refund_is_taken_back_with_its_tie() -> None:
    projection = projected(a_credit(), a_refund(voided_datetime=VOIDED))

    assert projection.documents["refund:F"] is projection.documents["settlement:F"] is Ending.DELETED


def test_a_refund_of_a_credit_that_stays_in_the_erp_stays_too() -> None:
    projection = projected(a_credit("C", "50", remaining_balance="30"), a_refund(), two_way=False)

    assert projection.documents == {}
    assert projection.by_choice[("REFUND", "F")] == "Its credit stays in the ERP."


# ------------------------------------------------------------------------------------------------------------ order


def test_the_order_of_the_records_changes_nothing() -> None:
    records = [
        *_overpayment_used(),
        a_credit("D", "500", source="QB_PAYMENT"),
        a_credit("E", "30", source="QB_PAYMENT"),
        a_refund("F", "O", "0"),
    ]
    terms = Terms(
        two_way=True,
        owners=owners_of([("Payment@9", [("CREDIT", "D"), ("CREDIT", "E")])]),
        linked={"Payment@9": "Payment"},
    )

    forwards, backwards = projected(*records, terms=terms), projected(*records[::-1], terms=terms)

    assert forwards.documents == backwards.documents
    assert forwards.records == backwards.records
    assert forwards.touches == backwards.touches
