"""The service's own database: short transactions, and a fence against workers that were replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, bindparam, update

from service import ports
from service.errors import Replaced
from service.ports import Claim, Clock
from service.store.access import SqlAccess
from service.store.audits import SqlAudits
from service.store.cipher import Cipher
from service.store.connections import SqlConnections
from service.store.database import looking, make_engine, sqlite_file
from service.store.figures import SqlFigures
from service.store.finder import SqlFinder
from service.store.heartbeats import SqlHeartbeats
from service.store.id_map import SqlIdMap
from service.store.inbox import SqlInbox
from service.store.journal import SqlJournal
from service.store.lanes import SqlLanes
from service.store.listings import SqlListings
from service.store.marks import SqlMarks
from service.store.objects import SqlObjects
from service.store.plans import SqlPlans
from service.store.problems import SqlProblems
from service.store.records import SqlRecords
from service.store.repository import Context
from service.store.rotation import inspect_secrets, rotate_secrets
from service.store.runs import SqlRuns
from service.store.summaries import SqlSummaries
from service.store.tables import connections, metadata
from service.store.tallies import SqlTallies
from service.store.tie_outs import SqlTieOuts
from service.store.users import SqlUsers
from service.store.vault import SqlTokenVault

_MINE = (connections.c.id == bindparam("its_id"), connections.c.claim == bindparam("number"))
_HOLD = update(connections).where(*_MINE).values(claim=bindparam("number"))
_EXTEND = update(connections).where(*_MINE).values(claimed_until=bindparam("until"))


@dataclass(slots=True)
class SqlTransaction:
    """The repositories of one transaction."""

    connections: ports.Connections
    records: ports.Records
    objects: ports.Objects
    marks: ports.Marks
    id_map: ports.IdMap
    journal: ports.Journal
    problems: ports.Problems
    runs: ports.Runs
    audits: ports.Audits
    tie_outs: ports.TieOuts
    inbox: ports.Inbox
    plans: ports.Plans
    summaries: ports.Summaries
    access: ports.Access
    users: ports.Users
    listings: ports.Listings
    tallies: ports.Tallies
    figures: ports.Figures
    finder: ports.Finder
    heartbeats: ports.Heartbeats


class SqlStore:
    """See `service.ports.Store`. Safe to share between threads; transactions of one thread must not be nested."""

    def __init__(self, engine: Engine, cipher: Cipher, clock: Clock, new_id: Callable[[], str]) -> None:
        self.engine = engine
        self._cipher = cipher
        self._clock = clock
        self._new_id = new_id
        self.vault: ports.TokenVault = SqlTokenVault(engine, cipher, clock)
        self.lanes: ports.Lanes = SqlLanes(engine, clock if engine.dialect.name == "sqlite" else None)

    @contextmanager
    def reading(self) -> Iterator[ports.Transaction]:
        """As the port says: one moment is seen throughout, and nothing done in it is kept."""
        with looking(self.engine) as connection:
            yield self._transaction(connection)

    @contextmanager
    def writing(self, claim: Claim | None = None, *, until: datetime | None = None) -> Iterator[ports.Transaction]:
        """As the port says. The claim's row is locked first, so a takeover waits until this is committed."""
        with self.engine.begin() as connection:
            if claim is not None:
                _hold(connection, claim, until)
            yield self._transaction(connection)

    @contextmanager
    def driver_transaction(self) -> Iterator[Any]:
        """A short transaction, as the driver's own connection: for what keeps its rows beside ours."""
        with self.engine.begin() as connection:
            yield connection.connection.driver_connection

    def rotate_keys(self) -> int:
        """Re-encrypt every secret with the newest key; answers how many."""
        return rotate_secrets(self.engine, self._cipher)

    def inspect_keys(self) -> tuple[int, int]:
        """How many secrets no key opens, and how many an older key alone."""
        return inspect_secrets(self.engine, self._cipher)

    def close(self) -> None:
        """Let go of every connection to the database."""
        self.engine.dispose()

    def _transaction(self, connection: Connection) -> ports.Transaction:
        context = Context(connection, self._cipher, self._clock, self._new_id)
        return SqlTransaction(
            connections=SqlConnections(context),
            records=SqlRecords(context),
            objects=SqlObjects(context),
            marks=SqlMarks(context),
            id_map=SqlIdMap(context),
            journal=SqlJournal(context),
            problems=SqlProblems(context),
            runs=SqlRuns(context),
            audits=SqlAudits(context),
            tie_outs=SqlTieOuts(context),
            inbox=SqlInbox(context),
            plans=SqlPlans(context),
            summaries=SqlSummaries(context),
            access=SqlAccess(context),
            users=SqlUsers(context),
            listings=SqlListings(context),
            tallies=SqlTallies(context),
            figures=SqlFigures(context),
            finder=SqlFinder(context),
            heartbeats=SqlHeartbeats(context),
        )


def open_store(
    url: str, encryption_keys: Sequence[str], clock: Clock, new_id: Callable[[], str] = lambda: uuid4().hex
) -> SqlStore:
    """The store at `url`. A database in memory gets its tables here; every other from `service.store.migrate`.

    Raises:
        ValueError: no usable encryption key.
    """
    cipher = Cipher(encryption_keys)
    engine = make_engine(url)
    if engine.dialect.name == "sqlite" and sqlite_file(engine) is None:
        metadata.create_all(engine)
    return SqlStore(engine, cipher, clock, new_id)


def _hold(connection: Connection, claim: Claim, until: datetime | None) -> None:
    mine = {"its_id": claim.connection_id, "number": claim.number}
    held = connection.execute(*((_HOLD, mine) if until is None else (_EXTEND, {**mine, "until": until})))
    if held.rowcount == 0:
        raise Replaced(f"another worker took connection {claim.connection_id} over")
