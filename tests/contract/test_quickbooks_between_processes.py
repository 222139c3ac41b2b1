"""Several processes at one QuickBooks company, over real sockets: its limits hold, its grant is refreshed once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from store_builders import KEY, PROCESSES, a_connection

from fixtures.bench.quickbooks import Watched
from fixtures.simulators.quickbooks import QuickBooksSimulator
from fixtures.simulators.serving import serve_in_thread
from service.errors import Disconnected
from service.ports import Tokens
from service.quickbooks.app import IntuitApp
from service.quickbooks.company import QuickBooksCompany
from service.quickbooks.door import CompanyOpener, IntuitDoor
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.throttle import IN_FLIGHT, PER_SECOND, LaneThrottle
from service.store import SqlStore, open_store


@dataclass
class Served:
    """The simulator on a socket, with one company."""

    simulator: QuickBooksSimulator
    watched: Watched
    url: str
    realm_id: str

    def tokens(self, *, good_for: timedelta) -> Tokens:
        pair: dict[str, Any] = self.simulator.tokens.grant(self.realm_id)
        return Tokens(pair["access_token"], pair["refresh_token"], datetime.now(UTC) + good_for)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    simulator = QuickBooksSimulator()
    watched = Watched(simulator.app, latency_s=getattr(request, "param", 0.0))
    company = simulator.create_company(name="Green Leaf Books")
    company.switches.enforce_limits = True
    server = serve_in_thread(watched)
    simulator.base_url = server.url
    yield Served(simulator, watched, server.url, company.realm_id)
    server.stop()


def now() -> datetime:
    return datetime.now(UTC)


def open_company(store: SqlStore, url: str, connection_id: int, realm_id: str) -> QuickBooksCompany:
    """As `service.bootstrap` does for a worker process."""
    environment = f"{url}/.well-known/openid_configuration"
    app = IntuitApp("sim-client", "sim-secret", "http://us.test/callback", environment=environment, api_url=f"{url}/v3")
    opener = CompanyOpener(app, LaneThrottle(store.lanes, patience_s=60))
    return IntuitDoor(opener, IntuitOAuth(app), store.vault).open(connection_id, realm_id)


def _call_in_threads(database: str, key: str, url: str, connection_id: int, realm_id: str, seconds: float) -> None:
    """A worker process with four threads, all at one company."""
    store = open_store(database, [key], now)
    end = time.monotonic() + seconds

    def call() -> None:
        company = open_company(store, url, connection_id, realm_id)
        while time.monotonic() < end:
            company.preferences()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


@pytest.mark.parametrize("served", [0.0, 2.0], ids=["fast answers", "slow answers"], indirect=True)
def test_four_processes_never_exceed_what_quickbooks_allows_one_company(
    served: Served, empty_postgres_url: str
) -> None:
    store = open_store(empty_postgres_url, [KEY], now)
    connection_id = a_connection(store)
    store.vault.save(connection_id, served.tokens(good_for=timedelta(hours=1)))
    work = (empty_postgres_url, KEY, served.url, connection_id, served.realm_id, 2.5)
    workers = [PROCESSES.Process(target=_call_in_threads, args=work) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    store.close()

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert served.watched.peaks["in_flight"] <= IN_FLIGHT
    assert served.watched.peaks["in_a_second"] <= PER_SECOND
    calls = served.simulator.companies[served.realm_id].calls.log
    assert len(calls) > IN_FLIGHT
    assert {status for *_, status in calls} == {200}


# ---------------------------------------------------------------------------------------------- the grant


def _call_once(database: str, key: str, url: str, connection_id: int, realm_id: str) -> None:
    store = open_store(database, [key], now)
    open_company(store, url, connection_id, realm_id).preferences()
    store.close()


def _die_before_saving(database: str, key: str, url: str, connection_id: int, realm_id: str) -> None:
    """Killed between Intuit's answer and our commit."""
    store = open_store(database, [key], now)
    store.vault.save = lambda *_: os._exit(9)  # type: ignore[method-assign]
    open_company(store, url, connection_id, realm_id).preferences()


def in_processes(target: Any, count: int, *work: Any) -> list[int | None]:
    workers = [PROCESSES.Process(target=target, args=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    return [worker.exitcode for worker in workers]


@pytest.mark.parametrize("rotates", [True, False])
def test_processes_that_meet_an_ending_grant_refresh_it_once(
    served: Served, durable_store: SqlStore, durable_url: str, rotates: bool
) -> None:
    served.simulator.tokens.rotate_on_every_refresh = rotates
    connection_id = a_connection(durable_store)
    before = served.tokens(good_for=timedelta(minutes=1))
    durable_store.vault.save(connection_id, before)

    ended = in_processes(_call_once, 4, durable_url, KEY, served.url, connection_id, served.realm_id)

    after = durable_store.vault.load(connection_id)
    assert ended == [0] * 4
    assert after is not None
    assert after.access != before.access
    assert (after.refresh != before.refresh) is rotates
    assert served.simulator.tokens.refreshed == 1
    assert after.refresh in served.simulator.tokens.living()


def test_a_process_killed_before_it_saved_an_unrotated_grant_costs_nothing(
    served: Served, durable_store: SqlStore, durable_url: str
) -> None:
    connection_id = a_connection(durable_store)
    durable_store.vault.save(connection_id, served.tokens(good_for=timedelta(minutes=1)))
    assert in_processes(_die_before_saving, 1, durable_url, KEY, served.url, connection_id, served.realm_id) == [9]

    company = open_company(durable_store, served.url, connection_id, served.realm_id)

    assert company.preferences()


def test_a_process_killed_before_it_saved_a_rotated_grant_leaves_an_honest_disconnection(
    served: Served, durable_store: SqlStore, durable_url: str
) -> None:
    """The only copy of the new token died with it, and the old one is dead too: a person connects again. The lock died
    as well, so nobody waits for it; and the stored pair is not thrown away by guess."""
    served.simulator.tokens.rotate_on_every_refresh = True
    connection_id = a_connection(durable_store)
    kept = served.tokens(good_for=timedelta(minutes=1))
    durable_store.vault.save(connection_id, kept)
    assert in_processes(_die_before_saving, 1, durable_url, KEY, served.url, connection_id, served.realm_id) == [9]

    with pytest.raises(Disconnected) as lost:
        open_company(durable_store, served.url, connection_id, served.realm_id).preferences()

    assert lost.value.code == "grant_expired"
    assert durable_store.vault.load(connection_id) == kept
    again = served.tokens(good_for=timedelta(hours=1))
    durable_store.vault.save(connection_id, again)
    assert open_company(durable_store, served.url, connection_id, served.realm_id).preferences()
