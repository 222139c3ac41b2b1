"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint

from service.web.context import Answer, desk

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Answer:
    """The process answers; nothing else is looked at."""
    return {"status": "ok"}


@health.get("/readyz")
def readyz() -> Answer:
    """Database, migrations and worker by name; 503 where one of them is not ready."""
    readiness = desk().readiness()
    return readiness, HTTPStatus.OK if readiness["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
