"""Both sides changed one document: each change that only one side made is kept."""

from __future__ import annotations

from dataclasses import replace

from builders import SHOP

from mappings.documents import CreditMemo, Ending, Line, Payment, parts
from mappings.merging import merge

PAYMENT = Payment("payment:P", SHOP, "2026-09-02", "PAY-P", total=12000, invoices=parts({"invoice:A": 10000}))
MEMO = CreditMemo(
    "credit:C", SHOP, "2026-09-01", "CR-C", total=5000, lines=(Line(3000, "Flower"), Line(2000, "Jar")), reason="RETURN"
)


def test_each_side_linked_something_else() -> None:
    erp = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:B": 1000}))
    quickbooks = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:D": 500}))

    merged = merge(erp, quickbooks, PAYMENT)

    assert merged == replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:B": 1000, "invoice:D": 500}))


def test_a_link_taken_off_on_one_side_stays_off() -> None:
    agreed = replace(PAYMENT, invoices=parts({"invoice:A": 5000, "invoice:B": 5000}))
    erp = replace(agreed, number="new", invoices=parts({"invoice:A": 5000}))
    quickbooks = replace(agreed, total=13000)

    merged = merge(erp, quickbooks, agreed)

    assert merged == replace(agreed, number="new", total=13000, invoices=parts({"invoice:A": 5000}))


def test_both_changed_one_thing_differently_quickbooks_wins() -> None:
    merged = merge(replace(MEMO, total=6000), replace(MEMO, total=7000), MEMO)

    assert isinstance(merged, CreditMemo)
    assert merged.total == 7000


def test_changes_that_do_not_fit_together_leave_quickbooks_as_it_is() -> None:
    """Each used the same unapplied 20."""
    erp = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:B": 2000}))
    quickbooks = replace(PAYMENT, invoices=parts({"invoice:A": 10000, "invoice:D": 2000}))

    assert merge(erp, quickbooks, PAYMENT) == quickbooks


def test_nothing_agreed_before_leaves_quickbooks_as_it_is() -> None:
    for before in (None, Ending.VOIDED, MEMO):
        assert merge(PAYMENT, replace(PAYMENT, total=13000), before) == replace(PAYMENT, total=13000)


def test_what_quickbooks_never_says_of_a_memo_is_the_erps() -> None:
    """A person applied 10 of it to a stranger's invoice while the ERP raised it: its lines must not become one
    'Credit'."""
    raised = replace(MEMO, total=6000, lines=(Line(4000, "Flower"), Line(2000, "Jar")))
    seen = replace(MEMO, lines=(), reason=None, outside=1000)

    merged = merge(raised, seen, MEMO)

    assert merged == replace(raised, outside=1000)


def test_lines_that_no_longer_sum_to_the_memo_are_not_kept() -> None:
    seen = replace(MEMO, lines=(), reason=None, total=7000)

    merged = merge(replace(MEMO, note="new"), seen, MEMO)

    assert isinstance(merged, CreditMemo)
    assert (merged.total, merged.note, merged.lines) == (7000, "new", ())
