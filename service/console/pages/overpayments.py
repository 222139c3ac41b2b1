"""Overpayments that QuickBooks holds as Credit Memos (before 2026-02-25): found, shown, repaired by a plan."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, redirect, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import actor, office
from service.console.tables import Column, Filter, Row, Table, in_memory

OVERPAYMENTS = Table(
    "legacy-overpayments",
    (
        Column("credit_number", "Credit"),
        Column("company_name", "Company"),
        Column("amount", "Amount", "money"),
        Column("used", "Used", "money"),
        Column("erp_open", "Open in the ERP", "money"),
        Column("memo_number", "Credit Memo"),
        Column("memo_open", "Open in QuickBooks", "money"),
        Column("payment_number", "Payment"),
        Column("outcome", "Can it be repaired?", read=lambda row: "Yes" if row["repairable"] else "By hand"),
        Column("left_out", "Why not", sortable=False, wide=True),
        Column("fix_quickbooks", "By hand in QuickBooks", sortable=False, wide=True),
        Column("fix_erp", "By hand in the ERP", sortable=False, wide=True),
    ),
    sort="credit_number",
    search="credit, memo, payment or company",
    filters=(Filter("outcome", "Can it be repaired?", (("yes", "Yes"), ("by hand", "By hand"))),),
    empty=("No such overpayment was found", "Every overpayment stands on its Payment in QuickBooks."),
)
_SEARCHED = ("credit_number", "memo_number", "payment_number", "company_name")


@console.get("/connections/<account_id>/legacy-overpayments")
def overpayments(account_id: str) -> Response | PlainResponse:
    """As last looked for; looking anew reads both sides."""
    standing = office().long_work.standing(account_id, "repair", "legacy_overpayments")
    kept = standing["plan"]
    found = [_flat(row) for row in (kept or {}).get("found") or ()]
    return OVERPAYMENTS.answer(
        in_memory(found, _SEARCHED),
        "console/overpayments.html",
        connection=office().browsing.connection(account_id),
        standing=standing,
        plan=kept,
        repairable=sum(1 for row in found if row["repairable"]),
    )


@console.post("/connections/<account_id>/legacy-overpayments/look")
def look_for_overpayments(account_id: str) -> PlainResponse:
    """Reads both sides, changes nothing."""
    office().desk.legacy_overpayments(account_id, actor=actor())
    return redirect(url_for("console.overpayments", account_id=account_id), HTTPStatus.SEE_OTHER)


def _flat(row: dict[str, Any]) -> Row:
    memo, fixes = row["quickbooks"]["credit_memo"], row["suggested_fixes"]
    return {
        **row,
        "memo_number": memo["number"] or memo["id"],
        "memo_open": memo["open"],
        "outcome": "yes" if row["repairable"] else "by hand",
        "fix_quickbooks": fixes["quickbooks"],
        "fix_erp": fixes["erp"],
    }
