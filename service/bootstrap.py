"""The one place where everything is wired."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from uuid import uuid4

import requests

from service.dispatch import EmbeddedDispatcher, ExternalDispatcher
from service.engine.connecting import Connecting
from service.engine.desk import Desk
from service.engine.intake import Intake
from service.engine.worker import work
from service.engine.working import Ports
from service.erp import notifications as erp_notifications
from service.erp.door import HttpErpDoor
from service.health import Health
from service.ports import Clock, Dispatcher, Hint, UnreadableNotice
from service.quickbooks import notifications as quickbooks_notifications
from service.quickbooks.app import IntuitApp
from service.quickbooks.door import CompanyOpener, IntuitConsent, IntuitDoor
from service.quickbooks.explanations import explain
from service.quickbooks.oauth import IntuitOAuth
from service.quickbooks.throttle import InProcessThrottle, LaneThrottle, Throttle
from service.settings import Settings, conninfo
from service.store.store import SqlStore, open_store


@dataclass(frozen=True)
class World:
    """What the service takes from outside, all of it replaceable: time, chance, the network."""

    clock: Clock = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sessions: Callable[[], requests.Session] = requests.Session
    new_id: Callable[[], str] = lambda: uuid4().hex


@dataclass(frozen=True)
class Service:
    """The whole, wired."""

    settings: Settings
    store: SqlStore
    dispatcher: Dispatcher
    desk: Desk
    intake: Intake
    ports: Ports


def build(settings: Settings, world: World | None = None) -> Service:
    """Wire a service; nothing is started, no connection is opened but the database's."""
    world = world or World()
    keys = [key.get_secret_value() for key in settings.encryption_keys]
    store = open_store(settings.database_url.get_secret_value(), keys, world.clock, world.new_id)
    leaving = Event()
    ports = _ports(settings, world, store, leaving)
    dispatcher = _dispatcher(settings, world, ports, store, leaving)
    connecting = Connecting(ports, settings.public_url)
    health = Health(store, settings, world.clock)
    tokens = {token.get_secret_value(): role for role, token in settings.api_tokens}
    desk = Desk(ports, dispatcher, connecting, bootstrap_tokens=tokens, health=health.look)
    return Service(settings, store, dispatcher, desk, _intake(settings, world, store, dispatcher), ports)


def _dispatcher(settings: Settings, world: World, ports: Ports, store: SqlStore, leaving: Event) -> Dispatcher:
    if settings.workers == "embedded":
        return EmbeddedDispatcher(
            store, partial(work, ports), world.clock, threads=settings.worker_threads, leaving=leaving
        )
    return ExternalDispatcher(
        store,
        partial(work, ports),
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


def _ports(settings: Settings, world: World, store: SqlStore, leaving: Event) -> Ports:
    app = IntuitApp(
        settings.qbo_client_id,
        settings.qbo_client_secret.get_secret_value(),
        settings.redirect_uri,
        environment=settings.qbo_environment,
        api_url=settings.qbo_api_url,
        timeout_s=settings.qbo_timeout,
    )
    oauth = IntuitOAuth(app, world.sessions, clock=world.clock)
    opener = CompanyOpener(app, _throttle(settings, world, store), world.sessions, clock=world.clock, sleep=world.sleep)
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
