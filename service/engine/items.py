"""The item of a line that names none: "Distru Sales", made in QuickBooks where it is missing."""

from __future__ import annotations

from mappings.plan import Action, CompanyPlan
from service.engine.lists import DEFAULT_ITEM, Lists
from service.engine.working import Working, dumps
from service.engine.writing import note, record_answer, send
from service.errors import Refused
from service.ports import Audit, Operation, QuickBooksWrite

KEY = "item:default"


def ensure_default_item(w: Working, lists: Lists, plan: CompanyPlan) -> bool:
    """Make the default item where this plan needs it and QuickBooks has none; answers whether it was made.

    A QuickBooks that refuses it leaves the lines without an item: each document then says so.
    """
    if lists.default_item(w.settings) is not None or lists.income_account is None or not _is_needed(plan):
        return False
    body = {"Name": DEFAULT_ITEM, "Type": "Service", "IncomeAccountRef": {"value": lists.income_account}}
    with w.writing() as tx:
        intent = note(tx, w, KEY, QuickBooksWrite("Item", Operation.CREATE, dumps(body), ""), None)
    try:
        answer = send(w, intent)
    except Refused:
        return False
    with w.writing() as tx:
        record_answer(tx, w, intent, answer)
        tx.audits.add(w.id, [_audit(w, str(answer["Id"]))])
    return True


def _is_needed(plan: CompanyPlan) -> bool:
    forms = [step.document for step in plan.steps if step.action in (Action.CREATE, Action.UPDATE)]
    return any(line.item is None for form in forms for line in getattr(form, "lines", ()))


def _audit(w: Working, item: str) -> Audit:
    return Audit(
        at=w.now(),
        actor="sync",
        action="create",
        side="quickbooks",
        key=KEY,
        quickbooks_id=item,
        number=DEFAULT_ITEM,
        why="The default item was missing.",
        run_id=w.run.id if w.run else None,
    )
