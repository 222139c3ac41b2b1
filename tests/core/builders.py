"""ERP records and QuickBooks objects for tests: what does not matter is filled in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mappings.distru.projection import Projection, Terms, project
from mappings.distru.records import Books, read_books
from mappings.money import cents, text

Record = tuple[str, dict[str, Any], bool]
"""(kind, record, deleted), as the mirror hands them to the reader."""

SHOP = "shop"
"""The company that every record belongs to unless told; it is customer 9 in QuickBooks."""
CUSTOMER = "9"


# ------------------------------------------------------------------------------------------- the ERP's records


def a_company(**more: Any) -> Record:
    return ("COMPANY", {"id": SHOP, "name": "Blue Dream", "qb_customer_id": CUSTOMER} | more, False)


def an_invoice(id: str = "A", total: str = "100", paid: str = "0", **more: Any) -> Record:
    """An invoice with one item for the whole; `remaining` follows from what is paid."""
    record = {
        "id": id,
        "invoice_number": f"INV-{id}",
        "company": {"id": SHOP},
        "invoice_datetime": "2026-09-01T18:00:00.000000Z",
        "due_datetime": "2026-10-01T18:00:00.000000Z",
        "total": total,
        "paid_amount": paid,
        "remaining_amount": text(cents(total) - cents(paid)),
        "status": "NOT_PAID",
        "items": [{"id": f"{id}-1", "description": "Flower", "quantity": "1", "unit_price": total, "total": total}],
        "charges": [],
        "notes": "",
        "order": {"id": f"order-{id}"},
        "voided_datetime": None,
    }
    return ("INVOICE", record | more, False)


def a_payment(
    id: str = "P",
    invoice: str | None = "A",
    amount: str = "100",
    uses: dict[str, str] | None = None,
    makes: dict[str, str] | None = None,
    **more: Any,
) -> Record:
    """`uses`: credit → amount; `makes`: its overpayment credits → amount."""
    record = {
        "id": id,
        "payment_number": f"PAY-{id}",
        "company": {"id": SHOP},
        "invoice": {"id": invoice} if invoice else None,
        "order": {"id": f"order-{invoice or id}"},
        "status": "POSTED",
        "amount": amount,
        "credit_uses": [
            {"id": f"{id}-{credit}", "amount": used, "credit": {"id": credit}} for credit, used in (uses or {}).items()
        ],
        "overpayment_credits": [{"id": credit, "amount": made} for credit, made in (makes or {}).items()],
        "payment_method": None,
        "payment_datetime": "2026-09-02T18:00:00.000000Z",
        "description": "",
    }
    return ("PAYMENT", record | more, False)


def a_credit(
    id: str = "C", amount: str = "50", used: dict[str, str] | None = None, source: str = "USER", **more: Any
) -> Record:
    """`used`: payment → amount; the remaining balance follows."""
    left = cents(amount) - sum(cents(value) for value in (used or {}).values())
    record = {
        "id": id,
        "credit_number": f"CR-{id}",
        "source": source,
        "status": "ACTIVE" if left else "REDEEMED",
        "company": {"id": SHOP},
        "amount": amount,
        "original_amount": amount,
        "remaining_balance": text(left),
        "credit_uses": [
            {"id": f"{payment}-{id}", "amount": value, "payment": {"id": payment}}
            for payment, value in (used or {}).items()
        ],
        "reason": None,
        "internal_note": "",
        "external_note": "",
        "inserted_datetime": "2026-09-03T18:00:00.000000Z",
    }
    return ("CREDIT", record | more, False)


def an_overpayment(
    id: str = "O", amount: str = "20", used: dict[str, str] | None = None, payment: str = "P", **more: Any
) -> Record:
    return a_credit(id, amount, used, "INVOICE_PAYMENT", **{"payment": {"id": payment}} | more)


def a_return(id: str = "R", items: list[dict[str, Any]] | None = None, **more: Any) -> Record:
    record = {
        "id": id,
        "return_number": f"RET-{id}",
        "status": "COMPLETED",
        "company": {"id": SHOP},
        "items": items or [],
        "invoice_numbers": [],
    }
    return ("RETURN", record | more, False)


def a_refund(id: str = "F", credit: str = "C", amount: str = "20", **more: Any) -> Record:
    record = {
        "id": id,
        "credit": {"id": credit},
        "company": {"id": SHOP},
        "amount": amount,
        "refund_datetime": "2026-09-05T18:00:00.000000Z",
        "description": "",
        "voided_datetime": None,
    }
    return ("REFUND", record | more, False)


def changed(record: Record, **more: Any) -> Record:
    """The record with fields replaced as they are, nothing computed from them."""
    return (record[0], record[1] | more, record[2])


def deleted(record: Record) -> Record:
    return (record[0], record[1], True)


def books(*records: Record) -> Books:
    return read_books([a_company(), *records])


def projected(*records: Record, terms: Terms | None = None, **more: Any) -> Projection:
    """What QuickBooks should hold of these records; two-way unless told."""
    return project(books(*records), terms or Terms(**{"two_way": True} | more))


# --------------------------------------------------------------------------------------------- QuickBooks' objects


def money(value: str | int) -> Decimal | int:
    """As QuickBooks spells amounts: two decimals, plain 0 when nothing."""
    amount = Decimal(value).quantize(Decimal("0.01"))
    return amount if amount else 0


def qbo(id: str, **fields: Any) -> dict[str, Any]:
    return {
        "Id": id,
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"CreateTime": "2026-09-01T11:00:00-07:00", "LastUpdatedTime": "2026-09-01T11:00:00-07:00"},
        "TxnDate": "2026-09-01",
        "CustomerRef": {"value": CUSTOMER, "name": "Blue Dream"},
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
        **fields,
    }


def a_qbo_invoice(id: str = "11", total: str = "100", balance: str | None = None, **more: Any) -> dict[str, Any]:
    return qbo(
        id,
        DocNumber=f"INV-{id}",
        Line=[
            _item_line(total),
            {"Amount": money(total), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
        ],
        TotalAmt=money(total),
        Balance=money(total if balance is None else balance),
        LinkedTxn=[],
    ) | dict(more)


def a_qbo_memo(id: str = "21", total: str = "50", remaining: str | None = None, **more: Any) -> dict[str, Any]:
    left = money(total if remaining is None else remaining)
    return qbo(
        id,
        DocNumber=f"CM-{id}",
        Line=[_item_line(total)],
        TotalAmt=money(total),
        Balance=left,
        RemainingCredit=left,
    ) | dict(more)


def a_qbo_payment(
    id: str = "31", total: str = "100", lines: list[tuple[str, str, str]] | None = None, **more: Any
) -> dict[str, Any]:
    """`lines`: (TxnType, TxnId, amount). What is left unapplied follows; a journal entry named here is a credit."""
    rows = [
        {"Amount": money(amount), "LinkedTxn": [{"TxnId": target, "TxnType": kind}], "LineEx": {"any": []}}
        for kind, target, amount in lines or []
    ]
    signs = {"CreditMemo": 1, "JournalEntry": 1}
    left = Decimal(total) + sum(signs.get(kind, -1) * Decimal(amount) for kind, _, amount in lines or [])
    return qbo(id, TotalAmt=money(total), UnappliedAmt=money(str(left)), ProcessPayment=False, Line=rows) | dict(more)


def _item_line(total: str) -> dict[str, Any]:
    return {
        "Id": "1",
        "LineNum": 1,
        "Amount": money(total),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1", "name": "Services"}, "TaxCodeRef": {"value": "NON"}},
    }
