"""The ID map: which QuickBooks document stands for which document of ours, and which ERP records it covers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, or_, select, tuple_, update
from sqlalchemy import Row as Found
from sqlalchemy.exc import IntegrityError

from service.ports import AlreadyLinked, Link, Page, Row
from service.store.paging import page
from service.store.repository import Repository, chunks, in_batches
from service.store.tables import documents, records
from service.store.tables import links as table

Pair = tuple[str, str]  # (kind, ERP id)

_ITS_DOCUMENT = and_(
    documents.c.connection_id == table.c.connection_id,
    documents.c.epoch == table.c.epoch,
    documents.c.key == table.c.document_key,
)
_ITS_RECORD = and_(
    records.c.connection_id == table.c.connection_id,
    records.c.kind == table.c.kind,
    records.c.erp_id == table.c.erp_id,
)
_LINKS = select(
    table,
    func.coalesce(table.c.number, records.c.number).label("erp_number"),
    documents.c.quickbooks_type,
    documents.c.quickbooks_id,
    documents.c.quickbooks_number,
).select_from(table.outerjoin(documents, _ITS_DOCUMENT).outerjoin(records, _ITS_RECORD))
_ON_DOCUMENTS = select(
    table, documents.c.id.label("document_id"), documents.c.quickbooks_type, documents.c.quickbooks_id
).select_from(table.outerjoin(documents, _ITS_DOCUMENT))
_TOLD = ("quickbooks_type", "quickbooks_id")

# Built once: building a statement takes longer than running it.
_HERE = select(documents).where(
    documents.c.connection_id == bindparam("connection"), documents.c.epoch == bindparam("in_epoch")
)
_OF_KIND = in_batches(_HERE.where(documents.c.kind == bindparam("its_kind")), documents.c.id)
_DOCUMENTS = _HERE.order_by(documents.c.id)
_OF_COMPANY = _DOCUMENTS.where(documents.c.company_id == bindparam("company"))
_BY_KEY = _DOCUMENTS.where(documents.c.key == bindparam("its_key"))
_BY_KEY_LOCKED = _BY_KEY.with_for_update()
_BY_QUICKBOOKS = _DOCUMENTS.where(
    documents.c.quickbooks_type == bindparam("its_type"), documents.c.quickbooks_id == bindparam("its_id")
)
_OWNERS = select(documents.c.quickbooks_type, documents.c.quickbooks_id, documents.c.company_id).where(
    documents.c.connection_id == bindparam("connection"),
    documents.c.epoch == bindparam("in_epoch"),
    tuple_(documents.c.quickbooks_type, documents.c.quickbooks_id).in_(bindparam("entities", expanding=True)),
)
_OF_EPOCH = and_(table.c.connection_id == bindparam("connection"), table.c.epoch == bindparam("in_epoch"))
_BY_RECORDS = (
    select(documents)
    .join(table, _ITS_DOCUMENT)
    .where(_OF_EPOCH, tuple_(table.c.kind, table.c.erp_id).in_(bindparam("pairs", expanding=True)))
    .distinct()
    .order_by(documents.c.id)
)
_STATUSES = select(table.c.kind, table.c.erp_id, table.c.status, table.c.message).where(
    _OF_EPOCH, table.c.company_id == bindparam("company")
)
_UNPUSHED = _LINKS.where(_OF_EPOCH, ~table.c.pushed).order_by(table.c.id).limit(bindparam("most"))
_PUSHED = (
    update(table)
    .where(
        _OF_EPOCH,
        table.c.kind == bindparam("its_kind"),
        table.c.erp_id == bindparam("its_id"),
        table.c.status == bindparam("its_status"),
        table.c.message.is_not_distinct_from(bindparam("its_message")),
        table.c.updated_at == bindparam("its_time"),
    )
    .values(pushed=True)
)
_RECORDS_OF = (
    select(table.c.document_key, table.c.kind, table.c.erp_id)
    .where(_OF_EPOCH, table.c.document_key.in_(bindparam("keys", expanding=True)))
    .order_by(table.c.id)
)
_CURRENT = (
    _ON_DOCUMENTS.where(
        _OF_EPOCH,
        or_(
            and_(
                table.c.kind.in_(bindparam("kinds", expanding=True)),
                table.c.erp_id.in_(bindparam("ids", expanding=True)),
            ),
            table.c.document_key == bindparam("its_key"),
        ),
    )
    .order_by(table.c.id)
    .with_for_update(of=table)
)
_CHANGE = update(table).where(table.c.id == bindparam("link"))


class SqlIdMap(Repository):
    """See `service.ports.IdMap`.

    A link follows its document: it takes the status of a row that it is put on, or whose status changes. What
    `set_status` says afterwards stands until then.
    """

    def of_company(self, connection_id: int, epoch: int, company_id: str) -> list[Row]:
        return self._rows(_OF_COMPANY, connection=connection_id, in_epoch=epoch, company=company_id)

    def get(self, connection_id: int, epoch: int, key: str) -> Row | None:
        return self._one(_BY_KEY, connection=connection_id, in_epoch=epoch, its_key=key)

    def by_quickbooks(self, connection_id: int, epoch: int, quickbooks_type: str, quickbooks_id: str) -> Row | None:
        named = {"its_type": quickbooks_type, "its_id": quickbooks_id}
        return self._one(_BY_QUICKBOOKS, connection=connection_id, in_epoch=epoch, **named)

    def owners(self, connection_id: int, epoch: int, entities: Iterable[Pair]) -> dict[Pair, str | None]:
        found: dict[Pair, str | None] = {}
        for some in chunks(iter(sorted(entities))):
            named = {"connection": connection_id, "in_epoch": epoch, "entities": some}
            for row in self._connection.execute(_OWNERS, named):
                found[row.quickbooks_type, row.quickbooks_id] = row.company_id
        return found

    def by_record(self, connection_id: int, epoch: int, kind: str, erp_id: str) -> Row | None:
        found = self.by_records(connection_id, epoch, [(kind, erp_id)])
        return found[0] if found else None

    def by_records(self, connection_id: int, epoch: int, records: Collection[Pair]) -> list[Row]:
        found: dict[str, Row] = {}
        for some in chunks(iter(sorted(records))):
            named = {"connection": connection_id, "in_epoch": epoch, "pairs": some}
            found |= {row.key: row for row in self._rows(_BY_RECORDS, **named)}
        return list(found.values())

    def of_kind(self, connection_id: int, epoch: int, kind: str) -> Iterator[Row]:
        values = {"connection": connection_id, "in_epoch": epoch, "its_kind": kind, "after": 0}
        for some in chunks(self._in_batches(_OF_KIND, lambda found: found, lambda found: found.id, **values)):
            yield from self._with_records(some)

    def save(self, connection_id: int, epoch: int, row: Row, at: datetime) -> None:
        named = {"connection": connection_id, "in_epoch": epoch, "its_key": row.key}
        before = self._connection.execute(_BY_KEY_LOCKED, named).one_or_none()
        after = {"connection_id": connection_id, "epoch": epoch, **_values(row)}
        try:
            with self._connection.begin_nested():
                self._upsert(documents, [after], "connection_id", "epoch", "key")
                self._save_links(connection_id, epoch, row, before, after, at)
        except IntegrityError as error:
            raise AlreadyLinked(
                f"{row.quickbooks_type} {row.quickbooks_id} or a record of {row.key} is linked to another document"
            ) from error

    def set_status(
        self,
        connection_id: int,
        epoch: int,
        kind: str,
        erp_id: str,
        *,
        status: str,
        message: str | None,
        number: str | None,
        company_id: str | None,
        key: str,
        at: datetime,
    ) -> bool:
        link = self._current(connection_id, epoch, [(kind, erp_id)]).get((kind, erp_id))
        if link is None:
            self._add(
                connection_id,
                epoch,
                kind=kind,
                erp_id=erp_id,
                number=number,
                company_id=company_id,
                document_key=key,
                status=status,
                message=message,
                at=at,
            )
            return True
        on_document = link.document_id is not None
        shown = {"status": status, "message": message, "document_key": link.document_key if on_document else key}
        known = {"number": number or link.number, "company_id": company_id or link.company_id}
        changed = _differs(link, shown)
        if changed or _differs(link, known):
            fresh = {"pushed": False, "updated_at": at} if changed else {}
            self._connection.execute(_CHANGE, {"link": link.id, **shown, **known, **fresh})
        return changed

    def statuses(self, connection_id: int, epoch: int, company_id: str) -> dict[Pair, tuple[str, str | None]]:
        named = {"connection": connection_id, "in_epoch": epoch, "company": company_id}
        found = self._connection.execute(_STATUSES, named)
        return {(link.kind, link.erp_id): (link.status, link.message) for link in found}

    def unpushed(self, connection_id: int, epoch: int, limit: int) -> list[Link]:
        named = {"connection": connection_id, "in_epoch": epoch, "most": limit}
        return [_link(found) for found in self._connection.execute(_UNPUSHED, named)]

    def pushed(self, connection_id: int, epoch: int, links: Sequence[Link]) -> None:
        """A link that changed after it was read stays unpushed."""
        told = [
            {
                "connection": connection_id,
                "in_epoch": epoch,
                "its_kind": link.kind,
                "its_id": link.erp_id,
                "its_status": link.status,
                "its_message": link.message,
                "its_time": link.updated_at,
            }
            for link in links
        ]
        if told:
            self._connection.execute(_PUSHED, told)

    def unpush(self, connection_id: int, epoch: int) -> None:
        self._connection.execute(update(table).where(_of(connection_id, epoch)).values(pushed=False))

    def clear(self, connection_id: int, epoch: int) -> None:
        for each in (table, documents):
            self._connection.execute(delete(each).where(each.c.connection_id == connection_id, each.c.epoch == epoch))

    def links(
        self,
        connection_id: int,
        *,
        kind: str | None = None,
        erp_id: str | None = None,
        quickbooks_id: str | None = None,
        status: str | None = None,
        epoch: int | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """In the order in which they were made."""
        asked = {
            table.c.kind: kind,
            table.c.erp_id: erp_id,
            table.c.status: status,
            table.c.epoch: epoch,
            documents.c.quickbooks_id: quickbooks_id,
        }
        conditions = [column == value for column, value in asked.items() if value is not None]
        query = _LINKS.where(table.c.connection_id == connection_id, *conditions)
        return page(self._connection, query, table.c.id, cursor, limit, _link)

    def count(self, connection_id: int, epoch: int) -> int:
        """Records that have a QuickBooks document."""
        query = select(func.count()).select_from(table.join(documents, _ITS_DOCUMENT))
        query = query.where(_of(connection_id, epoch), documents.c.quickbooks_id.is_not(None))
        return self._connection.execute(query).scalar_one()

    def _save_links(
        self,
        connection_id: int,
        epoch: int,
        row: Row,
        before: Found[Any] | None,
        after: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """Bring the links of this document to its records; those whose shown values move must be told to the ERP."""
        current = self._current(connection_id, epoch, row.records, row.key)
        wanted = dict.fromkeys(row.records)
        news = _differs(before, {name: after[name] for name in ("status", "message")})
        shown_anew = news or _differs(before, {name: after[name] for name in _TOLD})
        self._detach([link.id for pair, link in current.items() if pair not in wanted], at)
        for kind, erp_id in wanted:
            link = current.get((kind, erp_id))
            if link is None:
                self._add(
                    connection_id,
                    epoch,
                    kind=kind,
                    erp_id=erp_id,
                    number=None,
                    company_id=row.company_id,
                    document_key=row.key,
                    status=row.status,
                    message=row.message,
                    at=at,
                )
                continue
            moves = link.document_key != row.key
            if moves and link.quickbooks_id is not None:
                raise AlreadyLinked(f"{kind} {erp_id} is linked to {link.quickbooks_type} {link.quickbooks_id} already")
            if moves or shown_anew:
                self._follow(link, row, at, takes_status=moves or news)

    def _follow(self, link: Found[Any], row: Row, at: datetime, *, takes_status: bool) -> None:
        """Put a link on its document, to be told to the ERP anew."""
        values: dict[str, Any] = {"document_key": row.key, "pushed": False, "updated_at": at}
        if takes_status:
            values |= {"status": row.status, "message": row.message}
        self._connection.execute(_CHANGE, {"link": link.id, **values})

    def _detach(self, link_ids: Sequence[int], at: datetime) -> None:
        if link_ids:
            freed = update(table).where(table.c.id.in_(link_ids))
            self._connection.execute(freed.values(document_key=None, pushed=False, updated_at=at))

    def _add(self, connection_id: int, epoch: int, *, at: datetime, **values: str | None) -> None:
        scope = {"connection_id": connection_id, "epoch": epoch}
        self._connection.execute(insert(table), {**scope, **values, "pushed": False, "updated_at": at})

    def _current(
        self, connection_id: int, epoch: int, pairs: Sequence[Pair], key: str | None = None
    ) -> dict[Pair, Found[Any]]:
        """The links of these records, and all links of document `key`, each with the document it is on; locked."""
        named = {"kinds": sorted({kind for kind, _ in pairs}), "ids": sorted({each for _, each in pairs})}
        scope = {"connection": connection_id, "in_epoch": epoch, "its_key": key}
        found = {(link.kind, link.erp_id): link for link in self._connection.execute(_CURRENT, {**scope, **named})}
        wanted = set(pairs)
        return {pair: link for pair, link in found.items() if pair in wanted or link.document_key == key}

    def _one(self, query: Select[Any], **values: Any) -> Row | None:
        rows = self._rows(query, **values)
        return rows[0] if rows else None

    def _rows(self, query: Select[Any], **values: Any) -> list[Row]:
        found = iter(self._connection.execute(query, values).all())
        return [row for some in chunks(found) for row in self._with_records(some)]

    def _with_records(self, found: Sequence[Found[Any]]) -> Iterable[Row]:
        """Rows of one epoch with the records that they stand for, in the order in which they were linked."""
        scope = {"connection": found[0].connection_id, "in_epoch": found[0].epoch}
        pairs: dict[str, list[Pair]] = {}
        for link in self._connection.execute(_RECORDS_OF, {**scope, "keys": [each.key for each in found]}):
            pairs.setdefault(link.document_key, []).append((link.kind, link.erp_id))
        return [_row(each, tuple(pairs.get(each.key, ()))) for each in found]


def _of(connection_id: int, epoch: int) -> ColumnElement[bool]:
    return and_(table.c.connection_id == connection_id, table.c.epoch == epoch)


def _differs(found: Found[Any] | None, values: Mapping[str, Any]) -> bool:
    return found is None or any(getattr(found, name) != value for name, value in values.items())


def _values(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "kind": row.kind,
        "company_id": row.company_id,
        "quickbooks_type": row.quickbooks_type,
        "quickbooks_id": row.quickbooks_id,
        "quickbooks_number": (row.echo or {}).get("number"),
        "agreed": row.agreed,
        "echo": row.echo,
        "status": row.status,
        "message": row.message,
        "generation": row.generation,
    }


def _row(found: Found[Any], pairs: tuple[Pair, ...]) -> Row:
    return Row(
        key=found.key,
        kind=found.kind,
        company_id=found.company_id,
        quickbooks_type=found.quickbooks_type,
        quickbooks_id=found.quickbooks_id,
        agreed=found.agreed,
        echo=found.echo,
        status=found.status,
        message=found.message,
        generation=found.generation,
        records=pairs,
    )


def _link(found: Found[Any]) -> Link:
    return Link(
        kind=found.kind,
        erp_id=found.erp_id,
        erp_number=found.erp_number,
        quickbooks_type=found.quickbooks_type,
        quickbooks_id=found.quickbooks_id,
        quickbooks_number=found.quickbooks_number,
        status=found.status,
        message=found.message,
        epoch=found.epoch,
        updated_at=found.updated_at,
    )
