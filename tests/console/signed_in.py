"""Somebody at the console, without JavaScript."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.console import open_console
from service.web import create_app
from tests.stories.world import World

PASSWORD = "seven quiet ledgers wait"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """Somebody at a browser without JavaScript: follows forms, keeps cookies."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """As a form of ours sends it, CSRF token included."""
        return self.client.post(path, data={"csrf_token": self.csrf_token(), **(data or {})}, **options)

    def csrf_token(self) -> str:
        """Out of the sign-out form of any page, or the sign-in form."""
        page = self.client.get("/console/sign-in").get_data(as_text=True)
        found = _TOKEN.search(page)
        assert found is not None
        return found[1]

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/console/sign-in", {"name": name, "password": password, **more})

    def part(self, path: str, target: str) -> TestResponse:
        """As htmx asks for it."""
        return self.client.get(path, headers={"HX-Request": "true", "HX-Target": target})


def an_app(world: World) -> Flask:
    """The whole web application over a world's engine."""
    service = world.service
    app = create_app(
        desk=service.desk, intake=service.intake, figures=service.figures, public_url=service.settings.public_url
    )
    open_console(app, service)
    return app


def text_of(response: TestResponse) -> str:
    """A page's words, without its markup."""
    page = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.get_data(as_text=True), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
