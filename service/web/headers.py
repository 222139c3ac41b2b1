"""Headers that keep browsers from doing more with an answer than it is for."""

from __future__ import annotations

from flask import Flask, Response, request

_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_OWN_STYLE = f"{_NOTHING}; style-src 'unsafe-inline'"
_DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none'"
)
_CONSOLE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_KEPT = ("/docs/scalar/", "/console/static/", "/console/vendor/")
"""What browsers may keep: files that are part of a version, and say nothing of anybody."""
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_ONE_YEAR_S = 365 * 24 * 3600


def protect(app: Flask, *, https: bool) -> None:
    """Set them on every answer; HSTS only where the service is reached over https."""

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(_ALWAYS)
        response.headers["Content-Security-Policy"] = _policy(request.path)
        if not request.path.startswith(_KEPT):
            response.headers["Cache-Control"] = "no-store"
        if https:
            response.headers["Strict-Transport-Security"] = f"max-age={_ONE_YEAR_S}; includeSubDomains"
        return response


def _policy(path: str) -> str:
    if path == "/docs" or path.startswith("/docs/"):
        return _DOCS
    if path == "/console" or path.startswith("/console/"):
        return _CONSOLE
    return _OWN_STYLE if path == "/connected" else _NOTHING
