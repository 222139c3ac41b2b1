"""What to tell a customer about one record, in one sentence: what it was, what became of it, what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mappings.distru.records import Credit, Invoice, Payment, Refund
from mappings.sides import Sides
from mappings.tieout import erp_credit, erp_receivable

_SIGNS = {"USD": "$", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True)
class Wording:
    """How amounts and days are said: in the books' currency and in the connection's zone."""

    currency: str
    timezone: str
    today: datetime

    def money(self, cents: int) -> str:
        sign = _SIGNS.get(self.currency, f"{self.currency} ")
        return f"{'-' if cents < 0 else ''}{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"

    def day(self, instant: datetime) -> str:
        """`3 March`; with its year where that is another one."""
        zone = ZoneInfo(self.timezone)
        return _day(instant.astimezone(zone).date(), self.today.astimezone(zone).date())


def _day(day: date, today: date) -> str:
    return f"{day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")


def of_credit(sides: Sides, credit: Credit, say: Wording) -> str:
    name = f"Credit {credit.number or credit.id} of {say.money(credit.amount)}"
    if credit.deleted:
        return f"{name} was deleted before anything of it was used."
    uses = [_use(sides, payment, amount, say) for payment, amount in sides.users(credit.id)]
    paid_out = sides.refunded(credit.id)
    done = [f"was put against {_listed(uses)}"] if uses else []
    done += [f"{say.money(paid_out)} of it was paid out"] if paid_out else []
    if credit.cancelled:
        return f"{name} {_joined(done)}; the rest was cancelled." if done else f"{name} was cancelled."
    left = f"{say.money(credit.remaining)} is left" if credit.remaining else "nothing is left"
    return f"{name} {_joined(done)}; {left}." if done else f"{name} has not been used: {left}."


def _use(sides: Sides, payment: Payment, amount: int, say: Wording) -> str:
    invoice = sides.books.invoices.get(payment.invoice or "")
    target = f"invoice {invoice.number or invoice.id}" if invoice else "an order that is not invoiced yet"
    return f"{target} on {say.day(payment.at)} ({say.money(amount)})"


def of_invoice(sides: Sides, invoice: Invoice, say: Wording) -> str:
    name = f"Invoice {invoice.number or invoice.id} of {say.money(invoice.total)} ({say.day(invoice.at)})"
    if invoice.deleted or invoice.voided:
        return f"{name} was {'deleted' if invoice.deleted else 'cancelled'}: nothing is owed on it."
    if invoice.total < 0:
        return f"{name} is in your favour: it lowers what you owe."
    paid = [
        part
        for payment in sorted(sides.books.payments.values(), key=lambda p: (p.at, p.id))
        if payment.posted and payment.invoice == invoice.id
        for part in _paid(sides, payment, say)
    ]
    if invoice.remaining > 0:
        left = f"{say.money(invoice.remaining)} is still to be paid"
    else:
        left = (
            "nothing is owed on it" if invoice.remaining == 0 else f"{say.money(-invoice.remaining)} too much was paid"
        )
    return f"{name} was paid with {_listed(paid)}; {left}." if paid else f"{name} has not been paid: {left}."


def _paid(sides: Sides, payment: Payment, say: Wording) -> list[str]:
    """The money of one payment, and each credit that it used."""
    cash = payment.amount - sum(use.amount for use in payment.uses)
    parts = [f"payment {payment.number or payment.id} on {say.day(payment.at)} ({say.money(cash)})"] if cash else []
    for use in payment.uses:
        credit = sides.books.credits.get(use.credit)
        number = (credit.number if credit else None) or use.credit
        parts.append(f"credit {number} on {say.day(payment.at)} ({say.money(use.amount)})")
    return parts


def of_payment(sides: Sides, payment: Payment, say: Wording) -> str:
    cash = payment.amount - sum(use.amount for use in payment.uses)
    made = [credit for credit_id in payment.makes if (credit := sides.books.credits.get(credit_id)) and credit.live]
    received = cash + sum(credit.amount for credit in made)
    name = f"Payment {payment.number or payment.id} of {say.money(received or payment.amount)} ({say.day(payment.at)})"
    if not payment.posted:
        return f"{name} was cancelled: nothing of it counts any more."
    invoice = sides.books.invoices.get(payment.invoice or "")
    target = f"invoice {invoice.number or invoice.id}" if invoice else "an order that is not invoiced yet"
    told = [f"{say.money(payment.amount)} went to {target}" + (", credits included" if payment.uses else "")]
    told += [f"{say.money(c.amount)} became credit {c.number}, {say.money(c.remaining)} of which is left" for c in made]
    return f"{name}: {_joined(told)}."


def of_refund(sides: Sides, refund: Refund, say: Wording) -> str:
    credit = sides.books.credits.get(refund.credit)
    number = (credit.number if credit else None) or refund.credit
    if refund.voided:
        return f"The refund of {say.money(refund.amount)} from credit {number} was cancelled."
    return f"{say.money(refund.amount)} of credit {number} was paid back to you on {say.day(refund.at)}."


def of_company(sides: Sides, name: str, say: Wording) -> str:
    owed = [i for i in sides.books.invoices.values() if i.remaining > 0 and not (i.voided or i.deleted)]
    credit = erp_credit(sides.books)
    total = erp_receivable(sides.books) + credit
    count = f"{len(owed)} open invoice{'' if len(owed) == 1 else 's'}"
    start = f"{name} owes {say.money(total)} on {count}" if owed else f"{name} has no open invoice"
    return f"{start}, and has {say.money(credit)} of unused credit." if credit else f"{start}."


def only_in_quickbooks(name: str, total: int | None, left: int | None, say: Wording) -> str:
    amount = f" of {say.money(total)}" if total is not None else ""
    rest = f"; {say.money(abs(left))} of it is open" if left else ""
    return f"{name}{amount} is in QuickBooks only{rest}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(parts)
