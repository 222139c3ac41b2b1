"""Every write to QuickBooks, noted before it is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from service.ports import Intent, Operation, QuickBooksWrite, Raw
from service.store.repository import Repository
from service.store.tables import journal

_NOTE = insert(journal).returning(journal)
_CLOSE = update(journal).where(journal.c.id == bindparam("its_id"))
_SENT = _CLOSE.values(sent_at=bindparam("left_at"))
_OF_EPOCH = (journal.c.connection_id == bindparam("connection"), journal.c.epoch == bindparam("in_epoch"))
_UNANSWERED = select(journal).where(*_OF_EPOCH, journal.c.state == "noted").order_by(journal.c.id)
_ANSWERED_COUNT = (
    select(func.count())
    .select_from(journal)
    .where(*_OF_EPOCH, journal.c.key == bindparam("its_key"), journal.c.state.in_(("answered", "refused")))
)


class SqlJournal(Repository):
    """See `service.ports.Journal`."""

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
    ) -> Intent:
        noted = {
            "connection_id": connection_id,
            "epoch": epoch,
            "run_id": run_id,
            "key": key,
            "entity": write.entity,
            "operation": write.operation.value,
            "body": write.body,
            "request_id": write.request_id,
            "document": document,
            "state": "noted",
            "created_at": at,
            "sent_at": at,
        }
        return _read(self._connection.execute(_NOTE, noted).one())

    def unanswered(self, connection_id: int, epoch: int) -> list[Intent]:
        found = self._connection.execute(_UNANSWERED, {"connection": connection_id, "in_epoch": epoch})
        return [_read(row) for row in found]

    def sent(self, intent_id: int, at: datetime) -> None:
        self._connection.execute(_SENT, {"its_id": intent_id, "left_at": at})

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
    ) -> None:
        closed = {
            "its_id": intent_id,
            "state": state,
            "answer": answer,
            "quickbooks_id": quickbooks_id,
            "intuit_tid": intuit_tid,
            "error": error,
            "closed_at": at,
        }
        self._connection.execute(_CLOSE, closed)

    def answered_count(self, connection_id: int, epoch: int, key: str) -> int:
        named = {"connection": connection_id, "in_epoch": epoch, "its_key": key}
        return self._connection.execute(_ANSWERED_COUNT, named).scalar_one()


def _read(row: Row[Any]) -> Intent:
    write = QuickBooksWrite(row.entity, Operation(row.operation), row.body, row.request_id)
    return Intent(
        id=row.id,
        run_id=row.run_id,
        key=row.key,
        write=write,
        document=row.document,
        state=row.state,
        created_at=row.created_at,
        sent_at=row.sent_at or row.created_at,
    )
