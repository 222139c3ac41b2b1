"""What the ERP does not have any more: a hard delete leaves nothing to read, and takes payments along (erp-facts 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from service.engine import problems
from service.engine.reading import keep_records
from service.engine.working import Working, as_record, instant
from service.errors import Refused
from service.ports import Record

DOCUMENTS = ("invoice", "payment", "credit_memo", "refund")
CENSUS_EVERY = timedelta(days=1)
LAG = timedelta(seconds=2)
"""Reads may lag a write by about a second (contracts/erp.md, part 2): twice that."""
FEW, SHARE = 5, 20
"""More than a few that are missing at once, and more than one in twenty, are not believed without a person."""
AS_MANY_AS_TELL = 50
"""Companies that are asked for with a new key: one call."""


# --------------------------------------------------------------------------------------------------- notices


def forget(w: Working, deleted: Iterable[tuple[str, str]], *, told_at: datetime) -> None:
    """Notices told of hard deletes: (kind, id). What went along is asked for: not every ERP tells of each payment."""
    ids = defaultdict(set)
    for kind, erp_id in deleted:
        ids[kind].add(erp_id)
    with w.reading() as tx:
        known = [record for kind in ids for record in tx.records.many(w.id, kind, ids[kind])]
    _end(w, [record for record in known if not record.deleted])
    let_the_erp_catch_up(w, told_at)
    if orders := ids["ORDER"]:
        check_deleted(w, "INVOICE", _live(w, "INVOICE", lambda record: _ref(record, "order") in orders))
        deposits = _live(w, "PAYMENT", lambda r: _ref(r, "order") in orders and _ref(r, "invoice") is None)
        check_deleted(w, "PAYMENT", deposits)
    if invoices := ids["INVOICE"]:
        _check_payments_of(w, invoices)


def let_the_erp_catch_up(w: Working, changed_at: datetime) -> None:
    """A notice or an answer may be faster than the reads: what is gone would be shown as if it stood."""
    since = w.now() - changed_at
    if timedelta() <= since < LAG:
        w.ports.pause((LAG - since).total_seconds())


def check_what_made_the_cancelled(w: Working) -> None:
    """Nobody cancels the credit of a payment on its own (contracts/erp.md, part 2): where nobody told that the payment
    was deleted, it would be left with the rest of its money."""
    credits, companies = {credit for _, credit in w.cancelled}, {company for company, _ in w.cancelled}
    w.cancelled.clear()
    with w.reading() as tx:
        records = [record for company in sorted(companies) for record in tx.records.of_company(w.id, company)]
    payments = [record for record in records if record.kind == "PAYMENT" and not record.deleted]
    check_deleted(w, "PAYMENT", [payment.erp_id for payment in payments if not credits.isdisjoint(_made_by(payment))])


def _made_by(payment: Record) -> Iterator[str]:
    return (str(credit.get("id")) for credit in payment.body.get("overpayment_credits") or ())


def check_deleted(w: Working, kind: str, ids: Sequence[str]) -> None:
    """Ask the ERP for a few records by id: those that it does not have any more were deleted for good."""
    _end_with_payments(w, _missing(w, kind, ids))


def _end_with_payments(w: Working, gone: Sequence[Record]) -> None:
    _end(w, gone)
    invoices = {record.erp_id for record in gone if record.kind == "INVOICE"}
    if invoices:
        _check_payments_of(w, invoices)


def _check_payments_of(w: Working, invoices: set[str]) -> None:
    check_deleted(w, "PAYMENT", _live(w, "PAYMENT", lambda record: _ref(record, "invoice") in invoices))


def _live(w: Working, kind: str, is_meant: Callable[[Record], bool]) -> list[str]:
    with w.reading() as tx:
        return [r.erp_id for r in tx.records.of_kind(w.id, kind) if not r.deleted and is_meant(r)]


def _ref(record: Record, name: str) -> str | None:
    return (record.body.get(name) or {}).get("id")


# ---------------------------------------------------------------------------------------------------- census


def census(w: Working, *, now_please: bool = False, believed: bool = False) -> None:
    """Once a day, or when a person asks: a hard delete that no notice told shows only by asking for the ids.

    Where many are missing at once, the key is wrong or sees less than it did, more often than somebody deleted them:
    nothing is ended before a person says so (`believed`).
    """
    last = instant(w.connection.watermarks.get("census"))
    if not now_please and last is not None and w.now() - last < CENSUS_EVERY:
        return
    with w.reading() as tx:
        linked = {ref for kind in DOCUMENTS for row in tx.id_map.of_kind(w.id, w.epoch, kind) for ref in row.records}
    asked = 0
    gone: list[Record] = []
    for kind in ("INVOICE", "PAYMENT", "REFUND"):
        with w.reading() as tx:
            live = [r for r in tx.records.of_kind(w.id, kind) if not r.deleted]
        ids = [r.erp_id for r in live if now_please or r.wanted or (kind, r.erp_id) in linked]
        asked += len(ids)
        gone += _missing(w, kind, ids)
    if len(gone) > max(FEW, asked // SHARE) and not believed:
        with w.writing() as tx:
            problems.report(tx, w, problems.of_missing(w, gone, asked))
    else:
        _end_with_payments(w, gone)
        with w.writing() as tx:
            tx.problems.settle(w.id, problems.MISSING, at=w.now())
    w.update(watermarks={"census": w.now().isoformat()})


def refuse_the_key_of_another_account(w: Working) -> None:
    """A new key is tried on companies that we know, before anything is read with it that is not this account's.

    Raises: `Refused`, where it shows none of them.
    """
    if not w.connection.lists.get("key_is_new"):
        return
    with w.reading() as tx:
        known = [r.erp_id for r in islice(tx.records.of_kind(w.id, "COMPANY"), AS_MANY_AS_TELL)]
    if known and not w.erp.by_ids("company", known):
        raise Refused(
            "The ERP's new key shows none of the companies that this connection knows: it belongs to another account.",
            code="erp_key_of_another_account",
        )
    w.update(lists={"key_is_new": False})


# ----------------------------------------------------------------------------------------------- both of them


def _missing(w: Working, kind: str, ids: Sequence[str]) -> list[Record]:
    """Those that the ERP does not have; asked for twice, because what is very new may not be shown yet."""
    absent = _not_shown(w, kind, ids)
    if not absent:
        return []
    w.ports.pause(LAG.total_seconds())
    absent = _not_shown(w, kind, absent)
    with w.reading() as tx:
        return [record for record in tx.records.many(w.id, kind, absent) if not record.deleted]


def _not_shown(w: Working, kind: str, ids: Sequence[str]) -> list[str]:
    """Those that are shown are kept as they are now."""
    there = {str(raw["id"]): raw for raw in w.erp.by_ids(kind.lower(), ids)}
    if there:
        with w.writing() as tx:
            keep_records(tx, w, [as_record(kind, raw, w.connection.connected_at) for raw in there.values()])
    return [erp_id for erp_id in ids if erp_id not in there]


def _end(w: Working, records: Iterable[Record]) -> None:
    """Dated now: a notice from before, delivered late or twice, must not bring them back."""
    gone = [replace(r, deleted=True, updated_at=max(filter(None, (r.updated_at, w.now())))) for r in records]
    if gone:
        with w.writing() as tx:
            keep_records(tx, w, gone)
