"""How fast a run goes, and what is said of the time that is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.engine.pace import KEPT, Moments, estimate, last_moved, moved

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def after(*moments: tuple[int, int]) -> Moments:
    """The pace of a run that had done so many steps after so many seconds."""
    pace: Moments = []
    for seconds, done in moments:
        pace = moved(pace, NOON + timedelta(seconds=seconds), done)
    return pace


def test_nothing_is_foretold_before_ten_seconds_have_passed_or_a_step_is_done():
    assert estimate([], 100) is None
    assert estimate(after((0, 0)), 100) is None
    assert estimate(after((0, 0), (9, 30)), 100) is None
    assert estimate(after((0, 5), (60, 5)), 100) is None


def test_the_time_that_is_left_follows_from_the_steps_done_so_far():
    foretold = estimate(after((0, 0), (30, 60)), 300)

    assert foretold is not None
    assert (foretold.per_minute, foretold.left_s) == (120, 120)


def test_a_run_that_became_slower_is_judged_by_its_last_minutes():
    quick = [(second, second * 10) for second in range(0, 100, 5)]
    slow = [(100 + second, 1000 + second // 5) for second in range(0, 600, 5)]

    foretold = estimate(after(*quick, *slow), 2000)

    assert foretold is not None
    assert foretold.per_minute == 12


def test_steps_that_follow_closely_do_not_make_the_list_longer():
    pace = after(*((second, second) for second in range(1000)))

    assert len(pace) <= KEPT
    assert last_moved(pace) == NOON + timedelta(seconds=999)
    assert estimate(pace, 1999) is not None


def test_a_run_that_found_more_to_do_than_it_thought_has_no_negative_time_left():
    foretold = estimate(after((0, 0), (60, 60)), 50)

    assert foretold is not None
    assert foretold.left_s == 0
