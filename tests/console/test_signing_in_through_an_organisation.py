"""Signing in by OpenID Connect, against a small provider of our own over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from signed_in import PASSWORD, Browser, text_of
from werkzeug.serving import make_server

from service.console import open_console
from service.web import create_app
from tests.stories.world import World


class Provider:
    """Vouches for whoever `claims` says, without asking; what it signs may be made wrong."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1"})
        self.published = self.key
        self.claims: dict[str, Any] = {"sub": "u-1", "preferred_username": "ana", "role": "support"}
        self.audience = "console"
        self.issuer_told: str | None = None
        self._nonces: dict[str, str] = {}
        self.app = Flask("provider")
        self.app.get("/.well-known/openid-configuration")(self.describe)
        self.app.get("/authorize")(self.authorize)
        self.app.post("/token")(self.token)
        self.app.get("/jwks")(lambda: jsonify(keys=[self.published.as_dict(private=False)]))

    def describe(self) -> Any:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return jsonify(
            issuer=self.issuer,
            id_token_signing_alg_values_supported=["RS256"],
            **{name: f"{self.issuer}/{path}" for name, path in paths.items()},
        )

    def authorize(self) -> Any:
        assert request.args["code_challenge_method"] == "S256"
        self._nonces["the-code"] = request.args["nonce"]
        return redirect(f"{request.args['redirect_uri']}?code=the-code&state={request.args['state']}")

    def token(self) -> Any:
        assert request.form["code_verifier"]
        now = int(time.time())
        told = {
            "iss": self.issuer_told or self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now + 300,
            "nonce": self._nonces[request.form["code"]],
        }
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, told | self.claims, self.key)
        return jsonify(access_token="at", token_type="Bearer", expires_in=300, id_token=signed)


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider.app)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser(world: World, provider: Provider) -> Browser:
    oidc = {"oidc_issuer": provider.issuer, "oidc_client_id": "console", "oidc_client_secret": SecretStr("s3cret")}
    settings = world.service.settings.model_copy(update=oidc)
    service = type("Office", (), {**vars(world.service), "settings": settings})()
    app = create_app(desk=service.desk, intake=service.intake, figures=service.figures, public_url=settings.public_url)
    open_console(app, service)
    return Browser(app)


def sign_in(browser: Browser, next_: str = "") -> Any:
    """To the provider and back, as a browser goes."""
    away = browser.get("/console/oidc", query_string={"next": next_})
    back = urlsplit(requests.get(away.headers["Location"], allow_redirects=False, timeout=5).headers["Location"])
    return browser.get(f"{back.path}?{back.query}")


def test_somebody_whom_the_organisation_vouches_for_is_let_in_with_the_role_it_names(browser, world):
    answer = sign_in(browser, "/console/connections/acc-1/links")

    assert answer.headers["Location"] == "/console/connections/acc-1/links"
    [ana] = world.service.people.list()
    assert (ana.name, ana.role, ana.by_password) == ("ana", "support", False)
    assert browser.get("/console/connections").status_code == 200


def test_the_same_person_comes_back_with_another_role_and_is_still_one_user(browser, provider, world):
    sign_in(browser)
    provider.claims |= {"role": ["everyone", "viewer", "admin"], "preferred_username": "ana.new"}

    sign_in(browser)

    assert [(p.name, p.role) for p in world.service.people.list()] == [("ana", "admin")]


def test_a_name_that_is_taken_by_a_password_stays_that_persons(browser, world):
    world.service.people.create("ana", "admin", PASSWORD)

    sign_in(browser)

    names = [(p.name.partition(" ")[0], p.role, p.by_password) for p in world.service.people.list()]
    assert sorted(names) == [("ana", "admin", True), ("ana", "support", False)]


def test_without_one_of_our_roles_nobody_is_let_in(browser, provider, world):
    provider.claims["role"] = ["everyone"]

    answer = sign_in(browser)

    assert answer.status_code == 403
    assert "gives you no role here" in text_of(answer)
    assert world.service.people.list() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": "another"},
        {"issuer_told": "https://evil.example"},
        {"key": RSAKey.generate_key(2048, {"kid": "k1"})},
    ],
)
def test_what_another_signed_or_for_another_is_not_believed(browser, provider, world, wrong):
    for name, value in wrong.items():
        setattr(provider, name, value)

    answer = sign_in(browser)

    assert answer.status_code == 401
    assert world.service.people.list() == []


def test_an_answer_that_nobody_here_asked_for_is_refused(browser, world):
    away = browser.get("/console/oidc").headers["Location"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    somebody_else = Browser(browser.app)

    answer = somebody_else.get("/console/oidc/callback", query_string={"code": "the-code", "state": state})

    assert answer.status_code == 401


def test_who_is_disabled_here_stays_out(browser, world):
    world.service.people.create("root", "admin", PASSWORD)
    sign_in(browser)
    world.service.people.disable("ana")

    assert sign_in(browser).status_code == 403


def test_a_provider_that_does_not_answer_is_told_in_words(browser, provider):
    provider.app.view_functions["describe"] = lambda: ("", 503)

    answer = browser.get("/console/oidc")

    assert answer.status_code == 401
    assert "did not work out" in text_of(answer)


def test_without_a_provider_there_is_no_such_way(stranger):
    assert stranger.get("/console/oidc").status_code == 404
    assert "organisation" not in text_of(stranger.get("/console/sign-in"))
