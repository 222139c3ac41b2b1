"""All accounts at a glance."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from flask import Response, redirect, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import office
from service.console.tables import Column, Filter, Table

CONNECTIONS = Table(
    "connections",
    (
        Column("name", "Account"),
        Column("account_id", "Account id", "code"),
        Column("state", "State", "status"),
        Column("quickbooks_company", "QuickBooks company"),
        Column("two_way", "Two-way", "yes_no"),
        Column("connected_at", "Connected", "when"),
    ),
    sort="name",
    search="name, id or QuickBooks company",
    filters=(
        Filter(
            "state",
            "State",
            (
                ("connected", "Connected"),
                ("needs_reauthorisation", "Has to be connected again"),
                ("new", "Not connected yet"),
                ("soft_disconnected", "Disconnected, links kept"),
                ("hard_disconnected", "Disconnected for good"),
            ),
        ),
    ),
    empty=("No account is connected yet", "The ERP makes a connection with POST /api/v1/connections."),
)


@console.get("/")
def home() -> PlainResponse:
    return redirect(url_for("console.connections"), HTTPStatus.SEE_OTHER)


@console.get("/connections")
def connections() -> Response | PlainResponse:
    return CONNECTIONS.answer(partial(office().browsing.page, "connections", None), "console/connections.html")
