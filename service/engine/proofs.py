"""Proof that both books agree and of who did what: kept tie-outs, the audit's chain, runs, and a pack of it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.engine import views
from service.engine.kept_tie_outs import zone_of
from service.engine.lists import load_lists
from service.engine.sync import Look, plans
from service.engine.tying_out import Kept, kept
from service.engine.working import Ports, Working
from service.errors import Reason, Rejected
from service.ports import Audit, Chain, ChainCheck, Claim, Connection, KeptTieOut, Page, Problem, Run, Transaction

View = dict[str, Any]
PAGE = 500
APPROVALS = ("approve", "cancel_run")
SETTINGS = ("settings", "two_way", "connection", "connect", "soft_disconnect", "hard_disconnect", "restore")


@dataclass(frozen=True)
class Pack:
    """Everything that an accountant needs to believe a tie-out, from `since` (inclusive) up to `until`."""

    connection: Connection
    zone: ZoneInfo
    since: datetime
    until: datetime
    made_at: datetime
    made_by: str
    tie_out: Kept
    trend: list[KeptTieOut]
    open_problems: list[Problem]
    dismissed: list[Audit]
    approvals: list[Audit]
    settings: list[Audit]
    plans: list[Run]
    chain: Chain
    check: ChainCheck
    audit: Callable[[], Iterator[Audit]]
    hashed: Callable[[], Iterator[tuple[str, str]]]


class Proofs:
    """What was kept, read without a call to either side. Raises `Rejected` with a stable code and a sentence."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    # ------------------------------------------------------------------------------------------ tie-out

    def kept(self, account_id: str, moment: datetime | None = None) -> Kept:
        """What the last sync left, or the last one up to `moment`."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return kept(tx, connection, moment or self.ports.clock())

    def latest(self, account_id: str) -> KeptTieOut | None:
        """The totals that the last sync of the present epoch left."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return tx.tie_outs.last(connection.id, connection.epoch)

    def trend(
        self, account_id: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[KeptTieOut]:
        """Totals of the syncs that were kept, oldest first."""
        with self.ports.store.reading() as tx:
            return tx.tie_outs.history(self._known(tx, account_id).id, since=since, until=until)

    # -------------------------------------------------------------------------------------------- audit

    def audit(
        self,
        account_id: str,
        *,
        record: str | None = None,
        run: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """Pages of `Audit`, newest first."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return tx.audits.page(
                connection.id,
                record=record,
                run=run,
                actor=actor,
                action=action,
                since=since,
                until=until,
                cursor=cursor,
                limit=limit,
            )

    def verify(self, account_id: str, *, expected: tuple[int, str] | None = None) -> ChainCheck:
        """Walk the whole chain. `expected`: the number and hash of a row that somebody wrote down earlier."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            found = tx.audits.check(connection.id)
            if expected and found.fault is None and tx.audits.row_hash(connection.id, expected[0]) != expected[1]:
                fault = f"Row {expected[0]} is another one than was written down: the chain was made anew since."
                found = replace(found, rows=expected[0] - 1, broken_at=expected[0], fault=fault)
        with self.ports.store.writing() as tx:
            tx.audits.remember_check(connection.id, found)
        return found

    def last_check(self, account_id: str) -> tuple[ChainCheck | None, Chain]:
        """What the last walk found, and where the chain ends now."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return tx.audits.last_check(connection.id), tx.audits.chain(connection.id)

    # --------------------------------------------------------------------------------------------- runs

    def run(self, account_id: str, run_id: str) -> Run:
        """A run of this account; another one's is unknown here."""
        with self.ports.store.reading() as tx:
            connection, run = self._known(tx, account_id), tx.runs.get(run_id)
        if run is None or run.connection_id != connection.id:
            raise Rejected(Reason.NOT_FOUND, "unknown_run", "No run of this connection has this id.")
        return run

    def would_change(self, account_id: str, run: Run) -> View:
        """What a held run would do, as the mirror stands now: a plan, without asking either side."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            w = Working(self.ports, connection, _NO_CLAIM)
            lists = load_lists(tx, w)
        only = run.params.get("company_ids")
        found = plans(w, Look(companies=frozenset(only) if only else None))
        steps = [views.step(c, s, lists) for c, plan in found for s in plan.steps if views.is_change(s)]
        return views.plan("", self.ports.clock(), steps, [])

    # --------------------------------------------------------------------------------------------- pack

    def pack(self, account_id: str, *, since: datetime | None, until: datetime | None, actor: str) -> Pack:
        """The proof of a period (default: this month so far); the tie-out is the last one kept in it."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
        zone, now = zone_of(connection), self.ports.clock()
        end = until if until is not None and until < now else None
        until = end or now
        since = since or _start_of_month(until, zone)
        check = self.verify(account_id)
        with self.ports.store.reading() as tx:
            return Pack(
                connection=connection,
                zone=zone,
                since=since,
                until=until,
                made_at=now,
                made_by=actor,
                tie_out=kept(tx, connection, until),
                trend=tx.tie_outs.history(connection.id, since=since, until=until),
                open_problems=tx.problems.open(connection.id),
                dismissed=list(_rows(tx, connection, until=end, action="dismiss")),
                approvals=_named(tx, connection, APPROVALS, since, end),
                settings=_named(tx, connection, SETTINGS, since, end),
                plans=[run for run in _runs(tx, connection, since, end) if run.params.get("plan_id")],
                chain=tx.audits.chain(connection.id),
                check=check,
                audit=lambda: self._audit_of(connection, since, end),
                hashed=lambda: self._hashed_of(connection, since, end),
            )

    def _audit_of(self, connection: Connection, since: datetime, until: datetime | None) -> Iterator[Audit]:
        with self.ports.store.reading() as tx:
            yield from _rows(tx, connection, since=since, until=until)

    def _hashed_of(self, connection: Connection, since: datetime, until: datetime | None) -> Iterator[tuple[str, str]]:
        """From the first row of the period to its last, as the chain goes."""
        rows = [row.seq for row in self._audit_of(connection, since, until) if row.seq]
        with self.ports.store.reading() as tx:
            yield from tx.audits.hashed(connection.id, min(rows), max(rows)) if rows else ()

    def _known(self, tx: Transaction, account_id: str) -> Connection:
        connection = tx.connections.get(account_id)
        if connection is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
        return connection


_NO_CLAIM = Claim(-1, -1, 0)


def _rows(tx: Transaction, connection: Connection, **wanted: Any) -> Iterator[Audit]:
    """Every matching audit row, newest first."""
    cursor: str | None = None
    while True:
        page = tx.audits.page(connection.id, cursor=cursor, limit=PAGE, **wanted)
        yield from page.data
        cursor = page.next_cursor
        if cursor is None:
            return


def _named(
    tx: Transaction, connection: Connection, actions: tuple[str, ...], since: datetime, until: datetime | None
) -> list[Audit]:
    found = [row for action in actions for row in _rows(tx, connection, action=action, since=since, until=until)]
    return sorted(found, key=lambda row: row.seq or 0)


def _runs(tx: Transaction, connection: Connection, since: datetime, until: datetime | None) -> Iterator[Run]:
    cursor: str | None = None
    while True:
        page = tx.runs.page(connection.id, cursor, PAGE)
        yield from (run for run in page.data if since <= run.created_at and (until is None or run.created_at < until))
        cursor = page.next_cursor
        if cursor is None or page.data[-1].created_at < since:
            return


def _start_of_month(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
