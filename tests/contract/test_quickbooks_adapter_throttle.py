"""Intuit's limits per company, on a virtual clock: one suite for the lanes of a process and for those of a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from store_builders import PROCESSES

from service.errors import Throttled
from service.ports import Lanes
from service.quickbooks.throttle import (
    BATCHES_PER_MINUTE,
    IN_FLIGHT,
    PER_MINUTE,
    PER_SECOND,
    RULES,
    InProcessLanes,
    LaneThrottle,
)
from service.store.database import make_engine
from service.store.lanes import SqlLanes

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
MakeLanes = Callable[["VirtualClock"], Lanes]


@dataclass
class VirtualClock:
    """Time passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def instant(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=["in process", "sqlite file", "postgresql"])
def lanes(request: pytest.FixtureRequest, clock: VirtualClock, tmp_path_factory: pytest.TempPathFactory) -> Lanes:
    if request.param == "in process":
        return InProcessLanes(clock.read)
    return SqlLanes(make_engine(_url(request, tmp_path_factory)), clock.instant)


def _url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("empty_postgres_url"))
    from service.store.migrate import upgrade

    url = f"sqlite:///{tmp_path_factory.mktemp('lanes')}/books.db"
    upgrade(url)
    return url


@pytest.fixture
def patient(lanes: Lanes, clock: VirtualClock) -> LaneThrottle:
    return LaneThrottle(lanes, sleep=clock.sleep, patience_s=1e9)


def most_within(starts: list[float], seconds: float) -> int:
    return max(sum(1 for other in starts if start <= other < start + seconds) for start in starts)


@pytest.mark.parametrize("seed", range(4))
def test_whoever_calls_whenever_the_limits_hold(patient: LaneThrottle, clock: VirtualClock, seed: int) -> None:
    chance = Random(seed)
    starts: list[float] = []
    batches: list[float] = []

    for _ in range(90):
        clock.now += chance.choice([0, 0, 0, chance.uniform(0, 3)])
        batch = chance.random() < 0.3
        with patient.slot("realm", batch=batch):
            starts.append(clock.now)
            batches += [clock.now] if batch else []

    assert most_within(starts, 1.0) <= PER_SECOND
    assert most_within(batches, 60.0) <= BATCHES_PER_MINUTE


def test_a_minute_takes_nearly_five_hundred_calls(patient: LaneThrottle, clock: VirtualClock) -> None:
    starts: list[float] = []

    for _ in range(600):
        with patient.slot("realm"):
            starts.append(clock.now)

    assert 490 <= most_within(starts, 60.0) <= PER_MINUTE
    assert max(clock.slept) < RULES.apart_s + 0.01


def test_the_first_calls_do_not_wait(patient: LaneThrottle, clock: VirtualClock) -> None:
    for _ in range(PER_SECOND):
        with patient.slot("realm"):
            pass

    assert clock.slept == []


def test_who_would_wait_long_is_sent_away(lanes: Lanes, clock: VirtualClock) -> None:
    throttle = LaneThrottle(lanes, sleep=clock.sleep, patience_s=2)
    for _ in range(IN_FLIGHT):
        with throttle.slot("realm", batch=True):
            clock.now += 0.2

    with pytest.raises(Throttled) as limit, throttle.slot("realm", batch=True):
        pass

    assert limit.value.retry_after_s is not None
    assert 10 <= limit.value.retry_after_s <= 16
    with throttle.slot("realm"):
        pass


def test_one_company_does_not_slow_another(patient: LaneThrottle, clock: VirtualClock) -> None:
    for number in range(100):
        with patient.slot(f"realm-{number % 10}"):
            pass

    assert clock.slept == []


def test_no_more_than_ten_calls_are_under_way_at_once(lanes: Lanes, clock: VirtualClock) -> None:
    throttle = LaneThrottle(lanes, sleep=clock.sleep, patience_s=5)

    with ExitStack() as under_way:
        for _ in range(IN_FLIGHT):
            under_way.enter_context(throttle.slot("realm"))
            clock.now += 1
        with pytest.raises(Throttled), throttle.slot("realm"):
            pass

    with throttle.slot("realm"):
        clock.now += 1


def test_a_call_that_fails_gives_its_place_back(patient: LaneThrottle, clock: VirtualClock) -> None:
    for _ in range(IN_FLIGHT * 2):
        with pytest.raises(RuntimeError), patient.slot("realm"):
            raise RuntimeError

    assert clock.now < 1010


def test_threads_share_the_limits(lanes: Lanes) -> None:
    throttle = LaneThrottle(lanes, patience_s=0)
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


def test_the_lanes_of_a_process_that_was_killed_are_free_again_after_a_while(
    durable_url: str, clock: VirtualClock
) -> None:
    killed, living = (SqlLanes(make_engine(durable_url), clock.instant) for _ in range(2))
    for _ in range(IN_FLIGHT):
        killed.take("realm", RULES, batch=False)
    clock.now += RULES.apart_s + 1
    assert isinstance(living.take("realm", RULES, batch=False), float)

    clock.now += RULES.hold_s

    assert not isinstance(living.take("realm", RULES, batch=False), float)


def test_a_call_that_outlived_its_lane_takes_nothing_from_the_next_holder(
    durable_url: str, clock: VirtualClock
) -> None:
    shared = SqlLanes(make_engine(durable_url), clock.instant)
    late = shared.take("realm", RULES, batch=False)
    assert not isinstance(late, float)
    clock.now += RULES.hold_s + 1
    under_way = [shared.take("realm", RULES, batch=False) for _ in range(IN_FLIGHT)]
    clock.now += RULES.apart_s + 1

    shared.give_back(late)

    assert not any(isinstance(lane, float) for lane in under_way)
    assert isinstance(shared.take("realm", RULES, batch=False), float)


def _call_for(url: str, seconds: float) -> list[float]:
    """In a process of its own: one call after another, on the wall clock, which all processes share."""
    throttle = LaneThrottle(SqlLanes(make_engine(url)))
    starts, end = [], time.time() + seconds
    while time.time() < end:
        with throttle.slot("realm"):
            starts.append(time.time())
    return starts


def test_four_processes_together_stay_within_the_limits(empty_postgres_url: str) -> None:
    with PROCESSES.Pool(4) as pool:
        found = pool.starmap(_call_for, [(empty_postgres_url, 4.0)] * 4)

    starts = [start for each in found for start in each]
    assert most_within(starts, 1.0) <= PER_SECOND
    assert all(len(each) >= 2 for each in found)
    assert len(starts) > 25
