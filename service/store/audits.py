"""Who or what changed which record where, when and why. There is no way here to change or remove an entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, Text, TypeDecorator, bindparam, column, insert, or_, select, table, update

from service.ports import Audit, Chain, ChainCheck, Page
from service.store.chain import CONTENT, GENESIS, canonical, chained, sealed
from service.store.columns import Json
from service.store.paging import page
from service.store.repository import Context, Repository, in_batches
from service.store.tables import audit, audit_checks, connections

_FIELDS = tuple(each.name for each in fields(Audit))
_STORED = table("audit", *(column(c.name, Text if isinstance(c.type, Json) else c.type) for c in audit.columns))
"""The same table with JSON as the text that it is kept as: what the hashes cover."""


# Built once: building a statement takes longer than running it.
_ADD = insert(_STORED)
_OURS = connections.c.id == bindparam("connection")
_HEAD = select(connections.c.audit_rows, connections.c.audit_head).where(_OURS)
_HEAD_LOCKED = _HEAD.with_for_update(key_share=True)  # see `connections._FOR_MERGING`
_MOVE_HEAD = update(connections).where(_OURS).values(audit_rows=bindparam("rows"), audit_head=bindparam("hash"))
_LAST_CHECK = select(audit_checks).where(audit_checks.c.connection_id == bindparam("connection"))
_AFTER = in_batches(select(_STORED).where(_STORED.c.connection_id == bindparam("connection")), _STORED.c.seq)


class SqlAudits(Repository):
    """See `service.ports.Audits`."""

    __slots__ = ("_heads",)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._heads: dict[int, Chain] = {}

    def add(self, connection_id: int, entries: Sequence[Audit]) -> None:
        """The connection's row is the chain's lock: it is taken first everywhere, so nobody waits in a circle."""
        if not entries:
            return
        head = self._heads.get(connection_id) or self._locked(connection_id)
        rows = list(chained(connection_id, head.rows, head.hash, map(self._stored, entries)))
        self._connection.execute(_ADD, rows)
        self._heads[connection_id] = head = Chain(rows[-1]["seq"], rows[-1]["hash"])
        self._connection.execute(_MOVE_HEAD, {"connection": connection_id, "rows": head.rows, "hash": head.hash})

    def page(
        self,
        connection_id: int,
        *,
        record: str | None = None,
        run: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None,
        limit: int,
    ) -> Page:
        query = select(audit).where(audit.c.connection_id == connection_id)
        if record is not None:
            names = (audit.c.key, audit.c.erp_id, audit.c.quickbooks_id, audit.c.number)
            query = query.where(or_(*(name == record for name in names)))
        for name, wanted in ((audit.c.run_id, run), (audit.c.actor, actor), (audit.c.action, action)):
            if wanted is not None:
                query = query.where(name == wanted)
        if since is not None:
            query = query.where(audit.c.at >= since)
        if until is not None:
            query = query.where(audit.c.at < until)
        return page(self._connection, query, audit.c.seq, cursor, limit, _read, newest_first=True)

    def chain(self, connection_id: int) -> Chain:
        return Chain(*self._connection.execute(_HEAD, {"connection": connection_id}).one())

    def check(self, connection_id: int, *, since: ChainCheck | None = None) -> ChainCheck:
        start = since if since is not None and since.fault is None else None
        seq, previous = (start.rows, start.hash) if start else (0, None)
        for row in self._from(connection_id, seq):
            fault = _fault(connection_id, seq + 1, previous or GENESIS, row)
            if fault:
                return self._checked(seq, previous, seq + 1, fault)
            seq, previous = row.seq, row.hash
        head = self.chain(connection_id)
        if seq != head.rows:
            missing = f"Row {seq + 1} is missing: {head.rows} rows were written, {seq} are there."
            return self._checked(seq, previous, seq + 1, missing)
        if previous != head.hash:
            return self._checked(seq, previous, seq, f"Row {seq} is not the row that was written last.")
        return self._checked(seq, previous, None, None)

    def remember_check(self, connection_id: int, check: ChainCheck) -> None:
        values = {name: getattr(check, name) for name in _CHECK}
        self._upsert(audit_checks, [{"connection_id": connection_id, **values}], "connection_id")

    def last_check(self, connection_id: int) -> ChainCheck | None:
        row = self._connection.execute(_LAST_CHECK, {"connection": connection_id}).one_or_none()
        return ChainCheck(**{name: getattr(row, name) for name in _CHECK}) if row else None

    def row_hash(self, connection_id: int, seq: int) -> str | None:
        query = select(audit.c.hash).where(audit.c.connection_id == connection_id, audit.c.seq == seq)
        return self._connection.execute(query).scalar_one_or_none()

    def hashed(self, connection_id: int, first: int, last: int) -> Iterator[tuple[str, str]]:
        previous = self.row_hash(connection_id, first - 1) or GENESIS
        for row in self._from(connection_id, first - 1):
            if row.seq > last:
                return
            yield canonical(connection_id, row.seq, previous, _content(row)), row.hash
            previous = row.hash

    def _locked(self, connection_id: int) -> Chain:
        return Chain(*self._connection.execute(_HEAD_LOCKED, {"connection": connection_id}).one())

    def _from(self, connection_id: int, seq: int) -> Iterator[Row[Any]]:
        yield from self._in_batches(_AFTER, lambda row: row, lambda row: row.seq, connection=connection_id, after=seq)

    def _stored(self, entry: Audit) -> dict[str, Any]:
        """The entry as the database will hold it, so that it is hashed as it will be read."""
        return {name: self._as_kept(name, getattr(entry, name)) for name in CONTENT}

    def _as_kept(self, name: str, value: Any) -> Any:
        kind = audit.c[name].type
        return kind.process_bind_param(value, self._connection.dialect) if isinstance(kind, TypeDecorator) else value

    def _checked(self, rows: int, digest: str | None, broken_at: int | None, fault: str | None) -> ChainCheck:
        return ChainCheck(rows, digest, self._context.clock(), broken_at, fault)


_CHECK = tuple(each.name for each in fields(ChainCheck))


def _fault(connection_id: int, seq: int, previous: str, row: Row[Any]) -> str | None:
    """What is wrong with the row that stands where row `seq` should; None where it fits."""
    if row.seq != seq:
        return f"Row {seq} is missing: after row {seq - 1} comes row {row.seq}."
    if row.hash == sealed(connection_id, seq, previous, _content(row)):
        return None
    return f"Row {seq} does not fit: it was changed after it was written, or the row before it was replaced."


def _content(row: Row[Any]) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], row._mapping)


def _read(row: Row[Any]) -> Audit:
    return Audit(**{name: getattr(row, name) for name in _FIELDS})
