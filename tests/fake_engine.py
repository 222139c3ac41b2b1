"""A small engine in memory that remembers what it was asked. Its answers have the contract's shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from service.engine.checkup import Finding
from service.errors import Reason, Rejected
from service.ports import Figure
from service.settings import Settings, load_settings

NOON = "2026-11-21T12:00:00Z"
FERNET_KEY = "c2l4dGVlbi1ieXRlcy1zaXh0ZWVuLWJ5dGVzLTEyMzQ="
ENVIRONMENT = {
    "DATABASE_URL": "sqlite://",
    "QBO_CLIENT_ID": "client",
    "QBO_CLIENT_SECRET": "client-secret",
    "QBO_WEBHOOK_VERIFIER_TOKEN": "intuits-key",
    "ERP_API_URL": "https://erp.example",
    "ERP_WEBHOOK_SECRET": "erp-secret",
    "ENCRYPTION_KEYS": FERNET_KEY,
    "SECRET_KEY": "signing-key",
}


def some_settings(**env: str) -> Settings:
    """Settings that are fit to start with."""
    return load_settings(ENVIRONMENT | env)


def a_run(kind: str = "reconcile", state: str = "queued", **changes: Any) -> dict[str, Any]:
    """A run as the contract shows it."""
    return {
        "id": "run-1",
        "account_id": "acct-1",
        "kind": kind,
        "state": state,
        "progress": {"done": 0, "total": 0},
        "counts": {},
        "quickbooks_calls": {"free": 0, "metered": 0},
        "erp_calls": 0,
        "problems": 0,
        "error": None,
        "started_at": None,
        "finished_at": None,
    } | changes


def a_plan() -> dict[str, Any]:
    """A plan of one step."""
    step = {
        "action": "cancel",
        "kind": "CREDIT",
        "erp_id": "cr-1",
        "quickbooks_id": None,
        "number": "CR-104",
        "company_id": "co-1",
        "amount": "150.00",
        "reason": "made before two-way sync",
        "gl_effect": None,
    }
    ar = {"erp_before": "100.00", "erp_after": "250.00", "quickbooks_before": "250.00", "quickbooks_after": "250.00"}
    return {
        "plan_id": "plan-1",
        "created_at": NOON,
        "steps": [step],
        "totals": {"cancel": {"count": 1, "amount": "150.00"}},
        "ar": [{"company_id": "co-1"} | ar],
    }


def a_link(number: str = "INV-1", **changes: Any) -> dict[str, Any]:
    """The link of one invoice."""
    return {
        "kind": "INVOICE",
        "erp_id": f"erp-{number}",
        "erp_number": number,
        "quickbooks_type": "Invoice",
        "quickbooks_id": "145",
        "quickbooks_number": number,
        "status": "SYNCED",
        "epoch": 1,
        "updated_at": NOON,
    } | changes


def a_problem(**changes: Any) -> dict[str, Any]:
    """A record that QuickBooks refused."""
    return {
        "id": "problem-1",
        "status": "open",
        "code": "closed_books",
        "kind": "INVOICE",
        "erp_id": "inv-1",
        "quickbooks_id": None,
        "number": "INV-1",
        "company_id": "co-1",
        "amount": "99.50",
        "cause": "the books are closed",
        "what_to_do": "move the closing date",
        "choices": [],
        "quickbooks_code": "6200",
        "intuit_tid": "tid",
        "erp": None,
        "quickbooks": None,
        "agreed": None,
        "first_seen": NOON,
        "last_seen": NOON,
        "attempts": 1,
    } | changes


def a_tie_out() -> dict[str, Any]:
    """Books that differ by one payment."""
    payment = {"kind": "PAYMENT", "erp_id": "pay-1", "quickbooks_id": None, "amount": "-20.00", "cause": "not sent yet"}
    company = {
        "company_id": "co-1",
        "name": "=Evil Farms",
        "quickbooks_id": "7",
        "erp_ar": "80.00",
        "quickbooks_ar": "100.00",
        "quickbooks_balance": "100.00",
        "difference": "-20.00",
        "erp_credit": "0.00",
        "quickbooks_credit": "0.00",
        "explained_by": [payment],
    }
    return {
        "as_of": NOON,
        "erp_total": "80.00",
        "quickbooks_total": "100.00",
        "difference": "-20.00",
        "companies": [company],
    }


def a_legacy_overpayment(**changes: Any) -> dict[str, Any]:
    """An overpayment that QuickBooks holds as a Credit Memo."""
    use = {"payment_id": "pay-2", "payment_number": "PMT-2", "invoice_id": "inv-2", "invoice_number": "INV-2"}
    memo = {"id": "181", "number": "CR-1", "date": "2026-01-31", "amount": "20.00", "open": "12.00"}
    return {
        "company_id": "co-1",
        "company_name": "=Evil Farms",
        "kind": "CREDIT",
        "credit_id": "cr-1",
        "credit_number": "CR-1",
        "payment_id": "pay-1",
        "payment_number": "PMT-1",
        "invoice_id": "inv-1",
        "invoice_number": "INV-1",
        "amount": "20.00",
        "used": "8.00",
        "erp_open": "12.00",
        "made_at": NOON,
        "uses": [use | {"amount": "8.00"}],
        "quickbooks": {"credit_memo": memo, "payment": None},
        "suggested_fixes": {"quickbooks": "Delete it.", "erp": "Void it."},
        "repairable": False,
        "left_out": "Closed books.",
    } | changes


class FakeDesk:
    """`service.web.engine_protocol.Desk`. `asked` holds every question in order; `refuse` makes it say no."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.accounts: dict[str, dict[str, Any]] = {}
        self.all_links: list[dict[str, Any]] = [a_link()]
        self.run_states: list[dict[str, Any]] = []
        self.ready = True
        self.worker = "ok"
        self.tokens = {role: (f"{role} token", role) for role in ("erp", "viewer", "support", "admin")}
        self.revoked: list[str] = []
        self._no: dict[str, Exception] = {}

    def refuse(self, what: str, error: Exception) -> None:
        """From now on asking for `what` raises this."""
        self._no[what] = error

    def was_asked(self, what: str) -> dict[str, Any]:
        """The arguments of the only question of this name."""
        [arguments] = [arguments for name, arguments in self.asked if name == what]
        return arguments

    def _hear(self, what: str, **arguments: Any) -> None:
        self.asked.append((what, arguments))
        if what in self._no:
            raise self._no[what]

    def create_connection(
        self, account_id: str, name: str, erp_api_key: str, *, actor: str
    ) -> tuple[dict[str, Any], bool]:
        self._hear("create_connection", account_id=account_id, name=name, erp_api_key=erp_api_key, actor=actor)
        created = account_id not in self.accounts
        self.accounts[account_id] = self._connection(account_id, name)
        link = f"https://sync.example/oauth/quickbooks/connect?token=once-{len(self.asked)}"
        return self.accounts[account_id] | {"connect_url": link}, created

    def connections(self, *, cursor: str | None, limit: int) -> dict[str, Any]:
        self._hear("connections", cursor=cursor, limit=limit)
        return {"data": list(self.accounts.values())[:limit], "next_cursor": None}

    def connection(self, account_id: str) -> dict[str, Any]:
        self._hear("connection", account_id=account_id)
        if account_id not in self.accounts:
            raise Rejected(Reason.NOT_FOUND, "not_found", "There is no such connection.")
        return self.accounts[account_id]

    def patch(
        self, account_id: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None, actor: str
    ) -> dict[str, Any]:
        self._hear("patch", account_id=account_id, name=name, settings=settings, actor=actor)
        return self._connection(account_id, name or "Green Leaf", settings=dict(settings or {}))

    def begin_consent(self, token: str) -> str:
        self._hear("begin_consent", token=token)
        return "https://intuit.example/consent"

    def complete_consent(self, **answer: Any) -> str:
        self._hear("complete_consent", **answer)
        return "https://sync.example/connected?result=connected"

    def preview_two_way(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("preview_two_way", account_id=account_id, **asked)
        return a_plan()

    def enable_two_way(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("enable_two_way", account_id=account_id, **asked)
        return a_run("enable_two_way")

    def disable_two_way(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("disable_two_way", account_id=account_id, **asked)
        return self._connection(account_id, "Green Leaf")

    def reconcile(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("reconcile", account_id=account_id, **asked)
        return a_plan() if asked["dry_run"] else a_run()

    def resync(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("resync", account_id=account_id, **asked)
        return a_plan() if asked["dry_run"] else a_run("resync")

    def disconnect(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("disconnect", account_id=account_id, **asked)
        return a_run(f"{asked['mode']}_disconnect")

    def restore(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("restore", account_id=account_id, **asked)
        return a_run("restore")

    def runs(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("runs", account_id=account_id, **asked)
        return {"data": [a_run()], "next_cursor": None}

    def run(self, run_id: str) -> dict[str, Any]:
        self._hear("run", run_id=run_id)
        return self.run_states.pop(0) if self.run_states else a_run()

    def cancel(self, run_id: str, *, actor: str) -> dict[str, Any]:
        self._hear("cancel", run_id=run_id, actor=actor)
        return a_run(state="cancelled")

    def approve(self, run_id: str, *, actor: str) -> dict[str, Any]:
        self._hear("approve", run_id=run_id, actor=actor)
        return a_run()

    def links(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("links", account_id=account_id, **asked)
        start = int(asked["cursor"] or 0)
        end = start + asked["limit"]
        more = str(end) if end < len(self.all_links) else None
        return {"data": self.all_links[start:end], "next_cursor": more}

    def problems(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("problems", account_id=account_id, **asked)
        return {"data": [a_problem()], "next_cursor": None}

    def retry(self, problem_id: str, *, actor: str) -> dict[str, Any]:
        self._hear("retry", problem_id=problem_id, actor=actor)
        return a_run()

    def dismiss(self, problem_id: str, *, reason: str, actor: str) -> dict[str, Any]:
        self._hear("dismiss", problem_id=problem_id, reason=reason, actor=actor)
        return a_problem(status="dismissed")

    def resolve(self, problem_id: str, *, choice: str, actor: str) -> dict[str, Any]:
        self._hear("resolve", problem_id=problem_id, choice=choice, actor=actor)
        return a_run("repair")

    def tie_out(self, account_id: str, *, as_of: str | None) -> dict[str, Any]:
        self._hear("tie_out", account_id=account_id, as_of=as_of)
        return a_tie_out()

    def audit(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("audit", account_id=account_id, **asked)
        entry = {"at": NOON, "actor": "support token", "action": "create", "why": "a new invoice"}
        return {"data": [entry], "next_cursor": None}

    def refresh(self, account_id: str, **asked: Any) -> dict[str, Any]:
        self._hear("refresh", account_id=account_id, **asked)
        return {"fresh": True, "as_of": NOON}

    def open_items(self, account_id: str, company_id: str) -> dict[str, Any]:
        self._hear("open_items", account_id=account_id, company_id=company_id)
        nothing: dict[str, Any] = {each: [] for each in ("invoices", "credits", "deposits", "applicable")}
        return {"company": {"id": company_id}, "unapplied": [], "reserved": []} | nothing

    def invoice_guards(self, account_id: str, invoice_id: str) -> dict[str, Any]:
        self._hear("invoice_guards", account_id=account_id, invoice_id=invoice_id)
        free = {"allowed": True, "reason": None, "blocking": []}
        return {"change_customer": free, "delete": free, "void": free}

    def credit_guards(self, account_id: str, credit_id: str) -> dict[str, Any]:
        self._hear("credit_guards", account_id=account_id, credit_id=credit_id)
        free = {"allowed": True, "reason": None, "blocking": []}
        return {"edit_amount": free | {"minimum": "20.00"}, "cancel": free | {"modes": []}, "delete": free}

    def legacy_overpayments(self, account_id: str, *, actor: str) -> dict[str, Any]:
        self._hear("legacy_overpayments", account_id=account_id, actor=actor)
        return {"data": [a_legacy_overpayment()], "next_cursor": None, "plan_id": "plan-1", "plan": a_plan()}

    def repair_legacy_overpayments(self, account_id: str, *, plan_id: str, actor: str) -> dict[str, Any]:
        self._hear("repair_legacy_overpayments", account_id=account_id, plan_id=plan_id, actor=actor)
        return a_run("repair")

    def role_of(self, token: str) -> tuple[str, str] | None:
        return self.tokens.get(token)

    def create_token(self, name: str, role: str) -> str:
        self._hear("create_token", name=name, role=role)
        return "shown-once"

    def list_tokens(self) -> list[dict[str, Any]]:
        return [{"name": "backend", "role": "erp", "created_at": NOON, "revoked_at": None}]

    def revoke_token(self, name: str) -> None:
        self._hear("revoke_token", name=name)
        self.revoked.append(name)

    def readiness(self) -> dict[str, Any]:
        database = "ok" if self.ready else "cannot be reached"
        return {"ready": self.ready, "database": database, "migrations": "ok", "worker": self.worker}

    def _connection(self, account_id: str, name: str, **changes: Any) -> dict[str, Any]:
        return {
            "account_id": account_id,
            "name": name,
            "state": "new",
            "realm_id": None,
            "quickbooks_company": None,
            "epoch": 0,
            "two_way": False,
            "settings": {},
            "last_run": None,
            "links": 0,
            "problems": 0,
            "complete_up_to": {"erp": None, "quickbooks": None},
        } | changes


class FakeIntake:
    """`service.web.engine_protocol.Intake`; the signature it takes for good is `signed`."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []

    def quickbooks(self, body: bytes, signature: str) -> bool:
        if signature == "signed":
            self.stored.append(body)
        return signature == "signed"

    def erp(self, account_id: str, body: bytes, signature: str) -> str:
        if account_id != "acct-1":
            raise Rejected(Reason.NOT_FOUND, "not_found", "There is no such account.")
        if signature != "signed":
            raise Rejected(Reason.UNAUTHORISED, "unauthorised", "The signature does not match the body.")
        if not body.startswith(b"{"):
            raise Rejected(Reason.MALFORMED, "malformed", "The body is not JSON.")
        status = "duplicate" if body in self.stored else "accepted"
        self.stored.append(body)
        return status


class FakeFigures:
    """`service.web.engine_protocol.Figures`, two of them."""

    def collect(self) -> list[Figure]:
        return [
            Figure("problems", "Problems", {("closed_books",): 2}, ("code",)),
            Figure("waiting_connections", "Connections that wait", {(): 3}),
        ]


class FakeReplaying:
    """`service.web.engine_protocol.Replaying`. What is in `unreadable` still cannot be read."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.unreadable: set[int] = set()
        self.replayed: list[int] = []

    def notices(self, account_id: str | None, *, states: Any, cursor: str | None, limit: int) -> dict[str, Any]:
        chosen = [notice for notice in self.kept if account_id in (None, notice["account_id"])]
        return {"data": [notice for notice in chosen if notice["state"] in states], "next_cursor": None}

    def replay(self, notice_ids: Any, *, actor: str) -> dict[str, Any]:
        self.replayed += notice_ids
        unreadable = len(self.unreadable & set(notice_ids))
        return {"replayed": len(notice_ids) - unreadable, "unreadable": unreadable}


class FakeCheckup:
    """`service.engine.checkup.Checkup`; finds what it is told to find."""

    def __init__(self) -> None:
        self.findings = [Finding("workers", True)]

    def look(self) -> list[Finding]:
        return self.findings


class FakeDispatcher:
    """Remembers that it was started and stopped; does nothing."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def kick(self, connection_id: int) -> None:
        self.heard.append(f"kick {connection_id}")

    def start(self) -> None:
        self.heard.append("start")

    def stop(self, timeout_s: float) -> None:
        self.heard.append("stop")

    def run_due(self) -> None:
        self.heard.append("run_due")


class FakeStore:
    """As much of a store as dispatching needs: what is due, whether the claims were cleared, and whether all is
    looked at anew."""

    def __init__(self, due: list[list[int]] | None = None) -> None:
        self.due_lists = due or []
        self.claims_cleared = False
        self.all_are_swept = False

    @contextmanager
    def reading(self) -> Iterator[Any]:
        yield SimpleNamespace(connections=SimpleNamespace(due=self._due))

    @contextmanager
    def writing(self) -> Iterator[Any]:
        yield SimpleNamespace(connections=SimpleNamespace(clear_claims=self._clear, sweep_all=self._sweep_all))

    def _due(self, _: object) -> list[int]:
        """The next of the lists that it was made with, then nothing."""
        return self.due_lists.pop(0) if self.due_lists else []

    def _clear(self) -> None:
        self.claims_cleared = True

    def _sweep_all(self) -> None:
        self.all_are_swept = True


class FakeService:
    """`service.web.engine_protocol.Service`, all in memory."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or some_settings()
        self.desk = FakeDesk()
        self.intake = FakeIntake()
        self.figures = FakeFigures()
        self.replaying = FakeReplaying()
        self.problem_desk: Any = None
        self.search: Any = None
        self.checkup = FakeCheckup()
        self.dispatcher = FakeDispatcher()
        self.store = FakeStore()
