"""What the tests of the ERP simulator share: a clock that stands still, one account, and the service's calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import simplejson

from fixtures.simulators.erp import Account, ErpSimulator
from fixtures.simulators.transport import WsgiAdapter

PUBLIC = "/public/v1"
QUICKBOOKS = "/integrations/quickbooks/v1"
BASE = "http://erp.test"


class Clock:
    """Time moves only when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Office:
    """One wholesaler on the ERP: `user` is its people; `get`, `put`, `post`, `delete` are the service's calls."""

    clock: Clock
    erp: ErpSimulator
    account: Account
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.mount(BASE, WsgiAdapter(self.erp.app))
        self.session.headers["Authorization"] = f"Bearer {self.account.api_key}"
        self.user = self.account.user

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(_url(path), params=query)

    def post(self, path: str, body: Any = None) -> requests.Response:
        return self.session.post(_url(path), data=simplejson.dumps(body))

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(_url(path))

    def put(self, path: str, body: Any) -> requests.Response:
        return self.session.put(_url(path), data=simplejson.dumps(body))

    def declare_memo(self, memo_id: str, **body: Any) -> requests.Response:
        """An ACTIVE version 1 unless the body says otherwise."""
        whole = {"sync_token": "1", "status": "ACTIVE", "credit_id": None, "doc_number": f"CM-{memo_id}", **body}
        return self.put(f"{QUICKBOOKS}/credit-memos/{memo_id}", whole)

    def declare_payment(self, payment_id: str, **body: Any) -> requests.Response:
        """A POSTED version 1 with nothing unapplied unless the body says otherwise."""
        whole = {"sync_token": "1", "status": "POSTED", "unapplied_amount": "0", "applications": [], **body}
        return self.put(f"{QUICKBOOKS}/payments/{payment_id}", whole)

    def link(self, kind: str, record: Any, quickbooks_type: str | None, quickbooks_id: str | None) -> requests.Response:
        row = {"kind": kind, "id": record["id"], "quickbooks_type": quickbooks_type, "quickbooks_id": quickbooks_id}
        return self.put(f"{QUICKBOOKS}/links", {"links": [{**row, "sync_status": "SYNCED", "message": None}]})

    def fresh(self, kind: str, record: Any) -> Any:
        """The record as it is now."""
        return self.account.get(kind, record["id"])

    def notices(self) -> list[tuple[str, str, str]]:
        """Type, event and id of the webhooks since the last time, taken off the queue."""
        bodies = [simplejson.loads(body) for _, _, body in self.erp.webhooks.drain()]
        return [(body["type"], body["event"], body["id"]) for body in bodies]

    def books(self) -> dict[str, list[Any]]:
        """Everything that the API shows, to tell that nothing has changed."""
        return {
            kind: self.account.all(kind) for kind in ("company", "invoice", "payment", "credit", "return", "refund")
        }

    def owes(self, company: Any) -> int:
        """A/R of a customer in cents."""
        return self.account.receivables(company["id"])


def _url(path: str) -> str:
    return path if path.startswith("http") else BASE + path


def open_office() -> Office:
    """An ERP with one account and nothing in it."""
    clock = Clock()
    erp = ErpSimulator(clock=clock, base_url=BASE)
    return Office(clock, erp, erp.create_account())


def application(invoice: Any, amount: str, payment: Any = None, **uses: str) -> dict[str, Any]:
    """A line of a declared payment; `uses` is what it uses of credits, by credit id."""
    credit_uses = [{"credit_id": credit_id, "amount": part} for credit_id, part in uses.items()]
    payment_id = payment and payment["id"]
    return {"invoice_id": invoice["id"], "payment_id": payment_id, "amount": amount, "credit_uses": credit_uses}


def message(answer: requests.Response) -> str:
    """The sentence of a refusal."""
    [error] = answer.json()["errors"]
    text: str = error["message"]
    return text
