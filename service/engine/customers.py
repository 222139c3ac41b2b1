"""Companies and customers: linked by the id that the ERP keeps; matched or created only where a person allowed it."""

from __future__ import annotations

from typing import Any

from service.engine import problems
from service.engine.apply import note, record_answer
from service.engine.compare import company_key
from service.engine.working import Working, dumps
from service.errors import Refused, SyncError
from service.ports import AlreadyLinked, Operation, Problem, QuickBooksWrite, Raw, Record, Row, Transaction

COMPANY = "COMPANY"


def link_customers(w: Working, *, mode: str | None = None, companies: frozenset[str] | None = None) -> None:
    """See that every company that is marked has its customer, as far as `mode` allows (default: the setting)."""
    mode = mode or str(w.settings.get("customers") or "linked_only")
    with w.reading() as tx:
        ids = companies if companies is not None else frozenset(tx.marks.pending(w.id))
        records = tx.records.many(w.id, COMPANY, ids)
        rows = {row.company_id: row for row in tx.id_map.of_kind(w.id, w.epoch, "customer")}
    for record in sorted(records, key=lambda r: r.erp_id):
        _link(w, record, rows.get(record.erp_id), mode)


def _link(w: Working, record: Record, row: Row | None, mode: str) -> None:
    named = record.body.get("qb_customer_id")
    if named and (row is None or row.quickbooks_id != str(named)):
        _save(w, record, str(named), told=True)
    elif row is None and not named and mode != "linked_only" and not record.deleted:
        found = _matching(w, record)
        if found is None and mode == "create":
            found = _create(w, record)
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


def _shared(w: Working, record: Record, customer: str, other: Row | None) -> Problem:
    error = Refused(
        f"The companies {record.erp_id} ('{record.number}') and {other.company_id if other else '?'} both name QuickBooks' "
        f"customer {customer}.",
        code="customer_shared",
    )
    problem = problems.of_connection(
        w, "customer_shared", error, "Give each company its own customer in the ERP, or merge them."
    )
    return Problem(
        **{
            **problem.__dict__,
            "key": company_key(record.erp_id),
            "kind": COMPANY,
            "erp_id": record.erp_id,
            "quickbooks_id": customer,
            "number": record.number,
            "company_id": record.erp_id,
        }
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
        answer = w.quickbooks.write(intent.write)
    except SyncError as error:
        if not isinstance(error, Refused):
            raise
        with w.writing() as tx:
            tx.journal.close(
                intent.id,
                state="refused",
                answer=None,
                quickbooks_id=None,
                intuit_tid=error.intuit_tid,
                error=error.message,
                at=w.now(),
            )
            problem = problems.of_connection(
                w, "customer_not_created", error, "Link the company to a customer in the ERP."
            )
            problems.report(
                tx,
                w,
                Problem(
                    **{
                        **problem.__dict__,
                        "key": key,
                        "kind": COMPANY,
                        "erp_id": record.erp_id,
                        "company_id": record.erp_id,
                        "number": record.number,
                    }
                ),
            )
        return None
    with w.writing() as tx:
        record_answer(tx, w, intent, answer)
    return str(answer["Id"])


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
