"""What people and the ERP ask for: connections, runs, links, problems, proofs. Answers in the contract's shapes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from mappings.money import text
from mappings.quickbooks import amount_of
from mappings.tieout import tie_out
from service.engine import enabling, guards, legacy_overpayments, open_items, views
from service.engine.compare import compare
from service.engine.connecting import Connecting
from service.engine.customers import waiting_customers
from service.engine.lists import Lists, load_lists
from service.engine.reading import keep_records, read_lists, read_quickbooks
from service.engine.refreshing import TooSlow, in_time
from service.engine.settings import checked, shown
from service.engine.sync import Look, TooLarge, bring_into_step, plans, read_both
from service.engine.unlinked import unlinked
from service.engine.worker import disconnected
from service.engine.working import LEASE, Ports, Working, as_record, digest
from service.errors import Disconnected, Reason, Rejected, SyncError
from service.ports import Audit, Claim, Connection, ConnectionState, Dispatcher, Run, Transaction

View = dict[str, Any]
PATIENCE_S = 20.0
REFRESH_S = 4.0
"""How long a refresh may take: the ERP is promised an answer within 5 seconds."""
BUSY_S = 5


class Desk:
    """Everything that a request may ask of the engine. Raises `Rejected` with a stable code and a sentence."""

    def __init__(
        self,
        ports: Ports,
        dispatcher: Dispatcher,
        connecting: Connecting,
        *,
        bootstrap_tokens: Mapping[str, str],
        health: Callable[[], View],
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.ports = ports
        self.dispatcher = dispatcher
        self.connecting = connecting
        self.bootstrap_tokens = dict(bootstrap_tokens)
        self.health = health
        self.refresh_s = refresh_s

    # ------------------------------------------------------------------------------------- connections

    def create_connection(self, account_id: str, name: str, erp_api_key: str, *, actor: str) -> tuple[View, bool]:
        with self.ports.store.writing() as tx:
            known = tx.connections.get(account_id)
            if known is None:
                connection = tx.connections.create(account_id, name, erp_api_key)
            else:
                connection = tx.connections.update(known.id, name=name, erp_api_key=erp_api_key)
            url = self.connecting.fresh_link(tx, connection)
            self._say(
                tx,
                connection,
                actor,
                "connection",
                "Created." if known is None else "Name and key updated; fresh link.",
            )
            return self._connection(tx, connection, url), known is None

    def connections(self, *, cursor: str | None, limit: int) -> View:
        with self.ports.store.reading() as tx:
            return views.page(tx.connections.page(cursor, limit), lambda c: self._connection(tx, c))

    def connection(self, account_id: str) -> View:
        with self.ports.store.reading() as tx:
            return self._connection(tx, self._known(tx, account_id))

    def patch(
        self, account_id: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None, actor: str
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            lists = load_lists(tx, Working(self.ports, connection, _no_claim(connection)))
        changes: dict[str, Any] = {"name": name} if name else {}
        if settings is not None:
            changes["settings"] = self._checked(connection, settings, lists)
        with self.ports.store.writing() as tx:
            connection = tx.connections.update(connection.id, **changes)
            self._say(tx, connection, actor, "settings", f"Changed: {', '.join(sorted(settings or {})) or 'name'}.")
            tx.connections.mark_dirty(connection.id)
            if settings:
                tx.marks.add(connection.id, tx.records.company_ids(connection.id))
                tx.connections.update(connection.id, sweep_at=self._soon(connection))
            return self._connection(tx, connection)

    def _checked(self, connection: Connection, settings: Mapping[str, Any], lists: Lists) -> dict[str, Any]:
        """Settings checked against QuickBooks' own lists: as last seen, and where these refuse, as they are now."""
        try:
            return checked(connection.settings, settings, lists)
        except Rejected:
            if connection.state is not ConnectionState.CONNECTED:
                raise
        with self._working(connection.account_id) as w:
            read_lists(w)
            with w.reading() as tx:
                fresh = load_lists(tx, w)
        return checked(connection.settings, settings, fresh)

    def begin_consent(self, token: str) -> str:
        return self.connecting.begin(token)

    def complete_consent(self, *, code: str | None, state: str | None, realm_id: str | None, error: str | None) -> str:
        url, connected = self.connecting.complete(code=code, state=state, realm_id=realm_id, error=error)
        if connected is not None:
            self.dispatcher.kick(connected)
        return url

    def disconnect(self, account_id: str, *, mode: str, confirm: str, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
        if confirm != connection.name:
            raise Rejected(
                Reason.CONFLICT,
                "confirmation_mismatch",
                "'confirm' has to be the connection's name, letter by letter.",
                field="confirm",
            )
        return self._ask(account_id, f"{mode}_disconnect", {}, actor, connected=False)

    # --------------------------------------------------------------------------------------- two-way

    def preview_two_way(self, account_id: str, *, used_credits: str, actor: str) -> View:
        with self._working(account_id) as w:
            plan, fingerprint = enabling.preview(w, used_credits)
            return self._keep_plan(w, "enable_two_way", fingerprint, plan, {"used_credits": used_credits})

    def enable_two_way(self, account_id: str, *, plan_id: str, actor: str) -> View:
        params = self._plan_params(account_id, plan_id, "enable_two_way")
        with self._working(account_id) as w:
            _, fingerprint = enabling.preview(w, str(params["used_credits"]))
        if fingerprint != params.pop("fingerprint"):
            raise _outdated()
        return self._ask(account_id, "enable_two_way", params, actor)

    def disable_two_way(self, account_id: str, *, actor: str) -> View:
        with self.ports.store.writing() as tx:
            connection = tx.connections.update(self._known(tx, account_id).id, two_way=False)
            self._say(tx, connection, actor, "two_way", "Two-way sync switched off.")
            return self._connection(tx, connection)

    # ------------------------------------------------------------------------------------------- runs

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
            waiting = run.state in ("queued", "held")
            changes: dict[str, Any] = {"state": "cancelled", "finished_at": self.ports.clock()} if waiting else {}
            if waiting and run.kind == "resync" and run.started_at is not None:
                changes = {"state": "queued"}  # what it asked for and did not send is still to be taken back
            return self._run_view(tx, tx.runs.update(run_id, cancel_requested=True, **changes))

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
            tx.connections.update(run.connection_id, not_before=self.ports.clock())
            view = self._run_view(tx, run)
        self.dispatcher.kick(run.connection_id)
        return view

    # --------------------------------------------------------------------------- links, problems, audit

    def links(
        self,
        account_id: str,
        *,
        kind: str | None,
        erp_id: str | None,
        quickbooks_id: str | None,
        status: str | None,
        epoch: int | None,
        cursor: str | None,
        limit: int,
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            found = tx.id_map.links(
                connection.id,
                kind=kind,
                erp_id=erp_id,
                quickbooks_id=quickbooks_id,
                status=status,
                epoch=connection.epoch if epoch is None else epoch,
                cursor=cursor,
                limit=limit,
            )
            return views.page(found, views.link)

    def problems(
        self, account_id: str, *, statuses: Sequence[str], code: str | None, cursor: str | None, limit: int
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            found = tx.problems.page(connection.id, statuses=statuses, code=code, cursor=cursor, limit=limit)
            view = views.page(found, views.problem)
            if cursor is None and "open" in statuses and code in (None, views.UNREADABLE):
                mine = [n for n in tx.inbox.quarantined() if n.connection_id in (None, connection.id)]
                view["data"] += [views.quarantined(n) for n in mine]
            return view

    def retry(self, problem_id: str, *, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection, problem = self._known_problem(tx, problem_id)
        companies = [problem.company_id] if problem.company_id else None
        return self._ask(connection.account_id, "reconcile", {"company_ids": companies}, actor, join=False)

    def dismiss(self, problem_id: str, *, reason: str, actor: str) -> View:
        with self.ports.store.writing() as tx:
            notice = next((n for n in tx.inbox.quarantined() if views.notice_id(n) == problem_id), None)
            if notice is not None:
                tx.inbox.finish([notice.id], "dismissed", reason)
                return views.quarantined(notice) | {"status": "dismissed"}
            connection, problem = self._known_problem(tx, problem_id)
            self._say(
                tx, connection, actor, "dismiss", f"{problem.code}: {reason}", kind=problem.kind, erp_id=problem.erp_id
            )
            return views.problem(tx.problems.set_status(problem_id, "dismissed", reason=reason, at=self.ports.clock()))

    def resolve(self, problem_id: str, *, choice: str, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection, problem = self._known_problem(tx, problem_id)
        if choice not in problem.choices:
            ways = ", ".join(problem.choices) or "none"
            raise Rejected(
                Reason.INVALID, "unknown_choice", f"The ways out of this problem are: {ways}.", field="choice"
            )
        return self._ask(
            connection.account_id, "repair", {"problem_id": problem_id, "choice": choice}, actor, join=False
        )

    def audit(self, account_id: str, *, record: str | None, run: str | None, cursor: str | None, limit: int) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return views.page(
                tx.audits.page(connection.id, record=record, run=run, cursor=cursor, limit=limit), views.audit
            )

    # ------------------------------------------------------------------------------------------ proofs

    def tie_out(self, account_id: str, *, as_of: str | None) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            w = Working(self.ports, connection, _no_claim(connection))
            rows = [self._tied(tx, w, company, as_of) for company in enabling.linked_companies(tx, w)]
            rows += unlinked(tx, w, as_of)
            waiting = [views.waiting(one) for one in waiting_customers(tx, w)]
        sums = {name: sum(figures[name] for _, figures in rows) for name in ("erp", "quickbooks")}
        return {
            "as_of": as_of or views.moment(self.ports.clock()),
            "erp_total": text(sums["erp"]),
            "quickbooks_total": text(sums["quickbooks"]),
            "difference": text(sums["erp"] - sums["quickbooks"]),
            "companies": [view for view, _ in rows],
            "waiting": waiting,
        }

    def _tied(self, tx: Transaction, w: Working, company: str, as_of: str | None) -> tuple[View, dict[str, int]]:
        lists = load_lists(tx, w)
        c = compare(tx, w, company, lists)
        others = [(o.entity, o.body) for o in c.objects.values() if not o.deleted]
        figures = tie_out(
            c.books, c.projection.documents, c.held, others, lists.receivable_accounts, as_of[:10] if as_of else None
        )
        customer = tx.objects.get(w.id, w.epoch, "Customer", c.customer or "")
        balance = amount_of(customer.body, "Balance") if customer else None
        causes = {p.key: p.cause for p in tx.problems.open_of_company(w.id, company) if p.key}
        name = c.books.company.name if c.books.company else company
        view = views.tie_out_company(c, figures, name, balance, causes)
        return view, {"erp": figures.erp_receivable, "quickbooks": figures.quickbooks_receivable}

    def refresh(self, account_id: str, *, company_id: str | None, invoice_id: str | None, actor: str) -> View:
        """Fresh within `refresh_s`, or `busy`; a pull that takes longer goes on, and the next one finds it done."""
        with self.ports.store.reading() as tx:
            self._known(tx, account_id)
        try:
            return in_time(lambda: self._pull(account_id, company_id, invoice_id), self.refresh_s)
        except (TooSlow, SyncError) as error:
            raise _busy() from error
        except Rejected as rejected:
            raise (_busy() if rejected.reason is Reason.BUSY else rejected) from rejected

    def _pull(self, account_id: str, company_id: str | None, invoice_id: str | None) -> View:
        with self._working(account_id, patience_s=self.refresh_s) as w:
            company = company_id or self._company_of_invoice(w, invoice_id or "")
            with w.reading() as tx:
                if tx.records.get(w.id, "COMPANY", company) is None:
                    raise _unknown_company()
            read_both(w, Look(everything=False))
            read_quickbooks(w)
            as_of = w.now()
            with suppress(TooLarge):  # held by the brakes: what is pulled is fresh all the same
                bring_into_step(w, Look(everything=False, companies=frozenset({company})))
        return {"fresh": True, "as_of": views.moment(as_of)}

    def _company_of_invoice(self, w: Working, invoice_id: str) -> str:
        """The ERP may ask for an invoice that it made a moment ago, before its notice was worked."""
        with w.reading() as tx:
            record = tx.records.get(w.id, "INVOICE", invoice_id)
        if record is None:
            found = [
                as_record("INVOICE", raw, w.connection.connected_at) for raw in w.erp.by_ids("invoice", [invoice_id])
            ]
            with w.writing() as tx:
                keep_records(tx, w, found)
            record = next(iter(found), None)
        if record is None or record.company_id is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_invoice", "The ERP has not told of an invoice with this id.")
        return record.company_id

    def open_items(self, account_id: str, company_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            if tx.records.get(w.id, "COMPANY", company_id) is None:
                raise _unknown_company()
            return open_items.of_company(tx, w, company_id)

    def invoice_guards(self, account_id: str, invoice_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_invoice(tx, w, invoice_id)

    def credit_guards(self, account_id: str, credit_id: str) -> View:
        with self._looking(account_id) as (tx, w):
            return guards.of_credit(tx, w, credit_id)

    # ---------------------------------------------------------------------------- legacy overpayments

    def legacy_overpayments(self, account_id: str, *, actor: str) -> View:
        """The list, and the plan that would repair what can be repaired. Changes nothing."""
        with self._working(account_id) as w:
            rows, plan, fingerprint = legacy_overpayments.preview(w)
            params = {"legacy_overpayments": legacy_overpayments.repairable(rows)}
            plan = self._keep_plan(w, "legacy_overpayments", fingerprint, plan, params)
        return {"data": rows, "next_cursor": None, "plan_id": plan["plan_id"], "plan": plan}

    def repair_legacy_overpayments(self, account_id: str, *, plan_id: str, actor: str) -> View:
        params = self._plan_params(account_id, plan_id, "legacy_overpayments")
        with self._working(account_id) as w:
            _, _, fingerprint = legacy_overpayments.preview(w)
        if fingerprint != params.pop("fingerprint"):
            raise _outdated()
        return self._ask(account_id, "repair", params, actor, join=False)

    def _plan_params(self, account_id: str, plan_id: str, kind: str) -> dict[str, Any]:
        """What a kept plan was made with, and the fingerprint of the books at that time."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            kept = tx.plans.get(plan_id)
        if kept is None or kept[0] != connection.id or kept[1] != kind:
            raise Rejected(
                Reason.NOT_FOUND, "unknown_plan", "No plan of this connection has this id: make a preview first."
            )
        return {"plan_id": plan_id, **kept[4], "fingerprint": kept[2]}

    # ------------------------------------------------------------------------------------ access, health

    def role_of(self, token: str) -> tuple[str, str] | None:
        for known, role in self.bootstrap_tokens.items():
            if secrets.compare_digest(known.encode(), token.encode()):
                return f"token:{role}:{digest(token)[:6]}", role
        with self.ports.store.reading() as tx:
            return tx.access.token_role(token)

    def create_token(self, name: str, role: str) -> str:
        token = secrets.token_urlsafe(32)
        with self.ports.store.writing() as tx:
            if any(known == name for known, *_ in tx.access.list_tokens()):
                raise Rejected(
                    Reason.CONFLICT, "name_taken", "Another token has this name: choose another one.", field="name"
                )
            tx.access.create_token(name, role, token, self.ports.clock())
        return token

    def list_tokens(self) -> list[View]:
        with self.ports.store.reading() as tx:
            return [
                {"name": name, "role": role, "created_at": views.moment(created), "revoked_at": views.moment(revoked)}
                for name, role, created, revoked in tx.access.list_tokens()
            ]

    def revoke_token(self, name: str) -> None:
        with self.ports.store.writing() as tx:
            if not tx.access.revoke_token(name, self.ports.clock()):
                raise Rejected(Reason.NOT_FOUND, "unknown_token", "No living token has this name.")

    def readiness(self) -> View:
        return self.health()

    def metrics(self) -> View:
        with self.ports.store.reading() as tx:
            connections = tx.connections.all()
            codes: dict[str, int] = {}
            for connection in connections:
                for problem in tx.problems.open(connection.id):
                    codes[problem.code] = codes.get(problem.code, 0) + 1
        states: dict[str, int] = {}
        for connection in connections:
            states[connection.state.value] = states.get(connection.state.value, 0) + 1
        return {
            "problems_by_code": codes,
            "connections_by_state": states,
            "waiting_connections": sum(1 for c in connections if c.dirty > c.seen),
        }

    # ----------------------------------------------------------------------------------------- helpers

    def _ask(
        self,
        account_id: str,
        kind: str,
        params: Mapping[str, Any],
        actor: str,
        *,
        connected: bool = True,
        join: bool = True,
    ) -> View:
        """Queue a run, or join the one of its kind that is waiting or under way."""
        now = self.ports.clock()
        with self.ports.store.writing() as tx:
            connection = self._known(tx, account_id)
            if connected and connection.state is not ConnectionState.CONNECTED:
                raise Rejected(
                    Reason.CONFLICT, "not_connected", f"This connection is {connection.state.value}: connect it first."
                )
            run = tx.runs.active(connection.id, kind) if join else None
            if run is None or (run.state != "queued" and kind == "reconcile") or run.cursor.get("implicit"):
                run = tx.runs.create(
                    Run(
                        id=self.ports.new_id(),
                        connection_id=connection.id,
                        kind=kind,
                        state="queued",
                        trigger="person",
                        params=dict(params),
                        done=0,
                        total=0,
                        counts={},
                        free_calls=0,
                        metered_calls=0,
                        erp_calls=0,
                        problems=0,
                        error=None,
                        requested_by=actor,
                        approved_by=None,
                        cancel_requested=False,
                        cursor={},
                        created_at=now,
                        started_at=None,
                        finished_at=None,
                    )
                )
                self._say(tx, connection, actor, kind, "Asked for.", run=run.id)
            tx.connections.update(connection.id, not_before=now)
            view = views.run(run, account_id)
        self.dispatcher.kick(connection.id)
        return view

    @contextmanager
    def _looking(self, account_id: str) -> Iterator[tuple[Transaction, Working]]:
        """One consistent look at what is known, without a call to either side."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            yield tx, Working(self.ports, connection, _no_claim(connection))

    @contextmanager
    def _working(self, account_id: str, *, patience_s: float = PATIENCE_S) -> Iterator[Working]:
        """Hold the connection for one request, waiting a moment for a run to give it back."""
        waited = 0.0
        while True:
            now = self.ports.clock()
            with self.ports.store.writing() as tx:
                connection = self._known(tx, account_id)
                if connection.state is not ConnectionState.CONNECTED:
                    raise Rejected(
                        Reason.CONFLICT,
                        "not_connected",
                        f"This connection is {connection.state.value}: connect it first.",
                    )
                claim = tx.connections.claim(connection.id, now, now + LEASE, force=True)
            if claim is not None:
                break
            if waited >= patience_s:
                raise Rejected(
                    Reason.BUSY,
                    "busy",
                    "A run is under way on this connection: try again in a few seconds.",
                    retry_after_s=BUSY_S,
                )
            self.ports.pause(0.1)
            waited += 0.1
        try:
            yield Working(self.ports, connection, claim)
        except SyncError as error:
            if isinstance(error, Disconnected):
                disconnected(Working(self.ports, connection, claim), error)
            raise Rejected(Reason.BUSY, error.code, error.message, retry_after_s=BUSY_S) from error
        finally:
            with self.ports.store.writing() as tx:
                tx.connections.release(claim, seen=None)

    def _plan(self, w: Working, look: Look) -> View:
        rows, receivables = [], []
        with w.reading() as tx:
            lists = load_lists(tx, w)
        for c, plan in plans(w, look):
            found = [views.step(c, s, lists) for s in plan.steps if views.is_change(s)]
            rows += found
            if found:
                receivables.append(self._receivables(w, c.company))
        view = views.plan("", w.now(), rows, receivables)
        return self._keep_plan(w, "dry_run", digest(str(rows)), view, {})

    def _receivables(self, w: Working, company: str) -> View:
        with self.ports.store.reading() as tx:
            _, figures = self._tied(tx, w, company, None)
        return views.ar(company, (figures["erp"], figures["erp"]), (figures["quickbooks"], figures["erp"]))

    def _plan_resync(self, w: Working, params: Mapping[str, Any]) -> View:
        only = params.get("company_ids")
        rows: list[View] = []
        with self.ports.store.reading() as tx:
            lists = load_lists(tx, w)
            for company in tx.records.company_ids(w.id):
                if only and company not in only:
                    continue
                records = [
                    replace(r, wanted=None if r.deleted else "asked") for r in tx.records.of_company(w.id, company)
                ]
                c = compare(tx, w, company, lists, records=records)
                if c.customer is None:
                    name = c.books.company.name if c.books.company else company
                    rows.append(
                        views.plan_row(
                            "create",
                            "COMPANY",
                            company,
                            None,
                            name,
                            company,
                            0,
                            "Matched to a customer, or made as one.",
                            None,
                        )
                    )
                rows += [views.step(c, s, lists) for s in c.plan.steps if views.is_change(s)]
        view = views.plan("", w.now(), rows, [])
        return self._keep_plan(w, "resync", digest(str(rows)), view, params)

    def _keep_plan(self, w: Working, kind: str, fingerprint: str, plan: View, params: Mapping[str, Any]) -> View:
        with w.writing() as tx:
            plan_id = tx.plans.save(w.id, kind, fingerprint, plan, params, w.now())
        return plan | {"plan_id": plan_id}

    def _connection(self, tx: Transaction, connection: Connection, connect_url: str | None = None) -> View:
        return views.connection(
            connection,
            settings=shown(connection),
            last_run=tx.runs.last(connection.id),
            links=tx.id_map.count(connection.id, connection.epoch),
            problem_count=tx.problems.count(connection.id),
            connect_url=connect_url,
        )

    def _run_view(self, tx: Transaction, run: Run) -> View:
        return views.run(run, tx.connections.by_id(run.connection_id).account_id)

    def _known(self, tx: Transaction, account_id: str) -> Connection:
        connection = tx.connections.get(account_id)
        if connection is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
        return connection

    def _known_run(self, tx: Transaction, run_id: str) -> Run:
        run = tx.runs.get(run_id)
        if run is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_run", "No run has this id.")
        return run

    def _known_problem(self, tx: Transaction, problem_id: str) -> tuple[Connection, Any]:
        found = tx.problems.get(problem_id)
        if found is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_problem", "No problem has this id.")
        return tx.connections.by_id(found[0]), found[1]

    def _soon(self, connection: Connection) -> Any:
        return self.ports.clock() if connection.state is ConnectionState.CONNECTED else connection.sweep_at

    def _say(
        self,
        tx: Transaction,
        connection: Connection,
        actor: str,
        action: str,
        why: str,
        *,
        run: str | None = None,
        kind: str | None = None,
        erp_id: str | None = None,
    ) -> None:
        tx.audits.add(
            connection.id,
            [
                Audit(
                    at=self.ports.clock(),
                    actor=actor,
                    action=action,
                    side="connection",
                    key=None,
                    kind=kind,
                    erp_id=erp_id,
                    quickbooks_id=connection.realm_id,
                    number=None,
                    company_id=None,
                    amount=None,
                    why=why,
                    run_id=run,
                )
            ],
        )


def _no_claim(connection: Connection) -> Claim:
    """For looking only: whoever tries to write under it is refused."""
    return Claim(connection.id, -1, 0)


def _busy() -> Rejected:
    return Rejected(
        Reason.BUSY,
        "busy",
        "The latest payments and credits are being fetched: try again in a few seconds.",
        retry_after_s=BUSY_S,
    )


def _outdated() -> Rejected:
    return Rejected(
        Reason.CONFLICT, "plan_outdated", "The books moved on since the preview: make a new one and look again."
    )


def _unknown_company() -> Rejected:
    return Rejected(Reason.NOT_FOUND, "unknown_company", "The ERP has not told of a company with this id.")
