"""How fast a run goes and how long it will still take, told from its own last moments.

A pace is a list of [instant (ISO 8601), steps done by then], oldest first: plain data that is kept with the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Moments = Sequence[Sequence[Any]]

KEPT = 24
APART = timedelta(seconds=5)
"""Two minutes are looked back upon: long enough to be steady, short enough to follow QuickBooks' mood."""
ENOUGH = timedelta(seconds=10)
"""Sooner than this nothing is foretold."""


@dataclass(frozen=True)
class Estimate:
    """`per_minute`: steps; `left_s`: seconds until the last one, at this pace."""

    per_minute: int
    left_s: int


def moved(pace: Moments, at: datetime, done: int) -> list[list[Any]]:
    """The pace with one more moment; one that follows closely takes the place of the last."""
    known = [list(moment) for moment in pace]
    if len(known) > 1 and datetime.fromisoformat(known[-1][0]) - datetime.fromisoformat(known[-2][0]) < APART:
        known.pop()
    return [*known, [at.isoformat(), done]][-KEPT:]


def estimate(pace: Moments, total: int) -> Estimate | None:
    """None where too little has happened to tell."""
    if len(pace) < 2:
        return None
    (began, first), (last_moved, done) = pace[0], pace[-1]
    took = datetime.fromisoformat(last_moved) - datetime.fromisoformat(began)
    if took < ENOUGH or done <= first:
        return None
    per_step = took / (done - first)
    return Estimate(round(timedelta(minutes=1) / per_step), round((per_step * max(0, total - done)).total_seconds()))


def last_moved(pace: Moments) -> datetime | None:
    return datetime.fromisoformat(pace[-1][0]) if pace else None
