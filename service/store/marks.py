"""Companies whose books must be compared."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlalchemy import bindparam, delete, select

from service.store.repository import Insert, Repository, new
from service.store.tables import marks

_PENDING = (
    select(marks.c.company_id, marks.c.mark)
    .where(marks.c.connection_id == bindparam("connection"))
    .order_by(marks.c.company_id)
)
_DONE = delete(marks).where(
    marks.c.connection_id == bindparam("connection"),
    marks.c.company_id == bindparam("company"),
    marks.c.mark == bindparam("number"),
)


@cache
def _marking(dialect: str) -> Insert:
    return new(dialect, marks).on_conflict_do_update(
        index_elements=["connection_id", "company_id"], set_={"mark": marks.c.mark + 1}
    )


class SqlMarks(Repository):
    """See `service.ports.Marks`."""

    def add(self, connection_id: int, company_ids: Iterable[str]) -> None:
        # Sorted, so that two that mark the same companies wait for each other instead of deadlocking.
        rows = [{"connection_id": connection_id, "company_id": each, "mark": 1} for each in sorted(set(company_ids))]
        if rows:
            self._connection.execute(_marking(self._dialect), rows)

    def pending(self, connection_id: int) -> dict[str, int]:
        return {row.company_id: row.mark for row in self._connection.execute(_PENDING, {"connection": connection_id})}

    def done(self, connection_id: int, company_id: str, mark: int) -> None:
        self._connection.execute(_DONE, {"connection": connection_id, "company": company_id, "number": mark})

    def clear(self, connection_id: int) -> None:
        self._connection.execute(delete(marks).where(marks.c.connection_id == connection_id))
