"""What must be looked at, by cause: one entry for many records, and what a person may do about one or all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from service.engine import views
from service.engine.replaying import Replaying
from service.engine.side_by_side import side_by_side
from service.engine.working import Ports
from service.errors import Reason, Rejected
from service.ports import Audit, Connection, Notice, Problem, ProblemGroup, Transaction

View = dict[str, Any]


class RetryCompanies(Protocol):
    """One run over some companies of a connection, or over all: the desk's."""

    def __call__(self, account_id: str, company_ids: Sequence[str] | None, *, actor: str) -> View: ...


class ProblemDesk:
    """Problems of one connection or of all. Raises `Rejected` with a stable code and a sentence."""

    def __init__(self, ports: Ports, retry_companies: RetryCompanies, replaying: Replaying) -> None:
        self.ports = ports
        self.retry_companies = retry_companies
        self.replaying = replaying

    # -------------------------------------------------------------------------------------------- looking

    def groups(self, account_id: str | None = None) -> list[View]:
        """One entry for each cause, the largest first; notices that could not be read are entries, too."""
        with self.ports.store.reading() as tx:
            only = self._known(tx, account_id) if account_id is not None else None
            connections = {c.id: c for c in ([only] if only else tx.connections.all())}
            found = [_group(connections[g.connection_id], g) for g in tx.problems.groups(only.id if only else None)]
            unread = [n for n in tx.inbox.quarantined() if only is None or n.connection_id in (None, only.id)]
        return [*found, *_unreadable(connections, unread)]

    def group(self, account_id: str, group: str) -> View:
        """One entry; those of its members that are no rows of the problems' table (notices) under `notices`."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            mine = self._unread(tx, connection) if group == views.UNREADABLE else []
            entries = _unreadable({connection.id: connection}, mine)
            entries += [_group(connection, g) for g in tx.problems.groups(connection.id, group)]
        if not entries:
            raise _nothing_open()
        return _one(entries) | {"account_id": account_id, "notices": [views.quarantined(n) for n in mine]}

    def problem(self, problem_id: str) -> View:
        """One problem with its connection, both books and what was agreed side by side, and each way out in words."""
        with self.ports.store.reading() as tx:
            notice = quarantined_notice(tx, problem_id)
            if notice is not None:
                return views.quarantined(notice) | {
                    "account_id": _account(tx, notice),
                    "cause_group": views.UNREADABLE,
                    "body": notice.body,
                    "rows": [],
                    "ways_out": [],
                    "like_it": len(tx.inbox.quarantined()),
                }
            connection, problem = self._known_problem(tx, problem_id)
            rows, ways_out = side_by_side(tx, connection, problem)
            like_it = sum(g.count for g in tx.problems.groups(connection.id, problem.cause_group or problem.id))
        return views.problem(problem) | {
            "account_id": connection.account_id,
            "cause_group": problem.cause_group,
            "currency": problem.currency,
            "rows": rows,
            "ways_out": ways_out,
            "like_it": like_it,
        }

    # --------------------------------------------------------------------------------------------- acting

    def retry_group(self, account_id: str, group: str, *, actor: str) -> View:
        """One run over the companies concerned, however many problems there are. For notices: read them again."""
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            members = tx.problems.of_group(connection.id, group)
            unread = self._unread(tx, connection) if group == views.UNREADABLE else []
        if unread:
            return self.replaying.replay([n.id for n in unread], actor=actor)
        if not members:
            raise _nothing_open()
        return self.retry_companies(account_id, _companies(members), actor=actor)

    def dismiss_group(self, account_id: str, group: str, *, reason: str, actor: str) -> int:
        """Put every problem of one cause aside; answers how many there were."""
        with self.ports.store.writing() as tx:
            connection = self._known(tx, account_id)
            unread = self._unread(tx, connection) if group == views.UNREADABLE else []
            for notice in unread:
                dismiss_notice(tx, notice, reason, actor, self.ports.clock())
            members = tx.problems.of_group(connection.id, group)
            for problem in members:
                dismiss(tx, connection, problem, reason, actor, self.ports.clock())
        return len(unread) + len(members)

    # --------------------------------------------------------------------------------------------- known?

    def _known(self, tx: Transaction, account_id: str) -> Connection:
        connection = tx.connections.get(account_id)
        if connection is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id.")
        return connection

    def _unread(self, tx: Transaction, connection: Connection) -> list[Notice]:
        """A connection's own, and those that nobody can tell whose they are."""
        return [n for n in tx.inbox.quarantined() if n.connection_id in (None, connection.id)]

    def _known_problem(self, tx: Transaction, problem_id: str) -> tuple[Connection, Problem]:
        found = tx.problems.get(problem_id)
        if found is None:
            raise Rejected(Reason.NOT_FOUND, "unknown_problem", "No problem has this id.")
        return tx.connections.by_id(found[0]), found[1]


def _nothing_open() -> Rejected:
    return Rejected(Reason.NOT_FOUND, "unknown_group", "Nothing is open with this cause any more.")


# ------------------------------------------------------------------------------------------- one at a time


def dismiss(
    tx: Transaction, connection: Connection, problem: Problem, reason: str, actor: str, at: datetime
) -> Problem:
    """Put one problem aside; who did and why stands in the audit."""
    entry = Audit(
        at=at,
        actor=actor,
        action="dismiss",
        side="connection",
        key=problem.key,
        kind=problem.kind,
        erp_id=problem.erp_id,
        quickbooks_id=problem.quickbooks_id,
        number=problem.number,
        company_id=problem.company_id,
        amount=problem.amount,
        why=f"{problem.code}: {reason}",
    )
    tx.audits.add(connection.id, [entry])
    return tx.problems.set_status(problem.id, "dismissed", reason=reason, at=at)


def dismiss_notice(tx: Transaction, notice: Notice, reason: str, actor: str, at: datetime) -> View:
    """Put a notice that could not be read aside. One that nobody can tell whose it is has no audit to stand in."""
    tx.inbox.finish([notice.id], "dismissed", f"{actor}: {reason}")
    if notice.connection_id is not None:
        why = f"{views.UNREADABLE} {views.notice_id(notice)}: {reason}"
        entry = Audit(at=at, actor=actor, action="dismiss", side="connection", why=why)
        tx.audits.add(notice.connection_id, [entry])
    return views.quarantined(notice) | {"status": "dismissed"}


# --------------------------------------------------------------------------------------------------- shapes


def _companies(members: Sequence[Problem]) -> list[str] | None:
    """Where to look; everywhere, where one of them belongs to no company."""
    companies = {problem.company_id for problem in members}
    return None if None in companies else sorted(str(company) for company in companies)


def _group(connection: Connection, g: ProblemGroup) -> View:
    example = views.problem(g.example)
    return {
        "account_id": connection.account_id,
        "connection": connection.name,
        "cause_group": g.cause_group,
        "code": g.example.code,
        "quickbooks_code": g.example.quickbooks_code,
        "cause": g.example.pattern or g.example.cause,
        "what_to_do": g.example.what_to_do,
        "count": g.count,
        "conflicts": g.conflicts,
        "oldest": views.moment(g.first_seen),
        "newest": views.moment(g.last_seen),
        "amounts": {currency: views.money(amount) for currency, amount in sorted(g.amounts.items())},
        "example": example,
    }


def _unreadable(connections: dict[int, Connection], unread: Iterable[Notice]) -> list[View]:
    """Notices that could not be read: one entry a connection, and one for those of nobody's."""
    by_owner: dict[int | None, list[Notice]] = {}
    for notice in unread:
        by_owner.setdefault(notice.connection_id, []).append(notice)
    return [_unread(connections.get(owner or 0), notices) for owner, notices in by_owner.items()]


def _unread(connection: Connection | None, notices: Sequence[Notice]) -> View:
    example = views.quarantined(notices[-1])
    return {
        "account_id": connection.account_id if connection else None,
        "connection": connection.name if connection else None,
        "cause_group": views.UNREADABLE,
        "code": views.UNREADABLE,
        "quickbooks_code": None,
        "cause": "Signed notices could not be read; they are kept as they came.",
        "what_to_do": example["what_to_do"],
        "count": len(notices),
        "conflicts": 0,
        "oldest": views.moment(min(n.received_at for n in notices)),
        "newest": views.moment(max(n.received_at for n in notices)),
        "amounts": {},
        "example": example,
    }


def _one(entries: Sequence[View]) -> View:
    """Notices of one connection and those of nobody's are one entry where one connection is looked at."""
    return {
        **entries[0],
        "count": sum(each["count"] for each in entries),
        "oldest": min(each["oldest"] for each in entries),
        "newest": max(each["newest"] for each in entries),
    }


def quarantined_notice(tx: Transaction, problem_id: str) -> Notice | None:
    """Notices that could not be read are listed among the problems."""
    notice = tx.inbox.get(views.notice_number(problem_id))
    return notice if notice is not None and notice.state == "quarantined" else None


def _account(tx: Transaction, notice: Notice) -> str | None:
    return tx.connections.by_id(notice.connection_id).account_id if notice.connection_id is not None else None
