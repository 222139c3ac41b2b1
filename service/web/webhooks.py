"""Webhooks: the raw body goes to the intake, which verifies and stores it; the work is done later."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models import RawModel
from flask_openapi3.models.tag import Tag
from werkzeug.exceptions import RequestEntityTooLarge

from service.web import shapes
from service.web.context import Answer, intake
from service.web.description import refusal
from service.web.problem_json import problem
from service.web.queries import AccountPath
from service.web.reading import whole_body

LARGEST_QUICKBOOKS_BODY = 8 * 1024 * 1024
"""Far above what Intuit sends: an answer other than 200 can hold back every later event."""

_UNSIGNED = refusal(HTTPStatus.UNAUTHORIZED, "unauthorised", "The signature does not match; nothing was stored.")
_log = structlog.get_logger(__name__)

webhooks = APIBlueprint(
    "webhooks",
    __name__,
    url_prefix="/webhooks",
    abp_tags=[Tag(name="webhooks", description="Where both sides tell what changed.")],
)


class SignedBody(RawModel):
    mimetypes = ["application/json"]  # noqa: RUF012 (the framework reads it from the class)


@webhooks.post(
    "/quickbooks",
    security=[{"intuit_signature": []}],
    responses={200: shapes.NoticeTaken, **_UNSIGNED},
)
def receive_quickbooks_notices(raw: SignedBody) -> Answer:
    """QuickBooks' notices, in both formats: 401 without a valid signature, else 200 once stored, whatever they say"""
    try:
        signed = intake().quickbooks(whole_body(LARGEST_QUICKBOOKS_BODY), request.headers.get("intuit-signature", ""))
    except RequestEntityTooLarge:
        _log.warning("quickbooks_notice_too_large", largest=LARGEST_QUICKBOOKS_BODY)
        signed = False
    if not signed:
        return problem(HTTPStatus.UNAUTHORIZED, "unauthorised", "The signature does not match the body.")
    return {"status": "accepted"}, HTTPStatus.OK


@webhooks.post(
    "/erp/<account_id>",
    security=[{"erp_signature": []}],
    responses={
        202: shapes.NoticeTaken,
        **_UNSIGNED,
        **refusal(HTTPStatus.BAD_REQUEST, "unreadable_notice", "Not JSON, or not the envelope."),
        **refusal(HTTPStatus.NOT_FOUND, "unknown_account", "No connection has this account id."),
        **refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is over 1 MiB."),
    },
)
def receive_erp_notice(path: AccountPath, raw: SignedBody) -> Answer:
    """The ERP's notice of one change: 202 once stored, even where the record in it breaks a rule"""
    status = intake().erp(path.account_id, whole_body(), request.headers.get("x-distru-signature", ""))
    return {"status": status}, HTTPStatus.ACCEPTED
