"""What the tests of the QuickBooks simulator share: a clock to turn, a connected company, the recorded payloads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import simplejson

from fixtures.simulators.quickbooks import Company, QuickBooksSimulator
from fixtures.simulators.transport import WsgiAdapter

CORPUS = Path(__file__).parents[2].parent / "shared/qbo/corpus"
MINOR_VERSION = "75"


def recorded(path: str) -> Any:
    """A recorded body with exact numbers; a missing one fails the test."""
    return simplejson.loads((CORPUS / path).read_text(), use_decimal=True)


@dataclass
class TurnableClock:
    now: datetime = datetime(2026, 11, 20, 18, 0, 0, 809000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class World:
    """One app connected to one company, without a socket."""

    clock: TurnableClock = field(default_factory=TurnableClock)
    sim: QuickBooksSimulator = field(init=False)
    company: Company = field(init=False)
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.sim = QuickBooksSimulator(clock=self.clock)
        self.company = self.sim.create_company()
        self.session.trust_env = False
        self.session.mount("http://qbo.test", WsgiAdapter(self.sim.app))
        self.session.headers["Accept"] = "application/json"
        self.connect()

    def connect(self) -> None:
        """A fresh access token on every later call."""
        pair = self.sim.tokens.grant(self.company.realm_id)
        self.session.headers["Authorization"] = f"Bearer {pair['access_token']}"

    def url(self, path: str) -> str:
        return f"http://qbo.test/v3/company/{self.company.realm_id}/{path}"

    def raw(self, method: str, path: str, body: Any = None, **params: str) -> requests.Response:
        """Any call, answered as it is."""
        data = simplejson.dumps(body, use_decimal=True) if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else {}
        params.setdefault("minorversion", MINOR_VERSION)
        return self.session.request(method, self.url(path), data=data, headers=headers, params=params)

    def post(self, entity: str, body: Any, **params: str) -> Any:
        """The object that a write gives back."""
        return _object(self.raw("POST", entity.lower(), body, **params), entity)

    def get(self, entity: str, id: str) -> Any:
        return _object(self.raw("GET", f"{entity.lower()}/{id}"), entity)

    def delete(self, entity: str, shown: Any) -> Any:
        return self.post(entity, {"Id": shown["Id"], "SyncToken": shown["SyncToken"]}, operation="delete")

    def fault(self, response: requests.Response) -> str:
        """The code of a business fault."""
        assert response.status_code == 400, response.text
        return str(response.json()["Fault"]["Error"][0]["code"])

    def refused(self, entity: str, body: Any, **params: str) -> str:
        """The code with which a write is refused."""
        return self.fault(self.raw("POST", entity.lower(), body, **params))

    def query(self, statement: str) -> Any:
        response = self.raw("GET", "query", query=statement)
        assert response.status_code == 200, response.text
        return exact(response)["QueryResponse"]

    def cdc(self, entities: str, since: datetime) -> dict[str, list[Any]]:
        """Changed rows by entity."""
        response = self.raw("GET", "cdc", entities=entities, changedSince=since.isoformat())
        assert response.status_code == 200, response.text
        blocks = exact(response)["CDCResponse"][0]["QueryResponse"]
        return {name: rows for block in blocks for name, rows in block.items() if isinstance(rows, list)}

    def customer(self, name: str = "Acme") -> str:
        return str(self.company.person.create_customer(name)["Id"])


@pytest.fixture
def world() -> World:
    return World()


def _object(response: requests.Response, entity: str) -> Any:
    assert response.status_code == 200, response.text
    return exact(response)[entity]


def exact(response: requests.Response) -> Any:
    """The body with exact numbers."""
    return simplejson.loads(response.text, use_decimal=True)


def sales_form(customer_id: str, amount: str, item: str = "2", **more: Any) -> dict[str, Any]:
    """A minimal invoice or credit memo."""
    return {"CustomerRef": {"value": customer_id}, "Line": [sales_line(amount, item)], **more}


def sales_line(amount: str, item: str = "2", **detail: Any) -> dict[str, Any]:
    return {
        "Amount": simplejson.loads(amount, use_decimal=True),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item}, **detail},
    }


def payment(customer_id: str, total: str, *lines: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """A payment; a line is (TxnType, id, amount)."""
    return {
        "CustomerRef": {"value": customer_id},
        "TotalAmt": simplejson.loads(total, use_decimal=True),
        "Line": [
            {"Amount": simplejson.loads(amount, use_decimal=True), "LinkedTxn": [{"TxnId": id, "TxnType": kind}]}
            for kind, id, amount in lines
        ],
        **more,
    }


def token_of(shown: Any) -> dict[str, str]:
    """What every update must carry."""
    return {"Id": shown["Id"], "SyncToken": shown["SyncToken"]}
