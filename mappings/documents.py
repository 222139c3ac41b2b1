"""The shared form: what both sides' books say, as frozen values in QuickBooks' grain.

Amounts are integer cents. Documents name each other, and their customer, by *our* key: `invoice:<ERP id>`,
`credit:<ERP id>`, `payment:<ERP id>`, `refund:<ERP id>`, `company:<ERP id>`; a document born in QuickBooks is keyed by
what it is there: `Payment@151`. Nothing here has either side's spelling.

Fields in `TEXT` (numbers, notes, dates of entry) are carried along but never decide whether the money is in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

Key = str


class Kind(StrEnum):
    CUSTOMER = "customer"
    INVOICE = "invoice"
    CREDIT_MEMO = "credit_memo"
    PAYMENT = "payment"
    REFUND = "refund"


class Ending(StrEnum):
    """How a document that once was there came to its end."""

    VOIDED = "voided"
    DELETED = "deleted"


@dataclass(frozen=True)
class Line:
    """One line of a sales form. `item` is a QuickBooks item id, None for the connection's default item."""

    amount: int
    description: str = ""
    item: str | None = None
    quantity: str | None = None
    unit_price: str | None = None


@dataclass(frozen=True)
class Part:
    """An amount put against another document."""

    key: Key
    amount: int


Parts = tuple[Part, ...]


def parts(amounts: Mapping[Key, int]) -> Parts:
    """Amounts by key as sorted parts, empty ones left out."""
    return tuple(Part(key, amount) for key, amount in sorted(amounts.items()) if amount)


def amounts(of: Iterable[Part]) -> dict[Key, int]:
    """Parts as amounts by key."""
    return {part.key: part.amount for part in of}


@dataclass(frozen=True)
class _Document:
    KIND: ClassVar[Kind]
    TEXT: ClassVar[frozenset[str]] = frozenset({"number", "note", "date"})

    key: Key
    customer: Key
    date: str
    number: str | None = None
    note: str = ""

    def money(self) -> Self:
        """The document without its texts: two documents are in step when their money is equal."""
        blank: dict[str, Any] = {f.name: f.default for f in fields(self) if f.name in self.TEXT and f.name != "date"}
        return replace(self, date="", **blank)


@dataclass(frozen=True)
class Invoice(_Document):
    """What a customer owes for an order. `note` is internal, `customer_note` printed on it; `discount` in cents."""

    KIND = Kind.INVOICE
    TEXT = _Document.TEXT | {"customer_note", "due_date", "lines", "discount"}

    total: int = 0
    customer_note: str = ""
    due_date: str | None = None
    lines: tuple[Line, ...] = ()
    discount: int = 0


@dataclass(frozen=True)
class CreditMemo(_Document):
    """A credit that stands on its own. `note` is internal, `customer_note` printed on the form.

    `outside`: applied in QuickBooks to documents that the ERP does not have; `refunded`: paid out in QuickBooks by
    documents that the ERP does not have.
    """

    KIND = Kind.CREDIT_MEMO
    TEXT = _Document.TEXT | {"customer_note", "lines", "reason"}

    total: int = 0
    customer_note: str = ""
    lines: tuple[Line, ...] = ()
    reason: str | None = None
    outside: int = 0
    refunded: int = 0


@dataclass(frozen=True)
class Payment(_Document):
    """Money received (`total`, 0 for credits only) and what it was put against.

    `total + Σ credits = Σ invoices + Σ refunds + outside + refunded + unapplied`. `outside` is the net amount on
    documents that the ERP does not have; `refunded` what cheques unknown to the ERP paid out of it.
    """

    KIND = Kind.PAYMENT
    TEXT = _Document.TEXT | {"method", "deposit_account"}

    total: int = 0
    invoices: Parts = ()
    credits: Parts = ()
    refunds: Parts = ()
    outside: int = 0
    refunded: int = 0
    method: str | None = None
    deposit_account: str | None = None

    @property
    def unapplied(self) -> int:
        """What no document took: the payment's own credit, in cents."""
        put = sum(part.amount for part in (*self.invoices, *self.refunds)) + self.outside + self.refunded
        return self.total + sum(part.amount for part in self.credits) - put

    @property
    def is_empty(self) -> bool:
        """Neither money nor links: nothing that QuickBooks would have to hold."""
        return not (self.total or self.invoices or self.credits or self.refunds or self.outside or self.refunded)


@dataclass(frozen=True)
class Refund(_Document):
    """Money paid back to a customer out of a credit: a cheque on A/R, tied to the credit by a Payment."""

    KIND = Kind.REFUND

    total: int = 0
    account: str | None = None


Document = Invoice | CreditMemo | Payment | Refund
Side = Document | Ending | None

_TYPES: dict[str, type[Any]] = {cls.KIND.value: cls for cls in (Invoice, CreditMemo, Payment, Refund)}


def to_json(side: Side) -> dict[str, Any] | None:
    """A side as plain JSON, to be kept and compared later."""
    if side is None:
        return None
    if isinstance(side, Ending):
        return {"ending": side.value}
    return {"kind": side.KIND.value, **asdict(side)}


def from_json(body: Mapping[str, Any] | None) -> Side:
    """The side that `to_json` wrote."""
    if body is None:
        return None
    if "ending" in body:
        return Ending(body["ending"])
    cls = _TYPES[body["kind"]]
    values = {name: value for name, value in body.items() if name != "kind"}
    for name in ("invoices", "credits", "refunds"):
        if name in values:
            values[name] = tuple(Part(**part) for part in values[name])
    if "lines" in values:
        values["lines"] = tuple(Line(**line) for line in values["lines"])
    document: Document = cls(**values)
    return document


def same_money(one: Side, other: Side) -> bool:
    """Whether both hold the same money on the same customer with the same links; two endings are the same end."""
    if isinstance(one, Ending) and isinstance(other, Ending):
        return True
    if one is None or other is None or isinstance(one, Ending) or isinstance(other, Ending):
        return one is other
    return one.KIND is other.KIND and one.money() == other.money()


def receivable(side: Side) -> int:
    """What a document adds to its customer's A/R, in cents.

    Applications move nothing between customers, so A/R is invoices less money received less credits plus refunds.
    """
    match side:
        case Invoice():
            return side.total
        case CreditMemo():
            return -side.total
        case Payment():
            return -side.total
        case Refund():
            return side.total
        case _:
            return 0
