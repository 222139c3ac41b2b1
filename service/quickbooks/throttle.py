"""Keep within what Intuit allows one company (§10), whoever calls: 10 in flight, 10 a second, 500 a minute, 40 batches
a minute."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from service.errors import Throttled

IN_FLIGHT = 10
PER_SECOND = 10
PER_MINUTE = 500
BATCHES_PER_MINUTE = 40

_SECOND_S = 1.05
"""A little more than a second: what leaves here a second apart may arrive closer together."""
_MINUTE_S = 60.5
_LOOK_AGAIN_S = 0.05


class Throttle(Protocol):
    """Leave to call a company. One kept in a database can stand here when many processes work for one company."""

    def slot(self, realm_id: str, *, batch: bool = False) -> AbstractContextManager[None]:
        """Hold a place for the time of one call. Raises `Throttled` when that would mean a long wait."""


class InProcessThrottle:
    """Shared by all threads and connections of this process.

    `now` is a clock in seconds that only moves forward. Who would have to wait longer than `patience_s` is sent away
    with `Throttled`: a worker that sleeps is a worker lost.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience_s: float = 5.0,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._companies: dict[str, _Company] = {}

    @contextmanager
    def slot(self, realm_id: str, *, batch: bool = False) -> Iterator[None]:
        company = self._enter(realm_id, batch)
        try:
            yield
        finally:
            with self._lock:
                company.in_flight -= 1

    def _enter(self, realm_id: str, batch: bool) -> _Company:
        give_up_at = self._now() + self._patience_s
        while True:
            with self._lock:
                now = self._now()
                company = self._companies.setdefault(realm_id, _Company())
                wait_s = company.wait_s(now, batch)
                if wait_s <= 0:
                    company.start(now, batch)
                    return company
            if now + wait_s > give_up_at:
                raise Throttled("too many calls to this QuickBooks company", retry_after_s=math.ceil(wait_s))
            self._sleep(wait_s)


class _Window:
    """At most `limit` starts within any `span_s` seconds."""

    def __init__(self, limit: int, span_s: float) -> None:
        self._span_s = span_s
        self._starts: deque[float] = deque(maxlen=limit)

    def wait_s(self, now: float) -> float:
        if len(self._starts) < (self._starts.maxlen or 0):
            return 0.0
        return max(0.0, self._starts[0] + self._span_s - now)

    def start(self, now: float) -> None:
        self._starts.append(now)


class _Company:
    def __init__(self) -> None:
        self.in_flight = 0
        self._all = (_Window(PER_SECOND, _SECOND_S), _Window(PER_MINUTE, _MINUTE_S))
        self._batches = _Window(BATCHES_PER_MINUTE, _MINUTE_S)

    def wait_s(self, now: float, batch: bool) -> float:
        """How long until the next call may start, 0 when now. A full house is looked at again after a moment."""
        waits = [window.wait_s(now) for window in self._all]
        if batch:
            waits.append(self._batches.wait_s(now))
        if self.in_flight >= IN_FLIGHT:
            waits.append(_LOOK_AGAIN_S)
        return max(waits)

    def start(self, now: float, batch: bool) -> None:
        self.in_flight += 1
        for window in self._all:
            window.start(now)
        if batch:
            self._batches.start(now)
