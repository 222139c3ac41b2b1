"""Figures for those who run the service: read from the database, so that every process answers the same.

Nothing is labelled by account: there may be thousands, and they are private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.engine.working import Ports, instant
from service.errors import SecretLost
from service.ports import WORKER, Connection, ConnectionState, Figure, Tokens, Transaction

RECENT = timedelta(hours=1)
_ANY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """What `/metrics` shows of the engine.

    `quota` is how many metered calls a month Intuit allows; `tell_calls` brings their count up to date.
    """

    ports: Ports
    quota: int
    tell_calls: Callable[[], None]

    def collect(self) -> list[Figure]:
        """All of them, of one moment."""
        self.tell_calls()
        now = self.ports.clock()
        with self.ports.store.reading() as tx:
            connections = tx.connections.all()
            found = [
                *_of_connections(tx, connections, now),
                *_of_work(tx, now),
                *_of_notices(tx, now),
                *self._of_calls(tx, now),
            ]
        return [*found, *self._of_grants([c for c in connections if _is_connected(c)], now)]

    def _of_calls(self, tx: Transaction, now: datetime) -> list[Figure]:
        labels = ("class", "outcome")
        this_month = tx.tallies.calls(f"{now:%Y-%m}")
        metered = sum(count for (cost, _), count in this_month.items() if cost != "free")
        return [
            Figure("quickbooks_calls", "Calls to QuickBooks so far", tx.tallies.calls(), labels, counter=True),
            _one(
                "quickbooks_metered_calls_this_month", "Reads, queries, CDC and batches since the month began", metered
            ),
            _one("quickbooks_monthly_quota", "Metered calls a month that Intuit allows this app", self.quota),
        ]

    def _of_grants(self, connected: Iterable[Connection], now: datetime) -> list[Figure]:
        """Read one by one: each grant is sealed."""
        ends, lost, oldest = [], 0, 0.0
        for connection in connected:
            try:
                tokens = self.ports.vault.load(connection.id)
            except SecretLost:
                lost += 1
                continue
            if tokens is not None and (end := grant_ends(tokens)) is not None:
                ends.append((end - now).total_seconds())
            if connection.connected_at is not None:
                oldest = max(oldest, (now - connection.connected_at).total_seconds())
        return [
            _maybe(
                "grant_seconds_left", "Until the first grant ends that is not used or renewed", min(ends, default=None)
            ),
            _one("grant_age_seconds", "Since the oldest living consent was given", oldest),
            _one("grants_unreadable", "Grants that none of ENCRYPTION_KEYS opens", lost),
        ]


def grant_ends(tokens: Tokens) -> datetime | None:
    """When a person must have consented again, at the latest; unused, a grant ends sooner than used."""
    return min(filter(None, (tokens.refresh_expires_at, tokens.refresh_hard_expires_at)), default=None)


def lags(connections: Iterable[Connection], now: datetime) -> dict[tuple[str, ...], float]:
    """By side, how far behind the last of the connections is, in seconds; nothing where none was read yet."""
    behind: dict[tuple[str, ...], float] = {}
    for connection in connections:
        for source, mark in connection.watermarks.items():
            side = (source.partition(":")[0],)
            reached = instant(mark)
            if side[0] in ("read", "quickbooks") and reached is not None:
                side = ("erp",) if side[0] == "read" else side
                behind[side] = max(behind.get(side, 0.0), (now - reached).total_seconds())
    return behind


def _of_connections(tx: Transaction, connections: list[Connection], now: datetime) -> list[Figure]:
    states: dict[tuple[str, ...], float] = {(state.value,): 0.0 for state in ConnectionState}
    for connection in connections:
        states[connection.state.value,] += 1
    waiting = sum(1 for c in connections if c.dirty > c.seen)
    lag = lags(filter(_is_connected, connections), now)
    return [
        Figure("connections", "Connections", states, ("state",)),
        _one("waiting_connections", "Connections with notices that are not worked off", waiting),
        Figure("lag_seconds", "How far behind the connection is that is furthest behind", lag, ("side",)),
        *_of_tie_outs(tx, filter(_is_connected, connections)),
        Figure("problems", "Problems that wait for a person", tx.tallies.problems(), ("code",)),
    ]


def _of_tie_outs(tx: Transaction, connected: Iterable[Connection]) -> list[Figure]:
    """As the last sync of each left it."""
    newest = tx.tie_outs.newest()
    kept = [newest[each.id] for each in connected if each.id in newest]
    difference, differing = sum(each.apart for each in kept), sum(each.differing for each in kept)
    return [
        _one("tie_out_difference_cents", "What both books differ by, company by company", difference),
        _one("tie_out_differing_companies", "Companies whose two books differ", differing),
    ]


def _of_work(tx: Transaction, now: datetime) -> list[Figure]:
    times = tx.tallies.run_times(now - RECENT)
    took: dict[tuple[str, ...], list[float]] = {}
    for kind, started, finished in times:
        took.setdefault((kind,), []).append(((finished or now) - started).total_seconds())
    due = [tx.connections.by_id(each) for each in tx.connections.due(now)]
    seen = tx.heartbeats.last(WORKER)
    age = (now - seen).total_seconds() if seen else None
    return [
        Figure("runs", "Runs that are kept; a look that found nothing is not", tx.tallies.runs(), ("kind", "state")),
        Figure(
            "run_mean_seconds",
            "Runs of the last hour and those under way: how long on average",
            {kind: sum(each) / len(each) for kind, each in took.items()},
            ("kind",),
        ),
        Figure(
            "run_longest_seconds",
            "Runs of the last hour and those under way: the longest",
            {kind: max(each) for kind, each in took.items()},
            ("kind",),
        ),
        _maybe(
            "worker_heartbeat_age_seconds", "Since a worker process showed itself; nothing with embedded workers", age
        ),
        _one(
            "due_seconds", "How long the connection that waits longest has waited for a worker", _longest_due(due, now)
        ),
    ]


def _longest_due(due: Iterable[Connection], now: datetime) -> float:
    return max((max(0.0, (now - max(c.not_before, min(c.sweep_at, now))).total_seconds()) for c in due), default=0.0)


def _of_notices(tx: Transaction, now: datetime) -> list[Figure]:
    oldest = tx.tallies.oldest_waiting()
    newest = {source: tx.tallies.newest_notice(source) for source in ("erp", "quickbooks")}
    ages: dict[tuple[str, ...], float] = {
        (source,): (now - at).total_seconds() for source, at in newest.items() if at is not None
    }
    ignored: dict[tuple[str, ...], float] = {}
    for (source, reason), count in tx.tallies.ignored().items():
        key = (source, reason.partition(":")[0])  # which entity it was is Intuit's choice of words
        ignored[key] = ignored.get(key, 0.0) + count
    return [
        _one(
            "oldest_waiting_change_seconds",
            "Since the oldest notice came that is not worked off, of connected connections",
            (now - oldest).total_seconds() if oldest else 0.0,
        ),
        Figure("notices", "Webhooks that are kept", tx.tallies.notices(), ("source", "state")),
        Figure("last_notice_age_seconds", "Since the last webhook came", ages, ("source",)),
        Figure("notices_ignored", "Webhooks that nobody here wanted", ignored, ("source", "reason"), counter=True),
    ]


def _is_connected(connection: Connection) -> bool:
    return connection.state is ConnectionState.CONNECTED


def _one(name: str, about: str, value: float) -> Figure:
    return Figure(name, about, {_ANY: value})


def _maybe(name: str, about: str, value: float | None) -> Figure:
    return Figure(name, about, {} if value is None else {_ANY: value})
