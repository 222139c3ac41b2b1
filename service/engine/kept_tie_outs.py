"""Keeping what each sync's tie-out was: figures of companies that moved, totals when a sync ends (decision 0011)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mappings.documents import Key
from service.engine import problems
from service.engine.compare import Comparison
from service.engine.customers import linked_companies
from service.engine.kept_figures import keep
from service.engine.lists import Lists, load_lists
from service.engine.settings import shown
from service.engine.tying_out import of_company, tied
from service.engine.unlinked import lone_company, lone_customers
from service.engine.working import Working
from service.errors import Refused
from service.ports import ChainCheck, Connection, KeptTieOut, Tied, Transaction

log = logging.getLogger(__name__)

EVERY_HOUR_FOR = timedelta(days=7)
SOME = 50
"""Companies in one transaction of the first tie-out: each commit says that we are alive."""


def keep_company(tx: Transaction, w: Working, c: Comparison, lists: Lists, causes: Mapping[Key, str]) -> None:
    """One company's figures, after it was worked: from what was compared anyway."""
    _keep(tx, w, c.company, tied(c, lists, causes) if c.customer else lone_company(tx, w, c.company))


def keep_tie_out(w: Working) -> None:
    """At the end of a sync: the totals, where a figure moved or a new day began. No call to either side."""
    with w.reading() as tx:
        last = tx.tie_outs.last(w.id, w.epoch)
        moved = tx.tie_outs.moved_since(w.id, w.epoch, last.at if last else None)
    zone = zone_of(w.connection)
    if last is not None and not moved and last.at.astimezone(zone).date() == w.now().astimezone(zone).date():
        return
    if last is None:
        _keep_everybody(w)
    with w.reading() as tx:
        checked = tx.audits.check(w.id, since=tx.audits.last_check(w.id))
    with w.writing() as tx:
        run = w.run.id if w.run else None
        kept = tx.tie_outs.close(w.id, w.epoch, run_id=run, chain=tx.audits.chain(w.id), at=w.now())
        tx.tie_outs.drop(w.id, superseded(tx.tie_outs.history(w.id), w.now(), zone))
        _remember(tx, w, checked)
    # Logs are kept elsewhere: whoever rewrites the database cannot rewrite what was said here.
    log.info("tie_out_kept", extra={"audit_rows": kept.audit_rows, "audit_hash": kept.audit_hash})


def superseded(history: Sequence[KeptTieOut], now: datetime, zone: ZoneInfo) -> list[KeptTieOut]:
    """Those that a later one of the same hour stands for; after a week, of the same day of the connection's zone."""
    newest: dict[tuple[int, object], KeptTieOut] = {}
    for each in history:
        is_recent = now - each.at < EVERY_HOUR_FOR
        newest[(each.epoch, _hour(each.at) if is_recent else each.at.astimezone(zone).date())] = each
    kept = {each.at for each in newest.values()}
    return [each for each in history if each.at not in kept]


def zone_of(connection: Connection) -> ZoneInfo:
    return ZoneInfo(str(shown(connection)["timezone"] or "UTC"))


def _keep(tx: Transaction, w: Working, company: str, figures: Tied | None) -> None:
    """A customer that the company is linked to now is no lone one any more."""
    gone = {f"customer:{figures.quickbooks_id}"} if figures else {f"company:{company}"}
    keep(tx, w, [figures] if figures else [], gone)


def _keep_everybody(w: Working) -> None:
    with w.reading() as tx:
        lists, linked = load_lists(tx, w), set(linked_companies(tx, w))
        companies = sorted(linked | set(tx.records.company_ids(w.id)))
    for start in range(0, len(companies), SOME):
        with w.writing() as tx:
            for company in companies[start : start + SOME]:
                known = of_company(tx, w, company, lists) if company in linked else lone_company(tx, w, company)
                _keep(tx, w, company, known)
    with w.writing() as tx:
        keep(tx, w, lone_customers(tx, w))


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _remember(tx: Transaction, w: Working, checked: ChainCheck) -> None:
    """What was audited since the last look fits; where it does not, a person has to know."""
    tx.audits.remember_check(w.id, checked)
    if checked.fault is None:
        tx.problems.settle(w.id, "audit", at=w.now())
        return
    error = Refused(f"The audit was tampered with: {checked.fault}", code="audit_broken")
    advice = "Find out who may write to the database; compare with a proof pack or a backup from before."
    problem = problems.of_connection(w, "audit_broken", error, advice)
    problems.report(tx, w, replace(problem, key="audit"))
