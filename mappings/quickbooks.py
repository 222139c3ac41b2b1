"""QuickBooks' JSON ↔ documents. The only place in `mappings` that knows its spelling.

Reading: amounts are JSON numbers in major units (Decimal or int, never float). Writing: new documents are whole bodies;
changed ones are merged into the object as last seen, so that fields we do not know survive. Sources: qbo/REFERENCE.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from mappings.documents import CreditMemo, Document, Ending, Invoice, Key, Line, Payment, Refund, Side, amounts, parts
from mappings.keys import born_key, marker
from mappings.money import NotMoney, cents, decimal, rounded_cents

Raw = Mapping[str, Any]
Entity = tuple[str, str]
"""(entity, QuickBooks id), e.g. ("CreditMemo", "181")."""

NOTE_LENGTH, MEMO_LENGTH, LINE_LENGTH = 4000, 1000, 4000
TYPES = {"invoice": "Invoice", "credit_memo": "CreditMemo", "payment": "Payment", "refund": "Purchase"}
RECEIVABLES = ("Invoice", "CreditMemo", "Payment")
"""Entities that become documents; others that move A/R are only explained (JournalEntry, Purchase)."""
PAID_OUT = ("Check", "Expense", "CreditCardCredit")
"""A Purchase as a Payment's line names it: a charge that a credit pays out (REFERENCE 4.12, 16.1)."""


@dataclass(frozen=True)
class Refs:
    """QuickBooks ids that a body needs. `ids`: our key → (entity, id); `customers`: ERP company → Customer id."""

    customers: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[Key, Entity] = field(default_factory=dict)
    default_item: str | None = None
    receivable_account: str | None = None
    bank_account: str | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Held:
    """What QuickBooks holds of one customer, in the shared form. `entities`: our key → what it is there."""

    documents: Mapping[Key, Side] = field(default_factory=dict)
    entities: Mapping[Key, Entity] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ reading


def read_objects(
    objects: Iterable[tuple[str, Raw, bool]], known: Mapping[Entity, Key], company: str, customer: str | None = None
) -> Held:
    """Read every (entity, object, deleted) of one company; one that moved to another customer has left it.

    `known` names the objects that stand, or will stand, for a record of the ERP; whatever else a Payment touches counts
    as `outside`. Payments that are not known are read too, under the key of a document born in QuickBooks; other
    strangers are left to the tie-out: as documents they would look like targets of ours when a Payment is written.
    """
    documents: dict[Key, Side] = {}
    entities: dict[Key, Entity] = {}
    for entity, raw, deleted in objects:
        if entity != "Payment" and (entity, raw["Id"]) not in known:
            continue
        key = known.get((entity, raw["Id"])) or born_key(entity, raw["Id"])
        gone = deleted or (customer is not None and customer_of(raw) != customer)
        documents[key] = Ending.DELETED if gone else read_object(entity, raw, key, known, company)
        entities[key] = (entity, raw["Id"])
    return Held(with_foreign_uses(documents), entities)


def read_object(entity: str, raw: Raw, key: Key, known: Mapping[Entity, Key], company: str) -> Side:
    """One object as a document; an `Ending` where it was voided."""
    if is_voided(raw):
        return Ending.VOIDED
    match entity:
        case "Invoice":
            return _invoice(raw, key, company)
        case "CreditMemo":
            return _credit_memo(raw, key, company)
        case "Payment":
            return _payment(raw, key, known, company)
        case _:
            return Refund(
                key, company, str(raw.get("TxnDate", "")), note=own_note(raw), total=amount_of(raw, "TotalAmt")
            )


def is_voided(raw: Raw) -> bool:
    """No flag marks a voided transaction: the amount is 0, nothing is linked, the note starts with Voided (REFERENCE
    4.9)."""
    linked = any(line.get("LinkedTxn") for line in raw.get("Line") or ())
    return amount_of(raw, "TotalAmt") == 0 and str(raw.get("PrivateNote", "")).startswith("Voided") and not linked


def customer_of(raw: Raw) -> str | None:
    """The customer that an object belongs to: an id of QuickBooks'."""
    for name in ("CustomerRef", "EntityRef"):
        ref = raw.get(name)
        if ref and ref.get("type", "Customer") == "Customer":
            return str(ref["value"])
    for line in raw.get("Line") or ():
        entity = (line.get("JournalEntryLineDetail") or {}).get("Entity") or {}
        if entity.get("Type") == "Customer" and entity.get("EntityRef"):
            return str(entity["EntityRef"]["value"])
    return None


def number_of(raw: Raw) -> str | None:
    """The number that a person sees on it: a Payment has no DocNumber but a PaymentRefNum."""
    return raw.get("DocNumber") or raw.get("PaymentRefNum")


def marker_of(raw: Raw) -> str | None:
    """Our marker, where the last line of PrivateNote is one."""
    lines = str(raw.get("PrivateNote") or "").strip().splitlines()
    return lines[-1].strip() if lines and lines[-1].strip().startswith("Distru ") else None


def open_balance(entity: str, raw: Raw) -> int:
    """What an object still adds to its customer's A/R, in cents: an invoice's Balance, less what a credit has left."""
    match entity:
        case "Invoice":
            return amount_of(raw, "Balance")
        case "CreditMemo":
            return -amount_of(raw, "RemainingCredit" if "RemainingCredit" in raw else "Balance")
        case "Payment":
            return -amount_of(raw, "UnappliedAmt")
        case _:
            return 0


def own_note(raw: Raw) -> str:
    """PrivateNote without our own lines (the marker, and a shortened number before it): what a person wrote."""
    kept: list[str] = []
    for line in str(raw.get("PrivateNote") or "").splitlines():
        if not _MARKER.fullmatch(line.strip()):
            kept.append(line)
        elif kept and _FULL_NUMBER.fullmatch(kept[-1].strip()):
            kept.pop()
    return "\n".join(kept).strip()


_MARKER = re.compile(r"Distru (company|invoice|payment|credit|return|refund) \S+")
_FULL_NUMBER = re.compile(r"Number \S+")


def _invoice(raw: Raw, key: Key, company: str) -> Invoice:
    return Invoice(
        key,
        company,
        str(raw.get("TxnDate", "")),
        raw.get("DocNumber"),
        total=amount_of(raw, "TotalAmt"),
        due_date=raw.get("DueDate"),
    )


def _credit_memo(raw: Raw, key: Key, company: str) -> CreditMemo:
    memo = raw.get("CustomerMemo") or {}
    return CreditMemo(
        key,
        company,
        str(raw.get("TxnDate", "")),
        raw.get("DocNumber"),
        own_note(raw),
        total=amount_of(raw, "TotalAmt"),
        customer_note=str(memo.get("value") or ""),
    )


def _payment(raw: Raw, key: Key, known: Mapping[Entity, Key], company: str) -> Payment:
    invoices: dict[Key, int] = defaultdict(int)
    credits: dict[Key, int] = defaultdict(int)
    refunds: dict[Key, int] = defaultdict(int)
    strangers = 0
    for line, amount in applied_lines(raw):
        for linked in line["LinkedTxn"]:
            target = known_target(linked, known)
            if linked["TxnType"] in PAID_OUT:
                refunds[target or ""] += amount
            elif linked["TxnType"] == "Invoice" and target:
                invoices[target] += amount
            elif linked["TxnType"] == "CreditMemo" and target:
                credits[target] += amount
            else:
                strangers += {"Invoice": amount, "CreditMemo": -amount}.get(linked["TxnType"], 0)
    refunded = refunds.pop("", 0)
    payment = Payment(
        key,
        company,
        str(raw.get("TxnDate", "")),
        raw.get("PaymentRefNum"),
        own_note(raw),
        total=amount_of(raw, "TotalAmt"),
        invoices=parts(invoices),
        credits=parts(credits),
        refunds=parts(refunds),
        refunded=refunded,
        method=_ref(raw, "PaymentMethodRef"),
        deposit_account=_ref(raw, "DepositToAccountRef"),
    )
    if raw.get("UnappliedAmt") is None:
        return replace(payment, outside=strangers)
    # Whatever the equation leaves over went to documents that the ERP does not have, of whatever type and sign.
    return replace(payment, outside=payment.unapplied - amount_of(raw, "UnappliedAmt"))


def applied_lines(raw: Raw) -> list[tuple[Raw, int]]:
    """A Payment's lines with what each applies, in cents.

    QuickBooks may go on showing a line as it was sent where the invoice took less (REFERENCE 14 #1). What it leaves
    unapplied tells how much less; whose line came last found its invoice settled.
    """
    lines = [(line, amount_of(line, "Amount")) for line in raw.get("Line") or () if line.get("LinkedTxn")]
    surplus, found = _shown_beyond_applied(raw, lines), []
    for line, shown in reversed(lines):
        cut = min(shown, surplus) if _type_of(line) != "CreditMemo" else 0
        surplus -= cut
        found.append((line, shown - cut))
    return found[::-1]


def _shown_beyond_applied(raw: Raw, lines: Sequence[tuple[Raw, int]]) -> int:
    """0 where it cannot be told: a journal entry may be a charge or a credit."""
    if raw.get("UnappliedAmt") is None or any(_type_of(line) == "JournalEntry" for line, _ in lines):
        return 0
    put = sum(-amount if _type_of(line) == "CreditMemo" else amount for line, amount in lines)
    return max(0, put + amount_of(raw, "UnappliedAmt") - amount_of(raw, "TotalAmt"))


def _type_of(line: Raw) -> str:
    return str(line["LinkedTxn"][0]["TxnType"])


def known_target(linked: Raw, known: Mapping[Entity, Key]) -> Key | None:
    """Our key for what a Payment's line points at. A negative invoice's memo is no credit of the ERP's: unknown."""
    entity = "Purchase" if linked["TxnType"] in PAID_OUT else str(linked["TxnType"])
    key = known.get((entity, str(linked["TxnId"])))
    return None if key and key.startswith("negative:") else key


def with_foreign_uses(documents: Mapping[Key, Side]) -> dict[Key, Side]:
    """Tell each credit memo what of it went to documents that the ERP does not have, and what was paid out."""
    outside: dict[Key, int] = defaultdict(int)
    refunded: dict[Key, int] = defaultdict(int)
    for payment in documents.values():
        if not isinstance(payment, Payment) or not payment.credits:
            continue
        for key, (beyond, paid_out) in foreign_uses(payment).items():
            outside[key] += beyond
            refunded[key] += paid_out
    return {
        key: replace(side, outside=outside[key], refunded=refunded[key]) if isinstance(side, CreditMemo) else side
        for key, side in documents.items()
    }


def foreign_uses(payment: Payment) -> dict[Key, tuple[int, int]]:
    """(outside, refunded) of each credit on one Payment: credits pay what the ERP knows first, then the rest."""
    known = sum(part.amount for part in (*payment.invoices, *payment.refunds))
    beyond, paid_out = max(payment.outside, 0), payment.refunded
    shares = {}
    for part in payment.credits:
        at_home = min(part.amount, known)
        out = min(part.amount - at_home, beyond)
        paid = min(part.amount - at_home - out, paid_out)
        known, beyond, paid_out = known - at_home, beyond - out, paid_out - paid
        shares[part.key] = (out, paid)
    return shares


def amount_of(raw: Raw, name: str) -> int:
    """An amount of an object in cents, 0 where QuickBooks leaves it out."""
    value = raw.get(name)
    try:
        return 0 if value is None else cents(value)
    except NotMoney:
        return cents(Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _ref(raw: Raw, name: str) -> str | None:
    ref = raw.get(name)
    return str(ref["value"]) if ref and ref.get("value") else None


# ------------------------------------------------------------------------------------------------ writing

_READ_ONLY = frozenset(
    {
        "domain",
        "sparse",
        "MetaData",
        "UnappliedAmt",
        "LinkedTxn",
        "HomeTotalAmt",
        "HomeBalance",
        "CreditCardPayment",
        "TxnSource",
        "status",
        "time",
    }
)
"""Computed by QuickBooks, or refused when a read is posted back (REFERENCE 5, 15.37)."""


def body(document: Document, refs: Refs, raw: Raw | None = None, agreed: Side = None) -> dict[str, Any]:
    """What to POST so that QuickBooks holds `document`: a new object, or (with `raw`) the changed one.

    Texts that the ERP did not change since `agreed` are left as QuickBooks has them.
    """
    match document:
        case Invoice():
            return _sales_form(document, refs, raw, agreed) | _invoice_extras(document)
        case CreditMemo():
            return _sales_form(document, refs, raw, agreed)
        case Payment():
            return _payment_body(document, refs, raw, agreed)
        case Refund():
            return _purchase_body(document, refs, raw, agreed)


def identity(raw: Raw) -> dict[str, Any]:
    """The part of a body that names an existing object in the version we know."""
    return {"Id": raw["Id"], "SyncToken": raw["SyncToken"]}


def _sales_form(document: Invoice | CreditMemo, refs: Refs, raw: Raw | None, agreed: Side) -> dict[str, Any]:
    """Invoices and credit memos: a sparse update leaves what we do not name as it is; lines are sent whole or not."""
    result: dict[str, Any] = {**identity(raw), "sparse": True} if raw else {}
    result["CustomerRef"] = {"value": refs.customers[document.customer]}
    result["TxnDate"] = _kept(raw, "TxnDate", document.date, _text(agreed, "date"))
    number = _kept(raw, "DocNumber", document.number, _text(agreed, "number"))
    if number:
        result["DocNumber"] = number
    if raw is None or not _lines_stand(document, raw, agreed):
        result["Line"] = _sales_lines(document, refs, raw)
    result["PrivateNote"] = _private_note(document, raw, agreed)
    memo_stands = raw is not None and _text(agreed, "customer_note") == document.customer_note
    if not memo_stands and (document.customer_note or (raw and raw.get("CustomerMemo"))):
        result["CustomerMemo"] = {"value": clean(document.customer_note, MEMO_LENGTH)}
    if refs.currency and not raw:
        result["CurrencyRef"] = {"value": refs.currency}
    return result


def _lines_stand(document: Invoice | CreditMemo, raw: Raw, agreed: Side) -> bool:
    """Whether the ERP left amounts and lines alone: then a bookkeeper's items on them stay (scenario 13)."""
    if not isinstance(agreed, Invoice | CreditMemo) or amount_of(raw, "TotalAmt") != document.total:
        return False
    discounts = [side.discount if isinstance(side, Invoice) else 0 for side in (document, agreed)]
    return document.lines == agreed.lines and discounts[0] == discounts[1]


def _invoice_extras(document: Invoice) -> dict[str, Any]:
    return {"DueDate": document.due_date} if document.due_date else {}


def _sales_lines(document: Invoice | CreditMemo, refs: Refs, raw: Raw | None) -> list[dict[str, Any]]:
    """Our lines, merged position by position into those that are there: a bookkeeper's class on a line survives."""
    there = [line for line in (raw or {}).get("Line") or () if line.get("DetailType") == "SalesItemLineDetail"]
    lines = document.lines or (Line(document.total, "Credit"),)
    result = [_sales_line(line, refs, there[at] if at < len(there) else None) for at, line in enumerate(lines)]
    if isinstance(document, Invoice) and document.discount:
        detail = {"PercentBased": False}
        result.append(
            {"Amount": decimal(document.discount), "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}
        )
    return result


def _sales_line(line: Line, refs: Refs, there: Raw | None) -> dict[str, Any]:
    old = {
        k: v for k, v in ((there or {}).get("SalesItemLineDetail") or {}).items() if k in ("ClassRef", "ServiceDate")
    }
    detail: dict[str, Any] = old | {
        "ItemRef": {"value": line.item or refs.default_item},
        "TaxCodeRef": {"value": "NON"},
    }
    if _extends(line):
        detail |= {"Qty": Decimal(line.quantity or 0), "UnitPrice": Decimal(line.unit_price or 0)}
    result: dict[str, Any] = {"Id": there["Id"]} if there and there.get("Id") else {}
    result |= {"Amount": decimal(line.amount), "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    if line.description:
        result["Description"] = clean(line.description, LINE_LENGTH)
    return result


def _extends(line: Line) -> bool:
    """Whether quantity × price gives the amount: only then may both be sent (6070)."""
    try:
        quantity, price = Decimal(line.quantity or ""), Decimal(line.unit_price or "")
        return quantity > 0 and price >= 0 and rounded_cents(quantity * price) == line.amount
    except (InvalidOperation, NotMoney):
        return False


def _payment_body(document: Payment, refs: Refs, raw: Raw | None, agreed: Side) -> dict[str, Any]:
    """A Payment is always sent whole: what is left out of an update becomes null, and lines go all or none (REFERENCE
    3.4)."""
    result: dict[str, Any] = {name: value for name, value in (raw or {}).items() if name not in _READ_ONLY}
    result["CustomerRef"] = {"value": refs.customers[document.customer]}
    result["TotalAmt"] = decimal(document.total)
    result["TxnDate"] = _kept(raw, "TxnDate", document.date, _text(agreed, "date"))
    number = _kept(raw, "PaymentRefNum", document.number, _text(agreed, "number"))
    if number:
        result["PaymentRefNum"] = number
    result["PrivateNote"] = _private_note(document, raw, agreed)
    if document.total and not raw:
        result |= _named("PaymentMethodRef", document.method) | _named("DepositToAccountRef", document.deposit_account)
    if refs.currency and not raw:
        result["CurrencyRef"] = {"value": refs.currency}
    result["Line"] = _payment_lines(document, refs, raw)
    return result


def _payment_lines(document: Payment, refs: Refs, raw: Raw | None) -> list[dict[str, Any]]:
    """Our links first where they stood, then the new ones; lines to documents that are not ours stay as they are."""
    wanted = {refs.ids[part.key]: part.amount for part in (*document.invoices, *document.credits, *document.refunds)}
    ours = {entity for key, entity in refs.ids.items() if not key.startswith("negative:")}
    result = []
    for line, amount in applied_lines(raw or {}):
        target = _target(line)
        if target in wanted:
            result.append(_link(target, wanted.pop(target), line))
        elif target not in ours:
            result.append({"Amount": decimal(amount), "LinkedTxn": line["LinkedTxn"]})
    return result + [_link(target, amount, None) for target, amount in wanted.items()]


def _target(line: Raw) -> Entity:
    entity = "Purchase" if _type_of(line) in PAID_OUT else _type_of(line)
    return entity, str(line["LinkedTxn"][0]["TxnId"])


def _link(target: Entity, amount: int, there: Raw | None) -> dict[str, Any]:
    entity, entity_id = target
    linked = (
        there["LinkedTxn"] if there else [{"TxnId": entity_id, "TxnType": "Check" if entity == "Purchase" else entity}]
    )
    return {"Amount": decimal(amount), "LinkedTxn": linked}


def _purchase_body(document: Refund, refs: Refs, raw: Raw | None, agreed: Side) -> dict[str, Any]:
    """A cheque on A/R in the customer's name: money paid out of a credit (REFERENCE 4.12). Sent whole, as a Payment
    is."""
    customer = refs.customers[document.customer]
    detail = {"AccountRef": {"value": refs.receivable_account}, "CustomerRef": {"value": customer}}
    result: dict[str, Any] = {"PaymentType": "Check", "AccountRef": {"value": document.account or refs.bank_account}}
    result |= {name: value for name, value in (raw or {}).items() if name not in _READ_ONLY}
    return result | {
        "EntityRef": {"value": customer, "type": "Customer"},
        "TxnDate": _kept(raw, "TxnDate", document.date, _text(agreed, "date")),
        "PrivateNote": _private_note(document, raw, agreed),
        "Line": [
            {
                "Amount": decimal(document.total),
                "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": detail,
            }
        ],
    }


def _private_note(document: Document, raw: Raw | None, agreed: Side) -> str:
    if raw is not None and _text(agreed, "note") == document.note:
        return str(raw.get("PrivateNote") or "")
    mark = marker(document.key)
    room = NOTE_LENGTH - len(mark or "") - 1
    return "\n".join(part for part in (clean(document.note, room), mark) if part)


def _kept(raw: Raw | None, name: str, ours: Any, agreed: Any) -> Any:
    """QuickBooks' own value, unless the ERP changed its one since both last agreed."""
    if raw is not None and raw.get(name) is not None and ours == agreed:
        return raw[name]
    return ours


def _text(agreed: Side, name: str) -> Any:
    return None if agreed is None or isinstance(agreed, Ending) else getattr(agreed, name, None)


def _named(name: str, value: str | None) -> dict[str, Any]:
    return {name: {"value": value}} if value else {}


def clean(value: str, length: int) -> str:
    """Text that every QuickBooks accepts: Latin-1 (others may answer 2040), no longer than the field."""
    plain = "".join(_latin(character) for character in value)
    return plain if len(plain) <= length else plain[: length - 3] + "..."


def _latin(character: str) -> str:
    known = _TYPOGRAPHIC.get(character)
    if known is not None or ord(character) < 256:
        return known or character
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return plain.encode("latin-1", "replace").decode("latin-1")


_TYPOGRAPHIC = {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "→": "->", "\u202f": " "}


# ----------------------------------------------------------------------------------------------- adopting


def adoptable(
    document: Document, objects: Iterable[tuple[str, Raw]], customer: str, *, by_number: bool, renumbered: bool = False
) -> Entity | None:
    """An object that QuickBooks already holds for this document: made by us and forgotten (our marker), or typed by
    hand (number).

    Customer and amount must agree as well, and the date where only the number speaks. What carries both our marker and
    the number is ours whatever its amount: somebody's copy of it has another number. `renumbered`: QuickBooks may have
    put a number of its own in place of ours (REFERENCE 14 #26); then the oldest with our marker is ours. None when in
    doubt.
    """
    found = []
    mark = marker(document.key)
    marker_says_all = renumbered and isinstance(document, Invoice | CreditMemo)
    for entity, raw in objects:
        if entity != TYPES[document.KIND.value] or customer_of(raw) != customer or is_voided(raw):
            continue
        same_amount = amount_of(raw, "TotalAmt") == document.total
        same_number = document.number is not None and number_of(raw) == document.number
        if (same_amount or same_number or marker_says_all) and mark is not None and marker_of(raw) == mark:
            rank = 0 if same_amount and raw.get("TxnDate") == document.date else 1
            found.append((rank, int(raw["Id"]), (entity, str(raw["Id"]))))
        elif by_number and same_amount and _by_hand(raw, document):
            found.append((2, int(raw["Id"]), (entity, str(raw["Id"]))))
    return min(found)[2] if found else None


def _by_hand(raw: Raw, document: Document) -> bool:
    same_number = document.number is not None and number_of(raw) == document.number
    same_day = raw.get("TxnDate") == document.date or isinstance(document, Invoice)
    return same_number and same_day and marker_of(raw) is None


def link_amounts(side: Side) -> dict[Key, int]:
    """Every link of a Payment by key; empty for anything else."""
    return amounts((*side.invoices, *side.credits, *side.refunds)) if isinstance(side, Payment) else {}
