"""One connection: how it stands, and what support staff can do about it. Every deed is the desk's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from service.console.blueprint import console
from service.console.context import actor, office
from service.engine.overview import FREE_QUOTA
from service.errors import Rejected
from service.ports import Connection
from service.web.problem_json import STATUS_OF

PAUSABLE = ("INVOICE", "PAYMENT", "CREDIT", "RETURN", "REFUND", "COMPANY")
_RUNS_SHOWN = 5


@console.get("/connections/<account_id>")
def connection(account_id: str) -> str:
    return _page(account_id)


@console.post("/connections/<account_id>/reconcile")
def reconcile(account_id: str) -> Response:
    deed = partial(office().desk.reconcile, account_id, company_id=None, dry_run=False, actor=actor())
    return _done(account_id, deed, "A reconciliation is asked for; it is listed under the runs.")


@console.post("/connections/<account_id>/refresh")
def refresh(account_id: str) -> Response:
    """Of one company, named by its id or by the id of one of its invoices."""
    named = request.form.get("id", "").strip()
    company, invoice = (named, None) if request.form.get("what") == "company" else (None, named)
    deed = partial(office().desk.refresh, account_id, company_id=company, invoice_id=invoice, actor=actor())
    return _done(account_id, deed, "The latest payments and credits of that company are in the ERP.")


@console.post("/connections/<account_id>/pause")
def pause(account_id: str) -> Response:
    """What is ticked is paused, what is not goes on."""
    ticked = request.form.getlist("paused")
    paused = ["ALL"] if "ALL" in ticked else [kind for kind in PAUSABLE if kind in ticked]
    deed = partial(office().desk.patch, account_id, settings={"paused": paused}, actor=actor())
    return _done(account_id, deed, _paused_in_words(paused))


@console.post("/connections/<account_id>/connect-link")
def connect_link(account_id: str) -> str:
    """Shown once: it is not kept anywhere."""
    return _page(account_id, link=office().connecting.link_for(account_id, actor=actor()))


@console.post("/connections/<account_id>/disconnect")
def disconnect(account_id: str) -> Response:
    mode = "hard" if request.form.get("mode") == "hard" else "soft"
    confirmed = request.form.get("confirm", "")
    deed = partial(office().desk.disconnect, account_id, mode=mode, confirm=confirmed, actor=actor())
    return _done(account_id, deed, "The disconnect is under way; it is listed under the runs.")


def _done(account_id: str, deed: Callable[[], object], said: str) -> Response:
    """The page again: with what was done, or with why it was not."""
    try:
        deed()
    except Rejected as rejected:
        return make_response(_page(account_id, refused=rejected), STATUS_OF[rejected.reason])
    flash(said)
    return redirect(url_for("console.connection", account_id=account_id), HTTPStatus.SEE_OTHER)


def _page(account_id: str, *, link: str | None = None, refused: Rejected | None = None) -> str:
    standing = office().overview.one(account_id)
    runs = office().browsing.page(
        "runs", account_id, filters={}, search=None, sort="created_at", descending=True, offset=0, limit=_RUNS_SHOWN
    )
    return render_template(
        "console/connection.html",
        connection=standing.connection,
        standing=standing,
        runs=runs.rows,
        pausable=PAUSABLE,
        quota=FREE_QUOTA,
        auto_apply=_auto_apply(standing.connection),
        link=link,
        refused=refused,
    )


def _auto_apply(connection: Connection) -> bool:
    preferences = connection.lists.get("preferences") or {}
    return bool((preferences.get("SalesFormsPrefs") or {}).get("AutoApplyCredit"))


def _paused_in_words(paused: list[str]) -> str:
    if not paused:
        return "Nothing is paused: everything is synchronised again."
    if paused == ["ALL"]:
        return "Everything is paused. Changes are remembered, and come when it goes on."
    return f"Paused: {', '.join(kind.lower() for kind in paused)}. Changes are remembered, and come when it goes on."
