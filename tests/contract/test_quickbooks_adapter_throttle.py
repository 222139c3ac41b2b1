"""Intuit's limits per company, kept on a virtual clock."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import Throttled
from service.quickbooks.throttle import BATCHES_PER_MINUTE, IN_FLIGHT, PER_MINUTE, PER_SECOND, InProcessThrottle


@dataclass
class VirtualClock:
    """Time passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patient(clock: VirtualClock) -> InProcessThrottle:
    return InProcessThrottle(now=clock.read, sleep=clock.sleep, patience_s=1e9)


def most_within(starts: list[float], seconds: float) -> int:
    return max(sum(1 for other in starts if start <= other < start + seconds) for start in starts)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=1, max_size=120))
def test_whoever_calls_whenever_the_limits_hold(calls: list[tuple[float, bool]]) -> None:
    clock = VirtualClock()
    throttle = patient(clock)
    starts: list[float] = []
    batches: list[float] = []

    for pause, batch in calls:
        clock.now += pause
        with throttle.slot("realm", batch=batch):
            starts.append(clock.now)
            batches += [clock.now] if batch else []

    assert most_within(starts, 1.0) <= PER_SECOND
    assert not batches or most_within(batches, 60.0) <= BATCHES_PER_MINUTE


def test_a_minute_takes_five_hundred_calls() -> None:
    clock = VirtualClock()
    throttle = patient(clock)
    starts: list[float] = []

    for _ in range(1200):
        with throttle.slot("realm"):
            starts.append(clock.now)

    assert most_within(starts, 60.0) == PER_MINUTE


def test_the_first_calls_do_not_wait() -> None:
    clock = VirtualClock()
    throttle = patient(clock)

    for _ in range(PER_SECOND):
        with throttle.slot("realm"):
            pass

    assert clock.slept == []


def test_who_would_wait_long_is_sent_away() -> None:
    clock = VirtualClock()
    throttle = InProcessThrottle(now=clock.read, sleep=clock.sleep, patience_s=2)
    for _ in range(BATCHES_PER_MINUTE):
        clock.now += 0.2
        with throttle.slot("realm", batch=True):
            pass

    with pytest.raises(Throttled) as limit, throttle.slot("realm", batch=True):
        pass

    assert limit.value.retry_after_s is not None
    assert 50 <= limit.value.retry_after_s <= 61


def test_one_company_does_not_slow_another() -> None:
    clock = VirtualClock()
    throttle = patient(clock)

    for number in range(100):
        with throttle.slot(f"realm-{number % 10}"):
            pass

    assert clock.slept == []


def test_no_more_than_ten_calls_are_under_way_at_once() -> None:
    clock = VirtualClock()
    throttle = InProcessThrottle(now=clock.read, sleep=clock.sleep, patience_s=5)

    with ExitStack() as under_way:
        for _ in range(IN_FLIGHT):
            under_way.enter_context(throttle.slot("realm"))
            clock.now += 1
        with pytest.raises(Throttled), throttle.slot("realm"):
            pass

    with throttle.slot("realm"):
        clock.now += 1


def test_a_call_that_fails_gives_its_place_back() -> None:
    clock = VirtualClock()
    throttle = patient(clock)

    for _ in range(IN_FLIGHT * 2):
        with pytest.raises(RuntimeError), throttle.slot("realm"):
            raise RuntimeError

    assert clock.now < 1010


def test_threads_share_the_limits() -> None:
    throttle = InProcessThrottle(patience_s=0)
    places: list[bool] = []

    def call() -> None:
        try:
            with throttle.slot("realm"):
                places.append(True)
        except Throttled:
            places.append(False)

    threads = [threading.Thread(target=call) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert places.count(True) == PER_SECOND
