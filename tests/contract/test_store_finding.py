"""Problems by cause, stored notices, and everything that a pasted number may mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from databases import fresh_postgres
from sqlalchemy import text
from store_builders import EPOCH, KEY, LATER, NOON, a_connection, a_notice, a_problem, a_record, a_row, an_object, noon

from service.ports import Hit
from service.store import SqlStore, open_store
from service.store.database import make_engine
from service.store.migrate import upgrade


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def test_problems_of_one_cause_are_summed_by_currency(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    found = [
        ("1", "USD", 1050, "open"),
        ("2", "USD", 50, "conflict"),
        ("3", "EUR", 700, "open"),
        ("4", None, None, "open"),
    ]
    with store.writing() as t:
        for n, currency, amount, status in found:
            t.problems.raise_(
                acme,
                a_problem(
                    id=n, key=f"payment:{n}", cause_group="g", currency=currency, amount=amount, status=status,
                    first_seen=LATER if n == "1" else NOON, last_seen=LATER,
                ),
            )  # fmt: skip
        t.problems.raise_(other, a_problem(id="5", cause_group="g"))
        t.problems.raise_(acme, a_problem(id="6", key="payment:6", cause_group="g"))
        t.problems.set_status("6", "dismissed", reason="done", at=LATER)

    with store.reading() as t:
        [group] = t.problems.groups(acme)
        everywhere = t.problems.groups()
        members = t.problems.of_group(acme, "g")

    assert (group.count, group.conflicts, group.amounts) == (4, 1, {"USD": 1100, "EUR": 700})
    assert (group.first_seen, group.last_seen, group.example.id) == (NOON, LATER, "4")
    assert [(each.connection_id, each.count) for each in everywhere] == [(acme, 4), (other, 1)]
    assert [each.id for each in members] == ["1", "2", "3", "4"]


def test_notices_are_paged_newest_first_and_may_be_worked_again(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    with store.writing() as t:
        t.inbox.add(a_notice(acme), dedupe=None)
        t.inbox.add(a_notice(acme, state="quarantined"), dedupe=None)
        t.inbox.add(a_notice(None, state="quarantined"), dedupe=None)
        t.inbox.add(a_notice(other, state="quarantined"), dedupe=None)
        [new] = t.inbox.new(acme)
        t.inbox.finish([new.id], "done")

    with store.writing() as t:
        page = t.inbox.page(acme, states=["done", "quarantined"], cursor=None, limit=9)
        assert [each.state for each in page.data] == ["quarantined", "done"]
        assert len(t.inbox.page(None, states=["quarantined"], cursor=None, limit=9).data) == 3
        assert (t.inbox.quarantined_count(acme), t.inbox.quarantined_count(other)) == (2, 2)
        assert t.inbox.get(new.id) == replace(new, state="done")
        t.inbox.reopen(new.id)
        assert [each.id for each in t.inbox.new(acme)] == [new.id]


def test_one_name_leads_to_records_documents_and_objects_numbers_first(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    with store.writing() as t:
        t.records.upsert(
            acme, [a_record("145", kind="INVOICE", number="INV-1"), a_record("p1", kind="PAYMENT", number="145")]
        )
        t.records.upsert(other, [a_record("x", kind="INVOICE", number="145")])
        t.id_map.save(acme, EPOCH, a_row(), NOON)
        t.objects.upsert(acme, EPOCH, [an_object("145"), an_object("7", number="145"), an_object("145", entity="Item")])

    with store.reading() as t:
        found = t.finder.find(["145"], connection_id=acme, limit=9)
        everywhere = t.finder.find(["145"], connection_id=None, limit=9)
        few = t.finder.find(["145"], connection_id=None, limit=2)

    assert found == [
        Hit(acme, "number", "PAYMENT", "p1"),
        Hit(acme, "number", entity="Payment", quickbooks_id="7"),
        Hit(acme, "erp_id", "INVOICE", "145"),
    ]
    assert {(hit.connection_id, hit.erp_id) for hit in everywhere} >= {(acme, "p1"), (other, "x")}
    assert len(few) == 2


def test_a_quickbooks_id_leads_to_its_record_and_only_in_the_current_epoch(store: SqlStore, acme: int):
    with store.writing() as t:
        t.id_map.save(acme, EPOCH, a_row(), NOON)
        t.objects.upsert(acme, EPOCH, [an_object("145"), an_object("146")])

    with store.writing() as t:
        assert t.finder.find(["145"], connection_id=None, limit=9) == [
            Hit(acme, "quickbooks_id", "PAYMENT", "p1", "Payment", "145")
        ]
        assert t.finder.find(["PMT-1"], connection_id=None, limit=9)[0].erp_id == "p1"
        assert t.finder.find(["146"], connection_id=None, limit=9)[0].entity == "Payment"
        t.connections.update(acme, epoch=EPOCH + 1)
        assert t.finder.find(["145", "146"], connection_id=None, limit=9) == []
        assert t.finder.find(["p1"], connection_id=None, limit=9) == [Hit(acme, "erp_id", "PAYMENT", "p1")]


def test_companies_are_found_by_a_part_of_their_name_whatever_the_case(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    named = {"c1": "Sunset Dispensary", "c2": "100% Green", "c3": "100x Green"}
    with store.writing() as t:
        t.records.upsert(acme, [a_record(i, kind="COMPANY", number=name) for i, name in named.items()])
        t.records.upsert(other, [a_record("c4", kind="COMPANY", number="SUNSET North"), a_record("s", number="sunset")])

    with store.reading() as t:
        assert {h.erp_id for h in t.finder.companies("sunset", connection_id=None, limit=9)} == {"c1", "c4"}
        assert {h.erp_id for h in t.finder.companies("sunset", connection_id=other, limit=9)} == {"c4"}
        assert {h.erp_id for h in t.finder.companies("100% g", connection_id=acme, limit=9)} == {"c2"}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_there_before_can_be_found_after_the_migration(database: str, tmp_path: Path):
    """Objects get their numbers out of their bodies; a problem from before stays a cause of its own."""
    if database == "sqlite":
        _grows_up(f"sqlite:///{tmp_path}/old.db")
        return
    with fresh_postgres() as url:
        _grows_up(url)


def _grows_up(url: str) -> None:
    upgrade(url, "0001")
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_CONNECTION), {"noon": NOON.replace(tzinfo=None)})
        connection.execute(text(_PROBLEM), {"noon": NOON.replace(tzinfo=None)})
        for n in range(1201):
            connection.execute(text(_OBJECT), {"id": str(n), "body": f'{{"Id": "{n}", "DocNumber": "N{n}"}}'})
    engine.dispose()

    upgrade(url)

    store = open_store(url, [KEY], noon)
    with store.reading() as t:
        assert [hit.quickbooks_id for hit in t.finder.find(["N1200"], connection_id=None, limit=9)] == ["1200"]
        assert [group.count for group in t.problems.groups(1)] == [1]
    store.close()


_CONNECTION = """INSERT INTO connections (id, account_id, name, erp_api_key, state, epoch, two_way, settings,
    watermarks, lists, dirty, seen, claim, claimed_until, sweep_at, not_before, created_at)
    VALUES (1, 'acme', 'Acme', '', 'connected', 1, false, '{}', '{}', '{}', 0, 0, 0, :noon, :noon, :noon, :noon)"""
_PROBLEM = """INSERT INTO problems (id, connection_id, subject, status, code, cause, what_to_do, choices, first_seen,
    last_seen, attempts) VALUES ('p', 1, 's', 'open', 'closed_books', 'Closed.', 'Open them.', '[]', :noon, :noon, 1)"""
_OBJECT = """INSERT INTO objects (connection_id, epoch, entity, object_id, deleted, body)
    VALUES (1, 1, 'Invoice', :id, false, :body)"""
