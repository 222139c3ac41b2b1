"""Tie-outs as syncs left them: figures are kept when they change, and any past sync can be asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from store_builders import EPOCH, NOON, a_connection

from service.ports import Chain, KeptTieOut, Tied
from service.store import SqlStore
from service.store.tables import tie_out_figures

SUNSET = Tied("co-1", "Sunset", "58", erp_ar=10_000, quickbooks_ar=10_000, quickbooks_balance=10_000)
RIVER = Tied("co-2", "River", "59", erp_ar=5_000, quickbooks_ar=4_000, explained=({"kind": "INVOICE", "amount": 1000},))
STRANGER = Tied(None, "Stranger", "60", quickbooks_ar=700, quickbooks_balance=700)


def at(minutes: int):
    return NOON + timedelta(minutes=minutes)


def keep(store: SqlStore, connection_id: int, minutes: int, *tied: Tied, gone: tuple[str, ...] = ()) -> KeptTieOut:
    """A sync that ended so many minutes after noon."""
    with store.writing() as t:
        t.tie_outs.keep(connection_id, EPOCH, tied, gone=gone, at=at(minutes))
        return t.tie_outs.close(connection_id, EPOCH, run_id=f"run-{minutes}", chain=Chain(7, "abc"), at=at(minutes))


def seen(store: SqlStore, connection_id: int, minutes: int) -> list[Tied]:
    with store.reading() as t:
        kept = t.tie_outs.as_of(connection_id, at(minutes))
        assert kept is not None
        return t.tie_outs.companies(connection_id, kept)


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def test_totals_are_of_all_companies_though_only_one_moved(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET, RIVER)

    kept = keep(store, acme, 5, replace(RIVER, quickbooks_ar=5_000, explained=()))

    assert (kept.erp_ar, kept.quickbooks_ar, kept.companies, kept.differing) == (15_000, 15_000, 2, 0)
    assert (kept.run_id, kept.audit_rows, kept.audit_hash) == ("run-5", 7, "abc")


def test_differences_of_two_companies_do_not_pay_for_each_other(store: SqlStore, acme: int):
    kept = keep(store, acme, 0, RIVER, replace(SUNSET, quickbooks_ar=11_000))

    assert (kept.difference, kept.apart, kept.differing) == (0, 2_000, 2)


def test_the_newest_of_every_connection_is_of_its_present_epoch(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    keep(store, acme, 0, SUNSET)
    latest = keep(store, acme, 5, RIVER)
    keep(store, other, 0, SUNSET)
    with store.writing() as t:
        t.connections.update(other, epoch=EPOCH + 1)

    with store.reading() as t:
        assert t.tie_outs.newest() == {acme: latest}


def test_an_earlier_sync_answers_with_what_it_saw(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET, RIVER)
    keep(store, acme, 5, replace(RIVER, quickbooks_ar=5_000))
    keep(store, acme, 9, STRANGER)

    assert seen(store, acme, 4) == [RIVER, SUNSET]
    assert seen(store, acme, 8) == [replace(RIVER, quickbooks_ar=5_000), SUNSET]
    assert STRANGER in seen(store, acme, 60)


def test_before_the_first_sync_nothing_is_known(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET)

    with store.reading() as t:
        assert t.tie_outs.as_of(acme, at(-1)) is None


def test_what_is_gone_counts_no_more_and_may_come_back(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET, STRANGER)

    without = keep(store, acme, 5, gone=("customer:60", "customer:unknown"))
    again = keep(store, acme, 9, STRANGER)

    assert (without.quickbooks_ar, without.companies) == (10_000, 1)
    assert (again.quickbooks_ar, again.companies) == (10_700, 2)
    assert seen(store, acme, 6) == [SUNSET]
    with store.reading() as t:
        assert t.tie_outs.current(acme, EPOCH, "customer:60") == STRANGER
        assert t.tie_outs.current(acme, EPOCH, "customer:61") is None


def test_figures_that_did_not_change_are_not_kept_again(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET, RIVER)

    with store.writing() as t:
        t.tie_outs.keep(acme, EPOCH, [SUNSET, RIVER], at=at(5))
        assert not t.tie_outs.moved_since(acme, EPOCH, at(0))
        t.tie_outs.keep(acme, EPOCH, [replace(SUNSET, name="Sunset Inc.")], at=at(6))
        assert t.tie_outs.moved_since(acme, EPOCH, at(0))


def test_a_dropped_sync_takes_with_it_the_figures_that_nobody_else_needs(store: SqlStore, acme: int):
    first = keep(store, acme, 0, SUNSET, RIVER)
    second = keep(store, acme, 5, replace(RIVER, erp_ar=1))
    keep(store, acme, 9, replace(RIVER, erp_ar=2))

    with store.writing() as t:
        t.tie_outs.drop(acme, [second])

    assert seen(store, acme, 8) == [RIVER, SUNSET]
    assert replace(RIVER, erp_ar=2) in seen(store, acme, 9)
    assert figures(store) == 3
    with store.writing() as t:
        t.tie_outs.drop(acme, [first])
    assert seen(store, acme, 9) == [replace(RIVER, erp_ar=2), SUNSET]
    assert figures(store) == 2


def test_another_epoch_is_another_history(store: SqlStore, acme: int):
    keep(store, acme, 0, SUNSET)
    with store.writing() as t:
        t.tie_outs.keep(acme, EPOCH + 1, [RIVER], at=at(5))
        t.tie_outs.close(acme, EPOCH + 1, run_id=None, chain=Chain(0, None), at=at(5))

    assert (seen(store, acme, 4), seen(store, acme, 5)) == ([SUNSET], [RIVER])
    with store.reading() as t:
        assert [kept.companies for kept in t.tie_outs.history(acme)] == [1, 1]
        assert [kept.epoch for kept in t.tie_outs.history(acme, since=at(1), until=at(9))] == [EPOCH + 1]


def figures(store: SqlStore) -> int:
    with store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tie_out_figures)).scalar_one()
