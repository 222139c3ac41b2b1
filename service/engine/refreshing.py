"""A fresh pull before a payment is taken: in time, or an honest "busy" while the pull goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class TooSlow(Exception):
    """No answer yet; the work goes on."""


class _Outcome(Generic[T]):
    """What a piece of work came to, seen from another thread."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: list[T] = []
        self.error: Exception | None = None

    def run(self, work: Callable[[], T]) -> None:
        try:
            self.result.append(work())
        except Exception as error:
            self.error = error
        self.done.set()


def in_time(work: Callable[[], T], seconds: float) -> T:
    """What the work answers or raises, within so many real seconds; raises `TooSlow` and lets it go on otherwise.

    A call to QuickBooks cannot be broken off half-way: who gives up waiting must not take its claim away.
    """
    outcome: _Outcome[T] = _Outcome()
    threading.Thread(target=outcome.run, args=(work,), name="refresh", daemon=True).start()
    if not outcome.done.wait(seconds):
        raise TooSlow
    if outcome.error is not None:
        raise outcome.error
    return outcome.result[0]
