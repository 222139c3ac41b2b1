"""Be polite to the ERP: so many requests a second per account, and no more (ERP contract, part 2)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_MARGIN_S = 0.05
"""Waited on top: requests that leave a second apart may arrive closer together."""


class Limiter:
    """At most `per_second` starts within any one second, in the order of asking. Shared by the threads of a process.

    Below 1 it is one start in so many seconds (0.5: one in two); above, a fraction does not count. `now` is a clock in
    seconds that only moves forward.
    """

    def __init__(
        self,
        per_second: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_second <= 0:
            raise ValueError("ERP_MAX_RPS must be more than 0")
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._span_s = 1 / min(per_second, 1) + _MARGIN_S
        self._starts: deque[float] = deque(maxlen=max(1, int(per_second)))

    def wait(self) -> None:
        """Come back when the next request may start."""
        with self._lock:
            now = self._now()
            start = now
            if len(self._starts) == self._starts.maxlen:
                start = max(now, self._starts[0] + self._span_s)
            self._starts.append(start)
        if start > now:
            self._sleep(start - now)
