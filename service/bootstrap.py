"""The one place where everything is wired."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from uuid import uuid4

import requests

from service.dispatch import EmbeddedDispatcher, ExternalDispatcher
from service.engine.browsing import Browsing
from service.engine.checkup import Checkup
from service.engine.choosing import Choosing
from service.engine.connecting import Connecting
from service.engine.desk import Desk
from service.engine.figures import Figures
from service.engine.intake import Intake
from service.engine.long_work import LongWork
from service.engine.overview import Overview
from service.engine.people import People
from service.engine.problem_desk import ProblemDesk
from service.engine.proofs import Proofs
from service.engine.replaying import Replaying
from service.engine.search import Search
from service.engine.worker import work
from service.engine.working import Ports
from service.erp import notifications as erp_notifications
from service.erp.door import HttpErpDoor
from service.health import Health
from service.logs import log_context
from service.passwords import ArgonPasswords
from service.ports import Clock, Dispatcher, Hint, Passwords, UnreadableNotice
from service.quickbooks import notifications as quickbooks_notifications
from service.quickbooks.app import IntuitApp
from service.quickbooks.door import CompanyOpener, IntuitConsent, IntuitDoor
from service.quickbooks.explanations import explain
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.sizes import INTUITS, AnswerSizes
from service.quickbooks.throttle import InProcessThrottle, LaneThrottle, Throttle
from service.quickbooks.wire import Exchange, log_exchange
from service.settings import Settings, conninfo
from service.store.store import SqlStore, open_store
from service.store.tallies import CallTally


@dataclass(frozen=True)
class World:
    """What the service takes from outside, all of it replaceable: time, chance, the network and how much
    QuickBooks answers at once."""

    clock: Clock = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sessions: Callable[[], requests.Session] = requests.Session
    new_id: Callable[[], str] = lambda: uuid4().hex
    passwords: Passwords = field(default_factory=ArgonPasswords)
    sizes: AnswerSizes = INTUITS


@dataclass(frozen=True)
class Service:
    """The whole, wired."""

    settings: Settings
    store: SqlStore
    dispatcher: Dispatcher
    desk: Desk
    intake: Intake
    figures: Figures
    problem_desk: ProblemDesk
    replaying: Replaying
    search: Search
    ports: Ports
    clock: Clock
    people: People
    browsing: Browsing
    proofs: Proofs
    long_work: LongWork
    overview: Overview
    choosing: Choosing
    connecting: Connecting
    checkup: Checkup


def build(settings: Settings, world: World | None = None) -> Service:
    """Wire a service; nothing is started, no connection is opened but the database's."""
    world = world or World()
    keys = [key.get_secret_value() for key in settings.encryption_keys]
    store = open_store(settings.database_url.get_secret_value(), keys, world.clock, world.new_id)
    calls = CallTally(store, world.clock)
    leaving = Event()
    ports = _ports(settings, world, store, calls, leaving)
    dispatcher = _dispatcher(settings, world, ports, calls, store, leaving)
    connecting = Connecting(ports, settings.public_url)
    health = Health(store, settings, world.clock)
    tokens = {token.get_secret_value(): role for role, token in settings.api_tokens}
    desk = Desk(ports, dispatcher, connecting, bootstrap_tokens=tokens, health=health.look)
    intake = _intake(settings, world, store, dispatcher)
    replaying = Replaying(store, intake)
    return Service(
        settings=settings,
        store=store,
        dispatcher=dispatcher,
        desk=desk,
        figures=Figures(ports, settings.qbo_monthly_quota, calls.tell),
        intake=intake,
        problem_desk=ProblemDesk(ports, desk.retry_companies, replaying),
        replaying=replaying,
        search=Search(ports),
        ports=ports,
        clock=world.clock,
        people=People(store, world.clock, world.passwords),
        browsing=Browsing(store),
        proofs=Proofs(ports),
        long_work=LongWork(ports),
        overview=Overview(store, world.clock),
        choosing=Choosing(ports),
        connecting=connecting,
        checkup=Checkup(ports, settings.public_url, settings.qbo_monthly_quota, lambda: str(health.look()["worker"])),
    )


def _work(ports: Ports, calls: CallTally, connection_id: int, by: str | None = None) -> bool:
    """One connection's work: its log lines carry its id, and its calls are counted at its end."""
    with log_context(connection_id=connection_id):
        goes_on = work(ports, connection_id, by)
        calls.tell()
        return goes_on


def _observer(calls: CallTally) -> Callable[[Exchange], None]:
    def observe(exchange: Exchange) -> None:
        log_exchange(exchange)
        calls.add(exchange.realm_id, exchange.cost, exchange.outcome)

    return observe


def _dispatcher(
    settings: Settings, world: World, ports: Ports, calls: CallTally, store: SqlStore, leaving: Event
) -> Dispatcher:
    work = partial(_work, ports, calls)
    if settings.workers == "embedded":
        return EmbeddedDispatcher(store, work, world.clock, threads=settings.worker_threads, leaving=leaving)
    return ExternalDispatcher(
        store,
        work,
        world.clock,
        conninfo=conninfo(settings.database_url.get_secret_value()),
        transaction=store.driver_transaction,
        threads=settings.worker_threads,
        leaving=leaving,
    )


def _throttle(settings: Settings, world: World, store: SqlStore) -> Throttle:
    """Where several processes call QuickBooks its limits are counted in the database."""
    if settings.workers == "embedded":
        return InProcessThrottle(now=world.monotonic, sleep=world.sleep)
    return LaneThrottle(store.lanes, sleep=world.sleep)


def _ports(settings: Settings, world: World, store: SqlStore, calls: CallTally, leaving: Event) -> Ports:
    app = IntuitApp(
        settings.qbo_client_id,
        settings.qbo_client_secret.get_secret_value(),
        settings.redirect_uri,
        environment=settings.qbo_environment,
        api_url=settings.qbo_api_url,
        timeout_s=settings.qbo_timeout,
    )
    oauth = IntuitOAuth(app, world.sessions, clock=world.clock)
    throttle = _throttle(settings, world, store)
    opener = CompanyOpener(
        app,
        throttle,
        world.sessions,
        sizes=world.sizes,
        clock=world.clock,
        sleep=world.sleep,
        observe=_observer(calls),
    )
    erp = HttpErpDoor(
        settings.erp_api_url,
        max_per_second=settings.erp_max_rps,
        timeout_s=settings.qbo_timeout,
        sessions=world.sessions,
        now=world.monotonic,
        sleep=world.sleep,
    )
    return Ports(
        store=store,
        quickbooks=IntuitDoor(opener, oauth, store.vault, clock=world.clock),
        erp=erp,
        consent=IntuitConsent(opener, oauth),
        vault=store.vault,
        clock=world.clock,
        new_id=world.new_id,
        pause=world.sleep,
        explain=explain,
        reconcile_every=timedelta(seconds=settings.reconcile_interval),
        is_stopping=leaving.is_set,
    )


def _intake(settings: Settings, world: World, store: SqlStore, dispatcher: Dispatcher) -> Intake:
    secrets = tuple(secret.get_secret_value() for secret in settings.erp_webhook_secret)
    return Intake(
        store,
        dispatcher,
        world.clock,
        QuickBooksNotices(settings.qbo_webhook_verifier_token.get_secret_value()),
        ErpNotices(secrets),
    )


@dataclass(frozen=True)
class QuickBooksNotices:
    """Intuit's webhooks as the intake's `NoticeReader`."""

    token: str

    def is_signed(self, body: bytes, signature: str) -> bool:
        return quickbooks_notifications.is_signed(body, signature, self.token)

    def read(self, body: bytes) -> list[Hint]:
        try:
            return _hints(quickbooks_notifications.parse(body))
        except quickbooks_notifications.Unreadable as unreadable:
            raise UnreadableNotice(str(unreadable), _hints(unreadable.events)) from unreadable


def _hints(events: Sequence[quickbooks_notifications.Event]) -> list[Hint]:
    """A merge speaks of two objects: the one that remains, and the one that is gone."""
    hints = []
    for event in events:
        hint = Hint(
            event.realm_id, event.entity, event.operation, event.entity_id, event.at, deleted_id=event.deleted_id
        )
        hints.append(hint)
        if event.deleted_id:
            hints.append(replace(hint, event="delete", entity_id=event.deleted_id, deleted_id=None))
    return hints


@dataclass(frozen=True)
class ErpNotices:
    """The ERP's webhooks as the intake's `NoticeReader`."""

    secrets: tuple[str, ...]

    def is_signed(self, body: bytes, signature: str) -> bool:
        return erp_notifications.is_signed(body, signature, self.secrets)

    def read(self, body: bytes) -> list[Hint]:
        try:
            notice = erp_notifications.parse(body)
        except erp_notifications.Unreadable as unreadable:
            raise UnreadableNotice(str(unreadable)) from unreadable
        return [Hint(None, notice.type, notice.event, notice.id, notice.occurred_at, record=notice.object)]
