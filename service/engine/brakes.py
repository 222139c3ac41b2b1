"""Brakes: a run that would change more than its connection allows waits, before its first write, for another person."""

from __future__ import annotations

from collections.abc import Iterable

from mappings.money import cents
from mappings.plan import Step
from service.engine.working import Working

HELD = "held"
"""What a run would have changed when it was held, kept with it: `[documents, cents]`."""


class TooLarge(Exception):
    """A run that would change more than this connection allows: it is held before its first write."""

    def __init__(self, documents: int, amount: int) -> None:
        super().__init__(f"{documents} documents, {amount} cents")
        self.documents = documents
        self.amount = amount


def are_set(w: Working) -> bool:
    return any(limit is not None for limit in _limits(w))


def brake(w: Working, steps: Iterable[Step], *, customers: int = 0) -> None:
    """Raises: `TooLarge`, where these steps, and the customers that are to be made, go beyond a limit. What a person
    approved is allowed, and the limit beyond it: the books may have moved on, but not by more than that."""
    planned = list(steps)
    documents = len({step.key for step in planned}) + customers
    amount = sum(abs(amount_of(step)) for step in planned)
    approved = w.run.cursor.get(HELD) if w.run is not None and w.run.approved_by is not None else None
    documents_approved, amount_approved = approved or (0, 0)
    most, at_most = _limits(w)
    if (most is not None and documents > most + documents_approved) or (
        at_most is not None and amount > at_most + amount_approved
    ):
        raise TooLarge(documents, amount)


def amount_of(step: Step) -> int:
    """What a person would call the amount of a step, in cents."""
    return next((int(s.total) for s in (step.document, step.before) if s is not None and hasattr(s, "total")), 0)


def _limits(w: Working) -> tuple[int | None, int | None]:
    """Documents, and cents."""
    most, at_most = w.settings.get("max_documents_per_run"), w.settings.get("max_amount_per_run")
    return None if most is None else int(most), None if at_most is None else cents(at_most)
