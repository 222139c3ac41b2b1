"""One worker's time with one connection: the claim it holds, the doors it opened, the run it is on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import simplejson

from service.engine.pace import moved
from service.errors import Cancelled, TurnOver
from service.ports import (
    Claim,
    Clock,
    Connection,
    Consent,
    Erp,
    ErpDoor,
    QboObject,
    QuickBooks,
    QuickBooksDoor,
    Raw,
    Record,
    Run,
    Store,
    TokenVault,
    Transaction,
)

LEASE = timedelta(seconds=120)
"""How long a claim lives without a commit; every commit of a run extends it."""

TURN = timedelta(seconds=4)
"""How long one connection may work while others wait; it ends at the next step, company or page."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ports:
    """Everything that comes from outside: time and chance, the store, both sides.

    `explain` turns the code of a refusal of QuickBooks' into a cause (with `{said}` for its words) and what to do.
    """

    store: Store
    quickbooks: QuickBooksDoor
    erp: ErpDoor
    consent: Consent
    vault: TokenVault
    clock: Clock
    new_id: Callable[[], str]
    pause: Callable[[float], object]
    explain: Callable[[str], tuple[str, str]]
    reconcile_every: timedelta = timedelta(seconds=300)
    is_stopping: Callable[[], bool] = lambda: False


class Working:
    """The right to write one connection, and everything that writing needs.

    `in_turns`: the run can go on where it was, so it makes room for others after a `TURN`.
    """

    def __init__(
        self, ports: Ports, connection: Connection, claim: Claim, run: Run | None = None, *, in_turns: bool = False
    ) -> None:
        self.ports = ports
        self.connection = connection
        self.claim = claim
        self.run = run
        self.declared = False
        self.cancelled: set[tuple[str, str]] = set()
        """(company, credit) of the ERP, just read to be cancelled: what made the credit may have been deleted."""
        self._in_turns = in_turns
        self._turn_ends = ports.clock() + TURN
        self._places = 0

    @property
    def id(self) -> int:
        return self.connection.id

    @property
    def epoch(self) -> int:
        return self.connection.epoch

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.connection.settings

    def now(self) -> datetime:
        return self.ports.clock()

    def reading(self) -> AbstractContextManager[Transaction]:
        return self.ports.store.reading()

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that commits only while our claim is the newest; raises `Replaced` else."""
        return self.ports.store.writing(self.claim, until=self.now() + LEASE)

    @cached_property
    def quickbooks(self) -> QuickBooks:
        assert self.connection.realm_id is not None
        return self.ports.quickbooks.open(self.id, self.connection.realm_id)

    @cached_property
    def erp(self) -> Erp:
        with self.reading() as tx:
            key = tx.connections.erp_api_key(self.id)
        return self.ports.erp.open(self.connection.account_id, key)

    def update(self, **changes: Any) -> None:
        """Change the connection, and see the change."""
        with self.writing() as tx:
            self.connection = tx.connections.update(self.id, **changes)

    def heed(self) -> None:
        """What a person decided meanwhile, asked at every step boundary: `settings` are as they are now.

        Raises: `Cancelled`, where this run was stopped.
        """
        with self.reading() as tx:
            run = tx.runs.get(self.run.id) if self.run else None
            self.connection = tx.connections.by_id(self.id)
        if run is not None and run.cancel_requested:
            raise Cancelled("A person stopped this run.")

    def is_paused(self, kind: str) -> bool:
        """Whether a person keeps this kind (`INVOICE`, …) from being written, or everything."""
        return not {"ALL", kind}.isdisjoint(self.settings.get("paused") or ())

    # ------------------------------------------------------------------------------------------ turns

    def make_room(self) -> None:
        """Raises `TurnOver` where this run has worked for its time and others may wait, or the process wants to
        leave. Asked where nothing is half done; what the run has reached is kept with it. Never at the first place of
        a turn: however slow the world is, every turn comes one step further."""
        is_over = self._in_turns and self._places > 0 and self.now() >= self._turn_ends
        self._places += 1
        if self.run is not None and (is_over or self.ports.is_stopping()):
            raise TurnOver("Others come first; it goes on by itself.")

    def leave_if_stopping(self) -> None:
        """Raises `TurnOver` where the process wants to leave: asked where going on would mean to begin this part
        anew, between pages."""
        if self.run is not None and self.ports.is_stopping():
            raise TurnOver("The process stops; it goes on after the next start.")

    def begin_long_part(self) -> None:
        """What was prepared at length must be used, or the next turn prepares it again and comes no further."""
        self._turn_ends = max(self._turn_ends, self.now() + TURN / 2)

    def has_reached(self, part: str) -> bool:
        """Whether an earlier turn of this run went past this part already."""
        return bool(self.reached(part))

    def reached(self, part: str) -> Any:
        """What an earlier turn kept of this part."""
        return self.run.cursor.get(part) if self.run is not None and self._in_turns else None

    def reach(self, part: str, kept: Any = True) -> None:
        """Stored with the run when its turn is over; a run that dies begins anew, which is as good."""
        if self.run is not None and self._in_turns:
            self.run = replace(self.run, cursor={**self.run.cursor, part: kept})

    def may_try_again(self, what: str, times: int) -> bool:
        """Whether this run may end now and try `what` anew later: counted with the run, so that another process counts
        on. What it has reached since its last turn is not kept."""
        if self.run is None:
            return False
        with self.writing() as tx:
            kept = tx.runs.get(self.run.id) or self.run
            tried = int(kept.cursor.get(what) or 0)
            if tried < times:
                tx.runs.update(self.run.id, cursor={**kept.cursor, what: tried + 1})
        return tried < times

    def progress(self, *, done: int | None = None, total: int | None = None, phase: str | None = None) -> None:
        """Say how far the run is: seen by whoever follows it. A new `phase` has a pace of its own."""
        with self.writing() as tx:
            self._tell(tx, done=done, total=total, phase=phase)

    def step_done(self, tx: Transaction, count: str) -> None:
        """One step of the run was carried out, and counts as one of its kind."""
        self._tell(tx, done=(self.run.done if self.run else 0) + 1, count=count)

    def _tell(
        self,
        tx: Transaction,
        *,
        done: int | None = None,
        total: int | None = None,
        count: str | None = None,
        phase: str | None = None,
    ) -> None:
        if self.run is None:
            return
        counts = dict(self.run.counts)
        if count:
            counts[count] = counts.get(count, 0) + 1
        done = self.run.done if done is None else done
        known = () if phase and phase != self.run.phase else self.run.pace or ()
        self.run = replace(
            self.run,
            done=done,
            total=max(self.run.total if total is None else total, done),
            counts=counts,
            phase=phase or self.run.phase,
            pace=moved(known, self.now(), done),
        )
        shown = {name: getattr(self.run, name) for name in ("done", "total", "counts", "phase", "pace")}
        tx.runs.update(self.run.id, **shown)


def month_of(at: datetime) -> str:
    """The calendar month that a call counts in, as `2026-03`; nobody says in which zone, so in UTC."""
    return f"{at.astimezone(UTC):%Y-%m}"


def dumps(body: Any) -> str:
    """JSON text with exact decimals, the same text for the same value."""
    return str(simplejson.dumps(body, use_decimal=True, sort_keys=True, separators=(",", ":")))


def digest(*values: Any) -> str:
    """A short stable hash of plain values."""
    return hashlib.sha256("\x00".join(str(value) for value in values).encode()).hexdigest()[:36]


def as_record(kind: str, raw: Raw, connected_at: datetime | None, *, deleted: bool = False) -> Record:
    """An ERP record as it is kept: changed since the connection stands means wanted.

    Raises: `UnreadableRecord`, where not even the record's id can be told.
    """
    if not raw.get("id") or not isinstance(raw["id"], str | int):
        raise UnreadableRecord(f"a record of kind {kind} has no id")
    updated = instant(raw.get("updated_datetime"))
    company = raw.get("company")
    company = company if isinstance(company, Mapping) else {}
    touched = connected_at is not None and updated is not None and updated >= connected_at
    return Record(
        kind=kind,
        erp_id=str(raw["id"]),
        company_id=str(raw["id"]) if kind == "COMPANY" else company.get("id"),
        number=next((str(raw[name]) for name in _NUMBERS if raw.get(name)), None),
        updated_at=updated,
        deleted=deleted or (kind != "COMPANY" and raw.get("deleted_at") is not None),
        wanted="touched" if touched else None,
        body=raw,
    )


class UnreadableRecord(ValueError):
    """A record that cannot even be told apart from others."""


_NUMBERS = ("invoice_number", "payment_number", "credit_number", "return_number", "name")


def as_object(entity: str, raw: Raw, customer_id: str | None) -> QboObject:
    """A QuickBooks object as it is kept."""
    times = raw.get("MetaData") or {}
    return QboObject(
        entity=entity,
        id=str(raw["Id"]),
        customer_id=str(raw["Id"]) if entity == "Customer" else customer_id,
        sync_token=raw.get("SyncToken"),
        updated_at=instant(times.get("LastUpdatedTime") or times.get("CreateTime")),
        deleted=raw.get("status") == "Deleted",
        touched_at=None,
        body=raw,
        number=next((str(raw[name]) for name in _OBJECT_NUMBERS if raw.get(name)), None),
    )


_OBJECT_NUMBERS = ("DocNumber", "PaymentRefNum", "DisplayName")


def instant(value: Any) -> datetime | None:
    """An ISO 8601 text as an aware UTC instant (one without a zone is UTC); None where none can be read."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
