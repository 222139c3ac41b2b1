"""htmx, served from the package that brings it: nothing third-party is kept in this repository."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.metadata import distribution

from flask import Response, abort

from service.console.blueprint import console

_PACKAGE = "django-js-lib-htmx"
_FILE = "js_lib_htmx/static/htmx/htmx.min.js"
_ONE_DAY_S = 24 * 3600


@console.get("/vendor/htmx.js")
def htmx() -> Response:
    answer = Response(_htmx(), mimetype="text/javascript")
    answer.cache_control.public = True
    answer.cache_control.max_age = _ONE_DAY_S
    return answer


@console.get("/<path:unknown>")
def nothing(unknown: str) -> Response:
    """An address under /console that no page has: refused as a page, not as an API does."""
    abort(HTTPStatus.NOT_FOUND)


@cache
def _htmx() -> bytes:
    """Found without importing the package, which would ask for Django."""
    return distribution(_PACKAGE).locate_file(_FILE).read_bytes()  # type: ignore[attr-defined, no-any-return]
