"""Reading a request's body before anything else looks at it: too large, not JSON by its type, not JSON at all."""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Flask, abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import Reason, Rejected
from service.web.problem_json import problem

LARGEST_BODY = 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_bodies_first(app: Flask) -> None:
    """Without this the framework answers a body that it cannot parse as if a field were missing."""

    @app.before_request
    def read() -> None:
        if request.url_rule is None or not request.url_rule.rule.startswith("/api/"):
            return
        if _CONTROL.search(request.path):
            abort(HTTPStatus.NOT_FOUND)
        if whole_body():
            _parse()


def whole_body(largest: int = LARGEST_BODY) -> bytes:
    """The raw body, kept for whoever reads it again. Raises: `RequestEntityTooLarge`.

    Werkzeug cuts a body of unknown length off at its limit without a word; the one byte more gives that away.
    """
    request.max_content_length = largest + 1
    body = request.get_data()
    if len(body) > largest:
        raise RequestEntityTooLarge
    return body


def _parse() -> None:
    """Parsed once: the request keeps the value for the model."""
    if not request.is_json:
        abort(problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send JSON: application/json."))
    try:
        request.get_json()
    except RecursionError:
        raise Rejected(Reason.MALFORMED, "malformed", "The body is nested too deeply.") from None
