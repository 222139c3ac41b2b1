"""Whatever is pasted: one card for each thing that it may mean."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.signing_in import own_page

_LONGEST = 200


@console.get("/search")
def search() -> str:
    asked = request.args.get("q", "")[:_LONGEST].strip()
    account_id = request.args.get("account") or None
    accounts = [c for c in _accounts() if c["account_id"] == account_id] if account_id else []
    found = office().search.find(asked, account_id if accounts else None)
    zones = {hit["account_id"]: office().browsing.connection(hit["account_id"]) for hit in found["cards"]}
    return render_template(
        "console/search.html", found=found, searched=asked, zones=zones, accounts=_accounts(), account_id=account_id
    )


@console.get("/connections/<account_id>/records/<kind>/<which>")
def record(account_id: str, kind: str, which: str) -> str:
    connection = office().browsing.connection(account_id)
    card = office().search.card(account_id, kind, which)
    return render_template("console/record.html", card=card, connection=connection)


@console.post("/connections/<account_id>/companies/<company_id>/refresh")
def refresh_company(account_id: str, company_id: str) -> PlainResponse:
    office().desk.refresh(account_id, company_id=company_id, invoice_id=None, actor=actor())
    flash("Fetched: what you see is QuickBooks' state of a moment ago.")
    return _back()


@console.post("/connections/<account_id>/companies/<company_id>/reconcile")
def reconcile_company(account_id: str, company_id: str) -> PlainResponse:
    office().desk.reconcile(account_id, company_id=company_id, dry_run=False, actor=actor())
    flash("Both books of this company are being reconciled. Load the page again in a moment.")
    return _back()


def _back() -> PlainResponse:
    """To the card that the button was on."""
    given = request.form.get("back", "")
    return redirect(own_page(given if urlsplit(given).path.startswith("/console/") else None), HTTPStatus.SEE_OTHER)


def _accounts() -> list[dict[str, Any]]:
    listed = office().browsing.page(
        "connections", None, filters={}, search=None, sort="name", descending=False, offset=0, limit=_LONGEST
    )
    return [dict(row) for row in listed.rows]
