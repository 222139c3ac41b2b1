"""Pages of a list: an opaque cursor holds the id of the last row shown, so rows that come or go shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select

from service.errors import Reason, Rejected
from service.ports import Page

LARGEST_PAGE = 500
_LARGEST_ID = 2**63 - 1
"""The largest integer that either database holds."""


def page(
    connection: Connection,
    query: Select[Any],
    order: ColumnElement[int],
    cursor: str | None,
    limit: int,
    read: Callable[[Row[Any]], Any],
    *,
    newest_first: bool = False,
) -> Page:
    """One page of `query` in the order of its integer id `order`; the row must carry it as `page_id`.

    Raises:
        Rejected: `invalid_cursor`, the cursor is not one of ours.
    """
    limit = max(1, min(limit, LARGEST_PAGE))
    if cursor is not None:
        last = _decode(cursor)
        query = query.where(order < last if newest_first else order > last)
    query = query.add_columns(order.label("page_id")).order_by(order.desc() if newest_first else order)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([read(row) for row in shown], _encode(shown[-1].page_id) if more else None)


def _encode(last_id: int) -> str:
    return base64.urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")


def _decode(cursor: str) -> int:
    try:
        last_id = int(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        last_id = -1
    if not 0 <= last_id <= _LARGEST_ID:
        sentence = "The cursor is not one that this list gave out: begin without one."
        raise Rejected(Reason.INVALID, "invalid_cursor", sentence, field="cursor")
    return last_id
