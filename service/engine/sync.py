"""The one story: repeat what is unanswered, read both sides, compare, hold what is too large, apply, remember."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from structlog.contextvars import bound_contextvars

from mappings.plan import Action, CompanyPlan, Step
from service.engine import problems
from service.engine.brakes import are_set, brake
from service.engine.compare import Comparison, compare
from service.engine.customers import (
    default_mode,
    import_customers,
    is_to_be_made,
    link_customers,
    make_customers,
    park_unmapped,
)
from service.engine.erp_notices import read_erp_notices
from service.engine.hard_deletes import census, check_what_made_the_cancelled, refuse_the_key_of_another_account
from service.engine.kept_tie_outs import keep_tie_out
from service.engine.links import push_links
from service.engine.lists import Lists, load_lists, preferences_are_younger_than, refresh_preferences
from service.engine.one_company import bring_company_into_step
from service.engine.reading import ERP_KINDS, are_echoes, read_erp, read_quickbooks
from service.engine.repeating import repeat_unanswered
from service.engine.working import Working
from service.errors import SyncError, TurnOver
from service.ports import Notice, Raw, Transaction

log = logging.getLogger(__name__)

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


def sync(w: Working, look: Look) -> None:
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
    bring_into_step(w, look)


def read_both(w: Working, look: Look) -> None:
    """Read what moved on both sides; nothing is written to either."""
    refuse_the_key_of_another_account(w)
    refresh_preferences(w, now_please=_preferences_matter(w, look))
    from_erp = [n for n in look.notices if n.source == "erp"]
    from_quickbooks = [n for n in look.notices if n.source == "quickbooks"]
    if look.everything:
        read_erp(w, ERP_KINDS)
    if from_erp:
        read_erp_notices(w, from_erp, dict(look.bodies))
    if look.everything:
        census(w, now_please=look.census)  # last: a notice that waited may tell of what was deleted since
    if w.cancelled:
        check_what_made_the_cancelled(w)
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


def bring_into_step(w: Working, look: Look, *, as_planned: bool = False) -> None:
    """Plan and apply every company that is marked; in several turns, where it is much. `as_planned`: a person saw the
    plan, so that no brake is needed."""
    with w.reading() as tx:
        lists = load_lists(tx, w)
        asked = set() if w.has_reached("marked") else _asked(tx, w, look)
    if asked:
        with w.writing() as tx:
            tx.marks.add(w.id, asked)
    w.reach("marked")
    if not as_planned and not w.has_reached("passed_brakes"):
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
                bring_company_into_step(w, company, mark, lists, retry=look.retry)
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
    if not are_set(w):
        return
    steps: list[Step] = []
    customers = 0
    pending = _pending(w, look)
    with w.reading() as tx:
        for company in pending:
            c = compare(tx, w, company, lists)
            if has_place(tx, w, c, look):
                steps += [step for step in c.plan.steps if step.action is not Action.REMEMBER]
                customers += c.customer is None
    brake(w, steps, customers=customers)
