"""One writer per connection, and no update is lost, whoever races whom."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from store_builders import LATER, NOON, a_connection, a_quiet_connection, a_run

from service.errors import Replaced
from service.ports import Claim
from service.store import SqlStore
from service.store.database import make_engine
from service.store.tables import connections

THREADS = 8


def in_threads(work: Callable[[int], object], times: int = THREADS) -> list[object]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(times)))


def claim(store: SqlStore, connection_id: int, *, force: bool = False, now=NOON, until=LATER) -> Claim | None:
    with store.writing() as t:
        return t.connections.claim(connection_id, now, until, force=force)


def test_eight_threads_that_read_and_then_add_lose_no_update(durable_store: SqlStore, durable_url: str):
    """Read a row under its lock, add one, write it back: the race that SQLite's defaults and a plain select lose."""
    a_connection(durable_store)
    engine = make_engine(durable_url)

    def add_one(_: int) -> None:
        with engine.begin() as connection:
            seen = connection.execute(select(connections.c.seen).with_for_update()).scalar_one()
            connection.execute(update(connections).values(seen=seen + 1))

    in_threads(add_one, 200)

    with engine.connect() as connection:
        assert connection.execute(select(connections.c.seen)).scalar_one() == 200
    engine.dispose()


def test_eight_threads_that_each_move_their_own_watermark_lose_none(durable_store: SqlStore):
    """Watermarks are merged key by key: the same race through the repository itself."""
    connection_id = a_connection(durable_store)

    def advance(n: int) -> None:
        with durable_store.writing() as t:
            t.connections.update(connection_id, watermarks={f"erp:{n}": str(n)})

    in_threads(advance, 100)

    with durable_store.reading() as t:
        assert t.connections.by_id(connection_id).watermarks == {f"erp:{n}": str(n) for n in range(100)}


def test_every_notice_counts_when_eight_arrive_at_once(durable_store: SqlStore):
    connection_id = a_connection(durable_store)

    def arrive(_: int) -> None:
        with durable_store.writing() as t:
            t.connections.mark_dirty(connection_id)

    in_threads(arrive, 100)

    with durable_store.reading() as t:
        assert t.connections.by_id(connection_id).dirty == 100


def test_of_eight_workers_exactly_one_gets_the_claim(durable_store: SqlStore):
    connection_id = a_connection(durable_store)

    claims = in_threads(lambda _: claim(durable_store, connection_id))

    assert [each for each in claims if each] == [Claim(connection_id, 1, 0)]


def test_a_connection_is_due_when_a_notice_came(store: SqlStore):
    connection_id = a_quiet_connection(store)
    assert claim(store, connection_id) is None

    with store.writing() as t:
        t.connections.mark_dirty(connection_id)
        assert t.connections.due(NOON) == [connection_id]

    assert claim(store, connection_id) == Claim(connection_id, 1, 1)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_waiting_or_interrupted_run_makes_its_connection_due(store: SqlStore, state: str):
    connection_id, other = a_quiet_connection(store), a_quiet_connection(store, "other")

    with store.writing() as t:
        t.runs.create(a_run(connection_id, state=state))
        assert t.connections.due(NOON) == [connection_id]

    assert claim(store, connection_id) is not None
    assert claim(store, other) is None


@pytest.mark.parametrize("state", ["held", "succeeded", "failed", "cancelled"])
def test_a_run_that_waits_for_approval_or_has_ended_makes_nothing_due(store: SqlStore, state: str):
    connection_id = a_quiet_connection(store)

    with store.writing() as t:
        t.runs.create(a_run(connection_id, state=state))

    assert claim(store, connection_id) is None


def test_backing_off_holds_back_notices_but_not_a_person(store: SqlStore):
    connection_id = a_connection(store)
    with store.writing() as t:
        t.connections.update(connection_id, not_before=LATER)
        t.connections.mark_dirty(connection_id)
        assert t.connections.due(NOON) == []

    assert claim(store, connection_id) is None
    assert claim(store, connection_id, force=True) is not None


def test_nobody_takes_a_connection_from_a_living_holder(store: SqlStore):
    connection_id = a_connection(store)
    claim(store, connection_id)

    assert claim(store, connection_id) is None
    assert claim(store, connection_id, force=True) is None
    with store.reading() as t:
        assert t.connections.due(NOON) == []


def test_a_worker_that_was_replaced_can_write_nothing_more(store: SqlStore):
    """It paused past its lease; another took over. Its late commit is refused whole."""
    connection_id = a_connection(store)
    paused = claim(store, connection_id, until=NOON)
    assert claim(store, connection_id, now=LATER, until=LATER + timedelta(minutes=5)) is not None

    with pytest.raises(Replaced), store.writing(paused, until=LATER) as t:
        t.marks.add(connection_id, ["company-1"])

    with store.reading() as t:
        assert t.marks.pending(connection_id) == {}


def test_a_replaced_worker_cannot_give_back_the_claim_of_its_successor(store: SqlStore):
    connection_id = a_connection(store)
    paused = claim(store, connection_id, until=NOON)
    claim(store, connection_id, now=LATER, until=LATER + timedelta(minutes=5))

    with store.writing() as t:
        t.connections.release(paused, seen=0)

    assert claim(store, connection_id, now=LATER) is None


def test_every_commit_under_a_claim_extends_its_lease(store: SqlStore):
    connection_id = a_connection(store)
    mine = claim(store, connection_id, until=NOON)

    with store.writing(mine, until=LATER):
        pass

    assert claim(store, connection_id, now=NOON + timedelta(minutes=1)) is None


def test_a_notice_that_came_during_the_run_is_still_due_after_it(store: SqlStore):
    connection_id = a_quiet_connection(store)
    with store.writing() as t:
        t.connections.mark_dirty(connection_id)
    mine = claim(store, connection_id)
    with store.writing() as t:
        t.connections.mark_dirty(connection_id)

    with store.writing(mine) as t:
        t.connections.release(mine, seen=mine.dirty)

    again = claim(store, connection_id)
    assert again == Claim(connection_id, 2, 2)
    with store.writing(again) as t:
        t.connections.release(again, seen=again.dirty)
    assert claim(store, connection_id) is None


def test_work_given_back_undone_stays_due_and_done_work_is_never_undone(store: SqlStore):
    connection_id = a_quiet_connection(store)
    with store.writing() as t:
        t.connections.mark_dirty(connection_id)
    mine = claim(store, connection_id)

    with store.writing() as t:
        t.connections.release(mine, seen=None)
        assert t.connections.due(NOON) == [connection_id]
        t.connections.release(mine, seen=1)
        t.connections.release(mine, seen=0)
        assert t.connections.by_id(connection_id).seen == 1


def test_the_owner_of_the_file_starts_with_every_claim_free(store: SqlStore):
    """After `kill -9` nobody waits for the lease of the dead process."""
    connection_id = a_connection(store)
    claim(store, connection_id)

    with store.writing() as t:
        t.connections.clear_claims()

    assert claim(store, connection_id) == Claim(connection_id, 2, 0)


def test_who_was_served_longest_ago_is_due_first(store: SqlStore):
    first, second, never = (a_connection(store, account) for account in ("first", "second", "never"))
    with store.writing() as t:
        for connection_id, at in ((first, NOON - timedelta(minutes=2)), (second, NOON - timedelta(minutes=1))):
            t.connections._connection.execute(  # what a clock that goes on would have written
                update(connections).where(connections.c.id == connection_id).values(served_at=at)
            )

    with store.writing() as t:
        assert t.connections.due(LATER) == [never, first, second]
    mine = claim(store, first)
    with store.writing() as t:
        t.connections.release(mine, seen=None)
        assert t.connections.due(LATER) == [never, second, first]


def test_a_connection_is_taken_from_a_holder_that_is_known_to_be_dead_and_from_no_other(store: SqlStore):
    connection_id = a_connection(store)
    with store.writing() as t:
        dead = t.connections.claim(connection_id, NOON, LATER, by="job:7")
        t.connections.free(connection_id, "job:8")
    assert claim(store, connection_id) is None

    with store.writing() as t:
        t.connections.free(connection_id, "job:7")

    assert claim(store, connection_id) == Claim(connection_id, 2, 0)
    with pytest.raises(Replaced), store.writing(dead):
        pass


def test_a_sign_of_life_is_remembered(store: SqlStore):
    with store.writing() as t:
        assert t.heartbeats.last("worker") is None
        t.heartbeats.beat("worker", NOON)
        t.heartbeats.beat("worker", LATER)

    with store.reading() as t:
        assert t.heartbeats.last("worker") == LATER


def test_two_claims_of_a_connection_never_work_at_the_same_time(durable_store: SqlStore):
    """Eight workers claim, write under their claim and give it back, over and over: every counted write is there."""
    connection_id = a_connection(durable_store)

    def work(_: int) -> int:
        mine = claim(durable_store, connection_id)
        if mine is None:
            return 0
        with durable_store.writing(mine, until=LATER) as t:
            t.marks.add(connection_id, ["company-1"])
        with durable_store.writing(mine) as t:
            t.connections.release(mine, seen=None)
        return 1

    worked = sum(map(int, in_threads(work, 80)))

    with durable_store.reading() as t:
        assert t.marks.pending(connection_id) == {"company-1": worked}
    assert claim(durable_store, connection_id) == Claim(connection_id, worked + 1, 0)
