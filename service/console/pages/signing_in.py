"""Signing in and out."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from flask import Response, flash, make_response, redirect, render_template, request, session, url_for
from werkzeug import Response as PlainResponse

from service.console.blueprint import console
from service.console.context import office
from service.errors import Reason, Rejected
from service.web.problem_json import STATUS_OF

_log = structlog.get_logger(__name__)
_LONGEST_NEXT = 2000


@console.get("/sign-in")
def sign_in() -> Response | PlainResponse:
    return _form(request.args.get("next"))


@console.post("/sign-in")
def try_to_sign_in() -> Response | PlainResponse:
    """A new session with a name of its own: what the browser held before is forgotten."""
    given, back = request.form, request.form.get("next")
    try:
        token = office().people.sign_in(given.get("name", ""), given.get("password", ""), address())
    except Rejected as rejected:
        if rejected.reason not in (Reason.UNAUTHORISED, Reason.BUSY):
            raise
        _log.warning("sign_in_failed", code=rejected.code, address=address())
        return _form(back, rejected, name=given.get("name", ""))
    return begin(token, back)


@console.post("/sign-out")
def sign_out() -> PlainResponse:
    office().people.sign_out(session.get("token", ""))
    session.clear()
    flash("You are signed out.")
    return redirect(url_for("console.sign_in"), HTTPStatus.SEE_OTHER)


def begin(token: str, back: str | None) -> PlainResponse:
    """Into the console with a fresh session."""
    session.clear()
    session["token"] = token
    _log.info("signed_in", address=address())
    return redirect(own_page(back), HTTPStatus.SEE_OTHER)


def address() -> str:
    return request.remote_addr or "unknown"


def own_page(given: str | None) -> str:
    """Where to go on: only ever to a page of the console, whatever an address says."""
    home = url_for("console.connections")
    if not given or len(given) > _LONGEST_NEXT or "\\" in given or not given.isprintable():
        return home
    parts = urlsplit(given)
    ours = not parts.scheme and not parts.netloc and parts.path.startswith("/console/") and ".." not in parts.path
    return given if ours and not given.startswith("//") else home


def _form(back: str | None, refused: Rejected | None = None, name: str = "") -> Response:
    status = STATUS_OF[refused.reason] if refused else HTTPStatus.OK
    if refused is not None and refused.reason is Reason.BUSY:
        status = HTTPStatus.TOO_MANY_REQUESTS
    shown = render_template(
        "console/sign_in.html",
        back=own_page(back) if back else "",
        refused=refused,
        name=name,
        by_organisation=office().settings.oidc_issuer is not None,
    )
    answer = make_response(shown, status)
    if refused is not None and refused.retry_after_s is not None:
        answer.headers["Retry-After"] = str(refused.retry_after_s)
    return answer
