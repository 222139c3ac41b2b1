"""One company: plan, carry out, and look once more at what is outstanding then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service.engine import problems
from service.engine.apply import carry_out
from service.engine.compare import Comparison, compare
from service.engine.items import ensure_default_item
from service.engine.kept_tie_outs import keep_company
from service.engine.lists import Lists, load_lists
from service.engine.negatives import used_in_quickbooks
from service.engine.showing import document_of, set_status, show
from service.engine.under_way import UnderWay
from service.engine.working import Working
from service.ports import Problem, Transaction

ROUNDS = 4
"""How often one company is planned anew within a run when the books move under it."""
CAUGHT_UP = timedelta(minutes=5)


def bring_company_into_step(w: Working, company: str, mark: int, lists: Lists, *, retry: bool) -> None:
    """Until its books agree or everything that differs is a problem; `mark` is done then."""
    for _ in range(ROUNDS):
        with w.reading() as tx:
            c = compare(tx, w, company, lists)
            known = tx.problems.open_of_company(w.id, company)
            unanswered = [intent.key for intent in tx.journal.unanswered(w.id, w.epoch)]
        trouble = _trouble(c, lists)
        if trouble:
            _park(w, c, mark, lists, *trouble)
            return
        c = _without_paused(w, c)
        if ensure_default_item(w, lists, c.plan):
            with w.reading() as tx:
                lists = load_lists(tx, w)
        way = UnderWay(w, c, lists, unanswered)
        carry_out(way, known, retry=retry)
        _conclude(w, company, mark, lists, way)
        if not way.again:
            return
        with w.reading() as tx:
            lists = load_lists(tx, w)
    with w.writing() as tx:
        for key in sorted(way.blocked):
            problems.report(tx, w, problems.of_unrest(w, way.c, key))
        tx.marks.done(w.id, company, mark)


def _trouble(c: Comparison, lists: Lists) -> tuple[str, str] | None:
    """What holds back a whole company."""
    name = c.books.company.name if c.books.company else c.company
    if not c.scope and not c.plan.steps:
        return None
    if c.customer is None:
        return "customer_not_linked", f"The company '{name}' is not linked to a QuickBooks customer."
    customer = c.objects.get(("Customer", c.customer))
    raw = customer.body if customer else {}
    if customer is not None and customer.deleted:
        return "customer_gone", f"QuickBooks' customer {c.customer} of '{name}' was deleted or merged into another one."
    if raw and not raw.get("Active", True):
        return "customer_inactive", f"QuickBooks' customer '{raw.get('DisplayName')}' of '{name}' was made inactive."
    currency = (raw.get("CurrencyRef") or {}).get("value")
    ours = (c.books.company.currency if c.books.company else None) or lists.home_currency
    if currency and currency != ours:
        return (
            "currency_differs",
            f"'{name}' is kept in {ours} by the ERP and in {currency} by QuickBooks; both must agree.",
        )
    return None


def _park(w: Working, c: Comparison, mark: int, lists: Lists, code: str, cause: str) -> None:
    """One problem for the company; its records say why they are not in QuickBooks. Nothing is guessed."""
    with w.writing() as tx:
        problems.report(tx, w, problems.of_company(w, c, code, cause))
        for ref, keys in c.projection.touches.items():
            main = document_of(c, ref)
            if main in c.scope and not any(key in c.rows and c.rows[key].quickbooks_id for key in keys):
                set_status(tx, w, c, ref, main, "NOT_SYNCED", cause)
        keep_company(tx, w, c, lists, problems.causes_by_key(tx.problems.open_of_company(w.id, c.company)))
        tx.marks.done(w.id, c.company, mark)


def _without_paused(w: Working, c: Comparison) -> Comparison:
    """Kinds that a person paused wait with everything that needs them."""
    kept = [step for step in c.plan.steps if not w.is_paused(problems.kind_of(c, step.key))]
    return replace(c, plan=replace(c.plan, steps=tuple(kept)))


def _conclude(w: Working, company: str, mark: int, lists: Lists, way: UnderWay) -> None:
    """Look at the company once more: what is still outstanding, and what to show beside every record."""
    with w.writing() as tx:
        c = compare(tx, w, company, lists) if way.has_moved else way.c
        causes = problems.causes_by_key(_report(tx, w, c, way))
        show(tx, w, c, way, causes)
        keep_company(tx, w, c, lists, causes)
        if not way.again:
            tx.marks.done(w.id, company, mark)


def _report(tx: Transaction, w: Working, c: Comparison, way: UnderWay) -> list[Problem]:
    """Raise what waits for a person, settle what does not any more; answers what is open then."""
    raised: set[tuple[str | None, str]] = set()
    for conflict in (*c.plan.conflicts, *used_in_quickbooks(c)):
        problem = problems.report(tx, w, problems.of_conflict(w, c, conflict))
        raised.add((problem.key, problem.code))
    for entity in c.left_behind:
        problem = problems.report(tx, w, problems.of_left_behind(w, c, entity))
        raised.add((problem.key, problem.code))
    for key, finding in c.projection.waits.items():
        if finding.code == "records_disagree" and not _is_old(w, c, key):
            tx.marks.add(w.id, [c.company])  # looked at again until they agree, or are a problem
        elif not finding.waits or finding.code == "records_disagree":
            problem = problems.report(tx, w, problems.of_finding(w, c, key, finding))
            raised.add((problem.key, problem.code))
    still = {step.key for step in c.plan.steps}
    standing = []
    for problem in tx.problems.open_of_company(w.id, c.company):
        if (problem.key, problem.code) in raised or problem.key in way.failed or problem.key in still:
            standing.append(problem)
        else:
            tx.problems.settle(w.id, problem.key, codes=[problem.code], at=w.now())
    return standing


def _is_old(w: Working, c: Comparison, key: str) -> bool:
    """Records that still disagree well after the ERP's reads have caught up do not heal by themselves."""
    refs = c.projection.records.get(key, ())
    touched = [r.updated_at for r in c.records if (r.kind, r.erp_id) in refs and r.updated_at]
    return bool(touched) and w.now() - max(touched) > CAUGHT_UP
