"""The one story: repeat what is unanswered, read both sides, compare, hold what is too large, apply, remember."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from structlog.contextvars import bound_contextvars

from mappings.documents import Ending, Key
from mappings.money import cents
from mappings.plan import Action, CompanyPlan, Step
from mappings.planner import in_step
from service.engine import problems
from service.engine.apply import carry_out
from service.engine.compare import Comparison, compare
from service.engine.customers import (
    default_mode,
    import_customers,
    is_to_be_made,
    link_customers,
    make_customers,
    park_unmapped,
)
from service.engine.items import ensure_default_item
from service.engine.kept_tie_outs import keep_company, keep_tie_out
from service.engine.links import push_links
from service.engine.lists import Lists, load_lists, preferences_are_younger_than, refresh_preferences
from service.engine.negatives import used_in_quickbooks
from service.engine.reading import ERP_KINDS, are_echoes, census, read_erp, read_erp_notices, read_quickbooks
from service.engine.repeating import repeat_unanswered
from service.engine.under_way import UnderWay
from service.engine.working import Working
from service.errors import SyncError, TurnOver
from service.ports import Notice, Problem, Raw, Transaction

log = logging.getLogger(__name__)

ROUNDS = 4
"""How often one company is planned anew within a run when the books move under it."""
CAUGHT_UP = timedelta(minutes=5)
SECOND_CLICK = timedelta(minutes=1)
"""Who asks again within that time meets the preferences that the first look read: each read is metered."""


@dataclass(frozen=True)
class Look:
    """Where to look: notices, or both sides' changes as a whole. `retry`: try again what was refused before;
    `customers`: how companies get theirs (default: the connection's setting); `only_new`: leave alone what was marked
    before, because a long run works it off in turns.
    """

    notices: tuple[Notice, ...] = ()
    bodies: Mapping[int, Raw] = field(default_factory=dict)
    everything: bool = True
    companies: frozenset[str] | None = None
    retry: bool = False
    census: bool = False
    customers: str | None = None
    only_new: bool = False

    @property
    def sees_quickbooks(self) -> bool:
        """Whether it may meet what was made in QuickBooks."""
        return self.everything or any(n.source == "quickbooks" for n in self.notices)


class TooLarge(Exception):
    """A run that would change more than this connection allows: it is held before its first write."""

    def __init__(self, documents: int, amount: int) -> None:
        super().__init__(f"{documents} documents, {amount} cents")
        self.documents = documents
        self.amount = amount


def sync(w: Working, look: Look, *, approved: bool = False) -> None:
    """Bring everything that moved into step."""
    repeat_unanswered(w)
    if not w.has_reached("read"):
        before = _pending(w, look) if look.only_new else {}
        read_both(w, look)
        w.reach("read")
        if look.only_new:
            w.reach("companies", sorted(c for c, mark in _pending(w, look).items() if before.get(c) != mark))
    if w.reached("companies") is not None:
        look = replace(look, companies=frozenset(w.reached("companies")))
    bring_into_step(w, look, approved=approved)


def read_both(w: Working, look: Look) -> None:
    """Read what moved on both sides; nothing is written to either."""
    refresh_preferences(w, now_please=_preferences_matter(w, look))
    from_erp = [n for n in look.notices if n.source == "erp"]
    from_quickbooks = [n for n in look.notices if n.source == "quickbooks"]
    if look.everything:
        read_erp(w, ERP_KINDS)
        census(w, now_please=look.census)
    if from_erp:
        read_erp_notices(w, from_erp, dict(look.bodies))
    first = not w.connection.watermarks.get("quickbooks")
    if look.everything or first or (from_quickbooks and not are_echoes(w, from_quickbooks)):
        read_quickbooks(w)
    link_customers(w)
    if look.sees_quickbooks:
        park_unmapped(w)


def _preferences_matter(w: Working, look: Look) -> bool:
    """A notice told that they changed, or a person asks while closed books hold something: else an old look will do."""
    if any(n.type == "Preferences" for n in look.notices):
        return True
    if not look.census or preferences_are_younger_than(w, SECOND_CLICK):
        return False
    with w.reading() as tx:
        return any(p.code == "closed_books" for p in tx.problems.open(w.id))


def bring_into_step(w: Working, look: Look, *, approved: bool = False) -> None:
    """Plan and apply every company that is marked; in several turns, where it is much."""
    with w.reading() as tx:
        lists = load_lists(tx, w)
        asked = set() if w.has_reached("marked") else _asked(tx, w, look)
    if asked:
        with w.writing() as tx:
            tx.marks.add(w.id, asked)
    w.reach("marked")
    if not approved and not w.has_reached("passed_brakes"):
        _brake(w, look, lists)
        w.reach("passed_brakes")
    try:
        make_customers(w, mode=look.customers, companies=look.companies)
        if look.sees_quickbooks:
            import_customers(w)
        _work_off(w, look, lists)
        if _reads_declared(w):
            _work_off(w, look, lists)
    except TurnOver:
        # The marks hold what is left; what is done is told now.
        _reads_declared(w)
        push_links(w)
        raise
    push_links(w)
    keep_tie_out(w)


def _asked(tx: Transaction, w: Working, look: Look) -> set[str]:
    """Those that were asked for, and with everything those that wait for a person: the cause may be gone."""
    waiting = tx.problems.open(w.id) if look.everything else ()
    return {*(look.companies or ()), *(problem.company_id for problem in waiting if problem.company_id)}


def _reads_declared(w: Working) -> bool:
    """What the ERP made of a declaration shows on records that its answer does not name."""
    if not w.declared:
        return False
    w.declared = False
    read_erp(w, ("credit", "invoice", "payment"))
    return True


def _work_off(w: Working, look: Look, lists: Lists) -> None:
    for company, mark in sorted(_pending(w, look).items()):
        w.make_room()
        try:
            with bound_contextvars(company_id=company):
                _company(w, company, mark, lists, retry=look.retry)
        except (SyncError, AssertionError):
            raise
        except Exception as error:
            # One company's surprise must not stop the others; it is looked at again with every sweep.
            log.exception("company_failed", extra={"company_id": company})
            with w.writing() as tx:
                problems.report(tx, w, problems.of_surprise(w, company, error))
                tx.marks.done(w.id, company, mark)


def _pending(w: Working, look: Look) -> dict[str, int]:
    with w.reading() as tx:
        pending = tx.marks.pending(w.id)
    return pending if look.companies is None else {c: mark for c, mark in pending.items() if c in look.companies}


def plans(w: Working, look: Look) -> list[tuple[Comparison, CompanyPlan]]:
    """What would happen, company by company: for dry runs and previews."""
    with w.reading() as tx:
        lists = load_lists(tx, w)
        companies = set(tx.marks.pending(w.id)) | {p.company_id for p in tx.problems.open(w.id) if p.company_id}
        if look.companies is not None:
            companies = set(look.companies)
        found = [compare(tx, w, company, lists) for company in sorted(companies)]
        return [(c, c.plan) for c in found if has_place(tx, w, c, look)]


def has_place(tx: Transaction, w: Working, c: Comparison, look: Look) -> bool:
    """Whether the company's documents have a customer to go to, or will have one."""
    if c.customer:
        return True
    company = tx.records.get(w.id, "COMPANY", c.company)
    return company is not None and is_to_be_made(company, None, look.customers or default_mode(w))


def _brake(w: Working, look: Look, lists: Lists) -> None:
    documents_allowed, amount_allowed = w.settings.get("max_documents_per_run"), w.settings.get("max_amount_per_run")
    if documents_allowed is None and amount_allowed is None:
        return
    documents = amount = 0
    pending = _pending(w, look)
    with w.reading() as tx:
        for company in pending:
            c = compare(tx, w, company, lists)
            steps = [s for s in c.plan.steps if s.action is not Action.REMEMBER] if has_place(tx, w, c, look) else []
            documents += len({step.key for step in steps})
            amount += sum(abs(amount_of(step)) for step in steps)
    too_many = documents_allowed is not None and documents > int(documents_allowed)
    if too_many or (amount_allowed is not None and amount > _cents(amount_allowed)):
        raise TooLarge(documents, amount)


def _cents(value: object) -> int:
    return cents(value)


def amount_of(step: Step) -> int:
    """What a person would call the amount of a step, in cents."""
    return next((int(s.total) for s in (step.document, step.before) if s is not None and hasattr(s, "total")), 0)


# ------------------------------------------------------------------------------------------- one company


def _company(w: Working, company: str, mark: int, lists: Lists, *, retry: bool) -> None:
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
            if keys & c.scope and not any(key in c.rows and c.rows[key].quickbooks_id for key in keys):
                _set_status(tx, w, c, ref, min(keys & c.scope), "NOT_SYNCED", cause)
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
        _show(tx, w, c, way, causes)
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


def _show(tx: Transaction, w: Working, c: Comparison, way: UnderWay, causes: Mapping[Key, str]) -> None:
    """The sync status beside every record: SYNCED only when every document that carries a part of it is in step."""
    shown = tx.id_map.statuses(w.id, w.epoch, c.company)
    for ref, keys in sorted(c.projection.touches.items()):
        known = sorted(key for key in keys if key in c.scope or key in c.rows)
        if not known:
            continue
        states = {key: _state(c, key, causes) for key in known}
        main = next((key for key in known if ref in c.projection.records.get(key, ())), known[0])
        status = states[main]
        if status == "SYNCED" and any(state not in ("SYNCED", "DELETED_IN_QBO") for state in states.values()):
            status = "PARTIALLY_SYNCED"
        wait = c.projection.waits.get(main)
        never_sent = "It ended in the ERP before it was sent." if status == "NOT_SYNCED" else None
        message = (
            causes.get(main)
            or next((causes[k] for k in known if k in causes), None)
            or never_sent
            or ((wait.cause if wait else way.blocked.get(main)) if status not in ("SYNCED", "DELETED_IN_QBO") else None)
        )
        if shown.get(ref) != (status, message):
            _set_status(tx, w, c, ref, main, status, message)
    for ref, why in c.projection.by_choice.items():
        if any(r.wanted for r in c.records if (r.kind, r.erp_id) == ref):
            _set_status(tx, w, c, ref, "", "NOT_SYNCED", why)


def _state(c: Comparison, key: Key, causes: Mapping[Key, str]) -> str:
    if key in causes:
        row = c.rows.get(key)
        return "DELETED_IN_QBO" if _is_gone(c, key) and row and row.quickbooks_id else "ERROR"
    row = c.rows.get(key)
    if isinstance(c.projection.documents.get(key), Ending) and (row is None or not row.quickbooks_id):
        return "NOT_SYNCED"
    if row is None or row.agreed is None:
        return "PENDING"
    if row.status == "DELETED_IN_QBO":
        return row.status
    agreed = c.situation.agreed[key]
    if _is_gone(c, key) and not isinstance(c.projection.documents.get(key), Ending | None):
        return "DELETED_IN_QBO"  # such as a payment of credits alone whose invoice was voided: nothing is left to hold
    return "SYNCED" if in_step(agreed.erp, agreed.quickbooks) and key not in c.plan.outstanding else "PENDING"


def _is_gone(c: Comparison, key: str) -> bool:
    entity = c.held.entities.get(key)
    known = c.objects.get(entity) if entity else None
    return known is not None and known.deleted


def _set_status(
    tx: Transaction, w: Working, c: Comparison, ref: tuple[str, str], key: str, status: str, message: str | None
) -> None:
    number = next((r.number for r in c.records if (r.kind, r.erp_id) == ref), None)
    tx.id_map.set_status(
        w.id, w.epoch, *ref, status=status, message=message, number=number, company_id=c.company, key=key, at=w.now()
    )


def connection_trouble(w: Working, error: SyncError, side: str) -> None:
    """A side that cannot be reached: said once, until it is back."""
    advice = {
        "quickbooks": "Nothing: it is tried again by itself. If it stays, see status.developer.intuit.com.",
        "erp": "Nothing: it is tried again by itself. If it stays, check the ERP and the API key.",
    }
    code = f"{side}_{error.code.removeprefix(f'{side}_')}"
    with w.writing() as tx:
        problems.report(tx, w, problems.of_connection(w, code, error, advice[side]))
