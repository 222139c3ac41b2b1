"""Those who watch a history see what they are there for."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import simplejson

from fixtures.simulation.outcomes import Outcomes
from fixtures.simulation.world import ACCOUNT, World
from fixtures.simulators.transport import SimulatedTimeout
from fixtures.sweep.faults import FAULTS
from fixtures.sweep.flows import Flow
from fixtures.sweep.play import Outcome, compared, prepared, undisturbed
from fixtures.sweep.world import SweptWorld
from fixtures.torture.logs import violations

MEMO = {"TotalAmt": 5, "PrivateNote": "as agreed\nDistru credit 7"}


class QuickBooks:
    """Says yes to everything; `is_silent`: carries it out and never answers."""

    def __init__(self) -> None:
        self.is_silent = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.is_silent:
            raise SimulatedTimeout
        start_response("200 OK", [])
        return [b'{"CreditMemo": {"Id": "1"}}']


class Service:
    """Calls QuickBooks past the watcher."""

    def __init__(self) -> None:
        self.quickbooks = QuickBooks()
        self.watcher = Outcomes("9")
        self._app = self.watcher.around(self.quickbooks)

    def calls(self, method: str, what: str, query: str, body: str = "") -> None:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/v3/company/9/{what}",
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(body.encode()),
        }
        self._app(environ, lambda *_: None)

    def writes(self, request_id: str) -> None:
        self.calls("POST", "creditmemo", f"requestid={request_id}", simplejson.dumps(MEMO))

    def loses_the_answer_to(self, request_id: str) -> None:
        self.quickbooks.is_silent = True
        with pytest.raises(SimulatedTimeout):
            self.writes(request_id)
        self.quickbooks.is_silent = False


def test_a_memo_written_anew_after_a_lost_answer_is_a_mistake() -> None:
    service = Service()
    service.loses_the_answer_to("first")

    service.writes("second")

    assert service.watcher.mistaken == ["unknown taken for failed: creditmemo Distru credit 7 written anew as second"]


def test_a_memo_sent_again_as_it_was_is_none() -> None:
    service = Service()
    service.loses_the_answer_to("first")

    service.writes("first")
    service.writes("second")

    assert service.watcher.mistaken == []


@pytest.mark.parametrize(("asked", "is_enough"), [("CreditMemo", True), ("Payment", False)])
def test_a_memo_written_anew_after_a_look_is_none_if_the_look_was_for_memos(asked: str, is_enough: bool) -> None:
    service = Service()
    service.loses_the_answer_to("first")

    service.calls("POST", "query", "", f"SELECT * FROM {asked}")
    service.writes("second")

    assert (service.watcher.mistaken == []) is is_enough


@pytest.mark.parametrize("side", ["quickbooks", "erp:invoice"])
def test_a_cursor_that_was_pushed_on_passes_something_over(side: str) -> None:
    world = World.in_step(two_way=True)
    world.user.create_invoice(company_id=world.customers[0].erp_id, amount="5.00")
    world.person.create_invoice(world.customers[0].quickbooks_id, "7.00")
    world.lose()
    with world.service.store.writing() as tx:
        connection = tx.connections.get(ACCOUNT)
        assert connection is not None
        ahead = world.clock() + timedelta(minutes=7)
        tx.connections.update(connection.id, watermarks={side: ahead.isoformat()})
    world.clock.sleep(600)

    world.reconcile()

    world.close()
    assert {one.partition(" of the ")[2].partition(",")[0] for one in world.cursors.skipped} == {
        "QuickBooks" if side == "quickbooks" else "ERP"
    }


def _log_an_error(world: SweptWorld) -> None:
    logging.getLogger("service").error("something broke")


def test_a_flow_that_logs_an_error_does_not_hold() -> None:
    flow = Flow("one that breaks", ask=_log_an_error)

    with closing(prepared(flow)) as world:
        outcome = undisturbed(world, flow)

    assert outcome.violations == ["error in the log: something broke "]


@pytest.mark.parametrize(
    ("problems", "books", "found"),
    [
        ([], ("memo of 40.00",), []),
        (["stale"], ("memo of 40.00",), ["a problem stays: stale"]),
        (["stale"], (), ["a problem stays: stale", "ends otherwise: without: memo of 40.00"]),
        ([], (), ["ends otherwise: without: memo of 40.00"]),
        ([], ("memo of 40.00", "memo of 40.00"), ["ends otherwise: with: memo of 40.00"]),
    ],
)
def test_a_fault_that_is_over_may_leave_neither_a_problem_nor_other_books(
    problems: list[str], books: tuple[str, ...], found: list[str]
) -> None:
    outcome = Outcome(problems=problems, books=books)

    assert list(compared(outcome, Outcome(books=("memo of 40.00",)), FAULTS["timeout_after"])) == found


ERROR = {"event": "request_failed", "level": "error"}
RESTARTED = "Traceback\nsqlalchemy.exc.OperationalError: (psycopg.OperationalError) it is closed\n(Background)"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (simplejson.dumps({"event": "looked", "level": "info"}), []),
        (simplejson.dumps(ERROR), ["error in the log: 1 x request_failed"]),
        (simplejson.dumps({**ERROR, "exception": RESTARTED}), []),
        (simplejson.dumps({"event": "Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", "level": "error"}), []),
        (simplejson.dumps(ERROR)[:-9], []),
        ("Traceback (most recent call last):", ["error in the log: 1 x a traceback beside the log"]),
        ("the key is hunter2", ["secret in the log: key in serve-0-1.log"]),
        ("Bearer RT1" + "0a" * 32, ["secret in the log: a token of QuickBooks in serve-0-1.log"]),
    ],
)
def test_what_killed_processes_wrote_is_read(tmp_path: Path, line: str, found: list[str]) -> None:
    (tmp_path / "serve-0-1.log").write_text(f"{line}\n")
    (tmp_path / "erp.log").write_text("hunter2 is no secret to the ERP\n")

    assert list(violations(tmp_path, {"key": "hunter2"})) == found
