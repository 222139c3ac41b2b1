"""Runs: asked for, followed, stopped, released; and the plan of one that only looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.engine import problems, resyncing, tying_out, views
from service.engine.compare import Comparison, compare
from service.engine.desk.asking import Asking, View
from service.engine.keeping import keep_plan
from service.engine.lists import Lists, load_lists
from service.engine.sync import Look, has_place, plans, read_both
from service.engine.worker import GIVE_UP
from service.engine.working import Working, digest
from service.errors import Reason, Rejected
from service.ports import Run


class Runs(Asking):
    """Jobs on a connection."""

    def reconcile(self, account_id: str, *, company_id: str | None, dry_run: bool, actor: str) -> View:
        companies = [company_id] if company_id else None
        if not dry_run:
            return self._ask(account_id, "reconcile", {"company_ids": companies}, actor)
        with self._working(account_id) as w:
            look = Look(companies=frozenset(companies) if companies else None)
            read_both(w, look)
            return self._plan(w, look)

    def resync(
        self,
        account_id: str,
        *,
        kinds: Sequence[str] | None,
        company_ids: Sequence[str] | None,
        updated_after: str | None,
        customers: str | None,
        dry_run: bool,
        actor: str,
    ) -> View:
        params = {
            "kinds": list(kinds) if kinds else None,
            "company_ids": list(company_ids) if company_ids else None,
            "updated_after": updated_after,
            "customers": customers,
        }
        if not dry_run:
            return self._ask(account_id, "resync", params, actor)
        with self._working(account_id) as w:
            read_both(w, Look())
            return self._plan_resync(w, params)

    def restore(self, account_id: str, *, epoch: int, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
        kept = (connection.lists.get("epochs") or {}).get(str(epoch))
        if kept is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_epoch", "No archived epoch of this connection has this number.")
        if kept.get("realm_id") != connection.realm_id:
            raise Rejected(
                Reason.CONFLICT, "wrong_company", f"That epoch belongs to '{kept.get('name')}': connect it again first."
            )
        return self._ask(account_id, "restore", {"epoch": epoch}, actor)

    def runs(self, account_id: str, *, cursor: str | None, limit: int) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return views.page(tx.runs.page(connection.id, cursor, limit), lambda r: views.run(r, account_id))

    def run(self, run_id: str) -> View:
        with self.ports.store.reading() as tx:
            return self._run_view(tx, self._known_run(tx, run_id))

    def cancel(self, run_id: str, *, actor: str) -> View:
        with self.ports.store.writing() as tx:
            run = self._known_run(tx, run_id)
            if run.state in ("succeeded", "failed", "cancelled"):
                raise Rejected(Reason.CONFLICT, "run_over", f"This run is over already: {run.state}.")
            run = tx.runs.update(run_id, cancel_requested=True, **self._cancelling(run))
            connection = tx.connections.update(run.connection_id, not_before=self.ports.clock())
            self._say(tx, connection, actor, "cancel_run", f"Asked to stop: {run.kind}.", run=run.id)
            view = self._run_view(tx, run)
        self.dispatcher.kick(run.connection_id)
        return view

    def _cancelling(self, run: Run) -> dict[str, Any]:
        """A run that waits is over at once, but for one that has to put right what it began (see `worker.GIVE_UP`)."""
        if run.state not in ("queued", "held"):
            return {}
        if run.kind in GIVE_UP and run.started_at is not None:
            return {"state": "queued"}
        return {"state": "cancelled", "finished_at": self.ports.clock()}

    def approve(self, run_id: str, *, actor: str) -> View:
        with self.ports.store.writing() as tx:
            run = self._known_run(tx, run_id)
            if run.state != "held":
                raise Rejected(
                    Reason.CONFLICT, "not_held", f"Only a held run can be released; this one is {run.state}."
                )
            if run.requested_by is not None and run.requested_by == actor:
                raise Rejected(
                    Reason.FORBIDDEN, "same_person", "Another person than the one who started it has to release it."
                )
            run = tx.runs.update(run_id, state="queued", approved_by=actor)
            connection = tx.connections.update(run.connection_id, not_before=self.ports.clock())
            self._say(tx, connection, actor, "approve", f"Released: {run.error}", run=run.id)
            view = self._run_view(tx, run)
        self.dispatcher.kick(run.connection_id)
        return view

    def _plan(self, w: Working, look: Look) -> View:
        rows: list[View] = []
        figures: list[View] = []
        with w.reading() as tx:
            lists = load_lists(tx, w)
        for c, plan in plans(w, look):
            found = [views.step(c, s, lists) for s in plan.steps if views.is_change(s)]
            if found:
                rows += [*_without_customer(c), *found]
                figures.append(_receivables(w, c, lists))
        view = views.plan("", w.now(), rows, figures)
        return keep_plan(w, "dry_run", digest(str(rows)), view, {})

    def _plan_resync(self, w: Working, params: Mapping[str, Any]) -> View:
        """As the run would: what is in scope, of companies that have a customer or will have one."""
        look = Look(customers=resyncing.customers_mode(params))
        rows: list[View] = []
        with w.reading() as tx:
            lists = load_lists(tx, w)
            for company in tx.records.company_ids(w.id):
                records = [
                    replace(r, wanted="asked") if resyncing.is_asked(r, params) else r
                    for r in tx.records.of_company(w.id, company)
                ]
                c = compare(tx, w, company, lists, records=records)
                found = [views.step(c, s, lists) for s in c.plan.steps if views.is_change(s)]
                if any(resyncing.is_asked(r, params) for r in records) and has_place(tx, w, c, look):
                    rows += [*_without_customer(c), *found]
        view = views.plan("", w.now(), rows, [])
        return keep_plan(w, "resync", digest(str(rows)), view, params)


def _without_customer(c: Comparison) -> list[View]:
    """The row of a company whose customer comes first."""
    if c.customer is not None:
        return []
    name = c.books.company.name if c.books.company else c.company
    why = "Matched to a customer, or made as one."
    return [views.plan_row("create", "COMPANY", c.company, None, name, c.company, 0, why, None)]


def _receivables(w: Working, c: Comparison, lists: Lists) -> View:
    """QuickBooks' receivables of one company before the plan, and after it."""
    with w.reading() as tx:
        causes = problems.causes_by_key(tx.problems.open_of_company(w.id, c.company))
    found = tying_out.tied(c, lists, causes)
    return views.ar(c.company, (found.erp_ar, found.erp_ar), (found.quickbooks_ar, found.erp_ar))
