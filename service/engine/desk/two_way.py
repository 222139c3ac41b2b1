"""What is rehearsed before it is done: two-way sync, and the repair of legacy overpayments."""

from __future__ import annotations

from service.engine import enabling, legacy_overpayments
from service.engine.desk.asking import Asking, View
from service.engine.keeping import keep_plan


class Rehearsals(Asking):
    """A plan is kept and looked at; carried out is that plan or none."""

    def preview_two_way(self, account_id: str, *, used_credits: str, actor: str) -> View:
        with self._working(account_id) as w:
            found = enabling.preview(w, used_credits)
            params = {"used_credits": used_credits}
            return keep_plan(w, "enable_two_way", found.fingerprint, found.plan, params, found.books)

    def enable_two_way(self, account_id: str, *, plan_id: str, actor: str) -> View:
        params = self._plan_params(account_id, plan_id, "enable_two_way")
        with self._working(account_id) as w:
            fingerprint = enabling.preview(w, str(params["used_credits"])).fingerprint
        self._refuse_outdated(params, fingerprint)
        return self._ask(account_id, "enable_two_way", params, actor)

    def disable_two_way(self, account_id: str, *, actor: str) -> View:
        with self.ports.store.writing() as tx:
            connection = tx.connections.update(self._known(tx, account_id).id, two_way=False)
            self._say(tx, connection, actor, "two_way", "Two-way sync switched off.")
            return self._connection(tx, connection)

    def legacy_overpayments(self, account_id: str, *, actor: str) -> View:
        """The list, and the plan that would repair what can be repaired. Changes nothing."""
        with self._working(account_id) as w:
            rows, plan, fingerprint = legacy_overpayments.preview(w)
            params = {"legacy_overpayments": legacy_overpayments.repairable(rows)}
            plan = keep_plan(w, "legacy_overpayments", fingerprint, plan, params, found=rows)
        return {"data": rows, "next_cursor": None, "plan_id": plan["plan_id"], "plan": plan}

    def repair_legacy_overpayments(self, account_id: str, *, plan_id: str, actor: str) -> View:
        params = self._plan_params(account_id, plan_id, "legacy_overpayments")
        with self._working(account_id) as w:
            _, _, fingerprint = legacy_overpayments.preview(w)
        self._refuse_outdated(params, fingerprint)
        return self._ask(account_id, "repair", params, actor, join=False)
