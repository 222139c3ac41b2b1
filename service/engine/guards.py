"""What may be done to an invoice or a credit now, in the contract's shape."""

from __future__ import annotations

from mappings.guards import Blocker, Guard, credit_guards, invoice_guards
from mappings.money import text
from mappings.sides import Sides
from service.engine.compare import Comparison, compare
from service.engine.lists import load_lists
from service.engine.looking import View, named, sides_of
from service.engine.working import Working
from service.errors import Reason, Rejected
from service.ports import Transaction


def of_invoice(tx: Transaction, w: Working, invoice_id: str) -> View:
    """Raises `Rejected` (`unknown_invoice`) for one that the ERP has not told of, or that is gone."""
    c, sides = _look(tx, w, "INVOICE", invoice_id)
    invoice = c.books.invoices.get(invoice_id)
    if invoice is None or invoice.deleted:
        raise _unknown("INVOICE")
    found = invoice_guards(sides, invoice)
    return {
        "change_customer": _guard(c, sides, found.change_customer),
        "delete": _guard(c, sides, found.delete),
        "void": _guard(c, sides, found.void),
    }


def of_credit(tx: Transaction, w: Working, credit_id: str) -> View:
    """Raises `Rejected` (`unknown_credit`) for one that the ERP has not told of, or that is deleted."""
    c, sides = _look(tx, w, "CREDIT", credit_id)
    credit = c.books.credits.get(credit_id)
    if credit is None or credit.deleted:
        raise _unknown("CREDIT")
    found = credit_guards(sides, credit)
    return {
        "edit_amount": _guard(c, sides, found.edit_amount) | {"minimum": text(found.minimum)},
        "cancel": _guard(c, sides, found.cancel) | {"modes": list(found.modes)},
        "delete": _guard(c, sides, found.delete),
    }


def _look(tx: Transaction, w: Working, kind: str, erp_id: str) -> tuple[Comparison, Sides]:
    record = tx.records.get(w.id, kind, erp_id)
    if record is None or record.company_id is None:
        raise _unknown(kind)
    lists = load_lists(tx, w)
    c = compare(tx, w, record.company_id, lists)
    return c, sides_of(c, lists)


def _unknown(kind: str) -> Rejected:
    word = kind.lower()
    return Rejected(Reason.NOT_FOUND, f"unknown_{word}", f"The ERP has not told of a living {word} with this id.")


def _guard(c: Comparison, sides: Sides, guard: Guard) -> View:
    return {
        "allowed": guard.allowed,
        "reason": " ".join(guard.reasons) or None,
        "blocking": [_blocker(c, sides, blocker) for blocker in guard.blocking],
    }


def _blocker(c: Comparison, sides: Sides, blocker: Blocker) -> View:
    return named(c, sides, blocker.record, blocker.key) | {"amount": text(blocker.amount)}
