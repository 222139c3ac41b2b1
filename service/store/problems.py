"""What a person must look at: at most one open row for one subject and code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, case, func, select, update
from sqlalchemy.sql.dml import ReturningInsert

from service.ports import Page, Problem, ProblemGroup
from service.store.columns import Instant
from service.store.paging import page
from service.store.repository import Insert, Repository, chunks, new
from service.store.tables import NEEDS_A_PERSON, problems, run_problems

_FIELDS = tuple(each.name for each in fields(Problem))
_KEPT = frozenset({"id", "first_seen", "attempts"})  # by another attempt on an open problem

_IS_OPEN = and_(problems.c.connection_id == bindparam("connection"), problems.c.status.in_(("open", "conflict")))
_OPEN = select(problems).where(_IS_OPEN).order_by(problems.c.seq)
_OPEN_OF_COMPANY = _OPEN.where(problems.c.company_id == bindparam("company"))
_OPEN_OF_GROUP = _OPEN.where(problems.c.cause_group == bindparam("its_group"))
_COUNT = select(func.count()).select_from(problems).where(_IS_OPEN)
_SETTLE = (
    update(problems)
    .where(_IS_OPEN, problems.c.key.is_not_distinct_from(bindparam("its_key")))
    .values(status="resolved", settled_at=bindparam("at"))
)
_LATEST = (
    select(problems)
    .where(
        problems.c.connection_id == bindparam("connection"),
        problems.c.subject == bindparam("its_subject"),
        problems.c.code == bindparam("its_code"),
    )
    .order_by(problems.c.seq.desc())
    .limit(1)
    .with_for_update()
)


@cache
def _raising(dialect: str) -> ReturningInsert[Any]:
    opened = new(dialect, problems)
    again = {name: opened.excluded[name] for name in _FIELDS if name not in _KEPT}
    counted = opened.on_conflict_do_update(
        index_elements=["connection_id", "subject", "code"],
        index_where=NEEDS_A_PERSON,
        set_=again | {"attempts": problems.c.attempts + 1},
    )
    return counted.returning(problems)


@cache
def _meeting(dialect: str) -> Insert:
    return new(dialect, run_problems).on_conflict_do_nothing()


class SqlProblems(Repository):
    """See `service.ports.Problems`. One without a key is told apart by its record. Unknown ids raise LookupError."""

    def raise_(self, connection_id: int, problem: Problem, *, run_id: str | None = None) -> Problem:
        """As the port says; what a person dismissed stays dismissed while it is the very same step (`fingerprint`)."""
        subject = _subject(problem)
        latest = self._latest(connection_id, subject, problem.code)
        if latest is not None and latest.status == "dismissed" and latest.fingerprint == problem.fingerprint:
            return latest
        values = {name: getattr(problem, name) for name in _FIELDS}
        named = values | {"connection_id": connection_id, "subject": subject}
        raised = _read(self._connection.execute(_raising(self._dialect), named).one())
        if run_id is not None:
            self._met_by(run_id, raised.id)
        return raised

    def _met_by(self, run_id: str, problem_id: str) -> None:
        self._connection.execute(_meeting(self._dialect), {"run_id": run_id, "problem_id": problem_id})

    def settle(
        self,
        connection_id: int,
        key: str | None,
        *,
        codes: Iterable[str] | None = None,
        except_codes: Iterable[str] = (),
        at: datetime,
    ) -> int:
        settled = _SETTLE
        if codes is not None:
            settled = settled.where(problems.c.code.in_(list(codes)))
        if spared := list(except_codes):
            settled = settled.where(problems.c.code.not_in(spared))
        return self._connection.execute(settled, {"connection": connection_id, "its_key": key, "at": at}).rowcount

    def settle_all(self, connection_id: int, *, except_codes: Iterable[str] = (), at: datetime) -> None:
        spared = problems.c.code.not_in(list(except_codes))
        changed = update(problems).where(_IS_OPEN, spared).values(status="resolved", settled_at=at)
        self._connection.execute(changed, {"connection": connection_id})

    def get(self, problem_id: str) -> tuple[int, Problem] | None:
        row = self._connection.execute(select(problems).where(problems.c.id == problem_id)).one_or_none()
        return (row.connection_id, _read(row)) if row else None

    def open_of_company(self, connection_id: int, company_id: str) -> list[Problem]:
        return self._all(_OPEN_OF_COMPANY, connection=connection_id, company=company_id)

    def open(self, connection_id: int) -> list[Problem]:
        return self._all(_OPEN, connection=connection_id)

    def page(
        self, connection_id: int, *, statuses: Sequence[str], code: str | None, cursor: str | None, limit: int
    ) -> Page:
        """Newest first."""
        query = select(problems).where(problems.c.connection_id == connection_id, problems.c.status.in_(statuses))
        if code is not None:
            query = query.where(problems.c.code == code)
        return page(self._connection, query, problems.c.seq, cursor, limit, _read, newest_first=True)

    def set_status(self, problem_id: str, status: str, *, reason: str | None, at: datetime) -> Problem:
        changed = update(problems).where(problems.c.id == problem_id)
        changed = changed.values(status=status, reason=reason, settled_at=at)
        row = self._connection.execute(changed.returning(problems)).one_or_none()
        if row is None:
            raise LookupError(f"there is no problem {problem_id}")
        return _read(row)

    def count(self, connection_id: int) -> int:
        return self._connection.execute(_COUNT, {"connection": connection_id}).scalar_one()

    def groups(self, connection_id: int | None = None, cause_group: str | None = None) -> list[ProblemGroup]:
        """The sums of one group are several rows, one for each currency."""
        whose = [problems.c.connection_id == connection_id] if connection_id is not None else []
        whose += [problems.c.cause_group == cause_group] if cause_group is not None else []
        query = select(
            problems.c.connection_id,
            problems.c.cause_group,
            problems.c.currency,
            func.count().label("problems"),
            func.sum(case((problems.c.status == "conflict", 1), else_=0)).label("conflicts"),
            func.min(problems.c.first_seen, type_=Instant).label("first_seen"),
            func.max(problems.c.last_seen, type_=Instant).label("last_seen"),
            func.sum(problems.c.amount).label("amount"),
            func.max(problems.c.seq).label("newest"),
        ).where(NEEDS_A_PERSON, *whose)
        grouped = query.group_by(problems.c.connection_id, problems.c.cause_group, problems.c.currency)
        found: dict[tuple[int, str], list[Row[Any]]] = {}
        for row in self._connection.execute(grouped):
            found.setdefault((row.connection_id, row.cause_group), []).append(row)
        examples = self._examples([max(row.newest for row in rows) for rows in found.values()])
        groups = [_group(*which, rows, examples) for which, rows in found.items()]
        return sorted(groups, key=lambda g: (-g.count, g.connection_id, g.cause_group))

    def of_group(self, connection_id: int, cause_group: str) -> list[Problem]:
        return self._all(_OPEN_OF_GROUP, connection=connection_id, its_group=cause_group)

    def _examples(self, newest: Sequence[int]) -> dict[int, Problem]:
        return {
            row.seq: _read(row)
            for some in chunks(iter(newest))
            for row in self._connection.execute(select(problems).where(problems.c.seq.in_(some)))
        }

    def _latest(self, connection_id: int, subject: str, code: str) -> Problem | None:
        named = {"connection": connection_id, "its_subject": subject, "its_code": code}
        row = self._connection.execute(_LATEST, named).one_or_none()
        return _read(row) if row else None

    def _all(self, query: Select[Any], **values: Any) -> list[Problem]:
        """Oldest first."""
        return [_read(row) for row in self._connection.execute(query, values)]


def _group(connection_id: int, cause_group: str, rows: list[Row[Any]], examples: dict[int, Problem]) -> ProblemGroup:
    return ProblemGroup(
        connection_id,
        cause_group,
        count=sum(row.problems for row in rows),
        conflicts=sum(row.conflicts for row in rows),
        first_seen=min(row.first_seen for row in rows),
        last_seen=max(row.last_seen for row in rows),
        amounts={row.currency: int(row.amount) for row in rows if row.currency and row.amount is not None},
        example=examples[max(row.newest for row in rows)],
    )


def _subject(problem: Problem) -> str:
    if problem.key is not None:
        return f"key {problem.key}"
    return f"record {problem.kind or ''} {problem.erp_id or ''} {problem.quickbooks_id or ''}"


def _read(row: Row[Any]) -> Problem:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Problem(**values | {"choices": tuple(row.choices)})
