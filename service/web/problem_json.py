"""Every error answer: RFC 9457 `application/problem+json` with a stable `code`, and never a stack trace or an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from flask import Flask, Response, json, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from service.errors import Reason, Rejected

MEDIA_TYPE = "application/problem+json"
_LONGEST_FIELD = 200

STATUS_OF = {
    Reason.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.CONFLICT: HTTPStatus.CONFLICT,
    Reason.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.MALFORMED: HTTPStatus.BAD_REQUEST,
    Reason.UNAUTHORISED: HTTPStatus.UNAUTHORIZED,
    Reason.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Reason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reason.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CODE_OF = {
    HTTPStatus.BAD_REQUEST: Reason.MALFORMED.value,
    HTTPStatus.UNAUTHORIZED: Reason.UNAUTHORISED.value,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Reason.TOO_LARGE.value,
    HTTPStatus.UNPROCESSABLE_ENTITY: Reason.INVALID.value,
}
_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One value that cannot be accepted; `field` is its path in the body or the query."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457. `code` is stable and made for programs, `detail` is made for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] | None = None


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One error as a response. After a body that was not read to its end, nothing else can come on the connection."""
    details = ProblemDetails(
        title=status.phrase, status=status.value, code=code, detail=detail, errors=list(errors) or None
    )
    body = json.dumps(details.model_dump(exclude_none=True))
    closing = {"Connection": "close"} if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else {}
    return Response(body, status.value, headers={**(headers or {}), **closing}, mimetype=MEDIA_TYPE)


def invalid(error: ValidationError) -> Response:
    """422 with every field that was wrong; what was sent is not repeated."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    errors = [FieldError(field=_path(each["loc"]), message=each["msg"].removeprefix("Value error, ")) for each in found]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "Some values cannot be accepted; see errors.", errors=errors
    )


def answer_errors(app: Flask) -> None:
    """Turn whatever is raised behind this app's routes into problem+json."""
    app.register_error_handler(Rejected, _rejected)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _rejected(rejected: Rejected) -> Response:
    errors = [FieldError(field=rejected.field, message=rejected.message)] if rejected.field else []
    later = {} if rejected.retry_after_s is None else {"Retry-After": str(rejected.retry_after_s)}
    return problem(STATUS_OF[rejected.reason], rejected.code, rejected.message, errors=errors, headers=later)


def _http_error(error: HTTPException) -> Response | HTTPException:
    """What Flask and Werkzeug refuse. Redirects, and what was answered already, pass as they are."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    status = HTTPStatus(error.code)
    code = _CODE_OF.get(status, status.name.lower())
    kept = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return problem(status, code, error.description or status.description, headers=kept)


def _unexpected(error: Exception) -> Response:
    """The trace belongs in the log, the caller learns only that we failed."""
    rule = request.url_rule.rule if request.url_rule else None
    _log.error("request_failed", method=request.method, route=rule, exc_info=error)
    detail = "The service failed to answer. It has been noted; asking again later may help."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def _path(where: tuple[int | str, ...]) -> str:
    return ".".join(map(str, where))[:_LONGEST_FIELD] or "body"
