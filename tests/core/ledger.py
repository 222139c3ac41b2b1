"""A tiny ERP that obeys the ledger rules of contracts/erp.md part 2, and renders its records for the reader.

Integer cents. People's acts are methods; one that the rules forbid does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from builders import Record, a_company, a_credit, a_payment, a_refund, a_return, an_invoice

from mappings.money import cents, text


@dataclass
class Bill:
    id: str
    total: int
    voided: bool = False


@dataclass
class Paid:
    """`cash`: money of its own that its invoice took; `uses`: credit → amount."""

    id: str
    invoice: str | None
    cash: int
    uses: dict[str, int] = field(default_factory=dict)
    posted: bool = True

    @property
    def amount(self) -> int:
        return self.cash + sum(self.uses.values())


@dataclass
class Granted:
    id: str
    source: str
    amount: int
    payment: str | None = None
    cancelled: bool = False
    deleted: bool = False

    @property
    def live(self) -> bool:
        return not (self.cancelled or self.deleted)


@dataclass
class PaidBack:
    id: str
    credit: str
    amount: int
    voided: bool = False


class Ledger:
    def __init__(self) -> None:
        self.bills: dict[str, Bill] = {}
        self.payments: dict[str, Paid] = {}
        self.credits: dict[str, Granted] = {}
        self.refunds: dict[str, PaidBack] = {}
        self.count = 0

    # ----------------------------------------------------------------------------------------------- figures

    def paid(self, bill: Bill) -> int:
        return sum(p.amount for p in self.payments.values() if p.posted and p.invoice == bill.id)

    def remaining(self, bill: Bill) -> int:
        return bill.total - self.paid(bill)

    def used(self, credit: Granted) -> int:
        return sum(p.uses.get(credit.id, 0) for p in self.payments.values() if p.posted)

    def refunded(self, credit: Granted) -> int:
        return sum(r.amount for r in self.refunds.values() if r.credit == credit.id and not r.voided)

    def balance(self, credit: Granted) -> int:
        return credit.amount - self.used(credit) - self.refunded(credit) if credit.live else 0

    # --------------------------------------------------------------------------------------------- people's acts

    def act(self, name: str, pick: int, other: int, amount: int) -> None:
        getattr(self, name)(pick, other, amount)

    def bill(self, pick: int, other: int, amount: int) -> None:
        new = Bill(self._id("I"), amount)
        self.bills[new.id] = new

    def pay(self, pick: int, other: int, amount: int) -> None:
        """Money on an invoice; what it does not take is the customer's credit."""
        bill = self._some(self.bills, pick)
        if bill and not bill.voided and self.remaining(bill) > 0:
            self._receive(bill, amount, {})

    def pay_with_credit(self, pick: int, other: int, amount: int) -> None:
        """A credit and, where the amount is odd, cash besides."""
        bill, credit = self._some(self.bills, pick), self._some(self.credits, other)
        if not bill or not credit or bill.voided or not self._may_pay(credit, bill):
            return
        use = min(amount, self.balance(credit), self.remaining(bill))
        if use > 0:
            self._receive(bill, amount - use if amount % 2 else 0, {credit.id: use})

    def pay_with_two_credits(self, pick: int, other: int, amount: int) -> None:
        bill, one, two = (
            self._some(self.bills, pick),
            self._some(self.credits, other),
            self._some(self.credits, other + 1),
        )
        if not bill or not one or not two or one is two or bill.voided:
            return
        first = min(amount, self.balance(one), self.remaining(bill))
        second = min(amount, self.balance(two), self.remaining(bill) - first)
        if self._may_pay(one, bill) and self._may_pay(two, bill) and first > 0 and second > 0:
            self._receive(bill, 0, {one.id: first, two.id: second})

    def deposit(self, pick: int, other: int, amount: int) -> None:
        """Money for an order that is not invoiced yet."""
        new = Paid(self._id("P"), None, amount)
        self.payments[new.id] = new

    def grant(self, pick: int, other: int, amount: int) -> None:
        new = Granted(self._id("C"), "RETURN" if pick % 2 else "USER", amount)
        self.credits[new.id] = new

    def edit_credit(self, pick: int, other: int, amount: int) -> None:
        credit = self._some(self.credits, pick)
        if credit and credit.live and credit.source == "USER":
            credit.amount = max(amount, self.used(credit) + self.refunded(credit))

    def cancel_credit(self, pick: int, other: int, amount: int) -> None:
        credit = self._some(self.credits, pick)
        if not credit or not credit.live or credit.source == "INVOICE_PAYMENT":
            return
        if other % 2:
            self._release(credit)
        credit.cancelled = True

    def delete_credit(self, pick: int, other: int, amount: int) -> None:
        credit = self._some(self.credits, pick)
        if credit and credit.source == "USER" and credit.live and not self.used(credit) and not self.refunded(credit):
            credit.deleted = True

    def void_payment(self, pick: int, other: int, amount: int) -> None:
        payment = self._some(self.payments, pick)
        made = [c for c in self.credits.values() if payment and c.payment == payment.id]
        if payment and payment.posted and not any(self.refunded(credit) for credit in made):
            self._void(payment)

    def change_bill(self, pick: int, other: int, amount: int) -> None:
        """Less than was paid turns the surplus into credit, from the newest payments first; more re-opens it."""
        bill = self._some(self.bills, pick)
        if not bill or bill.voided:
            return
        by_credit = sum(sum(p.uses.values()) for p in self.payments.values() if p.posted and p.invoice == bill.id)
        bill.total = max(amount, by_credit)
        for payment in reversed(list(self.payments.values())):
            surplus = self.paid(bill) - bill.total
            if payment.posted and payment.invoice == bill.id and surplus > 0 and payment.cash:
                part = min(surplus, payment.cash)
                payment.cash -= part
                self._overpaid(payment, part)

    def void_bill(self, pick: int, other: int, amount: int) -> None:
        """Its order is cancelled; payments on it stay."""
        bill = self._some(self.bills, pick)
        if bill:
            bill.voided = not bill.voided

    def refund(self, pick: int, other: int, amount: int) -> None:
        credit = self._some(self.credits, pick)
        part = min(amount, self.balance(credit)) if credit else 0
        if credit and part > 0:
            new = PaidBack(self._id("F"), credit.id, part)
            self.refunds[new.id] = new

    def void_refund(self, pick: int, other: int, amount: int) -> None:
        refund = self._some(self.refunds, pick)
        if refund and self.credits[refund.credit].live:
            refund.voided = True

    # ----------------------------------------------------------------------------------------------- inside

    def _receive(self, bill: Bill, cash: int, uses: dict[str, int]) -> None:
        room = self.remaining(bill) - sum(uses.values())
        new = Paid(self._id("P"), bill.id, min(cash, room), uses)
        self.payments[new.id] = new
        if cash > room:
            self._overpaid(new, cash - room)

    def _overpaid(self, payment: Paid, amount: int) -> None:
        new = Granted(self._id("C"), "INVOICE_PAYMENT", amount, payment.id)
        self.credits[new.id] = new

    def _may_pay(self, credit: Granted, bill: Bill) -> bool:
        """A credit never pays the invoice that produced it."""
        maker = self.payments.get(credit.payment or "")
        return credit.live and not (maker and maker.invoice == bill.id)

    def _void(self, payment: Paid) -> None:
        payment.posted = False
        for credit in self.credits.values():
            if credit.payment == payment.id:
                self._release(credit)
                credit.cancelled = True

    def _release(self, credit: Granted) -> None:
        for payment in self.payments.values():
            if payment.posted and payment.uses.pop(credit.id, 0) and not payment.amount and not self._made(payment):
                payment.posted = False

    def _made(self, payment: Paid) -> list[Granted]:
        return [credit for credit in self.credits.values() if credit.payment == payment.id and credit.live]

    def _some(self, records: dict[str, Any], pick: int) -> Any:
        return list(records.values())[pick % len(records)] if records else None

    def _id(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count:02}"

    # --------------------------------------------------------------------------------------------- its records

    def records(self) -> list[Record]:
        return [
            a_company(),
            *(self._bill_record(bill) for bill in self.bills.values()),
            *(self._payment_record(payment) for payment in self.payments.values()),
            *(record for credit in self.credits.values() for record in self._credit_records(credit)),
            *(
                a_refund(r.id, r.credit, text(r.amount), voided_datetime="2026-09-20T10:00:00Z" if r.voided else None)
                for r in self.refunds.values()
            ),
        ]

    def _bill_record(self, bill: Bill) -> Record:
        voided = "2026-09-20T10:00:00Z" if bill.voided else None
        return an_invoice(bill.id, text(bill.total), text(self.paid(bill)), voided_datetime=voided)

    def _payment_record(self, payment: Paid) -> Record:
        return a_payment(
            payment.id,
            payment.invoice,
            text(payment.amount),
            {credit: text(amount) for credit, amount in payment.uses.items()},
            {credit.id: text(credit.amount) for credit in self._made(payment)},
            status="POSTED" if payment.posted else "VOIDED",
            payment_datetime=f"2026-09-02T{int(payment.id[1:]) % 24:02}:00:00Z",
        )

    def _credit_records(self, credit: Granted) -> list[Record]:
        users = {p.id: text(p.uses[credit.id]) for p in self.payments.values() if p.posted and credit.id in p.uses}
        returned = f"R{credit.id}" if credit.source == "RETURN" else None
        record = a_credit(
            credit.id,
            text(credit.amount),
            users,
            credit.source,
            status="CANCELED" if credit.cancelled else "ACTIVE",
            remaining_balance=text(self.balance(credit)),
            payment={"id": credit.payment} if credit.payment else None,
            deleted_at="2026-09-20T10:00:00Z" if credit.deleted else None,
            **({"return": {"id": returned}} if returned else {}),
        )
        goods = {"id": "1", "quantity": "1", "price": text(credit.amount), "product": {"id": "p", "name": "Flower"}}
        return [record, a_return(returned, [goods])] if returned else [record]


ACTS = (
    *("bill", "bill", "pay", "pay", "pay", "grant", "grant", "pay_with_credit", "pay_with_credit", "pay_with_credit"),
    *("pay_with_two_credits", "deposit", "edit_credit", "cancel_credit", "delete_credit", "void_payment"),
    *("change_bill", "change_bill", "void_bill", "refund", "void_refund"),
)
"""What people do, the usual more often."""


def declared(ledger: Ledger, said: dict[str, Any], carried: set[str], own: set[str]) -> list[tuple[str, str]]:
    """PUT /payments/{id} by the contract's own sentences. Answers the records that it made.

    `carried`: ERP payments whose cash the document carries; `own`: credits that hold what it leaves unapplied.
    """
    made: list[tuple[str, str]] = []
    named: dict[str, dict[str, Any]] = {}
    for application in said["applications"]:
        payment_id = application["payment_id"]
        if payment_id is None:
            payment_id = ledger._id("P")
            ledger.payments[payment_id] = Paid(payment_id, application["invoice_id"], 0)
            carried.add(payment_id)
            made.append(("PAYMENT", payment_id))
        assert ledger.payments[payment_id].invoice == application["invoice_id"]
        named[payment_id] = application
    memos = {c.id for c in ledger.credits.values() if c.source in ("USER", "RETURN")}
    resting = 0
    unapplied = cents(said["unapplied_amount"])
    for payment in list(ledger.payments.values()):
        if not payment.posted:
            continue
        if payment.id in named:
            _share(payment, named[payment.id], carried, own, memos)
        elif payment.invoice is None or ledger.bills[payment.invoice].voided:
            resting += _rests(payment, carried, own, unapplied - resting)
        else:
            _share(payment, {"amount": "0", "credit_uses": []}, carried, own, memos)
    made += _hold(ledger, own, unapplied - resting)
    for payment in ledger.payments.values():
        if payment.posted and not payment.amount and not ledger._made(payment):
            payment.posted = False
    return made


def _share(payment: Paid, application: dict[str, Any], carried: set[str], own: set[str], memos: set[str]) -> None:
    """The document's share is what it names; another document's stays."""
    uses = {use["credit_id"]: cents(use["amount"]) for use in application["credit_uses"]}
    mine = own | memos if payment.id in carried else own
    payment.uses = {c: a for c, a in payment.uses.items() if c not in mine} | uses
    if payment.id in carried:
        payment.cash = cents(application["amount"]) - sum(uses.values())
        assert payment.cash >= 0


def _rests(payment: Paid, carried: set[str], own: set[str], limit: int) -> int:
    """Payments that pay no live invoice stay as they are, as far as the unapplied amount covers them."""
    part = 0
    if payment.id in carried:
        payment.cash = part = min(payment.cash, limit)
    for credit in list(payment.uses):
        if credit in own:
            payment.uses[credit] = min(payment.uses[credit], limit - part)
            part += payment.uses[credit]
            if not payment.uses[credit]:
                del payment.uses[credit]
    return part


def _hold(ledger: Ledger, own: set[str], rest: int) -> list[tuple[str, str]]:
    """The rest is held by the payment's credits in total, else by one QB_PAYMENT."""
    live = [ledger.credits[c] for c in sorted(own) if ledger.credits[c].live]
    excess = sum(ledger.balance(credit) for credit in live) - rest
    for credit in live:
        cut = min(excess, ledger.balance(credit)) if excess > 0 else 0
        credit.amount -= cut
        excess -= cut
        if not credit.amount:
            credit.cancelled = True
    if excess >= 0:
        return []
    remaining = [credit for credit in live if credit.live]
    if remaining:
        remaining[-1].amount -= excess
        return []
    new = Granted(ledger._id("C"), "QB_PAYMENT", -excess)
    ledger.credits[new.id] = new
    return [("CREDIT", new.id)]
