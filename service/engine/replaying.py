"""Notices as they came, read again after a fix. The state decides what is done, so nothing happens twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.engine import views
from service.engine.intake import Intake
from service.errors import Reason, Rejected
from service.ports import Audit, Notice, Store, Transaction

View = dict[str, Any]
STATES = ("new", "done", "ignored", "quarantined", "replayed", "dismissed")


class Replaying:
    """Lists the stored originals and takes them in again."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self.store = store
        self.intake = intake

    def notices(
        self, account_id: str | None, *, states: Sequence[str] = STATES, cursor: str | None, limit: int
    ) -> View:
        """Newest first."""
        with self.store.reading() as tx:
            connection_id = None
            if account_id is not None:
                connection = tx.connections.get(account_id)
                if connection is None:
                    raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
                connection_id = connection.id
            names = {c.id: c.account_id for c in tx.connections.all()}
            found = tx.inbox.page(connection_id, states=states, cursor=cursor, limit=limit)
            return views.page(found, lambda notice: _shown(notice, names))

    def replay(self, notice_ids: Sequence[int], *, actor: str) -> View:
        """Take these in again: `{replayed, unreadable}`, how many went through and how many still cannot be read."""
        kick: set[int] = set()
        counts = {"replayed": 0, "unreadable": 0}
        with self.store.writing() as tx:
            for notice in [self._known(tx, notice_id) for notice_id in notice_ids]:
                marked = self.intake.take_again(tx, notice)
                counts["unreadable" if marked is None else "replayed"] += 1
                for connection_id in marked or ():
                    tx.audits.add(connection_id, [self._audit(notice, actor)])
                kick |= marked or set()
        self.intake.kick(kick)
        return counts

    def _known(self, tx: Transaction, notice_id: int) -> Notice:
        notice = tx.inbox.get(notice_id)
        if notice is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_notice", f"There is no notice {notice_id}.")
        return notice

    def _audit(self, notice: Notice, actor: str) -> Audit:
        why = f"Notice {notice.id} of {notice.source}, received {views.moment(notice.received_at)}, read again."
        return Audit(
            at=self.intake.clock(),
            actor=actor,
            action="replay",
            side="connection",
            erp_id=notice.entity_id,
            why=why,
        )


def _shown(notice: Notice, accounts: dict[int, str]) -> View:
    return {
        "id": notice.id,
        "source": notice.source,
        "account_id": accounts.get(notice.connection_id or 0),
        "type": notice.type,
        "event": notice.event,
        "entity_id": notice.entity_id,
        "state": notice.state,
        "error": notice.error,
        "received_at": views.moment(notice.received_at),
    }
