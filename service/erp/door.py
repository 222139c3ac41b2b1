"""How the service gets at the ERP's accounts: wiring of this room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import requests

from service.erp.client import ErpClient
from service.erp.limiter import Limiter
from service.erp.transport import Transport


class HttpErpDoor:
    """The engine's `ErpDoor`: one HTTP session per thread, one limiter per account for all threads."""

    def __init__(
        self,
        base_url: str,
        *,
        max_per_second: float = 2,
        timeout_s: float = 30.0,
        sessions: Callable[[], requests.Session] = requests.Session,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url
        self._max_per_second = max_per_second
        self._timeout_s = timeout_s
        self._sessions = sessions
        self._now = now
        self._sleep = sleep
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._limiters: dict[str, Limiter] = {}

    def open(self, account_id: str, api_key: str) -> ErpClient:
        transport = Transport(
            base_url=self._base_url,
            api_key=api_key,
            session=self._session(),
            limiter=self._limiter(account_id),
            timeout_s=self._timeout_s,
            sleep=self._sleep,
        )
        return ErpClient(transport)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._mine, "session", None)
        if session is None:
            session = self._mine.session = self._sessions()
        return session

    def _limiter(self, account_id: str) -> Limiter:
        with self._lock:
            if account_id not in self._limiters:
                self._limiters[account_id] = Limiter(self._max_per_second, now=self._now, sleep=self._sleep)
            return self._limiters[account_id]
