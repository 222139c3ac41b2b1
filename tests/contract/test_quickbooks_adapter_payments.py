"""Payments whose answer leaves UnappliedAmt out: what went to documents that the ERP does not have."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.documents import Payment
from mappings.quickbooks import Entity, read_object

KNOWN: dict[Entity, str] = {("Invoice", "11"): "invoice:A", ("CreditMemo", "21"): "credit:C", ("Purchase", "41"): "r:F"}


def read(total: str, *lines: tuple[str, str, str], **fields: Any) -> Payment:
    """A payment of `total` with these (type, id, amount) lines."""
    linked = [{"Amount": amount, "LinkedTxn": [{"TxnType": type_, "TxnId": id_}]} for type_, id_, amount in lines]
    raw = {"Id": "31", "TotalAmt": total, "TxnDate": "2026-11-21", "Line": linked, **fields}
    payment = read_object("Payment", raw, "payment:P", KNOWN, "co-1")
    assert isinstance(payment, Payment)
    return payment


@pytest.mark.parametrize("absent", [{}, {"UnappliedAmt": None}])
def test_with_every_line_known_what_is_left_is_unapplied(absent: dict[str, None]) -> None:
    payment = read("100", ("Invoice", "11", "90"), ("CreditMemo", "21", "20"), ("Check", "41", "5"), **absent)

    assert (payment.outside, payment.unapplied) == (0, 2500)


def test_invoices_less_credits_that_the_erp_does_not_have_are_outside() -> None:
    payment = read("100", ("Invoice", "99", "70"), ("CreditMemo", "98", "30"), ("Invoice", "11", "40"))

    assert (payment.outside, payment.unapplied) == (4000, 2000)


def test_a_cheque_that_the_erp_does_not_have_is_paid_out_not_outside() -> None:
    payment = read("100", ("Check", "97", "30"))

    assert (payment.outside, payment.refunded, payment.unapplied) == (0, 3000, 7000)


def test_an_unapplied_amount_that_is_there_decides() -> None:
    payment = read("100", ("JournalEntry", "96", "60"), UnappliedAmt="40")

    assert (payment.outside, payment.unapplied) == (6000, 4000)
