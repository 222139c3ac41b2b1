"""Secrets at rest: unreadable in the database, bound to their row, rotated without a stop, refreshed one at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update
from store_builders import KEY, LATER, NOON, PROCESSES, a_connection, noon

from service.ports import Tokens
from service.store import SqlStore, open_store
from service.store.cipher import Cipher, Unreadable
from service.store.database import make_engine
from service.store.migrate import upgrade
from service.store.tables import connections, grants

TOKENS = Tokens("access-canary", "refresh-canary", NOON + timedelta(hours=1), LATER, None)


def test_a_grant_is_kept_replaced_and_forgotten(store: SqlStore):
    connection_id = a_connection(store)
    assert store.vault.load(connection_id) is None

    store.vault.save(connection_id, TOKENS)
    assert store.vault.load(connection_id) == TOKENS

    rotated = replace(TOKENS, refresh="rotated", refresh_hard_expires_at=LATER)
    store.vault.save(connection_id, rotated)
    assert store.vault.load(connection_id) == rotated

    store.vault.forget(connection_id)
    assert store.vault.load(connection_id) is None


def test_no_secret_can_be_read_in_the_database_file(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/books.db"
    upgrade(url)
    store = open_store(url, [KEY], noon)
    with store.writing() as t:
        connection_id = t.connections.create("acme", "visible-name", "erp-key-canary").id
        t.access.create_token("erp", "erp", "api-token-canary", NOON)
        t.access.remember("connect", "connect-link-canary", connection_id, LATER)
    store.vault.save(connection_id, TOKENS)
    store.close()

    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert b"visible-name" in content
    assert b"canary" not in content


def test_a_grant_moved_to_another_row_is_refused(durable_store: SqlStore, durable_url: str):
    """Whoever can write the database cannot make one account work in another's books."""
    ours, theirs = a_connection(durable_store, "ours"), a_connection(durable_store, "theirs")
    durable_store.vault.save(theirs, TOKENS)
    engine = make_engine(durable_url)
    with engine.begin() as connection:
        connection.execute(update(grants).values(connection_id=ours))
    engine.dispose()

    with pytest.raises(Unreadable):
        durable_store.vault.load(ours)


def test_one_kind_of_secret_cannot_stand_for_another():
    cipher = Cipher([KEY])
    sealed = cipher.seal(1, "erp_api_key", "secret")

    with pytest.raises(Unreadable):
        cipher.unseal(1, "grant", sealed)


def test_after_a_rotation_the_old_key_is_not_needed(durable_url: str):
    new_key = Fernet.generate_key().decode()
    old = open_store(durable_url, [KEY], noon)
    connection_id = a_connection(old)
    old.vault.save(connection_id, TOKENS)
    both, only_new = open_store(durable_url, [new_key, KEY], noon), open_store(durable_url, [new_key], noon)

    with pytest.raises(Unreadable):
        only_new.vault.load(connection_id)
    assert both.rotate_keys() == 2

    assert only_new.vault.load(connection_id) == TOKENS
    with only_new.reading() as t:
        assert t.connections.erp_api_key(connection_id) == "key of acme"
    with pytest.raises(Unreadable):
        old.vault.load(connection_id)
    for store in (old, both, only_new):
        store.close()


@pytest.mark.parametrize("keys", [[], ["not-a-key-canary"]])
def test_a_store_does_not_open_without_a_usable_key_and_never_repeats_it(keys: list[str]):
    with pytest.raises(ValueError, match="encryption key") as refused:
        open_store("sqlite://", keys, noon)

    assert "canary" not in str(refused.value)


def test_tokens_do_not_show_when_printed():
    assert "canary" not in repr(TOKENS)


def test_of_eight_threads_one_at_a_time_refreshes_a_grant(durable_store: SqlStore):
    connection_id = a_connection(durable_store)
    inside, overlaps = threading.Semaphore(1), []

    def refresh(_: int) -> None:
        with durable_store.vault.locked(connection_id):
            overlaps.append(not inside.acquire(blocking=False))
            inside.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refresh, range(24)))

    assert overlaps == [False] * 24


def test_two_connections_are_refreshed_beside_each_other(store: SqlStore):
    with store.vault.locked(a_connection(store, "ours")), store.vault.locked(a_connection(store, "theirs")):
        pass


def test_a_grant_is_read_and_kept_while_it_is_locked(store: SqlStore):
    connection_id = a_connection(store)

    with store.vault.locked(connection_id):
        store.vault.save(connection_id, TOKENS)

    assert store.vault.load(connection_id) == TOKENS


def _add_one_under_the_lock(url: str, key: str, connection_id: int, times: int) -> None:
    """In a process of its own: reads, then writes in another transaction, which only the lock makes safe."""
    store = open_store(url, [key], noon)
    for _ in range(times):
        with store.vault.locked(connection_id):
            kept = store.vault.load(connection_id)
            store.vault.save(connection_id, replace(kept, refresh=str(int(kept.refresh) + 1)))
    store.close()


def test_of_two_processes_one_at_a_time_refreshes_a_grant(durable_store: SqlStore, durable_url: str):
    connection_id = a_connection(durable_store)
    durable_store.vault.save(connection_id, replace(TOKENS, refresh="0"))
    work = (durable_url, KEY, connection_id, 20)
    others = [PROCESSES.Process(target=_add_one_under_the_lock, args=work) for _ in range(2)]

    for process in others:
        process.start()
    for process in others:
        process.join(timeout=30)

    assert [process.exitcode for process in others] == [0, 0]
    assert durable_store.vault.load(connection_id).refresh == "40"


def test_what_is_stored_of_an_erp_key_is_not_the_key(durable_store: SqlStore, durable_url: str):
    a_connection(durable_store)
    engine = make_engine(durable_url)

    with engine.connect() as connection:
        assert "key of acme" not in connection.execute(select(connections.c.erp_api_key)).scalar_one()
    engine.dispose()
