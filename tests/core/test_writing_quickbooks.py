"""Bodies that we post to QuickBooks."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from builders import CUSTOMER, SHOP, a_qbo_memo, a_qbo_payment
from corpus import page

from mappings.documents import CreditMemo, Invoice, Line, Part, Payment, Refund
from mappings.quickbooks import LINE_LENGTH, MEMO_LENGTH, NOTE_LENGTH, Refs, body, clean

REFS = Refs(
    customers={SHOP: CUSTOMER},
    ids={
        "invoice:A": ("Invoice", "11"),
        "invoice:B": ("Invoice", "12"),
        "credit:C": ("CreditMemo", "21"),
        "refund:F": ("Purchase", "41"),
    },
    default_item="1",
    receivable_account="84",
    bank_account="35",
)
INVOICE = Invoice("invoice:A", SHOP, "2026-09-01", "INV-A", total=10000, due_date="2026-10-01")
MEMO = CreditMemo("credit:C", SHOP, "2026-09-01", "CR-C", total=5000, lines=(Line(5000, "Spoilt"),))
PAYMENT = Payment("payment:P", SHOP, "2026-09-02", "PAY-P", total=12000, invoices=(Part("invoice:A", 10000),))
REFUND = Refund("refund:F", SHOP, "2026-09-05", total=2000, note="Moved away")


def links(sent: dict[str, Any]) -> list[tuple[str, str, Decimal]]:
    return [(row["LinkedTxn"][0]["TxnType"], row["LinkedTxn"][0]["TxnId"], row["Amount"]) for row in sent["Line"]]


# ------------------------------------------------------------------------------------------------------ new ones


def test_a_new_memo_is_a_whole_body_with_number_date_and_marker() -> None:
    """Scenario 1."""
    sent = body(replace(MEMO, note="for Ann", customer_note="Sorry!"), REFS)

    assert sent == {
        "CustomerRef": {"value": CUSTOMER},
        "TxnDate": "2026-09-01",
        "DocNumber": "CR-C",
        "PrivateNote": "for Ann\nDistru credit C",
        "CustomerMemo": {"value": "Sorry!"},
        "Line": [
            {
                "Amount": Decimal("50.00"),
                "DetailType": "SalesItemLineDetail",
                "Description": "Spoilt",
                "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}},
            }
        ],
    }


def test_a_new_payment_carries_its_money_its_links_and_its_marker() -> None:
    """Scenario 6: 100 of which 60 credit, 10 overpaid: cash 50."""
    mixed = replace(PAYMENT, total=5000, credits=(Part("credit:C", 6000),), method="2", deposit_account="35")

    sent = body(mixed, REFS)

    assert sent["TotalAmt"] == Decimal("50.00")
    assert sent["PaymentRefNum"] == "PAY-P"
    assert sent["PrivateNote"] == "Distru payment P"
    assert links(sent) == [("Invoice", "11", Decimal("100.00")), ("CreditMemo", "21", Decimal("60.00"))]
    assert sent["PaymentMethodRef"] == {"value": "2"}
    assert sent["DepositToAccountRef"] == {"value": "35"}
    assert "sparse" not in sent


def test_a_payment_of_credits_only_touches_no_bank() -> None:
    """Scenario 7."""
    sent = body(replace(PAYMENT, total=0, credits=(Part("credit:C", 10000),), deposit_account="35", method="2"), REFS)

    assert sent["TotalAmt"] == 0
    assert "DepositToAccountRef" not in sent
    assert "PaymentMethodRef" not in sent


def test_amounts_are_decimals_never_floats() -> None:
    for document in (INVOICE, MEMO, PAYMENT, REFUND):
        sent = body(document, REFS)
        assert all(isinstance(line["Amount"], Decimal) for line in sent["Line"])


def test_an_invoice_carries_its_due_date_and_its_discount() -> None:
    sent = body(replace(INVOICE, lines=(Line(11000, "Flower", "7"),), discount=1000), REFS)

    assert sent["DueDate"] == "2026-10-01"
    assert [line["DetailType"] for line in sent["Line"]] == ["SalesItemLineDetail", "DiscountLineDetail"]
    assert sent["Line"][1]["Amount"] == Decimal("10.00")
    assert sent["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "7"}


def test_a_currency_is_named_only_where_there_are_several() -> None:
    assert "CurrencyRef" not in body(MEMO, REFS)
    assert body(MEMO, replace(REFS, currency="USD"))["CurrencyRef"] == {"value": "USD"}


def test_a_refund_is_a_cheque_on_receivables_in_the_customers_name() -> None:
    """REFERENCE 4.12."""
    sent = body(REFUND, REFS)

    [line] = sent["Line"]
    assert sent["PaymentType"] == "Check"
    assert sent["EntityRef"] == {"value": CUSTOMER, "type": "Customer"}
    assert sent["AccountRef"] == {"value": "35"}
    assert line["AccountBasedExpenseLineDetail"]["AccountRef"] == {"value": "84"}
    assert line["Amount"] == Decimal("20.00")
    assert sent["PrivateNote"] == "Moved away\nDistru refund F"


def test_a_tie_names_our_cheque_as_a_check() -> None:
    tie = Payment(
        "settlement:F", SHOP, "2026-09-05", credits=(Part("credit:C", 2000),), refunds=(Part("refund:F", 2000),)
    )

    assert links(body(tie, REFS)) == [("CreditMemo", "21", Decimal("20.00")), ("Check", "41", Decimal("20.00"))]


# ---------------------------------------------------------------------------------------------------- lines and 6070


def one_line(line: Line) -> dict[str, Any]:
    detail: dict[str, Any] = body(replace(MEMO, lines=(line,)), REFS)["Line"][0]["SalesItemLineDetail"]
    return detail


def test_quantity_and_price_are_sent_where_they_give_the_amount() -> None:
    """Scenario 3: 7 at 12.345 is 86.42."""
    detail = one_line(Line(8642, "Flower", None, "7", "12.345"))

    assert (detail["Qty"], detail["UnitPrice"]) == (Decimal(7), Decimal("12.345"))


@pytest.mark.parametrize(
    ("quantity", "price"), [("7", "12.34"), ("-7", "-12.345"), ("7", None), (None, "12.345"), ("seven", "12.345")]
)
def test_quantity_and_price_that_do_not_give_the_amount_are_left_out(quantity: str | None, price: str | None) -> None:
    detail = one_line(Line(8642, "Flower", None, quantity, price))

    assert "Qty" not in detail
    assert "UnitPrice" not in detail


def test_a_quantity_that_is_no_number_ends_nothing() -> None:
    assert "Qty" not in one_line(Line(8642, "Flower", None, "NaN", "12"))
    assert "Qty" not in one_line(Line(8642, "Flower", None, "1e40", "12"))


def test_a_document_without_lines_still_has_one() -> None:
    [line] = body(replace(MEMO, lines=()), REFS)["Line"]

    assert line["Amount"] == Decimal("50.00")


# ----------------------------------------------------------------------------------------------------------- changes


def test_a_changed_memo_is_sparse_and_keeps_what_the_bookkeeper_gave_its_line() -> None:
    raw = a_qbo_memo(DocNumber="CR-C", PrivateNote="Ann was here\nDistru credit C")
    raw["Line"][0]["SalesItemLineDetail"] |= {"ClassRef": {"value": "5"}}

    sent = body(replace(MEMO, total=4000, lines=(Line(4000, "Spoilt"),)), REFS, raw, MEMO)

    assert (sent["Id"], sent["SyncToken"], sent["sparse"]) == ("21", "0", True)
    [line] = sent["Line"]
    assert line["Id"] == "1"
    assert line["Amount"] == Decimal("40.00")
    assert line["SalesItemLineDetail"]["ClassRef"] == {"value": "5"}


def test_texts_that_the_erp_did_not_change_stay_as_quickbooks_has_them() -> None:
    """Scenario 56."""
    raw = a_qbo_memo(DocNumber="RENAMED", PrivateNote="Ann was here\nDistru credit C", TxnDate="2026-09-09")

    sent = body(replace(MEMO, total=4000, lines=(Line(4000),)), REFS, raw, MEMO)

    assert sent["DocNumber"] == "RENAMED"
    assert sent["TxnDate"] == "2026-09-09"
    assert sent["PrivateNote"] == "Ann was here\nDistru credit C"
    assert "CustomerMemo" not in sent


def test_a_text_that_the_erp_changed_is_sent() -> None:
    raw = a_qbo_memo(DocNumber="CR-C", PrivateNote="old\nDistru credit C", CustomerMemo={"value": "old"})

    sent = body(replace(MEMO, note="new", customer_note="Dear", number="CR-D"), REFS, raw, MEMO)

    assert sent["PrivateNote"] == "new\nDistru credit C"
    assert sent["CustomerMemo"] == {"value": "Dear"}
    assert sent["DocNumber"] == "CR-D"


def test_a_customer_memo_that_a_person_removed_is_not_sent_as_nothing() -> None:
    agreed = replace(MEMO, customer_note="Sorry!")

    sent = body(replace(agreed, total=4000), REFS, a_qbo_memo(), agreed)

    assert sent.get("CustomerMemo", {}).get("value", "") is not None


def test_a_changed_note_leaves_amounts_and_lines_untouched() -> None:
    """Scenario 13: a bookkeeper put another item on the line; a new note is no reason to put ours back."""
    raw = a_qbo_memo(PrivateNote="old\nDistru credit C")
    raw["Line"][0]["SalesItemLineDetail"]["ItemRef"] = {"value": "77"}

    sent = body(replace(MEMO, note="new"), REFS, raw, replace(MEMO, note="old"))

    assert sent["PrivateNote"] == "new\nDistru credit C"
    assert "Line" not in sent


def test_a_changed_payment_is_sent_whole_and_keeps_fields_that_we_do_not_know() -> None:
    raw = a_qbo_payment(
        total="120",
        lines=[("Invoice", "11", "100")],
        PrivateNote="Distru payment P",
        DepositToAccountRef={"value": "4"},
        ProjectRef={"value": "39298234"},
        FutureField={"deep": [1]},
        TxnSource="IntuitPayment",
        LinkedTxn=[{"TxnId": "121", "TxnType": "Deposit"}],
    )

    sent = body(replace(PAYMENT, invoices=(Part("invoice:A", 10000), Part("invoice:B", 2000))), REFS, raw, PAYMENT)

    assert sent["ProjectRef"] == {"value": "39298234"}
    assert sent["FutureField"] == {"deep": [1]}
    assert sent["DepositToAccountRef"] == {"value": "4"}
    assert sent["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    assert (sent["Id"], sent["SyncToken"]) == ("31", "0")
    assert sent.keys().isdisjoint({"sparse", "domain", "MetaData", "UnappliedAmt", "LinkedTxn", "TxnSource"})
    assert links(sent) == [("Invoice", "11", Decimal("100.00")), ("Invoice", "12", Decimal("20.00"))]
    assert all("LineEx" not in line for line in sent["Line"])


def test_every_recorded_payment_can_be_posted_back_without_its_read_only_parts() -> None:
    for raw in page("payment/page-16-zero-link.json", "Payment"):
        document = replace(PAYMENT, total=int(raw["TotalAmt"] * 100), invoices=())

        sent = body(document, replace(REFS, ids={}), raw, document)

        assert sent.keys() <= {*raw, "PaymentRefNum", "PrivateNote"}
        assert sent["TxnDate"] == raw["TxnDate"]
        assert [row["LinkedTxn"] for row in sent["Line"]] == [row["LinkedTxn"] for row in raw["Line"]]


def test_lines_to_documents_that_are_not_ours_stay_where_they_are() -> None:
    """Scenario 34, edited: QuickBooks' own 100 is not touched."""
    raw = a_qbo_payment(
        total="325", lines=[("Invoice", "99", "100"), ("Invoice", "11", "200"), ("JournalEntry", "5", "10")]
    )
    document = replace(PAYMENT, total=32500, invoices=(Part("invoice:A", 15000),), outside=9000)

    sent = body(document, REFS, raw, document)

    assert links(sent) == [
        ("Invoice", "99", Decimal(100)),
        ("Invoice", "11", Decimal("150.00")),
        ("JournalEntry", "5", Decimal(10)),
    ]


def test_a_negative_invoices_memo_that_a_person_applied_stays_on_the_payment() -> None:
    """To the ERP it is no credit: what it pays counts as outside, so its line is not ours to drop."""
    refs = replace(REFS, ids={**REFS.ids, "negative:N": ("CreditMemo", "28")})
    raw = a_qbo_payment(total="0", lines=[("Invoice", "11", "40"), ("CreditMemo", "28", "40")])

    sent = body(replace(PAYMENT, total=0, invoices=(Part("invoice:A", 4000),), outside=-4000), refs, raw)

    assert ("CreditMemo", "28", Decimal(40)) in links(sent)


def test_a_link_that_we_take_off_is_gone_and_a_doubled_one_becomes_one() -> None:
    raw = a_qbo_payment(total="120", lines=[("Invoice", "11", "50"), ("Invoice", "12", "20"), ("Invoice", "11", "50")])

    assert links(body(PAYMENT, REFS, raw, PAYMENT)) == [("Invoice", "11", Decimal("100.00"))]


def test_a_cheques_type_survives_on_its_line() -> None:
    raw = a_qbo_payment(total="0", lines=[("CreditMemo", "21", "20"), ("Expense", "41", "20")])
    tie = Payment(
        "settlement:F", SHOP, "2026-09-05", credits=(Part("credit:C", 1500),), refunds=(Part("refund:F", 1500),)
    )

    assert links(body(tie, REFS, raw)) == [("CreditMemo", "21", Decimal("15.00")), ("Expense", "41", Decimal("15.00"))]


def test_a_changed_refund_changes_its_cheque_instead_of_writing_another() -> None:
    """Without Id and SyncToken QuickBooks would pay the customer twice."""
    raw = body(REFUND, REFS) | {
        "Id": "41",
        "SyncToken": "3",
        "MetaData": {},
        "TotalAmt": Decimal(20),
        "AccountRef": {"value": "36"},
        "DocNumber": "1007",
        "PaymentType": "Cash",
    }

    sent = body(replace(REFUND, total=1500), REFS, raw, REFUND)

    assert (sent["Id"], sent["SyncToken"]) == ("41", "3")
    assert sent["AccountRef"] == {"value": "36"}, "the bank that the bookkeeper chose stays"
    assert sent["PaymentType"] == "Cash"
    assert sent["DocNumber"] == "1007"
    assert [line["Amount"] for line in sent["Line"]] == [Decimal("15.00")]


# ------------------------------------------------------------------------------------------------------------ texts


def test_text_that_every_quickbooks_accepts() -> None:
    assert clean("“Blue – Dream”…’", 100) == '"Blue - Dream"...\''
    assert clean("Café Ångström", 100) == "Café Ångström"
    assert clean("naïve 🌿", 100) == "naïve ?", "one leaf does not spoil the accents beside it"
    assert clean("Łódź", 100).endswith("dz")
    assert clean("ﬁne", 100) == "fine"


def test_text_is_cut_to_its_field_and_the_marker_still_fits() -> None:
    long = "x" * 5000

    sent = body(replace(MEMO, note=long, customer_note=long, lines=(Line(5000, long),)), REFS)

    assert len(sent["PrivateNote"]) == NOTE_LENGTH
    assert sent["PrivateNote"].endswith("...\nDistru credit C")
    assert len(sent["CustomerMemo"]["value"]) == MEMO_LENGTH
    assert len(sent["Line"][0]["Description"]) == LINE_LENGTH


def test_the_words_that_replace_a_character_do_not_overrun_the_field() -> None:
    assert len(clean("…" * 1000, 1000)) == 1000
    assert len(clean("ﬁ" * 1000, 1000)) == 1000
