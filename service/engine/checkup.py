"""What the doctor asks of the engine: keys, grants, workers, webhooks, the quota. Each finding says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mappings.plan import TO_ERP
from service.engine.figures import grant_ends
from service.engine.working import Ports
from service.errors import SecretLost, SyncError
from service.ports import Connection, ConnectionState, Transaction

ENDS_SOON = timedelta(days=14)
QUIET_FOR = timedelta(days=3)
"""How long a side may send no webhook, while changes are found, before somebody should look."""
MOST_NAMED = 5
_QUOTA_PERCENT = 80

_WEBHOOKS_OF = {
    "erp": "see that the ERP posts to {public_url}/webhooks/erp/<account id>, and that ERP_WEBHOOK_SECRET is right",
    "quickbooks": "in the Intuit app's webhooks, see that the address is {public_url}/webhooks/quickbooks, that the "
    "entities are chosen, and that QBO_WEBHOOK_VERIFIER_TOKEN is its verifier token",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `what_to_do` is empty where all is well."""

    about: str
    ok: bool
    what_to_do: str = ""


@dataclass(frozen=True)
class Checkup:
    """Looks at everything that is kept about the connections, and calls each account's ERP once.

    `worker` answers `ok`, or what is wrong with the workers; `quota` is how many metered calls a month there are.
    """

    ports: Ports
    public_url: str
    quota: int
    worker: Callable[[], str]

    def look(self) -> Iterator[Finding]:
        """One finding after the other; those of a side that must be called come last."""
        now = self.ports.clock()
        lost, old = self.ports.store.inspect_keys()
        yield _keys(lost, old)
        with self.ports.store.reading() as tx:
            connections = tx.connections.all()
            metered = _metered(tx, now)
            quiet = [side for side in _WEBHOOKS_OF if _is_quiet(tx, side, connections, now)]
        yield self._worker()
        yield _consents(connections)
        yield self._grants(connections, now)
        yield from (self._webhooks(side, quiet=side in quiet) for side in _WEBHOOKS_OF)
        yield self._quota(metered)
        yield self._erp_keys(connections)

    def _worker(self) -> Finding:
        said = self.worker()
        advice = "see that qbo-sync serve (WORKERS=embedded) or qbo-sync worker (external) runs, and read its log"
        return Finding("workers", said == "ok", "" if said == "ok" else f"{said}: {advice}")

    def _grants(self, connections: Iterable[Connection], now: datetime) -> Finding:
        ending = [c.account_id for c in connections if _is_connected(c) and self._ends_soon(c, now)]
        advice = "ask for a fresh connect link (POST /api/v1/connections) and have it opened before then"
        return _named("grants", ending, f"end within {ENDS_SOON.days} days", advice)

    def _ends_soon(self, connection: Connection, now: datetime) -> bool:
        try:
            tokens = self.ports.vault.load(connection.id)
        except SecretLost:  # told by the keys already
            return False
        end = grant_ends(tokens) if tokens else None
        return end is not None and end - now < ENDS_SOON

    def _webhooks(self, side: str, *, quiet: bool) -> Finding:
        advice = _WEBHOOKS_OF[side].format(public_url=self.public_url)
        words = f"none came for {QUIET_FOR.days} days, though changes were found without them: {advice}"
        return Finding(f"webhooks of {_NAMES[side]}", not quiet, words if quiet else "")

    def _quota(self, metered: int) -> Finding:
        much = metered * 100 > self.quota * _QUOTA_PERCENT
        advice = "see that webhooks arrive, raise RECONCILE_INTERVAL, or a higher tier at Intuit and QBO_MONTHLY_QUOTA"
        words = f"{metered} of {self.quota} metered calls of this month are used: {advice}"
        return Finding("quota", not much, words if much else "")

    def _erp_keys(self, connections: Iterable[Connection]) -> Finding:
        refused = [c.account_id for c in connections if _is_connected(c) and not self._is_known_at_the_erp(c)]
        advice = "see that the ERP answers, or give the account's key anew (POST /api/v1/connections)"
        return _named("ERP keys", refused, "cannot read their account", advice)

    def _is_known_at_the_erp(self, connection: Connection) -> bool:
        try:
            with self.ports.store.reading() as tx:
                key = tx.connections.erp_api_key(connection.id)
            next(self.ports.erp.open(connection.account_id, key).changed("company", self.ports.clock()), None)
        except SecretLost:  # told by the keys already
            return True
        except SyncError:
            return False
        return True


_NAMES = {"erp": "the ERP", "quickbooks": "QuickBooks"}


def _keys(lost: int, old: int) -> Finding:
    if lost:
        advice = "put the key they were encrypted with back into ENCRYPTION_KEYS, last in the list"
        return Finding("encryption keys", False, f"{lost} stored secrets are opened by none of them: {advice}")
    advice = "run qbo-sync keys rotate, then the older keys may go"
    words = f"{old} stored secrets are encrypted with an older one: {advice}"
    return Finding("encryption keys", not old, words if old else "")


def _consents(connections: Iterable[Connection]) -> Finding:
    gone = [c.account_id for c in connections if c.state is ConnectionState.NEEDS_REAUTHORISATION]
    advice = "have a fresh connect link opened (POST /api/v1/connections)"
    return _named("consents", gone, "are not taken by QuickBooks any more", advice)


def _metered(tx: Transaction, now: datetime) -> int:
    return sum(count for (cost, _), count in tx.tallies.calls(f"{now:%Y-%m}").items() if cost != "free")


def _is_quiet(tx: Transaction, side: str, connections: Iterable[Connection], now: datetime) -> bool:
    """No webhook for days, though connected for as long and though a sweep found changes of this side."""
    since = now - QUIET_FOR
    newest = tx.tallies.newest_notice(side)
    if newest is not None and newest > since:
        return False
    if not any(_is_connected(c) and c.connected_at is not None and c.connected_at <= since for c in connections):
        return False
    to_erp = {action.value for action in TO_ERP}
    return any((action in to_erp) == (side == "quickbooks") for action in tx.tallies.found_by_sweeps(since))


def _is_connected(connection: Connection) -> bool:
    return connection.state is ConnectionState.CONNECTED


def _named(about: str, accounts: list[str], trouble: str, advice: str) -> Finding:
    """The first few by name, and how many more."""
    if not accounts:
        return Finding(about, True)
    more = f" and {len(accounts) - MOST_NAMED} more" if len(accounts) > MOST_NAMED else ""
    return Finding(about, False, f"{', '.join(accounts[:MOST_NAMED])}{more} {trouble}: {advice}")
