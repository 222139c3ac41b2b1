"""Figures over all connections, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from store_builders import NOON, noon

from service.store.store import SqlStore
from service.store.tallies import CallTally


def test_calls_are_added_up_by_month_whoever_made_them(store: SqlStore):
    with store.writing() as tx:
        tx.tallies.add_calls({("2026-10", "1", "free", "answered"): 2, ("2026-11", "1", "metered", "lost"): 1})
    with store.writing() as tx:
        tx.tallies.add_calls({("2026-11", "2", "metered", "lost"): 3, ("2026-10", "1", "free", "answered"): 1})

    with store.reading() as tx:
        assert tx.tallies.calls("2026-11") == {("metered", "lost"): 4}
        assert tx.tallies.calls() == {("metered", "lost"): 4, ("free", "answered"): 3}


def test_threads_that_count_at_once_lose_no_call(store: SqlStore):
    tally = CallTally(store, noon)

    with ThreadPoolExecutor(4) as pool:
        for number in range(200):
            pool.submit(tally.add, str(number % 5), "metered", "answered")
            if number % 20 == 0:
                pool.submit(tally.tell)
    tally.tell()

    with store.reading() as tx:
        assert tx.tallies.calls() == {("metered", "answered"): 200}


def test_an_empty_database_has_no_figures_and_no_fault(store: SqlStore):
    with store.reading() as tx:
        tallies = tx.tallies
        assert (tallies.problems(), tallies.runs(), tallies.notices(), tallies.ignored()) == ({}, {}, {}, {})
        assert (tallies.oldest_waiting(), tallies.newest_notice("erp"), tallies.run_times(NOON)) == (None, None, [])
