"""Look where the ERP's notices point: an event is a hint that a record changed (contracts/erp.md, part 1)."""

from __future__ import annotations

from collections.abc import Sequence

from service.engine.hard_deletes import forget
from service.engine.reading import CONCERNS, News, keep_news, read_erp, readable
from service.engine.working import Working
from service.ports import Notice, Raw


def read_erp_notices(w: Working, notices: Sequence[Notice], bodies: dict[int, Raw]) -> None:
    """`bodies` are the parsed envelopes by notice id.

    The record in a notice is fresh, so it is kept (reads lag); what else may have moved is read.
    """
    kinds: set[str] = set()
    told: list[News] = []
    for notice in notices:
        kind = notice.type or ""
        raw = bodies[notice.id].get("object")
        if raw and kind in CONCERNS and kind != "ORDER":
            told.append(News(readable(w, kind, [raw]), _is_since_connected(w, notice)))
        kinds |= set(CONCERNS.get(kind, ()))
    deleted = [(n.type or "", n.entity_id) for n in notices if n.event == "DELETE" and n.entity_id]
    if deleted:
        with w.writing() as tx:
            keep_news(tx, w, told)
        told = []
        forget(w, deleted, told_at=max(notice.received_at for notice in notices))
    if kinds:
        read_erp(w, kinds, told)


def _is_since_connected(w: Working, notice: Notice) -> bool:
    """By our own clock: the ERP's may be behind."""
    return w.connection.connected_at is not None and notice.received_at >= w.connection.connected_at
