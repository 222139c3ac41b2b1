"""Setting a connection to work: two-way sync, reconciliation, mass re-sync, refresh."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import ACCOUNT, Caller, is_problem
from fake_engine import FakeDesk

from service.errors import Reason, Rejected
from service.web import shapes


@pytest.mark.parametrize(
    ("body", "heard"),
    [(None, "revert"), ({}, "revert"), ({"used_credits": "carry_over"}, "carry_over")],
)
def test_a_preview_shows_the_plan_and_used_credits_are_reverted_unless_asked(
    support: Caller, desk: FakeDesk, body: dict[str, str] | None, heard: str
) -> None:
    response = support.post(f"{ACCOUNT}/two-way/preview", json=body)

    plan = shapes.Plan.model_validate(response.get_json())
    assert (response.status_code, plan.totals["cancel"].amount) == (200, "150.00")
    assert desk.was_asked("preview_two_way")["used_credits"] == heard


def test_enabling_carries_out_the_plan_that_was_chosen(support: Caller, desk: FakeDesk) -> None:
    response = support.post(f"{ACCOUNT}/two-way/enable", json={"plan_id": "plan-1"})

    assert response.status_code == 202
    assert shapes.Run.model_validate(response.get_json()).kind == "enable_two_way"
    assert desk.was_asked("enable_two_way")["plan_id"] == "plan-1"


def test_an_outdated_plan_is_refused(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("enable_two_way", Rejected(Reason.CONFLICT, "plan_outdated", "The books moved on."))

    assert is_problem(support.post(f"{ACCOUNT}/two-way/enable", json={"plan_id": "old"}), 409, "plan_outdated")


def test_disabling_answers_the_connection(support: Caller) -> None:
    response = support.post(f"{ACCOUNT}/two-way/disable")

    assert response.status_code == 200
    assert shapes.Connection.model_validate(response.get_json()).two_way is False


@pytest.mark.parametrize("what", ["reconcile", "resync"])
def test_work_begins_a_run_and_a_dry_run_shows_its_plan(support: Caller, what: str) -> None:
    run = support.post(f"{ACCOUNT}/{what}")
    plan = support.post(f"{ACCOUNT}/{what}", json={"dry_run": True})

    assert (run.status_code, plan.status_code) == (202, 200)
    assert shapes.Run.model_validate(run.get_json()).kind == what
    assert shapes.Plan.model_validate(plan.get_json()).plan_id


def test_the_erp_asks_for_one_company_to_be_reconciled(caller: Caller, desk: FakeDesk) -> None:
    caller.as_("erp").post(f"{ACCOUNT}/reconcile", json={"company_id": "co-1"})

    assert desk.was_asked("reconcile")["company_id"] == "co-1"


def test_a_resync_is_narrowed_and_its_instant_is_read_in_utc(support: Caller, desk: FakeDesk) -> None:
    narrowed = {"kinds": ["INVOICE"], "company_ids": ["co-1"], "customers": "match_by_name"}

    support.post(f"{ACCOUNT}/resync", json=narrowed | {"updated_after": "2026-01-31T16:00:00-08:00"})

    heard = desk.was_asked("resync")
    assert heard["updated_after"] == "2026-02-01T00:00:00Z"
    assert {name: heard[name] for name in narrowed} == narrowed


@pytest.mark.parametrize(
    "body",
    [
        {"kinds": ["ORDER"]},
        {"kinds": []},
        {"kinds": "INVOICE"},
        {"company_ids": [1]},
        {"updated_after": "yesterday"},
        {"updated_after": "2026-01-31T16:00:00"},
        {"updated_after": "0001-01-01T00:00:00+14:00"},
        {"customers": "create"},
        {"dry_run": "true"},
        {"everything": True},
    ],
)
def test_a_resync_that_makes_no_sense_is_refused(support: Caller, desk: FakeDesk, body: dict[str, Any]) -> None:
    assert is_problem(support.post(f"{ACCOUNT}/resync", json=body), 422, "invalid")
    assert desk.asked == []


@pytest.mark.parametrize("named", [{"company_id": "co-1"}, {"invoice_id": "inv-1"}])
def test_a_company_is_refreshed_before_a_payment_is_taken(
    caller: Caller, desk: FakeDesk, named: dict[str, str]
) -> None:
    response = caller.as_("erp").post(f"{ACCOUNT}/refresh", json=named)

    assert response.status_code == 200
    assert shapes.Freshness.model_validate(response.get_json()).fresh
    assert desk.was_asked("refresh").items() >= named.items()


@pytest.mark.parametrize("body", [{}, {"company_id": "co-1", "invoice_id": "inv-1"}])
def test_a_refresh_is_of_exactly_one_company(support: Caller, body: dict[str, str]) -> None:
    assert is_problem(support.post(f"{ACCOUNT}/refresh", json=body), 422, "invalid")


def test_runs_are_listed_read_cancelled_and_approved(support: Caller, desk: FakeDesk) -> None:
    listed = shapes.Runs.model_validate(support.get(f"{ACCOUNT}/runs").get_json())
    [run] = listed.data

    assert support.get(f"/api/v1/runs/{run.id}").get_json()["id"] == run.id
    assert support.post(f"/api/v1/runs/{run.id}/cancel").status_code == 202
    assert support.post(f"/api/v1/runs/{run.id}/approve").status_code == 202
    assert desk.was_asked("approve") == {"run_id": run.id, "actor": "support token"}
