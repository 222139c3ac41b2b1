"""Where grants are kept, and the lock under which they are refreshed."""

from __future__ import annotations

import fcntl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime

import simplejson
from sqlalchemy import Engine, bindparam, create_engine, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from service.errors import Unreachable
from service.ports import Clock, Tokens
from service.store.cipher import Cipher
from service.store.database import looking, sqlite_file
from service.store.tables import grants

GRANT = "grant"
_SEALED = select(grants.c.sealed).where(grants.c.connection_id == bindparam("connection"))
_LOCK_SPACE = 0x71626F  # "qbo": our part of PostgreSQL's advisory locks
_LONGEST_WAIT_S = 90  # longer than a refresh with its timeouts may take


class SqlTokenVault:
    """See `service.ports.TokenVault`. Every call is a transaction of its own, never part of another."""

    def __init__(self, engine: Engine, cipher: Cipher, clock: Clock) -> None:
        self._engine = engine
        self._cipher = cipher
        self._clock = clock
        self._in_process: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    def load(self, connection_id: int) -> Tokens | None:
        with looking(self._engine) as connection:
            sealed = connection.execute(_SEALED, {"connection": connection_id}).scalar_one_or_none()
        return _read(self._cipher.unseal(connection_id, GRANT, sealed)) if sealed else None

    def save(self, connection_id: int, tokens: Tokens) -> None:
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        sealed = self._cipher.seal(connection_id, GRANT, _write(tokens))
        values = {"sealed": sealed, "saved_at": self._clock()}
        saved = insert(grants).values(connection_id=connection_id, **values)
        with self._engine.begin() as connection:
            connection.execute(saved.on_conflict_do_update(index_elements=["connection_id"], set_=values))

    def forget(self, connection_id: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(grants).where(grants.c.connection_id == connection_id))

    @contextmanager
    def locked(self, connection_id: int) -> Iterator[None]:
        """One holder at a time, of all threads and processes; a holder that dies lets go. Not re-entrant.

        Raises:
            Unreachable: another held it for longer than any refresh takes.
        """
        with self._guard:
            lock = self._in_process[connection_id]
        if not lock.acquire(timeout=_LONGEST_WAIT_S):
            raise Unreachable(f"the grant of connection {connection_id} is being refreshed by another for too long")
        try:
            with self._between_processes(connection_id):
                yield
        finally:
            lock.release()

    def _between_processes(self, connection_id: int) -> AbstractContextManager[None]:
        if self._engine.dialect.name == "postgresql":
            return _advisory_lock(self._engine, connection_id)
        path = sqlite_file(self._engine)
        return _file_lock(f"{path}.grant-{connection_id}.lock") if path else nullcontext()


@contextmanager
def _advisory_lock(engine: Engine, connection_id: int) -> Iterator[None]:
    """On a session of its own, outside any transaction and outside the pool, which waiting holders could drain."""
    reach = {"connect_timeout": 5}
    own = create_engine(engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=reach)
    with own.connect() as session:
        session.execute(text(f"SET lock_timeout = '{_LONGEST_WAIT_S}s'"))
        try:
            session.execute(select(func.pg_advisory_lock(_LOCK_SPACE, connection_id)))
        except OperationalError as error:
            raise Unreachable(f"the grant of connection {connection_id} is held by another process") from error
        yield  # closing the session lets go of the lock


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file lets go of the lock


def _write(tokens: Tokens) -> str:
    return simplejson.dumps(
        {
            "access": tokens.access,
            "refresh": tokens.refresh,
            "access_expires_at": tokens.access_expires_at.isoformat(),
            "refresh_expires_at": _iso(tokens.refresh_expires_at),
            "refresh_hard_expires_at": _iso(tokens.refresh_hard_expires_at),
        }
    )


def _read(text: str) -> Tokens:
    kept = simplejson.loads(text)
    return Tokens(
        access=kept["access"],
        refresh=kept["refresh"],
        access_expires_at=datetime.fromisoformat(kept["access_expires_at"]),
        refresh_expires_at=_instant(kept["refresh_expires_at"]),
        refresh_hard_expires_at=_instant(kept["refresh_hard_expires_at"]),
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
