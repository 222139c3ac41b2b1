"""The web application: everything that is reached over HTTP, put together."""

from __future__ import annotations

from flask_openapi3.openapi import OpenAPI

from service.web.api import BLUEPRINTS
from service.web.context import Engine, attach
from service.web.description import described_app
from service.web.engine_protocol import Desk, Figures, Intake
from service.web.headers import protect
from service.web.health import health
from service.web.metrics import measure
from service.web.oauth import oauth
from service.web.problem_json import answer_errors
from service.web.reading import read_bodies_first
from service.web.roles import guard
from service.web.webhooks import webhooks


def create_app(*, desk: Desk, intake: Intake, figures: Figures, public_url: str) -> OpenAPI:
    """A Flask app over one engine. Several may live side by side; none starts a thread or opens a connection.

    Before a route sees a request it is measured, then authorised, then its body is read: in this order.
    """
    app = described_app()
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    attach(app, Engine(desk, intake, figures))
    measure(app)
    guard(app)
    read_bodies_first(app)
    answer_errors(app)
    protect(app, https=public_url.startswith("https://"))
    for described in (*BLUEPRINTS, webhooks):
        app.register_api(described)
    for plain in (oauth, health):
        app.register_blueprint(plain)
    return app
