"""The audit as a chain: each row's hash covers its content and the hash of the row before it (docs/decisions/0011).

What is hashed is what the database holds, text for text, so that anybody with a copy of the rows can follow the chain
without us and without a key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, event

CONTENT = (
    "at",
    "actor",
    "action",
    "side",
    "key",
    "kind",
    "erp_id",
    "quickbooks_id",
    "number",
    "company_id",
    "amount",
    "why",
    "run_id",
    "before",
    "after",
)
"""The columns that a hash covers, in this order. It never changes: what is new would have to stand outside."""

GENESIS = ""
"""What stands before the first row."""


def canonical(connection_id: int, seq: int, previous: str, stored: Mapping[str, Any]) -> str:
    """What the hash of one row covers: a JSON list of its place, the hash before it and its columns as stored."""
    content = [_plain(stored[name]) for name in CONTENT]
    return json.dumps([connection_id, seq, previous, *content], separators=(",", ":"))


def sealed(connection_id: int, seq: int, previous: str, stored: Mapping[str, Any]) -> str:
    """The hash of one row: SHA-256, in hexadecimal."""
    return hashlib.sha256(canonical(connection_id, seq, previous, stored).encode()).hexdigest()


def chained(
    connection_id: int, rows: int, head: str | None, entries: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The entries with their place and hash, following a chain of `rows` rows that ends in `head`."""
    previous = head or GENESIS
    for seq, stored in enumerate(entries, rows + 1):
        previous = sealed(connection_id, seq, previous, stored)
        yield {**stored, "connection_id": connection_id, "seq": seq, "hash": previous}


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


_REFUSAL = "the audit is append-only"
_SQLITE = "CREATE TRIGGER audit_no_{0} BEFORE {0} ON audit BEGIN SELECT RAISE(ABORT, '" + _REFUSAL + "'); END"
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
)
_POSTGRES = "CREATE TRIGGER audit_no_{0} BEFORE {0} ON audit FOR EACH {1} EXECUTE FUNCTION audit_refuse()"
_GUARDS = {
    "sqlite": (_SQLITE.format("update"), _SQLITE.format("delete")),
    "postgresql": (
        _FUNCTION,
        _POSTGRES.format("update", "ROW"),
        _POSTGRES.format("delete", "ROW"),
        _POSTGRES.format("truncate", "STATEMENT"),
    ),
}


def refuse_changes(table: Table) -> None:
    """Wherever the table is made from the code, the database itself refuses to change or remove a row."""

    @event.listens_for(table, "after_create")
    def guard(_: Table, connection: Connection, **__: Any) -> None:
        for statement in _GUARDS[connection.dialect.name]:
            connection.exec_driver_sql(statement)
