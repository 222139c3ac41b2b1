"""What the engine needs of the world, in our words. Adapters implement these; nothing here knows any of them.

Raw records and objects are `Raw`: JSON objects read with exact decimals (numbers are int or Decimal, never float).
Instants are aware UTC datetimes; amounts are integer cents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

Raw = Mapping[str, Any]
Clock = Callable[[], datetime]


# ---------------------------------------------------------------------------------------------- QuickBooks


class Operation(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    VOID = "void"


@dataclass(frozen=True)
class QuickBooksWrite:
    """One write, exactly as it was noted in the journal: `body` is the JSON text that is sent, byte for byte."""

    entity: str
    operation: Operation
    body: str
    request_id: str


@dataclass(frozen=True)
class Condition:
    """One `property operator value` of a query; all conditions must hold. Values are quoted and escaped by the
    adapter."""

    field: str
    operator: Literal["=", "<", ">", "<=", ">=", "IN", "LIKE"]
    value: str | bool | Sequence[str]


@dataclass(frozen=True)
class Changes:
    """What changed in one QuickBooks company since an instant.

    `objects` are (entity, object) whole; `deleted` are (entity, id). `complete_to` is QuickBooks' own time of the
    answer:
    everything up to then is in here, except for the entities named in `capped` (1,000 rows: more may have been cut
    off).
    """

    objects: Sequence[tuple[str, Raw]]
    deleted: Sequence[tuple[str, str]]
    complete_to: datetime
    capped: frozenset[str] = frozenset()


@dataclass
class CallCount:
    """Calls made to QuickBooks: `free` single writes, `metered` reads, queries, CDC and batches."""

    free: int = 0
    metered: int = 0


class QuickBooks(Protocol):
    """One QuickBooks company, as much of it as the engine needs. Entities are spelled as in JSON: `CreditMemo`.

    Every method may raise `Unreachable`, `Throttled`, `Disconnected` and `Refused`.
    """

    calls: CallCount

    def company_info(self) -> Raw: ...
    def preferences(self) -> Raw: ...
    def read(self, entity: str, entity_id: str) -> Raw:
        """Raises `Gone` when it was deleted."""

    def query(self, entity: str, where: Sequence[Condition] = (), *, with_inactive: bool = False) -> Iterator[Raw]:
        """Every match, page after page ordered by Id, each page one metered call."""

    def changes(self, entities: Sequence[str], since: datetime) -> Changes:
        """One CDC call. Raises `Refused` with code `window_too_old` when `since` is over 30 days ago."""

    def write(self, write: QuickBooksWrite) -> Raw:
        """Send once and answer the object as QuickBooks now holds it (for a delete its stub).

        The same request id sent twice takes effect once, as long as QuickBooks remembers it.
        Raises `UnknownOutcome` when no usable answer came; `Stale` (5010); `Gone` (610); `Refused`.
        """

    def write_many(self, writes: Sequence[QuickBooksWrite]) -> list[Raw | Exception]:
        """One `/batch` of at most 25 writes: an answer or a SyncError for each, in the order given."""


@dataclass(frozen=True)
class Tokens:
    """One grant. Never logged; encrypted at rest."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_expires_at: datetime = field()
    refresh_expires_at: datetime | None = None
    refresh_hard_expires_at: datetime | None = None


class TokenVault(Protocol):
    """Where a connection's grant is kept. `locked` holds a lock across processes: one refresh at a time."""

    def load(self, connection_id: int) -> Tokens | None: ...
    def save(self, connection_id: int, tokens: Tokens) -> None: ...
    def forget(self, connection_id: int) -> None: ...
    def locked(self, connection_id: int) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class LaneRules:
    """`count` lanes to each company. In one lane calls go one at a time and start `apart_s` seconds apart, batches
    `batches_apart_s`; a holder that is not heard of for `hold_s` seconds is dead."""

    count: int
    apart_s: float
    batches_apart_s: float
    hold_s: float


@dataclass(frozen=True)
class Lane:
    """The right to one call, for its time."""

    realm_id: str
    number: int
    holder: str


class Lanes(Protocol):
    """The ways to each QuickBooks company, shared by whoever calls it: the only place where its limits are counted."""

    def take(self, realm_id: str, rules: LaneRules, *, batch: bool) -> Lane | float:
        """A lane, or the seconds after which it makes sense to ask again."""

    def give_back(self, lane: Lane) -> None:
        """The call is over. Never raises: it follows an answer that must not be lost."""


class QuickBooksDoor(Protocol):
    """Opens one company with the grant of a connection."""

    def open(self, connection_id: int, realm_id: str) -> QuickBooks: ...


class Consent(Protocol):
    """Intuit's OAuth, as much of it as connecting and disconnecting need."""

    def authorize_url(self, state: str) -> str: ...
    def exchange(self, code: str) -> Tokens:
        """Once per code. Raises `Refused` (code `consent_failed`) or `Unreachable`."""

    def revoke(self, tokens: Tokens) -> None: ...
    def company_info(self, tokens: Tokens, realm_id: str) -> Raw:
        """CompanyInfo read with a grant that no connection holds yet."""


# ---------------------------------------------------------------------------------------------------- ERP


class Erp(Protocol):
    """One account's books in the ERP. `kind` is `company`, `invoice`, `payment`, `credit`, `return` or `refund`.

    Every method may raise `Unreachable`, `Throttled`, `Disconnected` (the key is dead) and `Refused` (the ERP's own
    sentence).
    """

    @property
    def calls(self) -> int:
        """Requests made so far, repeated ones too."""

    def changed(self, kind: str, since: datetime | None) -> Iterator[Raw]:
        """Records with `updated_datetime` at or after `since` (all when None), deleted ones included, page after
        page."""

    def by_ids(self, kind: str, ids: Iterable[str]) -> list[Raw]:
        """Those of the records that exist, deleted ones included; 200 ids a call."""

    def void_payment(self, payment_id: str) -> Raw: ...
    def cancel_credit(self, credit_id: str, *, delete_uses: bool) -> Raw: ...
    def declare_credit_memo(self, quickbooks_id: str, body: Raw) -> Raw:
        """The whole state of one QuickBooks credit memo; answers `{credit}`. Raises `Stale` (409)."""

    def declare_payment(self, quickbooks_id: str, body: Raw) -> Raw:
        """The whole state of one QuickBooks payment; answers `{payments, credits}`. Raises `Stale` (409)."""

    def put_links(self, links: Sequence[Raw]) -> list[str]:
        """Any number of links, 500 a call; answers the ids that the ERP does not have."""

    def create_company(self, body: Raw) -> Raw: ...


class ErpDoor(Protocol):
    """Opens one account's books with its key."""

    def open(self, account_id: str, api_key: str) -> Erp: ...


# -------------------------------------------------------------------------------------------------- store


class ConnectionState(StrEnum):
    NEW = "new"
    CONNECTED = "connected"
    NEEDS_REAUTHORISATION = "needs_reauthorisation"
    SOFT_DISCONNECTED = "soft_disconnected"
    HARD_DISCONNECTED = "hard_disconnected"


@dataclass(frozen=True)
class Connection:
    """An account tied to one QuickBooks company.

    `watermarks`: up to which instant (ISO 8601) each source is read: `erp:<kind>` and `quickbooks`.
    `lists`: QuickBooks' own lists and preferences as last read (items, accounts, payment methods, preferences), by
    name.
    """

    id: int
    account_id: str
    name: str
    state: ConnectionState
    realm_id: str | None
    quickbooks_company: str | None
    epoch: int
    two_way: bool
    settings: Mapping[str, Any]
    connected_at: datetime | None
    watermarks: Mapping[str, str]
    lists: Mapping[str, Any]
    dirty: int
    seen: int
    sweep_at: datetime
    not_before: datetime
    created_at: datetime


@dataclass(frozen=True)
class Claim:
    """The right to write one connection: every commit made under it checks that `number` is still the newest."""

    connection_id: int
    number: int
    dirty: int


@dataclass(frozen=True)
class Record:
    """One ERP record as last read. `wanted`: `None` made before the connection and untouched since, so left alone;
    `touched` changed since; `asked` a person asked for it (mass re-sync)."""

    kind: str
    erp_id: str
    company_id: str | None
    number: str | None
    updated_at: datetime | None
    deleted: bool
    wanted: str | None
    body: Raw


@dataclass(frozen=True)
class QboObject:
    """One QuickBooks object as last seen. `touched_at`: our own write moved it as a side effect at that instant.
    `number`: its document number, or its name."""

    entity: str
    id: str
    customer_id: str | None
    sync_token: str | None
    updated_at: datetime | None
    deleted: bool
    touched_at: datetime | None
    body: Raw
    number: str | None = None


@dataclass(frozen=True)
class Row:
    """One document of the ID map: the shared key, what stands for it in QuickBooks, what both last held.

    `agreed` and `echo` are the document as JSON in the ERP's and in QuickBooks' words when both were last in step.
    `records` are the ERP records that it stands for, (kind, id), e.g. ("PAYMENT", "…"), ("CREDIT", "…").
    """

    key: str
    kind: str
    company_id: str | None
    quickbooks_type: str | None
    quickbooks_id: str | None
    agreed: Raw | None
    echo: Raw | None
    status: str
    message: str | None
    generation: int
    records: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Link:
    """One ERP record beside its QuickBooks document, as the contract shows it."""

    kind: str
    erp_id: str
    erp_number: str | None
    quickbooks_type: str | None
    quickbooks_id: str | None
    quickbooks_number: str | None
    status: str
    message: str | None
    epoch: int
    updated_at: datetime


@dataclass(frozen=True)
class Intent:
    """One write noted before it is sent. `state`: noted, answered, refused or abandoned. `sent_at`: when it last left
    without being answered."""

    id: int
    run_id: str | None
    key: str
    write: QuickBooksWrite
    document: Raw | None
    state: str
    created_at: datetime
    sent_at: datetime


@dataclass(frozen=True)
class Problem:
    """What a person must look at. One open row for (key, code); `fingerprint` names the very step that was refused.

    `cause_group` names the cause that it shares with others, `pattern` is the cause without what names the record.
    """

    id: str
    status: str
    code: str
    key: str | None
    kind: str | None
    erp_id: str | None
    quickbooks_id: str | None
    number: str | None
    company_id: str | None
    amount: int | None
    cause: str
    what_to_do: str
    choices: tuple[str, ...]
    quickbooks_code: str | None
    intuit_tid: str | None
    erp: Raw | None
    quickbooks: Raw | None
    agreed: Raw | None
    fingerprint: str | None
    first_seen: datetime
    last_seen: datetime
    attempts: int
    currency: str | None = None
    cause_group: str | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class ProblemGroup:
    """What is open on one connection with one cause. `amounts` in cents by currency; `example` is the newest."""

    connection_id: int
    cause_group: str
    count: int
    conflicts: int
    first_seen: datetime
    last_seen: datetime
    amounts: Mapping[str, int]
    example: Problem


@dataclass(frozen=True)
class Hit:
    """What bears a name that was looked for: an ERP record (`kind`, `erp_id`), or a QuickBooks object without one.
    `by`: `number`, `name`, `erp_id` or `quickbooks_id`."""

    connection_id: int
    by: str
    kind: str | None = None
    erp_id: str | None = None
    entity: str | None = None
    quickbooks_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One job on a connection. `params` is what was asked; `cursor` where a resumed run goes on; `phase` what it is
    busy with, in words; `pace` the last moments at which it moved (see `engine.pace`)."""

    id: str
    connection_id: int
    kind: str
    state: str
    trigger: str
    params: Raw
    done: int = 0
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    free_calls: int = 0
    metered_calls: int = 0
    erp_calls: int = 0
    problems: int = 0
    error: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    cancel_requested: bool = False
    cursor: Raw = field(default_factory=dict)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    phase: str | None = None
    pace: Sequence[Sequence[Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Who or what changed which record where, when and why. Append-only."""

    at: datetime
    actor: str
    action: str
    side: str
    key: str | None = None
    kind: str | None = None
    erp_id: str | None = None
    quickbooks_id: str | None = None
    number: str | None = None
    company_id: str | None = None
    amount: int | None = None
    why: str
    run_id: str | None = None
    before: Raw | None = None
    after: Raw | None = None
    id: int | None = None
    seq: int | None = None
    hash: str | None = None


@dataclass(frozen=True)
class Chain:
    """Where a connection's audit ends: how many rows were ever written, and the hash of the last (None: no row)."""

    rows: int
    hash: str | None


@dataclass(frozen=True)
class ChainCheck:
    """A walk along the audit: `rows` fit, the last of them with this hash. `broken_at` is the first row that does not
    fit, and `fault` says in words what is wrong with it; None where all fit."""

    rows: int
    hash: str | None
    at: datetime
    broken_at: int | None
    fault: str | None


@dataclass(frozen=True)
class Tied:
    """One company's A/R and credits in both books, in cents. `explained` are the documents that add up to the
    difference: `{kind, erp_id, quickbooks_id, number, amount, cause}`, the amount in cents.

    Without `company_id` it is a customer that only QuickBooks knows; without `quickbooks_id` a company without one.
    """

    company_id: str | None
    name: str
    quickbooks_id: str | None
    erp_ar: int = 0
    quickbooks_ar: int = 0
    quickbooks_balance: int | None = None
    erp_credit: int = 0
    quickbooks_credit: int = 0
    explained: tuple[Raw, ...] = ()

    @property
    def difference(self) -> int:
        return self.erp_ar - self.quickbooks_ar

    @property
    def subject(self) -> str:
        return f"company:{self.company_id}" if self.company_id else f"customer:{self.quickbooks_id}"


@dataclass(frozen=True)
class KeptTieOut:
    """The tie-out as a sync left it: totals in cents, how many companies there were and how many of them differed, and
    where the audit ended then. `apart` adds the companies' differences up whichever side has more: what one company
    owes does not pay for another."""

    epoch: int
    at: datetime
    run_id: str | None
    erp_ar: int
    quickbooks_ar: int
    erp_credit: int
    quickbooks_credit: int
    apart: int
    companies: int
    differing: int
    audit_rows: int
    audit_hash: str | None

    @property
    def difference(self) -> int:
        return self.erp_ar - self.quickbooks_ar


@dataclass(frozen=True)
class Notice:
    """A webhook as it came. `body` is the raw text; `state`: new, done, ignored or quarantined."""

    id: int
    source: str
    connection_id: int | None
    type: str | None
    event: str | None
    entity_id: str | None
    occurred_at: datetime | None
    body: str
    state: str
    error: str | None
    received_at: datetime


@dataclass(frozen=True)
class Page:
    """One page of a list; `next_cursor` is opaque, None at the end."""

    data: Sequence[Any]
    next_cursor: str | None


@dataclass(frozen=True)
class Hint:
    """One event of a webhook: where to look. `owner` is the realm that it speaks of; None where the address says it."""

    owner: str | None
    type: str
    event: str
    entity_id: str
    occurred_at: datetime | None
    record: Raw | None = None
    deleted_id: str | None = None


class UnreadableNotice(Exception):
    """A signed body that says something else than a webhook should; `hints` are the parts that could be read."""

    def __init__(self, reason: str, hints: Sequence[Hint] = ()) -> None:
        super().__init__(reason)
        self.hints = tuple(hints)


class NoticeReader(Protocol):
    """One side's webhooks: are they its own, and what do they say."""

    def is_signed(self, body: bytes, signature: str) -> bool: ...
    def read(self, body: bytes) -> list[Hint]:
        """Raises `UnreadableNotice`."""


class Connections(Protocol):
    def get(self, account_id: str) -> Connection | None: ...
    def by_id(self, connection_id: int) -> Connection: ...
    def by_realm(self, realm_id: str) -> list[Connection]:
        """Connections whose live grant is for this company (`connected` or `needs_reauthorisation`) or that keep their
        place on it (`soft_disconnected`)."""

    def all(self) -> list[Connection]: ...
    def page(self, cursor: str | None, limit: int) -> Page: ...
    def create(self, account_id: str, name: str, erp_api_key: str) -> Connection: ...
    def update(self, connection_id: int, **changes: Any) -> Connection:
        """Any of: name, erp_api_key (encrypted at rest), state, realm_id, quickbooks_company, epoch, two_way, settings,
        connected_at, watermarks, lists, sweep_at, not_before. `watermarks` and `lists` are merged key by key."""

    def erp_api_key(self, connection_id: int) -> str: ...
    def mark_dirty(self, connection_id: int) -> None: ...
    def due(self, now: datetime) -> list[int]:
        """Those that `claim` would give: nobody's, past `not_before`, and dirty or past `sweep_at` or with a queued
        run. Who was served longest ago comes first."""

    def claim(
        self, connection_id: int, now: datetime, until: datetime, *, force: bool = False, by: str | None = None
    ) -> Claim | None:
        """Take the right to write; None when somebody holds it or nothing is due. `force` takes it when nothing is due
        and before `not_before`, never from a living holder. `by` names the holder, for `free`."""

    def release(self, claim: Claim, *, seen: int | None) -> None:
        """Give the right back; `seen`: the `dirty` up to which the work is done (None: not done, still due)."""

    def free(self, connection_id: int, by: str) -> None:
        """Take the right from a holder that is known to be dead. One that only slept finds itself replaced."""

    def clear_claims(self) -> None:
        """At the start of the only process that owns an SQLite file."""

    def sweep_all(self) -> None:
        """Both sides are read as a whole with the next look at each connection that is connected."""


class Records(Protocol):
    """The ERP's records as last read."""

    def upsert(self, connection_id: int, records: Sequence[Record]) -> list[Record]:
        """Store what is newer (or equal in time and different); answer those that changed. `wanted` only ever rises
        (None < touched < asked). A record without `updated_at` is always newer."""

    def of_company(self, connection_id: int, company_id: str) -> list[Record]:
        """All kinds, deleted ones included."""

    def get(self, connection_id: int, kind: str, erp_id: str) -> Record | None: ...
    def many(self, connection_id: int, kind: str, ids: Iterable[str]) -> list[Record]: ...
    def of_kind(self, connection_id: int, kind: str) -> Iterator[Record]: ...
    def set_wanted(self, connection_id: int, kind: str, ids: Iterable[str], wanted: str | None) -> None: ...
    def clear(self, connection_id: int) -> None:
        """Forget the mirror: everything is read anew."""

    def company_ids(self, connection_id: int) -> list[str]: ...


class Objects(Protocol):
    """QuickBooks' objects as last seen, of one epoch."""

    def upsert(self, connection_id: int, epoch: int, objects: Sequence[QboObject]) -> list[QboObject]:
        """Store them; answer those that differ from what was kept (an object with an older `updated_at` is not
        stored)."""

    def of_customer(self, connection_id: int, epoch: int, customer_id: str) -> list[QboObject]:
        """All entities of one customer, deleted ones included (a deleted one keeps its last body)."""

    def get(self, connection_id: int, epoch: int, entity: str, object_id: str) -> QboObject | None: ...
    def of_entity(self, connection_id: int, epoch: int, entity: str) -> Iterator[QboObject]: ...
    def of_entities(self, connection_id: int, epoch: int, entities: Iterable[str]) -> list[QboObject]:
        """All objects of a few short lists, in one look."""

    def numbered(self, connection_id: int, epoch: int, numbers: Collection[str]) -> list[QboObject]:
        """All that bear one of these numbers, whoever their customer is."""

    def touch(self, connection_id: int, epoch: int, entity: str, object_id: str, at: datetime) -> None: ...
    def customer_ids(self, connection_id: int, epoch: int) -> list[str]: ...


class Marks(Protocol):
    """Companies whose books must be compared: durable, so that a crash between reading and comparing loses nothing."""

    def add(self, connection_id: int, company_ids: Iterable[str]) -> None: ...
    def pending(self, connection_id: int) -> dict[str, int]:
        """Company id → mark number."""

    def done(self, connection_id: int, company_id: str, mark: int) -> None:
        """Forget the mark, unless a newer one came meanwhile."""

    def clear(self, connection_id: int) -> None: ...


class IdMap(Protocol):
    def of_company(self, connection_id: int, epoch: int, company_id: str) -> list[Row]: ...
    def get(self, connection_id: int, epoch: int, key: str) -> Row | None: ...
    def by_quickbooks(self, connection_id: int, epoch: int, quickbooks_type: str, quickbooks_id: str) -> Row | None: ...
    def owners(
        self, connection_id: int, epoch: int, entities: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], str | None]:
        """The company of each of these QuickBooks documents (type, id); those that no row stands for are left out."""

    def by_record(self, connection_id: int, epoch: int, kind: str, erp_id: str) -> Row | None: ...
    def by_records(self, connection_id: int, epoch: int, records: Collection[tuple[str, str]]) -> list[Row]:
        """The documents that stand for any of these records (kind, ERP id)."""

    def of_kind(self, connection_id: int, epoch: int, kind: str) -> Iterator[Row]: ...
    def save(self, connection_id: int, epoch: int, row: Row, at: datetime) -> None:
        """Insert or update by (connection, epoch, key), its records with it. The database refuses a second row for a
        QuickBooks id, and a record in two rows: raises `AlreadyLinked`."""

    def set_status(
        self,
        connection_id: int,
        epoch: int,
        kind: str,
        erp_id: str,
        *,
        status: str,
        message: str | None,
        number: str | None,
        company_id: str | None,
        key: str,
        at: datetime,
    ) -> bool:
        """The sync status that the ERP shows beside one record; answers whether it changed. A changed one is unpushed.
        Works for a record that has no document yet (parked): then it has a link without a QuickBooks id."""

    def statuses(
        self, connection_id: int, epoch: int, company_id: str
    ) -> dict[tuple[str, str], tuple[str, str | None]]:
        """(status, message) as shown beside each record (kind, id) of one company."""

    def unpushed(self, connection_id: int, epoch: int, limit: int) -> list[Link]: ...
    def pushed(self, connection_id: int, epoch: int, links: Sequence[Link]) -> None: ...
    def unpush(self, connection_id: int, epoch: int) -> None:
        """Every link is shown to the ERP anew."""

    def clear(self, connection_id: int, epoch: int) -> None:
        """Forget one epoch's rows and links: only for a restore, where an older epoch takes its place."""

    def links(
        self,
        connection_id: int,
        *,
        kind: str | None = None,
        erp_id: str | None = None,
        quickbooks_id: str | None = None,
        status: str | None = None,
        epoch: int | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Pages of `Link`, every epoch unless one is named."""

    def count(self, connection_id: int, epoch: int) -> int: ...


class AlreadyLinked(Exception):
    """One QuickBooks document would stand for two documents of ours, or one record for two documents."""


class Journal(Protocol):
    def note(
        self,
        connection_id: int,
        epoch: int,
        *,
        run_id: str | None,
        key: str,
        write: QuickBooksWrite,
        document: Raw | None,
        at: datetime,
    ) -> Intent: ...
    def unanswered(self, connection_id: int, epoch: int) -> list[Intent]: ...
    def sent(self, intent_id: int, at: datetime) -> None:
        """It is sent again; or, where that sending was answered, the one before it is the last without an answer."""

    def close(
        self,
        intent_id: int,
        *,
        state: str,
        answer: str | None,
        quickbooks_id: str | None,
        intuit_tid: str | None,
        error: str | None,
        at: datetime,
    ) -> None: ...
    def answered_count(self, connection_id: int, epoch: int, key: str) -> int:
        """Writes of this document that got a definite answer, success or refusal: the next one's generation."""


class Problems(Protocol):
    def raise_(self, connection_id: int, problem: Problem, *, run_id: str | None = None) -> Problem:
        """Open it, or count another attempt on the open one of the same (key, code); both keep the first id. `run_id`
        is the run that met it."""

    def settle(
        self,
        connection_id: int,
        key: str | None,
        *,
        codes: Iterable[str] | None = None,
        except_codes: Iterable[str] = (),
        at: datetime,
    ) -> int:
        """Mark the open ones of this key (those codes only, when given) resolved; answers how many."""

    def settle_all(self, connection_id: int, *, except_codes: Iterable[str] = (), at: datetime) -> None: ...
    def get(self, problem_id: str) -> tuple[int, Problem] | None: ...
    def open_of_company(self, connection_id: int, company_id: str) -> list[Problem]: ...
    def open(self, connection_id: int) -> list[Problem]: ...
    def page(
        self, connection_id: int, *, statuses: Sequence[str], code: str | None, cursor: str | None, limit: int
    ) -> Page: ...
    def set_status(self, problem_id: str, status: str, *, reason: str | None, at: datetime) -> Problem: ...
    def count(self, connection_id: int) -> int:
        """Open and conflict."""

    def groups(self, connection_id: int | None = None, cause_group: str | None = None) -> list[ProblemGroup]:
        """Open and conflict by connection and cause, the largest first; of one connection, of one cause."""

    def of_group(self, connection_id: int, cause_group: str) -> list[Problem]:
        """Open and conflict, oldest first."""


class Runs(Protocol):
    def create(self, run: Run) -> Run: ...
    def get(self, run_id: str) -> Run | None: ...
    def queued(self, connection_id: int) -> list[Run]:
        """Queued and interrupted (`running` of a claim that ended) runs, oldest first."""

    def active(self, connection_id: int, kind: str) -> Run | None:
        """The queued, running or held run of this kind, if any."""

    def update(self, run_id: str, **changes: Any) -> Run: ...
    def page(self, connection_id: int, cursor: str | None, limit: int) -> Page: ...
    def last(self, connection_id: int, kind: str | None = None) -> Run | None: ...
    def delete(self, run_id: str) -> None: ...


class Audits(Protocol):
    """Append-only and hash-chained: each row's hash covers its content and the hash of the row before it."""

    def add(self, connection_id: int, entries: Sequence[Audit]) -> None: ...
    def page(
        self,
        connection_id: int,
        *,
        record: str | None = None,
        run: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None,
        limit: int,
    ) -> Page:
        """Newest first. `record` matches a document key, an ERP id, a QuickBooks id or a number; `since` is inclusive,
        `until` is not."""

    def chain(self, connection_id: int) -> Chain: ...
    def check(self, connection_id: int, *, since: ChainCheck | None = None) -> ChainCheck:
        """Walk the chain from its first row; with `since`, an earlier walk that found no fault, from where it ended."""

    def remember_check(self, connection_id: int, check: ChainCheck) -> None: ...
    def last_check(self, connection_id: int) -> ChainCheck | None: ...
    def row_hash(self, connection_id: int, seq: int) -> str | None: ...
    def hashed(self, connection_id: int, first: int, last: int) -> Iterator[tuple[str, str]]:
        """(the very text that a row's hash covers, the hash) of the rows from `first` to `last`."""


class TieOuts(Protocol):
    """What syncs left: each company's figures whenever they changed, and totals at the end of a sync."""

    def keep(
        self, connection_id: int, epoch: int, tied: Sequence[Tied], *, gone: Iterable[str] = (), at: datetime
    ) -> None:
        """These figures hold from now on; subjects that are `gone` count no more. The same is not kept twice. A moment
        that is not after the last sync's counts as the one right after it: order outlives a clock that went back."""

    def moved_since(self, connection_id: int, epoch: int, moment: datetime | None) -> bool:
        """Whether figures changed after `moment` (None: whether there are any)."""

    def close(self, connection_id: int, epoch: int, *, run_id: str | None, chain: Chain, at: datetime) -> KeptTieOut:
        """Keep the totals of everything as it is now."""

    def last(self, connection_id: int, epoch: int) -> KeptTieOut | None: ...
    def current(self, connection_id: int, epoch: int, subject: str) -> Tied | None: ...
    def newest(self) -> dict[int, KeptTieOut]:
        """The last one of every connection's present epoch, by connection id."""

    def as_of(self, connection_id: int, moment: datetime) -> KeptTieOut | None:
        """The last one at or before `moment`, of whatever epoch."""

    def history(
        self, connection_id: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[KeptTieOut]:
        """Oldest first, both ends included."""

    def companies(self, connection_id: int, kept: KeptTieOut) -> list[Tied]:
        """Every company's figures at that sync, by name."""

    def drop(self, connection_id: int, kept: Sequence[KeptTieOut]) -> None:
        """Forget these, and the figures that no other one needs."""


class Inbox(Protocol):
    def add(self, notice: Notice, *, dedupe: str | None) -> bool:
        """Store the raw body durably; False when `dedupe` (a hash) is known already."""

    def new(self, connection_id: int) -> list[Notice]: ...
    def finish(self, ids: Iterable[int], state: str, error: str | None = None) -> None: ...
    def count_ignored(self, source: str, reason: str) -> None: ...
    def get(self, notice_id: int) -> Notice | None: ...
    def page(self, connection_id: int | None, *, states: Sequence[str], cursor: str | None, limit: int) -> Page:
        """Newest first; of every connection where none is named."""

    def reopen(self, notice_id: int) -> None:
        """Back among the new ones, to be worked again."""

    def quarantined(self) -> list[Notice]: ...
    def quarantined_count(self, connection_id: int) -> int:
        """Those of one connection, and those that nobody can tell whose they are."""


class Finder(Protocol):
    """Looks in both mirrors and the ID map at once."""

    def find(self, names: Sequence[str], *, connection_id: int | None, limit: int) -> list[Hit]:
        """What bears one of these names, numbers first, each once; QuickBooks' part of it in the current epoch."""

    def companies(self, part: str, *, connection_id: int | None, limit: int) -> list[Hit]:
        """Companies with this in their name, whatever the case."""


@dataclass(frozen=True)
class PlanRow:
    """One thing that a plan would do. `amount` in cents."""

    action: str
    kind: str | None
    erp_id: str | None
    quickbooks_id: str | None
    number: str | None
    company_id: str | None
    amount: int
    reason: str
    gl_effect: Raw | None


@dataclass(frozen=True)
class PlanCompany:
    """One company as a plan finds and leaves it: A/R in cents on both sides, and what else is known of its books."""

    company_id: str
    name: str | None
    quickbooks_id: str | None
    erp_before: int | None
    erp_after: int | None
    quickbooks_before: int | None
    quickbooks_after: int | None
    facts: Raw


@dataclass(frozen=True)
class KeptPlan:
    """A plan as it was shown. `summary`: its `totals` as the contract has them, and more of what it found;
    `outdated_at`: when the books were found to have moved on; `run_id`: the run that carried it out."""

    id: str
    connection_id: int
    kind: str
    fingerprint: str
    summary: Raw
    params: Raw
    created_at: datetime
    outdated_at: datetime | None
    run_id: str | None


class Plans(Protocol):
    """Rows and companies are kept one by one, so that a plan of any size is looked through page by page."""

    def save(
        self,
        connection_id: int,
        kind: str,
        fingerprint: str,
        *,
        summary: Raw,
        companies: Sequence[PlanCompany],
        params: Raw,
        at: datetime,
    ) -> str:
        """Answers the plan's id. It counts as outdated until it is `ready`: its rows come in transactions of their
        own, for they may be many."""

    def add_rows(self, connection_id: int, plan_id: str, first: int, rows: Sequence[PlanRow]) -> None:
        """`first` is the place of the first of these rows in the plan."""

    def ready(self, plan_id: str) -> None: ...

    def get(self, plan_id: str) -> KeptPlan | None: ...
    def latest(self, connection_id: int, kind: str) -> KeptPlan | None: ...
    def carried_out(self, plan_id: str, run_id: str) -> None: ...
    def outdated(self, plan_id: str, at: datetime) -> None: ...
    def forget(self, connection_id: int, *, before: datetime) -> int:
        """Plans made before then that nobody carried out, with their rows; answers how many."""


@dataclass(frozen=True)
class Done:
    """What a run did: so many of one action, and over how many cents."""

    action: str
    side: str
    kind: str | None
    count: int
    amount: int


@dataclass(frozen=True)
class CauseCount:
    """Problems of one code that a run met: how many, how many of them are still open, and over how many cents."""

    code: str
    cause: str
    what_to_do: str
    count: int
    still_open: int
    amount: int


@dataclass(frozen=True)
class Carried:
    """Records of one kind that an epoch had linked, as a later one has them: `same` on the same QuickBooks document,
    `missing` on none."""

    kind: str
    count: int
    same: int
    missing: int


class Summaries(Protocol):
    """What reports and previews say in one line, counted by the database."""

    def done(self, connection_id: int, run_id: str) -> list[Done]: ...
    def causes(self, connection_id: int, run_id: str) -> list[CauseCount]:
        """The most frequent first."""

    def links(self, connection_id: int, epoch: int) -> dict[str, int]:
        """Records with a QuickBooks document, by kind."""

    def carried(self, connection_id: int, epoch: int, into: int) -> list[Carried]: ...
    def records(self, connection_id: int) -> dict[str, int]:
        """Records of the ERP that are not deleted, by kind."""

    def records_since(self, connection_id: int, at: datetime) -> dict[str, int]:
        """Records of the ERP that changed since then, deleted ones too, by kind."""

    def objects_since(self, connection_id: int, epoch: int, at: datetime) -> dict[str, int]:
        """QuickBooks objects that changed since then, by entity."""


class Access(Protocol):
    """API tokens (kept as hashes), single-use connect links and OAuth states."""

    def token_role(self, token: str) -> tuple[str, str] | None:
        """(name, role) of a living token."""

    def create_token(self, name: str, role: str, token: str, at: datetime) -> None: ...
    def list_tokens(self) -> list[tuple[str, str, datetime, datetime | None]]:
        """(name, role, created, revoked)"""

    def revoke_token(self, name: str, at: datetime) -> bool: ...
    def remember(self, purpose: str, value: str, connection_id: int, expires_at: datetime) -> None: ...
    def forget(self, purpose: str, connection_id: int) -> None:
        """Whatever of it was not used yet is used up."""

    def redeem(self, purpose: str, value: str, now: datetime) -> int | None:
        """The connection id, once; None when unknown, used or expired."""


@dataclass(frozen=True)
class User:
    """Somebody who may sign in to the console. `subject` is the name that an identity provider knows them by."""

    id: int
    name: str
    role: str
    password_hash: str | None = field(repr=False)
    subject: str | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True)
class Session:
    """One browser signed in. `seen_at` is written now and then, not with every request."""

    user: User
    started_at: datetime
    seen_at: datetime


class Users(Protocol):
    """Who may sign in, who is signed in (sessions are kept as hashes), and who failed to. Names differ by more than
    case."""

    def add(self, name: str, role: str, *, password_hash: str | None, subject: str | None, at: datetime) -> User:
        """Raises `UserExists`."""

    def by_id(self, user_id: int) -> User | None: ...
    def by_name(self, name: str) -> User | None: ...
    def by_subject(self, subject: str) -> User | None: ...
    def all(self) -> list[User]:
        """By name."""

    def update(self, user_id: int, **changes: Any) -> User:
        """Any of: role, password_hash, disabled_at."""

    def begin_session(self, user_id: int, token: str, at: datetime) -> None: ...
    def session(self, token: str) -> Session | None: ...
    def see(self, token: str, at: datetime) -> None: ...
    def end_session(self, token: str) -> None: ...
    def end_sessions(self, user_id: int, *, but: str | None = None) -> None:
        """All of one user, `but` the one with this token."""

    def sweep_sessions(self, *, started_before: datetime, seen_before: datetime) -> None:
        """Forget those that are over either way."""

    def failures(self, subject: str) -> tuple[int, datetime] | None:
        """How often in a row, and when last; nobody else counts until this transaction ends. `subject` is whatever the
        caller counts by."""

    def count_failure(self, subject: str, at: datetime) -> int: ...
    def forget_failures(self, subject: str) -> None: ...


class UserExists(Exception):
    """Somebody of that name, or of that subject, is there already."""


class Passwords(Protocol):
    """How passwords are kept, and which are refused."""

    def hash(self, password: str) -> str: ...
    def matches(self, password: str, password_hash: str | None) -> bool:
        """Takes as long where there is no hash, so that the time tells nobody whether a name exists."""

    def weakness(self, password: str, known: Sequence[str]) -> str | None:
        """Why it is too easy to guess, in a sentence; `known` are words that an attacker would try first."""


@dataclass(frozen=True)
class Listed:
    """One page of a listing as plain values (cents, instants), and how many rows there are on all pages."""

    rows: Sequence[Mapping[str, Any]]
    total: int


@dataclass(frozen=True)
class Between:
    """A filter's value: from `since` (inclusive) to `until` (exclusive), either end open."""

    since: datetime | None
    until: datetime | None


class Listings(Protocol):
    """Everything that is shown as a table, filtered, searched, sorted and paged by the database.

    Which listings there are and what each can be asked is declared in one place; everything else raises LookupError.
    """

    def page(
        self,
        listing: str,
        connection_id: int | None,
        *,
        filters: Mapping[str, Any],
        search: str | None,
        sort: str,
        descending: bool,
        offset: int,
        limit: int,
    ) -> Listed:
        """`filters` are column → value (a list: one of these; `Between`); `search` is looked for within the listing's
        own searchable columns, whatever its case. Rows that sort alike keep one order. None: of all connections."""


@dataclass(frozen=True)
class Figure:
    """One figure for `/metrics`: a number for each combination of its labels; a `counter` only ever grows."""

    name: str
    about: str
    values: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = ()
    counter: bool = False


Counts = dict[tuple[str, ...], int]
CallKey = tuple[str, str, str, str]
"""(month as 2026-11, realm, cost: free, metered or batch, outcome: answered, refused, throttled, failed or lost)"""


class Tallies(Protocol):
    """What those who run the service look at: counted over all connections, never told by account."""

    def problems(self) -> Counts:
        """Open and conflict, by code."""

    def runs(self) -> Counts:
        """By (kind, state)."""

    def run_times(self, since: datetime) -> list[tuple[str, datetime, datetime | None]]:
        """(kind, started, finished) of runs that are under way or ended since then."""

    def notices(self) -> Counts:
        """By (source, state)."""

    def ignored(self) -> Counts:
        """Notices that nobody here wanted, by (source, reason)."""

    def oldest_waiting(self) -> datetime | None:
        """When the oldest notice came that a connected connection has not worked off."""

    def newest_notice(self, source: str) -> datetime | None: ...
    def found_by_sweeps(self, since: datetime) -> set[str]:
        """What sweeps did since then, in a plan's words for an action: what no webhook had told of."""

    def add_calls(self, calls: Mapping[CallKey, int]) -> None: ...
    def calls(self, month: str | None = None) -> Counts:
        """By (cost, outcome), of one month or of all."""


@dataclass(frozen=True)
class Calls:
    """Calls to QuickBooks within a month: `free` single writes, `metered` everything else."""

    free: int = 0
    metered: int = 0


class Figures(Protocol):
    """Figures by connection id, over all connections at once. A connection without one is left out."""

    def problem_codes(self) -> dict[int, dict[str, int]]:
        """How many problems of each code are open (conflicts too)."""

    def waiting_since(self) -> dict[int, datetime]:
        """When the oldest change came that is not in both books yet: a notice not worked, a write not answered, a
        record that waits."""

    def last_successes(self) -> dict[int, datetime]:
        """When the last run that went well was over."""

    def calls(self, month: str) -> dict[int, Calls]:
        """`month` as `2026-03`, in UTC."""


WORKER = "worker"
"""The sign of life of workers in processes of their own."""


class Heartbeats(Protocol):
    """When something that should always be at work was last seen to be."""

    def beat(self, name: str, at: datetime) -> None: ...
    def last(self, name: str) -> datetime | None: ...


class Transaction(Protocol):
    connections: Connections
    records: Records
    objects: Objects
    marks: Marks
    id_map: IdMap
    journal: Journal
    problems: Problems
    runs: Runs
    audits: Audits
    tie_outs: TieOuts
    inbox: Inbox
    plans: Plans
    summaries: Summaries
    access: Access
    users: Users
    listings: Listings
    figures: Figures
    finder: Finder
    tallies: Tallies
    heartbeats: Heartbeats


class Store(Protocol):
    """The service's own database. Transactions are short; none is ever held open across a call."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A read-only look."""

    def writing(
        self, claim: Claim | None = None, *, until: datetime | None = None
    ) -> AbstractContextManager[Transaction]:
        """Commits at the end, rolls back on an error. With a claim: raises `Replaced` when it is not the newest any
        more,
        and extends the lease to `until`."""

    def rotate_keys(self) -> int:
        """Re-encrypt every secret with the newest key; answers how many."""

    def inspect_keys(self) -> tuple[int, int]:
        """How many secrets no key opens, and how many an older key alone."""


class Dispatcher(Protocol):
    """Sees to it that a due connection is worked on soon. The truth is in the store; a lost kick costs one sweep."""

    def kick(self, connection_id: int) -> None: ...
    def start(self) -> None: ...
    def stop(self, timeout_s: float) -> None: ...
    def run_due(self) -> None:
        """Work everything that is due in the calling thread, until nothing is: for tests."""
