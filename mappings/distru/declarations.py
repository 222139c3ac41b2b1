"""What QuickBooks says, in the ERP's words: whole-state declarations (contracts/erp.md, part 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from mappings.distru.projection import RecordRef, is_held_by_payment
from mappings.distru.projection import Terms as Terms
from mappings.distru.records import CREDIT, PAYMENT, Books, Credit, Payment
from mappings.documents import CreditMemo, Ending, Key, Side, amounts
from mappings.documents import Payment as PaymentDocument
from mappings.keys import owner
from mappings.money import text
from mappings.quickbooks import foreign_uses


@dataclass
class Application:
    """One ERP payment's share of one QuickBooks payment; `payment` None for one that the ERP has yet to make."""

    invoice: str
    payment: str | None
    amount: int
    own_uses: dict[str, int] = field(default_factory=dict)
    memo_uses: dict[str, int] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """What of the amount no credit pays yet."""
        return self.amount - sum(self.own_uses.values()) - sum(self.memo_uses.values())

    def body(self) -> dict[str, Any]:
        uses = sorted((self.own_uses | self.memo_uses).items())
        return {
            "invoice_id": self.invoice,
            "payment_id": self.payment,
            "amount": text(self.amount),
            "credit_uses": [{"credit_id": credit, "amount": text(amount)} for credit, amount in uses if amount],
        }


@dataclass(frozen=True)
class Told:
    """What a declaration needs beside the document: the other side's facts about it.

    `last` and `day`: what an ended document last was, and its day; a declaration is always whole.
    """

    sync_token: str | None
    company: str
    timezone: str = "UTC"
    method_name: str | None = None
    last: Side = None
    day: str = "1970-01-01"


def declare_credit_memo(document: CreditMemo | Ending, credit: str | None, books: Books, told: Told) -> dict[str, Any]:
    """`PUT /credit-memos/{id}`: the whole state of one memo; `credit` None for one born in QuickBooks."""
    if isinstance(document, Ending):
        last = told.last if isinstance(told.last, CreditMemo) else CreditMemo("", told.company, told.day)
        whole = declare_credit_memo(last, credit, books, told)
        return {name: value for name, value in whole.items() if name != "sync_token"} | {"status": "DELETED"}
    paid_out = sum(r.amount for r in books.refunds.values() if r.credit == credit and not r.voided)
    return {
        "sync_token": told.sync_token,
        "status": "ACTIVE",
        "credit_id": credit,
        "company_id": told.company,
        "doc_number": document.number,
        "transaction_date": document.date,
        "amount": text(document.total),
        "outside_amount": text(document.outside),
        "refunded_amount": text(document.refunded + paid_out),
        "external_note": document.customer_note,
        "internal_note": document.note,
    }


def declare_payment(
    document: PaymentDocument | Ending, key: Key, books: Books, terms: Terms, told: Told
) -> dict[str, Any]:
    """`PUT /payments/{id}`: the whole state of one payment, one application per ERP payment and invoice.

    QuickBooks does not say which credit pays which invoice: what the ERP has stays, the rest is spread in a stable
    order.
    """
    if isinstance(document, Ending):
        last = told.last if isinstance(told.last, PaymentDocument) else PaymentDocument("", told.company, told.day)
        empty = replace(
            last, total=0, invoices=(), credits=(), refunds=(), outside=0, refunded=0, date=last.date or told.day
        )
        whole = declare_payment(empty, key, Books(), terms, told)
        known = whole if document is Ending.VOIDED else {n: v for n, v in whole.items() if n != "sync_token"}
        return known | {"status": document.value.upper()}
    applications = _Spread(document, key, books, terms).run()
    uses = sum(sum(a.memo_uses.values()) for a in applications)
    refunded = document.refunded + sum(part.amount for part in document.refunds)
    outside = document.total - sum(a.amount for a in applications) + uses - document.unapplied - refunded
    noon = datetime.combine(datetime.fromisoformat(document.date).date(), time(12), ZoneInfo(told.timezone))
    return {
        "sync_token": told.sync_token,
        "status": "POSTED",
        "company_id": told.company,
        "payment_datetime": noon.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "payment_method_name": told.method_name,
        "reference": document.number,
        "total_amount": text(document.total),
        "unapplied_amount": text(document.unapplied),
        "outside_amount": text(outside),
        "refunded_amount": text(refunded),
        "applications": [application.body() for application in applications],
    }


class _Spread:
    """Spreads a QuickBooks payment over the ERP payments that carry it."""

    def __init__(self, document: PaymentDocument, key: Key, books: Books, terms: Terms) -> None:
        self.document = document
        self.key = key
        self.books = books
        self.terms = terms
        self.held = [c for c in books.credits.values() if self._is_held_here(c)]
        self.left = {credit.id: credit.remaining for credit in self.held if credit.live}
        self.memos = self._memo_credits()

    def run(self) -> list[Application]:
        applications = self._as_they_are()
        freed = max(0, sum(self.left.values()) - self.document.unapplied)
        result: list[Application] = []
        for key, amount in sorted(amounts(self.document.invoices).items()):
            here = [a for a in applications if self._invoice_key(a.invoice) == key]
            invoice = here[0].invoice if here else self._invoice_id(key)
            freed -= self._fit(here, invoice, amount, freed)
            result += [a for a in here if a.amount]
        self._spread_memos(result)
        return [application for application in result if application.amount]

    # ------------------------------------------------------------------------------- what the ERP has now

    def _as_they_are(self) -> list[Application]:
        found = [self._share(payment) for payment in sorted(self.books.payments.values(), key=lambda p: (p.at, p.id))]
        return [application for application in found if application and application.amount]

    def _share(self, payment: Payment) -> Application | None:
        """What of one ERP payment stands on this document."""
        if not payment.posted or payment.invoice is None:
            return None
        is_own = owner(self.terms.owners, PAYMENT, payment.id) == self.key
        own_uses: dict[str, int] = {}
        memo_uses: dict[str, int] = {}
        elsewhere = 0
        for use in payment.uses:
            credit = self.books.credits.get(use.credit)
            if credit is None or not is_held_by_payment(credit, self.terms):
                memo_uses[use.credit] = memo_uses.get(use.credit, 0) + use.amount
            elif self._is_held_here(credit):
                own_uses[use.credit] = own_uses.get(use.credit, 0) + use.amount
            else:
                elsewhere += use.amount
        if is_own:
            return Application(payment.invoice, payment.id, payment.amount - elsewhere, own_uses, memo_uses)
        return Application(payment.invoice, payment.id, sum(own_uses.values()), own_uses) if own_uses else None

    def _is_held_here(self, credit: Credit) -> bool:
        if not is_held_by_payment(credit, self.terms):
            return False
        known = self.terms.owners.get((CREDIT, credit.id))
        makers = [p.id for p in self.books.payments.values() if credit.id in p.makes or p.id == credit.payment]
        return known == self.key if known else any(owner(self.terms.owners, PAYMENT, p) == self.key for p in makers)

    # ------------------------------------------------------------------------------- fitted to QuickBooks

    def _fit(self, here: list[Application], invoice: str, amount: int, freed: int) -> int:
        """Make the shares on one invoice add up to what QuickBooks has on it; answers what own credit that took."""
        missing = amount - sum(application.amount for application in here)
        if missing < 0:
            _take_away(here, -missing)
            return 0
        fresh = Application(invoice, None, 0)
        used = 0
        for credit in self._usable(invoice):
            share = min(missing, freed - used, self.left[credit.id])
            if share > 0:
                fresh.own_uses[credit.id] = share
                fresh.amount += share
                self.left[credit.id] -= share
                missing, used = missing - share, used + share
        grown = next((a for a in here if a.payment and not a.own_uses), fresh)
        grown.amount += missing
        if fresh.amount:
            here.append(fresh)
        return used

    def _usable(self, invoice: str) -> list[Credit]:
        """Own credits that may pay an invoice: a credit never pays the invoice that produced it."""
        usable = []
        for credit in sorted(self.held, key=lambda c: (c.at, c.id)):
            maker = self.books.payments.get(credit.payment or "")
            if credit.live and not (maker and maker.invoice == invoice):
                usable.append(credit)
        return usable

    def _spread_memos(self, applications: list[Application]) -> None:
        foreign = foreign_uses(self.document)
        wanted = {
            self.memos[part.key]: part.amount - sum(foreign.get(part.key, (0, 0)))
            for part in self.document.credits
            if part.key in self.memos
        }
        for application in applications:
            for credit in list(application.memo_uses):
                kept = min(application.memo_uses[credit], wanted.get(credit, 0))
                application.memo_uses[credit] = kept
                wanted[credit] = wanted.get(credit, 0) - kept
        for credit, amount in sorted(wanted.items()):
            left = amount
            for application in applications:
                share = min(left, application.room)
                application.memo_uses[credit] = application.memo_uses.get(credit, 0) + max(share, 0)
                left -= max(share, 0)
            for application in list(applications):
                left -= self._instead_of_own(application, credit, left, applications)

    def _instead_of_own(self, application: Application, credit: str, wanted: int, among: list[Application]) -> int:
        """A credit memo pays what the payment's own credit paid until now; answers how much of it.

        A share on a payment that another document carries can only be of own credit: the memo pays beside it.
        """
        taken = 0
        for own in sorted(application.own_uses):
            part = min(wanted - taken, application.own_uses[own])
            application.own_uses[own] -= part
            taken += part
        if not taken:
            return 0
        if application.payment and owner(self.terms.owners, PAYMENT, application.payment) != self.key:
            application.amount -= taken
            place = application.invoice
            application = next(
                (a for a in among if a.payment is None and a.invoice == place), Application(place, None, 0)
            )
            application.amount += taken
            if application not in among:
                among.append(application)
        application.memo_uses[credit] = application.memo_uses.get(credit, 0) + taken
        return taken

    # ----------------------------------------------------------------------------------------------- names

    def _memo_credits(self) -> dict[Key, str]:
        return {
            owner(self.terms.owners, CREDIT, credit.id): credit.id
            for credit in self.books.credits.values()
            if not is_held_by_payment(credit, self.terms)
        }

    def _invoice_key(self, invoice: str) -> Key:
        return owner(self.terms.owners, "INVOICE", invoice)

    def _invoice_id(self, key: Key) -> str:
        refs: Mapping[RecordRef, Key] = self.terms.owners
        return next(
            (ref[1] for ref, known in refs.items() if known == key and ref[0] == "INVOICE"), key.partition(":")[2]
        )


def _take_away(applications: list[Application], amount: int) -> None:
    """Shrink shares from the newest on; their credit uses shrink with them."""
    for application in reversed(applications):
        cut = min(application.amount, amount)
        application.amount -= cut
        amount -= cut
        for uses in (application.memo_uses, application.own_uses):
            for credit in list(uses):
                over = -application.room
                if over > 0:
                    uses[credit] -= min(uses[credit], over)
