"""Overpayments of before 2026-02-25: the list, its file, and the repair."""

from __future__ import annotations

import csv
import io

from browsing import ACCOUNT, Caller, fields, is_problem
from fake_engine import FakeDesk

from service.errors import Reason, Rejected
from service.web import shapes

LEGACY = f"{ACCOUNT}/legacy-overpayments"


def test_the_list_comes_with_the_plan_that_repairs_it(support: Caller, desk: FakeDesk) -> None:
    answer = shapes.LegacyOverpayments.model_validate(support.get(LEGACY).get_json())

    assert (answer.plan_id, answer.plan.plan_id) == ("plan-1", "plan-1")
    assert [(row.credit_number, row.left_out) for row in answer.data] == [("CR-1", "Closed books.")]
    assert desk.was_asked("legacy_overpayments")["actor"] == "support token"


def test_the_list_as_csv_opens_safely(support: Caller) -> None:
    response = support.get(LEGACY, headers={"Accept": "text/csv"})

    [row] = csv.DictReader(io.StringIO(response.text))
    assert response.mimetype == "text/csv"
    assert 'filename="legacy-overpayments.csv"' in response.headers["Content-Disposition"]
    assert (row["company_name"], row["credit_number"], row["amount"]) == ("'=Evil Farms", "CR-1", "20.00")
    assert (row["uses"], row["credit_memo_id"], row["quickbooks_payment_id"]) == ("8.00 on INV-2", "181", "")


def test_a_repair_is_a_run_of_the_plan_that_was_looked_at(support: Caller, desk: FakeDesk) -> None:
    response = support.post(f"{LEGACY}/repair", json={"plan_id": "plan-1"})

    assert (response.status_code, shapes.Run.model_validate(response.get_json()).kind) == (202, "repair")
    assert desk.was_asked("repair_legacy_overpayments") == {
        "account_id": "acct-1",
        "plan_id": "plan-1",
        "actor": "support token",
    }


def test_a_repair_names_its_plan(support: Caller) -> None:
    assert fields(support.post(f"{LEGACY}/repair", json={})) == {"plan_id"}


def test_a_plan_that_books_outran_is_refused(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("repair_legacy_overpayments", Rejected(Reason.CONFLICT, "plan_outdated", "Make a new one."))

    assert is_problem(support.post(f"{LEGACY}/repair", json={"plan_id": "plan-1"}), 409, "plan_outdated")


def test_it_is_for_support_alone(caller: Caller) -> None:
    assert is_problem(caller.as_("viewer").get(LEGACY), 403, "support_only")
    assert is_problem(caller.as_("erp").post(f"{LEGACY}/repair", json={"plan_id": "plan-1"}), 403, "support_only")
