"""What people may do to an invoice or a credit now, and the records that stand in the way.

The sentences are the ERP's own (seed "Credits", 2B, 4 and 5): its screens show them as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.distru.projection import RecordRef
from mappings.distru.records import CREDIT, INVOICE, PAYMENT, REFUND, Credit, Invoice
from mappings.documents import Key
from mappings.money import text
from mappings.sides import Sides

MAPPED_AND_PAID = (
    "If an invoice is mapped to QBO and has one or more non-voided payments, the customer on the associated sales "
    "order cannot be changed. You must void the payments first before reassigning the customer."
)
OVERPAID = (
    "Once an overpayment credit exists on an invoice, the customer on that invoice cannot be changed. If you need to "
    "reassign the invoice, the overpayment credit must be resolved first."
)
OVERPAYMENT = (
    "Overpayment credits cannot be voided, deleted, or have their amount changed. To adjust an overpayment, void the "
    "associated payment instead."
)
OF_A_RETURN = "Of a credit that a return made, only the notes can be changed."
OF_QUICKBOOKS = "This credit is a credit memo of QuickBooks: change its amount there."
CANCELLED = "This credit is canceled."
USED = "A credit can only be deleted while it is unused."
VOIDED = "This invoice is voided already."
REFUNDED = "An overpayment credit of this invoice was refunded: void the refund first."
DEPOSITED = "A payment lies in a bank deposit in QuickBooks: remove it from the deposit first."
CLOSED = "QuickBooks' books are closed up to {day}: move the closing date in QuickBooks first."

PAYMENT_BACKED = ("INVOICE_PAYMENT", "QB_PAYMENT")
CANCEL_MODES = ("balance_only", "revert")


@dataclass(frozen=True)
class Blocker:
    """What stands in the way: a record of the ERP, a document of QuickBooks, or both. `amount` in cents."""

    record: RecordRef | None
    key: Key | None
    amount: int


@dataclass(frozen=True)
class Guard:
    """`reasons` empty: allowed."""

    reasons: tuple[str, ...] = ()
    blocking: tuple[Blocker, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    def also(self, reason: str, blocking: Iterable[Blocker]) -> Guard:
        """Forbidden for this reason too, where anything blocks."""
        found = tuple(blocking)
        if not found:
            return self
        return Guard((*self.reasons, reason), tuple(dict.fromkeys((*self.blocking, *found))))


# ------------------------------------------------------------------------------------------- invoices


@dataclass(frozen=True)
class InvoiceGuards:
    change_customer: Guard
    delete: Guard
    void: Guard


def invoice_guards(sides: Sides, invoice: Invoice) -> InvoiceGuards:
    """What may be done to an invoice: one-way and two-way alike."""
    this = _document(sides, (INVOICE, invoice.id), invoice.total)
    payments = _payments_on(sides, invoice)
    overpaid = [credit for credit in sides.books.credits.values() if _overpays(sides, credit, invoice)]
    credits = [_document(sides, (CREDIT, credit.id), credit.amount) for credit in overpaid]
    refunded = [blocker for credit, blocker in zip(overpaid, credits, strict=True) if sides.refunded(credit.id)]
    is_mapped = sides.is_mapped(INVOICE, invoice.id)
    closed = CLOSED.format(day=sides.closing_date)
    change = Guard().also(MAPPED_AND_PAID, payments if is_mapped else []).also(OVERPAID, credits)
    delete = Guard().also(REFUNDED, refunded).also(DEPOSITED, [p for p in payments if p.key in sides.deposited])
    return InvoiceGuards(
        change_customer=change,
        delete=delete.also(closed, _in_closed_books(sides, [this, *payments])),
        void=Guard().also(VOIDED, [this] if invoice.voided else []).also(closed, _in_closed_books(sides, [this])),
    )


def _payments_on(sides: Sides, invoice: Invoice) -> list[Blocker]:
    """Payments that are not voided: the ERP's, and those that only QuickBooks has."""
    ours = [p for p in sides.books.payments.values() if p.posted and p.invoice == invoice.id]
    found = [_document(sides, (PAYMENT, payment.id), payment.amount) for payment in sorted(ours, key=lambda p: p.at)]
    known = {key for payment in ours for key in sides.projection.touches.get((PAYMENT, payment.id), ())}
    return found + [
        Blocker(None, part.key, part.amount)
        for part in sides.put_against(sides.standing.get((INVOICE, invoice.id)))
        if part.key not in known
    ]


def _overpays(sides: Sides, credit: Credit, invoice: Invoice) -> bool:
    maker = sides.maker(credit)
    return credit.live and credit.source in PAYMENT_BACKED and maker is not None and maker.invoice == invoice.id


# -------------------------------------------------------------------------------------------- credits


@dataclass(frozen=True)
class CreditGuards:
    """`minimum`: what is used on either side, in cents; no edit goes below it. `modes`: the ways to cancel."""

    edit_amount: Guard
    minimum: int
    cancel: Guard
    modes: tuple[str, ...]
    delete: Guard


def credit_guards(sides: Sides, credit: Credit) -> CreditGuards:
    """What people may do to a credit. A cancelled one can still be deleted, once nothing uses it."""
    own = _own_rule(sides, credit, edit=False)
    closed = CLOSED.format(day=sides.closing_date)
    dated = _in_closed_books(sides, [_document(sides, (CREDIT, credit.id), credit.amount)])
    delete = Guard() if credit.cancelled else own
    cancel = own.also(closed, dated)
    return CreditGuards(
        edit_amount=_own_rule(sides, credit, edit=True).also(closed, dated),
        minimum=least_amount(sides, credit),
        cancel=cancel,
        modes=CANCEL_MODES if cancel.allowed else (),
        delete=delete.also(_used_sentence(sides, credit), _uses(sides, credit)).also(closed, dated),
    )


def least_amount(sides: Sides, credit: Credit) -> int:
    """What is used on either side, in cents: what the ERP used and paid out, or what QuickBooks has put elsewhere."""
    ours = credit.used + sides.refunded(credit.id)
    key = sides.standing.get((CREDIT, credit.id))
    return max(ours, 0 if credit.source in PAYMENT_BACKED else sides.used(key))


def _own_rule(sides: Sides, credit: Credit, *, edit: bool) -> Guard:
    """What the credit's source and state say, before any other record is looked at."""
    this = [_document(sides, (CREDIT, credit.id), credit.amount)]
    if credit.source in PAYMENT_BACKED:
        maker = sides.maker(credit)
        payment = [_document(sides, (PAYMENT, maker.id), maker.amount)] if maker else this
        return Guard().also(OVERPAYMENT, payment)
    if credit.cancelled:
        return Guard().also(CANCELLED, this)
    if credit.source == "RETURN":
        return Guard().also(OF_A_RETURN, this)
    return Guard().also(OF_QUICKBOOKS, this if edit and credit.source == "QB_CREDIT_MEMO" else [])


def _used_sentence(sides: Sides, credit: Credit) -> str:
    return f"{USED} {text(least_amount(sides, credit))} of it is used."


def _uses(sides: Sides, credit: Credit) -> list[Blocker]:
    """Everything that uses a credit: payments and refunds of the ERP, and Payments that only QuickBooks has."""
    users = sides.users(credit.id)
    found = [_document(sides, (PAYMENT, payment.id), amount) for payment, amount in users]
    refunds = [r for r in sides.books.refunds.values() if r.credit == credit.id and not r.voided]
    found += [_document(sides, (REFUND, refund.id), refund.amount) for refund in refunds]
    if credit.source in PAYMENT_BACKED:
        return found
    known = {key for payment, _ in users for key in sides.projection.touches.get((PAYMENT, payment.id), ())}
    known |= {key for refund in refunds for key in sides.projection.touches.get((REFUND, refund.id), ())}
    theirs = sides.put_against(sides.standing.get((CREDIT, credit.id)))
    return found + [Blocker(None, part.key, part.amount) for part in theirs if part.key not in known]


# --------------------------------------------------------------------------------------------- shared


def _document(sides: Sides, ref: RecordRef, amount: int) -> Blocker:
    return Blocker(ref, sides.standing.get(ref), amount)


def _in_closed_books(sides: Sides, blockers: Iterable[Blocker]) -> list[Blocker]:
    return [blocker for blocker in blockers if sides.is_closed([blocker.key])]
