"""One document in three copies, field by field in an accountant's words, and what each way out of a conflict does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mappings.documents import CreditMemo, Document, Ending, Invoice, Parts, Payment, Side, from_json
from mappings.keys import record_of
from mappings.money import text
from mappings.quickbooks import amount_of
from service.ports import Connection, Problem, Raw, Transaction

View = dict[str, Any]
Words = list[str]
NameOf = Callable[[str], str]

_KINDS = {
    "INVOICE": "invoice",
    "PAYMENT": "payment",
    "CREDIT": "credit",
    "REFUND": "refund",
    "COMPANY": "company",
    "Invoice": "invoice",
    "Payment": "payment",
    "CreditMemo": "credit memo",
    "Purchase": "cheque",
    "Customer": "customer",
}


@dataclass(frozen=True)
class _Field:
    """One field of one copy. `compared`: what decides whether two copies differ, where that is not the words."""

    words: Words
    compared: Words | None = None

    @property
    def told(self) -> Words:
        return self.words if self.compared is None else self.compared


def side_by_side(tx: Transaction, connection: Connection, problem: Problem) -> tuple[list[View], list[View]]:
    """(rows, ways out). A row: `{label, erp, quickbooks, agreed, differs}`, each copy a list of texts."""
    erp, quickbooks, agreed = _read(problem.erp), _read(problem.quickbooks), _read(problem.agreed)
    name_of = partial(_name, tx, connection)
    copies = {
        "erp": dict(_fields(erp, name_of)),
        "quickbooks": dict(_fields(quickbooks, name_of)) | _lines_in_quickbooks(tx, connection, problem, quickbooks),
        "agreed": dict(_fields(agreed, name_of)),
    }
    rows = _rows(copies) if any((erp, quickbooks, agreed)) else []
    return rows, [_way_out(choice, rows, erp, quickbooks) for choice in problem.choices]


def _read(body: Raw | None) -> Side:
    """A record that belongs to nobody is kept as the ERP wrote it: that is no document."""
    return from_json(body) if body is not None and ("ending" in body or isinstance(body.get("total"), int)) else None


# -------------------------------------------------------------------------------------------------- the rows


def _rows(copies: dict[str, dict[str, _Field]]) -> list[View]:
    labels = dict.fromkeys(label for copy in copies.values() for label in copy)
    nothing = _Field([])
    return [
        {"label": label, **{side: copy.get(label, nothing).words for side, copy in copies.items()}}
        | {"differs": copies["erp"].get(label, nothing).told != copies["quickbooks"].get(label, nothing).told}
        for label in labels
        if any(copy.get(label, nothing).words for copy in copies.values())
    ]


def _fields(side: Side, name_of: NameOf) -> Iterator[tuple[str, _Field]]:
    yield "State", _Field([_state(side)])
    if side is None or isinstance(side, Ending):
        return
    yield "Customer", _Field([name_of(side.customer if "@" in side.customer else f"company:{side.customer}")])
    yield "Number", _Field(_maybe(side.number))
    yield "Date", _Field(_maybe(side.date))
    if isinstance(side, Invoice):
        yield "Due", _Field(_maybe(side.due_date))
    yield "Amount", _Field([text(side.total)])
    for label, words in _contents(side, name_of):
        yield label, _Field(words)
    if isinstance(side, Invoice | CreditMemo) and side.lines:
        lines = [_line(line.description, line.quantity, line.unit_price, line.amount) for line in side.lines]
        yield "Lines", _Field(lines, [text(line.amount) for line in side.lines])
    yield "Note", _Field(_maybe(side.note))


def _contents(side: Document, name_of: NameOf) -> Iterator[tuple[str, Words]]:
    if isinstance(side, Invoice | CreditMemo):
        yield "Note to the customer", _maybe(side.customer_note)
    if isinstance(side, Invoice) and side.discount:
        yield "Discount", [text(side.discount)]
    if isinstance(side, Payment):
        yield "Put against", _parts(side.invoices, name_of)
        yield "Paid with", _parts(side.credits, name_of)
        yield "Paid back by", _parts(side.refunds, name_of)
        yield "Left over", [text(side.unapplied)]
    if isinstance(side, Payment | CreditMemo):
        yield "Put against documents that only QuickBooks has", [text(side.outside)] if side.outside else []
        yield "Paid out in QuickBooks", [text(side.refunded)] if side.refunded else []


def _lines_in_quickbooks(tx: Transaction, connection: Connection, problem: Problem, side: Side) -> dict[str, _Field]:
    """A document read from QuickBooks carries no lines: they are taken from the object as last seen."""
    row = tx.id_map.get(connection.id, connection.epoch, problem.key or "")
    if not isinstance(side, Invoice | CreditMemo) or row is None or not row.quickbooks_id:
        return {}
    seen = tx.objects.get(connection.id, connection.epoch, row.quickbooks_type or "", row.quickbooks_id)
    sold = [line for line in (seen.body.get("Line") or () if seen else ()) if line.get("SalesItemLineDetail")]
    words = [_sold(line, line["SalesItemLineDetail"]) for line in sold]
    return {"Lines": _Field(words, [text(amount_of(line, "Amount")) for line in sold])} if words else {}


def _sold(line: Raw, detail: Raw) -> str:
    quantity, price = (None if detail.get(name) is None else str(detail[name]) for name in ("Qty", "UnitPrice"))
    return _line(str(line.get("Description") or ""), quantity, price, amount_of(line, "Amount"))


def _state(side: Side) -> str:
    if side is None:
        return "not there"
    return side.value if isinstance(side, Ending) else "there"


def _maybe(value: str | None) -> Words:
    return [value] if value else []


def _line(description: str, quantity: str | None, unit_price: str | None, amount: int) -> str:
    counted = f"{quantity} × {unit_price}" if quantity and unit_price else ""
    return " · ".join(filter(None, (description, counted, text(amount))))


def _parts(of: Parts, name_of: NameOf) -> Words:
    return [f"{name_of(part.key)}: {text(part.amount)}" for part in of]


def _name(tx: Transaction, connection: Connection, key: str) -> str:
    """What people call a document: its kind and number; a company by its name alone."""
    entity, at, object_id = key.partition("@")
    if at:
        seen = tx.objects.get(connection.id, connection.epoch, entity, object_id)
        return f"{_KINDS.get(entity, entity)} {(seen.number if seen else None) or object_id}"
    ref = record_of(key)
    if ref is None:
        return key
    record = tx.records.get(connection.id, *ref)
    number = (record.number if record else None) or ref[1]
    return number if ref[0] == "COMPANY" else f"{_KINDS[ref[0]]} {number}"


# ------------------------------------------------------------------------------------------------- ways out


@dataclass(frozen=True)
class _Way:
    label: str
    effect: str


def _way_out(choice: str, rows: list[View], erp: Side, quickbooks: Side) -> View:
    way = _ways(choice, rows, erp, quickbooks)
    return {"choice": choice, "label": way.label, "effect": way.effect}


def _ways(choice: str, rows: list[View], erp: Side, quickbooks: Side) -> _Way:
    match choice:
        case "use_erp":
            return _Way("Keep what the ERP says", _effect("QuickBooks", rows, erp, "erp", quickbooks))
        case "use_quickbooks":
            return _Way("Keep what QuickBooks says", _effect("the ERP", rows, quickbooks, "quickbooks", erp))
        case "release_uses":
            left = text(quickbooks.total) if isinstance(quickbooks, CreditMemo) else "0.00"
            return _Way(
                "Take uses off in the ERP",
                f"In the ERP, the newest uses of this credit are taken off until what is left fits the {left} that "
                "QuickBooks has. Payments made of credits alone are voided, and their invoices are open again; one "
                "that holds money, too, is left for you to void.",
            )
        case "end_in_quickbooks":
            return _Way(
                "They were deleted: end them in QuickBooks",
                "Every record that the ERP does not list when this is carried out counts as deleted. Its document is "
                "voided or deleted in QuickBooks.",
            )
        case _:
            return _Way(choice.replace("_", " ").capitalize(), "")


def _effect(loser: str, rows: list[View], winner: Side, wins: str, losing: Side) -> str:
    """What changes on the side that gives way."""
    start = loser[0].upper() + loser[1:]
    if winner is None or isinstance(winner, Ending):
        return f"The document is taken out of {loser}, as it is {_state(winner)} on the other side."
    if losing is None or isinstance(losing, Ending):
        return f"The document is made again in {loser}, with {text(winner.total)}."
    loses = "quickbooks" if wins == "erp" else "erp"
    moved = [
        f"{row['label'].lower()} from {_said(row[loses])} to {_said(row[wins])}"
        for row in rows
        if row["differs"] and row["label"] != "State"
    ]
    return f"{start} changes: {'; '.join(moved)}." if moved else f"{start} is written anew as the other side has it."


def _said(words: Words) -> str:
    return ", ".join(words) or "nothing"
