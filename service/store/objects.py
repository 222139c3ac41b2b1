"""QuickBooks' objects as last seen, one set for each epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, select, update

from service.ports import QboObject
from service.store.repository import Repository, chunks, in_batches
from service.store.tables import objects as table

# Built once: building a statement takes longer than running it.
_OF_EPOCH = and_(table.c.connection_id == bindparam("connection"), table.c.epoch == bindparam("in_epoch"))
_OF_CUSTOMER = select(table).where(_OF_EPOCH, table.c.customer_id == bindparam("customer"))
_OF_ENTITY = in_batches(select(table).where(_OF_EPOCH, table.c.entity == bindparam("its_entity")), table.c.object_id)
_MANY = select(table).where(
    _OF_EPOCH, table.c.entity == bindparam("its_entity"), table.c.object_id.in_(bindparam("ids", expanding=True))
)
_IN_ENTITIES = table.c.entity.in_(bindparam("entities", expanding=True))
_OF_ENTITIES = select(table).where(_OF_EPOCH, _IN_ENTITIES).order_by(table.c.entity, table.c.object_id)
_NUMBERED = (
    select(table)
    .where(_OF_EPOCH, table.c.number.in_(bindparam("numbers", expanding=True)))
    .order_by(table.c.entity, table.c.object_id)
)
_KEPT = (
    select(table)
    .where(
        _OF_EPOCH,
        _IN_ENTITIES,
        table.c.object_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(table.c.entity, table.c.object_id)
    .with_for_update()
)
_TOUCH = (
    update(table)
    .where(_OF_EPOCH, table.c.entity == bindparam("its_entity"), table.c.object_id == bindparam("its_id"))
    .values(touched_at=bindparam("at"))
)


class SqlObjects(Repository):
    """See `service.ports.Objects`."""

    def upsert(self, connection_id: int, epoch: int, objects: Sequence[QboObject]) -> list[QboObject]:
        kept = self._kept(connection_id, epoch, objects)
        stored: dict[tuple[str, str], QboObject] = {}
        changed: dict[tuple[str, str], QboObject] = {}
        for seen in objects:
            key = (seen.entity, seen.id)
            before = kept.get(key)
            after = seen if before is None else _merged(before, seen)
            if after != before:
                kept[key] = stored[key] = after
            if before is None or _content(after) != _content(before):
                changed[key] = after
        rows = [_values(connection_id, epoch, each) for each in stored.values()]
        self._upsert(table, rows, "connection_id", "epoch", "entity", "object_id")
        return [kept[key] for key in changed]

    def of_customer(self, connection_id: int, epoch: int, customer_id: str) -> list[QboObject]:
        """Put in order here: asked to do it, SQLite walks the primary key, and with it all objects of the company."""
        found = self._all(_OF_CUSTOMER, connection=connection_id, in_epoch=epoch, customer=customer_id)
        return sorted(found, key=lambda each: (each.entity, each.id))

    def get(self, connection_id: int, epoch: int, entity: str, object_id: str) -> QboObject | None:
        found = self._all(_MANY, connection=connection_id, in_epoch=epoch, its_entity=entity, ids=[object_id])
        return found[0] if found else None

    def of_entity(self, connection_id: int, epoch: int, entity: str) -> Iterator[QboObject]:
        values = {"connection": connection_id, "in_epoch": epoch, "its_entity": entity, "after": ""}
        return self._in_batches(_OF_ENTITY, _read, lambda row: row.object_id, **values)

    def of_entities(self, connection_id: int, epoch: int, entities: Iterable[str]) -> list[QboObject]:
        return self._all(_OF_ENTITIES, connection=connection_id, in_epoch=epoch, entities=sorted(entities))

    def numbered(self, connection_id: int, epoch: int, numbers: Collection[str]) -> list[QboObject]:
        return [
            each
            for some in chunks(iter(sorted(numbers)))
            for each in self._all(_NUMBERED, connection=connection_id, in_epoch=epoch, numbers=some)
        ]

    def touch(self, connection_id: int, epoch: int, entity: str, object_id: str, at: datetime) -> None:
        named = {"connection": connection_id, "in_epoch": epoch, "its_entity": entity, "its_id": object_id}
        self._connection.execute(_TOUCH, {**named, "at": at})

    def customer_ids(self, connection_id: int, epoch: int) -> list[str]:
        query = select(table.c.customer_id).where(_of(connection_id, epoch), table.c.customer_id.is_not(None))
        return list(self._connection.scalars(query.distinct().order_by(table.c.customer_id)))

    def _kept(self, connection_id: int, epoch: int, objects: Sequence[QboObject]) -> dict[tuple[str, str], QboObject]:
        entities = sorted({seen.entity for seen in objects})
        return {
            (each.entity, each.id): each
            for some in chunks(iter(sorted({seen.id for seen in objects})))
            for each in self._all(_KEPT, connection=connection_id, in_epoch=epoch, entities=entities, ids=some)
        }

    def _all(self, query: Select[Any], **values: Any) -> list[QboObject]:
        return [_read(row) for row in self._connection.execute(query, values)]


def _of(connection_id: int, epoch: int) -> ColumnElement[bool]:
    return and_(table.c.connection_id == connection_id, table.c.epoch == epoch)


def _merged(kept: QboObject, seen: QboObject) -> QboObject:
    """What is kept after `seen`: the newer of both. A deletion says only that it is gone; the last body stays."""
    if _is_late(seen, kept):
        return kept
    touched_at = seen.touched_at or kept.touched_at
    if not seen.deleted:
        return replace(seen, touched_at=touched_at)
    return replace(
        kept,
        deleted=True,
        sync_token=seen.sync_token or kept.sync_token,
        updated_at=seen.updated_at or kept.updated_at,
        touched_at=touched_at,
    )


def _is_late(seen: QboObject, kept: QboObject) -> bool:
    """Whether `seen` is an answer from before what we have. Times unknown, a living copy of a deleted one is."""
    if seen.updated_at is None or kept.updated_at is None:
        return kept.deleted and not seen.deleted
    if seen.updated_at != kept.updated_at:
        return seen.updated_at < kept.updated_at
    return _version(seen) < _version(kept)


def _version(each: QboObject) -> tuple[int, bool]:
    token = each.sync_token or ""
    return int(token) if token.isdecimal() else -1, each.deleted


def _content(each: QboObject) -> tuple[str | None, bool, Any]:
    return each.sync_token, each.deleted, each.body


def _values(connection_id: int, epoch: int, each: QboObject) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "epoch": epoch,
        "entity": each.entity,
        "object_id": each.id,
        "customer_id": each.customer_id,
        "sync_token": each.sync_token,
        "updated_at": each.updated_at,
        "deleted": each.deleted,
        "touched_at": each.touched_at,
        "body": each.body,
        "number": each.number,
    }


def _read(row: Row[Any]) -> QboObject:
    return QboObject(
        entity=row.entity,
        id=row.object_id,
        customer_id=row.customer_id,
        sync_token=row.sync_token,
        updated_at=row.updated_at,
        deleted=row.deleted,
        touched_at=row.touched_at,
        body=row.body,
        number=row.number,
    )
