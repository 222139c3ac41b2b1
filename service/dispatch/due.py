"""What both dispatchers do alike."""

from __future__ import annotations

from collections.abc import Callable

from service.ports import Clock, Store

MOST_ROUNDS = 1_000


class StillDue(RuntimeError):
    """Working did not make the connections any less due, however often it was tried."""


def due(store: Store, clock: Clock) -> list[int]:
    """Connections that wait for a worker, who waits longest first."""
    with store.reading() as books:
        return books.connections.due(clock())


def run_due(store: Store, clock: Clock, work: Callable[[int], object]) -> None:
    """Work everything that is due in the calling thread, until nothing is. Raises: `StillDue`."""
    for _ in range(MOST_ROUNDS):
        waiting = due(store, clock)
        if not waiting:
            return
        for connection_id in waiting:
            work(connection_id)
    raise StillDue(f"{len(waiting)} connections are still due after {MOST_ROUNDS} rounds")
