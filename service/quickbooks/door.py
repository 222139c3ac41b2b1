"""How the service gets at QuickBooks companies: wiring of this room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import requests

from service.ports import Clock, Raw, Tokens, TokenVault
from service.quickbooks.app import IntuitApp
from service.quickbooks.client import MINOR_VERSION, AccessGrant, QuickBooksClient
from service.quickbooks.company import QuickBooksCompany
from service.quickbooks.grants import LooseGrant, StoredGrant
from service.quickbooks.moments import utc_now
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.sizes import INTUITS, AnswerSizes
from service.quickbooks.throttle import Throttle
from service.quickbooks.wire import Exchange, Wire, log_exchange

Sessions = Callable[[], requests.Session]


class CompanyOpener:
    """Opens companies: one client per run, one HTTP session per thread, one throttle for all."""

    def __init__(
        self,
        app: IntuitApp,
        throttle: Throttle,
        sessions: Sessions = requests.Session,
        *,
        sizes: AnswerSizes = INTUITS,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        observe: Callable[[Exchange], None] = log_exchange,
    ) -> None:
        self._app = app
        self._throttle = throttle
        self._sessions = sessions
        self._sizes = sizes
        self._clock = clock
        self._sleep = sleep
        self._observe = observe
        self._mine = threading.local()

    def with_grant(self, realm_id: str, grant: AccessGrant) -> QuickBooksCompany:
        wire = Wire(realm_id, self._session(), self._throttle, timeout_s=self._app.timeout_s, observe=self._observe)
        client = QuickBooksClient(
            company_id=realm_id, base_url=self._app.base_url, wire=wire, grant=grant, minorversion=MINOR_VERSION
        )
        return QuickBooksCompany(client, sizes=self._sizes, clock=self._clock, sleep=self._sleep)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = self._mine.session = self._sessions()
        return session


class IntuitDoor:
    """The engine's `QuickBooksDoor`."""

    def __init__(self, opener: CompanyOpener, oauth: IntuitOAuth, vault: TokenVault, *, clock: Clock = utc_now) -> None:
        self._opener = opener
        self._oauth = oauth
        self._vault = vault
        self._clock = clock

    def open(self, connection_id: int, realm_id: str) -> QuickBooksCompany:
        grant = StoredGrant(connection_id, self._vault, self._oauth, self._clock)
        return self._opener.with_grant(realm_id, grant)


class IntuitConsent:
    """The engine's `Consent`."""

    def __init__(self, opener: CompanyOpener, oauth: IntuitOAuth) -> None:
        self._opener = opener
        self._oauth = oauth

    def authorize_url(self, state: str) -> str:
        return self._oauth.authorize_url(state)

    def exchange(self, code: str) -> Tokens:
        return self._oauth.exchange(code)

    def revoke(self, tokens: Tokens) -> None:
        """Revoking either token ends the grant; the refresh token is the one that is surely known."""
        self._oauth.revoke(tokens.refresh)

    def company_info(self, tokens: Tokens, realm_id: str) -> Raw:
        return self._opener.with_grant(realm_id, LooseGrant(tokens)).company_info()
