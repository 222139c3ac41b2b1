"""How the API describes itself: one OpenAPI 3.1 document, and a page that loads nothing from elsewhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import render_template
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from service.web.problem_json import MEDIA_TYPE, ProblemDetails, invalid

VERSION = "1"

SECURITY_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token; its role decides what it may do."},
    "intuit_signature": {
        "type": "apiKey",
        "in": "header",
        "name": "intuit-signature",
        "description": "base64 HMAC-SHA256 of the raw body, keyed with the verifier token",
    },
    "erp_signature": {
        "type": "apiKey",
        "in": "header",
        "name": "x-distru-signature",
        "description": "sha256=<hex HMAC-SHA256 of the raw body>",
    },
}

_REFUSALS = {
    HTTPStatus.BAD_REQUEST: "Not JSON",
    HTTPStatus.UNAUTHORIZED: "No living token",
    HTTPStatus.FORBIDDEN: "The token's role may not do this: `support_only` or `forbidden`",
    HTTPStatus.NOT_FOUND: "There is no such record",
    HTTPStatus.CONFLICT: "Not as things stand; `code` says why",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Values that cannot be accepted; `errors` names the fields",
    HTTPStatus.SERVICE_UNAVAILABLE: "Busy: ask again after `Retry-After` seconds",
}


def refusal(description: str) -> dict[str, Any]:
    """How an error is documented."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def api_blueprint(name: str, url_prefix: str, about: str) -> APIBlueprint:
    """Routes behind a bearer token, described under a heading of their own."""
    return APIBlueprint(
        name,
        __name__,
        url_prefix=url_prefix,
        abp_tags=[Tag(name=name.replace("_", " "), description=about)],
        abp_security=[{"token": []}],
        abp_responses={status.value: refusal(text) for status, text in _REFUSALS.items()},
    )


def described_app() -> OpenAPI:
    """An app that describes its routes at `/openapi.json` and shows them at `/docs`."""
    app = OpenAPI(
        "service.web",
        info=Info(title="qbo-sync", version=VERSION, description="Keeps an ERP's books and QuickBooks Online in step."),
        security_schemes=SECURITY_SCHEMES,
        validation_error_status=HTTPStatus.UNPROCESSABLE_ENTITY.value,
        validation_error_model=ProblemDetails,
        validation_error_callback=invalid,
        doc_prefix="/docs",
    )
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["OPENAPI_HTML_STRING"] = app.config["SCALAR_HTML_STRING"] = "{% include 'docs.html' %}"
    app.add_url_rule("/docs", "docs", lambda: render_template("docs.html"))
    app.add_url_rule("/openapi.json", "openapi_document", lambda: app.api_doc)
    return app
