"""Webhooks: verified, stored as they came, answered; the work is done later. A notice says only where to look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from service.engine.reading import CONCERNS, LISTS, TRANSACTIONS
from service.engine.working import instant
from service.errors import Reason, Rejected
from service.ports import Clock, Connection, ConnectionState, Dispatcher, Hint, Notice, NoticeReader, Store, Transaction
from service.ports import UnreadableNotice as Unreadable

KNOWN_ENTITIES = frozenset((*TRANSACTIONS, *LISTS, "RefundReceipt", "Deposit", "Preferences"))
LISTENING = frozenset(
    {ConnectionState.CONNECTED, ConnectionState.NEEDS_REAUTHORISATION, ConnectionState.SOFT_DISCONNECTED}
)


@dataclass(frozen=True)
class Intake:
    """Takes both sides' notices in."""

    store: Store
    dispatcher: Dispatcher
    clock: Clock
    quickbooks_notices: NoticeReader
    erp_notices: NoticeReader

    def quickbooks(self, body: bytes, signature: str) -> bool:
        """Whether the signature fits; then the body is stored durably, whatever it says (contracts/service.md)."""
        if not self.quickbooks_notices.is_signed(body, signature):
            return False
        hints, trouble = self._read(self.quickbooks_notices, body)
        kick: set[int] = set()
        with self.store.writing() as tx:
            if trouble is not None:
                tx.inbox.add(_quarantined("quickbooks", None, body, trouble, self.clock()), dedupe=_hash(body))
            for hint in hints:
                kick |= self._take(tx, hint, body)
        self.kick(kick)
        return True

    def take_again(self, tx: Transaction, notice: Notice) -> set[int] | None:
        """A stored original once more: the connections that it concerns; None where it still cannot be read.

        One that was worked already is only looked at again: both sides' state decides, so nothing happens twice.
        """
        if notice.state != "quarantined":
            if notice.connection_id is None:
                return set()
            tx.inbox.reopen(notice.id)
            tx.connections.mark_dirty(notice.connection_id)
            return {notice.connection_id}
        body = notice.body.encode()
        from_quickbooks = notice.source == "quickbooks"
        hints, trouble = self._read(self.quickbooks_notices if from_quickbooks else self.erp_notices, body)
        if trouble is not None or any(hint.record is not None and not hint.record.get("id") for hint in hints):
            tx.inbox.finish([notice.id], "quarantined", trouble or notice.error)
            return None
        tx.inbox.finish([notice.id], "replayed")
        if from_quickbooks:
            return {connection_id for hint in hints for connection_id in self._take(tx, hint, body)}
        if notice.connection_id is None:
            return set()
        connection = tx.connections.by_id(notice.connection_id)
        return {connection.id} if "accepted" in {self._keep(tx, connection, hint, body) for hint in hints} else set()

    def _read(self, reader: NoticeReader, body: bytes) -> tuple[list[Hint], str | None]:
        """What could be read of a body, and what is wrong with the rest."""
        try:
            return reader.read(body), None
        except Unreadable as unreadable:
            return list(unreadable.hints), str(unreadable)
        except Exception as surprise:  # always 200: another answer can hold back every later event
            return [], type(surprise).__name__

    def _take(self, tx: Transaction, hint: Hint, body: bytes) -> set[int]:
        """Events of one delivery may be of several realms; unknown realms and entities are counted and ignored."""
        listening = [c for c in tx.connections.by_realm(hint.owner or "") if c.state in LISTENING]
        if not listening:
            tx.inbox.count_ignored("quickbooks", "unknown_realm")
            return set()
        if hint.type not in KNOWN_ENTITIES:
            tx.inbox.count_ignored("quickbooks", f"entity:{hint.type[:40]}")
            return set()
        marked = set()
        for connection in listening:
            dedupe = _hash(f"{connection.id}|{hint.type}|{hint.event}|{hint.entity_id}|{hint.occurred_at}".encode())
            if tx.inbox.add(_notice("quickbooks", connection.id, hint, body, self.clock()), dedupe=dedupe):
                tx.connections.mark_dirty(connection.id)
                marked.add(connection.id)
        return marked

    def erp(self, account_id: str, body: bytes, signature: str) -> str:
        """`accepted`, `duplicate` or `stale` once stored durably. Raises `Rejected`: 401, 404 or 400."""
        if not self.erp_notices.is_signed(body, signature):
            raise Rejected(Reason.UNAUTHORISED, "bad_signature", "The signature does not match the body.")
        with self.store.writing() as tx:
            connection = tx.connections.get(account_id)
            if connection is None:
                raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
            status = self._keep(tx, connection, self._hint(body), body)
        if status == "accepted":
            self.kick({connection.id})
        return status

    def _hint(self, body: bytes) -> Hint:
        try:
            [hint] = self.erp_notices.read(body)
        except Unreadable as unreadable:
            raise Rejected(Reason.MALFORMED, "unreadable_notice", f"Not a notice of the ERP's: {unreadable}.") from None
        return hint

    def _keep(self, tx: Transaction, connection: Connection, hint: Hint, body: bytes) -> str:
        notice = _notice("erp", connection.id, hint, body, self.clock())
        if hint.record is not None and not hint.record.get("id"):
            tx.inbox.add(
                _quarantined("erp", connection.id, body, "its record has no id", self.clock()), dedupe=_hash(body)
            )
            return "accepted"
        if hint.type not in CONCERNS:
            tx.inbox.count_ignored("erp", f"type:{hint.type[:40]}")
            return "accepted"
        if not tx.inbox.add(notice, dedupe=_hash(f"{connection.id}|".encode() + body)):
            return "duplicate"
        tx.connections.mark_dirty(connection.id)
        return "stale" if _is_stale(tx, connection, hint) else "accepted"

    def kick(self, connections: set[int]) -> None:
        for connection_id in connections:
            self.dispatcher.kick(connection_id)


def _is_stale(tx: Transaction, connection: Connection, hint: Hint) -> bool:
    """An event about an older version than the one that is mirrored already."""
    if hint.record is None or not hint.record.get("id"):
        return False
    known = tx.records.get(connection.id, hint.type, hint.entity_id)
    fresh = instant(hint.record.get("updated_datetime"))
    return known is not None and known.updated_at is not None and fresh is not None and fresh < known.updated_at


def _notice(source: str, connection_id: int | None, hint: Hint, body: bytes, now: datetime) -> Notice:
    return Notice(
        id=0,
        source=source,
        connection_id=connection_id,
        type=hint.type,
        event=hint.event.upper(),
        entity_id=hint.entity_id,
        occurred_at=hint.occurred_at,
        body=body.decode(errors="replace"),
        state="new",
        error=None,
        received_at=now,
    )


def _quarantined(source: str, connection_id: int | None, body: bytes, error: str, now: datetime) -> Notice:
    return Notice(
        id=0,
        source=source,
        connection_id=connection_id,
        type=None,
        event=None,
        entity_id=None,
        occurred_at=None,
        body=body.decode(errors="replace"),
        state="quarantined",
        error=error,
        received_at=now,
    )


def _hash(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
