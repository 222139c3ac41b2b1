"""Whether the service can do its work: the database answers, no migration is missing, a worker lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from service.ports import WORKER, Clock, Store
from service.settings import Settings
from service.store.migrate import pending

NO_SIGN_OF_LIFE = timedelta(seconds=30)
"""Workers show themselves every two seconds."""


@dataclass(frozen=True)
class Health:
    """What `/readyz` and the doctor look at."""

    store: Store
    settings: Settings
    clock: Clock

    def look(self) -> dict[str, Any]:
        """`ok`, or what is wrong, for each part. Never raises."""
        found = {"database": self._database(), "migrations": self._migrations(), "worker": self._worker()}
        return {"ready": all(value == "ok" for value in found.values()), **found}

    def _database(self) -> str:
        try:
            with self.store.reading() as tx:
                tx.connections.page(None, 1)
        except SQLAlchemyError as error:
            return f"does not answer: {type(error).__name__}"
        return "ok"

    def _migrations(self) -> str:
        if self.settings.on_sqlite and self.settings.database_file is None:
            return "ok"
        try:
            missing = pending(self.settings.database_url.get_secret_value())
        except SQLAlchemyError as error:
            return f"cannot be checked: {type(error).__name__}"
        return "pending: run `qbo-sync migrate`" if missing else "ok"

    def _worker(self) -> str:
        try:
            return self._no_sign_of_life() if self.settings.workers == "external" else self._stuck()
        except SQLAlchemyError:
            return "unknown"

    def _no_sign_of_life(self) -> str:
        with self.store.reading() as tx:
            seen = tx.heartbeats.last(WORKER)
        if seen is None:
            return "none was ever seen: start qbo-sync worker"
        lives = self.clock() - seen < NO_SIGN_OF_LIFE
        return "ok" if lives else f"none lives since {seen:%Y-%m-%dT%H:%M:%SZ}: start qbo-sync worker"

    def _stuck(self) -> str:
        """Work that waits for over five minutes while it is due means that nobody works."""
        now = self.clock()
        with self.store.reading() as tx:
            waiting = [tx.connections.by_id(i) for i in tx.connections.due(now)]
        stuck = [c for c in waiting if (now - max(c.sweep_at, c.not_before)).total_seconds() > 300]
        return f"{len(stuck)} connections wait for a worker" if stuck else "ok"
