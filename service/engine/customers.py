"""Companies and customers: linked by the id that the ERP keeps; matched or created only where a person allowed it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mappings.money import text
from mappings.quickbooks import customer_of, open_balance
from service.engine import problems
from service.engine.compare import company_key
from service.engine.reading import TRANSACTIONS, keep_records
from service.engine.working import Working, as_record, dumps
from service.engine.writing import note, record_answer, send
from service.errors import Refused
from service.ports import (
    AlreadyLinked,
    Audit,
    Operation,
    Problem,
    QboObject,
    QuickBooksWrite,
    Raw,
    Record,
    Row,
    Transaction,
)

COMPANY = "COMPANY"
UNMAPPED = "customer_not_mapped"


def link_customers(w: Working, *, mode: str | None = None, companies: frozenset[str] | None = None) -> None:
    """Link every company that is marked to a customer that is there, as far as `mode` allows (default: the setting)."""
    mode = mode or default_mode(w)
    for record, row, merged_into in _marked(w, companies):
        _link(w, record, row, merged_into, mode)


def make_customers(w: Working, *, mode: str | None = None, companies: frozenset[str] | None = None) -> None:
    """Make the customers that are still missing, where `mode` allows it (default: the setting)."""
    mode = mode or default_mode(w)
    if mode != "create":
        return
    for record, row, _ in _marked(w, companies):
        if is_to_be_made(record, row, mode) and not w.is_paused(COMPANY):
            w.make_room()
            w.heed()
            made = _create(w, record)
            if made:
                _save(w, record, made, told=False)
                with w.writing() as tx:
                    w.step_done(tx, "create")


def is_to_be_made(company: Record, row: Row | None, mode: str) -> bool:
    """Whether this company gets a customer of its own; asked after the linking."""
    return mode == "create" and row is None and not company.body.get("qb_customer_id") and not company.deleted


def default_mode(w: Working) -> str:
    return str(w.settings.get("customers") or "linked_only")


def _marked(w: Working, companies: frozenset[str] | None) -> list[tuple[Record, Row | None, str | None]]:
    """Companies, how each is linked, and the customer that QuickBooks merged its own into."""
    with w.reading() as tx:
        ids = companies if companies is not None else frozenset(tx.marks.pending(w.id))
        if not ids:
            return []
        records = tx.records.many(w.id, COMPANY, ids)
        found = tx.id_map.by_records(w.id, w.epoch, [(COMPANY, company) for company in ids])
        rows = {row.company_id: row for row in found}
        linked = [(record, rows.get(record.erp_id)) for record in sorted(records, key=lambda r: r.erp_id)]
        return [(record, row, _merged_into(tx, w, row) if row else None) for record, row in linked]


def linked_companies(tx: Transaction, w: Working) -> list[str]:
    rows = tx.id_map.of_kind(w.id, w.epoch, "customer")
    return sorted(row.company_id for row in rows if row.company_id and row.quickbooks_id)


def _link(w: Working, record: Record, row: Row | None, merged_into: str | None, mode: str) -> None:
    named = record.body.get("qb_customer_id")
    if merged_into:
        _save(w, record, merged_into, told=False)
    elif named and (row is None or row.quickbooks_id != str(named)):
        _save(w, record, str(named), told=True)
    elif row is None and not named and mode != "linked_only" and not record.deleted:
        found = _matching(w, record)
        if found:
            _save(w, record, found, told=False)


def _save(w: Working, record: Record, customer: str, *, told: bool) -> None:
    """Keep the link; two companies on one customer is a person's to decide (scenario B48)."""
    row = Row(
        key=company_key(record.erp_id),
        kind="customer",
        company_id=record.erp_id,
        quickbooks_type="Customer",
        quickbooks_id=customer,
        agreed=None,
        echo=None,
        status="SYNCED",
        message=None,
        generation=0,
        records=((COMPANY, record.erp_id),),
    )
    try:
        with w.writing() as tx:
            tx.id_map.save(w.id, w.epoch, row, w.now())
            if not told:
                # The ERP learns it with the links, without a new version of the record; the mirror has to know it too.
                tx.records.upsert(w.id, [replace(record, body={**record.body, "qb_customer_id": customer})])
            tx.id_map.set_status(
                w.id,
                w.epoch,
                COMPANY,
                record.erp_id,
                status="SYNCED",
                message=None,
                number=record.number,
                company_id=record.erp_id,
                key=row.key,
                at=w.now(),
            )
            tx.problems.settle(w.id, row.key, at=w.now())
            tx.marks.add(w.id, [record.erp_id])
    except AlreadyLinked:
        with w.writing() as tx:
            other = tx.id_map.by_quickbooks(w.id, w.epoch, "Customer", customer)
            problems.report(tx, w, _shared(w, record, customer, other))


def _merged_into(tx: Transaction, w: Working, row: Row) -> str | None:
    """Where a merged customer's documents went: the loser is gone, and what we linked names another one (scenario
    B48)."""
    customer = tx.objects.get(w.id, w.epoch, "Customer", row.quickbooks_id or "")
    if customer is None or not customer.deleted:
        return None
    documents = [
        r for r in tx.id_map.of_company(w.id, w.epoch, row.company_id or "") if r.quickbooks_type in TRANSACTIONS
    ]
    found = [tx.objects.get(w.id, w.epoch, r.quickbooks_type or "", r.quickbooks_id or "") for r in documents]
    names = {customer_of(o.body) for o in found if o and not o.deleted} - {None, row.quickbooks_id}
    return names.pop() if len(names) == 1 else None


def _shared(w: Working, record: Record, customer: str, other: Row | None) -> Problem:
    error = Refused(
        f"The companies {record.erp_id} ('{record.number}') and {other.company_id if other else '?'} "
        f"both name QuickBooks' customer {customer}.",
        code="customer_shared",
    )
    advice = "Give each company its own customer in the ERP, or merge them."
    return replace(
        problems.of_connection(w, "customer_shared", error, advice),
        key=company_key(record.erp_id),
        kind=COMPANY,
        erp_id=record.erp_id,
        quickbooks_id=customer,
        number=record.number,
        company_id=record.erp_id,
    )


def _matching(w: Working, record: Record) -> str | None:
    """By the archived epochs of the same QuickBooks company, else by exact name."""
    with w.reading() as tx:
        for epoch, kept in sorted((w.connection.lists.get("epochs") or {}).items(), reverse=True):
            if kept.get("realm_id") == w.connection.realm_id:
                row = tx.id_map.get(w.id, int(epoch), company_key(record.erp_id))
                if row and row.quickbooks_id and _is_usable(tx, w, row.quickbooks_id):
                    return row.quickbooks_id
        same = [
            o.id
            for o in tx.objects.of_entity(w.id, w.epoch, "Customer")
            if not o.deleted and o.body.get("Active", True) and o.body.get("DisplayName") == record.body.get("name")
        ]
    return same[0] if len(same) == 1 else None


def _is_usable(tx: Transaction, w: Working, customer: str) -> bool:
    known = tx.objects.get(w.id, w.epoch, "Customer", customer)
    return known is not None and not known.deleted and bool(known.body.get("Active", True))


def _create(w: Working, record: Record) -> str | None:
    key = company_key(record.erp_id)
    write = QuickBooksWrite("Customer", Operation.CREATE, dumps(customer_body(record.body)), "")
    with w.writing() as tx:
        intent = note(tx, w, key, write, None)
    try:
        answer = send(w, intent)
    except Refused as error:
        with w.writing() as tx:
            problems.report(tx, w, _not_created(w, record, error))
        return None
    with w.writing() as tx:
        record_answer(tx, w, intent, answer)
        tx.audits.add(w.id, [_audit(w, record, str(answer["Id"]))])
    return str(answer["Id"])


def _audit(w: Working, record: Record, customer: str) -> Audit:
    run = w.run
    return Audit(
        at=w.now(),
        actor=run.requested_by if run and run.requested_by else "sync",
        action="create",
        side="quickbooks",
        key=company_key(record.erp_id),
        kind=COMPANY,
        erp_id=record.erp_id,
        quickbooks_id=customer,
        number=record.number,
        company_id=record.erp_id,
        why="The company had no customer in QuickBooks.",
        run_id=run.id if run else None,
    )


def _not_created(w: Working, record: Record, error: Refused) -> Problem:
    advice = "Link the company to a customer in the ERP."
    return replace(
        problems.of_connection(w, "customer_not_created", error, advice),
        key=company_key(record.erp_id),
        kind=COMPANY,
        erp_id=record.erp_id,
        company_id=record.erp_id,
        number=record.number,
    )


def customer_body(company: Raw) -> dict[str, Any]:
    """A Customer as QuickBooks wants it made: the name must be unique, without a colon (REFERENCE 3.7)."""
    name = str(company.get("name") or "").replace(":", " ").strip()
    body: dict[str, Any] = {
        "DisplayName": name[:500],
        "CompanyName": str(company.get("legal_business_name") or name)[:100],
    }
    if company.get("invoice_email"):
        body["PrimaryEmailAddr"] = {"Address": company["invoice_email"]}
    if company.get("phone"):
        body["PrimaryPhone"] = {"FreeFormNumber": company["phone"]}
    return body


# ------------------------------------------------------------------------------- customers without a company


@dataclass(frozen=True)
class Waiting:
    """A customer that no company is linked to, with open credits of two-way sync's concern. `amount` in cents."""

    customer: QboObject
    amount: int
    since: str
    documents: int


def waiting_customers(tx: Transaction, w: Working) -> list[Waiting]:
    """The mapping queue: credits and unapplied payments that wait for a company (scenario B30)."""
    linked = {row.quickbooks_id for row in tx.id_map.of_kind(w.id, w.epoch, "customer")}
    cut_over = str(w.settings.get("cut_over_date") or "")
    found = []
    for customer_id in sorted(set(tx.objects.customer_ids(w.id, w.epoch)) - linked):
        customer = tx.objects.get(w.id, w.epoch, "Customer", customer_id)
        credits = [
            o
            for o in tx.objects.of_customer(w.id, w.epoch, customer_id)
            if o.entity in ("CreditMemo", "Payment")
            and not o.deleted
            and open_balance(o.entity, o.body) < 0
            and str(o.body.get("TxnDate", "")) >= cut_over
        ]
        if customer is not None and not customer.deleted and credits:
            amount = -sum(open_balance(o.entity, o.body) for o in credits)
            since = min(str(o.body.get("TxnDate", "")) for o in credits)
            found.append(Waiting(customer, amount, since, len(credits)))
    return found


def import_customers(w: Working) -> None:
    """Make companies in the ERP of the customers in the mapping queue, where the connection allows it."""
    if not (w.connection.two_way and w.settings.get("import_customers")) or w.is_paused(COMPANY):
        return
    with w.reading() as tx:
        waiting = waiting_customers(tx, w)
    for one in waiting:
        w.make_room()
        _import(w, one.customer)


def park_unmapped(w: Working) -> None:
    """Show the mapping queue; it is empty where its customers become companies by themselves."""
    with w.reading() as tx:
        is_shown = w.connection.two_way and not w.settings.get("import_customers")
        waiting = waiting_customers(tx, w) if is_shown else []
        parked = {p.key for p in tx.problems.open(w.id) if p.code == UNMAPPED}
    if not waiting and not parked:
        return
    with w.writing() as tx:
        for one in waiting:
            problems.report(tx, w, _unmapped(w, one))
        for key in parked - {f"customer:{one.customer.id}" for one in waiting}:
            tx.problems.settle(w.id, key, at=w.now())


def _unmapped(w: Working, one: Waiting) -> Problem:
    name = str(one.customer.body.get("FullyQualifiedName") or one.customer.body.get("DisplayName"))
    error = Refused(
        f"QuickBooks' customer '{name}' has {one.documents} open credit(s) of {text(one.amount)} in all, the oldest of "
        f"{one.since}, and no company of the ERP is linked to it.",
        code=UNMAPPED,
    )
    advice = "Link a company to this customer in the ERP: its credits are imported at once."
    problem = problems.of_connection(w, UNMAPPED, error, advice)
    return replace(
        problem,
        key=f"customer:{one.customer.id}",
        kind=COMPANY,
        quickbooks_id=one.customer.id,
        number=name,
        amount=one.amount,
    )


def _import(w: Working, customer: QboObject) -> None:
    """A customer met in QuickBooks becomes a company of the ERP."""
    raw = customer.body
    address = raw.get("BillAddr") or {}
    made = w.erp.create_company(
        {
            "qb_customer_id": customer.id,
            "name": raw.get("DisplayName"),
            "email": (raw.get("PrimaryEmailAddr") or {}).get("Address"),
            "phone": (raw.get("PrimaryPhone") or {}).get("FreeFormNumber"),
            "billing_address": ", ".join(str(address[n]) for n in ("Line1", "City", "PostalCode") if address.get(n))
            or None,
        }
    )
    company = made.get("company") or made
    with w.writing() as tx:
        keep_records(tx, w, [as_record(COMPANY, company, w.connection.connected_at)])
    link_customers(w)
