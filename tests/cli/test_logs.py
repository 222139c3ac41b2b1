"""Log lines: one form for all, ids of the run at hand, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from service.logs import configure_logging, log_context

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


@pytest.fixture
def lines() -> Lines:
    """What was logged so far, as JSON."""
    stream = io.StringIO()
    configure_logging("json", "INFO", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_the_libraries_have_one_form(lines: Lines) -> None:
    structlog.get_logger("ours").info("run_ended", problems=2)
    logging.getLogger("theirs").warning("pool is full: %s", 10)

    ours, theirs = lines()
    assert (ours["event"], ours["logger"], ours["level"], ours["problems"]) == ("run_ended", "ours", "info", 2)
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("pool is full: 10", "theirs", "warning")
    assert all(line["timestamp"].endswith("Z") for line in (ours, theirs))


def test_lines_of_a_run_carry_its_ids_and_the_next_ones_do_not(lines: Lines) -> None:
    log = structlog.get_logger()

    with log_context(connection_id=1, run_id="run-1"):
        log.info("inside")
    log.info("outside")

    inside, outside = lines()
    assert (inside["connection_id"], inside["run_id"]) == (1, "run-1")
    assert "run_id" not in outside


@pytest.mark.parametrize(
    "name", ["token", "access_token", "Authorization", "erp_api_key", "client_secret", "body", "raw_body", "signature"]
)
def test_what_is_named_like_a_secret_is_dropped(lines: Lines, name: str) -> None:
    structlog.get_logger().info("called", **{name: "hunter2"})

    assert lines()[0][name] == "[dropped]"


def test_a_failure_is_logged_with_its_trace_but_without_its_variables() -> None:
    stream = io.StringIO()
    configure_logging("console", "INFO", stream)
    password = "hunter2"

    try:
        raise RuntimeError(len(password))
    except RuntimeError:
        structlog.get_logger().exception("failed")

    assert "RuntimeError: 7" in stream.getvalue()
    assert "'hunter2'" not in stream.getvalue().replace('password = "hunter2"', "")


def test_what_is_below_the_level_is_not_logged(lines: Lines) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("apscheduler.executors.default").info("Running job")

    assert lines() == []
