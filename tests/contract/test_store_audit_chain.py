"""The audit is append-only and hash-chained: nobody changes or removes a row unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from databases import fresh_postgres
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError
from store_builders import KEY, a_connection, an_audit, noon

from service.ports import ChainCheck
from service.store import SqlStore, open_store
from service.store.database import make_engine
from service.store.migrate import _config, upgrade

THREADS, WRITES = 8, 20


def write(store: SqlStore, connection_id: int, count: int = 3) -> None:
    with store.writing() as t:
        t.audits.add(connection_id, [an_audit(number=f"PMT-{each}") for each in range(1, count + 1)])


def checked(store: SqlStore, connection_id: int, since: ChainCheck | None = None) -> ChainCheck:
    with store.reading() as t:
        return t.audits.check(connection_id, since=since)


def behind_our_back(store: SqlStore, *statements: str) -> None:
    """What somebody does who may do anything in the database, past its refusals."""
    on_postgres = store.engine.dialect.name == "postgresql"
    off = ["ALTER TABLE audit DISABLE TRIGGER USER"] if on_postgres else _drops("update", "delete")
    back = ["ALTER TABLE audit ENABLE TRIGGER USER"] if on_postgres else []
    with store.engine.begin() as connection:
        for statement in (*off, *statements, *back):
            connection.execute(text(statement))


def _drops(*names: str) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS audit_no_{name}" for name in names]


@pytest.fixture
def acme(store: SqlStore) -> int:
    return a_connection(store)


def test_every_row_that_was_written_fits(store: SqlStore, acme: int):
    write(store, acme)
    write(store, acme)

    found = checked(store, acme)

    assert (found.rows, found.fault) == (6, None)
    with store.reading() as t:
        assert t.audits.chain(acme).hash == found.hash


def test_an_audit_without_rows_is_whole(store: SqlStore, acme: int):
    assert checked(store, acme) == ChainCheck(0, None, noon(), None, None)


def test_what_databases_hold_otherwise_than_it_was_said_fits_all_the_same(store: SqlStore, acme: int):
    """Characters that no database keeps, exact decimals, keys in any order, instants to the microsecond."""
    odd = an_audit(
        at=noon().replace(microsecond=120_345),
        why="half \ud83d and \0 nothing",
        before={"b": Decimal("10.50"), "a": [1, None]},
        after={"ü": "—"},
    )
    with store.writing() as t:
        t.audits.add(acme, [odd])

    assert checked(store, acme).fault is None


@pytest.mark.parametrize("statement", ["UPDATE audit SET amount = 1", "DELETE FROM audit"])
def test_the_database_refuses_to_change_or_remove_a_row(store: SqlStore, acme: int, statement: str):
    write(store, acme)

    with pytest.raises(DBAPIError, match="append-only"), store.engine.begin() as connection:
        connection.execute(text(statement))

    assert checked(store, acme).rows == 3


def test_a_changed_row_is_found_and_named(store: SqlStore, acme: int):
    write(store, acme)

    behind_our_back(store, "UPDATE audit SET amount = 1 WHERE seq = 2")

    found = checked(store, acme)
    assert (found.rows, found.broken_at) == (1, 2)
    assert "Row 2 does not fit" in str(found.fault)


def test_a_row_that_was_taken_out_of_the_middle_is_missed(store: SqlStore, acme: int):
    write(store, acme)

    behind_our_back(store, "DELETE FROM audit WHERE seq = 2")

    assert checked(store, acme).fault == "Row 2 is missing: after row 1 comes row 3."


def test_a_last_row_that_was_removed_is_missed(store: SqlStore, acme: int):
    write(store, acme)

    behind_our_back(store, "DELETE FROM audit WHERE seq = 3")

    assert checked(store, acme).fault == "Row 3 is missing: 3 rows were written, 2 are there."


def test_a_last_row_that_was_written_anew_does_not_end_the_chain(store: SqlStore, acme: int):
    """Its hash is right for its content, but it is not the row that the connection remembers."""
    other = a_connection(store, "other")
    write(store, acme, 1)
    write(store, other, 1)

    behind_our_back(store, f"UPDATE connections SET audit_head = 'f00' WHERE id = {acme}")

    assert checked(store, acme).fault == "Row 1 is not the row that was written last."
    assert checked(store, other).fault is None


def test_a_row_of_another_connection_does_not_fit(store: SqlStore, acme: int):
    other = a_connection(store, "other")
    write(store, acme)
    write(store, other)

    behind_our_back(
        store,
        f"DELETE FROM audit WHERE seq = 3 AND connection_id = {acme}",
        f"UPDATE audit SET connection_id = {acme} WHERE seq = 3 AND connection_id = {other}",
    )

    assert checked(store, acme).broken_at == 3


def test_a_second_look_goes_on_where_the_first_ended(store: SqlStore, acme: int):
    write(store, acme)
    first = checked(store, acme)
    write(store, acme)
    behind_our_back(store, "UPDATE audit SET amount = 1 WHERE seq = 1")

    assert checked(store, acme, since=first).rows == 6
    assert checked(store, acme).broken_at == 1


def test_the_last_check_is_remembered(store: SqlStore, acme: int):
    write(store, acme)
    found = checked(store, acme)
    with store.writing() as t:
        t.audits.remember_check(acme, replace(found, rows=1))
        t.audits.remember_check(acme, found)

    with store.reading() as t:
        assert t.audits.last_check(acme) == found


def test_a_write_that_was_rolled_back_leaves_no_gap(store: SqlStore, acme: int):
    write(store, acme)
    with pytest.raises(RuntimeError):
        _fail_after_writing(store, acme)

    write(store, acme)

    found = checked(store, acme)
    assert (found.rows, found.fault) == (6, None)


def _fail_after_writing(store: SqlStore, connection_id: int) -> None:
    with store.writing() as t:
        t.audits.add(connection_id, [an_audit()])
        raise RuntimeError


def test_many_writers_make_one_chain(durable_store: SqlStore):
    """Threads on the same connection, each in its own transactions, some of which touch the connection first."""
    acme = a_connection(durable_store)

    def work(number: int) -> None:
        for turn in range(WRITES):
            with durable_store.writing() as t:
                if (number + turn) % 2:
                    t.connections.mark_dirty(acme)
                t.audits.add(acme, [an_audit(number=f"{number}-{turn}")])
                t.connections.mark_dirty(acme)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))

    found = checked(durable_store, acme)
    assert (found.rows, found.fault) == (THREADS * WRITES, None)


def test_many_rows_cost_no_more_statements_than_one(store: SqlStore, acme: int):
    seen: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *asked: seen.append(asked[2]))

    with store.writing() as t:
        t.audits.add(acme, [an_audit() for _ in range(50)])
        first = len([statement for statement in seen if not statement.startswith(("BEGIN", "PRAGMA"))])
        t.audits.add(acme, [an_audit()])
        second = len([statement for statement in seen if not statement.startswith(("BEGIN", "PRAGMA"))]) - first

    assert (first, second) == (3, 2)


@pytest.mark.parametrize("database", ["sqlite file", "postgresql"])
def test_rows_from_before_the_chain_get_their_place_in_it(database: str, tmp_path: Path):
    if database == "postgresql":
        with fresh_postgres() as url:
            _upgraded_with_rows(url)
    else:
        _upgraded_with_rows(f"sqlite:///{tmp_path}/books.db")


def _upgraded_with_rows(url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for account in (1, 2):
            connection.execute(text(_OLD_CONNECTION), {"id": account})
        for row in range(6):
            connection.execute(text(_OLD_ROW), {"connection": row % 2 + 1, "amount": row})
    engine.dispose()

    upgrade(url)

    store = open_store(url, [KEY], noon)
    write(store, 1)
    assert [(checked(store, each).rows, checked(store, each).fault) for each in (1, 2)] == [(6, None), (3, None)]
    store.close()
    engine = create_engine(url)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE seq = 6"))
    engine.dispose()


_OLD_CONNECTION = """
INSERT INTO connections (id, account_id, name, erp_api_key, state, epoch, two_way, settings, watermarks, lists, dirty,
  seen, claim, claimed_until, sweep_at, not_before, created_at)
VALUES (:id, 'acc-' || CAST(:id AS TEXT), 'n', 'k', 'new', 1, false, '{}', '{}', '{}', 0, 0, 0,
  '2026-01-01 00:00:00.000000+00:00', '2026-01-01 00:00:00.000000+00:00', '2026-01-01 00:00:00.000000+00:00',
  '2026-01-01 00:00:00.000000+00:00')
"""
_OLD_ROW = """
INSERT INTO audit (connection_id, at, actor, action, side, amount, why, after)
VALUES (:connection, '2026-01-01 08:30:00.000123+00:00', 'sync', 'create', 'quickbooks', :amount, 'Größe — new.',
  '{"total": 10.50}')
"""
