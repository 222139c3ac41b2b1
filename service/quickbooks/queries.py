"""Statements of QuickBooks' query language (§6), and how to read all of their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from service.ports import Condition, Raw

BY_ID = "Id"
BY_CHANGE = "MetaData.LastUpdatedTime"
"""For entities that QuickBooks does not sort by Id."""
_STEPS_BACK = 10
"""From a page's edge to its beginning."""


def statement(entity: str, where: Sequence[Condition] = (), *, with_inactive: bool = False) -> str:
    """`SELECT * FROM entity WHERE …`, without order and page. Rows of a list that are inactive stay hidden unless asked
    for (§3.8)."""
    tests = [f"{one.field} {one.operator} {_value(one.value)}" for one in where]
    if with_inactive:
        tests.append("Active IN (true, false)")
    return f"SELECT * FROM {entity}" + (f" WHERE {' AND '.join(tests)}" if tests else "")


def page(select: str, start: int, size: int, order: str = BY_ID) -> str:
    """One page of a statement: `start` is 1-based. Without an order, rows move between the pages."""
    return f"{select} ORDERBY {order} STARTPOSITION {start} MAXRESULTS {size}"


def matches_nothing(where: Sequence[Condition]) -> bool:
    """An `IN` over no values: no statement can say that."""
    return any(one.operator == "IN" and not one.value for one in where)


def every_row(fetch: Callable[[int], Sequence[Raw]], size: int) -> Iterator[Raw]:
    """All rows, each once; `fetch` answers the page of at most `size` rows that begins at a position.

    Positions, not `Id > 'last'`: nobody says whether ids compare as numbers or as text, and '10' < '9' would lose rows.
    A row that is deleted meanwhile moves the later ones up, past the page's edge. So each page begins with the last row
    of the one before; where a row that we never saw stands there, we step back until one that we know does.
    """
    seen: set[str] = set()
    start = 1
    while True:
        rows = fetch(start)
        if start > 1 and not (rows and rows[0]["Id"] in seen):
            start = max(1, start - max(1, size // _STEPS_BACK))
            continue
        for row in rows:
            if row["Id"] not in seen:
                seen.add(row["Id"])
                yield row
        if len(rows) < size:
            return
        start += len(rows) - 1


def _value(value: str | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    return f"({', '.join(_quoted(one) for one in value)})"


def _quoted(text: str) -> str:
    """The backslash first: escaping only the apostrophe lets a text that ends in a backslash break out."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
