"""How the API describes itself: one OpenAPI 3.1 document, and a page that loads nothing from elsewhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import render_template
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict

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


def refusal(status: HTTPStatus, code: str, description: str) -> ResponseDict:
    """How one error is documented."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    example = ProblemDetails(title=status.phrase, status=status.value, code=code, detail=description)
    content = {MEDIA_TYPE: {"schema": schema, "example": example.model_dump(exclude_none=True)}}
    return {status.value: {"description": description, "content": content}}


_REFUSALS: ResponseDict = {
    **refusal(HTTPStatus.BAD_REQUEST, "malformed", "Not JSON."),
    **refusal(HTTPStatus.UNAUTHORIZED, "unauthorised", "No living token."),
    **refusal(HTTPStatus.FORBIDDEN, "support_only", "The token's role may not do this: `support_only` or `forbidden`."),
    **refusal(HTTPStatus.NOT_FOUND, "not_found", "There is no such record."),
    **refusal(HTTPStatus.CONFLICT, "plan_outdated", "Not as things stand; `code` says why."),
    **refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is over 1 MiB."),
    **refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is not sent as JSON."),
    **refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "Some values cannot be accepted; `errors` names the fields."),
    **refusal(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Busy: ask again after `Retry-After` seconds."),
}


def api_blueprint(name: str, url_prefix: str, about: str) -> APIBlueprint:
    """Routes behind a bearer token, described under a heading of their own."""
    return APIBlueprint(
        name,
        __name__,
        url_prefix=url_prefix,
        abp_tags=[Tag(name=name.replace("_", " "), description=about)],
        abp_security=[{"token": []}],
        abp_responses=dict(_REFUSALS),
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
