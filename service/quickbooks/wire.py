"""One HTTP call to a QuickBooks company: sent in its turn, counted, observed, and its answer checked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from service.errors import UnknownOutcome, Unreachable
from service.ports import CallCount
from service.quickbooks.answers import Answer, check
from service.quickbooks.throttle import Throttle

_log = logging.getLogger(__name__)


class CallKind(StrEnum):
    """What a call costs (§10): single writes are free, everything else is metered."""

    READ = "read"
    WRITE = "write"
    BATCH = "batch"


@dataclass(frozen=True)
class Call:
    """A request as it will leave, but for the token."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, Any]
    body: bytes | None = field(repr=False)

    @property
    def kind(self) -> CallKind:
        last = self.resource.rpartition("/")[2]
        if self.method == "GET" or last == "query":
            return CallKind.READ
        return CallKind.BATCH if last == "batch" else CallKind.WRITE

    @property
    def resource(self) -> str:
        """The path behind the company: `creditmemo/181`."""
        return urlsplit(self.url).path.partition("/company/")[2].partition("/")[2]


@dataclass(frozen=True)
class Exchange:
    """One call as it went, for logs and metrics. `status` is None where no answer came."""

    realm_id: str
    kind: CallKind
    resource: str
    status: int | None
    intuit_tid: str | None
    seconds: float

    @property
    def cost(self) -> str:
        return {CallKind.READ: "metered", CallKind.WRITE: "free", CallKind.BATCH: "batch"}[self.kind]

    @property
    def outcome(self) -> str:
        """As far as the status tells: a fault can come with 200."""
        if self.status is None:
            return "lost"
        if self.status < 400:
            return "answered"
        if self.status == 429:
            return "throttled"
        return "refused" if self.status < 500 else "failed"


def log_exchange(exchange: Exchange) -> None:
    """One line per call; no body, no query, no token."""
    _log.info(
        "quickbooks_call",
        extra={
            "kind": exchange.kind.value,
            "resource": exchange.resource,
            "status": exchange.status,
            "took_ms": round(exchange.seconds * 1000),
            "intuit_tid": exchange.intuit_tid,
            "realm_id": exchange.realm_id,
        },
    )


class Wire:
    """The way to one company."""

    def __init__(
        self,
        realm_id: str,
        session: requests.Session,
        throttle: Throttle,
        *,
        timeout_s: float,
        observe: Callable[[Exchange], None] = log_exchange,
    ) -> None:
        self.calls = CallCount()
        self._realm_id = realm_id
        self._session = session
        self._throttle = throttle
        self._timeout_s = timeout_s
        self._observe = observe

    def exchange(self, call: Call, token: str) -> requests.Response:
        """A success, or the error that the answer (or its absence) amounts to."""
        with self._throttle.slot(self._realm_id, batch=call.kind is CallKind.BATCH):
            response = self._send(call, token)
        response.encoding = "utf-8"  # faults come without a charset, and guessing one is slow and at times wrong
        check(_answer(response), is_write=call.kind is not CallKind.READ)
        return response

    def _send(self, call: Call, token: str) -> requests.Response:
        """Redirects are not followed: none is known, and one would turn a write into a read."""
        self._count(call.kind)
        started, response = time.monotonic(), None
        try:
            response = self._session.request(
                call.method,
                call.url,
                headers=call.headers,
                params=call.params,
                data=call.body,
                auth=_Bearer(token),
                timeout=(self._timeout_s, self._timeout_s),
                allow_redirects=False,
            )
        except requests.RequestException as lost:
            raise _no_answer(lost, call.kind) from None
        finally:
            self._observe(self._seen(call, response, time.monotonic() - started))
        return response

    def _count(self, kind: CallKind) -> None:
        if kind is CallKind.WRITE:
            self.calls.free += 1
        else:
            self.calls.metered += 1

    def _seen(self, call: Call, response: requests.Response | None, seconds: float) -> Exchange:
        status, tid = (None, None) if response is None else (response.status_code, _tid(response))
        return Exchange(self._realm_id, call.kind, call.resource, status, tid, seconds)


class _Bearer(AuthBase):
    """Sets the header itself: with a plain header, requests would let a machine's .netrc replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _no_answer(lost: requests.RequestException, kind: CallKind) -> Unreachable:
    """The exception's text is left out: it holds the URL, and with it names of customers."""
    words = f"no answer from QuickBooks ({type(lost).__name__})"
    if kind is CallKind.READ or _never_sent(lost):
        return Unreachable(words)
    return UnknownOutcome(words)


def _never_sent(lost: requests.RequestException) -> bool:
    reason = getattr(lost.args[0], "reason", None) if lost.args else None
    return isinstance(lost, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _answer(response: requests.Response) -> Answer:
    retry_after = response.headers.get("Retry-After", "")
    return Answer(
        status=response.status_code,
        text=response.text,
        content_type=response.headers.get("Content-Type", ""),
        retry_after_s=int(retry_after) if retry_after.isdecimal() else None,
        intuit_tid=_tid(response),
    )


def _tid(response: requests.Response) -> str | None:
    """Spelled in two ways (§1.3)."""
    return response.headers.get("intuit_tid") or response.headers.get("Intuit-Tid")
