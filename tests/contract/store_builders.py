"""What the store keeps, with everything filled in that a test does not care about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

from cryptography.fernet import Fernet

from service.ports import Audit, Notice, Operation, Problem, QboObject, QuickBooksWrite, Record, Row, Run
from service.store import SqlStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
EARLIER = NOON - timedelta(minutes=5)
EPOCH = 1
# Processes that share nothing with this one, without importing everything again for each.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["service.store.migrate", "store_builders", "pytest"])
KEY = Fernet.generate_key().decode()


def noon() -> datetime:
    """The clock of a store under test."""
    return NOON


def a_connection(store: SqlStore, account: str = "acme") -> int:
    with store.writing() as t:
        return t.connections.create(account, account.title(), f"key of {account}").id


def a_quiet_connection(store: SqlStore, account: str = "acme") -> int:
    """One that nothing is due on."""
    connection_id = a_connection(store, account)
    with store.writing() as t:
        t.connections.update(connection_id, sweep_at=NOON + timedelta(days=365))
    return connection_id


def a_record(erp_id: str = "inv-1", **changes: Any) -> Record:
    record = Record("invoice", erp_id, "company-1", "INV-1", NOON, False, None, {"id": erp_id, "total": "10.50"})
    return replace(record, **changes)


def an_object(object_id: str = "145", **changes: Any) -> QboObject:
    seen = QboObject("Payment", object_id, "58", "0", NOON, False, None, {"Id": object_id, "TotalAmt": 10})
    return replace(seen, **changes)


def a_row(key: str = "payment:p1", **changes: Any) -> Row:
    row = Row(
        key=key,
        kind="payment",
        company_id="company-1",
        quickbooks_type="Payment",
        quickbooks_id="145",
        agreed={"total": 1050},
        echo={"total": 1050, "number": "PMT-1"},
        status="SYNCED",
        message=None,
        generation=1,
        records=(("PAYMENT", "p1"),),
    )
    return replace(row, **changes)


def a_write(request_id: str = "r-1") -> QuickBooksWrite:
    return QuickBooksWrite("Payment", Operation.CREATE, '{"TotalAmt": 10.50}', request_id)


def a_problem(**changes: Any) -> Problem:
    problem = Problem(
        id="problem-1",
        status="open",
        code="closed_books",
        key="payment:p1",
        kind="PAYMENT",
        erp_id="p1",
        quickbooks_id="145",
        number="PMT-1",
        company_id="company-1",
        amount=1050,
        cause="The books are closed.",
        what_to_do="Move the closing date.",
        choices=("retry",),
        quickbooks_code="6200",
        intuit_tid="tid-1",
        erp={"total": 1050},
        quickbooks=None,
        agreed=None,
        fingerprint="f-1",
        first_seen=NOON,
        last_seen=NOON,
        attempts=1,
    )
    return replace(problem, **changes)


def a_run(connection_id: int, run_id: str = "run-1", **changes: Any) -> Run:
    run = Run(
        id=run_id,
        connection_id=connection_id,
        kind="reconcile",
        state="queued",
        trigger="button",
        params={},
        done=0,
        total=0,
        counts={},
        free_calls=0,
        metered_calls=0,
        erp_calls=0,
        problems=0,
        error=None,
        requested_by="sam",
        approved_by=None,
        cancel_requested=False,
        cursor={},
        created_at=NOON,
        started_at=None,
        finished_at=None,
    )
    return replace(run, **changes)


def an_audit(**changes: Any) -> Audit:
    entry = Audit(
        at=NOON,
        actor="service",
        action="create",
        side="quickbooks",
        key="payment:p1",
        kind="PAYMENT",
        erp_id="p1",
        quickbooks_id="145",
        number="PMT-1",
        company_id="company-1",
        amount=1050,
        why="new in the ERP",
        run_id="run-1",
    )
    return replace(entry, **changes)


def a_notice(connection_id: int | None, **changes: Any) -> Notice:
    notice = Notice(
        id=0,
        source="quickbooks",
        connection_id=connection_id,
        type="Payment",
        event="Update",
        entity_id="145",
        occurred_at=NOON,
        body='{"a": 1}',
        state="new",
        error=None,
        received_at=NOON,
    )
    return replace(notice, **changes)
