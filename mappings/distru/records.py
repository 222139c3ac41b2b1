"""The ERP's records, read once and checked: spelling ends here, amounts become cents, broken rules become findings.

Source of every field and rule: contracts/erp.md, part 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from mappings.findings import Finding
from mappings.money import NotMoney, cents, rounded_cents, text

Raw = Mapping[str, Any]

COMPANY, INVOICE, PAYMENT, CREDIT, RETURN, REFUND = "COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND"
KINDS = (COMPANY, INVOICE, PAYMENT, CREDIT, RETURN, REFUND)


@dataclass(frozen=True)
class Company:
    id: str
    name: str
    customer_id: str | None
    email: str | None
    phone: str | None
    currency: str | None
    deleted: bool


@dataclass(frozen=True)
class Item:
    """One line of an invoice or return. `amount` is the rounded line total in cents."""

    amount: int
    description: str
    quantity: str | None
    unit_price: str | None
    item_id: str | None
    product: str | None
    batch: str | None = None
    package: str | None = None
    waste: bool = False


@dataclass(frozen=True)
class Charge:
    """A charge (positive) or a discount (negative), in cents; taxes come as charges with a product of their own."""

    amount: int
    name: str
    item_id: str | None


@dataclass(frozen=True)
class Invoice:
    id: str
    number: str | None
    company: str
    at: datetime
    due: datetime | None
    total: int
    paid: int
    remaining: int
    items: tuple[Item, ...]
    charges: tuple[Charge, ...]
    notes: str
    order: str | None
    voided: bool
    deleted: bool


@dataclass(frozen=True)
class Use:
    """A credit put against the invoice of a payment."""

    id: str
    credit: str
    amount: int


@dataclass(frozen=True)
class Payment:
    """`amount` is what it paid of its invoice: credit uses included, the overpaid part excluded."""

    id: str
    number: str | None
    company: str
    invoice: str | None
    order: str | None
    posted: bool
    deleted: bool
    amount: int
    uses: tuple[Use, ...]
    makes: tuple[str, ...]
    at: datetime
    method_id: str | None
    method_quickbooks_id: str | None
    deposit_account: str | None
    description: str


@dataclass(frozen=True)
class Credit:
    id: str
    number: str | None
    source: str
    status: str
    company: str
    amount: int
    original_amount: int
    remaining: int
    used: int
    payment: str | None
    return_id: str | None
    reason: str | None
    item_id: str | None
    internal_note: str
    external_note: str
    memo_id: str | None
    payment_id: str | None
    at: datetime
    deleted: bool

    @property
    def cancelled(self) -> bool:
        return self.status == "CANCELED"

    @property
    def live(self) -> bool:
        return not (self.deleted or self.cancelled)


@dataclass(frozen=True)
class Return:
    id: str
    number: str | None
    company: str | None
    items: tuple[Item, ...]
    invoice_numbers: tuple[str, ...]
    memo_id: str | None
    completed: bool


@dataclass(frozen=True)
class Refund:
    id: str
    credit: str
    company: str
    amount: int
    at: datetime
    method_id: str | None
    description: str
    voided: bool


@dataclass(frozen=True)
class Books:
    """Everything the ERP says of one company, readable records by id; what could not be read is among `findings`."""

    company: Company | None = None
    invoices: Mapping[str, Invoice] = field(default_factory=dict)
    payments: Mapping[str, Payment] = field(default_factory=dict)
    credits: Mapping[str, Credit] = field(default_factory=dict)
    returns: Mapping[str, Return] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in where a record names no readable instant; such a record is reported, or deleted anyway."""

T = TypeVar("T")
D = TypeVar("D")


class _Reader:
    """Reads fields of one record, collecting every finding instead of stopping at the first."""

    def __init__(self, kind: str, raw: Raw) -> None:
        self.kind = kind
        self.raw = raw
        self.id = str(raw.get("id") or "")
        self.findings: list[Finding] = []

    def report(self, name: str, rule: str, *, code: str = "invalid_record") -> None:
        self.findings.append(
            Finding(
                code=code,
                kind=self.kind,
                erp_id=self.id,
                field=name,
                cause=f"The ERP's {self.kind.lower()} {self.label} has a field '{name}' that breaks a rule: {rule}.",
                what_to_do=f"Correct '{name}' in the ERP; the record is looked at again by itself.",
            )
        )

    @property
    def label(self) -> str:
        for name in ("invoice_number", "payment_number", "credit_number", "return_number", "name"):
            if self.raw.get(name):
                return str(self.raw[name])
        return self.id

    def money(self, name: str, default: int | None = None) -> int:
        rule = "it is an amount of money in whole cents"
        return self._read(name, cents, rule, 0 if default is None else default, required=default is None)

    def instant(self, name: str) -> datetime:
        return self._read(name, _instant, "it is an instant (ISO 8601)", _LONG_AGO, required=True)

    def maybe_instant(self, name: str) -> datetime | None:
        return self._read(name, _instant, "it is an instant (ISO 8601)", None, required=False)

    def text(self, name: str) -> str:
        return str(self.raw.get(name) or "")

    def maybe(self, name: str) -> str | None:
        value = self.raw.get(name)
        return None if value is None or value == "" else str(value)

    def ref(self, name: str) -> str | None:
        value = self.raw.get(name)
        return str(value["id"]) if isinstance(value, Mapping) and value.get("id") else None

    def required_ref(self, name: str) -> str:
        value = self.ref(name)
        if value is None:
            self.report(name, "it names a record")
        return value or ""

    def many(self, name: str) -> list[Raw]:
        value = self.raw.get(name)
        rows = value if isinstance(value, list | tuple) else []
        if len(found := [row for row in rows if isinstance(row, Mapping)]) < len(rows) or (value and not rows):
            self.report(name, "it is a list of records")
        return found

    def _read(self, name: str, read: Callable[[Any], T], rule: str, default: D, *, required: bool) -> T | D:
        value = self.raw.get(name)
        if value is None and not required:
            return default
        try:
            return read(value)
        except (NotMoney, ValueError, TypeError):
            self.report(name, rule)
            return default


def read_books(records: Iterable[tuple[str, Raw, bool]], *, home_currency: str = "USD") -> Books:
    """Read every (kind, record, deleted) of one company; a record that breaks a rule is left out and reported.

    Of a deleted one it matters only that it is gone: left out, nothing would ever end it in QuickBooks.
    """
    shelves: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    findings: list[Finding] = []
    readers: dict[str, Callable[[_Reader, bool], Any]] = {
        COMPANY: _company,
        INVOICE: _invoice,
        PAYMENT: _payment,
        CREDIT: _credit,
        RETURN: _return,
        REFUND: _refund,
    }
    for kind, raw, deleted in records:
        reader = _Reader(kind, raw)
        record = readers[kind](reader, deleted)
        if kind != COMPANY:
            _check_currency(reader, home_currency)
        if deleted or not reader.findings:
            shelves[kind][reader.id] = record
        else:
            findings.extend(reader.findings)
    company = next(iter(shelves[COMPANY].values()), None)
    return Books(
        company, shelves[INVOICE], shelves[PAYMENT], shelves[CREDIT], shelves[RETURN], shelves[REFUND], tuple(findings)
    )


def _company(r: _Reader, deleted: bool) -> Company:
    return Company(
        r.id,
        r.text("name"),
        r.maybe("qb_customer_id"),
        r.maybe("invoice_email"),
        r.maybe("phone"),
        r.maybe("currency"),
        deleted or r.raw.get("deleted_at") is not None,
    )


def _invoice(r: _Reader, deleted: bool) -> Invoice:
    total, paid, remaining = r.money("total"), r.money("paid_amount", 0), r.money("remaining_amount")
    voided = r.raw.get("voided_datetime") is not None
    if remaining < 0 <= total and r.raw.get("status") != "OVER_PAID" and not voided:
        r.report("remaining_amount", f"it is not below zero (it is {text(remaining)})", code="negative_remaining")
    return Invoice(
        r.id,
        r.maybe("invoice_number"),
        r.required_ref("company"),
        r.instant("invoice_datetime"),
        r.maybe_instant("due_datetime"),
        total,
        paid,
        remaining,
        tuple(_item(r, row, "total") for row in r.many("items")),
        tuple(_charge(r, row) for row in r.many("charges")),
        r.text("notes"),
        r.ref("order"),
        voided,
        deleted,
    )


def _payment(r: _Reader, deleted: bool) -> Payment:
    amount = r.money("amount")
    uses = tuple(_use(r, row) for row in r.many("credit_uses"))
    used = sum(use.amount for use in uses)
    if used > amount and r.raw.get("status") == "POSTED":
        r.report(
            "credit_uses",
            f"they are not more than the payment ({text(used)} of {text(amount)})",
            code="over_used_credit",
        )
    method = r.raw.get("payment_method")
    return Payment(
        r.id,
        r.maybe("payment_number"),
        r.required_ref("company"),
        r.ref("invoice"),
        r.ref("order"),
        r.raw.get("status") == "POSTED" and not deleted,
        deleted,
        amount,
        uses,
        tuple(str(row["id"]) for row in r.many("overpayment_credits") if row.get("id")),
        r.instant("payment_datetime"),
        _maybe(method, "id"),
        _maybe(method, "qb_payment_method_id"),
        r.maybe("quickbooks_deposit_account_id"),
        r.text("description"),
    )


def _credit(r: _Reader, deleted: bool) -> Credit:
    amount, remaining = r.money("amount"), r.money("remaining_balance")
    # Voided ones may stay in the history, struck through (ERP contract, part 3).
    standing = [row for row in r.many("credit_uses") if _maybe(row.get("payment"), "status") != "VOIDED"]
    used = sum(_line_money(r, row, "amount", "credit_uses") for row in standing)
    if used > amount and not deleted:
        r.report(
            "credit_uses",
            f"a credit is not used beyond its amount ({text(used)} of {text(amount)})",
            code="over_used_credit",
        )
    if remaining < 0:
        r.report("remaining_balance", f"it is not below zero (it is {text(remaining)})", code="negative_remaining")
    return Credit(
        r.id,
        r.maybe("credit_number"),
        r.text("source"),
        r.text("status"),
        r.required_ref("company"),
        amount,
        r.money("original_amount", amount),
        remaining,
        used,
        r.ref("payment"),
        r.ref("return"),
        r.maybe("reason"),
        r.maybe("quickbooks_sales_item_id"),
        r.text("internal_note"),
        r.text("external_note"),
        r.maybe("qb_credit_memo_id"),
        r.maybe("qb_payment_id"),
        r.instant("inserted_datetime"),
        deleted or r.raw.get("deleted_at") is not None,
    )


def _return(r: _Reader, deleted: bool) -> Return:
    items = tuple(_item(r, row, None) for row in r.many("items"))
    given = r.raw.get("invoice_numbers")
    numbers = tuple(str(number) for number in given) if isinstance(given, list | tuple) else ()
    return Return(
        r.id,
        r.maybe("return_number"),
        r.ref("company"),
        items,
        numbers,
        r.maybe("qb_credit_memo_id"),
        r.raw.get("status") == "COMPLETED",
    )


def _refund(r: _Reader, deleted: bool) -> Refund:
    method = r.raw.get("payment_method")
    return Refund(
        r.id,
        r.required_ref("credit"),
        r.required_ref("company"),
        r.money("amount"),
        r.instant("refund_datetime"),
        _maybe(method, "id"),
        r.text("description"),
        deleted or r.raw.get("voided_datetime") is not None,
    )


def _item(r: _Reader, row: Raw, total: str | None) -> Item:
    product = row.get("product")
    price = row.get("unit_price", row.get("price"))
    amount = _line_money(r, row, total, "items") if total and row.get(total) is not None else _extend(r, row, price)
    return Item(
        amount,
        str(row.get("description") or _maybe(product, "name") or ""),
        _number(row.get("quantity")),
        _number(price),
        _maybe(product, "quickbooks_item_id"),
        _maybe(product, "name"),
        _maybe(row.get("batch"), "name"),
        _maybe(row.get("package"), "compliance_label"),
        bool(row.get("waste")),
    )


def _extend(r: _Reader, row: Raw, price: Any) -> int:
    try:
        return rounded_cents(Decimal(str(row.get("quantity"))) * Decimal(str(price)))
    except (NotMoney, InvalidOperation):
        r.report("items", "each has a quantity and a price")
        return 0


def _charge(r: _Reader, row: Raw) -> Charge:
    amount = _line_money(r, row, "amount", "charges")
    tax = row.get("tax")
    sign = -1 if row.get("type") == "DISCOUNT" else 1
    return Charge(
        sign * abs(amount) if sign < 0 else amount,
        str(row.get("name") or _maybe(tax, "name") or "Charge"),
        _maybe(tax, "qb_product_id"),
    )


def _use(r: _Reader, row: Raw) -> Use:
    credit = _maybe(row.get("credit"), "id")
    if credit is None:
        r.report("credit_uses", "each names its credit")
    return Use(str(row.get("id") or ""), credit or "", _line_money(r, row, "amount", "credit_uses"))


def _line_money(r: _Reader, row: Raw, name: str, where: str) -> int:
    try:
        return rounded_cents(row.get(name))
    except NotMoney:
        r.report(where, f"each has an amount of money in '{name}'")
        return 0


def _check_currency(r: _Reader, home_currency: str) -> None:
    currency = r.maybe("currency")
    if currency is not None and currency != home_currency:
        r.report(
            "currency", f"it is the company's currency, {home_currency} (it is {currency})", code="currency_differs"
        )


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    instant = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _number(value: Any) -> str | None:
    return None if value is None else str(value)


def _maybe(row: Any, name: str) -> str | None:
    value = row.get(name) if isinstance(row, Mapping) else None
    return None if value is None or value == "" else str(value)
