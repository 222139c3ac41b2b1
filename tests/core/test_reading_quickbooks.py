"""QuickBooks' objects read as documents: recorded payloads of the real one, and shapes seen since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from builders import CUSTOMER, SHOP, a_qbo_invoice, a_qbo_memo, a_qbo_payment, money, qbo
from corpus import one, page

from mappings.documents import CreditMemo, Ending, Invoice, Key, Part, Payment, Refund, Side
from mappings.quickbooks import (
    Entity,
    Held,
    adoptable,
    amount_of,
    customer_of,
    foreign_uses,
    is_voided,
    marker_of,
    number_of,
    open_balance,
    own_note,
    read_object,
    read_objects,
)

OURS: dict[Entity, Key] = {
    ("Invoice", "11"): "invoice:A",
    ("Invoice", "12"): "invoice:B",
    ("CreditMemo", "21"): "credit:C",
    ("CreditMemo", "22"): "credit:D",
    ("Payment", "31"): "payment:P",
    ("Purchase", "41"): "refund:F",
}


def read_payment(raw: Mapping[str, Any], known: Mapping[Entity, Key] = OURS) -> Payment:
    side = read_object("Payment", raw, "payment:P", known, SHOP)
    assert isinstance(side, Payment)
    return side


def held(*objects: tuple[str, dict[str, Any]], customer: str | None = CUSTOMER) -> Held:
    return read_objects([(entity, raw, False) for entity, raw in objects], OURS, SHOP, customer)


# ---------------------------------------------------------------------------------------- recorded payloads


def test_the_zero_payment_that_applies_a_credit_is_read_with_both_links() -> None:
    """Payment 74: TotalAmt 0, one line for Invoice 71, one for CreditMemo 73, both positive (NOTES 5)."""
    raw = next(p for p in page("payment/page-16-zero-link.json", "Payment") if p["Id"] == "74")
    known: dict[Entity, Key] = {("Invoice", "71"): "invoice:A", ("CreditMemo", "73"): "credit:C"}

    payment = read_payment(raw, known)

    assert (payment.total, payment.unapplied, payment.outside) == (0, 0, 0)
    assert payment.invoices == (Part("invoice:A", 10000),)
    assert payment.credits == (Part("credit:C", 10000),)
    assert payment.note == "Created by QB Online to link credits to charges."
    assert payment.deposit_account is None


@pytest.mark.parametrize("file", ["payment/page-16-zero-link.json", "payment/page-20-with-unapplied.json"])
def test_every_recorded_payment_keeps_its_unapplied_amount_whatever_we_know_of_it(file: str) -> None:
    """Nothing known, or everything: what QuickBooks calls unapplied stays so, the rest is outside."""
    for raw in page(file, "Payment"):
        everything = {
            (linked["TxnType"], linked["TxnId"]): f"{linked['TxnType']}:{linked['TxnId']}"
            for line in raw["Line"]
            for linked in line["LinkedTxn"]
        }
        stranger, known = read_payment(raw, {}), read_payment(raw, everything)

        assert stranger.unapplied == known.unapplied == amount_of(raw, "UnappliedAmt")
        assert known.outside == 0
        assert stranger.invoices == stranger.credits == ()
        assert stranger.total == stranger.outside + stranger.unapplied


def test_an_unapplied_payment_is_all_its_own_credit() -> None:
    payment = read_payment(one("payment/read-unapplied-170.json", "Payment"))

    assert (payment.total, payment.unapplied, payment.invoices) == (10000, 10000, ())
    assert payment.deposit_account == "35"


def test_a_voided_payment_and_a_voided_invoice_are_over() -> None:
    voided = one("payment/doc-void.json", "Payment")
    invoice = one("invoice/void-after-264.json", "Invoice")

    assert read_object("Payment", voided, "payment:P", {}, SHOP) is Ending.VOIDED
    assert read_object("Invoice", invoice, "invoice:A", {}, SHOP) is Ending.VOIDED
    assert not is_voided(one("invoice/void-before-264.json", "Invoice"))


def test_a_zero_payment_that_links_is_not_a_void() -> None:
    raw = a_qbo_payment(total="0", lines=[("Invoice", "11", "30"), ("CreditMemo", "21", "30")], PrivateNote="Voided?")

    assert not is_voided(raw)


def test_a_zero_payment_without_links_is_no_void_either_until_its_note_says_so() -> None:
    assert not is_voided(a_qbo_payment(total="0", PrivateNote="kept by mistake"))
    assert is_voided(a_qbo_payment(total="0", PrivateNote="Voided - kept by mistake\nDistru payment P"))


def test_a_memo_voided_by_a_person_is_over() -> None:
    assert read_object("CreditMemo", a_qbo_memo(total="0", PrivateNote="Voided"), "credit:C", {}, SHOP) is Ending.VOIDED


def test_a_recorded_memo_is_read_with_its_customer_and_number() -> None:
    raw = one("creditmemo/create-unapplied.json", "CreditMemo")

    memo = read_object("CreditMemo", raw, "credit:C", {}, SHOP)

    assert memo == CreditMemo("credit:C", SHOP, raw["TxnDate"], raw["DocNumber"], total=10000)
    assert customer_of(raw) == "1"
    assert open_balance("CreditMemo", raw) == -10000


def test_a_used_memo_does_not_show_what_used_it_but_what_it_has_left() -> None:
    raw = next(m for m in page("creditmemo/page-9-mixed.json", "CreditMemo") if m["Id"] == "73")

    assert amount_of(raw, "TotalAmt") > 0
    assert open_balance("CreditMemo", raw) == 0


def test_the_total_of_an_invoice_is_never_recomputed_from_its_lines() -> None:
    """Invoice 42 has 81 and no line for the 75; a taxed one has its tax beside the lines (NOTES 6)."""
    taxed = one("invoice/read-taxed-130.json", "Invoice")
    incomplete = next(i for i in page("invoice/page-37-mixed.json", "Invoice") if i["Id"] == "42")

    for raw, total in ((taxed, 36207), (incomplete, 8100)):
        side = read_object("Invoice", raw, "invoice:A", {}, SHOP)
        assert isinstance(side, Invoice)
        assert side.total == total


def test_an_invoice_without_a_number_is_read() -> None:
    raw = one("invoice/customfield-no-docnumber.json", "Invoice")

    assert number_of(raw) is None
    assert isinstance(read_object("Invoice", raw, "invoice:A", {}, SHOP), Invoice)


def test_every_recorded_invoice_adds_its_balance_to_the_receivables() -> None:
    for raw in page("invoice/page-37-mixed.json", "Invoice"):
        assert open_balance("Invoice", raw) == amount_of(raw, "Balance")


def test_a_journal_entry_names_its_customer_on_a_line() -> None:
    with_customer = [raw for raw in page("journalentry/page-13.json", "JournalEntry") if customer_of(raw)]
    entry = {"Line": [{"JournalEntryLineDetail": {"Entity": {"Type": "Customer", "EntityRef": {"value": "9"}}}}]}
    vendor = {"Line": [{"JournalEntryLineDetail": {"Entity": {"Type": "Vendor", "EntityRef": {"value": "9"}}}}]}

    assert all(customer_of(raw) for raw in with_customer)
    assert customer_of(entry) == "9"
    assert customer_of(vendor) is None


def test_a_cheque_to_a_vendor_is_no_customers() -> None:
    assert customer_of({"EntityRef": {"value": "9", "type": "Vendor"}}) is None
    assert customer_of({"EntityRef": {"value": "9", "type": "Customer"}}) == "9"


# ------------------------------------------------------------------------------------ what the ERP does not have


def test_one_payment_over_our_invoice_a_stranger_and_a_rest() -> None:
    """Scenario 34: 325 = 200 on ours, 100 on a QuickBooks-only invoice, 25 unapplied."""
    payment = read_payment(a_qbo_payment(total="325", lines=[("Invoice", "11", "200"), ("Invoice", "99", "100")]))

    assert payment.invoices == (Part("invoice:A", 20000),)
    assert (payment.outside, payment.unapplied) == (10000, 2500)


def test_a_strangers_memo_that_pays_our_invoice_comes_from_outside() -> None:
    payment = read_payment(a_qbo_payment(total="0", lines=[("Invoice", "11", "40"), ("CreditMemo", "99", "40")]))

    assert (payment.outside, payment.unapplied, payment.credits) == (-4000, 0, ())


def test_a_journal_entry_that_credits_a_payment_comes_from_outside() -> None:
    payment = read_payment(a_qbo_payment(total="10", lines=[("Invoice", "11", "40"), ("JournalEntry", "5", "30")]))

    assert (payment.outside, payment.unapplied) == (-3000, 0)


@pytest.mark.parametrize("kind", ["Check", "Expense", "CreditCardCredit"])
def test_a_cheque_that_we_do_not_know_pays_the_credit_out(kind: str) -> None:
    raw = a_qbo_payment(total="0", lines=[("CreditMemo", "21", "20"), (kind, "77", "20")])

    payment = read_payment(raw)

    assert (payment.refunded, payment.outside, payment.refunds) == (2000, 0, ())
    assert foreign_uses(payment) == {"credit:C": (0, 2000)}


@pytest.mark.parametrize("kind", ["Check", "Expense", "CreditCardCredit"])
def test_a_cheque_of_ours_is_a_refund_however_a_person_recorded_it(kind: str) -> None:
    payment = read_payment(a_qbo_payment(total="0", lines=[("CreditMemo", "21", "20"), (kind, "41", "20")]))

    assert payment.refunds == (Part("refund:F", 2000),)
    assert payment.refunded == 0


def test_two_lines_on_one_invoice_are_one_link() -> None:
    payment = read_payment(a_qbo_payment(total="50", lines=[("Invoice", "11", "20"), ("Invoice", "11", "30")]))

    assert payment.invoices == (Part("invoice:A", 5000),)


def test_a_memo_knows_what_of_it_went_to_strangers_and_what_was_paid_out() -> None:
    """80 of a memo: 30 on ours, 20 on a stranger's invoice, 10 by a cheque; the memo has 20 left."""
    books = held(
        ("CreditMemo", a_qbo_memo("21", "80", "20")),
        ("Payment", a_qbo_payment("31", "0", [("Invoice", "11", "30"), ("CreditMemo", "21", "30")])),
        ("Payment", a_qbo_payment("32", "0", [("Invoice", "99", "20"), ("CreditMemo", "21", "20")])),
        ("Payment", a_qbo_payment("33", "0", [("Check", "77", "10"), ("CreditMemo", "21", "10")])),
    )

    memo = books.documents["credit:C"]

    assert isinstance(memo, CreditMemo)
    assert (memo.total, memo.outside, memo.refunded) == (8000, 2000, 1000)


def test_credits_pay_what_the_erp_knows_first() -> None:
    """50 of memo C and 30 of D pay 60 on ours and 20 on a stranger's: D's last 20 went outside."""
    payment = read_payment(
        a_qbo_payment(
            total="0",
            lines=[
                ("Invoice", "11", "60"),
                ("Invoice", "99", "20"),
                ("CreditMemo", "21", "50"),
                ("CreditMemo", "22", "30"),
            ],
        )
    )

    assert foreign_uses(payment) == {"credit:C": (0, 0), "credit:D": (2000, 0)}


def test_cash_pays_strangers_before_a_credit_of_ours_does() -> None:
    payment = read_payment(
        a_qbo_payment(total="70", lines=[("Invoice", "11", "50"), ("Invoice", "99", "70"), ("CreditMemo", "21", "50")])
    )

    assert foreign_uses(payment) == {"credit:C": (0, 0)}
    assert payment.outside == 7000


# --------------------------------------------------------------------------------------------------- whole books


def test_what_was_deleted_or_moved_to_another_customer_has_left_the_company() -> None:
    elsewhere = a_qbo_payment("31", "40") | {"CustomerRef": {"value": "5"}}
    objects = [("Payment", elsewhere, False), ("CreditMemo", {"Id": "21", "status": "Deleted"}, True)]

    books = read_objects(objects, OURS, SHOP, CUSTOMER)

    assert books.documents == {"payment:P": Ending.DELETED, "credit:C": Ending.DELETED}
    assert books.entities["payment:P"] == ("Payment", "31")


def test_a_payment_that_nobody_knows_is_read_under_a_key_of_its_own() -> None:
    books = held(("Payment", a_qbo_payment("88", "500")))

    side = books.documents["Payment@88"]

    assert isinstance(side, Payment)
    assert side.unapplied == 50000
    assert books.entities["Payment@88"] == ("Payment", "88")


def test_invoices_and_memos_that_are_not_ours_are_no_documents_of_this_company() -> None:
    """What a Payment puts against them is `outside`: they must not look like targets of ours when it is written."""
    books = held(("Invoice", a_qbo_invoice("99")), ("CreditMemo", a_qbo_memo("98")))

    assert books.documents == {}
    assert books.entities == {}


def test_a_cheque_is_read_only_where_it_is_a_refund_of_ours() -> None:
    ours, other = qbo("41", TotalAmt=money("20"), PrivateNote="Bye\nDistru refund F"), qbo("42", TotalAmt=money("7"))

    books = held(("Purchase", ours), ("Purchase", other))

    side: Side = books.documents["refund:F"]
    assert isinstance(side, Refund)
    assert (side.total, side.note) == (2000, "Bye")
    assert len(books.documents) == 1


def test_both_sides_order_of_objects_changes_nothing() -> None:
    objects = [
        ("CreditMemo", a_qbo_memo("21", "80", "30"), False),
        ("Payment", a_qbo_payment("31", "0", [("Invoice", "99", "50"), ("CreditMemo", "21", "50")]), False),
        ("Invoice", a_qbo_invoice("11"), False),
    ]

    assert read_objects(objects, OURS, SHOP).documents == read_objects(objects[::-1], OURS, SHOP).documents


# ------------------------------------------------------------------------------------------------- notes and marks


def test_our_own_lines_are_not_what_a_person_wrote() -> None:
    assert (
        own_note({"PrivateNote": "Spoilt flower\nNumber RETURN-2026-000000000001\nDistru credit C"}) == "Spoilt flower"
    )
    assert own_note({"PrivateNote": "Distru credit C"}) == ""
    assert own_note({}) == ""
    assert own_note({"PrivateNote": "Distru credit C\nadded by Ann"}) == "added by Ann"


def test_a_persons_own_words_survive_though_they_start_like_ours() -> None:
    note = "Distru called about the delivery\nNumber 7 was broken"

    assert own_note({"PrivateNote": note}) == note
    assert own_note({"PrivateNote": f"{note}\nDistru credit C"}) == note


def test_only_the_last_line_is_a_marker() -> None:
    assert marker_of({"PrivateNote": "Hello\nDistru credit C\n"}) == "Distru credit C"
    assert marker_of({"PrivateNote": "Distru credit C\nHello"}) is None
    assert marker_of({}) is None


# ---------------------------------------------------------------------------------------------------- adopting

MEMO = CreditMemo("credit:C", SHOP, "2026-09-01", "CR-C", total=5000)


def test_a_memo_with_our_marker_is_ours_even_if_forgotten() -> None:
    objects = [
        ("CreditMemo", a_qbo_memo("20")),
        ("CreditMemo", a_qbo_memo("21", PrivateNote="Distru credit C", DocNumber="renamed")),
    ]

    assert adoptable(MEMO, objects, CUSTOMER, by_number=False) == ("CreditMemo", "21")


def test_a_memo_typed_by_hand_is_met_by_number_amount_customer_and_day() -> None:
    """Scenario 59: three were typed in by hand."""
    typed = a_qbo_memo("21", DocNumber="CR-C")
    near_misses = [
        a_qbo_memo("22", total="51", DocNumber="CR-C"),
        a_qbo_memo("23", DocNumber="CR-D"),
        a_qbo_memo("24", DocNumber="CR-C", TxnDate="2026-09-02"),
        a_qbo_memo("25", DocNumber="CR-C", CustomerRef={"value": "5"}),
        a_qbo_memo("26", DocNumber="CR-C", PrivateNote="Distru credit other"),
    ]

    assert adoptable(MEMO, [("CreditMemo", typed)], CUSTOMER, by_number=True) == ("CreditMemo", "21")
    assert adoptable(MEMO, [("CreditMemo", typed)], CUSTOMER, by_number=False) is None
    assert adoptable(MEMO, [("CreditMemo", raw) for raw in near_misses], CUSTOMER, by_number=True) is None


def test_a_voided_one_is_never_adopted() -> None:
    gone = a_qbo_memo("21", total="0", PrivateNote="Voided\nDistru credit C")

    assert (
        adoptable(CreditMemo("credit:C", SHOP, "2026-09-01"), [("CreditMemo", gone)], CUSTOMER, by_number=True) is None
    )


def test_a_document_born_in_quickbooks_does_not_adopt_a_stranger_of_the_same_amount() -> None:
    """It has no marker, and neither has the stranger: that is no sign of being the same."""
    born = CreditMemo("CreditMemo@7", SHOP, "2026-09-01", "X-1", total=5000)

    assert adoptable(born, [("CreditMemo", a_qbo_memo("21"))], CUSTOMER, by_number=False) is None
