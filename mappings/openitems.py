"""What a company owes and what it may spend, in both books, and which credit may pay which invoice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mappings.distru.projection import RecordRef
from mappings.distru.records import CREDIT, INVOICE, PAYMENT, Credit, Invoice, Payment
from mappings.documents import CreditMemo, Key
from mappings.documents import Invoice as InvoiceDocument
from mappings.documents import Payment as PaymentDocument
from mappings.sides import Sides


@dataclass(frozen=True)
class Item:
    """One record or document; amounts in cents. `record` None: only QuickBooks has it. An `*_open` of None: that book
    does not have it. `reserved`: the part promised to an order that is not invoiced (`order`)."""

    kind: str
    record: RecordRef | None
    key: Key | None
    amount: int
    erp_open: int | None
    quickbooks_open: int | None
    reserved: int = 0
    order: str | None = None


@dataclass(frozen=True)
class Applicable:
    """One credit that may pay one invoice, with at most this many cents."""

    credit: str
    invoice: str
    maximum: int


@dataclass(frozen=True)
class OpenItems:
    """`credits` are the ERP's, whatever stands for them. `deposits`: money on orders that are not invoiced.
    `unapplied`: the Payments that hold money which no document took, so overpayment credits seen from the payment's
    side. `reserved`: what is promised to orders that are not invoiced, credits and money. `applicable`: oldest credit
    first, then oldest invoice."""

    invoices: tuple[Item, ...]
    credits: tuple[Item, ...]
    deposits: tuple[Item, ...]
    unapplied: tuple[Item, ...]
    reserved: tuple[Item, ...]
    applicable: tuple[Applicable, ...]


def open_items(sides: Sides) -> OpenItems:
    """Everything of one company that is open in either book."""
    deposits = tuple(_deposit(sides, payment) for payment in _deposited(sides) if _cash(payment))
    invoices, credits = _invoices(sides), _credits(sides)
    return OpenItems(
        invoices=(*invoices, *_only_in_quickbooks(sides, InvoiceDocument, INVOICE)),
        credits=(*credits, *_only_in_quickbooks(sides, CreditMemo, CREDIT)),
        deposits=deposits,
        unapplied=_unapplied(sides, {item.key for item in deposits}),
        reserved=tuple(item for payment in _deposited(sides) for item in _reserved(sides, payment)),
        applicable=tuple(_applicable(sides, credits, invoices)),
    )


# ------------------------------------------------------------------------------------------- the lists


def _invoices(sides: Sides) -> list[Item]:
    found = []
    for invoice in sorted(sides.books.invoices.values(), key=_age_of_invoice):
        ref = (INVOICE, invoice.id)
        key = sides.standing.get(ref)
        theirs = sides.quickbooks_open(key)
        sign = -1 if isinstance(sides.live(key), CreditMemo) else 1
        ours = 0 if invoice.voided or invoice.deleted else invoice.remaining
        if ours or theirs:
            found.append(Item(INVOICE, ref, key, invoice.total, ours, None if theirs is None else sign * theirs))
    return found


def _credits(sides: Sides) -> list[Item]:
    promised = _promised(sides)
    resting = _resting_by_payment(sides)
    found = []
    for credit in sorted(sides.books.credits.values(), key=_age_of_credit):
        ref = (CREDIT, credit.id)
        key = sides.standing.get(ref)
        theirs = sides.quickbooks_open(key)
        if theirs is not None and isinstance(sides.live(key), PaymentDocument):
            theirs = _share(sides, credit, key, theirs - resting.get(key, 0))
        ours = credit.remaining if credit.live else 0
        if ours or theirs or promised.get(credit.id):
            found.append(Item(CREDIT, ref, key, credit.amount, ours, theirs, promised.get(credit.id, 0)))
    return found


def _share(sides: Sides, credit: Credit, key: Key | None, unapplied: int) -> int:
    """One credit's part of what its Payment leaves unapplied: oldest first, the youngest takes what is over."""
    held = [c for c in sides.books.credits.values() if sides.standing.get((CREDIT, c.id)) == key and c.live]
    left = unapplied
    for other in sorted(held, key=_age_of_credit):
        part = left if other.id == max(held, key=_age_of_credit).id else min(left, other.remaining)
        if other.id == credit.id:
            return part
        left -= part
    return 0


def _deposited(sides: Sides) -> list[Payment]:
    """Posted payments on orders that are not invoiced."""
    payments = sorted(sides.books.payments.values(), key=lambda p: (p.at, p.id))
    return [payment for payment in payments if payment.posted and payment.invoice is None and payment.order]


def _cash(payment: Payment) -> int:
    return payment.amount - sum(use.amount for use in payment.uses)


def _deposit(sides: Sides, payment: Payment) -> Item:
    ref = (PAYMENT, payment.id)
    key, cash = sides.standing.get(ref), _cash(payment)
    theirs = sides.quickbooks_open(key)
    share = None if theirs is None else min(cash, theirs)
    return Item(PAYMENT, ref, key, cash, cash, share, cash, payment.order)


def _reserved(sides: Sides, payment: Payment) -> list[Item]:
    items = [_deposit(sides, payment)] if _cash(payment) else []
    for use in payment.uses:
        ref = (CREDIT, use.credit)
        key = sides.standing.get(ref)
        theirs = use.amount if sides.live(key) is not None else None
        items.append(Item(CREDIT, ref, key, use.amount, use.amount, theirs, use.amount, payment.order))
    return items


def _promised(sides: Sides) -> dict[str, int]:
    promised: dict[str, int] = {}
    for payment in _deposited(sides):
        for use in payment.uses:
            promised[use.credit] = promised.get(use.credit, 0) + use.amount
    return promised


def _resting_by_payment(sides: Sides) -> dict[Key | None, int]:
    """What of each Payment covers deposits and payments on voided invoices, and so belongs to no credit."""
    resting: dict[Key | None, int] = {}
    for payment in sides.books.payments.values():
        invoice = sides.books.invoices.get(payment.invoice or "")
        if payment.posted and (payment.invoice is None or (invoice is not None and invoice.voided)):
            key = sides.standing.get((PAYMENT, payment.id))
            resting[key] = resting.get(key, 0) + _cash(payment)
    return resting


def _unapplied(sides: Sides, elsewhere: set[Key | None]) -> tuple[Item, ...]:
    found = []
    names = {key: ref for ref, key in sides.standing.items() if ref[0] == PAYMENT}
    for key in sorted(sides.projection.documents.keys() | sides.held.documents.keys()):
        mine, theirs = sides.projection.documents.get(key), sides.live(key)
        ours = mine.unapplied if isinstance(mine, PaymentDocument) else None
        left = theirs.unapplied if isinstance(theirs, PaymentDocument) else None
        if (ours or left) and key not in elsewhere:
            total = next(side.total for side in (mine, theirs) if isinstance(side, PaymentDocument))
            found.append(Item(PAYMENT, names.get(key), key, total, ours, left))
    return tuple(found)


def _only_in_quickbooks(sides: Sides, form: type[InvoiceDocument | CreditMemo], kind: str) -> Iterable[Item]:
    """Open documents that no record of the ERP stands behind."""
    known = set(sides.standing.values())
    for key in sorted(sides.held.documents):
        side, left = sides.live(key), sides.quickbooks_open(key)
        if isinstance(side, form) and key not in known and left:
            yield Item(kind, None, key, side.total, None, left)


# ---------------------------------------------------------------------------------------- who may pay what


def _applicable(sides: Sides, credits: list[Item], invoices: list[Item]) -> Iterable[Applicable]:
    """Every pair that may be made now; what is promised to an order is not there to be spent."""
    for credit in credits:
        record = sides.books.credits[credit.record[1]] if credit.record else None
        if record is None or not record.live:
            continue
        spendable = _spendable(credit)
        for invoice in invoices:
            invoice_id = invoice.record[1] if invoice.record else ""
            maximum = min(spendable, _spendable(replace(invoice, reserved=0)))
            if maximum > 0 and not sides.made_by(record, invoice_id):
                yield Applicable(record.id, invoice_id, maximum)


def _spendable(item: Item) -> int:
    """What both books agree is open. QuickBooks does not know what is promised to orders: that is taken off there."""
    ours = item.erp_open or 0
    return ours if item.quickbooks_open is None else min(ours, item.quickbooks_open - item.reserved)


def _age_of_credit(credit: Credit) -> tuple[datetime, str]:
    return credit.at, credit.id


def _age_of_invoice(invoice: Invoice) -> tuple[datetime, str, str]:
    """Of invoices the ERP tells no time of entry: of one day, the lower number is the older."""
    return invoice.at, invoice.number or "", invoice.id
