"""A kept plan: both books as it found them, what it would do row by row, and the last question before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.links import KINDS
from service.console.showing import look
from service.console.tables import Column, Filter, Row, Rows, Table
from service.errors import Reason, Rejected
from service.ports import Listed

View = dict[str, Any]

ACTIONS = ("cancel", "keep", "adopt", "import", "create", "update", "delete", "void", "declare", "void_in_erp")


@dataclass(frozen=True)
class Undertaking:
    """Work that is planned first: where it begins, what it is called, and who is asked to do it."""

    begins: str
    title: str
    button: str
    carry_out: Callable[[str, View], View]


UNDERTAKINGS: Mapping[str, Undertaking] = {
    "enable_two_way": Undertaking(
        "two_way",
        "Turn on two-way sync",
        "Turn on two-way sync",
        lambda account, plan: office().desk.enable_two_way(account, plan_id=plan["plan_id"], actor=actor()),
    ),
    "resync": Undertaking(
        "resync",
        "Mass re-sync",
        "Start the re-sync",
        lambda account, plan: office().desk.resync(account, **plan["params"], dry_run=False, actor=actor()),
    ),
    "legacy_overpayments": Undertaking(
        "overpayments",
        "Repair legacy overpayments",
        "Start the repair",
        lambda account, plan: office().desk.repair_legacy_overpayments(account, plan_id=plan["plan_id"], actor=actor()),
    ),
}

COMPANIES = Table(
    "books",
    (
        Column("name", "Company", read=lambda row: row["name"] or row["company_id"]),
        Column("erp_before", "ERP A/R now", "money"),
        Column("erp_after", "afterwards", "money"),
        Column("quickbooks_before", "QuickBooks A/R now", "money"),
        Column("quickbooks_after", "afterwards", "money"),
        Column("difference", "Difference left", "money"),
        Column("erp_credits", "ERP credits", "money", sortable=False),
        Column("quickbooks_credits", "QuickBooks credits", "money", sortable=False),
        Column("erp_payments", "ERP payments", "money", sortable=False),
        Column("quickbooks_payments", "QuickBooks payments", "money", sortable=False),
        Column("quickbooks_id", "Customer", "code"),
    ),
    sort="name",
    search="company or customer id",
    empty=(
        "No company is linked",
        "Link companies to QuickBooks customers first: nothing can be planned for the others.",
    ),
)

ROWS = Table(
    "plan",
    (
        Column("action", "What happens", "status"),
        Column("kind", "Kind", read=lambda row: str(row["kind"] or "").capitalize()),
        Column("number", "Number"),
        Column("company", "Company"),
        Column("amount", "Amount", "money"),
        Column("reason", "Why", sortable=False, wide=True),
        Column("accounting", "In the ledger", sortable=False),
        Column("erp_id", "ERP id", "code"),
        Column("quickbooks_id", "QuickBooks id", "code"),
    ),
    sort="seq",
    search="number, id or company",
    filters=(
        Filter("action", "What happens", tuple((each, look(each).label) for each in ACTIONS)),
        Filter("kind", "Kind", tuple((kind, kind.capitalize()) for kind in KINDS)),
    ),
    empty=("Nothing is to be done", "Both books agree already, as far as this goes."),
)


@console.get("/connections/<account_id>/plans/<plan_id>")
def plan(account_id: str, plan_id: str) -> Response | PlainResponse:
    """Both books as they were found, company by company."""
    rows = _each(partial(office().browsing.page, "plan_companies", account_id), _with_facts)
    return COMPANIES.answer(rows, "console/plan.html", fixed={"plan_id": plan_id}, **_known(account_id, plan_id))


@console.get("/connections/<account_id>/plans/<plan_id>/rows")
def plan_in_rows(account_id: str, plan_id: str) -> Response | PlainResponse:
    rows = _each(partial(office().browsing.page, "plan_rows", account_id), _with_accounting)
    return ROWS.answer(rows, "console/plan_rows.html", fixed={"plan_id": plan_id}, **_known(account_id, plan_id))


@console.get("/connections/<account_id>/plans/<plan_id>/confirm")
def plan_to_confirm(account_id: str, plan_id: str) -> str:
    return render_template("console/plan_confirm.html", **_known(account_id, plan_id))


@console.post("/connections/<account_id>/plans/<plan_id>/carry-out")
def carry_out(account_id: str, plan_id: str) -> Response | PlainResponse:
    """What was shown, or nothing: a plan that has grown old goes back to its beginning."""
    known = _known(account_id, plan_id)
    demand_name(known["connection"].name)
    try:
        run = known["undertaking"].carry_out(account_id, known["plan"])
    except Rejected as rejected:
        if rejected.code != "plan_outdated":
            raise
        flash(rejected.message, "error")
        return to_plan(account_id, plan_id, "plan_in_rows")
    return to_work(account_id, run)


def to_work(account_id: str, run: View) -> PlainResponse:
    """On to the run that was asked for."""
    return redirect(url_for("console.work", account_id=account_id, run_id=run["id"]), HTTPStatus.SEE_OTHER)


def to_plan(account_id: str, plan_id: str, view: str = "plan") -> PlainResponse:
    """On to a plan that was made: to both books, or where there is nothing to see of them to its rows."""
    return redirect(url_for(f"console.{view}", account_id=account_id, plan_id=plan_id), HTTPStatus.SEE_OTHER)


def demand_name(name: str) -> None:
    """What a person types before something that cannot be taken back."""
    if request.form.get("confirm", "").strip() != name:
        raise Rejected(
            Reason.CONFLICT,
            "confirmation_mismatch",
            f"Nothing was done: to confirm, type the connection's name ({name}), letter by letter.",
            field="confirm",
        )


def _known(account_id: str, plan_id: str) -> View:
    kept = office().long_work.plan(account_id, plan_id)
    if kept["kind"] not in UNDERTAKINGS:
        raise Rejected(Reason.NOT_FOUND, "unknown_plan", "This was a dry run: there is nothing to carry out.")
    return {
        "connection": office().browsing.connection(account_id),
        "plan": kept,
        "undertaking": UNDERTAKINGS[kept["kind"]],
        "looked_at": kept["kind"] == "enable_two_way",
    }


def _each(rows: Rows, shown: Callable[[Row], Row]) -> Rows:
    """The same rows, each with what the table shows besides."""

    def page(**asked: Any) -> Listed:
        found = rows(**asked)
        return replace(found, rows=[shown(row) for row in found.rows])

    return page


def _with_facts(row: Row) -> Row:
    return {**row, **{name: figures["amount"] for name, figures in row["facts"].items()}}


def _with_accounting(row: Row) -> Row:
    """Debit and credit as accountants write them; the amount is the row's own, but for stock, which moves at cost."""
    entries = (row["gl_effect"] or {}).get("entries", ())
    sides = (f"{'Dr' if entry['debit'] is not None else 'Cr'} {entry['account']}" for entry in entries)
    return {**row, "accounting": ", ".join(sides) or None}
