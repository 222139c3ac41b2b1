"""One process owns an SQLite file: only it works, so nothing that an earlier one claimed can still be running."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OwnedByAnother(Exception):
    """Another living process works on this database."""


@contextmanager
def owning(database: Path) -> Iterator[None]:
    """Hold the lock beside the database file. The system lets go of it when the process ends, however it ends.

    Raises: `OwnedByAnother`.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    # Closing is enough, and all that is right: a forked worker that unlocked would take the lock from its parent.
    with database.with_name(f"{database.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OwnedByAnother(f"another qbo-sync process works on {database.name}") from None
        yield
