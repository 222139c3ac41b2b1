"""One card for one thing that was found: both sides' state as last seen, what was put against what, what happened and
why, what is open, what may be done, and a sentence for the customer. Nothing here calls either side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mappings.distru.projection import RecordRef
from mappings.distru.records import COMPANY, CREDIT, INVOICE, PAYMENT, REFUND, RETURN
from mappings.documents import Ending, Key, Side
from mappings.documents import Payment as PaymentDocument
from mappings.keys import born_key, record_of
from mappings.money import text
from mappings.quickbooks import amount_of, link_amounts, open_balance
from mappings.sides import Sides
from mappings.tieout import TieOut
from service.engine import sentences, views
from service.engine.compare import Comparison, company_key, compare
from service.engine.lists import Lists, load_lists
from service.engine.looking import sides_of
from service.engine.sentences import Wording
from service.engine.tying_out import compared
from service.engine.working import Ports, Working
from service.ports import Claim, Connection, ConnectionState, Hit, Link, Problem, QboObject, Record, Transaction

View = dict[str, Any]
HISTORY = 20

WORDS = {
    COMPANY: "Company",
    INVOICE: "Invoice",
    PAYMENT: "Payment",
    CREDIT: "Credit",
    REFUND: "Refund",
    RETURN: "Return",
    "Customer": "QuickBooks customer",
    "Invoice": "QuickBooks invoice",
    "Payment": "QuickBooks payment",
    "CreditMemo": "QuickBooks credit memo",
    "RefundReceipt": "QuickBooks refund receipt",
    "Purchase": "QuickBooks cheque or expense",
    "JournalEntry": "QuickBooks journal entry",
}


@dataclass
class Shelf:
    """What several cards of one look share: a connection's lists, a company's comparison."""

    tx: Transaction
    ports: Ports
    connections: dict[int, Connection] = field(default_factory=dict)
    lists: dict[int, Lists] = field(default_factory=dict)
    books: dict[tuple[int, str], Comparison] = field(default_factory=dict)

    def connection(self, connection_id: int) -> Connection:
        if connection_id not in self.connections:
            self.connections[connection_id] = self.tx.connections.by_id(connection_id)
        return self.connections[connection_id]

    def working(self, connection: Connection) -> Working:
        """For looking only: whoever tries to write under it is refused."""
        return Working(self.ports, connection, Claim(connection.id, -1, 0))

    def lists_of(self, connection: Connection) -> Lists:
        if connection.id not in self.lists:
            self.lists[connection.id] = load_lists(self.tx, self.working(connection))
        return self.lists[connection.id]

    def compared(self, connection: Connection, company: str) -> Comparison:
        known = (connection.id, company)
        if known not in self.books:
            self.books[known] = compare(self.tx, self.working(connection), company, self.lists_of(connection))
        return self.books[known]


@dataclass(frozen=True)
class Subject:
    """One thing that was found: the ERP record, the QuickBooks object, and the company whose books they are in."""

    connection: Connection
    hit: Hit
    record: Record | None
    object: QboObject | None
    company: str | None

    @property
    def ref(self) -> RecordRef | None:
        return (self.hit.kind, self.hit.erp_id) if self.hit.kind and self.hit.erp_id else None


# ------------------------------------------------------------------------------------------- what was found


def subject_of(shelf: Shelf, hit: Hit) -> Subject:
    tx, connection = shelf.tx, shelf.connection(hit.connection_id)
    record = tx.records.get(connection.id, hit.kind, hit.erp_id) if hit.kind and hit.erp_id else None
    if hit.entity is None and hit.kind and hit.erp_id:
        row = tx.id_map.by_record(connection.id, connection.epoch, hit.kind, hit.erp_id)
        if row is not None and row.quickbooks_id:
            hit = replace(hit, entity=row.quickbooks_type, quickbooks_id=row.quickbooks_id)
    held = (
        tx.objects.get(connection.id, connection.epoch, hit.entity, hit.quickbooks_id)
        if hit.entity and hit.quickbooks_id
        else None
    )
    return Subject(connection, hit, record, held, _company(tx, connection, record, held))


def _company(tx: Transaction, connection: Connection, record: Record | None, held: QboObject | None) -> str | None:
    if record is not None:
        return record.company_id
    if held is None or held.customer_id is None:
        return None
    row = tx.id_map.by_quickbooks(connection.id, connection.epoch, "Customer", held.customer_id)
    return row.company_id if row is not None else None


def short(subject: Subject) -> View:
    kind, which = _address(subject)
    return {
        "account_id": subject.connection.account_id,
        "connection": subject.connection.name,
        "kind": kind,
        "id": which,
        "title": _title(subject),
        "by": subject.hit.by,
        "quickbooks_id": subject.hit.quickbooks_id,
        "erp_id": subject.hit.erp_id,
    }


def _address(subject: Subject) -> tuple[str, str]:
    """How the card of one thing is asked for: see `Search.card`."""
    hit = subject.hit
    return (hit.kind, hit.erp_id) if hit.kind and hit.erp_id else (hit.entity or "", hit.quickbooks_id or "")


def _title(subject: Subject) -> str:
    kind, which = _address(subject)
    number = subject.record.number if subject.record else subject.object.number if subject.object else None
    return f"{WORDS.get(kind, kind)} {number or which}"


# --------------------------------------------------------------------------------------------------- a card


def card(shelf: Shelf, subject: Subject) -> View:
    tx, connection = shelf.tx, subject.connection
    c = shelf.compared(connection, subject.company) if subject.company else None
    sides = sides_of(c, shelf.lists_of(connection)) if c else None
    key = _key(subject, c, sides)
    problems = _problems(tx, subject, key)
    say = _wording(shelf, subject, c)
    # QuickBooks' own balance is only as fresh as its last read.
    balances = compared(c, shelf.lists_of(connection)) if c else None
    erp, quickbooks = _erp(subject, sides, balances), _quickbooks(subject, sides, key, balances)
    return {
        **short(subject),
        "company": _company_view(c),
        "currency": say.currency,
        "erp": erp,
        "quickbooks": quickbooks,
        "sync": _sync(tx, subject),
        "earlier": [views.link(link) for link in links_of(tx, subject) if link.epoch != connection.epoch],
        "applications": _applications(c, sides, key) if c and sides and key else [],
        "history": _history(tx, subject, key),
        "problems": _by_cause(problems),
        "actions": _actions(subject, problems),
        "sentence": _sentence(subject, sides, quickbooks, say),
        "caution": _caution(subject, c, key, problems),
    }


def _key(subject: Subject, c: Comparison | None, sides: Sides | None) -> Key | None:
    """The document that stands for what was found."""
    if subject.ref is not None:
        if subject.ref[0] == COMPANY:
            return company_key(subject.ref[1])
        return sides.standing.get(subject.ref) if sides else None
    entity = (subject.hit.entity or "", subject.hit.quickbooks_id or "")
    known = {e: key for key, e in sides.held.entities.items()} if sides else {}
    return known.get(entity) or born_key(*entity)


def _company_view(c: Comparison | None) -> View | None:
    if c is None:
        return None
    name = c.books.company.name if c.books.company else None
    return {"id": c.company, "name": name or c.company, "quickbooks_id": c.customer}


def _wording(shelf: Shelf, subject: Subject, c: Comparison | None) -> Wording:
    connection = subject.connection
    own = c.books.company.currency if c and c.books.company else None
    zone = connection.settings.get("timezone") or connection.lists.get("timezone") or "UTC"
    return Wording(own or shelf.lists_of(connection).home_currency, str(zone), shelf.ports.clock())


# ---------------------------------------------------------------------------------------------- both states


def _erp(subject: Subject, sides: Sides | None, balances: TieOut | None) -> View | None:
    """The record as the ERP last told it; its figures where it could be read."""
    record = subject.record
    if record is None:
        return None
    seen = subject.connection.watermarks.get(f"read:{record.kind.lower()}")
    return {
        "number": record.number,
        "status": _erp_status(record),
        **_erp_figures(subject, sides, balances),
        "changed_at": views.moment(record.updated_at),
        "seen_at": views.as_z(seen),
    }


def _erp_status(record: Record) -> str:
    body = record.body
    if record.deleted:
        return "deleted"
    if record.kind == INVOICE and body.get("voided_datetime"):
        return "voided"
    if record.kind == COMPANY:
        return "deleted" if body.get("deleted_at") else "active"
    return str(body.get("status") or ("voided" if body.get("voided_datetime") else "active")).replace("_", " ").lower()


def _erp_figures(subject: Subject, sides: Sides | None, balances: TieOut | None) -> View:
    """Amount, what is open of it, and its day."""
    books = sides.books if sides else None
    kind, erp_id = subject.ref or ("", "")
    if books is None or balances is None:
        return {"amount": None, "open": None, "date": None}
    if kind == COMPANY:
        return {"amount": text(balances.erp_receivable), "open": text(balances.erp_credit), "date": None}
    if kind == INVOICE and (invoice := books.invoices.get(erp_id)):
        left = 0 if invoice.voided or invoice.deleted else invoice.remaining
        return {"amount": text(invoice.total), "open": text(left), "date": views.moment(invoice.at)}
    if kind == CREDIT and (credit := books.credits.get(erp_id)):
        left = credit.remaining if credit.live else 0
        return {"amount": text(credit.amount), "open": text(left), "date": views.moment(credit.at)}
    if kind == PAYMENT and (payment := books.payments.get(erp_id)):
        return {"amount": text(payment.amount), "open": None, "date": views.moment(payment.at)}
    if kind == REFUND and (refund := books.refunds.get(erp_id)):
        return {"amount": text(refund.amount), "open": None, "date": views.moment(refund.at)}
    return {"amount": None, "open": None, "date": None}


def _quickbooks(subject: Subject, sides: Sides | None, key: Key | None, balances: TieOut | None) -> View | None:
    held = subject.object
    if held is None:
        return None
    raw = held.body
    if held.entity == "Customer":
        total = balances.quickbooks_receivable if balances else amount_of(raw, "Balance")
        left = balances.quickbooks_credit if balances else None
    else:
        total, left = amount_of(raw, "TotalAmt"), sides.quickbooks_open(key) if sides else None
    if left is None and held.entity in ("Invoice", "CreditMemo", "Payment"):
        left = abs(open_balance(held.entity, raw))
    return {
        "type": held.entity,
        "id": held.id,
        "number": held.number,
        "status": _quickbooks_status(held, sides, key),
        "amount": text(total),
        "open": text(0 if held.deleted else left) if left is not None else None,
        "date": raw.get("TxnDate"),
        "changed_at": views.moment(held.updated_at),
        "seen_at": views.as_z(subject.connection.watermarks.get("quickbooks")),
    }


def _quickbooks_status(held: QboObject, sides: Sides | None, key: Key | None) -> str:
    if held.deleted:
        return "deleted"
    if held.entity == "Customer":
        return "active" if held.body.get("Active", True) else "inactive"
    side = sides.held.documents.get(key or "") if sides else None
    return side.value if isinstance(side, Ending) else "active"


def links_of(tx: Transaction, subject: Subject) -> list[Link]:
    """Every epoch's link of an ERP record."""
    if subject.ref is None:
        return []
    kind, erp_id = subject.ref
    return list(tx.id_map.links(subject.connection.id, kind=kind, erp_id=erp_id).data)


def _sync(tx: Transaction, subject: Subject) -> View | None:
    """How the ERP shows its sync."""
    current = [link for link in links_of(tx, subject) if link.epoch == subject.connection.epoch]
    return views.link(current[-1]) if current else None


# --------------------------------------------------------------------------------- what was put against what


def _applications(c: Comparison, sides: Sides, key: Key) -> list[View]:
    """What was put against what, in both books: a Payment's own links, else the Payments that link the document."""
    mine, theirs = c.projection.documents, sides.held.documents
    if any(isinstance(side, PaymentDocument) for side in (mine.get(key), theirs.get(key))):
        ours, there = link_amounts(mine.get(key)), link_amounts(theirs.get(key))
        pairs = [(other, ours.get(other), there.get(other), key) for other in sorted(ours.keys() | there.keys())]
    else:
        found = [
            (payment, link_amounts(mine.get(payment)).get(key), link_amounts(theirs.get(payment)).get(key))
            for payment in sorted(mine.keys() | theirs.keys())
        ]
        pairs = [(payment, a, b, payment) for payment, a, b in found if a or b]
    return [_application(c, sides, other, a, b, holder, key) for other, a, b, holder in pairs]


def _application(
    c: Comparison, sides: Sides, other: Key, erp: int | None, quickbooks: int | None, holder: Key, key: Key
) -> View:
    payment = _live(c.projection.documents.get(holder)) or _live(sides.held.documents.get(holder))
    besides = sorted((link_amounts(payment).keys() if payment else set()) - {key, other})
    return {
        "what": _named(c, sides, other),
        "along_with": [_named(c, sides, each) for each in besides] if other == holder else [],
        "date": payment.date if payment else None,
        "erp": text(erp) if erp else None,
        "quickbooks": text(quickbooks) if quickbooks else None,
        "differs": (erp or 0) != (quickbooks or 0),
        **_address_of(c, sides, other),
    }


def _live(side: Side) -> PaymentDocument | None:
    return side if isinstance(side, PaymentDocument) else None


def _address_of(c: Comparison, sides: Sides, key: Key) -> View:
    """Where the card of another document is."""
    ref = _record_of(c, key)
    if ref is not None:
        return {"kind": ref[0], "id": ref[1]}
    entity = sides.held.entities.get(key)
    return {"kind": entity[0], "id": entity[1]} if entity else {"kind": None, "id": None}


def _named(c: Comparison, sides: Sides, key: Key) -> str:
    ref = _record_of(c, key)
    if ref is not None:
        number = next((r.number for r in c.records if (r.kind, r.erp_id) == ref), None)
        return f"{WORDS[ref[0]]} {number or ref[1]}"
    side, entity = sides.live(key), sides.held.entities.get(key)
    number = (side.number if side else None) or (entity[1] if entity else key)
    return f"{WORDS.get(entity[0], entity[0]) if entity else 'Document'} {number}"


def _record_of(c: Comparison, key: Key) -> RecordRef | None:
    refs = c.projection.records.get(key) or (c.rows[key].records if key in c.rows else ())
    wanted = record_of(key)
    return wanted if wanted and (wanted in refs or not refs) else (refs[0] if refs else None)


# --------------------------------------------------------------------------------- history, problems, actions


def _history(tx: Transaction, subject: Subject, key: Key | None) -> list[View]:
    """Newest first: who or what did what, and why."""
    asked = dict.fromkeys(each for each in (key, subject.hit.erp_id) if each)
    found = {
        entry.id: entry
        for each in asked
        for entry in tx.audits.page(subject.connection.id, record=each, run=None, cursor=None, limit=HISTORY).data
    }
    return [views.audit(found[each]) for each in sorted(found, reverse=True)[:HISTORY]]


def _problems(tx: Transaction, subject: Subject, key: Key | None) -> list[Problem]:
    """Of the record itself, and what holds back all of its company."""
    if subject.company is None:
        return []
    opened = tx.problems.open_of_company(subject.connection.id, subject.company)
    if subject.hit.kind == COMPANY:
        return opened
    return [
        p
        for p in opened
        if p.key in (key, company_key(subject.company)) or (p.kind, p.erp_id) == (subject.ref or ("", ""))
    ]


def _by_cause(problems: list[Problem]) -> list[View]:
    """One entry for each cause: the newest of it, with how many there are."""
    causes: dict[str, list[Problem]] = {}
    for problem in problems:
        causes.setdefault(problem.cause_group or problem.id, []).append(problem)
    return [
        views.problem(found[-1]) | {"cause_group": found[-1].cause_group, "count": len(found)}
        for found in causes.values()
    ]


def _actions(subject: Subject, problems: list[Problem]) -> list[View]:
    """What is safe to do from here, in words; nothing while there is no connection to work on."""
    if subject.connection.state is not ConnectionState.CONNECTED or subject.company is None:
        return []
    found: list[View] = [
        {
            "action": "refresh",
            "label": "Fetch from QuickBooks now",
            "effect": "Pulls this company's latest payments and credits from QuickBooks, within seconds.",
            "company_id": subject.company,
        },
        {
            "action": "reconcile",
            "label": "Reconcile this company",
            "effect": "Reads both books of this company, compares, and writes what is missing.",
            "company_id": subject.company,
        },
    ]
    if problems:
        retry = {
            "action": "retry",
            "label": "Try again",
            "effect": "Looks at this company once more and tries again what was refused.",
            "problem_id": problems[0].id,
        }
        return [retry, *found]
    return found


def _caution(subject: Subject, c: Comparison | None, key: Key | None, problems: list[Problem]) -> str | None:
    """Why the sentence should not be sent yet."""
    if problems:
        return "There is an open problem: look at it before you tell the customer anything."
    if c is not None and key in c.plan.outstanding:
        return "The two books differ on this at the moment: reconcile first."
    if subject.connection.state is not ConnectionState.CONNECTED:
        return "This connection is not connected to QuickBooks now: this is the state as it was last seen."
    return None


def _sentence(subject: Subject, sides: Sides | None, quickbooks: View | None, say: Wording) -> str | None:
    books = sides.books if sides else None
    kind, erp_id = subject.ref or ("", "")
    if sides is None or books is None or not kind:
        return _of_quickbooks_alone(subject, quickbooks, say)
    if kind == COMPANY:
        return sentences.of_company(sides, books.company.name if books.company else erp_id, say)
    if kind == INVOICE and (invoice := books.invoices.get(erp_id)):
        return sentences.of_invoice(sides, invoice, say)
    if kind == CREDIT and (credit := books.credits.get(erp_id)):
        return sentences.of_credit(sides, credit, say)
    if kind == PAYMENT and (payment := books.payments.get(erp_id)):
        return sentences.of_payment(sides, payment, say)
    if kind == REFUND and (refund := books.refunds.get(erp_id)):
        return sentences.of_refund(sides, refund, say)
    if kind == "RETURN":
        credit = next((each for each in books.credits.values() if each.return_id == erp_id), None)
        return sentences.of_credit(sides, credit, say) if credit else None
    return None


def _of_quickbooks_alone(subject: Subject, quickbooks: View | None, say: Wording) -> str | None:
    held = subject.object
    if held is None or quickbooks is None or held.entity == "Customer":
        return None
    left = abs(open_balance(held.entity, held.body)) if quickbooks["open"] is not None else None
    name = f"{WORDS[held.entity].removeprefix('QuickBooks ').capitalize()} {held.number or held.id}"
    return sentences.only_in_quickbooks(name, amount_of(held.body, "TotalAmt"), left, say)
