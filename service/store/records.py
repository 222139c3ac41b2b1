"""The ERP's records as last read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, select, update

from service.ports import Record
from service.store.repository import Repository, chunks, in_batches
from service.store.tables import records as table

_WANTED = (None, "touched", "asked")  # rising

# Built once: building a statement takes longer than running it.
_OF_CONNECTION = table.c.connection_id == bindparam("connection")
_OF_COMPANY = select(table).where(_OF_CONNECTION, table.c.company_id == bindparam("company"))
_OF_KIND = in_batches(select(table).where(_OF_CONNECTION, table.c.kind == bindparam("its_kind")), table.c.erp_id)
_MANY = (
    select(table)
    .where(_OF_CONNECTION, table.c.kind == bindparam("kind"), table.c.erp_id.in_(bindparam("ids", expanding=True)))
    .order_by(table.c.erp_id)
)
_KEPT = (
    select(table)
    .where(
        _OF_CONNECTION,
        table.c.kind.in_(bindparam("kinds", expanding=True)),
        table.c.erp_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(table.c.kind, table.c.erp_id)
    .with_for_update()
)


class SqlRecords(Repository):
    """See `service.ports.Records`."""

    def upsert(self, connection_id: int, records: Sequence[Record]) -> list[Record]:
        kept = self._kept(connection_id, records)
        changed: dict[tuple[str, str], Record] = {}
        for record in records:
            key = (record.kind, record.erp_id)
            merged = _merged(kept.get(key), record)
            if merged != kept.get(key):
                kept[key] = changed[key] = merged
        rows = [{"connection_id": connection_id, **_values(record)} for record in changed.values()]
        self._upsert(table, rows, "connection_id", "kind", "erp_id")
        return list(changed.values())

    def of_company(self, connection_id: int, company_id: str) -> list[Record]:
        """Put in order here: asked to do it, SQLite walks the primary key, and with it all records of the account."""
        found = self._all(_OF_COMPANY, connection=connection_id, company=company_id)
        return sorted(found, key=lambda record: (record.kind, record.erp_id))

    def get(self, connection_id: int, kind: str, erp_id: str) -> Record | None:
        found = self.many(connection_id, kind, [erp_id])
        return found[0] if found else None

    def many(self, connection_id: int, kind: str, ids: Iterable[str]) -> list[Record]:
        some = chunks(iter(ids))
        return [record for each in some for record in self._all(_MANY, connection=connection_id, kind=kind, ids=each)]

    def of_kind(self, connection_id: int, kind: str) -> Iterator[Record]:
        return self._in_batches(
            _OF_KIND, _read, lambda row: row.erp_id, connection=connection_id, its_kind=kind, after=""
        )

    def set_wanted(self, connection_id: int, kind: str, ids: Iterable[str], wanted: str | None) -> None:
        for some in chunks(iter(ids)):
            named = and_(_of(connection_id), table.c.kind == kind, table.c.erp_id.in_(some))
            self._connection.execute(update(table).where(named).values(wanted=wanted))

    def clear(self, connection_id: int) -> None:
        self._connection.execute(delete(table).where(_of(connection_id)))

    def company_ids(self, connection_id: int) -> list[str]:
        query = select(table.c.company_id).where(_of(connection_id), table.c.company_id.is_not(None)).distinct()
        return list(self._connection.scalars(query.order_by(table.c.company_id)))

    def _kept(self, connection_id: int, records: Sequence[Record]) -> dict[tuple[str, str], Record]:
        kinds = sorted({record.kind for record in records})
        return {
            (record.kind, record.erp_id): record
            for some in chunks(iter(sorted({record.erp_id for record in records})))
            for record in self._all(_KEPT, connection=connection_id, kinds=kinds, ids=some)
        }

    def _all(self, query: Select[Any], **values: Any) -> list[Record]:
        return [_read(row) for row in self._connection.execute(query, values)]


def _of(connection_id: int) -> ColumnElement[bool]:
    return table.c.connection_id == connection_id


def _merged(kept: Record | None, incoming: Record) -> Record:
    """What is kept after reading `incoming`: the newer of both, with the higher of both wishes."""
    if kept is None:
        return incoming
    wanted = max(kept.wanted, incoming.wanted, key=_WANTED.index)
    return replace(incoming if _supersedes(incoming, kept) else kept, wanted=wanted)


def _supersedes(incoming: Record, kept: Record) -> bool:
    """A record without a time is newer, but one that says nothing new keeps the time that we know."""
    if incoming.updated_at is None:
        return replace(incoming, updated_at=kept.updated_at, wanted=kept.wanted) != kept
    return kept.updated_at is None or incoming.updated_at >= kept.updated_at


def _values(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _read(row: Row[Any]) -> Record:
    return Record(
        kind=row.kind,
        erp_id=row.erp_id,
        company_id=row.company_id,
        number=row.number,
        updated_at=row.updated_at,
        deleted=row.deleted,
        wanted=row.wanted,
        body=row.body,
    )
