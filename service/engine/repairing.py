"""A conflict's ways out: one side's state is taken, by bending what both last agreed on so that the planner goes that
way."""

from __future__ import annotations

from dataclasses import replace

from mappings.distru.records import read_books
from mappings.documents import CreditMemo, Ending, Payment, Side, from_json, to_json
from service.engine import legacy_overpayments
from service.engine.hard_deletes import census
from service.engine.problems import END_IN_QUICKBOOKS
from service.engine.reading import read_erp
from service.engine.sync import Look, bring_into_step, read_both
from service.engine.working import Working
from service.errors import Refused
from service.ports import Problem

USE_ERP, USE_QUICKBOOKS, RELEASE_USES = "use_erp", "use_quickbooks", "release_uses"


def run(w: Working) -> None:
    """Carry out what a person chose: a plan for old overpayments, or one conflict's way out."""
    assert w.run is not None
    if "legacy_overpayments" in w.run.params:
        legacy_overpayments.run(w, w.run.params["legacy_overpayments"])
    elif w.run.params["choice"] == END_IN_QUICKBOOKS:
        _end_what_is_missing(w)
    else:
        _resolve(w)


def _end_what_is_missing(w: Working) -> None:
    """What the ERP does not list now counts as deleted."""
    w.progress(phase="Asking the ERP for every record")
    read_both(w, Look())
    census(w, now_please=True, believed=True)
    w.progress(phase="Ending in QuickBooks what was deleted")
    bring_into_step(w, Look(retry=True), as_planned=True)


def _resolve(w: Working) -> None:
    assert w.run is not None
    with w.reading() as tx:
        found = tx.problems.get(str(w.run.params["problem_id"]))
    if found is None or found[1].key is None or found[1].company_id is None:
        raise Refused("The problem is gone.", code="problem_gone")
    problem, choice = found[1], str(w.run.params["choice"])
    w.progress(phase="Reading both books")
    read_both(w, Look())
    w.progress(phase="Carrying out what was chosen")
    if choice == RELEASE_USES:
        _release_uses(w, problem)
        read_erp(w, ("credit", "invoice", "payment"))
    with w.writing() as tx:
        row = tx.id_map.get(w.id, w.epoch, problem.key or "")
        if row is not None:
            erp, quickbooks = from_json(problem.erp), from_json(problem.quickbooks)
            agreed, echo = _bent(choice, erp, quickbooks)
            tx.id_map.save(w.id, w.epoch, replace(row, agreed=to_json(agreed), echo=to_json(echo)), w.now())
        tx.problems.set_status(problem.id, "resolved", reason=choice, at=w.now())
        tx.marks.add(w.id, [problem.company_id or ""])
    bring_into_step(w, Look(companies=frozenset({problem.company_id or ""}), retry=True), as_planned=True)


def _release_uses(w: Working, problem: Problem) -> None:
    """Take the newest uses of a credit off in the ERP until QuickBooks' smaller memo covers what is left.

    Only payments made of credits alone are voided: one that holds money is a person's to undo.
    """
    quickbooks = from_json(problem.quickbooks)
    allowed = quickbooks.total if isinstance(quickbooks, CreditMemo) else 0
    with w.reading() as tx:
        records = tx.records.of_company(w.id, problem.company_id or "")
    books = read_books([(r.kind, r.body, r.deleted) for r in records])
    using = [p for p in books.payments.values() if p.posted and any(use.credit == problem.erp_id for use in p.uses)]
    used = sum(use.amount for p in using for use in p.uses if use.credit == problem.erp_id)
    for payment in sorted(using, key=lambda p: (p.at, p.id), reverse=True):
        if used <= allowed:
            return
        if payment.amount != sum(use.amount for use in payment.uses):
            raise Refused(f"Payment {payment.number} holds money too: void it in the ERP first.", code="holds_money")
        w.erp.void_payment(payment.id)
        used -= sum(use.amount for use in payment.uses if use.credit == problem.erp_id)


def _bent(choice: str, erp: Side, quickbooks: Side) -> tuple[Side, Side]:
    """What to remember as agreed: the loser's state on both sides, so that only the winner has moved."""
    if choice == USE_ERP:
        return _another(erp, quickbooks), quickbooks
    return erp, _another(quickbooks, erp)


def _another(winner: Side, loser: Side) -> Side:
    """A state that differs from the winner's: the loser's own, or an end where there is none."""
    if loser is None or loser == winner:
        return Ending.VOIDED if isinstance(winner, Payment) else Ending.DELETED
    return loser
