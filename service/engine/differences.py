"""The tie-out's difference, kept beside each connection once an hour: too dear to be worked out at every look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mappings.money import cents
from service.engine.views import View
from service.engine.working import instant
from service.ports import Connection, ConnectionState, Store

EVERY = timedelta(hours=1)
_KEPT = "tie_out"


@dataclass(frozen=True)
class Differences:
    """Looks after a connection was worked; `tie_out` is the desk's, by account."""

    store: Store
    tie_out: Callable[[str], View]

    def keep(self, connection_id: int, now: datetime) -> None:
        """Note what both books differ by, where that was not noted for a while."""
        with self.store.reading() as tx:
            connection = tx.connections.by_id(connection_id)
        if connection.state is not ConnectionState.CONNECTED or not _is_old(connection, now):
            return
        companies = self.tie_out(connection.account_id)["companies"]
        kept = {"cents": sum(abs(cents(company["difference"])) for company in companies), "at": now.isoformat()}
        with self.store.writing() as tx:
            tx.connections.update(connection_id, lists={_KEPT: kept})


def kept_difference(connection: Connection) -> int:
    """In cents, of all companies, whichever side has more; 0 where it was never looked at."""
    return int((connection.lists.get(_KEPT) or {}).get("cents") or 0)


def _is_old(connection: Connection, now: datetime) -> bool:
    kept = instant((connection.lists.get(_KEPT) or {}).get("at"))
    return kept is None or now - kept >= EVERY
