"""What a route needs of the application that it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, current_app, g
from werkzeug import Response as PlainResponse

from service.web.engine_protocol import Desk, Figures, Intake, Json

Answer = Response | PlainResponse | Json | str | tuple[Json, int]
"""What a route may return; Flask's own name for it cannot be resolved at run time, which the framework does."""

_KEY = "qbo-sync"


@dataclass(frozen=True)
class Engine:
    """The doors of the engine."""

    desk: Desk
    intake: Intake
    figures: Figures


def attach(app: Flask, engine: Engine) -> None:
    """Make the engine known to the routes of this app."""
    app.extensions[_KEY] = engine


def desk() -> Desk:
    """The desk of the app that answers this request."""
    return _engine().desk


def intake() -> Intake:
    """The intake of the app that answers this request."""
    return _engine().intake


def figures() -> Figures:
    """The figures of the app that answers this request."""
    return _engine().figures


def actor() -> str:
    """Who asks: the name of the bearer token."""
    name: str = g.actor
    return name


def _engine() -> Engine:
    engine: Engine = current_app.extensions[_KEY]
    return engine
