"""Turning two-way sync on: where it begins, and off again."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.plans import demand_name, to_plan


@console.get("/connections/<account_id>/two-way")
def two_way(account_id: str) -> str:
    return render_template(
        "console/two_way.html",
        connection=office().browsing.connection(account_id),
        standing=office().long_work.standing(account_id, "enable_two_way"),
    )


@console.post("/connections/<account_id>/two-way/preview")
def rehearse_two_way(account_id: str) -> PlainResponse:
    """Reads both sides, changes nothing."""
    used = "carry_over" if request.form.get("used_credits") == "carry_over" else "revert"
    found = office().desk.preview_two_way(account_id, used_credits=used, actor=actor())
    return to_plan(account_id, found["plan_id"])


@console.post("/connections/<account_id>/two-way/off")
def turn_two_way_off(account_id: str) -> PlainResponse:
    demand_name(office().browsing.connection(account_id).name)
    office().desk.disable_two_way(account_id, actor=actor())
    flash("Two-way sync is off: from now on nothing comes in from QuickBooks.")
    return redirect(url_for("console.two_way", account_id=account_id), HTTPStatus.SEE_OTHER)
