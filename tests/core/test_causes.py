"""Two hundred refusals are one cause where the sentence is the same but for what names the record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.engine.causes import group, pattern
from service.ports import Problem

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_problem(cause: str, **changes: Any) -> Problem:
    blank: dict[str, Any] = dict.fromkeys(Problem.__dataclass_fields__)
    known = {"id": "p", "status": "open", "code": "closed_books", "cause": cause, "what_to_do": "", "choices": ()}
    record = {
        "kind": "INVOICE",
        "erp_id": "inv-1",
        "number": "1042",
        "first_seen": NOON,
        "last_seen": NOON,
        "attempts": 1,
    }
    return Problem(**blank | known | record | changes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Document 1042 is numbered twice.", "Document 1043 is numbered twice."),
        ("99.50 was asked, 1,250.00 was kept.", "10.00 was asked, 9.99 was kept."),
        ("Payment PMT-1 waits for invoice 7.", "Payment PMT-2 waits for invoice 8."),
        (
            "Record 6e704245-a4ff-41e3-a794-9b80dcb0b82e is gone.",
            "Record 5ac60f7a-32e5-4e1c-9d3e-1f2f7c3b9a10 is gone.",
        ),
        ("Dated 2026-01-15 in closed books.", "Dated 2026-01-16 in closed books."),
    ],
)
def test_what_names_the_record_does_not_part_a_cause(one: str, other: str) -> None:
    first = a_problem(one, erp={"date": "2026-01-15"})
    second = a_problem(other, number="1043", erp_id="inv-2", erp={"date": "2026-01-16"})

    assert pattern(first) == pattern(second)
    assert group(first) == group(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The item 'Breakage' (id 5) is inactive.", "The item 'Breakage' (id 6) is inactive."),
        ("Books are closed up to 2026-01-31.", "Books are closed up to 2026-02-28."),
    ],
)
def test_what_several_records_share_does(one: str, other: str) -> None:
    assert group(a_problem(one)) != group(a_problem(other))


def test_another_code_of_quickbooks_is_another_cause() -> None:
    assert group(a_problem("No.", quickbooks_code="6000")) != group(a_problem("No.", quickbooks_code="6190"))
    assert group(a_problem("No.", code="refused")) != group(a_problem("No."))


def test_a_company_is_named_by_its_name_and_a_word_is_no_number() -> None:
    company = a_problem("The company 'High Street' is not linked.", kind="COMPANY", number="High Street")
    invoice = a_problem("The field total is not read.", number="total")

    assert pattern(company) == "The company '…' is not linked."
    assert pattern(invoice) == "The field total is not read."
