"""Calling the application as somebody with a role."""

from __future__ import annotations

import io
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

CONNECTIONS = "/api/v1/connections"
ACCOUNT = f"{CONNECTIONS}/acct-1"


class Caller:
    """Somebody at the other end; without a role a stranger."""

    def __init__(self, app: Flask, role: str | None = None) -> None:
        self.app = app
        self._role = role

    def as_(self, role: str) -> Caller:
        """The same application, called with this role's token."""
        return Caller(self.app, role)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        return self.call("PATCH", path, **options)

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """The fakes' tokens are named like their roles."""
        token = {"Authorization": f"Bearer {self._role}"} if self._role else {}
        return self.app.test_client().open(path, method=method, headers=token | (headers or {}), **options)


def in_chunks(body: bytes) -> dict[str, Any]:
    """How a body travels whose length is not told beforehand."""
    told = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return {"environ_overrides": told, "input_stream": io.BytesIO(body)}


def is_problem(response: TestResponse, status: int, code: str) -> bool:
    """Whether the answer is this error, in the form that all errors have."""
    answer = response.get_json(force=True)
    form = response.mimetype == "application/problem+json" and answer["status"] == response.status_code
    return form and (response.status_code, answer["code"]) == (status, code)


def fields(response: TestResponse) -> set[str]:
    """The fields that a 422 names."""
    return {error["field"] for error in response.get_json(force=True)["errors"]}
