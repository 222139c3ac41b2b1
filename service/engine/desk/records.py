"""Links, problems and the audit: what is known of each record, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Sequence

from service.engine import views
from service.engine.desk.asking import Asking, View
from service.engine.problem_desk import dismiss, dismiss_notice, quarantined_notice
from service.errors import Reason, Rejected
from service.ports import Connection, Notice, Transaction


class Records(Asking):
    """Where each record stands."""

    def links(
        self,
        account_id: str,
        *,
        kind: str | None,
        erp_id: str | None,
        quickbooks_id: str | None,
        status: str | None,
        epoch: int | None,
        cursor: str | None,
        limit: int,
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            found = tx.id_map.links(
                connection.id,
                kind=kind,
                erp_id=erp_id,
                quickbooks_id=quickbooks_id,
                status=status,
                epoch=connection.epoch if epoch is None else epoch,
                cursor=cursor,
                limit=limit,
            )
            return views.page(found, views.link)

    def problems(
        self, account_id: str, *, statuses: Sequence[str], code: str | None, cursor: str | None, limit: int
    ) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            found = tx.problems.page(connection.id, statuses=statuses, code=code, cursor=cursor, limit=limit)
            view = views.page(found, views.problem)
            if cursor is None and "open" in statuses and code in (None, views.UNREADABLE):
                mine = [n for n in tx.inbox.quarantined() if n.connection_id in (None, connection.id)]
                view["data"] += [views.quarantined(n) for n in mine]
            return view

    def retry(self, problem_id: str, *, actor: str) -> View:
        """A run that tries again; for a notice that could not be read, one that reads both sides without it."""
        with self.ports.store.reading() as tx:
            notice = quarantined_notice(tx, problem_id)
            if notice is not None:
                connection, company = _owner(tx, notice), None
            else:
                connection, problem = self._known_problem(tx, problem_id)
                company = problem.company_id
        return self.retry_companies(connection.account_id, [company] if company else None, actor=actor)

    def retry_companies(self, account_id: str, company_ids: Sequence[str] | None, *, actor: str) -> View:
        """One run over these companies (None: over all) that tries again what was refused."""
        companies = list(company_ids) if company_ids is not None else None
        return self._ask(account_id, "reconcile", {"company_ids": companies}, actor, join=False)

    def dismiss(self, problem_id: str, *, reason: str, actor: str) -> View:
        with self.ports.store.writing() as tx:
            notice = quarantined_notice(tx, problem_id)
            if notice is not None:
                return dismiss_notice(tx, notice, reason, actor, self.ports.clock())
            connection, problem = self._known_problem(tx, problem_id)
            return views.problem(dismiss(tx, connection, problem, reason, actor, self.ports.clock()))

    def resolve(self, problem_id: str, *, choice: str, actor: str) -> View:
        with self.ports.store.reading() as tx:
            connection, problem = self._known_problem(tx, problem_id)
        if choice not in problem.choices:
            ways = ", ".join(problem.choices) or "none"
            raise Rejected(
                Reason.INVALID, "unknown_choice", f"The ways out of this problem are: {ways}.", field="choice"
            )
        return self._ask(
            connection.account_id, "repair", {"problem_id": problem_id, "choice": choice}, actor, join=False
        )

    def audit(self, account_id: str, *, record: str | None, run: str | None, cursor: str | None, limit: int) -> View:
        with self.ports.store.reading() as tx:
            connection = self._known(tx, account_id)
            return views.page(
                tx.audits.page(connection.id, record=record, run=run, cursor=cursor, limit=limit), views.audit
            )


def _owner(tx: Transaction, notice: Notice) -> Connection:
    if notice.connection_id is None:
        raise Rejected(
            Reason.CONFLICT,
            "nobodys_notice",
            "Nobody can tell which account this notice is about: put it aside, or read it again (notices replay).",
        )
    return tx.connections.by_id(notice.connection_id)
