"""What every repository starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from service.ports import Clock
from service.store.cipher import Cipher

T = TypeVar("T")
BATCH = 500
Insert = postgresql.Insert | sqlite.Insert


@dataclass(frozen=True, slots=True)
class Context:
    """One transaction and what its repositories need besides."""

    connection: Connection
    cipher: Cipher
    clock: Clock
    new_id: Callable[[], str]


class Repository:
    """One table's part of a transaction."""

    __slots__ = ("_connection", "_context")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._connection = context.connection

    @property
    def _dialect(self) -> str:
        return self._connection.dialect.name

    def _insert(self, table: Table) -> Insert:
        """The dialect's own INSERT, which knows ON CONFLICT."""
        return new(self._dialect, table)

    def _upsert(self, table: Table, rows: Sequence[Mapping[str, Any]], *keys: str) -> None:
        """Insert the rows, or replace those with the same `keys` (a unique rule). All rows name the same columns."""
        if rows:
            self._connection.execute(_replacing(self._dialect, table, keys), list(rows))

    def _in_batches(
        self, query: Select[Any], read: Callable[[Row[Any]], T], place: Callable[[Row[Any]], Any], **values: Any
    ) -> Iterator[T]:
        """All rows of a query made by `in_batches`, a few hundred at a time: the caller may change them on the way.

        `place` gives a row's value in the column of their order; `after` among the values is less than all of them.
        """
        rows = self._connection.execute(query, values).all()
        yield from map(read, rows)
        while len(rows) == BATCH:
            rows = self._connection.execute(query, values | {"after": place(rows[-1])}).all()
            yield from map(read, rows)


def new(dialect: str, table: Table) -> Insert:
    """The INSERT of a dialect, which knows ON CONFLICT."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _replacing(dialect: str, table: Table, keys: tuple[str, ...]) -> Insert:
    """Built once for each table: building it takes longer than running it."""
    statement = new(dialect, table)
    others = [column.name for column in table.columns if column.name not in keys and not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in others}
    )


def in_batches(query: Select[Any], order: ColumnElement[Any]) -> Select[Any]:
    """The query for `_in_batches`, in the order of a unique column."""
    return query.where(order > bindparam("after", type_=order.type)).order_by(order).limit(BATCH)


def chunks(items: Iterator[T]) -> Iterator[list[T]]:
    """Lists short enough for one IN (…)."""
    while chunk := list(islice(items, BATCH)):
        yield chunk
