"""Who or what changed which record where, when and why; and whether the chain of it all is whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import simplejson
from flask import Response, flash, get_template_attribute, redirect, request, url_for
from markupsafe import Markup
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import office
from service.console.showing import day, midnight, words, zone_name, zone_of
from service.console.tables import Column, Filter, Row, Table
from service.engine.views import side
from service.errors import Reason, Rejected
from service.ports import Between, Listed

_ACTIONS = (
    *("create", "update", "delete", "void", "declare", "remember", "cancel", "repeat"),
    *("settings", "connection", "connect", "two_way", "enable_two_way", "reconcile", "resync", "repair", "restore"),
    *("soft_disconnect", "hard_disconnect", "revoke", "dismiss", "approve", "cancel_run"),
)
_WHERE = {"quickbooks": "in QuickBooks", "erp": "in the ERP", "map": "among the links", "connection": ""}
_SIDES = (("quickbooks", "QuickBooks"), ("erp", "The ERP"), ("map", "The links"), ("connection", "The connection"))


def _change(row: Row) -> Markup:
    """Before and after, only what differs, and every id: folded away."""
    drawn = get_template_attribute("console/_proofs.html", "change")
    return Markup(drawn(changes(row["before"], row["after"]), row))


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """(field, before, after) of every field that differs; amounts in major units."""
    old, new = side(before) or {}, side(after) or {}
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    return [(name, _text(old.get(name)), _text(new.get(name))) for name in names]


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True)


def _run_address(row: Row) -> str | None:
    return url_for("console.run", account_id=row["account_id"], run_id=row["run_id"]) if row["run_id"] else None


AUDIT = Table(
    "audit",
    (
        Column("seq", "Row", "count"),
        Column("at", "When", "when"),
        Column("actor", "Who"),
        Column("action", "Did", read=lambda row: f"{row['action']} {_WHERE.get(row['side'], '')}".replace("_", " ")),
        Column("kind", "Record", read=lambda row: " ".join(filter(None, (_kind(row), row["number"]))) or None),
        Column("amount", "Amount", "money"),
        Column("why", "Why", sortable=False, wide=True),
        Column("run_id", "Run", sortable=False, read=lambda row: "run" if row["run_id"] else None, href=_run_address),
        Column("change", "What changed", sortable=False, read=_change),
        *(Column(name, words(name), only_exported=True) for name in ("side", "number", "erp_id", "quickbooks_id")),
        *(Column(name, words(name), only_exported=True) for name in ("company_id", "hash")),
    ),
    sort="-seq",
    search="number, id, person or reason",
    filters=(
        Filter("action", "Did", tuple((each, each.replace("_", " ").capitalize()) for each in _ACTIONS)),
        Filter("side", "Where", _SIDES),
        Filter("actor", "Who"),
        Filter("since", "From", means=day, type="date"),
        Filter("until", "To", means=day, type="date"),
        Filter("run_id", "Run id"),
    ),
    empty=("Nothing was written down yet", "Every change that the service or a person makes is noted here."),
)


def _kind(row: Row) -> str | None:
    return str(row["kind"]).capitalize() if row["kind"] else None


@console.get("/connections/<account_id>/audit")
def audit(account_id: str) -> Response | PlainResponse:
    connection = office().browsing.connection(account_id)
    zone = zone_of(zone_name(connection))

    def rows(*, filters: Mapping[str, Any], **asked: Any) -> Listed:
        found = office().browsing.page("audit", account_id, filters=_in_zone(filters, zone), **asked)
        return Listed([_row(row, account_id) for row in found.rows], found.total)

    check, chain = office().proofs.last_check(account_id)
    return AUDIT.answer(rows, "console/audit.html", connection=connection, tab="audit", check=check, chain=chain)


@console.post("/connections/<account_id>/audit/verify")
def verify_audit(account_id: str) -> PlainResponse:
    """The whole chain; and whether one row is still the one that somebody wrote down."""
    found = office().proofs.verify(account_id, expected=_written_down())
    if found.fault:
        flash(found.fault, "error")
    else:
        flash(f"Every row fits: {found.rows:,} of {found.rows:,}.")
    return redirect(url_for("console.audit", account_id=account_id), HTTPStatus.SEE_OTHER)


def _written_down() -> tuple[int, str] | None:
    row, digest = request.form.get("row", "").strip(), request.form.get("hash", "").strip().lower()
    if not row and not digest:
        return None
    if not (row.isascii() and row.isdigit() and len(row) < 16 and digest):
        raise Rejected(Reason.INVALID, "invalid", "Give a row's number and its whole hash, as a proof pack shows.")
    return int(row), digest


def _in_zone(filters: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Days of the connection's zone, both included, as instants."""
    rest = {name: value for name, value in filters.items() if name not in ("since", "until")}
    since, until = filters.get("since"), filters.get("until")
    if since or until:
        end = midnight(until + timedelta(days=1), zone) if until else None
        rest["at"] = Between(midnight(since, zone) if since else None, end)
    return rest


def _row(row: Row, account_id: str) -> Row:
    said = {"before": row["before"], "after": row["after"]} if row["before"] or row["after"] else None
    return {**row, "account_id": account_id, "change": simplejson.dumps(said, use_decimal=True) if said else None}
