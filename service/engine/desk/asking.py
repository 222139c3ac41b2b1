"""What every question to the desk needs: the connection, its lock, a run that is asked for, a line in the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from service.engine import views
from service.engine.connecting import Connecting
from service.engine.settings import shown
from service.engine.worker import disconnected
from service.engine.working import LEASE, Ports, Working
from service.errors import Disconnected, Reason, Rejected, SyncError
from service.ports import Audit, Claim, Connection, ConnectionState, Dispatcher, Run, Transaction

View = dict[str, Any]
PATIENCE_S = 20.0
REFRESH_S = 4.0
"""How long a refresh may take: the ERP is promised an answer within 5 seconds."""
BUSY_S = 5


class Asking:
    """The ground under each subject of the desk."""

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
            if connected:
                _demand_connected(connection)
            run = tx.runs.active(connection.id, kind) if join else None
            if run is None or _has_looked(run) or run.cursor.get("implicit"):
                run = tx.runs.create(
                    Run(
                        id=self.ports.new_id(),
                        connection_id=connection.id,
                        kind=kind,
                        state="queued",
                        trigger="person",
                        params=dict(params),
                        requested_by=actor,
                        created_at=now,
                    )
                )
                self._say(tx, connection, actor, kind, "Asked for.", run=run.id)
                if "plan_id" in params:
                    tx.plans.carried_out(str(params["plan_id"]), run.id)
            tx.connections.update(connection.id, not_before=now)
            view = views.run(run, account_id)
        self.dispatcher.kick(connection.id)
        return view

    @contextmanager
    def _looking(self, account_id: str) -> Iterator[tuple[Transaction, Working]]:
        """One consistent look at what is known, without a call to either side."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            yield tx, Working(self.ports, connection, no_claim(connection))

    @contextmanager
    def _working(self, account_id: str, *, patience_s: float = PATIENCE_S) -> Iterator[Working]:
        """Hold the connection for one request, waiting a moment for a run to give it back."""
        waited = 0.0
        while True:
            now = self.ports.clock()
            with self.ports.store.writing() as tx:
                connection = self._known(tx, account_id)
                _demand_connected(connection)
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

    def _plan_params(self, account_id: str, plan_id: str, kind: str) -> dict[str, Any]:
        """What a kept plan was made with, and the fingerprint of the books at that time."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            kept = tx.plans.get(plan_id)
        if kept is None or kept.connection_id != connection.id or kept.kind != kind:
            raise Rejected(
                Reason.NOT_FOUND, "unknown_plan", "No plan of this connection has this id: make a preview first."
            )
        return {"plan_id": plan_id, **kept.params, "fingerprint": kept.fingerprint}

    def _refuse_outdated(self, params: dict[str, Any], fingerprint: str) -> None:
        """The plan is carried out as it was shown or not at all; one that is refused says so from then on."""
        if fingerprint == params.pop("fingerprint"):
            return
        with self.ports.store.writing() as tx:
            tx.plans.outdated(params["plan_id"], self.ports.clock())
        raise Rejected(
            Reason.CONFLICT, "plan_outdated", "The books moved on since the preview: make a new one and look again."
        )

    def _connection(self, tx: Transaction, connection: Connection, connect_url: str | None = None) -> View:
        return views.connection(
            connection,
            settings=shown(connection),
            last_run=tx.runs.last(connection.id),
            links=tx.id_map.count(connection.id, connection.epoch),
            problem_count=tx.problems.count(connection.id) + tx.inbox.quarantined_count(connection.id),
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
        before: View | None = None,
        after: View | None = None,
    ) -> None:
        tx.audits.add(
            connection.id,
            [
                Audit(
                    at=self.ports.clock(),
                    actor=actor,
                    action=action,
                    side="connection",
                    quickbooks_id=connection.realm_id,
                    why=why,
                    run_id=run,
                    before=before,
                    after=after,
                )
            ],
        )


def _has_looked(run: Run) -> bool:
    """A reconciliation that began, or waits for its next turn, may not see what made somebody ask now."""
    return run.kind == "reconcile" and run.started_at is not None


def _demand_connected(connection: Connection) -> None:
    if connection.state is not ConnectionState.CONNECTED:
        raise Rejected(
            Reason.CONFLICT, "not_connected", f"This connection is {connection.state.value}: connect it first."
        )


def no_claim(connection: Connection) -> Claim:
    """For looking only: whoever tries to write under it is refused."""
    return Claim(connection.id, -1, 0)


def busy() -> Rejected:
    return Rejected(
        Reason.BUSY,
        "busy",
        "The latest payments and credits are being fetched: try again in a few seconds.",
        retry_after_s=BUSY_S,
    )


def unknown_company() -> Rejected:
    return Rejected(Reason.NOT_FOUND, "unknown_company", "The ERP has not told of a company with this id.")
