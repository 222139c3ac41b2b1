"""Connections, and the right to work on one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Row, and_, bindparam, case, exists, insert, or_, select, update

from service.ports import Claim, Connection, ConnectionState, Page
from service.store.paging import page
from service.store.repository import Repository
from service.store.tables import connections, runs

NOBODYS = datetime(1970, 1, 1, tzinfo=UTC)
API_KEY = "erp_api_key"
_HOLD_A_PLACE = (
    ConnectionState.CONNECTED.value,
    ConnectionState.NEEDS_REAUTHORISATION.value,
    ConnectionState.SOFT_DISCONNECTED.value,
)
_MERGED = ("watermarks", "lists")
_CHANGEABLE = frozenset(
    {
        API_KEY,
        *_MERGED,
        "name",
        "state",
        "realm_id",
        "quickbooks_company",
        "epoch",
        "two_way",
        "settings",
        "connected_at",
        "sweep_at",
        "not_before",
    }
)

# Built once: building a statement takes longer than running it.
_BY_ID = select(connections).where(connections.c.id == bindparam("its_id"))
_FOR_MERGING = (
    select(*(connections.c[name] for name in _MERGED))
    .where(connections.c.id == bindparam("its_id"))
    .with_for_update(key_share=True)  # as an UPDATE locks: a notice that is kept meanwhile refers to the row
)
_BY_ACCOUNT = select(connections).where(connections.c.account_id == bindparam("account"))
_BY_REALM = (
    select(connections)
    .where(connections.c.realm_id == bindparam("realm"), connections.c.state.in_(_HOLD_A_PLACE))
    .order_by(connections.c.id)
)
_CHANGE = update(connections).where(connections.c.id == bindparam("its_id")).returning(connections)
_MARK_DIRTY = update(connections).where(connections.c.id == bindparam("its_id")).values(dirty=connections.c.dirty + 1)
_NOBODYS = connections.c.claimed_until < bindparam("now")
# With nobody holding the connection, a `running` run is one whose worker died or paused: it waits again.
_WAITING = exists().where(runs.c.connection_id == connections.c.id, runs.c.state.in_(("queued", "running")))
_IS_DUE = and_(
    connections.c.not_before <= bindparam("now"),
    or_(connections.c.dirty > connections.c.seen, connections.c.sweep_at <= bindparam("now"), _WAITING),
)
_DUE = (
    select(connections.c.id)
    .where(_NOBODYS, _IS_DUE)
    .order_by(connections.c.served_at.asc().nulls_first(), connections.c.sweep_at)
)
_TAKE = (
    update(connections)
    .where(connections.c.id == bindparam("its_id"), _NOBODYS)
    .values(claim=connections.c.claim + 1, claimed_until=bindparam("until"), claimed_by=bindparam("by"))
    .returning(connections.c.claim, connections.c.dirty)
)
_TAKE_DUE = _TAKE.where(_IS_DUE)
_MINE = and_(connections.c.id == bindparam("its_id"), connections.c.claim == bindparam("number"))
_RELEASE = update(connections).where(_MINE).values(claimed_until=NOBODYS, served_at=bindparam("at"))
_DONE = bindparam("done", type_=BigInteger)
_RELEASE_DONE = _RELEASE.values(seen=case((connections.c.seen < _DONE, _DONE), else_=connections.c.seen))


class SqlConnections(Repository):
    """See `service.ports.Connections`. A new connection is due at once; unknown ids raise LookupError."""

    def get(self, account_id: str) -> Connection | None:
        row = self._connection.execute(_BY_ACCOUNT, {"account": account_id}).one_or_none()
        return _read(row) if row else None

    def by_id(self, connection_id: int) -> Connection:
        return _read(self._row(connection_id))

    def by_realm(self, realm_id: str) -> list[Connection]:
        return [_read(row) for row in self._connection.execute(_BY_REALM, {"realm": realm_id})]

    def all(self) -> list[Connection]:
        return [_read(row) for row in self._connection.execute(select(connections).order_by(connections.c.id))]

    def page(self, cursor: str | None, limit: int) -> Page:
        return page(self._connection, select(connections), connections.c.id, cursor, limit, _read)

    def create(self, account_id: str, name: str, erp_api_key: str) -> Connection:
        now = self._context.clock()
        added = insert(connections).values(
            account_id=account_id,
            name=name,
            erp_api_key="",
            state=ConnectionState.NEW.value,
            epoch=1,
            two_way=False,
            settings={},
            watermarks={},
            lists={},
            dirty=0,
            seen=0,
            claim=0,
            claimed_until=NOBODYS,
            sweep_at=now,
            not_before=now,
            created_at=now,
        )
        connection_id = self._connection.execute(added.returning(connections.c.id)).scalar_one()
        return self.update(connection_id, erp_api_key=erp_api_key)  # sealing needs the id

    def update(self, connection_id: int, **changes: Any) -> Connection:
        if unknown := changes.keys() - _CHANGEABLE:
            raise TypeError(f"a connection has no {', '.join(sorted(unknown))} to change")
        if not changes:
            return self.by_id(connection_id)
        values = changes | self._merged(connection_id, changes)
        if "state" in values:
            values["state"] = ConnectionState(values["state"]).value
        if API_KEY in values:
            values[API_KEY] = self._context.cipher.seal(connection_id, API_KEY, values[API_KEY])
        row = self._connection.execute(_CHANGE, {"its_id": connection_id, **values}).one_or_none()
        return _read(_known(row, connection_id))

    def erp_api_key(self, connection_id: int) -> str:
        return self._context.cipher.unseal(connection_id, API_KEY, self._row(connection_id).erp_api_key)

    def mark_dirty(self, connection_id: int) -> None:
        self._connection.execute(_MARK_DIRTY, {"its_id": connection_id})

    def due(self, now: datetime) -> list[int]:
        return list(self._connection.scalars(_DUE, {"now": now}))

    def claim(
        self, connection_id: int, now: datetime, until: datetime, *, force: bool = False, by: str | None = None
    ) -> Claim | None:
        """One statement, so that of many who try at once exactly one gets a row back."""
        values = {"its_id": connection_id, "now": now, "until": until, "by": by}
        row = self._connection.execute(_TAKE if force else _TAKE_DUE, values).one_or_none()
        return Claim(connection_id, row.claim, row.dirty) if row else None

    def release(self, claim: Claim, *, seen: int | None) -> None:
        mine = {"its_id": claim.connection_id, "number": claim.number, "at": self._context.clock()}
        self._connection.execute(*((_RELEASE, mine) if seen is None else (_RELEASE_DONE, {**mine, "done": seen})))

    def free(self, connection_id: int, by: str) -> None:
        theirs = and_(connections.c.id == connection_id, connections.c.claimed_by == by)
        self._connection.execute(update(connections).where(theirs).values(claimed_until=NOBODYS))

    def clear_claims(self) -> None:
        self._connection.execute(update(connections).values(claimed_until=NOBODYS))

    def sweep_all(self) -> None:
        connected = connections.c.state == ConnectionState.CONNECTED.value
        self._connection.execute(update(connections).where(connected).values(sweep_at=self._context.clock()))

    def _row(self, connection_id: int) -> Row[Any]:
        return _known(self._connection.execute(_BY_ID, {"its_id": connection_id}).one_or_none(), connection_id)

    def _merged(self, connection_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The mappings that are changed key by key, whole, read under a lock."""
        names = [name for name in _MERGED if name in changes]
        if not names:
            return {}
        row = _known(self._connection.execute(_FOR_MERGING, {"its_id": connection_id}).one_or_none(), connection_id)
        return {name: {**getattr(row, name), **changes[name]} for name in names}


def _known(row: Row[Any] | None, connection_id: int) -> Row[Any]:
    if row is None:
        raise LookupError(f"there is no connection {connection_id}")
    return row


def _read(row: Row[Any]) -> Connection:
    return Connection(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        state=ConnectionState(row.state),
        realm_id=row.realm_id,
        quickbooks_company=row.quickbooks_company,
        epoch=row.epoch,
        two_way=row.two_way,
        settings=row.settings,
        connected_at=row.connected_at,
        watermarks=row.watermarks,
        lists=row.lists,
        dirty=row.dirty,
        seen=row.seen,
        sweep_at=row.sweep_at,
        not_before=row.not_before,
        created_at=row.created_at,
    )
