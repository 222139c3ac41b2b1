"""A/R and credits of both books, and the documents that explain a difference."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    CUSTOMER,
    SHOP,
    Record,
    a_credit,
    a_payment,
    a_qbo_invoice,
    a_qbo_memo,
    a_qbo_payment,
    an_invoice,
    an_overpayment,
    books,
    changed,
    money,
    projected,
    qbo,
)
from corpus import page

from mappings.documents import CreditMemo, Ending, Invoice, Key, Payment, Refund, Side, parts
from mappings.quickbooks import Entity, read_objects
from mappings.tieout import Difference, TieOut, contribution, erp_credit, erp_receivable, tie_out

RECEIVABLES = frozenset({"84"})
OURS: dict[Entity, Key] = {
    ("Invoice", "11"): "invoice:A",
    ("CreditMemo", "21"): "credit:C",
    ("Payment", "31"): "payment:P",
}


def tied(records: list[Record], objects: list[tuple[str, dict[str, Any]]], as_of: str | None = None) -> TieOut:
    held = read_objects([(entity, raw, False) for entity, raw in objects], OURS, SHOP, CUSTOMER)
    return tie_out(books(*records), projected(*records).documents, held, objects, RECEIVABLES, as_of)


def differences(figures: TieOut) -> list[tuple[str, Key, int]]:
    assert sum(d.amount for d in figures.explained) == figures.difference
    return [(d.kind, d.key, d.amount) for d in figures.explained]


VOIDED = "2026-09-09T10:00:00Z"


@pytest.mark.parametrize(
    ("records", "receivable", "credit"),
    [
        ([an_invoice("A", "100", "30"), a_payment("P", "A", "30")], 7000, 0),
        ([an_invoice("A"), a_credit("C", "50")], 5000, 5000),
        ([a_payment("P", None, "75")], -7500, 0),
        ([an_invoice("A", "100", "40", voided_datetime=VOIDED), a_payment("P", "A", "40")], -4000, 0),
        ([an_invoice("A", "100", "40", voided_datetime=VOIDED), a_payment("P", "A", "40", status="VOIDED")], 0, 0),
        ([a_credit("C", "50", status="CANCELED", remaining_balance="0"), a_credit("D", deleted_at=VOIDED)], 0, 0),
        ([an_invoice("A", "-50")], -5000, 0),
        ([an_invoice("A", "100", "120", status="OVER_PAID"), a_payment("P", "A", "120")], -2000, 0),
    ],
)
def test_receivables_as_the_contract_defines_them(records: list[Record], receivable: int, credit: int) -> None:
    """Credit uses on a voided invoice count; the projected documents give the same sum."""
    read = books(*records)

    assert erp_receivable(read) == receivable
    assert erp_credit(read) == credit
    assert sum(map(contribution, projected(*records).documents.values())) == receivable


@pytest.mark.parametrize(
    ("side", "amount"),
    [
        (Invoice("k", SHOP, "", total=100), 100),
        (Refund("k", SHOP, "", total=100), 100),
        (CreditMemo("k", SHOP, "", total=100, outside=30, refunded=20), -50),
        (Payment("k", SHOP, "", total=100, invoices=parts({"invoice:A": 60})), -100),
        (Payment("k", SHOP, "", total=100, outside=40, refunded=10), -50),
        (Payment("k", SHOP, "", credits=parts({"credit:C": 50}), outside=50), 0),
        (Ending.VOIDED, 0),
        (None, 0),
    ],
)
def test_what_a_document_adds_to_the_receivables(side: Side, amount: int) -> None:
    assert contribution(side) == amount


IN_STEP = [an_invoice("A", "100", "100"), a_payment("P", "A", "100", makes={"O": "20"}), an_overpayment("O", "20")]
THERE = [
    ("Invoice", a_qbo_invoice("11", "100", "0")),
    ("Payment", a_qbo_payment("31", "120", [("Invoice", "11", "100")])),
]


def test_books_in_step_differ_in_nothing() -> None:
    figures = tied(IN_STEP, THERE)

    assert (figures.erp_receivable, figures.quickbooks_receivable, figures.difference) == (-2000, -2000, 0)
    assert (figures.erp_credit, figures.quickbooks_credit) == (2000, 2000)
    assert figures.explained == ()


def test_a_document_that_one_side_lacks_or_has_otherwise_explains_the_difference() -> None:
    more = [*IN_STEP, a_credit("C", "50")]

    assert differences(tied(more, THERE)) == [("credit_memo", "credit:C", -5000)]
    other = [*THERE, ("CreditMemo", a_qbo_memo("21", "40"))]
    assert differences(tied(more, other)) == [("credit_memo", "credit:C", -1000)]


def test_what_only_quickbooks_has_is_named_by_its_own_kind() -> None:
    """Scenario 52: a journal entry to A/R."""
    others = [
        ("Invoice", a_qbo_invoice("99", "80", "30")),
        ("CreditMemo", a_qbo_memo("98", "25", "5")),
        ("JournalEntry", a_journal("412", "37.12", "Credit")),
        ("Purchase", a_cheque("41", "15")),
        ("Payment", a_qbo_payment("97", "50", [("Invoice", "99", "50")])),
    ]

    assert differences(tied(IN_STEP, [*THERE, *others])) == [
        ("CreditMemo", "CreditMemo@98", 500),
        ("Invoice", "Invoice@99", -3000),
        ("JournalEntry", "JournalEntry@412", 3712),
        ("Purchase", "Purchase@41", -1500),
    ]


def test_what_a_payment_took_of_a_journal_entry_is_not_counted_again() -> None:
    credit = [("JournalEntry", a_journal("5", "30", "Credit"))]
    credit += [("Payment", a_qbo_payment("97", "0", [("JournalEntry", "5", "30"), ("Invoice", "99", "30")]))]
    credit += [("Invoice", a_qbo_invoice("99", "30", "0"))]

    assert differences(tied(IN_STEP, [*THERE, *credit])) == []


def test_a_cheque_tied_to_a_strangers_credit_is_settled() -> None:
    paid_out = [("Purchase", a_cheque("41", "20")), ("CreditMemo", a_qbo_memo("98", "20", "0"))]
    paid_out += [("Payment", a_qbo_payment("97", "0", [("Check", "41", "20"), ("CreditMemo", "98", "20")]))]

    assert differences(tied(IN_STEP, [*THERE, *paid_out])) == []


def test_a_memo_that_did_not_move_when_it_was_used_counts_by_its_payment() -> None:
    """QuickBooks need not tell of the memo itself (REFERENCE 14): 20 of 25 are used, and it says that 25 are left."""
    objects = [
        ("CreditMemo", a_qbo_memo("98", "25", "25")),
        ("Invoice", a_qbo_invoice("99", "80", "60")),
        ("Payment", a_qbo_payment("97", "0", [("CreditMemo", "98", "20"), ("Invoice", "99", "20")])),
    ]

    figures = tied(IN_STEP, [*THERE, *objects])

    assert differences(figures) == [("CreditMemo", "CreditMemo@98", 500), ("Invoice", "Invoice@99", -6000)]


def test_our_credit_spent_on_a_stranger_counts_nowhere_twice() -> None:
    """Credit 50, 20 of it on a QuickBooks-only invoice of 30: the ERP sees 30 left."""
    records = [a_credit("C", "50", remaining_balance="30")]
    objects = [
        ("CreditMemo", a_qbo_memo("21", "50", "30")),
        ("Invoice", a_qbo_invoice("99", "30", "10")),
        ("Payment", a_qbo_payment("97", "0", [("CreditMemo", "21", "20"), ("Invoice", "99", "20")])),
    ]

    figures = tied(records, objects)

    assert figures.quickbooks_receivable == -2000 == sum((-3000, 1000))
    assert figures.quickbooks_credit == 3000


def test_a_record_that_is_not_projected_is_still_counted() -> None:
    """An invoice that breaks no rule but waits: the ERP's figure is the contract's, not ours."""
    held = read_objects([], OURS, SHOP)
    figures = tie_out(books(an_invoice("A")), {}, held, [], RECEIVABLES)

    assert (figures.difference, figures.explained) == (10000, (Difference("ERP", "", 10000),))


def test_the_document_of_a_record_that_is_not_projected_counts_once() -> None:
    memo = ("CreditMemo", a_qbo_memo("21", "50", "20"))
    use = ("Payment", a_qbo_payment("31", "0", [("CreditMemo", "21", "30"), ("Invoice", "11", "30")]))
    objects = [("Invoice", a_qbo_invoice("11", "100", "70")), memo, use]

    figures = tied([], objects)

    assert figures.quickbooks_receivable == 5000
    assert differences(figures) == [("credit_memo", "credit:C", 5000), ("invoice", "invoice:A", -10000)]


def test_as_of_a_day_counts_what_was_dated_by_then() -> None:
    """Scenario 104."""
    late = changed(a_credit("C", "50"), inserted_datetime="2026-09-30T18:00:00Z")
    records = [*IN_STEP, late]
    objects = [*THERE, ("Invoice", a_qbo_invoice("99", "37.12") | {"TxnDate": "2026-10-02"})]

    assert differences(tied(records, objects, "2026-09-15")) == []
    assert differences(tied(records, objects, "2026-09-30")) == [("credit_memo", "credit:C", -5000)]
    assert differences(tied(records, objects)) == [
        ("Invoice", "Invoice@99", -3712),
        ("credit_memo", "credit:C", -5000),
    ]


def test_every_recorded_journal_entry_posts_what_it_says() -> None:
    entries = [("JournalEntry", raw) for raw in page("journalentry/page-13.json", "JournalEntry")]

    figures = tie_out(books(), {}, read_objects([], {}, SHOP), entries, RECEIVABLES)

    assert sum(d.amount for d in figures.explained) == figures.difference


def a_journal(id: str, amount: str, posting: str) -> dict[str, Any]:
    def line(account: str, side: str) -> dict[str, Any]:
        detail = {
            "PostingType": side,
            "AccountRef": {"value": account},
            "Entity": {"Type": "Customer", "EntityRef": {"value": CUSTOMER}},
        }
        return {"Amount": money(amount), "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    other = "Debit" if posting == "Credit" else "Credit"
    return qbo(id, Line=[line("84", posting), line("60", other)])


def a_cheque(id: str, amount: str) -> dict[str, Any]:
    detail = {"AccountRef": {"value": "84"}}
    line = {"Amount": money(amount), "AccountBasedExpenseLineDetail": detail}
    return qbo(id, TotalAmt=money(amount), EntityRef={"value": CUSTOMER, "type": "Customer"}, Line=[line])
