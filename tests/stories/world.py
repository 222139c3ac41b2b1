"""A whole world in one process: both simulators over HTTP, the real engine on a real database, and a clock of our
own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.fernet import Fernet
from pwdlib.hashers.argon2 import Argon2Hasher

from fixtures.simulators.erp import ErpSimulator
from fixtures.simulators.quickbooks import QuickBooksSimulator
from fixtures.simulators.transport import WsgiAdapter, WsgiApp
from mappings.money import cents
from service.bootstrap import Service, build
from service.bootstrap import World as Outside
from service.passwords import ArgonPasswords
from service.quickbooks.sizes import INTUITS, AnswerSizes
from service.settings import load_settings

ERP_URL, QBO_URL, OUR_URL = "http://erp.test", "http://qbo.test", "http://sync.test"
KEY = Fernet.generate_key().decode()
QUICK_PASSWORDS = ArgonPasswords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1))


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class World:
    """One account, its ERP and its QuickBooks. `settle` lets everything that is due happen."""

    client_secret, verifier = "sim-secret", "sim-verifier"
    erp_key, erp_secret = "erp-key", "sim-erp-secret"
    encryption_key, signing_key = KEY, "s" * 32

    def __init__(
        self,
        database_url: str = "sqlite://",
        *,
        two_way: bool = True,
        connect: bool = True,
        sizes: AnswerSizes = INTUITS,
    ) -> None:
        self.clock = Clock()
        self.ahead = timedelta()
        """How far our own clock is ahead of everybody else's."""
        self.qbo = QuickBooksSimulator(
            clock=self.clock, base_url=QBO_URL, client_secret=self.client_secret, verifier_token=self.verifier
        )
        self.company = self.qbo.create_company(name="Green Leaf Books")
        self.company.switches.cdc_cap = sizes.changes
        self.person = self.company.person
        self.erp = ErpSimulator(clock=self.clock, base_url=ERP_URL, webhook_secret=self.erp_secret)
        self.account = self.erp.create_account(account_id="acc-1", name="Emerald Wholesale", api_key=self.erp_key)
        self.user = self.account.user
        self.actor = "token:support:test"
        self.webhooks_on = True
        self.before_each_call: Callable[[str], object] = lambda path: None
        self._ids = count(1)
        self.database_url = database_url
        self._sizes = sizes
        self.service = self._build(database_url)
        self.desk = self.service.desk
        if connect:
            self.connect()
            self.settle()
            if two_way:
                self.enable_two_way()

    def _build(self, database_url: str) -> Service:
        settings = load_settings(
            {
                "DATABASE_URL": database_url,
                "PUBLIC_URL": OUR_URL,
                "QBO_ENVIRONMENT": self.qbo.discovery_url,
                "QBO_API_URL": f"{QBO_URL}/v3",
                "QBO_CLIENT_ID": "sim-client",
                "QBO_CLIENT_SECRET": self.client_secret,
                "QBO_WEBHOOK_VERIFIER_TOKEN": self.verifier,
                "ERP_API_URL": ERP_URL,
                "ERP_WEBHOOK_SECRET": self.erp_secret,
                "ENCRYPTION_KEYS": self.encryption_key,
                "SECRET_KEY": self.signing_key,
                "ERP_MAX_RPS": "1000",
            }
        )
        outside = Outside(
            clock=self.our_clock,
            monotonic=self.clock.monotonic,
            sleep=self.clock.sleep,
            sessions=self.session,
            new_id=lambda: f"id-{next(self._ids)}",
            passwords=QUICK_PASSWORDS,
            sizes=self._sizes,
        )
        return build(settings, outside)

    def our_clock(self) -> datetime:
        """The clock of the machine that the service runs on."""
        return self.clock() + self.ahead

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount(ERP_URL, WsgiAdapter(self._watched(self.erp.app)))
        session.mount(QBO_URL, WsgiAdapter(self._watched(self.qbo.app)))
        return session

    def _watched(self, app: WsgiApp) -> WsgiApp:
        """Somebody looks, or does something, while the service calls out."""

        def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.before_each_call(str(environ["PATH_INFO"]))
            return app(environ, start_response)

        return call

    def close(self) -> None:
        self.service.store.close()

    def restart(self) -> None:
        """The process ends, another begins: only what the database holds is left."""
        self.close()
        self.service = self._build(self.database_url)
        self.desk = self.service.desk

    # ------------------------------------------------------------------------------------- connecting

    def connect(self, account: Any = None, realm: str | None = None) -> str:
        """Go through Intuit's consent as a person would; answers the address of the result page."""
        account = account or self.account
        if realm:
            self.qbo.sign_in(realm)
        view, _ = self.desk.create_connection(account.account_id, account.name, account.api_key, actor=self.actor)
        token = parse_qs(urlsplit(view["connect_url"]).query)["token"][0]
        consent = self.desk.begin_consent(token)
        answer = self.session().get(consent, allow_redirects=False)
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        one = {name: values[0] for name, values in back.items()}
        return self.desk.complete_consent(
            code=one.get("code"), state=one.get("state"), realm_id=one.get("realmId"), error=one.get("error")
        )

    def enable_two_way(self, used_credits: str = "revert") -> dict[str, Any]:
        plan = self.desk.preview_two_way("acc-1", used_credits=used_credits, actor=self.actor)
        run = self.desk.enable_two_way("acc-1", plan_id=plan["plan_id"], actor=self.actor)
        self.settle()
        return self.desk.run(run["id"])

    # ------------------------------------------------------------------------------------------ time

    def deliver(self) -> int:
        """Both sides' webhooks reach us, as far as they are not lost."""
        moved = 0
        for account_id, headers, body in self.erp.webhooks.drain():
            if self.webhooks_on:
                self.service.intake.erp(account_id, body, headers["x-distru-signature"])
                moved += 1
        for headers, body in self.qbo.webhooks.drain():
            if self.webhooks_on:
                self.service.intake.quickbooks(body, headers["intuit-signature"])
                moved += 1
        return moved

    def settle(self) -> None:
        """Deliver and work until nothing more happens, the look after the ERP's lag included."""
        for _ in range(40):
            moved = self.deliver()
            self.service.dispatcher.run_due()
            self.clock.sleep(3)
            if not moved and not self._is_due() and not self._has_mail():
                return
        raise AssertionError("the world does not come to rest")

    def _has_mail(self) -> bool:
        return bool(self.erp.webhooks.pending() or self.qbo.webhooks.pending())

    def _is_due(self) -> bool:
        with self.service.store.reading() as tx:
            return bool(tx.connections.due(self.clock()))

    def wait(self, **passed: float) -> None:
        self.clock.sleep(timedelta(**passed).total_seconds())
        self.settle()

    def reconcile(self) -> dict[str, Any]:
        run = self.desk.reconcile("acc-1", company_id=None, dry_run=False, actor=self.actor)
        self.settle()
        return self.desk.run(run["id"])

    # ----------------------------------------------------------------------------------------- people

    def linked_company(self, name: str = "Sunset Dispensary", **fields: Any) -> tuple[str, str]:
        """A company of the ERP that is linked to a QuickBooks customer: (company id, customer id)."""
        customer = self.person.create_customer(name)["Id"]
        company = self.user.create_company(name=name, qb_customer_id=customer, **fields)["id"]
        return company, customer

    # ------------------------------------------------------------------------------------------ looks

    def all(self, entity: str) -> list[dict[str, Any]]:
        return list(self.company.all(entity))

    def one(self, entity: str) -> dict[str, Any]:
        [found] = self.all(entity)
        return found

    def links(self, **wanted: Any) -> list[dict[str, Any]]:
        query = {
            "kind": None,
            "erp_id": None,
            "quickbooks_id": None,
            "status": None,
            "epoch": None,
            "cursor": None,
            "limit": 500,
        }
        return list(self.desk.links("acc-1", **{**query, **wanted})["data"])

    def problems(self, code: str | None = None) -> list[dict[str, Any]]:
        found = self.desk.problems("acc-1", statuses=("open", "conflict"), code=code, cursor=None, limit=500)
        return list(found["data"])

    def tie_out(self) -> dict[str, Any]:
        return self.desk.tie_out("acc-1", as_of=None)

    # ------------------------------------------------------------------------------------- invariants

    def check(self, *, unexplained: bool = False, made_anew: int = 0) -> None:
        """What must hold after every story: nothing twice, nothing over-applied, books equal or the difference
        named."""
        assert not self.company.overapplied
        twice = {key: times for key, times in self.company.created.items() if times > 1 and "Distru" in str(key)}
        assert len(twice) <= made_anew, twice
        proof = self.tie_out()
        for figures in proof["companies"]:
            if figures["company_id"] is None or figures["quickbooks_id"] is None:
                continue
            named = sum(cents(row["amount"]) for row in figures["explained_by"])
            assert named == cents(figures["difference"]), figures
            company, customer = figures["company_id"], figures["quickbooks_id"]
            assert cents(figures["erp_ar"]) == self.account.receivables(company), figures
            assert cents(figures["quickbooks_ar"]) == self.company.receivables(customer), figures
            if not unexplained:
                assert figures["difference"] == "0.00", (figures, self.problems())
        self._check_rest()

    def _check_rest(self) -> None:
        """A second reconciliation writes nothing and costs one metered call at most."""
        before = (self.company.calls.free, len(self.account.declarations))
        metered = self.company.calls.metered
        self.reconcile()
        assert (self.company.calls.free, len(self.account.declarations)) == before, self.company.calls.log[-10:]
        assert self.company.calls.metered - metered <= 1, self.company.calls.log[-10:]


def amounts(of: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The links of a QuickBooks payment: (type, id) → amount as text."""
    return {
        (linked["TxnType"], linked["TxnId"]): f"{line['Amount']:.2f}"
        for line in of.get("Line", [])
        for linked in line["LinkedTxn"]
    }
