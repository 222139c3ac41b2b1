"""Log lines of a run name the connection, the run, the record and QuickBooks' own id, and nothing that is private."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import get_contextvars

from service.logs import configure_logging
from tests.stories.world import World

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What was logged so far, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("json", "INFO", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def test_a_write_is_logged_with_its_run_its_record_and_intuits_id(world: World, lines: Lines) -> None:
    company, _ = world.linked_company(name="Sunset Dispensary")
    invoice = world.user.create_invoice(company_id=company, amount="123.45")
    world.settle()

    [line] = [
        line
        for line in lines()
        if line["event"] == "quickbooks_call" and (line["kind"], line["resource"]) == ("write", "invoice")
    ]

    assert line["connection_id"] == 1
    assert line["company_id"] == company
    assert invoice["id"] in line["record"]
    assert line["intuit_tid"]
    assert line["status"] == 200
    assert line["run_id"] in {
        row["run_id"]
        for row in world.desk.audit("acc-1", record=invoice["id"], run=None, cursor=None, limit=10)["data"]
    }


def test_each_run_has_its_own_id_and_none_is_left_behind(world: World, lines: Lines) -> None:
    for _ in range(2):
        world.reconcile()

    runs = {line["run_id"] for line in lines() if line["event"] == "quickbooks_call"}

    assert len(runs) >= 2
    assert get_contextvars() == {}


def test_no_line_holds_what_a_document_says(world: World, lines: Lines) -> None:
    company, _ = world.linked_company(name="Sunset Dispensary")
    world.user.create_invoice(company_id=company, amount="123.45")
    world.settle()

    told = json.dumps(lines())

    assert [each for each in ("Sunset", "123.45", "erp-key", "sim-secret") if each in told] == []
