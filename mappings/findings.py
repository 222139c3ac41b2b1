"""What is wrong in the data, as values: bad data comes back as a list of findings, all at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A rule that a record breaks. `waits` marks one that heals by itself (something else has to come first)."""

    code: str
    kind: str
    erp_id: str
    field: str
    cause: str
    what_to_do: str
    waits: bool = False
