"""What QuickBooks should hold: a pure projection of the ERP's records of one company to documents.

- an ERP payment → one Payment: total = money received, a link for its invoice and one for each credit memo it used;
- an overpayment credit is no document: it is what its Payment leaves unapplied. Using it adds a link to *that* Payment;
- a payment of credits only → a Payment of total 0, or just links on older Payments where only overpayments pay;
- a manual or return credit, or a negative invoice → a CreditMemo; a refund → a Refund and the Payment that ties it.
Source: DESIGN.md, contracts/erp.md part 2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from mappings.distru.records import (
    CREDIT,
    INVOICE,
    PAYMENT,
    REFUND,
    RETURN,
    Books,
    Credit,
    Invoice,
    Item,
    Payment,
    Refund,
)
from mappings.documents import CreditMemo, Ending, Key, Line, Side, parts
from mappings.documents import Invoice as InvoiceDocument
from mappings.documents import Payment as PaymentDocument
from mappings.documents import Refund as RefundDocument
from mappings.findings import Finding
from mappings.keys import key_of, owner, shorten
from mappings.money import text

RecordRef = tuple[str, str]
DOCUMENTED = (INVOICE, PAYMENT, CREDIT, REFUND)
"""Records that become documents of their own."""


@dataclass(frozen=True)
class Terms:
    """What the projection must know of the connection.

    `owners`: ERP record → the document that stands for it already. `linked`: documents that QuickBooks holds, with
    their QuickBooks type. `asked`: records that a person asked to send (mass re-sync). `foreign`: what QuickBooks alone
    knows of a document, (outside, refunded) in cents; `spent`: how much of that each credit on a Payment paid for.
    """

    timezone: str = "UTC"
    two_way: bool = False
    number_prefix: str = ""
    reason_items: Mapping[str, str] = field(default_factory=dict)
    stock_items: frozenset[str] = frozenset()
    inventory_lines: bool = False
    payment_methods: Mapping[str, str] = field(default_factory=dict)
    deposit_account: str | None = None
    owners: Mapping[RecordRef, Key] = field(default_factory=dict)
    linked: Mapping[Key, str] = field(default_factory=dict)
    asked: frozenset[RecordRef] = frozenset()
    foreign: Mapping[Key, tuple[int, int]] = field(default_factory=dict)
    spent: Mapping[Key, Mapping[Key, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Projection:
    """`documents`: what QuickBooks should hold. `records`: the ERP records that a document stands for. `touches`: every
    document that carries a part of a record. `waits`: documents that cannot be judged yet, with the reason.
    `by_choice`: records that have no document on purpose, with the reason."""

    documents: Mapping[Key, Side]
    records: Mapping[Key, tuple[RecordRef, ...]]
    touches: Mapping[RecordRef, frozenset[Key]]
    findings: tuple[Finding, ...] = ()
    waits: Mapping[Key, Finding] = field(default_factory=dict)
    by_choice: Mapping[RecordRef, str] = field(default_factory=dict)


def is_held_by_payment(credit: Credit, terms: Terms) -> bool:
    """Whether a credit is the unapplied part of a Payment.

    An overpayment that reached QuickBooks as a Credit Memo (before 2026-02-25, seeds) is one no longer.
    """
    if credit.source not in ("INVOICE_PAYMENT", "QB_PAYMENT"):
        return False
    known = terms.owners.get((CREDIT, credit.id))
    if known is not None:
        return terms.linked.get(known, "Payment") == "Payment" and not known.startswith("credit:")
    return not (credit.memo_id and not credit.payment_id)


def project(books: Books, terms: Terms) -> Projection:
    """Everything that QuickBooks should hold of one company."""
    return _Projector(books, terms).run()


class _Projector:
    def __init__(self, books: Books, terms: Terms) -> None:
        self.books = books
        self.terms = terms
        self.zone = ZoneInfo(terms.timezone)
        self.documents: dict[Key, Side] = {}
        self.records: dict[Key, list[RecordRef]] = defaultdict(list)
        self.touches: dict[RecordRef, set[Key]] = defaultdict(set)
        self.waits: dict[Key, Finding] = {}
        self.by_choice: dict[RecordRef, str] = {}
        self.holders = self._holders()
        self.unreadable = {(finding.kind, finding.erp_id): finding for finding in books.findings}

    def run(self) -> Projection:
        for invoice in self.books.invoices.values():
            self._invoice(invoice)
        for credit in self.books.credits.values():
            if credit.id not in self.holders:
                self._credit(credit)
        for refund in self.books.refunds.values():
            self._refund(refund)
        self._payments()
        for finding in self.books.findings:
            if finding.kind in DOCUMENTED:
                self.waits[owner(self.terms.owners, finding.kind, finding.erp_id)] = finding
        return Projection(
            self.documents,
            {key: tuple(dict.fromkeys(refs)) for key, refs in self.records.items()},
            {ref: frozenset(keys) for ref, keys in self.touches.items()},
            self.books.findings,
            self.waits,
            self.by_choice,
        )

    # ------------------------------------------------------------------------------------------ invoices

    def _invoice(self, invoice: Invoice) -> None:
        key, negative = self._invoice_key(invoice), f"negative:{invoice.id}"
        ended = Ending.DELETED if invoice.deleted else Ending.VOIDED if invoice.voided else None
        if ended:
            # Both may be in the map where its sign has changed: one of them stands for it.
            linked = negative if negative in self.terms.linked else key
            stands = self.terms.owners.get((INVOICE, invoice.id), linked)
            here, other = (negative, key) if stands == negative else (key, negative)
            self._put(here, Ending.DELETED if here == negative else ended, (INVOICE, invoice.id))
        elif invoice.total < 0:
            here, other = negative, key
            self._put(here, self._negative(invoice, negative), (INVOICE, invoice.id))
        else:
            here, other = key, negative
            self._put(here, self._positive(invoice, key), (INVOICE, invoice.id))
        if other in self.terms.linked:
            self.documents[other] = Ending.VOIDED if other == key else Ending.DELETED

    def _invoice_key(self, invoice: Invoice) -> Key:
        known = self.terms.owners.get((INVOICE, invoice.id), "")
        return known if known and not known.startswith("negative:") else key_of(INVOICE, invoice.id)

    def _positive(self, invoice: Invoice, key: Key) -> InvoiceDocument:
        lines = [_line(item, item.item_id) for item in invoice.items if item.amount >= 0]
        lines += [Line(charge.amount, charge.name, charge.item_id) for charge in invoice.charges if charge.amount >= 0]
        taken_off = [item.amount for item in invoice.items] + [charge.amount for charge in invoice.charges]
        discount = -sum(amount for amount in taken_off if amount < 0)
        lines, discount = _balanced(lines, discount, invoice.total)
        return InvoiceDocument(
            key,
            invoice.company,
            self._day(invoice.at),
            self._number(invoice.number),
            self._full_number(invoice.number),
            total=invoice.total,
            customer_note=invoice.notes,
            due_date=self._day(invoice.due) if invoice.due else None,
            lines=tuple(lines),
            discount=discount,
        )

    def _negative(self, invoice: Invoice, key: Key) -> CreditMemo:
        lines = [
            _line(item, self._stock_neutral(item.item_id, None), sign=-1) for item in invoice.items if item.amount < 0
        ]
        lines, _ = _balanced(lines, 0, -invoice.total)
        return CreditMemo(
            key,
            invoice.company,
            self._day(invoice.at),
            self._number(invoice.number),
            self._full_number(invoice.number),
            total=-invoice.total,
            customer_note=invoice.notes,
            lines=tuple(lines),
            reason="OTHER",
            **self._foreign(key),
        )

    # ------------------------------------------------------------------------------------------- credits

    def _credit(self, credit: Credit) -> None:
        key, ref = owner(self.terms.owners, CREDIT, credit.id), (CREDIT, credit.id)
        if not self._is_in_scope(credit, key):
            self.by_choice[ref] = (
                "Two-way sync is off: this credit stays in the ERP."
                if credit.live
                else "This credit never reached QuickBooks."
            )
            return
        if credit.return_id and credit.return_id not in self.books.returns and key not in self.terms.linked:
            self.waits[key] = _wait(CREDIT, credit.id, "return", "its return has not come yet", code="records_disagree")
        refs = [ref, (RETURN, credit.return_id)] if credit.return_id else [ref]
        self._put(key, self._memo(credit, key), *refs)

    def _is_in_scope(self, credit: Credit, key: Key) -> bool:
        if key in self.terms.linked or (CREDIT, credit.id) in self.terms.asked:
            return True
        return self.terms.two_way or credit.source == "RETURN"

    def _memo(self, credit: Credit, key: Key) -> Side:
        foreign = self._foreign(key)
        total = credit.amount
        if credit.cancelled:
            paid_out = sum(r.amount for r in self.books.refunds.values() if r.credit == credit.id and not r.voided)
            total = credit.used + paid_out + sum(foreign.values())
        if credit.deleted or total == 0:
            return Ending.DELETED
        return CreditMemo(
            key,
            credit.company,
            self._day(credit.at),
            self._number(credit.number),
            _joined(credit.internal_note, self._full_number(credit.number)),
            total=total,
            customer_note=credit.external_note,
            lines=tuple(self._credit_lines(credit, total)),
            reason=credit.reason or ("RETURN" if credit.return_id else None),
            **foreign,
        )

    def _credit_lines(self, credit: Credit, total: int) -> list[Line]:
        returned = self.books.returns.get(credit.return_id or "")
        item = credit.item_id or self.terms.reason_items.get(
            credit.reason or ("RETURN" if credit.return_id else "OTHER")
        )
        if returned is None or not returned.items:
            reason = (credit.reason or "credit").replace("_", " ").capitalize()
            return [Line(total, _joined(reason, credit.external_note, by=": "), item)]
        lines = [
            _line(goods, self._stock_neutral(goods.item_id, item), note=_lineage(returned.number, goods))
            for goods in returned.items
            if goods.amount > 0
        ]
        return _balanced(lines, 0, total, item)[0]

    def _stock_neutral(self, item: str | None, instead: str | None) -> str | None:
        if item is None:
            return instead
        return item if self.terms.inventory_lines or item not in self.terms.stock_items else instead

    # ------------------------------------------------------------------------------------------- refunds

    def _refund(self, refund: Refund) -> None:
        key, ref = owner(self.terms.owners, REFUND, refund.id), (REFUND, refund.id)
        credit = self.books.credits.get(refund.credit)
        if credit is None:
            self.waits[key] = _wait(REFUND, refund.id, "credit", "its credit has not come yet")
            return
        memo = owner(self.terms.owners, CREDIT, credit.id)
        if credit.id not in self.holders and not self._is_in_scope(credit, memo):
            self.by_choice[ref] = "Its credit stays in the ERP."
            return
        ended = Ending.DELETED if refund.voided else None
        day = self._day(refund.at)
        self._put(
            key,
            ended
            or RefundDocument(
                key,
                refund.company,
                day,
                note=refund.description,
                total=refund.amount,
                account=self.terms.deposit_account,
            ),
            ref,
        )
        if credit.id not in self.holders:
            tie = f"settlement:{refund.id}"
            self._put(
                tie,
                ended
                or PaymentDocument(
                    tie,
                    refund.company,
                    day,
                    note=refund.description,
                    credits=parts({memo: refund.amount}),
                    refunds=parts({key: refund.amount}),
                ),
            )
            self.touches[ref].add(tie)

    # ------------------------------------------------------------------------------------------ payments

    def _holders(self) -> dict[str, Key]:
        """Which Payment each overpayment credit is the unapplied part of."""
        makers = {credit: payment.id for payment in self.books.payments.values() for credit in payment.makes}
        holders = {}
        for credit in sorted(self.books.credits.values(), key=lambda c: (c.at, c.id)):
            if not is_held_by_payment(credit, self.terms):
                continue
            maker = credit.payment or makers.get(credit.id)
            holders[credit.id] = self.terms.owners.get((CREDIT, credit.id)) or (
                owner(self.terms.owners, PAYMENT, maker) if maker else f"deposit:{credit.id}"
            )
        return holders

    def _payments(self) -> None:
        drafts: dict[Key, _Draft] = defaultdict(_Draft)
        for payment in sorted(self.books.payments.values(), key=lambda p: (p.at, p.id)):
            self._draft(payment, drafts)
        for credit_id, key in self.holders.items():
            self._hold(self.books.credits[credit_id], drafts[key])
            self.touches[(CREDIT, credit_id)].add(key)
            if key_of(CREDIT, credit_id) in self.terms.linked:
                # A memo stood for it before (overpayments of before 2026-02-25, repaired): it has to go.
                self.documents[key_of(CREDIT, credit_id)] = Ending.DELETED
        for refund in self.books.refunds.values():
            if refund.credit in self.holders and not refund.voided:
                drafts[self.holders[refund.credit]].refunds[owner(self.terms.owners, REFUND, refund.id)] += (
                    refund.amount
                )
        self._cap_overpaid(list(drafts.values()))
        for key, draft in drafts.items():
            self._finish(key, draft, drafts)

    def _hold(self, credit: Credit, draft: _Draft) -> None:
        """Without the payment that made it, an overpayment would go out as if it were all the money that came in."""
        draft.hold(credit)
        if credit.payment and credit.payment not in self.books.payments:
            draft.wait = self.unreadable.get((PAYMENT, credit.payment)) or _wait(
                CREDIT, credit.id, "payment", "the payment that made it has not come yet"
            )

    def _draft(self, payment: Payment, drafts: dict[Key, _Draft]) -> None:
        """Spread one ERP payment over the Payments that carry it: its own, and those whose overpayments it used."""
        key, ref = owner(self.terms.owners, PAYMENT, payment.id), (PAYMENT, payment.id)
        own = drafts[key]
        own.payments.append(payment)
        self.touches[ref].add(key)
        if not payment.posted:
            return
        invoice = self.books.invoices.get(payment.invoice or "")
        missing = self._missing(payment)
        own.wait = own.wait or missing
        target = self._invoice_key(invoice) if invoice and _takes_payments(invoice) else None
        own.total += payment.amount - sum(use.amount for use in payment.uses)
        own.resting += 0 if target else payment.amount - sum(use.amount for use in payment.uses)
        own.link(target, payment.amount - sum(use.amount for use in payment.uses))
        for use in payment.uses:
            self._use(payment, use.credit, use.amount, target, own, drafts)
            if missing and use.credit in self.holders:
                drafts[self.holders[use.credit]].wait = missing

    def _missing(self, payment: Payment) -> Finding | None:
        """What a posted payment cannot be judged without: its invoice, and the credits of what was overpaid."""
        if payment.invoice and payment.invoice not in self.books.invoices:
            return self.unreadable.get((INVOICE, payment.invoice)) or _wait(
                PAYMENT, payment.id, "invoice", "its invoice has not come yet"
            )
        for credit in payment.makes:
            if credit not in self.books.credits:
                return self.unreadable.get((CREDIT, credit)) or _wait(
                    PAYMENT, payment.id, "overpayment_credits", "its overpayment credit has not come yet"
                )
        return None

    def _use(
        self, payment: Payment, credit_id: str, amount: int, target: Key | None, own: _Draft, drafts: dict[Key, _Draft]
    ) -> None:
        credit = self.books.credits.get(credit_id)
        ref = (PAYMENT, payment.id)
        if credit is None:
            own.wait = self.unreadable.get((CREDIT, credit_id)) or _wait(
                PAYMENT, payment.id, "credit_uses", "a credit that it uses has not come yet"
            )
        elif credit_id in self.holders:
            holder = self.holders[credit_id]
            drafts[holder].link(target, amount)
            drafts[holder].resting += 0 if target else amount
            drafts[holder].users.append(payment)
            self.touches[ref].add(holder)
        elif target:
            memo = owner(self.terms.owners, CREDIT, credit_id)
            if self._is_in_scope(credit, memo):
                own.link(target, amount)
                own.credits[memo] += amount
                self.touches[(CREDIT, credit_id)].add(owner(self.terms.owners, PAYMENT, payment.id))

    def _finish(self, key: Key, draft: _Draft, drafts: Mapping[Key, _Draft]) -> None:
        document = draft.document(key, self)
        if isinstance(document, PaymentDocument) and document.is_empty and key not in self.terms.linked:
            self._give_to_users(key, draft, drafts)
            return
        refs = [(PAYMENT, payment.id) for payment in draft.payments] + [(CREDIT, credit.id) for credit in draft.held]
        self._put(key, document, *refs)
        for payment in draft.users:
            own = owner(self.terms.owners, PAYMENT, payment.id)
            if own == key:
                self.records[key].append((PAYMENT, payment.id))
        if draft.wait:
            self.waits[key] = draft.wait

    def _give_to_users(self, key: Key, draft: _Draft, drafts: Mapping[Key, _Draft]) -> None:
        """A payment without a document of its own: the oldest Payment that carries a part of it stands for it."""
        for payment in draft.payments:
            ref = (PAYMENT, payment.id)
            self.touches[ref].discard(key)
            carriers = sorted(self.touches[ref], key=lambda carrier: (drafts[carrier].since, carrier))
            if carriers:
                self.records[carriers[0]].append(ref)
            elif payment.posted:
                self.by_choice[ref] = "Held until its order is invoiced."

    def _cap_overpaid(self, drafts: list[_Draft]) -> None:
        """A legacy OVER_PAID invoice takes no more than its total in QuickBooks; the rest rests on the newest
        Payments."""
        for invoice in self.books.invoices.values():
            if not invoice.remaining < 0 <= invoice.total:
                continue
            key = self._invoice_key(invoice)
            surplus = sum(draft.invoices.get(key, 0) for draft in drafts) - invoice.total
            for draft in reversed(drafts):
                money = draft.invoices.get(key, 0) - sum(draft.credits.values())
                cut = max(0, min(surplus, money))
                if cut:
                    draft.invoices[key] -= cut
                    draft.resting += cut
                    surplus -= cut

    # ------------------------------------------------------------------------------------------- shared

    def _put(self, key: Key, side: Side, *refs: RecordRef) -> None:
        self.documents[key] = side
        for ref in refs:
            self.records[key].append(ref)
            self.touches[ref].add(key)

    def _foreign(self, key: Key) -> dict[str, int]:
        outside, refunded = self.terms.foreign.get(key, (0, 0))
        return {"outside": outside, "refunded": refunded}

    def _day(self, instant: datetime) -> str:
        return instant.astimezone(self.zone).date().isoformat()

    def _number(self, number: str | None) -> str | None:
        return shorten(number, self.terms.number_prefix) if number else None

    def _full_number(self, number: str | None) -> str:
        return "" if not number or self._number(number) == self.terms.number_prefix + number else f"Number {number}"


class _Draft:
    """A Payment in the making: the ERP payments and credits that it carries."""

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.users: list[Payment] = []
        self.held: list[Credit] = []
        self.total = 0
        self.resting = 0
        self.invoices: dict[Key, int] = defaultdict(int)
        self.credits: dict[Key, int] = defaultdict(int)
        self.refunds: dict[Key, int] = defaultdict(int)
        self.wait: Finding | None = None

    @property
    def since(self) -> datetime:
        """When the oldest of what it carries was recorded."""
        return min([*(payment.at for payment in self.payments), *(credit.at for credit in self.held)])

    def link(self, target: Key | None, amount: int) -> None:
        if target:
            self.invoices[target] += amount

    def hold(self, credit: Credit) -> None:
        self.held.append(credit)
        if credit.live:
            self.total += credit.amount
        elif not credit.deleted:
            self.total += credit.used

    def document(self, key: Key, projector: _Projector) -> Side:
        posted = [payment for payment in self.payments if payment.posted]
        if not posted and not any(credit.live for credit in self.held):
            own = [payment for payment in self.payments if key_of(PAYMENT, payment.id) == key]
            gone = own or self.payments or self.held
            return Ending.DELETED if all(record.deleted for record in gone) else Ending.VOIDED
        outside, refunded = projector.terms.foreign.get(key, (0, 0))
        spent = projector.terms.spent.get(key, {})
        credits = Counter(self.credits) + Counter({credit: sum(shares) for credit, shares in spent.items()})
        document = PaymentDocument(
            key,
            self._company(),
            self._day(projector),
            projector._number(self._number()),
            self._note(projector),
            total=self.total + outside - sum(beyond for beyond, _ in spent.values()),
            invoices=parts(self.invoices),
            credits=parts(credits),
            refunds=parts(self.refunds),
            outside=outside,
            refunded=refunded,
            method=self._method(projector.terms),
            deposit_account=self._account(projector.terms),
        )
        return self._settled(document, refunded)

    def _settled(self, document: PaymentDocument, refunded: int) -> PaymentDocument:
        """Prove the sum: what the Payment leaves unapplied is what its credits have left, to the cent.

        Whether the ERP counts what QuickBooks paid back as part of a credit's face is left open by its contract.
        """
        expected = sum(credit.remaining for credit in self.held if credit.live) + self.resting
        for total in (document.total, document.total + refunded):
            settled = PaymentDocument(**{**document.__dict__, "total": total})
            if settled.unapplied == expected:
                return settled
        record = (self.payments or self.held)[0]
        self.wait = self.wait or _wait(
            PAYMENT,
            record.id,
            "remaining_balance",
            f"the ERP's records disagree: {text(document.unapplied)} should be left unapplied, "
            f"its credits hold {text(expected)}",
            code="records_disagree",
        )
        return document

    def _first(self) -> Payment | None:
        """The payment whose number, day and method it bears, if any: what only used its credit lends it none."""
        bringing = [payment for payment in self.payments if not self.held or self._brought(payment)]
        return next((p for p in bringing if p.posted), None) or next(iter(bringing), None)

    def _brought(self, payment: Payment) -> bool:
        if payment.makes or any(credit.payment == payment.id for credit in self.held):
            return True
        if payment.posted:
            return payment.amount > sum(use.amount for use in payment.uses)
        # A voided one has no uses any more: one that used the credit is younger than that.
        return payment.at <= min(credit.at for credit in self.held)

    def _company(self) -> str:
        first = self._first()
        return first.company if first else self.held[0].company

    def _number(self) -> str | None:
        first = self._first()
        return first.number if first else self.held[0].number

    def _note(self, projector: _Projector) -> str:
        first = self._first()
        return _joined(first.description if first else "", projector._full_number(self._number()))

    def _day(self, projector: _Projector) -> str:
        first = self._first()
        return projector._day(first.at if first else self.held[0].at)

    def _method(self, terms: Terms) -> str | None:
        first = self._first()
        if first is None or first.method_id is None:
            return None
        return terms.payment_methods.get(first.method_id) or first.method_quickbooks_id

    def _account(self, terms: Terms) -> str | None:
        first = self._first()
        return (first.deposit_account if first else None) or terms.deposit_account


def _takes_payments(invoice: Invoice) -> bool:
    return not (invoice.voided or invoice.deleted) and invoice.total >= 0


def _line(item: Item, item_id: str | None, *, sign: int = 1, note: str = "") -> Line:
    return Line(sign * item.amount, _joined(item.description, note, by=" · "), item_id, item.quantity, item.unit_price)


def _lineage(return_number: str | None, item: Item) -> str:
    found = [
        f"return {return_number}" if return_number else "",
        f"product {item.product}" if item.product and item.product != item.description else "",
        f"batch {item.batch}" if item.batch else "",
        f"package {item.package}" if item.package else "",
        "waste, not restocked" if item.waste else "",
    ]
    return " · ".join(part for part in found if part)


def _balanced(lines: list[Line], discount: int, total: int, item: str | None = None) -> tuple[list[Line], int]:
    """Lines that sum exactly to the total: a rounding line where they fall short, cut from the end where they exceed.

    QuickBooks refuses negative line amounts (2290), so an excess that a discount line cannot take is cut away.
    """
    excess = sum(line.amount for line in lines) - discount - total
    if excess < 0:
        return [*lines, Line(-excess, "Adjustment", item)], discount
    if excess and (discount or not lines or not total):
        return lines, discount + excess
    kept: list[Line] = []
    left = total
    for line in lines:
        amount = min(line.amount, left)
        if amount > 0:
            kept.append(line if amount == line.amount else Line(amount, line.description, line.item))
        left -= amount
    return (kept or lines[:1]) if excess else lines, discount


def _joined(*texts: str, by: str = "\n") -> str:
    return by.join(part for part in texts if part)


def _wait(kind: str, erp_id: str, name: str, reason: str, *, code: str = "waiting") -> Finding:
    return Finding(code, kind, erp_id, name, f"Waits: {reason}.", "Nothing: it goes by itself.", waits=True)


def owners_of(records: Iterable[tuple[Key, Iterable[RecordRef]]]) -> dict[RecordRef, Key]:
    """Which document stands for each record, from the rows of the ID map."""
    return {ref: key for key, refs in records for ref in refs}
