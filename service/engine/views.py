"""What the engine knows, in the contract's shapes (contracts/service.md): money as text, instants as ISO 8601 UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mappings.documents import CreditMemo
from mappings.gl import gl_effect
from mappings.money import cents, text
from mappings.plan import Action, Step
from service.engine import problems
from service.engine.brakes import amount_of
from service.engine.compare import Comparison
from service.engine.customers import Waiting
from service.engine.links import WORDS
from service.engine.lists import Lists
from service.engine.pace import estimate, last_moved
from service.ports import Audit, Connection, Link, Notice, Page, Problem, Raw, Run

View = dict[str, Any]
RECEIVING = ("read:company", "read:credit", "read:return", "read:refund", "read:invoice", "read:payment")


def moment(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None


def as_z(value: str | None) -> str | None:
    return value.replace("+00:00", "Z") if value else None


def money(value: int | None) -> str | None:
    return None if value is None else text(value)


def page(found: Page, view: Any) -> View:
    return {"data": [view(item) for item in found.data], "next_cursor": found.next_cursor}


def connection(
    c: Connection,
    *,
    settings: Mapping[str, Any],
    last_run: Run | None,
    links: int,
    problem_count: int,
    connect_url: str | None = None,
) -> View:
    marks = [c.watermarks[name] for name in RECEIVING if c.watermarks.get(name)]
    view = {
        "account_id": c.account_id,
        "name": c.name,
        "state": c.state.value,
        "realm_id": c.realm_id,
        "quickbooks_company": c.quickbooks_company,
        "epoch": c.epoch,
        "two_way": c.two_way,
        "settings": dict(settings),
        "last_run": run(last_run, c.account_id) if last_run else None,
        "links": links,
        "problems": problem_count,
        "auto_apply_credit": (c.lists.get("preferences") or {}).get("SalesFormsPrefs", {}).get("AutoApplyCredit"),
        "complete_up_to": {"erp": as_z(min(marks, default=None)), "quickbooks": as_z(c.watermarks.get("quickbooks"))},
    }
    return view | ({"connect_url": connect_url} if connect_url else {})


def run(r: Run, account_id: str) -> View:
    return {
        "id": r.id,
        "account_id": account_id,
        "kind": r.kind,
        "state": r.state,
        "trigger": r.trigger,
        "progress": {"done": r.done, "total": r.total, **_under_way(r)},
        "counts": dict(r.counts),
        "quickbooks_calls": {"free": r.free_calls, "metered": r.metered_calls},
        "erp_calls": r.erp_calls,
        "problems": r.problems,
        "error": r.error,
        "requested_by": r.requested_by,
        "approved_by": r.approved_by,
        "started_at": moment(r.started_at),
        "finished_at": moment(r.finished_at),
    }


def _under_way(r: Run) -> View:
    """What it is busy with, how fast it goes (steps a minute) and how long that will take; None where nobody knows."""
    between_turns = r.state == "queued" and not r.error
    pace = r.pace or () if r.state == "running" or between_turns else ()
    foretold = estimate(pace, r.total)
    return {
        "phase": r.phase if r.state in ("queued", "running") else None,
        "per_minute": foretold.per_minute if foretold else None,
        "seconds_left": foretold.left_s if foretold else None,
        "moved_at": moment(last_moved(pace)),
    }


def link(item: Link) -> View:
    return {
        "kind": item.kind,
        "erp_id": item.erp_id,
        "erp_number": item.erp_number,
        "quickbooks_type": WORDS.get(item.quickbooks_type or ""),
        "quickbooks_id": item.quickbooks_id,
        "quickbooks_number": item.quickbooks_number,
        "status": item.status,
        "message": item.message,
        "epoch": item.epoch,
        "updated_at": moment(item.updated_at),
    }


def problem(p: Problem) -> View:
    return {
        "id": p.id,
        "status": p.status,
        "code": p.code,
        "kind": p.kind,
        "erp_id": p.erp_id,
        "quickbooks_id": p.quickbooks_id,
        "number": p.number,
        "company_id": p.company_id,
        "amount": money(p.amount),
        "cause": p.cause,
        "what_to_do": p.what_to_do,
        "choices": list(p.choices),
        "quickbooks_code": p.quickbooks_code,
        "intuit_tid": p.intuit_tid,
        "erp": side(p.erp),
        "quickbooks": side(p.quickbooks),
        "agreed": side(p.agreed),
        "first_seen": moment(p.first_seen),
        "last_seen": moment(p.last_seen),
        "attempts": p.attempts,
    }


UNREADABLE = "unreadable_notice"
SIDES = {"quickbooks": "QuickBooks", "erp": "the ERP"}


def notice_id(n: Notice) -> str:
    return f"notice-{n.id}"


def notice_number(problem_id: str) -> int:
    """The notice that a problem's id names; -1 where it names none."""
    number = problem_id.removeprefix("notice-")
    return int(number) if number != problem_id and number.isdecimal() and len(number) < 19 else -1


def quarantined(n: Notice) -> View:
    """A signed notice that could not be read: stored as it came, shown among the problems."""
    return {
        "id": notice_id(n),
        "status": "open",
        "code": UNREADABLE,
        "kind": None,
        "erp_id": None,
        "quickbooks_id": None,
        "number": None,
        "company_id": None,
        "amount": None,
        "cause": f"A signed notice of {SIDES.get(n.source, n.source)} could not be read: {n.error}.",
        "what_to_do": "Nothing is lost: changes are found by reconciliation. Report it to the developers; after "
        "their fix, read it again.",
        "choices": [],
        "quickbooks_code": None,
        "intuit_tid": None,
        "erp": None,
        "quickbooks": None,
        "agreed": None,
        "first_seen": moment(n.received_at),
        "last_seen": moment(n.received_at),
        "attempts": 1,
    }


AMOUNTS = frozenset({"total", "amount", "outside", "refunded", "discount"})


def side(body: Raw | None) -> View | None:
    """A document as people read it: amounts as text instead of cents."""
    if body is None:
        return None
    return {name: _shown(name, value) for name, value in body.items()}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return side(value)
    if isinstance(value, list | tuple):
        return [side(item) if isinstance(item, Mapping) else item for item in value]
    return text(value) if name in AMOUNTS and isinstance(value, int) else value


def audit(entry: Audit) -> View:
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "side": entry.side,
        "kind": entry.kind,
        "erp_id": entry.erp_id,
        "quickbooks_id": entry.quickbooks_id,
        "number": entry.number,
        "company_id": entry.company_id,
        "amount": money(entry.amount),
        "why": entry.why,
        "run_id": entry.run_id,
        "before": side(entry.before),
        "after": side(entry.after),
        "row": entry.seq,
        "hash": entry.hash,
    }


def step(c: Comparison, s: Step, lists: Lists | None = None, action: str | None = None) -> View:
    """One step of a plan; with `lists` its accounting names the items' own accounts."""
    kind, erp_id = problems.subject_of(c, s.key)
    entity = c.held.entities.get(s.key)
    amount = amount_of(s)
    return plan_row(
        action or s.action.value,
        kind,
        erp_id,
        entity[1] if entity else None,
        problems.number_of_key(c, s.key),
        c.company,
        amount,
        s.reason,
        _gl(s, lists or Lists()),
    )


def plan_row(
    action: str,
    kind: str | None,
    erp_id: str | None,
    quickbooks_id: str | None,
    number: str | None,
    company: str,
    amount: int,
    reason: str,
    effect: View | None,
) -> View:
    return {
        "action": action,
        "kind": kind,
        "erp_id": erp_id,
        "quickbooks_id": quickbooks_id,
        "number": number,
        "company_id": company,
        "amount": text(amount),
        "reason": reason,
        "gl_effect": effect,
    }


def _gl(s: Step, lists: Lists) -> View | None:
    """What a step that makes or changes a credit does to the ledger; None for any other."""
    after, before = (side if isinstance(side, CreditMemo) else None for side in (s.document, s.before))
    known = after or before
    if known is None:
        return None
    items = [lists.items.get(line.item or "") or {} for line in known.lines]
    account = next((item["IncomeAccountRef"].get("name") for item in items if item.get("IncomeAccountRef")), None)
    moved = (after.total if after else 0) - (before.total if before else 0)
    stock = any(item.get("Type") == "Inventory" for item in items)
    return gl_effect(moved, known.reason, account=account, moves_stock=stock)


def plan(plan_id: str, created: datetime, steps: list[View], receivables: Iterable[View]) -> View:
    totals: dict[str, dict[str, int]] = {}
    for row in steps:
        total = totals.setdefault(row["action"], {"count": 0, "amount": 0})
        total["count"] += 1
        total["amount"] += _cents(row["amount"])
    return {
        "plan_id": plan_id,
        "created_at": moment(created),
        "steps": steps,
        "totals": {action: {"count": t["count"], "amount": text(t["amount"])} for action, t in totals.items()},
        "ar": list(receivables),
    }


def _cents(value: str) -> int:
    return cents(value)


def ar(company: str, erp: tuple[int, int], quickbooks: tuple[int, int]) -> View:
    return {
        "company_id": company,
        "erp_before": text(erp[0]),
        "erp_after": text(erp[1]),
        "quickbooks_before": text(quickbooks[0]),
        "quickbooks_after": text(quickbooks[1]),
    }


def waiting(one: Waiting) -> View:
    """A customer whose credits wait for a company: named in the tie-out, not part of its difference."""
    raw = one.customer.body
    return {
        "quickbooks_id": one.customer.id,
        "name": raw.get("FullyQualifiedName") or raw.get("DisplayName"),
        "amount": text(one.amount),
        "since": one.since,
        "documents": one.documents,
    }


def is_change(s: Step) -> bool:
    return s.action is not Action.REMEMBER
