"""Keep within what Intuit allows one company (§10), whoever calls: 10 in flight, 10 a second, 500 a minute, 40 batches
a minute.

Ten lanes lead to each company. A call has its lane to itself until it is answered, and the next one in the same lane
starts a tenth of the limits later: so all four limits hold at any instant, and a full minute is never followed by a
stall. What is counted stands in `Lanes`: in this process, or in the database for all of them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from service.errors import Throttled
from service.ports import Lane, LaneRules, Lanes

IN_FLIGHT = 10
PER_SECOND = 10
PER_MINUTE = 500
BATCHES_PER_MINUTE = 40

_MINUTE_S = 60.5
"""A little more than a minute: what leaves here a minute apart may arrive closer together."""
RULES = LaneRules(
    count=IN_FLIGHT,
    apart_s=_MINUTE_S / (PER_MINUTE // IN_FLIGHT),
    batches_apart_s=_MINUTE_S / (BATCHES_PER_MINUTE // IN_FLIGHT),
    hold_s=120.0,
)
_SHORTEST_PAUSE_S = 0.001
"""Less than that some clocks cannot tell, and nobody would ever come further."""
LOOK_AGAIN_S = 0.05
"""Nobody knows when a call will be answered: a full house is looked at again after a moment."""


class Throttle(Protocol):
    """Leave to call a company."""

    def slot(self, realm_id: str, *, batch: bool = False) -> AbstractContextManager[None]:
        """Hold a place for the time of one call. Raises `Throttled` when that would mean a long wait."""


class LaneThrottle:
    """Who would have to wait longer than `patience_s` is sent away with `Throttled`: a worker that sleeps is a worker
    lost."""

    def __init__(
        self,
        lanes: Lanes,
        *,
        rules: LaneRules = RULES,
        sleep: Callable[[float], None] = time.sleep,
        patience_s: float = 5.0,
    ) -> None:
        self._lanes = lanes
        self._rules = rules
        self._sleep = sleep
        self._patience_s = patience_s

    @contextmanager
    def slot(self, realm_id: str, *, batch: bool = False) -> Iterator[None]:
        lane = self._enter(realm_id, batch)
        try:
            yield
        finally:
            self._lanes.give_back(lane)

    def _enter(self, realm_id: str, batch: bool) -> Lane:
        waited_s = 0.0
        while isinstance(wait_s := self._lanes.take(realm_id, self._rules, batch=batch), float):
            if waited_s + wait_s > self._patience_s:
                raise Throttled("too many calls to this QuickBooks company", retry_after_s=math.ceil(wait_s))
            pause_s = max(wait_s, _SHORTEST_PAUSE_S)
            self._sleep(pause_s)
            waited_s += pause_s
        return wait_s


class InProcessThrottle(LaneThrottle):
    """Shared by all threads and connections of this process. `now` is a clock in seconds that only moves forward."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience_s: float = 5.0,
    ) -> None:
        super().__init__(InProcessLanes(now), sleep=sleep, patience_s=patience_s)


class InProcessLanes:
    """`service.ports.Lanes` in memory. Who holds a lane here cannot die alone, so none is ever taken away."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._companies: dict[str, list[_Lane]] = {}

    def take(self, realm_id: str, rules: LaneRules, *, batch: bool) -> Lane | float:
        with self._lock:
            lanes = self._companies.setdefault(realm_id, [_Lane() for _ in range(rules.count)])
            now = self._now()
            number = min(range(len(lanes)), key=lambda n: lanes[n].wait_s(now, batch))
            wait_s = lanes[number].wait_s(now, batch)
            if wait_s > 0:
                return wait_s
            lanes[number].start(now, rules, batch)
            return Lane(realm_id, number, "")

    def give_back(self, lane: Lane) -> None:
        with self._lock:
            self._companies[lane.realm_id][lane.number].is_held = False


class _Lane:
    def __init__(self) -> None:
        self.is_held = False
        self._free_at = self._batch_free_at = -math.inf

    def wait_s(self, now: float, batch: bool) -> float:
        """How long until the next call may start here, 0 when now."""
        free_at = max(self._free_at, self._batch_free_at) if batch else self._free_at
        return max(free_at - now, LOOK_AGAIN_S if self.is_held else 0.0, 0.0)

    def start(self, now: float, rules: LaneRules, batch: bool) -> None:
        self.is_held = True
        self._free_at = now + rules.apart_s
        if batch:
            self._batch_free_at = now + rules.batches_apart_s
