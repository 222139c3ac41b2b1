"""Figures over all connections at once, on both databases."""

from __future__ import annotations

from datetime import timedelta

from store_builders import EARLIER, EPOCH, LATER, NOON, a_connection, a_notice, a_problem, a_row, a_run, a_write

from service.ports import Calls

LONG_AGO = NOON - timedelta(days=2)


def test_open_problems_are_counted_by_code_and_settled_ones_are_not(store):
    one, other = a_connection(store), a_connection(store, "other")
    with store.writing() as t:
        for name, code in (("a", "closed_books"), ("b", "closed_books"), ("c", "stale")):
            t.problems.raise_(one, a_problem(id=name, key=f"payment:{name}", code=code))
        t.problems.raise_(other, a_problem(id="d", status="conflict"))
        t.problems.set_status("c", "dismissed", reason="seen", at=NOON)

    with store.reading() as t:
        assert t.figures.problem_codes() == {one: {"closed_books": 2}, other: {"closed_books": 1}}


def test_the_oldest_change_that_is_not_in_both_books_counts_wherever_it_waits(store):
    notices, writes, pending, quiet = (a_connection(store, name) for name in ("a", "b", "c", "d"))
    with store.writing() as t:
        t.inbox.add(a_notice(notices, received_at=NOON), dedupe=None)
        t.inbox.add(a_notice(notices, received_at=EARLIER, state="new"), dedupe=None)
        t.journal.note(writes, EPOCH, run_id=None, key="payment:p1", write=a_write(), document=None, at=LATER)
        t.id_map.save(pending, EPOCH, a_row(status="PENDING"), LONG_AGO)
        t.id_map.save(quiet, EPOCH, a_row(), LONG_AGO)

    with store.reading() as t:
        assert t.figures.waiting_since() == {notices: EARLIER, writes: LATER, pending: LONG_AGO}


def test_what_waited_in_a_former_epoch_waits_no_more(store):
    connection_id = a_connection(store)
    with store.writing() as t:
        t.id_map.save(connection_id, EPOCH, a_row(status="PENDING"), NOON)
        t.connections.update(connection_id, epoch=EPOCH + 1)

    with store.reading() as t:
        assert t.figures.waiting_since() == {}


def test_the_last_success_is_that_of_the_last_run_that_went_well(store):
    connection_id, busy = a_connection(store), a_connection(store, "busy")
    with store.writing() as t:
        t.runs.create(a_run(connection_id, "r1", state="succeeded", finished_at=EARLIER))
        t.runs.create(a_run(connection_id, "r2", state="succeeded", finished_at=NOON))
        t.runs.create(a_run(connection_id, "r3", state="failed", finished_at=LATER))
        t.runs.create(a_run(busy, "r4", state="running"))

    with store.reading() as t:
        assert t.figures.last_successes() == {connection_id: NOON}


def test_calls_add_up_within_a_month(store):
    connection_id = a_connection(store)
    march = {("2026-03", "realm-1", "free", "answered"): 2, ("2026-03", "realm-1", "metered", "answered"): 4}
    with store.writing() as t:
        t.connections.update(connection_id, realm_id="realm-1")
        t.tallies.add_calls(march | {("2026-03", "realm-1", "batch", "answered"): 1})
        t.tallies.add_calls(
            {("2026-03", "realm-1", "metered", "lost"): 1, ("2026-04", "realm-1", "free", "answered"): 9}
        )

    with store.reading() as t:
        assert t.figures.calls("2026-03") == {connection_id: Calls(free=2, metered=6)}
        assert t.figures.calls("2026-05") == {}
