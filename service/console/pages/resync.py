"""Mass re-sync: what has no link yet, in which scope, and its preview."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from flask import render_template, request
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.links import KINDS
from service.console.pages.plans import to_plan
from service.console.showing import zone_name, zone_of
from service.errors import Reason, Rejected
from service.ports import Connection

CUSTOMERS = ("create", "match_by_name", "linked_only")


@console.get("/connections/<account_id>/resync")
def resync(account_id: str) -> str:
    return render_template(
        "console/resync.html",
        connection=office().browsing.connection(account_id),
        standing=office().long_work.standing(account_id, "resync"),
        kinds=KINDS,
    )


@console.post("/connections/<account_id>/resync/preview")
def preview_resync(account_id: str) -> PlainResponse:
    """Reads both sides, changes nothing."""
    asked = _asked(office().browsing.connection(account_id))
    found = office().desk.resync(account_id, **asked, dry_run=True, actor=actor())
    return to_plan(account_id, found["plan_id"], "plan_in_rows")


def _asked(connection: Connection) -> dict[str, Any]:
    """The scope as the form gives it; all kinds is no restriction."""
    kinds = [kind for kind in request.form.getlist("kinds") if kind in KINDS]
    customers = request.form.get("customers", "create")
    companies = request.form.get("company_ids", "").replace(",", " ").split()
    return {
        "kinds": kinds if 0 < len(kinds) < len(KINDS) else None,
        "company_ids": companies or None,
        "updated_after": _midnight(request.form.get("updated_after", ""), connection),
        "customers": customers if customers in CUSTOMERS[1:] else None,
    }


def _midnight(day: str, connection: Connection) -> str | None:
    """The beginning of a day where the connection is, as an instant."""
    if not day:
        return None
    try:
        asked = datetime.strptime(day, "%Y-%m-%d").date()
    except ValueError:
        raise Rejected(Reason.INVALID, "invalid_date", "Write the day as 2026-03-31.", field="updated_after") from None
    return datetime.combine(asked, time(), zone_of(zone_name(connection))).isoformat()
