"""Undoing a hard disconnect: the archived epochs, what would come back, and old ids beside new ones."""

from __future__ import annotations

from functools import partial

from flask import Response, render_template
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.pages.links import KINDS
from service.console.pages.plans import demand_name, to_work
from service.console.showing import look
from service.console.tables import Column, Filter, Table
from service.errors import Reason, Rejected

OUTCOMES = {"same": "The same document", "other": "Another document", "missing": "Nothing"}

CARRIED = Table(
    "old-to-new",
    (
        Column("kind", "Kind", read=lambda row: str(row["kind"]).capitalize()),
        Column("erp_number", "ERP number"),
        Column("type_then", "Then", read=lambda row: _type(row["type_then"])),
        Column("id_then", "QuickBooks id then", "code"),
        Column("type_now", "Now", read=lambda row: _type(row["type_now"])),
        Column("id_now", "QuickBooks id now", "code"),
        Column("outcome", "Stands for it now", read=lambda row: OUTCOMES[row["outcome"]]),
        Column("status_now", "Status now", read=lambda row: row["status_now"] and look(row["status_now"]).label),
        Column("erp_id", "ERP id", "code"),
    ),
    sort="kind",
    search="number or id, old or new",
    filters=(
        Filter("kind", "Kind", tuple((kind, kind.capitalize()) for kind in KINDS)),
        Filter("outcome", "Stands for it now", tuple(OUTCOMES.items())),
    ),
    empty=("Nothing was linked then", ""),
)


@console.get("/connections/<account_id>/restore")
def restore(account_id: str) -> str:
    return render_template(
        "console/restore.html",
        connection=office().browsing.connection(account_id),
        epochs=office().long_work.epochs(account_id),
        standing=office().long_work.standing(account_id, "restore"),
    )


@console.get("/connections/<account_id>/restore/<epoch>")
def restore_epoch(account_id: str, epoch: str) -> str:
    return render_template(
        "console/restore_epoch.html",
        connection=office().browsing.connection(account_id),
        epoch=office().long_work.epoch(account_id, _number(epoch)),
    )


@console.get("/connections/<account_id>/restore/<epoch>/links")
def carried(account_id: str, epoch: str) -> Response | PlainResponse:
    """What was document X then is Y now."""
    number = _number(epoch)
    return CARRIED.answer(
        partial(office().browsing.page, "carried", account_id),
        "console/carried.html",
        fixed={"epoch": number, "was_linked": 1},
        connection=office().browsing.connection(account_id),
        epoch=office().long_work.epoch(account_id, number),
    )


@console.post("/connections/<account_id>/restore/<epoch>/bring-back")
def bring_back(account_id: str, epoch: str) -> PlainResponse:
    demand_name(office().browsing.connection(account_id).name)
    return to_work(account_id, office().desk.restore(account_id, epoch=_number(epoch), actor=actor()))


def _type(name: str | None) -> str | None:
    return "Credit Memo" if name == "CreditMemo" else name


def _number(epoch: str) -> int:
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 9):
        raise Rejected(Reason.NOT_FOUND, "unknown_epoch", "No archived epoch of this connection has this number.")
    return int(epoch)
