"""A Credit Memo that was deleted in QuickBooks re-opens the invoices that it paid. Where these lie in closed books, a
person has to decide: a task instead of a declaration (scenario B42)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mappings.documents import CreditMemo, Ending, Invoice, Key, Payment
from mappings.money import text
from mappings.plan import Action, Step
from mappings.quickbooks import link_amounts
from service.engine import problems
from service.engine.compare import Comparison
from service.engine.lists import Lists
from service.engine.working import Working
from service.errors import Refused
from service.ports import Problem

WHAT_TO_DO = (
    "Ask the accountant. To let the ERP follow QuickBooks, move the closing date in QuickBooks for a moment and retry; "
    "else settle these invoices in QuickBooks in another way, and put this aside."
)


@dataclass(frozen=True)
class Task:
    """The step that waits, the payments that wait with it, and the invoices that it would open again."""

    step: Step
    payments: tuple[Key, ...]
    cause: str

    def problem(self, w: Working, c: Comparison) -> Problem:
        found = problems.of_step(w, c, self.step, Refused(self.cause, code="closed_books"))
        return replace(found, what_to_do=WHAT_TO_DO)


def tasks(c: Comparison, lists: Lists) -> Iterator[Task]:
    """One for each deleted memo whose uses reach into closed books."""
    for step in c.plan.steps:
        ended = step.action is Action.DECLARE and isinstance(step.document, Ending)
        if not ended or not isinstance(step.erp, CreditMemo) or not lists.closing_date:
            continue
        users = _users(c, step.key)
        closed = [line for user in users.values() for line in _closed(c, lists, step.key, user)]
        if closed:
            number = step.erp.number or step.key
            yield Task(step, tuple(users), _cause(number, sorted(set(closed)), lists.closing_date))


def _users(c: Comparison, memo: Key) -> dict[Key, Payment]:
    """The ERP's payments that used it."""
    documents = c.projection.documents.items()
    return {key: side for key, side in documents if isinstance(side, Payment) and memo in link_amounts(side)}


def _closed(c: Comparison, lists: Lists, memo: Key, user: Payment) -> Iterator[str]:
    for part in user.invoices:
        invoice = c.projection.documents.get(part.key)
        if isinstance(invoice, Invoice) and lists.closing_date_at_least(invoice.date):
            amount = min(part.amount, link_amounts(user)[memo])
            yield f"{invoice.number or part.key} of {invoice.date} ({text(amount)})"


def _cause(memo: str, invoices: list[str], closing: str) -> str:
    return (
        f"Credit Memo {memo} was deleted in QuickBooks after it was used. To follow, the ERP would open invoices again "
        f"that lie in books closed up to {closing}: {', '.join(invoices)}. Nothing was changed there."
    )
