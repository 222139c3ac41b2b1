"""Overpayments of before 2026-02-25 that QuickBooks holds as Credit Memos: the list, and its repair."""

from __future__ import annotations

from http import HTTPStatus

from service.web import shapes
from service.web.bodies import PlanChosen
from service.web.context import Answer, actor, desk
from service.web.csv_files import legacy_overpayments_as_csv, wants_csv
from service.web.description import api_blueprint
from service.web.queries import AccountPath

api = api_blueprint(
    "legacy overpayments",
    "/api/v1/connections/<account_id>/legacy-overpayments",
    "Overpayments that reached QuickBooks as Credit Memos.",
)


@api.get("", responses={200: shapes.LegacyOverpayments})
def list_legacy_overpayments(path: AccountPath) -> Answer:
    """Overpayments that are Credit Memos in QuickBooks, and the plan that repairs them; as CSV with `Accept: text/csv`

    Changes nothing. What a repair leaves alone says why in `left_out`: closed books, a bank deposit, a refund.
    """
    answer = desk().legacy_overpayments(path.account_id, actor=actor())
    return legacy_overpayments_as_csv(answer) if wants_csv() else answer


@api.post("/repair", responses={202: shapes.Run})
def repair_legacy_overpayments(path: AccountPath, body: PlanChosen) -> Answer:
    """Carry out the plan of the list; refused where the books moved on since"""
    run = desk().repair_legacy_overpayments(path.account_id, plan_id=body.plan_id, actor=actor())
    return run, HTTPStatus.ACCEPTED
