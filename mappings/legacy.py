"""Overpayments that reached QuickBooks as Credit Memos (before 2026-02-25): found, judged, and made right.

Right is: the memo gone, its Payment's total raised by the credit, so that it is what the Payment leaves unapplied, and
the credit's uses as links of that Payment. Nothing here writes: the credit is said to be held by its Payment, and the
ordinary planner finds the steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mappings.distru.projection import RecordRef, is_held_by_payment, project
from mappings.distru.records import CREDIT, PAYMENT, Credit, Invoice, Payment
from mappings.documents import CreditMemo, Key
from mappings.documents import Payment as PaymentDocument
from mappings.money import text
from mappings.plan import Action, CompanyPlan
from mappings.planner import Agreed, Situation, plan
from mappings.sides import Sides

SINCE = "2026-02-25"
"""Since this day overpayments go out as what their Payment leaves unapplied (seed "Credits", 5)."""


@dataclass(frozen=True)
class Overpayment:
    """One of them. `memo` stands for it now, `payment` is where it belongs (None: not known). `uses`: in cents."""

    credit: Credit
    maker: Payment | None
    memo: Key
    payment: Key | None
    uses: tuple[tuple[Payment, int], ...]

    @property
    def records(self) -> frozenset[RecordRef]:
        """The ERP's records that its repair moves."""
        payments = [payment for payment, _ in self.uses] + ([self.maker] if self.maker else [])
        return frozenset({(CREDIT, self.credit.id)} | {(PAYMENT, payment.id) for payment in payments})


def legacy_overpayments(sides: Sides) -> list[Overpayment]:
    """Every living overpayment credit that a Credit Memo stands for, oldest first."""
    credits = [credit for credit in sides.books.credits.values() if _is_legacy(sides, credit)]
    return [_overpayment(sides, credit) for credit in sorted(credits, key=lambda c: (c.at, c.id))]


def _is_legacy(sides: Sides, credit: Credit) -> bool:
    return credit.live and credit.source == "INVOICE_PAYMENT" and not is_held_by_payment(credit, sides.terms)


def _overpayment(sides: Sides, credit: Credit) -> Overpayment:
    maker = sides.maker(credit)
    payment = sides.standing.get((PAYMENT, maker.id)) if maker else None
    memo = sides.standing.get((CREDIT, credit.id)) or f"credit:{credit.id}"
    return Overpayment(credit, maker, memo, payment, tuple(sides.users(credit.id)))


# ------------------------------------------------------------------------------------------ is it possible


def obstacle(sides: Sides, situation: Situation, decided: CompanyPlan, one: Overpayment) -> str | None:
    """Why a repair leaves this one alone, in a sentence; None where nothing is in its way."""
    reason = _not_there(sides, one) or _not_in_step(decided, one) or _used_elsewhere(sides, one)
    return reason or _locked(sides, one) or _inconsistent(sides, situation, one)


def _not_there(sides: Sides, one: Overpayment) -> str | None:
    if not isinstance(sides.live(one.memo), CreditMemo):
        return (
            f"Its Credit Memo {one.credit.memo_id or ''} is not in QuickBooks any more, or belongs to another customer."
        )
    if not isinstance(sides.live(one.payment), PaymentDocument):
        return "The Payment that it was overpaid with was not found in QuickBooks: re-sync it first."
    return None


def _not_in_step(decided: CompanyPlan, one: Overpayment) -> str | None:
    """Repairs start from books that agree: nothing else may be carried along unseen."""
    frozen = {conflict.key for conflict in decided.conflicts} | decided.waits.keys()
    if any(step.action is not Action.REMEMBER for step in decided.steps) or frozen & {one.memo, one.payment}:
        return "The two books do not agree on this company's documents yet: reconcile or re-sync them first."
    return None


def _used_elsewhere(sides: Sides, one: Overpayment) -> str | None:
    memo = sides.live(one.memo)
    paid_out = sides.refunded(one.credit.id) + (memo.refunded if isinstance(memo, CreditMemo) else 0)
    if paid_out:
        return f"{text(paid_out)} of it was paid out: that refund hangs on the Credit Memo."
    known = {sides.standing.get((PAYMENT, payment.id)) for payment, _ in one.uses}
    foreign = sum(part.amount for part in sides.put_against(one.memo) if part.key not in known)
    if foreign or (isinstance(memo, CreditMemo) and memo.outside):
        return "QuickBooks uses it on documents that the ERP does not know: take these uses off in QuickBooks first."
    return None


def _documents(sides: Sides, one: Overpayment) -> list[Key]:
    """What the repair writes: the memo, its Payment, and the Payments that use the memo."""
    users = [sides.standing.get((PAYMENT, payment.id)) for payment, _ in one.uses]
    return [key for key in (one.memo, one.payment, *users) if key]


def _locked(sides: Sides, one: Overpayment) -> str | None:
    documents = _documents(sides, one)
    if sides.is_closed(documents):
        return f"Closed books: QuickBooks is closed up to {sides.closing_date}. A person has to move the closing date."
    if sides.deposited & set(documents):
        return (
            "Its Payment, or one that uses it, lies in a bank deposit in QuickBooks: remove it from the deposit first."
        )
    return None


def _inconsistent(sides: Sides, situation: Situation, one: Overpayment) -> str | None:
    after = repaired(sides, situation, [one])
    wait = after.projection.waits.get(one.payment or "")
    return wait.cause if wait else None


# -------------------------------------------------------------------------------------------- the repair


def repaired(sides: Sides, situation: Situation, chosen: Iterable[Overpayment]) -> Situation:
    """What would be to decide, were each of these credits held by its Payment: `plan` it to see the steps."""
    before = situation.projection
    here = {key: entity for key, (entity, _) in situation.held.entities.items() if key in before.documents}
    owners = {ref: key for key in here for ref in before.records.get(key, ())}
    moved = {(CREDIT, one.credit.id): one.payment for one in chosen if one.payment}
    terms = replace(
        sides.terms, owners={**sides.terms.owners, **owners, **moved}, linked={**sides.terms.linked, **here}
    )
    held = situation.held.documents
    in_step = {key: Agreed(before.documents[key], held[key], linked=True) for key in here}
    return replace(situation, projection=project(sides.books, terms), agreed={**situation.agreed, **in_step})


def repair_plan(sides: Sides, situation: Situation, chosen: Iterable[Overpayment]) -> CompanyPlan:
    """The steps of the repair, in the planner's own order."""
    return plan(repaired(sides, situation, chosen))


def in_quickbooks_by_hand(one: Overpayment) -> str:
    """How a bookkeeper makes QuickBooks right: what the repair does, in their words."""
    return (
        f"In QuickBooks: take Credit Memo {one.credit.number} off what it pays, delete it, raise the amount of payment "
        f"{one.maker.number if one.maker else '?'} by {text(one.credit.amount)}, and apply that to the same invoices."
    )


def in_the_erp_by_hand(one: Overpayment) -> str:
    """The other way round: the ERP is made to say what QuickBooks says."""
    return (
        f"In the ERP: void payment {one.maker.number if one.maker else '?'}, record it again without the overpaid "
        f"{text(one.credit.amount)}, and create a credit of {text(one.credit.amount)} by hand: it stands on its own."
    )


# ------------------------------------------------------------------------------- invoices that are over-paid


@dataclass(frozen=True)
class OverPaid:
    """An invoice of before overpayments became credits: below zero in the ERP by `surplus` cents, which QuickBooks
    holds as what its newest payment leaves unapplied. `newest`: None where the payment is not known."""

    invoice: Invoice
    surplus: int
    newest: Payment | None


def over_paid_invoices(sides: Sides) -> list[OverPaid]:
    """Every living one, oldest first (scenario C64)."""
    found = [i for i in sides.books.invoices.values() if i.remaining < 0 <= i.total and not (i.voided or i.deleted)]
    return [_over_paid(sides, invoice) for invoice in sorted(found, key=lambda i: (i.at, i.id))]


def _over_paid(sides: Sides, invoice: Invoice) -> OverPaid:
    on_it = [p for p in sides.books.payments.values() if p.posted and p.invoice == invoice.id]
    newest = max(on_it, key=lambda p: (p.at, p.id), default=None)
    return OverPaid(invoice, -invoice.remaining, newest)


def recorded_again(one: OverPaid) -> str:
    """How the ERP comes to hold the surplus as a credit."""
    return (
        f"In the ERP: void payment {one.newest.number if one.newest else '?'} and record it again. Today the ERP turns "
        f"the {text(one.surplus)} that is too much into a credit, which the Payment holds in QuickBooks."
    )
