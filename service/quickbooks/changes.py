"""Change data capture (§7): what a CDC answer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from service.errors import Unreachable
from service.ports import Changes, Raw
from service.quickbooks.answers import faults_in
from service.quickbooks.faults import error_for
from service.quickbooks.moments import parse_instant

WINDOW = timedelta(days=30)


def read_changes(answer: Mapping[str, Any], entities: Sequence[str], asked_at: datetime, cap: int) -> Changes:
    """Sort a CDC answer. Blocks come in any order, some of them empty or without counters: they are matched by key.

    An answer holds at most `cap` objects, whichever entities they are of (§7), and nothing marks a cut: a full one
    makes every entity suspect. An answer that does not tell its time is as complete as when it was asked for.
    Raises: the error of a fault inside any part; `Unreachable` for an answer without parts.
    """
    parts = answer.get("CDCResponse")
    if not isinstance(parts, list):
        raise Unreachable("QuickBooks' answer holds no changes")
    rows = [found for part in parts for found in _rows(part, entities)]
    return Changes(
        objects=[(entity, row) for entity, row in rows if not _is_stub(row)],
        deleted=[(entity, row["Id"]) for entity, row in rows if _is_stub(row)],
        complete_to=parse_instant(answer.get("time")) or asked_at,
        capped=frozenset(entities) if len(rows) >= cap else frozenset(),
    )


def _rows(part: Mapping[str, Any], entities: Sequence[str]) -> Iterator[tuple[str, Raw]]:
    _refuse_fault(part)
    for block in part.get("QueryResponse") or []:
        _refuse_fault(block)
        for entity in entities:
            for row in block.get(entity) or []:
                yield entity, row


def _refuse_fault(part: Mapping[str, Any]) -> None:
    if faults := list(faults_in(part)):
        raise error_for(faults, is_write=False)


def _is_stub(row: Raw) -> bool:
    return row.get("status") == "Deleted"
