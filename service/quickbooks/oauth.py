"""Intuit's OAuth (§2) over intuit-oauth. Only here is it imported."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError

from service.errors import Disconnected, Refused, Unreachable
from service.ports import Clock, Tokens
from service.quickbooks.answers import read_json
from service.quickbooks.app import IntuitApp
from service.quickbooks.moments import utc_now

_TELL_HARD_EXPIRY = {"x-include-refresh-token-hard-expires-in": "true"}
_ACCESS_LIFETIME_S = 3600
_MAY_BE_MISSING = {"issuer": "", "jwks_uri": "", "userinfo_endpoint": "", "revocation_endpoint": ""}
"""What the library insists on in a discovery document, though connecting and refreshing work without it."""

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class GrantDead(Disconnected):
    """Intuit says `invalid_grant`: the refresh token is not (or no longer) good."""

    code = "grant_expired"


class NotTaken(Unreachable):
    """Intuit answered 400 for another reason. What that means depends on what was asked."""


class IntuitOAuth:
    """Authorize, exchange, refresh, revoke. Safe for threads: each operation has a library client of its own.

    The discovery document is fetched once per process.
    """

    def __init__(
        self, app: IntuitApp, sessions: Callable[[], requests.Session] = requests.Session, *, clock: Clock = utc_now
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._clock = clock
        self._discovery = _Discovery()

    def authorize_url(self, state: str) -> str:
        """Where a person consents; asks for the accounting scope alone."""
        url: str = self._answered(lambda: self._client().get_authorization_url([Scopes.ACCOUNTING], state))
        return url

    def exchange(self, code: str) -> Tokens:
        """Sent once: a second exchange of a code can invalidate its tokens (§2.2)."""
        client = self._answered(self._client)
        try:
            self._tokens_by(client, lambda: client.get_bearer_token(code))
        except (GrantDead, NotTaken) as refused:
            raise Refused(refused.message, code="consent_failed", intuit_tid=refused.intuit_tid) from None
        return self._tokens(client)

    def refresh(self, refresh_token: str) -> Tokens:
        """A fresh pair; the refresh token in it may be new, and the old one is dead then.

        Raises: `GrantDead`; `Unreachable` for everything else, which says nothing about the grant (§2.5).
        """
        client = self._answered(lambda: self._client(refresh_token))
        self._tokens_by(client, client.refresh)
        return self._tokens(client)

    def revoke(self, refresh_token: str) -> None:
        """End a grant. One that Intuit does not know any more has ended already; where its discovery document names
        no address for this, nothing is sent and the log says so."""
        client = self._answered(self._client)
        if not client.revoke_endpoint:
            _log.warning("the discovery document names no revocation_endpoint: the grant ends by itself, not now")
            return
        with suppress(GrantDead, NotTaken):
            self._answered(lambda: client.revoke(refresh_token))

    def _tokens_by(self, client: _Client, call: Callable[[], object]) -> None:
        """Make the call that brings tokens. The library may raise after it has read them (an odd
        `id_token`), and the old refresh token is dead by then: what Intuit handed out counts, whatever was raised."""
        before = client.refresh_token
        try:
            self._answered(call)
        except Unreachable:
            if not _has_news(client, before):
                raise
        if not _has_news(client, before):
            raise _refusal(getattr(client, "error", None), 200, None)

    def _answered(self, call: Callable[[], _T]) -> _T:
        """Every way in which the library fails; its own texts hold whole bodies and are left out."""
        try:
            return call()
        except AuthClientError as refused:
            body = read_json(refused.content.decode(errors="replace"))
            error = body.get("error") if isinstance(body, dict) else None
            raise _refusal(error, refused.status_code, refused.intuit_tid) from None
        except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError) as lost:
            raise Unreachable(f"no usable answer from Intuit ({type(lost).__name__})") from None

    def _client(self, refresh_token: str | None = None) -> _Client:
        return _Client(self._app, self._sessions(), self._discovery, refresh_token)

    def _tokens(self, client: _Client) -> Tokens:
        """An answer without an access token (never seen) counts as expired: the next call refreshes again."""
        now = self._clock()
        lifetime_s = _seconds(client.expires_in) or _ACCESS_LIFETIME_S
        return Tokens(
            access=client.access_token or "",
            refresh=client.refresh_token or "",
            access_expires_at=now + timedelta(seconds=lifetime_s if client.access_token else 0),
            refresh_expires_at=_after(now, client.x_refresh_token_expires_in),
            refresh_hard_expires_at=_after(now, getattr(client, "x_refresh_token_hard_expires_in", None)),
        )


def _seconds(value: object) -> int | None:
    """A lifetime: a number, or text that holds one. Anything else is unknown, never a reason to lose the tokens."""
    return int(str(value)) if str(value).isdecimal() else None


def _after(now: datetime, lifetime: object) -> datetime | None:
    seconds = _seconds(lifetime)
    return None if seconds is None else now + timedelta(seconds=seconds)


def _has_news(client: _Client, before: str | None) -> bool:
    return client.access_token is not None or client.refresh_token != before


def _refusal(error: object, status: int, intuit_tid: str | None) -> Disconnected | Unreachable:
    """`error` is OAuth's own word, where the answer had one."""
    words = f"Intuit answered {status}: {error or 'no token'}"
    if error == "invalid_grant":
        return GrantDead(words, intuit_tid=intuit_tid)
    if error in ("invalid_client", "unauthorized_client"):
        return Unreachable(f"{words}: check QBO_CLIENT_ID and QBO_CLIENT_SECRET", code="app_keys_refused")
    return (NotTaken if status == 400 else Unreachable)(words, intuit_tid=intuit_tid)


class _DiscoveryDocument(requests.Response):
    """A discovery document as the library wants it: nothing is missing that may be."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self._document = {**_MAY_BE_MISSING, **found}

    def json(self, **kwargs: Any) -> dict[str, Any]:
        return self._document


class _Discovery:
    """Discovery documents that were fetched, by URL."""

    def __init__(self) -> None:
        self._known: dict[str, _DiscoveryDocument] = {}
        self._lock = threading.Lock()

    def get(self, url: str, fetch: Callable[[], requests.Response]) -> requests.Response:
        with self._lock:
            known = self._known.get(url)
        if known is not None:
            return known
        fetched = fetch()
        found = read_json(fetched.text) if fetched.status_code == 200 else None
        if not isinstance(found, Mapping):
            return fetched
        document = _DiscoveryDocument(found)
        with self._lock:
            self._known[url] = document
        return document


class _Client(AuthClient):  # type: ignore[misc]  # the library has no types
    """The library's client, which *is* a session holding one grant: one per operation, with timeouts."""

    access_token: str | None
    refresh_token: str | None
    revoke_endpoint: str | None

    def __init__(
        self, app: IntuitApp, transport: requests.Session, discovery: _Discovery, refresh_token: str | None
    ) -> None:
        self._transport = transport  # the library's constructor calls already
        self._discovery = discovery
        self._timeout_s = app.timeout_s
        super().__init__(
            app.client_id, app.client_secret, app.redirect_uri, app.environment, refresh_token=refresh_token
        )

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Only discovery is fetched so."""
        return self._discovery.get(url, lambda: super(_Client, self).get(url, **kwargs))

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **_TELL_HARD_EXPIRY}
        kwargs.setdefault("timeout", (self._timeout_s, self._timeout_s))
        return self._transport.request(method, url, **kwargs)
