"""Recorded payloads of the real QuickBooks (shared/qbo/corpus), numbers as Decimals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

CORPUS = Path(__file__).parents[2].parent / "shared" / "qbo" / "corpus"


def recorded(name: str) -> dict[str, Any]:
    """One answer as our client would hand it on."""
    answer: dict[str, Any] = simplejson.loads((CORPUS / name).read_text(), parse_float=Decimal)
    return answer


def one(name: str, entity: str) -> dict[str, Any]:
    found: dict[str, Any] = recorded(name)[entity]
    return found


def page(name: str, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded(name)["QueryResponse"][entity]
    return found
