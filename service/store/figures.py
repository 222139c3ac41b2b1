"""Figures over all connections, each in one query: what a list of thousands of accounts needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select

from service.ports import Calls
from service.store.repository import Repository
from service.store.tables import call_tallies, connections, journal, links, notices, problems, runs


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
        owned = call_tallies.join(connections, call_tallies.c.realm_id == connections.c.realm_id)
        query = select(connections.c.id, call_tallies.c.cost, func.sum(call_tallies.c.count)).select_from(owned)
        counted = query.where(call_tallies.c.month == month).group_by(connections.c.id, call_tallies.c.cost)
        found: dict[int, Calls] = {}
        for owner, cost, count in self._connection.execute(counted):
            calls = found.get(owner, Calls())
            more = {"free": calls.free + int(count)} if cost == "free" else {"metered": calls.metered + int(count)}
            found[owner] = replace(calls, **more)
        return found


def _oldest(
    owner: ColumnElement[int], at: ColumnElement[datetime], waits: ColumnElement[bool]
) -> Select[int, datetime]:
    return select(owner, func.min(at)).where(waits).group_by(owner)
