"""All accounts at a glance: who is in step, who is not, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import redirect, render_template, url_for
from werkzeug import Response

from service.console.blueprint import console
from service.console.context import office
from service.console.showing import STATUSES
from service.console.tables import Column, Filter, Row, Table, in_memory
from service.engine.overview import FREE_QUOTA, Standing

_STATES = ("connected", "needs_reauthorisation", "new", "soft_disconnected", "hard_disconnected")


def _cell(name: str) -> Any:
    """Drawn by `console/_connection_cell.html`, which knows the whole connection."""
    return lambda row: render_template("console/_connection_cell.html", part=name, standing=row["standing"])


CONNECTIONS = Table(
    "connections",
    (
        Column("name", "Account", "markup", read=_cell("name")),
        Column("account_id", "Account id", only_exported=True),
        Column("quickbooks_company", "QuickBooks company", only_exported=True),
        Column("state", "State", "markup", read=_cell("state")),
        Column("two_way", "Two-way", "yes_no"),
        Column("last_sync", "Last sync", "markup", read=_cell("last_sync")),
        Column("erp_up_to", "Complete up to", "markup", read=_cell("complete")),
        Column("quickbooks_up_to", "QuickBooks up to", only_exported=True),
        Column("problems", "Problems", "markup", read=_cell("problems")),
        Column("waiting_since", "Oldest waiting", "markup", read=_cell("waiting_since")),
        Column("difference", "A/R difference", "markup", read=_cell("difference"), sortable=False),
        Column("calls", "Calls this month", "count"),
    ),
    sort="name",
    search="account, id or QuickBooks company",
    filters=(
        Filter("state", "State", tuple((state, STATUSES[state].label) for state in _STATES)),
        Filter("has_problems", "Problems", (("yes", "Some"), ("no", "None"))),
    ),
    empty=("No account is connected yet", "The ERP makes a connection with POST /api/v1/connections."),
)


@console.get("/")
def home() -> Response:
    return redirect(url_for("console.connections"), HTTPStatus.SEE_OTHER)


@console.get("/connections")
def connections() -> Response:
    standings = office().overview.all()
    rows = in_memory([_row(each) for each in standings], ("name", "account_id", "quickbooks_company", "realm_id"))
    return CONNECTIONS.answer(rows, "console/connections.html", summary=_summary(standings))


@console.get("/connections/<account_id>/difference")
def difference(account_id: str) -> str:
    """As the last sync left it."""
    found = office().proofs.latest(account_id)
    return render_template("console/_difference.html", found=found, account_id=account_id)


def _row(standing: Standing) -> Row:
    connection = standing.connection
    return {
        "standing": standing,
        "name": connection.name,
        "account_id": connection.account_id,
        "realm_id": connection.realm_id,
        "state": connection.state.value,
        "quickbooks_company": connection.quickbooks_company,
        "two_way": connection.two_way,
        "last_sync": standing.last_success,
        "erp_up_to": standing.erp_laggard[1],
        "quickbooks_up_to": standing.quickbooks_up_to,
        "problems": standing.problem_count,
        "has_problems": "yes" if standing.problem_count else "no",
        "waiting_since": standing.waiting_since,
        "calls": standing.calls.metered,
    }


def _summary(standings: Sequence[Standing]) -> dict[str, Any]:
    """Over all accounts: Intuit counts an app's calls together."""
    metered = sum(each.calls.metered for each in standings)
    return {
        "accounts": len(standings),
        "connected": sum(1 for each in standings if each.connection.state.value == "connected"),
        "broken": sum(1 for each in standings if each.connection.state.value == "needs_reauthorisation"),
        "problems": sum(each.problem_count for each in standings),
        "with_problems": sum(1 for each in standings if each.problem_count),
        "oldest": min((each.waiting_since for each in standings if each.waiting_since), default=None),
        "metered": metered,
        "quota": FREE_QUOTA,
        "percent": metered * 100 // FREE_QUOTA,
    }
