"""What the ERP's records will say once credits are cancelled, and what a credit is booked to."""

from __future__ import annotations

from copy import deepcopy

import pytest
from builders import Record, a_company, a_credit, a_payment, an_invoice, an_overpayment

from mappings.distru.cancelling import Records, cancelled
from mappings.distru.records import Books, read_books
from mappings.gl import gl_effect
from mappings.tieout import erp_receivable

RECORDS = [
    a_company(),
    an_invoice("A", "100", "100"),
    an_invoice("B", "30", "30"),
    a_credit("C", "90", {"P": "60", "Q": "30"}),
    a_credit("D", "10"),
    a_payment("P", "A", "100", uses={"C": "60"}),
    a_payment("Q", "B", "30", uses={"C": "30"}),
]


def after(records: list[Record], *credits: str, revert: bool) -> Books:
    found: Records = cancelled([(kind, raw) for kind, raw, _ in records], credits, revert=revert)
    return read_books([(kind, raw, False) for (kind, _), raw in found.items()])


def test_cancel_and_revert_reopens_the_invoices() -> None:
    """Scenario 15."""
    books = after(RECORDS, "C", revert=True)

    assert books.findings == ()
    assert (books.credits["C"].live, books.credits["C"].remaining, books.credits["C"].used) == (False, 0, 0)
    assert (books.invoices["A"].paid, books.invoices["A"].remaining) == (4000, 6000)
    assert (books.invoices["B"].paid, books.invoices["B"].remaining) == (0, 3000)
    assert (books.payments["P"].amount, books.payments["P"].uses, books.payments["P"].posted) == (4000, (), True)
    assert not books.payments["Q"].posted
    assert erp_receivable(books) == 9000 - 1000


def test_cancelling_only_the_balance_keeps_the_uses() -> None:
    """Scenario 14."""
    books = after(RECORDS, "C", "D", revert=False)

    assert books.credits["C"].used == 9000
    assert books.invoices["A"].remaining == 0
    assert books.payments["Q"].posted
    assert not books.credits["D"].live
    assert erp_receivable(books) == 0


def test_a_payment_whose_money_became_a_credit_is_not_voided_with_the_use() -> None:
    records = [
        *RECORDS,
        an_invoice("E", "30", "30"),
        a_credit("F", "30", {"R": "30"}),
        a_payment("R", "E", "30", uses={"F": "30"}, makes={"O": "20"}),
        an_overpayment("O", "20", payment="R"),
    ]

    assert after(records, "F", revert=True).payments["R"].posted


def test_a_preview_changes_none_of_the_records_that_it_looks_at() -> None:
    before = deepcopy(RECORDS)

    after(RECORDS, "C", revert=True)

    assert before == RECORDS


@pytest.mark.parametrize(
    ("reason", "account"),
    [
        (None, "Sales revenue"),
        ("RETURN", "Sales revenue"),
        ("GOODWILL", "Goodwill expense"),
        ("WRITE_OFF", "Bad debt expense"),
        ("PROMOTION", "Promotion expense"),
    ],
)
def test_a_credit_debits_revenue_or_an_expense_of_its_own(reason: str | None, account: str) -> None:
    """Scenario 26."""
    effect = gl_effect(15000, reason)

    assert effect["entries"] == [
        {"account": account, "debit": "150.00", "credit": None},
        {"account": "Accounts Receivable", "debit": None, "credit": "150.00"},
    ]


def test_a_credit_taken_back_books_the_other_way() -> None:
    first, second = gl_effect(-15000, None, account="Sales of flower")["entries"]

    assert (first["account"], first["debit"]) == ("Accounts Receivable", "150.00")
    assert (second["account"], second["credit"]) == ("Sales of flower", "150.00")


def test_goods_that_come_back_to_stock_are_booked_at_cost() -> None:
    effect = gl_effect(15000, "RETURN", moves_stock=True)

    assert effect["stock"]
    assert [entry["account"] for entry in effect["entries"][2:]] == ["Inventory asset", "Cost of goods sold"]
