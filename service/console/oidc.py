"""Signing in through an organisation's own identity provider (OpenID Connect), where the settings name one."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, abort, current_app, request, session
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug import Response

from service.console.blueprint import console
from service.console.context import office
from service.console.pages.signing_in import begin, own_page
from service.engine.people import ROLES
from service.errors import Reason, Rejected
from service.settings import Settings

_NAME = "organisation"
_TIMEOUT_S = 10
_log = structlog.get_logger(__name__)


def offer(app: Flask, settings: Settings) -> None:
    """Make the provider known to the app; it is asked for nothing before somebody signs in."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        return
    oauth = OAuth(app)
    oauth.register(
        _NAME,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_S,
        },
    )


@console.get("/oidc")
def begin_oidc() -> Response:
    """To the provider; where to go on afterwards is kept with the session, not in an address."""
    provider = _provider()
    session["next"] = own_page(request.args.get("next"))
    try:
        away: Response = provider.authorize_redirect(f"{office().settings.public_url}/console/oidc/callback")
    except (OAuthError, RequestException, ValueError) as error:
        raise _failed(error) from error
    return away


@console.get("/oidc/callback")
def end_oidc() -> Response:
    """Back from the provider: what it vouches for is checked (signature, issuer, audience, nonce, state)."""
    provider, settings = _provider(), office().settings
    expected = {"iss": {"values": [settings.oidc_issuer]}, "aud": {"values": [settings.oidc_client_id]}}
    try:
        claims = provider.authorize_access_token(claims_options=expected)["userinfo"]
    except (OAuthError, JoseError, RequestException, ValueError, KeyError) as error:
        raise _failed(error) from error
    told = str(claims.get("preferred_username") or claims.get("email") or claims.get("name") or claims["sub"])
    name = "".join(filter(str.isprintable, told)).strip()[:100] or "nameless"
    token = office().people.sign_in_as(f"{settings.oidc_issuer} {claims['sub']}", name, _role(claims))
    return begin(token, session.get("next"))


def _provider() -> Any:
    oauth = current_app.extensions.get("authlib.integrations.flask_client")
    return oauth.create_client(_NAME) if oauth is not None else abort(HTTPStatus.NOT_FOUND)


def _role(claims: Mapping[str, Any]) -> str:
    """The highest of our roles that the claim names: one word, or a list such as the provider's groups."""
    claim = office().settings.oidc_role_claim
    told = claims.get(claim)
    named = told if isinstance(told, list) else [told]
    for role in reversed(ROLES):
        if role in named:
            return role
    sentence = f"Your organisation gives you no role here: its claim '{claim}' has to name {', '.join(ROLES)}."
    raise Rejected(Reason.FORBIDDEN, "no_role", sentence)


def _failed(error: Exception) -> Rejected:
    """The provider's own words stay in the log: they may come from anybody's address bar."""
    _log.warning("oidc_failed", error=type(error).__name__)
    sentence = "Your organisation's sign-in did not work out. Begin again; if it fails again, tell an admin."
    return Rejected(Reason.UNAUTHORISED, "oidc_failed", sentence)
