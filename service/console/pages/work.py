"""A run as it goes and what remains of it: live progress, then a report that stays."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, render_template, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.links import KINDS
from service.console.tables import Column, Filter, Table

GOING_ON = ("queued", "running")
BOOKS = ("quickbooks", "erp", "map")
"""Where something was done to a record; the rest of the audit speaks of the connection."""
STOP_POLLING = 286
"""To htmx: this was the last answer of its kind."""

TITLES = {
    "reconcile": "Reconciliation",
    "enable_two_way": "Turning on two-way sync",
    "soft_disconnect": "Soft disconnect",
    "hard_disconnect": "Hard disconnect",
    "resync": "Mass re-sync",
    "restore": "Undoing a hard disconnect",
    "repair": "Repair",
}
BEGINS = {"enable_two_way": "two_way", "resync": "resync", "restore": "restore", "repair": "overpayments"}
DONE = {
    "create": "Made in QuickBooks",
    "update": "Changed in QuickBooks",
    "void": "Voided in QuickBooks",
    "delete": "Deleted in QuickBooks",
    "declare": "Told to the ERP",
    "void_in_erp": "Voided in the ERP",
    "cancel": "Cancelled in the ERP",
    "remember": "Recognised: both sides held it",
    "repair": "Moved to its Payment",
    "revoke": "Grant revoked",
    **TITLES,
}


def done(action: str) -> str:
    """What a run did, in words."""
    return DONE.get(action, action.replace("_", " ").capitalize())


console.add_app_template_filter(done)

REPORT = Table(
    "report",
    (
        Column("action", "What was done", read=lambda row: done(row["action"])),
        Column("kind", "Kind", read=lambda row: str(row["kind"] or "").capitalize()),
        Column("number", "Number"),
        Column("company", "Company"),
        Column("amount", "Amount", "money"),
        Column("why", "Why", sortable=False, wide=True),
        Column("at", "When", "when"),
        Column("erp_id", "ERP id", "code"),
        Column("quickbooks_id", "QuickBooks id", "code"),
    ),
    sort="id",
    search="number, id or company",
    filters=(
        Filter("action", "What was done", tuple((each, DONE[each]) for each in list(DONE)[:9])),
        Filter("kind", "Kind", tuple((kind, kind.capitalize()) for kind in KINDS)),
    ),
    empty=("Nothing was changed", "Neither book was touched by this run so far."),
)

LEFT = Table(
    "left",
    (
        Column("status", "Now", "status"),
        Column("kind", "Kind", read=lambda row: str(row["kind"] or "").capitalize()),
        Column("number", "Number"),
        Column("company", "Company"),
        Column("amount", "Amount", "money"),
        Column("cause", "Cause", sortable=False, wide=True),
        Column("what_to_do", "What to do", sortable=False, wide=True),
        Column("erp_id", "ERP id", "code"),
        Column("quickbooks_id", "QuickBooks id", "code"),
    ),
    sort="company",
    search="number, id, company or cause",
    filters=(
        Filter(
            "status",
            "Now",
            (("open", "Open"), ("conflict", "Conflict"), ("resolved", "Resolved"), ("dismissed", "Dismissed")),
        ),
        Filter("code", "Code"),
    ),
    empty=("Nothing was left", "Every record of this run could be brought into step."),
)


@console.get("/connections/<account_id>/work/<run_id>")
def work(account_id: str, run_id: str) -> Response | PlainResponse:
    return REPORT.answer(
        partial(office().browsing.page, "report", account_id),
        "console/work.html",
        fixed={"run_id": run_id, "side": BOOKS},
        **_known(account_id, run_id),
    )


@console.get("/connections/<account_id>/work/<run_id>/progress")
def work_progress(account_id: str, run_id: str) -> Response:
    """The part that follows the run. When it is over, htmx stops asking and loads the page with its report."""
    known = _known(account_id, run_id)
    answer = make_response(render_template("console/work_progress.html", **known))
    if known["run"]["state"] not in GOING_ON:
        answer.status_code = STOP_POLLING
        answer.headers["HX-Refresh"] = "true"
    return answer


@console.get("/connections/<account_id>/work/<run_id>/left")
def work_left(account_id: str, run_id: str) -> Response | PlainResponse:
    """What could not be done, record by record."""
    return LEFT.answer(
        partial(office().browsing.page, "run_problems", account_id),
        "console/work_left.html",
        fixed={"run_id": run_id},
        **_known(account_id, run_id),
    )


@console.post("/connections/<account_id>/work/<run_id>/stop")
def stop_work(account_id: str, run_id: str) -> PlainResponse:
    office().desk.cancel(_known(account_id, run_id)["run"]["id"], actor=actor())
    return redirect(url_for("console.work", account_id=account_id, run_id=run_id), HTTPStatus.SEE_OTHER)


@console.post("/connections/<account_id>/work/<run_id>/release")
def release_work(account_id: str, run_id: str) -> PlainResponse:
    office().desk.approve(_known(account_id, run_id)["run"]["id"], actor=actor())
    return redirect(url_for("console.work", account_id=account_id, run_id=run_id), HTTPStatus.SEE_OTHER)


@console.app_template_filter("lasting")
def lasting(seconds: int) -> str:
    """About 3 minutes."""
    if seconds < 60:
        return "less than a minute"
    hours, minutes = divmod(round(seconds / 60), 60)
    spoken = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((hours, "hour"), (minutes, "minute"))]
    return "about " + " ".join(words for words in spoken if not words.startswith("0 "))


@console.app_template_filter("named")
def named(asker: str) -> str:
    """Whoever asked, as people know them."""
    return asker.removeprefix("user:")


def _known(account_id: str, run_id: str) -> dict[str, Any]:
    found = office().long_work.report(account_id, run_id)
    kind = found["run"]["kind"]
    solves_a_conflict = kind == "repair" and "legacy_overpayments" not in found["params"]
    return {
        "connection": office().browsing.connection(account_id),
        "report": found,
        "run": found["run"],
        "run_title": TITLES[kind],
        "begins": None if solves_a_conflict else BEGINS.get(kind),
    }
