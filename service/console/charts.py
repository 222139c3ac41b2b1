"""Charts as plain numbers: what a template draws as SVG, without script and without style attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

WIDTH, LEFT, RIGHT = 960, 76, 28
_MOST_TICKS = 5
_MOST_DAYS = 8
Point = tuple[datetime, int]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: horizontal lines (y, label), and the path of each series."""

    top: int
    height: int
    title: str
    ticks: list[tuple[int, str]]
    paths: list[str]


@dataclass(frozen=True)
class Chart:
    """Panels above each other over the same time; `days` are vertical lines (x, label)."""

    panels: list[Panel]
    days: list[tuple[int, str]]
    height: int
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT


def steps(panels: Sequence[tuple[str, int, Sequence[Sequence[Point]]]], zone: ZoneInfo) -> Chart | None:
    """Series of cents that hold until the next point, as steps. `panels`: (title, height, series). None: too little."""
    times = [at for _, _, series in panels for points in series for at, _ in points]
    if not times or min(times) == max(times):
        return None
    since, until = min(times), max(times)
    drawn, top = [], 18
    for title, height, series in panels:
        drawn.append(_panel(title, top, height, series, since, until))
        top += height + 34
    return Chart(drawn, _days(since, until, zone), top - 6)


def _panel(
    title: str, top: int, height: int, series: Sequence[Sequence[Point]], since: datetime, until: datetime
) -> Panel:
    amounts = [amount for points in series for _, amount in points]
    marks = ticks(min(amounts), max(amounts))
    low, high = marks[0], marks[-1]

    def y(amount: int) -> int:
        return top + height - (amount - low) * height // (high - low)

    paths = [_path([(_x(at, since, until), y(amount)) for at, amount in points]) for points in series]
    return Panel(top, height, title, [(y(mark), _short(mark)) for mark in marks], paths)


def _path(points: Sequence[tuple[int, int]]) -> str:
    first_x, first_y = points[0]
    moves = [f"H{x}V{y}" if y != before else f"H{x}" for (_, before), (x, y) in pairwise(points)]
    return f"M{first_x} {first_y}" + "".join(moves)


def _x(at: datetime, since: datetime, until: datetime) -> int:
    return LEFT + round((WIDTH - LEFT - RIGHT) * ((at - since) / (until - since)))


def ticks(low: int, high: int) -> list[int]:
    """Round amounts from at or below `low` to at or above `high`, at most five or so."""
    if low == high:
        low, high = low - 100, high + 100
    round_steps = (factor * 10**power for power in range(18) for factor in (1, 2, 5))
    step = next(each for each in round_steps if (high - low) // each < _MOST_TICKS)
    return list(range(low // step * step, -(-high // step) * step + 1, step))


def _short(amount: int) -> str:
    return f"{amount // 100:,}" if amount % 100 == 0 else f"{amount / 100:,.2f}"


def _days(since: datetime, until: datetime, zone: ZoneInfo) -> list[tuple[int, str]]:
    """Midnights of the zone, every so many days; within two days, hours."""
    span = until - since
    if span < timedelta(days=2):
        every = max(1, -(-int(span.total_seconds() // 3600) // _MOST_DAYS))
        start = since.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        moments = [start + timedelta(hours=every * n) for n in range(_MOST_DAYS + 1)]
        return [(_x(at, since, until), f"{at:%H:%M}") for at in moments if since <= at <= until]
    every = max(1, -(-span.days // _MOST_DAYS))
    start = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    moments = [start + timedelta(days=every * n) for n in range(_MOST_DAYS + 1)]
    return [(_x(at, since, until), f"{at.day} {at:%b}") for at in moments if since <= at <= until]
