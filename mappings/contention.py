"""QuickBooks applied a credit on its own, to another invoice than the ERP's user chose (scenario B46).

By policy its choice is adopted (the ERP's payment that finds no credit left is voided there), or the credit is taken
off again and re-pointed to where the ERP wants it. A refund is never given up by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mappings.documents import CreditMemo, Ending, Key, Payment, Side
from mappings.plan import Action, Conflict, Phase, Step

AUTOMATIC = "Created by QB Online to link credits to charges."
"""What QuickBooks writes on the zero payments that it makes itself (REFERENCE 4.11)."""


_OF_MONEY = (
    "QuickBooks itself applied a credit of this payment to another invoice, and the payment holds money too.",
    "Take the application off in QuickBooks, or void the payment and record it without the credit.",
)
_OF_A_REFUND = (
    "QuickBooks itself applied the credit that this refund pays out to an invoice.",
    "Take the application off in QuickBooks, or void the refund in the ERP.",
)


@dataclass(frozen=True)
class Settled:
    """The steps after the contention is settled, and what only a person can decide."""

    steps: list[Step]
    conflicts: list[Conflict]


def settle_contention(steps: Iterable[Step], held: Mapping[Key, Side], policy: str) -> Settled:
    """Look for credits that are wanted by a new payment of the ERP and were applied by QuickBooks meanwhile."""
    kept = list(steps)
    takers = _automatic(kept)
    result, conflicts = list(kept), []
    for step in kept:
        document = step.document
        if step.action is not Action.CREATE or not isinstance(document, Payment) or not document.credits:
            continue
        rivals = [taker for taker in takers if _short(document, held) & _credits(taker.document)]
        if not rivals:
            continue
        if policy == "repoint":
            result = [_taken_off(one) if one in rivals else one for one in result]
        elif document.total == 0 and not document.refunds:
            result[result.index(step)] = _given_up(step)
        else:
            result.remove(step)
            conflicts.append(_ask(step, rivals[0]))
    return Settled(result, conflicts)


def _automatic(steps: list[Step]) -> list[Step]:
    """Applications that QuickBooks made itself and that the ERP does not know yet."""
    found = []
    for step in steps:
        document = step.document
        is_new = step.action is Action.DECLARE and step.erp is None
        if is_new and isinstance(document, Payment) and document.total == 0 and AUTOMATIC in document.note:
            found.append(step)
    return found


def _credits(side: Side) -> set[Key]:
    return {part.key for part in side.credits} if isinstance(side, Payment) else set()


def _short(document: Payment, held: Mapping[Key, Side]) -> set[Key]:
    """The credits of a payment that QuickBooks has not enough left of."""
    used: dict[Key, int] = defaultdict(int)
    for side in held.values():
        for part in side.credits if isinstance(side, Payment) else ():
            used[part.key] += part.amount
    short = set()
    for part in document.credits:
        memo = held.get(part.key)
        if isinstance(memo, CreditMemo) and memo.total - used[part.key] < part.amount:
            short.add(part.key)
    return short


def _given_up(step: Step) -> Step:
    why = "QuickBooks applied this credit to another invoice by itself; its choice is adopted."
    return replace(step, action=Action.VOID_IN_ERP, phase=Phase.UNLINK, document=Ending.VOIDED, reason=why, needs=())


def _taken_off(step: Step) -> Step:
    why = "QuickBooks applied this credit by itself; it is re-pointed to the invoice that the ERP chose."
    return replace(
        step,
        action=Action.DELETE,
        phase=Phase.UNLINK,
        document=Ending.DELETED,
        before=step.document,
        reason=why,
        needs=(),
    )


def _ask(step: Step, rival: Step) -> Conflict:
    """Money was moved in the world: nobody but a person undoes that."""
    is_refund = isinstance(step.document, Payment) and bool(step.document.refunds)
    cause, what_to_do = _OF_A_REFUND if is_refund else _OF_MONEY
    return Conflict(
        step.key,
        "credit_applied_elsewhere",
        cause,
        what_to_do,
        step.document,
        rival.document,
        None,
        (),
    )
