"""Long work as people follow it: the plan before, the report after, the archived epochs that may come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from mappings.money import text
from service.engine import views
from service.engine.resyncing import KINDS
from service.engine.views import View
from service.engine.working import Ports, instant
from service.errors import Reason, Rejected
from service.ports import Connection, KeptPlan, Run, Transaction

FRESH_FOR = timedelta(hours=24)
"""After a day's business a plan is hardly ever what would be done now."""


class LongWork:
    """Looks alone: nothing is changed here. Raises `Rejected` for what is unknown."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def standing(self, account_id: str, kind: str, plan_kind: str | None = None) -> View:
        """Before work of this kind: the run under way or last ended, the plan made last, and records by kind as
        (kind, in the ERP, linked)."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            run, kept = tx.runs.last(connection.id, kind), tx.plans.latest(connection.id, plan_kind or kind)
            records, links = tx.summaries.records(connection.id), tx.summaries.links(connection.id, connection.epoch)
        return {
            "run": views.run(run, account_id) if run else None,
            "plan": self._plan(connection, kept, is_latest=True) if kept else None,
            "records": [(each, records.get(each, 0), links.get(each, 0)) for each in KINDS],
        }

    # ------------------------------------------------------------------------------------------- plans

    def plan(self, account_id: str, plan_id: str) -> View:
        """A kept plan without its rows, and whether it can still be carried out."""
        with self.ports.store.reading() as tx:
            connection, kept = self._known(tx, account_id), tx.plans.get(plan_id)
            if kept is None or kept.connection_id != connection.id:
                raise Rejected(Reason.NOT_FOUND, "unknown_plan", "No plan of this connection has this id.")
            latest = tx.plans.latest(connection.id, kept.kind)
        return self._plan(connection, kept, is_latest=latest is None or latest.id == kept.id)

    def _plan(self, connection: Connection, kept: KeptPlan, *, is_latest: bool) -> View:
        outdated = None if kept.run_id else self._outdated(connection, kept, is_latest=is_latest)
        return {
            "plan_id": kept.id,
            "kind": kept.kind,
            "created_at": views.moment(kept.created_at),
            "params": dict(kept.params),
            "totals": kept.summary["totals"],
            "books": kept.summary.get("books"),
            "rows": kept.summary.get("rows"),
            "found": kept.summary.get("found"),
            "run_id": kept.run_id,
            "outdated": outdated,
        }

    def _outdated(self, connection: Connection, kept: KeptPlan, *, is_latest: bool) -> str | None:
        """Why a plan that nobody carried out should not be any more; the last word has the comparison at its start."""
        if kept.outdated_at is not None:
            return "The books moved on since this plan was made."
        if not is_latest:
            return "A newer plan was made after this one."
        if connection.connected_at is not None and kept.created_at < connection.connected_at:
            return "QuickBooks was connected anew since this plan was made."
        if kept.kind == "enable_two_way" and connection.two_way:
            return "Two-way sync is on already."
        if self.ports.clock() - kept.created_at > FRESH_FOR:
            return "This plan is more than a day old."
        return None

    # ----------------------------------------------------------------------------------------- reports

    def report(self, account_id: str, run_id: str) -> View:
        """What a run has done so far, what it could not do, and the plan that it carries out."""
        with self.ports.store.reading() as tx:
            connection, run = self._known(tx, account_id), tx.runs.get(run_id)
            if run is None or run.connection_id != connection.id:
                raise Rejected(Reason.NOT_FOUND, "unknown_run", "No run of this connection has this id.")
            done = tx.summaries.done(connection.id, run_id)
            causes = tx.summaries.causes(connection.id, run_id)
        return {
            "run": views.run(run, account_id),
            "plan_id": run.params.get("plan_id"),
            "params": {name: value for name, value in run.params.items() if value is not None},
            "took_s": _took(run, self.ports.clock()),
            "done": [asdict(each) | {"amount": text(each.amount)} for each in done if each.side != "connection"],
            "causes": [asdict(each) | {"amount": text(each.amount)} for each in causes],
        }

    # ------------------------------------------------------------------------------------------ epochs

    def epochs(self, account_id: str) -> list[View]:
        """What was archived by hard disconnects, the latest first."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return [
                _epoch(tx, connection, int(epoch), kept)
                for epoch, kept in sorted(_archived(connection).items(), key=lambda each: -int(each[0]))
            ]

    def epoch(self, account_id: str, epoch: int) -> View:
        """One archived epoch: what of it would come back, what it would replace, and what changed since it ended."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            kept = _archived(connection).get(str(epoch))
            if kept is None:
                raise Rejected(
                    Reason.NOT_FOUND, "unknown_epoch", "No archived epoch of this connection has this number."
                )
            ended = instant(kept.get("ended_at")) or connection.created_at
            here, now = tx.summaries, connection.epoch
            return _epoch(tx, connection, epoch, kept) | {
                "replaced": here.links(connection.id, now),
                "carried": [asdict(each) for each in here.carried(connection.id, epoch, now)],
                "records_since": here.records_since(connection.id, ended),
                "objects_since": here.objects_since(connection.id, now, ended),
                "settings_changed": _differing(kept.get("settings") or {}, connection.settings),
            }

    def _known(self, tx: Transaction, account_id: str) -> Connection:
        connection = tx.connections.get(account_id)
        if connection is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
        return connection


def _took(run: Run, now: datetime) -> int | None:
    """Seconds since its start, until its end where it has one."""
    return None if run.started_at is None else round(((run.finished_at or now) - run.started_at).total_seconds())


def _archived(connection: Connection) -> Mapping[str, Any]:
    return connection.lists.get("epochs") or {}


def _epoch(tx: Transaction, connection: Connection, epoch: int, kept: Mapping[str, Any]) -> View:
    return {
        "epoch": epoch,
        "quickbooks_company": kept.get("name"),
        "realm_id": kept.get("realm_id"),
        "two_way": bool(kept.get("two_way")),
        "ended_at": views.moment(instant(kept.get("ended_at"))),
        "links": tx.summaries.links(connection.id, epoch),
        "left_out": _obstacle(connection, kept),
    }


def _obstacle(connection: Connection, kept: Mapping[str, Any]) -> str | None:
    """Why this epoch cannot come back now."""
    name = kept.get("name") or "its QuickBooks company"
    if connection.state.value != "connected":
        return f"Connect '{name}' again first."
    if kept.get("realm_id") != connection.realm_id:
        return f"'{connection.quickbooks_company}' is connected now; this epoch belongs to '{name}'."
    return None


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
