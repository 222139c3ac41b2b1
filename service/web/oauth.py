"""Connecting QuickBooks in a browser: to Intuit's consent, back, and to a page that says how it went."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request

from service.web.context import Answer, desk

oauth = Blueprint("oauth", __name__)

_OUTCOMES = {
    "connected": ("QuickBooks is connected", "You can close this page."),
    "denied": ("QuickBooks was not connected", "The consent was declined. Ask for a new link to try again."),
    "link_expired": (
        "This link cannot be used",
        "It was used before, or is older than ten minutes. Ask for a new one.",
    ),
    "another_company": (
        "This is another QuickBooks company",
        "The account was disconnected for a while only, and keeps its links to the company that it had. "
        "Connect that one again, or disconnect it for good first. Nothing was changed.",
    ),
    "company_taken": (
        "This QuickBooks company belongs to another account",
        "One QuickBooks company can be connected to one account only. Nothing was changed.",
    ),
}
_FAILED = ("QuickBooks was not connected", "Something went wrong on the way. Ask for a new link to try again.")
_FACTS = {
    "account": "Account",
    "company": "QuickBooks company",
    "expected_company": "Connected before",
    "reason": "Reason",
}
_LONGEST_FACT = 200


@oauth.get("/oauth/quickbooks/connect")
def connect() -> Answer:
    """Use a connect link up, and send the browser to Intuit's consent. A mere look ahead (HEAD) uses nothing up."""
    if request.method == "HEAD":
        return Response()
    return redirect(desk().begin_consent(request.args.get("token", "")), HTTPStatus.FOUND)


@oauth.get("/oauth/quickbooks/callback")
def callback() -> Answer:
    """Back from Intuit: finish, and send the browser to the result."""
    given = request.args
    where = desk().complete_consent(
        code=given.get("code"), state=given.get("state"), realm_id=given.get("realmId"), error=given.get("error")
    )
    return redirect(where, HTTPStatus.FOUND)


@oauth.get("/connected")
def result() -> Answer:
    """The outcome in plain words. Anybody can write such an address, so it only ever names known outcomes and facts."""
    title, advice = _OUTCOMES.get(request.args.get("result", ""), _FAILED)
    facts = [(label, request.args[name][:_LONGEST_FACT]) for name, label in _FACTS.items() if request.args.get(name)]
    return render_template("connected.html", title=title, advice=advice, facts=facts)
