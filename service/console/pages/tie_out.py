"""Both books, company by company, as a sync left them: the difference, what explains it, and how it went over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, get_template_attribute, render_template, request
from markupsafe import Markup
from werkzeug import Response as PlainResponse

from service.console import charts
from service.console.blueprint import console
from service.console.context import office
from service.console.showing import day, midnight, money, zone_name, zone_of
from service.console.tables import Column, Filter, Row, Table, in_memory
from service.ports import KeptTieOut, Tied

DAYS_SHOWN = 31
_STATES = (("ties", "That agree"), ("differs", "That differ"), ("one_side", "That one side alone knows"))


def _documents(row: Row) -> Markup | None:
    """The documents folded away: they are looked at one company at a time."""
    drawn = get_template_attribute("console/_proofs.html", "documents")
    return Markup(drawn(row["documents"])) if row["documents"] else None


TIE_OUT = Table(
    "tie-out",
    (
        Column("name", "Company"),
        Column("quickbooks_id", "QuickBooks id", "code"),
        Column("erp_ar", "ERP A/R", "money"),
        Column("quickbooks_ar", "QuickBooks A/R", "money"),
        Column("difference", "Difference", "money"),
        Column("erp_credit", "ERP credit", "money"),
        Column("quickbooks_credit", "QuickBooks credit", "money"),
        Column("explained_by", "Explained by", sortable=False, read=_documents, wide=True),
        Column("company_id", "ERP id", only_exported=True),
        Column("quickbooks_balance", "QuickBooks' own balance", "money", only_exported=True),
    ),
    sort="-apart",
    search="company or QuickBooks id",
    filters=(Filter("state", "Companies", _STATES),),
    empty=("No company is in either book yet", "Companies appear with the first synchronisation."),
    also=frozenset({"at", "day"}),
)


@console.get("/connections/<account_id>/tie-out")
def tie_out(account_id: str) -> Response | PlainResponse | str:
    """Of the last sync, or of the last one up to a moment (`at`) or a day of the connection's zone (`day`)."""
    connection = office().browsing.connection(account_id)
    history = office().proofs.trend(account_id)
    if not history:
        return render_template("console/tie_out.html", connection=connection, tab="tie_out", listed=None)
    zone = zone_of(zone_name(connection))
    kept = office().proofs.kept(account_id, _moment(zone))
    place = history.index(kept.totals)
    shown = [each for each in history if each.at >= kept.totals.at - timedelta(days=DAYS_SHOWN)][: place + 1]
    shown = [each for each in shown if each.at <= kept.totals.at]
    return TIE_OUT.answer(
        in_memory([_row(each) for each in kept.companies], ("name", "quickbooks_id", "company_id")),
        "console/tie_out.html",
        connection=connection,
        tab="tie_out",
        totals=kept.totals,
        earlier=history[place - 1] if place else None,
        later=history[place + 1] if place + 1 < len(history) else None,
        trend=shown,
        chart=_chart(shown, zone),
        days_shown=DAYS_SHOWN,
        shown_day=kept.totals.at.astimezone(zone).date().isoformat(),
        today=office().clock().astimezone(zone).date().isoformat(),
    )


def _moment(zone: ZoneInfo) -> datetime | None:
    """The instant or the end of the day that the address names; None: now."""
    at, of = request.args.get("at"), request.args.get("day")
    try:
        if at:
            day(at[:10])
            return _aware(datetime.fromisoformat(at))
        return midnight(day(of) + timedelta(days=1), zone) - timedelta(microseconds=1) if of else None
    except ValueError:
        abort(400, "The day of a tie-out is written like 2026-03-31.")


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("an instant without a zone")
    return moment.astimezone(UTC)


def _row(each: Tied) -> Row:
    alone = each.company_id is None or each.quickbooks_id is None
    return {
        "company_id": each.company_id,
        "name": each.name,
        "quickbooks_id": each.quickbooks_id,
        "erp_ar": each.erp_ar,
        "quickbooks_ar": each.quickbooks_ar,
        "quickbooks_balance": each.quickbooks_balance,
        "difference": each.difference,
        "apart": abs(each.difference),
        "erp_credit": each.erp_credit,
        "quickbooks_credit": each.quickbooks_credit,
        "documents": each.explained,
        "explained_by": "; ".join(map(_sentence, each.explained)),
        "state": "one_side" if alone else "differs" if each.difference else "ties",
    }


def _sentence(document: Any) -> str:
    name = document["number"] or document["erp_id"] or document["quickbooks_id"] or ""
    return f"{document['kind']} {name} {money(document['amount'])}: {document['cause']}"


def _chart(trend: list[KeptTieOut], zone: ZoneInfo) -> charts.Chart | None:
    both = [[(each.at, each.erp_ar) for each in trend], [(each.at, each.quickbooks_ar) for each in trend]]
    apart = [[(each.at, each.difference) for each in trend]]
    return charts.steps([("A/R in both books", 150, both), ("Difference", 60, apart)], zone)
