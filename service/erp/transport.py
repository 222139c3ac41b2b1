"""HTTP to the ERP: one account, its key, its pace; the ERP's answers as JSON or as our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
import simplejson
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import NewConnectionError

from service.erp.limiter import Limiter
from service.errors import Disconnected, Gone, Refused, Stale, SyncError, Throttled, UnknownOutcome, Unreachable

ATTEMPTS = 3
THROTTLED_WAIT_S = 30
"""Where a 429 does not say how long."""

Json = Any


class Transport:
    """Sends with the account's key, and only to the ERP. `calls` counts every request, repeated ones too."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        session: requests.Session,
        limiter: Limiter,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls = 0
        self._base_url = base_url.rstrip("/")
        self._auth = _Bearer(api_key)
        self._session = session
        self._limiter = limiter
        self._timeout_s = timeout_s
        self._sleep = sleep

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Json:
        return self._repeated(lambda: self._send("GET", self._base_url + path, query=query))

    def follow(self, next_page: str) -> Json:
        """A page at the path and query that the ERP gave, verbatim; always of the server that we were told of. Behind
        a proxy the ERP may call itself by another name, and the key goes nowhere else."""
        ours, told = urlsplit(self._base_url), urlsplit(urljoin(f"{self._base_url}/", next_page))
        url = urlunsplit((ours.scheme, ours.netloc, told.path, told.query, ""))
        return self._repeated(lambda: self._send("GET", url))

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """A declaration: repeating one changes nothing (ERP contract, part 3)."""
        return self._repeated(lambda: self._send("PUT", self._base_url + path, body=body))

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Once. Raises `UnknownOutcome` when it may have taken effect."""
        return self._send("POST", self._base_url + path, body=body, once=True)

    def _send(
        self,
        method: str,
        url: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        once: bool = False,
    ) -> Json:
        """Redirects are not followed: a post would become a get, and the key could leave the ERP."""
        self._limiter.wait()
        self.calls += 1
        try:
            response = self._session.request(
                method,
                url,
                params=list(query),
                data=None if body is None else _encoded(body),
                auth=self._auth,
                headers={"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "qbo-sync"},
                timeout=(self._timeout_s, self._timeout_s),
                allow_redirects=False,
            )
        except requests.RequestException as lost:
            words = f"no answer from the ERP ({type(lost).__name__})"
            unclear = UnknownOutcome if once and not _never_sent(lost) else Unreachable
            raise unclear(words, code="erp_unreachable") from None
        return _read(response, once=once)

    def _repeated(self, call: Callable[[], Json]) -> Json:
        """The one retry layer, for calls that are safe to repeat. A 429 is not slept out: the run ends instead."""
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=4),
            retry=retry_if_exception(lambda error: isinstance(error, Unreachable) and not isinstance(error, Throttled)),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(call)


class _Bearer(AuthBase):
    """Sets the header itself: with a plain header, requests would let a machine's .netrc replace it."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key}"
        return request


def _encoded(body: Mapping[str, Any]) -> bytes:
    """Decimals as strings, with the places they have: `"120.00"`."""
    return simplejson.dumps(body, use_decimal=False, default=_decimal_text).encode()


def _decimal_text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not JSON")


def _read(response: requests.Response, *, once: bool) -> Json:
    """The answer, exact decimals. The status decides; what a success holds must be JSON."""
    response.encoding = "utf-8"
    try:
        document = simplejson.loads(response.text, use_decimal=True)
    except ValueError:
        document = None
    if response.status_code in (200, 201) and isinstance(document, dict):
        return document
    raise _error(response, document, once=once)


def _error(response: requests.Response, document: Json, *, once: bool) -> SyncError:
    status = response.status_code
    said = _sentences(document) or f"the ERP answered {status}"
    if status in (401, 403):
        return Disconnected(f"the ERP refuses the account's key: {said}", code="erp_key_refused")
    if status == 404:
        return Gone(said)
    if status == 409:
        return Stale(said)
    if status == 429:
        return Throttled(said, code="erp_throttled", retry_after_s=_retry_after_s(response) or THROTTLED_WAIT_S)
    if 400 <= status < 500 and status != 408:
        return Refused(said, code="erp_refused")
    unclear = UnknownOutcome if once else Unreachable
    return unclear(said, code="erp_unreachable", retry_after_s=_retry_after_s(response))


def _sentences(document: Json) -> str:
    """The ERP's own words, each with the place it speaks of: `must be positive (items.0.quantity)`."""
    errors = document.get("errors") if isinstance(document, dict) else None
    entries = errors if isinstance(errors, list) else []
    return "; ".join(_sentence(error) for error in entries if isinstance(error, dict))


def _sentence(error: Mapping[str, Any]) -> str:
    place = ".".join(str(step) for step in error.get("pointer") or [])
    return f"{error.get('message', 'no reason given')}" + (f" ({place})" if place else "")


def _retry_after_s(response: requests.Response) -> int | None:
    text = response.headers.get("Retry-After", "")
    return int(text) if text.isdecimal() else None


def _never_sent(lost: requests.RequestException) -> bool:
    reason = getattr(lost.args[0], "reason", None) if lost.args else None
    return isinstance(lost, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
