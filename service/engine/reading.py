"""Read what changed on both sides into the mirror, and mark the companies whose books must be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mappings.quickbooks import customer_of
from service.engine import problems
from service.engine.kept_figures import keep_customers
from service.engine.working import UnreadableRecord, Working, as_object, as_record, instant
from service.errors import Refused
from service.ports import Condition, Notice, QboObject, Raw, Record, Transaction

ERP_KINDS = ("company", "credit", "return", "refund", "invoice", "payment")
"""In the order in which they are read: what a payment names is there before it."""

CONCERNS = {
    "COMPANY": ("company",),
    "INVOICE": ("credit", "invoice", "payment"),
    "ORDER": ("credit", "invoice", "payment"),
    "PAYMENT": ("credit", "invoice", "payment"),
    "CREDIT": ("credit", "return", "invoice", "payment"),
    "RETURN": ("credit", "return"),
    "REFUND": ("credit", "refund"),
}
"""What else may have changed with a record: an ERP event is a hint (contracts/erp.md, part 1)."""

TRANSACTIONS = ("Invoice", "CreditMemo", "Payment", "Purchase", "JournalEntry")
LISTS = ("Customer", "Item", "Account", "PaymentMethod")
ERP_OVERLAP = timedelta(seconds=10)
"""The ERP's reads lag about a second behind its writes."""
ERP_CLOCK_AHEAD = timedelta(minutes=5)
"""A record dated later than that is wrong about its time; it must not hide what comes after it."""
CDC_OVERLAP = timedelta(minutes=5)
"""CDC may be late by minutes, and its `time` may be ahead of what it shows (REFERENCE 7)."""
CDC_WINDOW = timedelta(days=29)
IDS_AT_ONCE = 100
"""In one query: a statement has a length."""


# ---------------------------------------------------------------------------------------------------- ERP


def read_erp(w: Working, kinds: Iterable[str] = ERP_KINDS, told: Sequence[News] = ()) -> None:
    """Everything that the ERP changed since the last look, kind by kind, with an overlap; with it what notices told."""
    news = [*told, *(_read_kind(w, kind) for kind in ERP_KINDS if kind in kinds)]
    with w.writing() as tx:
        keep_news(tx, w, news)
        connection = tx.connections.update(w.id, watermarks={k: v for one in news for k, v in one.watermarks.items()})
    w.connection = connection


@dataclass(frozen=True)
class News:
    """Records that came, such as the last page of one kind, and up to when the kind is read once they are kept."""

    records: Sequence[Record]
    touched: bool
    watermarks: Mapping[str, str] = field(default_factory=dict)


def keep_news(tx: Transaction, w: Working, news: Sequence[News]) -> None:
    for touched in (True, False):
        keep_records(tx, w, [r for one in news if one.touched == touched for r in one.records], touched=touched)


def _read_kind(w: Working, kind: str) -> News:
    name, started = f"erp:{kind}", w.now()
    mark = instant(w.connection.watermarks.get(name))
    known_before = bool(w.connection.watermarks.get(f"read:{kind}"))
    newest, page = mark, []
    for raw in w.erp.changed(kind, mark - ERP_OVERLAP if mark else None):
        page += readable(w, kind.upper(), [raw])
        updated = page[-1].updated_at if page else None
        if updated is not None and updated <= started + ERP_CLOCK_AHEAD:
            newest = max(filter(None, (newest, updated)))
        if len(page) >= 200:
            _keep_records(w, page, touched=known_before)
            page = []
            w.leave_if_stopping()
    watermarks = {f"read:{kind}": started.isoformat()} | ({name: newest.isoformat()} if newest else {})
    return News(page, known_before, watermarks)


def readable(w: Working, kind: str, raws: Iterable[Raw]) -> list[Record]:
    """Records that can be told apart; one that cannot becomes a problem, and everything else goes on."""
    found = []
    for raw in raws:
        try:
            found.append(as_record(kind, raw, w.connection.connected_at))
        except UnreadableRecord as unreadable:
            with w.writing() as tx:
                problems.report(tx, w, problems.of_unreadable(w, kind, raw, str(unreadable)))
    return found


def _keep_records(w: Working, records: Sequence[Record], *, touched: bool = False) -> None:
    if records:
        with w.writing() as tx:
            keep_records(tx, w, records, touched=touched)


def keep_records(tx: Transaction, w: Working, records: Sequence[Record], *, touched: bool = False) -> None:
    """Mirror records and mark the companies of those that changed.

    `touched`: what changed was changed while we are connected, whatever the ERP's clock says.
    """
    if not records:
        return
    changed = tx.records.upsert(w.id, records)
    for kind in {r.kind for r in changed} if touched else ():
        tx.records.set_wanted(w.id, kind, [r.erp_id for r in changed if r.kind == kind and r.wanted is None], "touched")
    tx.marks.add(w.id, {record.company_id for record in changed if record.company_id})
    cancelled = (r for r in changed if r.kind == "CREDIT" and r.body.get("status") == "CANCELED")
    w.cancelled |= {(record.company_id, record.erp_id) for record in cancelled if record.company_id}
    for record in changed:
        if record.company_id is None and not record.deleted:
            problems.report(tx, w, problems.of_unreadable(w, record.kind, record.body, "it names no company"))


# --------------------------------------------------------------------------------------------- QuickBooks


def read_quickbooks(w: Working) -> None:
    """Everything that QuickBooks changed since the last look: one metered call, or the whole books the first time."""
    mark = instant(w.connection.watermarks.get("quickbooks"))
    if mark is None:
        _read_whole_books(w)
        return
    if w.now() - mark > CDC_WINDOW:
        _read_after_a_gap(w, mark)
        return
    try:
        complete_to = _read_changes(w, (*TRANSACTIONS, *LISTS), mark - CDC_OVERLAP)
    except Refused as error:
        if error.code != "window_too_old":
            raise
        _read_after_a_gap(w, mark)
        return
    w.update(watermarks={"quickbooks": complete_to.isoformat()})


def _read_changes(w: Working, entities: Sequence[str], since: datetime) -> datetime:
    """Answers up to when all is read now. What a full answer left out (1,000 rows) is asked for entity by entity; of
    one that is full alone, page by page."""
    changes = w.quickbooks.changes(entities, since)
    followed = _left_by_customers(w, changes.deleted)
    with w.writing() as tx:
        _keep_objects(tx, w, [as_object(entity, raw, customer_of(raw)) for entity, raw in changes.objects])
        _keep_objects(tx, w, followed)
        _keep_deleted(tx, w, changes.deleted)
    if changes.capped and len(entities) > 1:
        for entity in entities:
            _read_changes(w, (entity,), since)
    elif changes.capped:
        _read_since(w, entities, since)
    return changes.complete_to


def _read_after_a_gap(w: Working, mark: datetime) -> None:
    """More than 30 days are beyond CDC."""
    started = _quickbooks_time(w)
    _read_since(w, (*TRANSACTIONS, *LISTS), mark - CDC_OVERLAP)
    w.update(watermarks={"quickbooks": (started - CDC_OVERLAP).isoformat()})


def _quickbooks_time(w: Working) -> datetime:
    """Not ours: a clock that runs ahead would lose what changes while we read."""
    return w.quickbooks.changes(LISTS[-1:], w.now() - CDC_OVERLAP).complete_to


def _read_whole_books(w: Working) -> None:
    started = _quickbooks_time(w)
    for entity in (*LISTS, *TRANSACTIONS):
        _keep_all(w, entity, w.quickbooks.query(entity, with_inactive=entity in LISTS))
    w.update(watermarks={"quickbooks": (started - CDC_OVERLAP).isoformat()})


def read_lists(w: Working) -> None:
    """QuickBooks' own lists as they are now: a setting may name what was made a moment ago."""
    for entity in ("Item", "Account", "PaymentMethod"):
        _keep_all(w, entity, w.quickbooks.query(entity, with_inactive=True))


def _read_since(w: Working, entities: Sequence[str], since: datetime) -> None:
    """More changed than CDC shows: the query language pages without end. What was deleted it does not show: that is
    what we know and QuickBooks no longer lists."""
    for entity in entities:
        where = [Condition("MetaData.LastUpdatedTime", ">=", since.isoformat(timespec="seconds"))]
        _keep_all(w, entity, w.quickbooks.query(entity, where, with_inactive=entity in LISTS))
        _find_deleted(w, entity)


def _find_deleted(w: Working, entity: str) -> None:
    there = {str(raw["Id"]) for raw in w.quickbooks.query(entity, with_inactive=entity in LISTS)}
    with w.reading() as tx:
        gone = [o.id for o in tx.objects.of_entity(w.id, w.epoch, entity) if not o.deleted and o.id not in there]
    keep_deleted(w, [(entity, object_id) for object_id in gone])


def _keep_all(w: Working, entity: str, found: Iterable[Raw]) -> None:
    page: list[QboObject] = []
    for raw in found:
        page.append(as_object(entity, raw, customer_of(raw)))
        if len(page) >= 200:
            keep_objects(w, page)
            page = []
            w.leave_if_stopping()
    keep_objects(w, page)


def keep_objects(w: Working, objects: Sequence[QboObject]) -> None:
    """Mirror objects and mark the companies of those that changed; a customer's own row moves with every document."""
    if objects:
        with w.writing() as tx:
            _keep_objects(tx, w, objects)


def _keep_objects(tx: Transaction, w: Working, objects: Sequence[QboObject]) -> None:
    moved = tx.objects.upsert(w.id, w.epoch, objects)
    keep_customers(tx, w, [o for o in moved if o.entity == "Customer"])
    changed = [o for o in moved if o.entity in TRANSACTIONS]
    _mark_customers(tx, w, {o.customer_id for o in changed})
    # A document that was given to another customer concerns the company that it belonged to as well.
    owners = tx.id_map.owners(w.id, w.epoch, [(o.entity, o.id) for o in changed])
    tx.marks.add(w.id, filter(None, owners.values()))


def keep_deleted(w: Working, deleted: Sequence[tuple[str, str]]) -> None:
    if deleted:
        followed = _left_by_customers(w, deleted)
        with w.writing() as tx:
            _keep_objects(tx, w, followed)
            _keep_deleted(tx, w, deleted)


def _left_by_customers(w: Working, deleted: Sequence[tuple[str, str]]) -> list[QboObject]:
    """What stood under customers that are gone, as it stands now: a merge gives it to the one that remains, and whether
    CDC tells of it was never recorded (REFERENCE 14 #38). Asked for before their end is kept: else a crash between the
    two would leave it with the one that is gone.
    """
    left: dict[str, list[str]] = {}
    with w.reading() as tx:
        for customer in [object_id for entity, object_id in deleted if entity == "Customer"]:
            known = tx.objects.get(w.id, w.epoch, "Customer", customer)
            is_news = known is not None and not known.deleted
            for each in tx.objects.of_customer(w.id, w.epoch, customer) if is_news else ():
                if each.entity in TRANSACTIONS and not each.deleted:
                    left.setdefault(each.entity, []).append(each.id)
    return [
        as_object(entity, raw, customer_of(raw))
        for entity, ids in left.items()
        for start in range(0, len(ids), IDS_AT_ONCE)
        for raw in w.quickbooks.query(entity, [Condition("Id", "IN", ids[start : start + IDS_AT_ONCE])])
    ]


def _keep_deleted(tx: Transaction, w: Working, deleted: Sequence[tuple[str, str]]) -> None:
    for entity, object_id in deleted:
        # One that we never saw is kept too: a repeated request may be answered as if it still stood (REFERENCE 9).
        known = tx.objects.get(w.id, w.epoch, entity, object_id) or as_object(entity, {"Id": object_id}, None)
        if known.deleted:
            continue
        latest = max(filter(None, (known.updated_at, w.now())))
        gone = replace(known, deleted=True, updated_at=latest)
        tx.objects.upsert(w.id, w.epoch, [gone])
        keep_customers(tx, w, [gone] if entity == "Customer" else [])
        _mark_customers(tx, w, {known.customer_id})


def _mark_customers(tx: Transaction, w: Working, customers: Iterable[str | None]) -> None:
    owners = tx.id_map.owners(w.id, w.epoch, [("Customer", customer) for customer in customers if customer])
    tx.marks.add(w.id, filter(None, owners.values()))


def are_echoes(w: Working, notices: Sequence[Notice]) -> bool:
    """Whether all that QuickBooks' notices tell is known already: our own writes come back as notices (REFERENCE
    12.1)."""
    with w.reading() as tx:
        return all(_is_known(tx, w, notice) for notice in notices)


def _is_known(tx: Transaction, w: Working, notice: Notice) -> bool:
    if notice.type not in (*TRANSACTIONS, *LISTS):
        return True
    known = tx.objects.get(w.id, w.epoch, notice.type, notice.entity_id or "")
    if known is None or notice.occurred_at is None:
        return False
    if notice.event == "DELETE":
        return known.deleted
    seen = max(filter(None, (known.updated_at, known.touched_at)), default=None)
    return seen is not None and seen >= notice.occurred_at.replace(microsecond=0)
