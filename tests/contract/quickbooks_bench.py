"""What the tests of the QuickBooks adapter share: a vault and a clock that remember, and the recorded payloads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import responses
import simplejson

from service.ports import Operation, QuickBooksWrite, Tokens
from service.quickbooks.app import IntuitApp
from service.quickbooks.company import QuickBooksCompany
from service.quickbooks.door import CompanyOpener, IntuitDoor
from service.quickbooks.grants import LooseGrant
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.throttle import InProcessThrottle
from service.quickbooks.wire import Exchange
from tests.contract.adapter_front import closed_address

CORPUS = Path(__file__).parents[2].parent / "shared/qbo/corpus"

REALM = "9130000000000001"
API = "https://qbo.test/v3"
COMPANY = f"{API}/company/{REALM}"
DISCOVERY = "https://intuit.test/.well-known/openid_configuration"
TOKEN_URL = "https://intuit.test/oauth2/v1/tokens/bearer"
REVOKE_URL = "https://intuit.test/v2/oauth2/tokens/revoke"
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)

APP = IntuitApp(
    client_id="client",
    client_secret="s3cret",
    redirect_uri="https://us.test/callback",
    environment=DISCOVERY,
    api_url=API,
)

CREDIT = QuickBooksWrite("CreditMemo", Operation.CREATE, '{"TotalAmt":  120.50}', "req-1")


def corpus(path: str) -> str:
    """A recorded body, exactly; missing ones fail the test."""
    return (CORPUS / path).read_text()


def corpus_json(path: str) -> Any:
    return simplejson.loads(corpus(path), use_decimal=True)


def tokens(access: str = "access-1", refresh: str = "refresh-1", *, good_for: timedelta = timedelta(hours=1)) -> Tokens:
    return Tokens(access=access, refresh=refresh, access_expires_at=NOW + good_for)


def token_answer(access: str, refresh: str, **more: Any) -> dict[str, Any]:
    return {
        "token_type": "bearer",
        "access_token": access,
        "expires_in": 3600,
        "refresh_token": refresh,
        "x_refresh_token_expires_in": 8726400,
        **more,
    }


@dataclass
class MemoryVault:
    """Keeps one grant, and every grant that was ever saved."""

    held: Tokens | None = field(default_factory=tokens)
    saved: list[Tokens] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, connection_id: int) -> Tokens | None:
        return self.held

    def save(self, connection_id: int, tokens: Tokens) -> None:
        self.held = tokens
        self.saved.append(tokens)

    def forget(self, connection_id: int) -> None:
        self.held = None

    @contextmanager
    def locked(self, connection_id: int) -> Iterator[None]:
        with self.lock:
            yield


@dataclass
class Bench:
    """A company behind the real adapter; `http` plays QuickBooks and Intuit."""

    http: responses.RequestsMock
    vault: MemoryVault = field(default_factory=MemoryVault)
    slept: list[float] = field(default_factory=list)
    seen: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http.get(DISCOVERY, json=discovery())
        self.oauth = IntuitOAuth(APP, clock=lambda: NOW)
        throttle = InProcessThrottle(sleep=self.slept.append)
        self.opener = CompanyOpener(APP, throttle, clock=lambda: NOW, sleep=self.slept.append, observe=self.seen.append)

    def company(self) -> QuickBooksCompany:
        return IntuitDoor(self.opener, self.oauth, self.vault, clock=lambda: NOW).open(1, REALM)

    def requests_to(self, path: str) -> list[Any]:
        """What was sent there, oldest first."""
        return [call.request for call in self.http.calls if str(call.request.url).partition("?")[0] == path]


def discovery(base: str = "https://intuit.test") -> dict[str, str]:
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/jwks",
        "userinfo_endpoint": f"{base}/userinfo",
    }


@contextmanager
def bench() -> Iterator[Bench]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        yield Bench(http)


def closed_port_company() -> QuickBooksCompany:
    """A company at an address where nothing listens."""
    app = replace(APP, api_url=f"{closed_address()}/v3")
    return CompanyOpener(app, InProcessThrottle()).with_grant(REALM, LooseGrant(tokens()))
