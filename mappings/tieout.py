"""A/R and credits of both books compared, with the documents that explain a difference. The same comparison as the
planner's, with another question asked of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.distru.records import Books
from mappings.documents import CreditMemo, Invoice, Key, Payment, Refund, Side
from mappings.quickbooks import PAID_OUT, Entity, Held, amount_of, applied_lines, foreign_uses, open_balance

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A document that the two books count differently: `amount` = the ERP's less QuickBooks', in cents."""

    kind: str
    key: Key
    amount: int


@dataclass(frozen=True)
class TieOut:
    """One company's figures in cents. `explained` adds up to the difference."""

    erp_receivable: int
    quickbooks_receivable: int
    erp_credit: int
    quickbooks_credit: int
    explained: tuple[Difference, ...]

    @property
    def difference(self) -> int:
        return self.erp_receivable - self.quickbooks_receivable


def erp_receivable(books: Books) -> int:
    """A/R of one company, as contracts/erp.md defines it."""
    invoices = sum(i.remaining for i in books.invoices.values() if not (i.voided or i.deleted))
    credits = sum(c.remaining for c in books.credits.values() if c.live)
    resting = 0
    for payment in books.payments.values():
        invoice = books.invoices.get(payment.invoice or "")
        if payment.posted and (payment.invoice is None or (invoice is not None and invoice.voided)):
            resting += payment.amount
    return invoices - credits - resting


def erp_credit(books: Books) -> int:
    """What the company could still use."""
    return sum(credit.remaining for credit in books.credits.values() if credit.live)


def contribution(side: Side) -> int:
    """What a document adds to A/R, net of what it put against documents that only QuickBooks has."""
    match side:
        case Invoice() | Refund():
            return side.total
        case CreditMemo():
            return -(side.total - side.outside - side.refunded)
        case Payment():
            by_credits = sum(sum(shares) for shares in foreign_uses(side).values())
            return -(side.total + by_credits - side.outside - side.refunded)
        case _:
            return 0


def tie_out(
    books: Books,
    projected: Mapping[Key, Side],
    held: Held,
    others: Iterable[tuple[str, Raw]],
    accounts: frozenset[str],
    as_of: str | None = None,
) -> TieOut:
    """Compare one company's books. `others`: live QuickBooks objects that are no document of ours (QuickBooks-only
    invoices and credits, journal entries, cheques on A/R); `accounts`: the A/R accounts; `as_of`: a day, inclusive."""
    rest = [(entity, raw) for entity, raw in others if as_of is None or str(raw.get("TxnDate", "")) <= as_of]
    # What a negative invoice's memo pays in QuickBooks is no credit use of the ERP's: it counts by what it has left.
    negative = {held.entities[key]: key for key in held.entities if key.startswith("negative:")}
    # A record that cannot be read has its document in QuickBooks all the same; only one born there may have no record.
    ours = {entity for key, entity in held.entities.items() if key in projected or "@" not in key} - negative.keys()
    loose = {
        negative.get((entity, raw["Id"]), f"{entity}@{raw['Id']}"): amount
        for entity, raw, amount in _open_amounts(rest, ours, accounts)
    }
    keys = sorted(projected.keys() | held.documents.keys() | loose.keys())
    differences, erp_sum, qbo_sum = [], 0, 0
    for key in keys:
        mine = contribution(_on(projected.get(key), as_of))
        theirs = loose[key] if key in loose else contribution(_on(held.documents.get(key), as_of))
        erp_sum, qbo_sum = erp_sum + mine, qbo_sum + theirs
        if mine != theirs:
            differences.append(
                Difference(_kind(key, projected.get(key) or held.documents.get(key)), key, mine - theirs)
            )
    erp = erp_sum if as_of else erp_receivable(books)
    if erp != erp_sum:
        differences.append(Difference("ERP", "", erp - erp_sum))
    applied = _applied(rest)
    credit = -sum(min(0, _open(entity, raw, applied)) for entity, raw in rest)
    return TieOut(erp, qbo_sum, erp_credit(books), credit, tuple(differences))


def _on(side: Side, as_of: str | None) -> Side:
    date = getattr(side, "date", "")
    return side if as_of is None or not date or date <= as_of else None


def _kind(key: Key, side: Side) -> str:
    return key.partition("@")[0] if "@" in key else str(getattr(side, "KIND", key.partition(":")[0]))


def _open_amounts(
    objects: list[tuple[str, Raw]], ours: set[Entity], accounts: frozenset[str]
) -> Iterable[tuple[str, Raw, int]]:
    """Objects that only QuickBooks has, with what each still adds to A/R."""
    applied = _applied(objects)
    for entity, raw in objects:
        if (entity, raw["Id"]) in ours:
            continue
        if entity in ("Invoice", "CreditMemo"):
            yield entity, raw, _open(entity, raw, applied)
        elif entity == "JournalEntry":
            moved = _journal(raw, accounts)
            done = applied[(entity, raw["Id"])]
            yield entity, raw, moved - done if moved > 0 else moved + done
        elif entity == "Purchase":
            yield entity, raw, _cheque(raw, accounts) - applied[(entity, raw["Id"])]


def _open(entity: str, raw: Raw, applied: Mapping[Entity, int]) -> int:
    """A memo's own figure may be old: its use need not move it, and then only the Payment tells (REFERENCE 14)."""
    if entity == "CreditMemo":
        return max(open_balance(entity, raw), applied.get((entity, raw["Id"]), 0) - amount_of(raw, "TotalAmt"))
    return open_balance(entity, raw)


def _applied(objects: list[tuple[str, Raw]]) -> dict[tuple[str, str], int]:
    """What Payments put against each object, by (entity, id)."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for entity, raw in objects:
        for line, amount in applied_lines(raw) if entity == "Payment" else ():
            for linked in line["LinkedTxn"]:
                target = "Purchase" if linked["TxnType"] in PAID_OUT else str(linked["TxnType"])
                found[(target, str(linked["TxnId"]))] += amount
    return found


def _journal(raw: Raw, accounts: frozenset[str]) -> int:
    """What a journal entry posts to A/R: debits raise it, credits lower it."""
    total = 0
    for line in raw.get("Line") or ():
        detail = line.get("JournalEntryLineDetail") or {}
        if (detail.get("AccountRef") or {}).get("value") in accounts:
            total += amount_of(line, "Amount") * (1 if detail.get("PostingType") == "Debit" else -1)
    return total


def _cheque(raw: Raw, accounts: frozenset[str]) -> int:
    lines = raw.get("Line") or ()
    return sum(
        amount_of(line, "Amount")
        for line in lines
        if ((line.get("AccountBasedExpenseLineDetail") or {}).get("AccountRef") or {}).get("value") in accounts
    )
