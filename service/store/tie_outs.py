"""What syncs left of both books' comparison: figures whenever they changed, totals at the end of a sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, delete, exists, func, select

from service.ports import Chain, KeptTieOut, Tied
from service.store.columns import Instant
from service.store.repository import Repository, chunks
from service.store.tables import connections, tie_outs
from service.store.tables import tie_out_figures as figures

_TIED = tuple(each.name for each in fields(Tied))
_KEPT = tuple(each.name for each in fields(KeptTieOut))
_SUMS = ("erp_ar", "quickbooks_ar", "erp_credit", "quickbooks_credit")


_TICK = timedelta(microseconds=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

# Built once: building a statement takes longer than running it.
_LAST = (
    select(tie_outs)
    .where(tie_outs.c.connection_id == bindparam("connection"), tie_outs.c.epoch == bindparam("in_epoch"))
    .order_by(tie_outs.c.at.desc())
    .limit(1)
)
_OF_EPOCH = and_(figures.c.connection_id == bindparam("connection"), figures.c.epoch == bindparam("in_epoch"))
_SINCE = and_(_OF_EPOCH, figures.c.at > bindparam("moment"))
_MOVED_SINCE = select(exists().where(_SINCE))
_MOVED = select(figures.c.subject).where(_SINCE, figures.c.at <= bindparam("until")).distinct()
_OF_SUBJECTS = and_(
    _OF_EPOCH, figures.c.subject.in_(bindparam("subjects", expanding=True)), figures.c.at <= bindparam("until")
)
_ENDS = (
    select(figures.c.subject, func.max(figures.c.at).label("at"))
    .where(_OF_SUBJECTS)
    .group_by(figures.c.subject)
    .subquery()
)
_NEWEST = (
    select(figures)
    .join(_ENDS, and_(figures.c.subject == _ENDS.c.subject, figures.c.at == _ENDS.c.at))
    .where(_OF_SUBJECTS)
)


_HISTORY = (
    select(tie_outs)
    .where(
        tie_outs.c.connection_id == bindparam("connection"),
        tie_outs.c.at >= bindparam("since"),
        tie_outs.c.at <= bindparam("until"),
    )
    .order_by(tie_outs.c.at)
)
_AT = bindparam("moment", type_=Instant)
_DROP = delete(tie_outs).where(tie_outs.c.connection_id == bindparam("connection"), tie_outs.c.at == _AT)
_NEIGHBOURS = select(
    func.max(case((tie_outs.c.at < _AT, tie_outs.c.at)), type_=Instant),
    func.min(case((tie_outs.c.at > _AT, tie_outs.c.at)), type_=Instant),
).where(tie_outs.c.connection_id == bindparam("connection"), tie_outs.c.epoch == bindparam("in_epoch"))
_NEWER = figures.alias()
_REPLACED = (
    exists()
    .where(
        _NEWER.c.connection_id == figures.c.connection_id,
        _NEWER.c.epoch == figures.c.epoch,
        _NEWER.c.subject == figures.c.subject,
        _NEWER.c.at > figures.c.at,
        _NEWER.c.at <= bindparam("after"),
    )
    .correlate(figures)
)
# Those that stood at the end of a dropped sync alone: newer than the sync before it, and replaced by the next.
_FORGET_FIGURES = delete(figures).where(
    _OF_EPOCH, figures.c.at > bindparam("before"), figures.c.at <= bindparam("moment"), _REPLACED
)


class SqlTieOuts(Repository):
    """See `service.ports.TieOuts`. Figures of one moment are the newest row of each subject at or before it."""

    def keep(
        self, connection_id: int, epoch: int, tied: Sequence[Tied], *, gone: Iterable[str] = (), at: datetime
    ) -> None:
        fresh: dict[str, Tied | None] = dict.fromkeys(gone) | {each.subject: each for each in tied}
        known = dict(self._newest(connection_id, epoch, fresh))
        rows = []
        for subject, figure in fresh.items():
            row = known.get(subject)
            before = _read(row) if row is not None and not row.gone else None
            if figure != before:
                rows.append(_values(connection_id, epoch, subject, figure or before, gone=figure is None))
        if rows:
            at = _after(self.last(connection_id, epoch), at)
            self._upsert(figures, [{**row, "at": at} for row in rows], "connection_id", "epoch", "subject", "at")

    def moved_since(self, connection_id: int, epoch: int, moment: datetime | None) -> bool:
        named = {"connection": connection_id, "in_epoch": epoch, "moment": moment or _EVER}
        return bool(self._connection.scalar(_MOVED_SINCE, named))

    def close(self, connection_id: int, epoch: int, *, run_id: str | None, chain: Chain, at: datetime) -> KeptTieOut:
        before = self.last(connection_id, epoch)
        at = _after(before, at)
        kept = before or KeptTieOut(epoch, at, None, 0, 0, 0, 0, 0, 0, 0, 0, None)
        kept = replace(kept, at=at, run_id=run_id, audit_rows=chain.rows, audit_hash=chain.hash)
        for old, new in self._moved(connection_id, epoch, before.at if before else None, at):
            kept = _counted(_counted(kept, old, -1), new, 1)
        values = {name: getattr(kept, name) for name in _KEPT}
        self._upsert(tie_outs, [{"connection_id": connection_id, **values}], "connection_id", "at")
        return kept

    def last(self, connection_id: int, epoch: int) -> KeptTieOut | None:
        row = self._connection.execute(_LAST, {"connection": connection_id, "in_epoch": epoch}).one_or_none()
        return _kept(row) if row else None

    def current(self, connection_id: int, epoch: int, subject: str) -> Tied | None:
        row = dict(self._newest(connection_id, epoch, [subject])).get(subject)
        return _read(row) if row is not None and not row.gone else None

    def newest(self) -> dict[int, KeptTieOut]:
        last = select(tie_outs.c.connection_id, tie_outs.c.epoch, func.max(tie_outs.c.at).label("at"))
        ends = last.group_by(tie_outs.c.connection_id, tie_outs.c.epoch).subquery()
        query = select(tie_outs).join(
            ends, and_(ends.c.connection_id == tie_outs.c.connection_id, ends.c.at == tie_outs.c.at)
        )
        present = and_(connections.c.id == tie_outs.c.connection_id, connections.c.epoch == tie_outs.c.epoch)
        return {row.connection_id: _kept(row) for row in self._connection.execute(query.join(connections, present))}

    def as_of(self, connection_id: int, moment: datetime) -> KeptTieOut | None:
        query = select(tie_outs).where(tie_outs.c.connection_id == connection_id, tie_outs.c.at <= moment)
        row = self._connection.execute(query.order_by(tie_outs.c.at.desc()).limit(1)).one_or_none()
        return _kept(row) if row else None

    def history(
        self, connection_id: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[KeptTieOut]:
        named = {"connection": connection_id, "since": since or _EVER, "until": until or _NEVER}
        return [_kept(row) for row in self._connection.execute(_HISTORY, named)]

    def companies(self, connection_id: int, kept: KeptTieOut) -> list[Tied]:
        mine = _of(connection_id, kept.epoch)
        newest = select(figures.c.subject, func.max(figures.c.at).label("at")).where(mine, figures.c.at <= kept.at)
        these = newest.group_by(figures.c.subject).subquery()
        query = select(figures).join(these, and_(figures.c.subject == these.c.subject, figures.c.at == these.c.at))
        rows = self._connection.execute(query.where(mine, ~figures.c.gone)).all()
        return sorted(map(_read, rows), key=lambda tied: (tied.name.casefold(), tied.subject))

    def drop(self, connection_id: int, kept: Sequence[KeptTieOut]) -> None:
        for each in kept:
            named = {"connection": connection_id, "in_epoch": each.epoch, "moment": each.at}
            self._connection.execute(_DROP, named)
            before, after = self._connection.execute(_NEIGHBOURS, named).one()
            if after is not None:
                self._connection.execute(_FORGET_FIGURES, {**named, "before": before or _EVER, "after": after})

    def _newest(
        self, connection_id: int, epoch: int, subjects: Iterable[str], *, until: datetime | None = None
    ) -> Iterator[tuple[str, Row[Any]]]:
        for some in chunks(iter(sorted(subjects))):
            named = {"connection": connection_id, "in_epoch": epoch, "subjects": some, "until": until or _NEVER}
            for row in self._connection.execute(_NEWEST, named):
                yield row.subject, row

    def _moved(
        self, connection_id: int, epoch: int, since: datetime | None, until: datetime
    ) -> Iterator[tuple[Row[Any] | None, Row[Any]]]:
        """(what it was at `since`, what it was at `until`) of every subject that moved between them."""
        named = {"connection": connection_id, "in_epoch": epoch, "moment": since or _EVER, "until": until}
        subjects = list(self._connection.scalars(_MOVED, named))
        old = dict(self._newest(connection_id, epoch, subjects, until=since)) if since is not None else {}
        for subject, row in self._newest(connection_id, epoch, subjects, until=until):
            yield old.get(subject), row


def _of(connection_id: int, epoch: int) -> ColumnElement[bool]:
    return and_(figures.c.connection_id == connection_id, figures.c.epoch == epoch)


def _counted(kept: KeptTieOut, row: Row[Any] | None, sign: int) -> KeptTieOut:
    if row is None or row.gone:
        return kept
    sums: dict[str, Any] = {name: getattr(kept, name) + sign * getattr(row, name) for name in _SUMS}
    apart = abs(row.erp_ar - row.quickbooks_ar)
    counts: dict[str, Any] = {"companies": kept.companies + sign, "differing": kept.differing + sign * bool(apart)}
    return replace(kept, **sums, **counts, apart=kept.apart + sign * apart)


def _after(last: KeptTieOut | None, at: datetime) -> datetime:
    """A tick after what was kept last where the clock stood still or went back, so that order is never lost."""
    return at if last is None else max(at, last.at + _TICK)


def _values(connection_id: int, epoch: int, subject: str, tied: Tied | None, *, gone: bool) -> dict[str, Any]:
    own = {name: getattr(tied, name) for name in _TIED}
    return {"connection_id": connection_id, "epoch": epoch, "subject": subject, "gone": gone, **own}


def _read(row: Row[Any]) -> Tied:
    return Tied(**{name: getattr(row, name) for name in _TIED} | {"explained": tuple(row.explained)})


def _kept(row: Row[Any]) -> KeptTieOut:
    return KeptTieOut(**{name: getattr(row, name) for name in _KEPT})
