"""Pages of a list: an opaque cursor holds the id of the last row shown, so rows that come or go shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select

from service.ports import Page

LARGEST_PAGE = 500


class BadCursor(ValueError):
    """A cursor that no list of ours gave out."""


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
        BadCursor: the cursor is not one of ours.
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
        return int(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise BadCursor("the cursor is not one that this list gave out") from None
