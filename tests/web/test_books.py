"""Looking into both books: the ID map, problems, tie-out, the audit, what may be spent and changed."""

from __future__ import annotations

import csv
import io

import pytest
from browsing import ACCOUNT, Caller, is_problem
from fake_engine import FakeDesk, a_link

from service.errors import Reason, Rejected
from service.web import shapes
from service.web.csv_files import safe_cell

CSV = {"Accept": "text/csv"}


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_links_are_found_by_what_they_tie(support: Caller, desk: FakeDesk) -> None:
    response = support.get(
        f"{ACCOUNT}/links?kind=INVOICE&erp_id=a&quickbooks_id=7&status=SYNCED&epoch=2&cursor=5&limit=10"
    )

    shapes.Links.model_validate(response.get_json())
    asked = {"kind": "INVOICE", "erp_id": "a", "quickbooks_id": "7", "status": "SYNCED", "epoch": 2}
    assert desk.was_asked("links") == {"account_id": "acct-1", "cursor": "5", "limit": 10} | asked


@pytest.mark.parametrize("query", ["kind=ORDER", "epoch=-1", "epoch=x", "erp_id=", "erp_id=a%00b", "epoch=99999999999"])
def test_links_of_nothing_that_exists_are_refused(support: Caller, query: str) -> None:
    assert is_problem(support.get(f"{ACCOUNT}/links?{query}"), 422, "invalid")


def test_the_id_map_comes_as_csv_whole(support: Caller, desk: FakeDesk) -> None:
    desk.all_links = [a_link(f"INV-{number}") for number in range(1201)]

    response = support.get(f"{ACCOUNT}/links", headers=CSV)

    assert response.mimetype == "text/csv"
    assert 'filename="links.csv"' in response.headers["Content-Disposition"]
    assert [row["erp_number"] for row in _rows(response.text)] == [f"INV-{number}" for number in range(1201)]


def test_a_csv_that_cannot_be_read_is_a_problem_and_not_half_a_file(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("links", Rejected(Reason.NOT_FOUND, "unknown_account", "No connection has this account id."))

    assert is_problem(support.get(f"{ACCOUNT}/links", headers=CSV), 404, "unknown_account")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html,*/*;q=0.8", "text/csv;q=0.1,*/*"])
def test_json_comes_unless_csv_is_preferred(support: Caller, accept: str) -> None:
    assert support.get(f"{ACCOUNT}/tie-out", headers={"Accept": accept}).mimetype == "application/json"


def test_tie_out_compares_both_books(support: Caller) -> None:
    tie_out = shapes.TieOut.model_validate(support.get(f"{ACCOUNT}/tie-out").get_json())

    assert tie_out.difference == "-20.00"
    assert [found.cause for found in tie_out.companies[0].explained_by] == ["not sent yet"]


def test_tie_out_as_csv_opens_safely_and_keeps_its_numbers(support: Caller) -> None:
    response = support.get(f"{ACCOUNT}/tie-out", headers=CSV)

    [row] = _rows(response.text)
    assert row["name"] == "'=Evil Farms"
    assert row["difference"] == "-20.00"
    assert row["explained_by"] == "PAYMENT pay-1 -20.00: not sent yet"


@pytest.mark.parametrize("as_of", ["2026-01-31", "2026-01-31T18:00:00Z"])
def test_tie_out_of_a_moment_in_the_past(support: Caller, desk: FakeDesk, as_of: str) -> None:
    support.get(f"{ACCOUNT}/tie-out?as_of={as_of}")

    assert desk.was_asked("tie_out")["as_of"] == as_of


@pytest.mark.parametrize("as_of", ["yesterday", "2026-02-30", "2026-01-31T18:00:00", ""])
def test_tie_out_of_no_moment_at_all_is_refused(support: Caller, as_of: str) -> None:
    assert is_problem(support.get(f"{ACCOUNT}/tie-out?as_of={as_of}"), 422, "invalid")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1 555 0100", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "＝1", "-1-1", "-1.5.2"]
)
def test_no_cell_is_ever_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-20.00", "150.00", "INV-1", "", None, 7, "a=b"])
def test_numbers_and_plain_text_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value


def test_problems_are_open_ones_and_conflicts_unless_asked(support: Caller, desk: FakeDesk) -> None:
    response = support.get(f"{ACCOUNT}/problems")

    shapes.SyncProblems.model_validate(response.get_json())
    assert desk.was_asked("problems")["statuses"] == ["open", "conflict"]


@pytest.mark.parametrize("query", ["status=open,conflict,resolved", "status=open,conflict&status=resolved"])
def test_problems_are_asked_for_by_several_states_at_once(support: Caller, desk: FakeDesk, query: str) -> None:
    support.get(f"{ACCOUNT}/problems?{query}")

    assert desk.was_asked("problems")["statuses"] == ["open", "conflict", "resolved"]


def test_problems_of_several_statuses_and_one_code(support: Caller, desk: FakeDesk) -> None:
    support.get(f"{ACCOUNT}/problems?status=dismissed&status=resolved&code=closed_books")

    asked = desk.was_asked("problems")
    assert (asked["statuses"], asked["code"]) == (["dismissed", "resolved"], "closed_books")


def test_a_status_that_no_problem_has_is_refused(support: Caller) -> None:
    assert is_problem(support.get(f"{ACCOUNT}/problems?status=lost"), 422, "invalid")
    assert is_problem(support.get(f"{ACCOUNT}/problems?status=open,lost"), 422, "invalid")
    assert is_problem(support.get(f"{ACCOUNT}/problems?status="), 422, "invalid")


def test_a_problem_is_tried_again_put_aside_or_decided(support: Caller, desk: FakeDesk) -> None:
    retried = support.post("/api/v1/problems/problem-1/retry")
    dismissed = support.post("/api/v1/problems/problem-1/dismiss", json={"reason": "written off"})
    resolved = support.post("/api/v1/problems/problem-1/resolve", json={"choice": "quickbooks"})

    assert (retried.status_code, dismissed.status_code, resolved.status_code) == (202, 200, 202)
    assert shapes.SyncProblem.model_validate(dismissed.get_json()).status == "dismissed"
    assert desk.was_asked("dismiss")["reason"] == "written off"
    assert desk.was_asked("resolve")["choice"] == "quickbooks"


@pytest.mark.parametrize("what", ["dismiss", "resolve"])
def test_a_problem_is_not_put_aside_or_decided_without_a_word(support: Caller, what: str) -> None:
    assert is_problem(support.post(f"/api/v1/problems/problem-1/{what}"), 422, "invalid")


def test_the_audit_is_searched_by_record_and_run(support: Caller, desk: FakeDesk) -> None:
    response = support.get(f"{ACCOUNT}/audit?record=CR-104&run=run-1")

    shapes.AuditTrail.model_validate(response.get_json())
    asked = desk.was_asked("audit")
    assert (asked["record"], asked["run"], asked["limit"]) == ("CR-104", "run-1", 100)


def test_the_erp_asks_what_may_be_spent_and_changed(caller: Caller) -> None:
    erp = caller.as_("erp")

    shapes.OpenItems.model_validate(erp.get(f"{ACCOUNT}/companies/co-1/open-items").get_json())
    shapes.InvoiceGuards.model_validate(erp.get(f"{ACCOUNT}/invoices/inv-1/guards").get_json())
    shapes.CreditGuards.model_validate(erp.get(f"{ACCOUNT}/credits/cr-1/guards").get_json())
