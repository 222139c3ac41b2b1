"""Figures over all connections, each in one query: what a list of thousands of accounts needs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select

from service.ports import Calls
from service.store.repository import Repository
from service.store.tables import call_counts, connections, journal, links, notices, problems, runs


class SqlFigures(Repository):
    """See `service.ports.Figures`."""

    def problem_codes(self) -> dict[int, dict[str, int]]:
        query = select(problems.c.connection_id, problems.c.code, func.count())
        query = query.where(problems.c.status.in_(("open", "conflict"))).group_by(
            problems.c.connection_id, problems.c.code
        )
        found: dict[int, dict[str, int]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row[0], {})[row[1]] = row[2]
        return found

    def waiting_since(self) -> dict[int, datetime]:
        now_linked = and_(connections.c.id == links.c.connection_id, connections.c.epoch == links.c.epoch)
        looks = (
            _oldest(notices.c.connection_id, notices.c.received_at, notices.c.state == "new"),
            _oldest(journal.c.connection_id, journal.c.created_at, journal.c.state == "noted"),
            _oldest(links.c.connection_id, links.c.updated_at, links.c.status == "PENDING").join(
                connections, now_linked
            ),
        )
        found: dict[int, datetime] = {}
        for look in looks:
            for row in self._connection.execute(look):
                if row[0] is not None:
                    found[row[0]] = min(row[1], found.get(row[0], row[1]))
        return found

    def last_successes(self) -> dict[int, datetime]:
        query = select(runs.c.connection_id, func.max(runs.c.finished_at)).where(runs.c.state == "succeeded")
        rows = self._connection.execute(query.group_by(runs.c.connection_id))
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def calls(self, month: str) -> dict[int, Calls]:
        rows = self._connection.execute(select(call_counts).where(call_counts.c.month == month))
        return {row.connection_id: Calls(row.free, row.metered) for row in rows}

    def add_calls(self, connection_id: int, month: str, calls: Calls) -> None:
        added = self._insert(call_counts).values(
            connection_id=connection_id, month=month, free=calls.free, metered=calls.metered
        )
        sums = {name: call_counts.c[name] + added.excluded[name] for name in ("free", "metered")}
        self._connection.execute(added.on_conflict_do_update(index_elements=["connection_id", "month"], set_=sums))


def _oldest(
    owner: ColumnElement[int], at: ColumnElement[datetime], waits: ColumnElement[bool]
) -> Select[int, datetime]:
    return select(owner, func.min(at)).where(waits).group_by(owner)
