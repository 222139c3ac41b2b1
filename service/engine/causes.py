"""One cause or two: the same sentence about two records is one cause, once what names the records is taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mappings.money import text
from service.engine.working import digest
from service.ports import Problem

BLANK = "…"
_NAMES_A_RECORD = re.compile(
    r"""
      [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}   # an id of the ERP's
    | -?\d[\d,]*\.\d\d\b                                     # an amount
    | \b[A-Z]{2,4}-\d+\b                                     # PMT-1002, CR-1001, RET-9
    | (?<=\bInvoice\s)\#?\d+ | (?<=\binvoice\s)\#?\d+ | (?<=\bPayment\s)\#?\d+ | (?<=\bpayment\s)\#?\d+
    | (?<=\bCredit\sMemo\s)\#?\d+ | (?<=\bcustomer\s)\d+ | (?<=\bdeposit\s)\#?\d+
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z ]*")


def pattern(problem: Problem) -> str:
    """The cause without what names this very record: its numbers, ids, dates and amounts, and other documents'.

    An item, an account or a closing date that several records share stays: these are different causes.
    """
    found = problem.cause
    for name in sorted(set(_own(problem)), key=lambda name: (-len(name), name)):
        found = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", BLANK, found)
    return _NAMES_A_RECORD.sub(BLANK, found)


def group(problem: Problem) -> str:
    """Names the cause: the same code of ours and of QuickBooks', and the same sentence."""
    return digest(problem.code, problem.quickbooks_code or "", pattern(problem))[:16]


def _own(problem: Problem) -> Iterator[str]:
    """What names the record. A company has its name for a number; a word that only looks like one stays.

    QuickBooks' ids are short numbers, which an item may bear as well: those of documents are known by the word before.
    """
    for name in (problem.number, problem.erp_id, problem.company_id):
        if name and (problem.kind == "COMPANY" or not _PLAIN.fullmatch(name)):
            yield name
    if problem.amount is not None:
        yield text(problem.amount)
    for side in (problem.erp, problem.quickbooks, problem.agreed):
        yield from _dates(side or {})


def _dates(side: Mapping[str, Any]) -> Iterator[str]:
    for name in ("date", "due_date"):
        if isinstance(side.get(name), str):
            yield side[name]
