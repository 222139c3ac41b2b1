"""The ERP's records read: every broken rule is a finding that names field and rule, and nothing else stops."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Record,
    a_company,
    a_credit,
    a_payment,
    a_refund,
    a_return,
    an_invoice,
    an_overpayment,
    books,
    changed,
    deleted,
)

from mappings.distru.records import read_books


def findings(*records: Record) -> list[tuple[str, str, str, str]]:
    return [(f.code, f.kind, f.erp_id, f.field) for f in books(*records).findings]


def test_a_whole_company_is_read() -> None:
    read = books(
        an_invoice("A", "100", "99.5"),
        a_payment("P", "A", "99.5", uses={"C": "49.5"}, makes={"O": "20"}),
        a_credit("C", "50", {"P": "49.5"}),
        an_overpayment("O", "20"),
        a_return("R"),
        a_refund("F", "C", "0.5"),
    )

    assert read.findings == ()
    assert read.company is not None
    assert read.company.customer_id == "9"
    assert read.invoices["A"].remaining == 50
    assert read.payments["P"].makes == ("O",)
    assert [(use.credit, use.amount) for use in read.payments["P"].uses] == [("C", 4950)]
    assert (read.credits["C"].used, read.credits["C"].remaining) == (4950, 50)
    assert read.credits["O"].payment == "P"
    assert read.refunds["F"].amount == 50


def test_every_broken_rule_of_a_record_is_named_at_once() -> None:
    broken = changed(an_invoice(), total="ten", invoice_datetime="yesterday", company=None, remaining_amount=None)

    assert {f.field for f in books(broken).findings} == {"total", "invoice_datetime", "company", "remaining_amount"}
    assert all("INV-A" in f.cause and f"'{f.field}'" in f.cause for f in books(broken).findings)
    assert all(f.what_to_do for f in books(broken).findings)


def test_a_good_record_beside_a_broken_one_is_still_read() -> None:
    read = books(an_invoice("A", remaining_amount="x"), an_invoice("B"))

    assert list(read.invoices) == ["B"]
    assert [finding.erp_id for finding in read.findings] == ["A"]


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        (an_invoice(remaining_amount="-20"), "negative_remaining", "remaining_amount"),
        (an_invoice(currency="CAD"), "currency_differs", "currency"),
        (changed(an_invoice(), total="10.005"), "invalid_record", "total"),
        (changed(an_invoice(), total="1e30"), "invalid_record", "total"),
        (an_invoice(items=[{"quantity": "1"}]), "invalid_record", "items"),
        (an_invoice(items=[{"quantity": "1", "total": "1e30"}]), "invalid_record", "items"),
        (an_invoice(charges=[{"name": "Delivery", "amount": None}]), "invalid_record", "charges"),
        (an_invoice(invoice_datetime="first of September"), "invalid_record", "invoice_datetime"),
        (a_payment(amount="50", uses={"C": "60"}), "over_used_credit", "credit_uses"),
        (a_payment(company={}), "invalid_record", "company"),
        (a_payment(credit_uses=[{"id": "1", "amount": "5"}]), "invalid_record", "credit_uses"),
        (a_credit(amount="50", used={"P": "60"}, remaining_balance="0"), "over_used_credit", "credit_uses"),
        (a_credit(remaining_balance="-1"), "negative_remaining", "remaining_balance"),
        (changed(a_credit(), amount=None), "invalid_record", "amount"),
        (a_return(items=[{"quantity": "a few", "price": "1"}]), "invalid_record", "items"),
        (changed(a_refund(), credit=None), "invalid_record", "credit"),
        (a_refund(amount="0.001"), "invalid_record", "amount"),
    ],
)
def test_a_broken_rule_is_a_finding(record: Record, code: str, field: str) -> None:
    assert (code, record[0], record[1]["id"], field) in findings(record)


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (a_payment(), {"payment_method": "cash"}),
        (a_payment(), {"credit_uses": 5}),
        (a_payment(), {"credit_uses": [{"amount": "5", "credit": "C"}]}),
        (an_invoice(), {"items": [{"quantity": 1, "unit_price": 2, "product": "Flower"}]}),
        (an_invoice(), {"charges": [{"amount": "5", "tax": "VAT"}]}),
        (an_invoice(), {"items": "none"}),
        (a_return(), {"items": [{"quantity": 1, "price": 2, "batch": "B", "package": 7}], "invoice_numbers": 5}),
        (a_refund(), {"payment_method": ["x"], "credit": "C"}),
    ],
)
def test_a_record_of_another_shape_stops_nothing(record: Record, change: dict[str, Any]) -> None:
    odd = (record[0], record[1] | change, False)

    read = books(odd, an_invoice("B"))

    assert "B" in read.invoices


def test_a_legacy_over_paid_invoice_and_a_voided_one_may_be_below_zero() -> None:
    assert findings(an_invoice("A", "100", "120", status="OVER_PAID")) == []
    assert findings(an_invoice("A", "100", "120", voided_datetime="2026-09-09T10:00:00Z")) == []
    assert findings(an_invoice("A", "-100")) == []


def test_a_voided_payment_of_nothing_may_show_the_credit_that_it_used() -> None:
    assert findings(a_payment(amount="0", uses={"C": "60"}, status="VOIDED")) == []


def test_uses_that_are_struck_through_do_not_count() -> None:
    """They may stay in the history of a credit when their payment was voided, beside the one that stands."""
    credit = a_credit(
        amount="80",
        remaining_balance="0",
        credit_uses=[
            {"id": "1", "amount": "80", "payment": {"id": "P", "status": "VOIDED"}},
            {"id": "2", "amount": "80", "payment": {"id": "Q", "status": "POSTED"}},
        ],
    )

    read = books(credit)

    assert read.findings == ()
    assert [each.used for each in read.credits.values()] == [8000]


def test_what_is_deleted_needs_no_correction_and_is_known_to_be_gone() -> None:
    """Were it left out, nothing would ever end it in QuickBooks."""
    read = books(
        deleted(an_invoice(remaining_amount="-20")),
        deleted(a_payment(amount="ten")),
        deleted(changed(a_credit(), amount="x")),
    )

    assert read.findings == ()
    assert read.invoices["A"].deleted
    assert read.payments["P"].deleted
    assert not read.payments["P"].posted
    assert not read.credits["C"].live


def test_a_soft_deleted_credit_is_not_live() -> None:
    credit = books(a_credit(deleted_at="2026-09-09T10:00:00Z")).credits["C"]

    assert credit.deleted
    assert not credit.live


def test_numbers_may_come_as_json_numbers_and_lines_finer_than_cents() -> None:
    goods = [{"quantity": 7, "price": "12.345", "product": {"name": "Flower"}}]

    read = books(a_return(items=goods), an_invoice(paid_amount=None, remaining_amount=100))

    assert read.returns["R"].items[0].amount == 8642
    assert read.invoices["A"].remaining == 10000


def test_an_instant_without_a_zone_is_utc() -> None:
    bare, zoned = (books(an_invoice(invoice_datetime=f"2026-09-01T18:00:00{zone}")).invoices["A"] for zone in ("", "Z"))

    assert bare.at == zoned.at


def test_a_discount_lowers_whatever_its_sign() -> None:
    charges = [
        {"type": "DISCOUNT", "amount": "5"},
        {"type": "DISCOUNT", "amount": "-5"},
        {"type": "CHARGE", "amount": "7"},
    ]

    assert [charge.amount for charge in books(an_invoice(charges=charges)).invoices["A"].charges] == [-500, -500, 700]


def test_the_home_currency_is_the_books() -> None:
    record = an_invoice(currency="CAD")

    assert read_books([a_company(), record], home_currency="CAD").findings == ()
    [finding] = read_books([a_company(), record]).findings
    assert "USD" in finding.cause
    assert "CAD" in finding.cause
