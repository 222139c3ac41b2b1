"""Both books of one company as people look at them: what stands for a record, and what is open on each side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mappings.distru.projection import Projection, RecordRef, Terms
from mappings.distru.records import Books, Credit, Payment
from mappings.documents import CreditMemo, Document, Ending, Invoice, Key, Part
from mappings.documents import Payment as PaymentDocument
from mappings.quickbooks import Held, link_amounts


@dataclass(frozen=True)
class Sides:
    """`foreign_open`: what QuickBooks says is open on the documents that it alone has, in cents, credits positive too.
    `deposited`: Payments that lie in a bank deposit. `closing_date`: QuickBooks' books are closed up to this day."""

    books: Books
    terms: Terms
    projection: Projection
    held: Held
    foreign_open: Mapping[Key, int] = field(default_factory=dict)
    deposited: frozenset[Key] = frozenset()
    closing_date: str | None = None

    @cached_property
    def standing(self) -> Mapping[RecordRef, Key]:
        """The document that stands for each record, or would stand for it."""
        found = {ref: min(keys) for ref, keys in self.projection.touches.items() if keys}
        return found | {ref: key for key, refs in self.projection.records.items() for ref in refs}

    def live(self, key: Key | None) -> Document | None:
        """What QuickBooks holds now under this key."""
        side = self.held.documents.get(key or "")
        return None if side is None or isinstance(side, Ending) else side

    def is_mapped(self, kind: str, erp_id: str) -> bool:
        """Whether QuickBooks holds a living document for this record."""
        return self.live(self.standing.get((kind, erp_id))) is not None

    def put_against(self, key: Key | None) -> tuple[Part, ...]:
        """The living Payments that link a document in QuickBooks, each with its amount in cents."""
        found = []
        for payment, side in sorted(self.held.documents.items()):
            amount = link_amounts(side).get(key or "", 0)
            if amount:
                found.append(Part(payment, amount))
        return tuple(found)

    def used(self, key: Key | None) -> int:
        """What of a document is put against others in QuickBooks, in cents."""
        return sum(part.amount for part in self.put_against(key))

    def quickbooks_open(self, key: Key | None) -> int | None:
        """What is open on a document in QuickBooks, in cents; None where it holds none.

        Told by the documents and their links, not by QuickBooks' own balance: that is only as fresh as the last read.
        """
        if key is not None and key in self.foreign_open:
            return self.foreign_open[key]
        match self.live(key):
            case PaymentDocument() as payment:
                return payment.unapplied
            case Invoice() | CreditMemo() as form:
                return form.total - self.used(key)
            case _:
                return None

    def is_closed(self, keys: Iterable[Key | None]) -> tuple[Key, ...]:
        """Those of the documents that are dated in closed books."""
        if not self.closing_date:
            return ()
        dated = [(key, self.live(key)) for key in keys if key]
        return tuple(key for key, side in dated if side is not None and side.date <= self.closing_date)

    # --------------------------------------------------------------------------------- the ERP's records

    def maker(self, credit: Credit) -> Payment | None:
        """The payment whose overpaid part a credit is."""
        named = self.books.payments.get(credit.payment or "")
        return named or next((p for p in self.books.payments.values() if credit.id in p.makes), None)

    def made_by(self, credit: Credit, invoice_id: str) -> bool:
        """Whether an invoice (or the order behind it) produced this credit: it may never pay it."""
        maker, invoice = self.maker(credit), self.books.invoices.get(invoice_id)
        if maker is None:
            return False
        same_order = invoice is not None and invoice.order is not None and maker.order == invoice.order
        return maker.invoice == invoice_id or same_order

    def users(self, credit_id: str) -> list[tuple[Payment, int]]:
        """The posted payments that use a credit, oldest first, each with what it uses in cents."""
        found = []
        for payment in sorted(self.books.payments.values(), key=lambda p: (p.at, p.id)):
            amount = sum(use.amount for use in payment.uses if use.credit == credit_id)
            if payment.posted and amount:
                found.append((payment, amount))
        return found

    def refunded(self, credit_id: str) -> int:
        """What the ERP paid out of a credit, in cents."""
        return sum(r.amount for r in self.books.refunds.values() if r.credit == credit_id and not r.voided)
