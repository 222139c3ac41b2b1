"""How much QuickBooks answers at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnswerSizes:
    """`page`: rows that are asked for in one page of a query, at least two (§6). `changes`: at so many objects a CDC
    answer is cut off, without a word (§7)."""

    page: int = 1000
    changes: int = 1000


INTUITS = AnswerSizes()
