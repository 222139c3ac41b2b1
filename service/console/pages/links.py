"""The ID map of one connection: which QuickBooks document stands for which record of the ERP."""

from __future__ import annotations

from functools import partial

from flask import Response, request, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import office
from service.console.showing import STATUSES
from service.console.tables import Column, Filter, Row, Table

KINDS = ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND")
_LINK_STATUSES = ("SYNCED", "PENDING", "ERROR", "NOT_SYNCED", "PARTIALLY_SYNCED", "DELETED_IN_QBO")


def _to_card(row: Row) -> str:
    """Everything about the record."""
    here = (request.view_args or {})["account_id"]
    return url_for("console.record", account_id=here, kind=row["kind"], which=row["erp_id"])


LINKS = Table(
    "links",
    (
        Column("kind", "Kind", read=lambda row: str(row["kind"]).capitalize()),
        Column("erp_number", "ERP number"),
        Column("erp_id", "ERP id", "code", href=_to_card),
        Column("quickbooks_type", "In QuickBooks"),
        Column("quickbooks_number", "Its number"),
        Column("quickbooks_id", "Its id", "code"),
        Column("status", "Status", "status"),
        Column("message", "What it says", sortable=False, wide=True),
        Column("updated_at", "Changed", "when"),
    ),
    sort="-updated_at",
    search="number or id of either side",
    filters=(
        Filter("kind", "Kind", tuple((kind, kind.capitalize()) for kind in KINDS)),
        Filter("status", "Status", tuple((each, STATUSES[each].label) for each in _LINK_STATUSES)),
    ),
    empty=("Nothing is linked yet", "Links appear with the first synchronisation."),
)


@console.get("/connections/<account_id>/links")
def links(account_id: str) -> Response | PlainResponse:
    connection = office().browsing.connection(account_id)
    return LINKS.answer(
        partial(office().browsing.page, "links", account_id),
        "console/links.html",
        fixed={"epoch": connection.epoch},
        connection=connection,
    )
