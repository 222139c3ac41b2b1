"""Every refusal as a page that says what happened and what to do; to htmx as the box alone."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from service.console.blueprint import console
from service.errors import Rejected, SyncError
from service.web.problem_json import STATUS_OF

_log = structlog.get_logger(__name__)

_SENTENCES = {
    HTTPStatus.NOT_FOUND: ("There is no such page", "Check the address, or start from the list of connections."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("This cannot be done here", "Go back and use the buttons of the page."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("That is too large", "Send less at once."),
}
_TITLES = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.CONFLICT: "Not as things stand",
    HTTPStatus.UNPROCESSABLE_ENTITY: "This cannot be accepted",
    HTTPStatus.FORBIDDEN: "You may not do this",
    HTTPStatus.SERVICE_UNAVAILABLE: "Busy at the moment",
}


def asks_for_a_part() -> bool:
    """Whether htmx asks, and so wants no whole page. It asks for one when a person goes back in the history."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def trouble(status: HTTPStatus, title: str, sentence: str) -> Response:
    """One refusal: the box for htmx, a page for everybody else."""
    template = "console/_trouble.html" if asks_for_a_part() else "console/trouble.html"
    return make_response(render_template(template, trouble_title=title, sentence=sentence), status.value)


def not_allowed(least: str | None) -> Response:
    """403, in words that name the role that may."""
    sentence = "Nobody may do this." if least is None else f"This needs the role {least}; an admin can give it to you."
    return trouble(HTTPStatus.FORBIDDEN, "You may not do this", sentence)


@console.errorhandler(Rejected)
def _rejected(rejected: Rejected) -> Response:
    status = STATUS_OF[rejected.reason]
    answer = trouble(status, _TITLES.get(status, "This was refused"), rejected.message)
    if rejected.retry_after_s is not None:
        answer.headers["Retry-After"] = str(rejected.retry_after_s)
    return answer


@console.errorhandler(SyncError)
def _other_side(error: SyncError) -> Response:
    """QuickBooks or the ERP did not do its part; their sentence says why."""
    return trouble(HTTPStatus.BAD_GATEWAY, "The other side did not answer as it should", error.message)


@console.errorhandler(CSRFError)
def _forged(error: CSRFError) -> Response:
    sentence = "The form was too old, or did not come from this page. Nothing was changed: load the page and try again."
    return trouble(HTTPStatus.BAD_REQUEST, "This form cannot be used any more", sentence)


@console.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    status = HTTPStatus(error.code)
    title, sentence = _SENTENCES.get(status, (status.phrase, error.description or status.description))
    return trouble(status, title, sentence)


@console.errorhandler(Exception)
def _unexpected(error: Exception) -> Response:
    rule = request.url_rule.rule if request.url_rule else None
    _log.error("request_failed", method=request.method, route=rule, exc_info=error)
    sentence = "It has been noted. Trying again later may help; nothing half-done is left behind."
    return trouble(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed to answer", sentence)
