"""Be polite to the ERP: so many requests a second per account, and no more (ERP contract, part 2)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_SPAN_S = 1.05
"""A little more than a second: requests that leave a second apart may arrive closer together."""


class Limiter:
    """At most `per_second` starts within any one second, in the order of asking. Shared by the threads of a process.

    `now` is a clock in seconds that only moves forward.
    """

    def __init__(
        self,
        per_second: int,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_second < 1:
            raise ValueError("ERP_MAX_RPS must be at least 1")
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._starts: deque[float] = deque(maxlen=per_second)

    def wait(self) -> None:
        """Come back when the next request may start."""
        with self._lock:
            now = self._now()
            start = now
            if len(self._starts) == self._starts.maxlen:
                start = max(now, self._starts[0] + _SPAN_S)
            self._starts.append(start)
        if start > now:
            self._sleep(start - now)
