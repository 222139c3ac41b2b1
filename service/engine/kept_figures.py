"""Figures of one company or customer, kept when they move: what a kept tie-out is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from service.engine.unlinked import balance_of, lone_customer
from service.engine.working import Working
from service.ports import QboObject, Tied, Transaction


def keep(tx: Transaction, w: Working, tied: Sequence[Tied], gone: Iterable[str] = ()) -> None:
    tx.tie_outs.keep(w.id, w.epoch, tied, gone=gone, at=w.now())


def keep_customers(tx: Transaction, w: Working, customers: Sequence[QboObject]) -> None:
    """QuickBooks' own balance moved. Before the first tie-out there is nothing to correct."""
    if not customers or tx.tie_outs.last(w.id, w.epoch) is None:
        return
    for customer in customers:
        row = tx.id_map.by_quickbooks(w.id, w.epoch, "Customer", customer.id)
        if row is not None and row.company_id:
            known = tx.tie_outs.current(w.id, w.epoch, f"company:{row.company_id}")
            keep(tx, w, [replace(known, quickbooks_balance=balance_of(customer))] if known else [])
        else:
            lone = lone_customer(customer)
            keep(tx, w, [lone] if lone else [], gone=() if lone else (f"customer:{customer.id}",))
