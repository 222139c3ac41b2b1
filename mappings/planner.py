"""(erp, quickbooks, agreed) → Plan. Pure: no clock, no I/O; the same input in any order gives the same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mappings.contention import settle_contention
from mappings.distru.projection import Projection
from mappings.documents import (
    CreditMemo,
    Document,
    Ending,
    Invoice,
    Key,
    Kind,
    Parts,
    Payment,
    Refund,
    Side,
    parts,
    same_money,
)
from mappings.merging import merge
from mappings.plan import Action, CompanyPlan, Conflict, Phase, Step
from mappings.policy import flow
from mappings.quickbooks import Held, foreign_uses, link_amounts


@dataclass(frozen=True)
class Agreed:
    """What both sides held when they were last in step, each in its own words. `linked`: QuickBooks holds it
    (still)."""

    erp: Side = None
    quickbooks: Side = None
    linked: bool = False


@dataclass(frozen=True)
class Situation:
    """Everything that the decision about one company depends on.

    `auto_applied`: whether an application that QuickBooks made itself is adopted or re-pointed (`repoint`).
    `wanted`: documents without a link that are to be sent. `importable`: documents born in QuickBooks that the ERP is
    to have (two-way). `elsewhere`: what of the company's lives under another customer, as it is there; `names`: what
    people call the customers concerned.
    """

    company: str
    projection: Projection
    held: Held
    agreed: Mapping[Key, Agreed] = field(default_factory=dict)
    wanted: frozenset[Key] = frozenset()
    importable: frozenset[Key] = frozenset()
    two_way: bool = False
    auto_applied: str = "adopt"
    elsewhere: Mapping[Key, Document] = field(default_factory=dict)
    names: Mapping[Key, str] = field(default_factory=dict)


def plan(situation: Situation) -> CompanyPlan:
    """Decide every document of one company, then order the steps so that no intermediate state is wrong."""
    scope = in_scope(situation)
    steps: list[Step] = []
    conflicts: list[Conflict] = []
    for key in sorted(
        situation.projection.documents.keys() | situation.held.documents.keys() | situation.agreed.keys()
    ):
        if key in situation.projection.waits:
            continue
        verdict = _never_made_again(_decide(key, situation, scope), situation)
        if isinstance(verdict, Step):
            steps.append(verdict)
        elif isinstance(verdict, Conflict):
            conflicts.append(verdict)
    settled = settle_contention(steps, situation.held.documents, situation.auto_applied)
    ordered = order(settled.steps)
    conflicts += settled.conflicts
    outstanding = frozenset(step.key for step in ordered if step.action is not Action.REMEMBER)
    waits = {key: finding for key, finding in situation.projection.waits.items() if key in scope}
    return CompanyPlan(
        situation.company,
        tuple(ordered),
        tuple(conflicts),
        waits,
        {},
        outstanding | waits.keys() | {conflict.key for conflict in conflicts},
    )


def in_scope(situation: Situation) -> frozenset[Key]:
    """Documents to be kept in step: linked or wanted ones, and what these cannot do without.

    A payment brings its invoices and credits; an invoice that is sent for the first time brings what was paid on it,
    else
    it would stand open in QuickBooks. The rest, made before the connection, is left alone.
    """
    documents = situation.projection.documents
    scope = {key for key, agreed in situation.agreed.items() if agreed.linked or agreed.erp is not None}
    scope |= set(situation.wanted)
    payments = {key: link_amounts(side) for key, side in documents.items() if isinstance(side, Payment)}
    grown = True
    while grown:
        size = len(scope)
        for key, links in payments.items():
            if key in scope:
                scope |= links.keys() & documents.keys()
            elif any(target in scope and not _is_linked(situation, target) for target in links):
                scope.add(key)
            elif any(part.key in scope for part in _refunds(documents[key])):
                scope.add(key)  # what ties a refund to its credit has no record of its own
        grown = len(scope) > size
    return frozenset(scope)


def _refunds(side: Side) -> Parts:
    return side.refunds if isinstance(side, Payment) else ()


def _is_linked(situation: Situation, key: Key) -> bool:
    agreed = situation.agreed.get(key)
    return agreed is not None and agreed.linked


def _decide(key: Key, situation: Situation, scope: frozenset[Key]) -> Step | Conflict | None:
    """Choose what happens to one document."""
    agreed = situation.agreed.get(key, Agreed())
    erp = situation.projection.documents.get(key)
    qbo = situation.held.documents.get(key, agreed.quickbooks)
    if agreed.erp is None and agreed.quickbooks is None:
        return _first_meeting(key, erp, qbo, situation, scope)
    if erp is None and agreed.erp is not None:
        return None  # nothing is ended because a record could not be seen
    if erp != agreed.erp:
        erp = _told_already(erp, qbo, agreed.quickbooks)
    erp_moved, qbo_moved = erp != agreed.erp, qbo != agreed.quickbooks
    if not erp_moved and not qbo_moved:
        return None
    if in_step(erp, qbo):
        if _texts_moved(erp, agreed.erp):
            return _to_quickbooks(key, erp, qbo, "Its texts were changed in the ERP.")
        return _declare_texts(key, erp, qbo, agreed, situation) or _remember(key, erp, qbo, "Both hold the same.")
    if not qbo_moved or (erp_moved and same_money(qbo, agreed.quickbooks)):
        return _to_quickbooks(key, erp, qbo, "Changed in the ERP.")
    return _quickbooks_moved(key, erp, qbo, agreed, situation, erp_moved=erp_moved)


def _never_made_again(verdict: Step | Conflict | None, situation: Situation) -> Step | Conflict | None:
    """While what stands for it lives under another customer, a document is brought back instead; one that we forgot and
    that nobody was asked about, by a person."""
    if not isinstance(verdict, Step) or verdict.action is not Action.CREATE or verdict.key not in situation.elsewhere:
        return verdict
    there = situation.elsewhere[verdict.key]
    if not _is_linked(situation, verdict.key):
        return replace(_given_away(verdict.key, verdict.erp, there, Agreed(), situation), choices=())
    back = _to_quickbooks(verdict.key, verdict.document, there, verdict.reason)
    return replace(back, erp=verdict.erp) if back else None


def _told_already(erp: Side, qbo: Side, known: Side) -> Side:
    """The ERP's side with what QuickBooks alone knows as it is now, where everything else of a Payment is the same.

    The ERP was told, and we forgot (a backup): read with what is `known` of QuickBooks its money seems to have changed.
    """
    if not isinstance(erp, Payment) or not isinstance(qbo, Payment):
        return erp
    told = replace(erp, total=qbo.total, credits=qbo.credits, outside=qbo.outside, refunded=qbo.refunded)
    is_all_it_holds = _own_credits(erp, known) == _own_credits(qbo, qbo) and erp.unapplied == qbo.unapplied
    return told if is_all_it_holds and same_money(told, qbo) else erp


def _own_credits(payment: Payment, known: Side) -> Parts:
    """The credits on a Payment without what they paid, as far as `known`, of documents that the ERP does not have."""
    foreign = foreign_uses(known) if isinstance(known, Payment) else {}
    return parts({part.key: part.amount - sum(foreign.get(part.key, (0, 0))) for part in payment.credits})


def in_step(erp: Side, qbo: Side) -> bool:
    """Whether both books say the same of a document, as far as each can hold it.

    A Payment that puts everything against documents of QuickBooks alone has nothing for the ERP to hold.
    """
    if isinstance(qbo, Payment) and _live(erp) is None:
        return not (qbo.invoices or qbo.credits or qbo.refunds or qbo.unapplied)
    if isinstance(erp, Payment) and erp.is_empty and _live(qbo) is None:
        return True
    return same_money(erp, qbo)


def _first_meeting(
    key: Key, erp: Side, qbo: Side, situation: Situation, scope: frozenset[Key]
) -> Step | Conflict | None:
    live_erp, live_qbo = _live(erp), _live(qbo)
    if isinstance(erp, Ending) and qbo is not None and _is_linked(situation, key):
        return _ended_before_it_was_agreed(key, erp, qbo, situation)
    if live_erp and live_qbo:
        if same_money(erp, qbo):
            return _remember(key, erp, qbo, "QuickBooks holds it already.")
        if flow(live_qbo.KIND, key, two_way=situation.two_way).into:
            return _declare(key, erp, qbo, "QuickBooks holds it already and is the truth.")
        return _to_quickbooks(key, erp, qbo, "QuickBooks holds an older state of it.")
    if live_erp and qbo is None and key in scope:
        return _to_quickbooks(key, erp, None, "New in the ERP.")
    if live_erp and isinstance(qbo, Ending) and key in scope:
        return _quickbooks_moved(key, erp, qbo, Agreed(), situation, erp_moved=False)
    if live_qbo and erp is None and key in situation.importable:
        return _declare(key, None, qbo, "New in QuickBooks.")
    return None


def _ended_before_it_was_agreed(key: Key, erp: Ending, qbo: Side, situation: Situation) -> Step | Conflict | None:
    """The ERP was told of it, but held something else, and has nothing of it any more."""
    if in_step(erp, qbo):
        return _remember(key, erp, qbo, "The ERP has nothing to hold of it.")
    return _quickbooks_moved(key, erp, qbo, Agreed(), situation, erp_moved=True)


def _quickbooks_moved(
    key: Key, erp: Side, qbo: Side, agreed: Agreed, situation: Situation, *, erp_moved: bool
) -> Step | Conflict | None:
    kind = _kind(erp, qbo, agreed)
    if not flow(kind, key, two_way=situation.two_way).into:
        if _stands_elsewhere(qbo, agreed, situation.company):
            return _given_away(key, erp, qbo, agreed, situation)
        return _moved_in_quickbooks(key, erp, qbo, agreed)
    if not erp_moved:
        return _declare(key, erp, qbo, "Changed in QuickBooks.")
    live_erp, live_qbo = _live(erp), _live(qbo)
    if live_erp and live_qbo:
        merged = merge(live_erp, live_qbo, agreed.erp)
        if same_money(merged, qbo):
            return _declare(key, erp, qbo, "Changed in both; QuickBooks is the truth.")
        step = _to_quickbooks(key, merged, qbo, "Changed in both, in different places: both changes are kept.")
        return replace(step, erp=erp, then_declare=True) if step else None
    if live_qbo:
        return _declare(key, erp, qbo, "Ended in the ERP, changed in QuickBooks; QuickBooks is the truth.")
    return _declare(key, erp, qbo, "Ended in QuickBooks, changed in the ERP; QuickBooks is the truth.")


def _stands_elsewhere(qbo: Side, agreed: Agreed, company: Key) -> bool:
    """Whether it is under another customer now than this company's, and than the one where it was left."""
    live, before = _live(qbo), _live(agreed.quickbooks)
    return live is not None and live.customer not in (company, before.customer if before else None)


def _given_away(key: Key, erp: Side, qbo: Side, agreed: Agreed, situation: Situation) -> Conflict:
    """A document that the ERP owns was given to another customer: it has not ended, so it is never made again."""
    there = _live(qbo)
    assert there is not None
    ours, theirs = (situation.names.get(each, each) for each in (situation.company, there.customer))
    return Conflict(
        key,
        "moved_to_another_customer",
        f"QuickBooks holds this document under the customer '{theirs}'; by the ERP it belongs to '{ours}'.",
        f"Give it back to '{ours}' in QuickBooks, or keep what the ERP says where that is offered. If it is to stay "
        f"with '{theirs}', make the same change in the ERP or void it there.",
        erp,
        qbo,
        agreed.erp,
        ("use_erp",),
    )


def _moved_in_quickbooks(key: Key, erp: Side, qbo: Side, agreed: Agreed) -> Conflict:
    """A document that the ERP owns was changed by hand in QuickBooks: never overwritten without a person's word."""
    ended = isinstance(qbo, Ending)
    what = f"was {qbo.value} in QuickBooks" if isinstance(qbo, Ending) else "was changed in QuickBooks"
    return Conflict(
        key,
        "deleted_in_quickbooks" if ended else "changed_in_quickbooks",
        f"This document comes from the ERP, and it {what} by hand.",
        "Bring QuickBooks back to what the ERP says, or make the same change in the ERP.",
        erp,
        qbo,
        agreed.erp,
        ("use_erp",) if _live(erp) or not ended else (),
    )


def _declare_texts(key: Key, erp: Side, qbo: Side, agreed: Agreed, situation: Situation) -> Step | None:
    """A credit's notes changed in QuickBooks are the ERP's to show too; numbers and dates are not (scenario 56)."""
    before = agreed.quickbooks
    if not isinstance(qbo, CreditMemo) or not isinstance(before, CreditMemo) or not isinstance(erp, CreditMemo):
        return None
    if (qbo.note, qbo.customer_note) == (before.note, before.customer_note):
        return None
    if not flow(Kind.CREDIT_MEMO, key, two_way=situation.two_way).into:
        return None
    return _declare(key, erp, qbo, "Its notes were changed in QuickBooks.")


def _texts_moved(erp: Side, agreed: Side) -> bool:
    live, before = _live(erp), _live(agreed)
    if live is None or before is None or live.KIND is not before.KIND:
        return False
    return any(getattr(live, name) != getattr(before, name) for name in type(live).TEXT)


# -------------------------------------------------------------------------------------------------- steps


def _remember(key: Key, erp: Side, qbo: Side, reason: str) -> Step:
    return Step(Action.REMEMBER, key, Phase.REMEMBER, qbo, qbo, erp, reason)


def _to_quickbooks(key: Key, erp: Side, qbo: Side, reason: str) -> Step | None:
    live_erp, live_qbo = _live(erp), _live(qbo)
    if live_erp is None:
        if live_qbo is None:
            return _remember(key, erp, qbo, "Ended on both sides.")
        return _end(key, erp, live_qbo)
    if isinstance(live_erp, Payment) and live_erp.is_empty:
        return _end(key, live_erp, live_qbo) if live_qbo else None
    action = Action.UPDATE if live_qbo else Action.CREATE
    needs = tuple(link_amounts(live_erp))
    return Step(action, key, _phase(live_erp, live_qbo), live_erp, live_qbo, live_erp, reason, needs)


def _end(key: Key, erp: Side, qbo: Document) -> Step:
    """Void what can be voided; a credit memo can only be deleted (REFERENCE 3.2), a Purchase is deleted with its
    refund."""
    voids = erp is Ending.VOIDED and isinstance(qbo, Invoice | Payment)
    action = Action.VOID if voids else Action.DELETE
    phase = Phase.UNLINK if isinstance(qbo, Payment) else Phase.SHRINK
    ending = Ending.VOIDED if voids else Ending.DELETED
    return Step(action, key, phase, ending, qbo, erp, f"{ending.value.capitalize()} in the ERP.")


def _declare(key: Key, erp: Side, qbo: Side, reason: str) -> Step:
    live = _live(qbo)
    needs = tuple(link_amounts(live)) if live else ()
    return Step(Action.DECLARE, key, _phase(live, _live(erp)), qbo, erp, erp, reason, needs)


def _phase(after: Document | None, before: Document | None) -> Phase:
    if isinstance(after or before, Payment):
        if after is None:
            return Phase.UNLINK
        grows, shrinks = _link_moves(before, after)
        return Phase.LINK if grows or not shrinks else Phase.UNLINK
    if after is None:
        return Phase.SHRINK
    total_before = before.total if isinstance(before, Invoice | CreditMemo | Refund) else 0
    return Phase.SHRINK if after.total < total_before else Phase.GROW


def _link_moves(before: Side, after: Side) -> tuple[set[Key], set[Key]]:
    """Targets that get more, and targets that get less."""
    old, new = link_amounts(before), link_amounts(after)
    keys = old.keys() | new.keys()
    grows = {key for key in keys if new.get(key, 0) > old.get(key, 0)}
    return grows, {key for key in keys if new.get(key, 0) < old.get(key, 0)}


def order(steps: Iterable[Step]) -> list[Step]:
    """Take links off, shrink and end, create and grow, put links on; stable by kind and key.

    A Payment that moves a link away from a document which another step needs is written twice: first only less.
    """
    todo = list(steps)
    touched = {key: sum(1 for step in todo if _touches(step, key)) for step in todo for key in (*step.needs, step.key)}
    result: list[Step] = []
    for step in todo:
        first = _taken_off_first(step, touched)
        result += [first, replace(step, before=first.document)] if first else [step]
    return sorted(result, key=lambda step: (step.phase, _KIND_ORDER.get(_kind_of_key(step.key), 5), step.key))


def _touches(step: Step, key: Key) -> bool:
    return step.key == key or key in step.needs or key in link_amounts(step.before)


def _taken_off_first(step: Step, touched: Mapping[Key, int]) -> Step | None:
    before, after = step.before, step.document
    if step.action is not Action.UPDATE or not isinstance(before, Payment) or not isinstance(after, Payment):
        return None
    grows, shrinks = _link_moves(before, after)
    if not grows or not any(touched.get(key, 0) > 1 or key.startswith("invoice:") for key in shrinks):
        return None
    left = link_amounts(after)
    less = replace(
        before,
        invoices=_less(before.invoices, left),
        credits=_less(before.credits, left),
        refunds=_less(before.refunds, left),
    )
    less = _payable(less)
    return replace(
        step, phase=Phase.UNLINK, document=less, needs=(), partial=True, reason=f"{step.reason} First what it gives up."
    )


def _less(of: Parts, left: Mapping[Key, int]) -> Parts:
    return parts({part.key: min(part.amount, left.get(part.key, 0)) for part in of})


def _payable(payment: Payment) -> Payment:
    """Links that make a valid Payment: no credit beyond what is left to pay, nothing paid that nothing pays for."""
    charges = sum(part.amount for part in (*payment.invoices, *payment.refunds)) + payment.outside + payment.refunded
    credits = _cut(payment.credits, sum(part.amount for part in payment.credits) - charges)
    paid = replace(payment, credits=credits)
    return replace(paid, invoices=_cut(payment.invoices, -paid.unapplied))


def _cut(of: Parts, excess: int) -> Parts:
    kept = {}
    for part in of:
        cut = min(part.amount, max(excess, 0))
        kept[part.key], excess = part.amount - cut, excess - cut
    return parts(kept)


_KIND_ORDER = {
    "company": 0,
    "invoice": 1,
    "negative": 2,
    "credit": 2,
    "CreditMemo": 2,
    "refund": 3,
    "payment": 4,
    "Payment": 4,
}


def _kind_of_key(key: Key) -> str:
    return key.partition("@")[0] if "@" in key else key.partition(":")[0]


def _live(side: Side) -> Document | None:
    return None if side is None or isinstance(side, Ending) else side


def _kind(*sides: Side | Agreed) -> Kind:
    for side in sides:
        for one in (side.erp, side.quickbooks) if isinstance(side, Agreed) else (side,):
            if one is not None and not isinstance(one, Ending):
                return one.KIND
    return Kind.PAYMENT


def importable(held: Held, agreed: Mapping[Key, Agreed], cut_over: str | None) -> frozenset[Key]:
    """Documents born in QuickBooks that two-way sync brings to the ERP: credits with something left or used on our
    invoices, and payments that touch these or leave something unapplied. What is older than the cut-over date is left.
    """
    found = set()
    for key, side in held.documents.items():
        if "@" not in key or (key in agreed and agreed[key].erp is not None):
            continue
        if isinstance(side, CreditMemo):
            concerns = side.total - side.outside - side.refunded > 0
        elif isinstance(side, Payment):
            concerns = bool(side.invoices or side.unapplied > 0)
        else:
            continue
        if concerns and not (cut_over and side.date < cut_over):
            found.add(key)
    return frozenset(found)
