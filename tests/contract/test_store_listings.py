"""Everything that is shown as a table: filtered, searched, sorted and paged by both databases alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from store_builders import EPOCH, NOON, a_connection, a_problem, a_row, a_run, an_audit

from service.ports import Between
from service.store import SqlStore
from service.store.listings import LISTINGS


def listed(store: SqlStore, listing: str, connection_id: int | None, **asked):
    question = {"filters": {}, "search": None, "sort": next(iter(LISTINGS[listing].columns)), "descending": False}
    with store.reading() as t:
        return t.listings.page(listing, connection_id, **(question | {"offset": 0, "limit": 50} | asked))


def some_links(store: SqlStore, connection_id: int, count: int = 5) -> None:
    with store.writing() as t:
        for n in range(count):
            row = a_row(f"payment:p{n}", quickbooks_id=str(100 + n), records=(("PAYMENT", f"p{n}"),))
            t.id_map.save(connection_id, EPOCH, row, NOON + timedelta(minutes=n))


@pytest.mark.parametrize("listing", LISTINGS)
def test_every_column_of_every_listing_can_be_sorted_by_on_an_empty_table(store, listing):
    for column in LISTINGS[listing].columns:
        assert listed(store, listing, None, sort=column, descending=True).total == 0


@pytest.mark.parametrize("listing", [name for name, each in LISTINGS.items() if each.searched])
def test_every_listing_that_can_be_searched_finds_nothing_in_an_empty_table(store, listing):
    assert listed(store, listing, None, search="50% of_it\\").rows == []


def test_links_come_page_by_page_with_the_total_of_all(store):
    connection_id = a_connection(store)
    some_links(store, connection_id)

    first = listed(store, "links", connection_id, sort="updated_at", descending=True, limit=2)
    last = listed(store, "links", connection_id, sort="updated_at", descending=True, offset=4, limit=2)

    assert [row["erp_id"] for row in first.rows] == ["p4", "p3"]
    assert [row["erp_id"] for row in last.rows] == ["p0"]
    assert first.total == last.total == 5


def test_the_search_finds_either_sides_number_and_takes_no_character_for_a_wildcard(store):
    connection_id = a_connection(store)
    some_links(store, connection_id)

    assert [row["erp_id"] for row in listed(store, "links", connection_id, search="P3").rows] == ["p3"]
    assert [row["erp_id"] for row in listed(store, "links", connection_id, search="103").rows] == ["p3"]
    assert listed(store, "links", connection_id, search="%").total == 0


def test_a_filter_may_name_one_value_or_several(store):
    connection_id = a_connection(store)
    with store.writing() as t:
        for name, status in (("a", "open"), ("b", "conflict"), ("c", "open")):
            t.problems.raise_(connection_id, a_problem(id=name, key=f"payment:{name}", status=status))
        t.problems.set_status("c", "resolved", reason=None, at=NOON)

    assert listed(store, "problems", connection_id, filters={"status": "open"}).total == 1
    assert listed(store, "problems", connection_id, filters={"status": ["open", "conflict"]}).total == 2


def test_one_connection_never_sees_anothers_rows(store):
    mine, other = a_connection(store), a_connection(store, "other")
    with store.writing() as t:
        t.runs.create(a_run(other))
        t.audits.add(other, [an_audit()])
    some_links(store, other, 1)

    for listing in ("runs", "audit", "links", "documents"):
        assert listed(store, listing, mine).total == 0
        assert listed(store, listing, None).total == listed(store, listing, other).total == 1
    assert [row["account_id"] for row in listed(store, "connections", mine).rows] == ["acme"]


def test_rows_without_a_value_come_first_rising_and_last_falling_on_both_databases(store):
    connection_id = a_connection(store)
    with store.writing() as t:
        for name, amount in (("a", 100), ("b", None), ("c", 50)):
            t.problems.raise_(connection_id, a_problem(id=name, key=f"payment:{name}", amount=amount))

    rising = listed(store, "problems", connection_id, sort="amount").rows
    falling = listed(store, "problems", connection_id, sort="amount", descending=True).rows

    assert [row["amount"] for row in rising] == [None, 50, 100]
    assert [row["amount"] for row in falling] == [100, 50, None]


def test_what_no_listing_declares_is_refused(store):
    for wrong in ({"sort": "body"}, {"filters": {"agreed": "x"}}):
        with pytest.raises(LookupError):
            listed(store, "documents", None, **wrong)
    with pytest.raises(LookupError), store.reading() as t:
        t.listings.page("grants", None, filters={}, search=None, sort="id", descending=False, offset=0, limit=1)


def test_a_filter_may_ask_for_what_lies_between_two_instants(store):
    connection_id = a_connection(store)
    with store.writing() as t:
        t.audits.add(connection_id, [an_audit(at=NOON + timedelta(hours=n), number=f"P{n}") for n in range(4)])

    def found(since, until):
        rows = listed(store, "audit", connection_id, sort="seq", filters={"at": Between(since, until)}).rows
        return [row["number"] for row in rows]

    assert found(NOON + timedelta(hours=1), NOON + timedelta(hours=3)) == ["P1", "P2"]
    assert found(None, NOON) == []
    assert found(NOON + timedelta(hours=3), None) == ["P3"]
