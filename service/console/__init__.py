"""The support desk in a browser, at `/console`: pages for support staff, accountants and operators."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from service.console import oidc, pages, refusing, rights
from service.console.blueprint import console
from service.console.context import Office, attach
from service.console.navigation import navigate
from service.console.showing import show

__all__ = ["open_console", "pages", "refusing"]


def open_console(app: Flask, office: Office) -> None:
    """Put the console on an app. Its only cookie names a session, signed; what that is worth the store says."""
    https = office.settings.public_url.startswith("https://")
    app.secret_key = office.settings.secret_key.get_secret_value()
    app.config.update(
        SESSION_COOKIE_NAME="__Host-qbo-sync" if https else "qbo-sync",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,  # the API has no cookies; the console checks by itself
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # no Referer is sent, by our own Referrer-Policy
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    attach(app, office)
    rights.csrf.init_app(app)
    show(app)
    navigate(app)
    oidc.offer(app, office.settings)
    app.register_blueprint(console)
    _believe(app, office.settings.trusted_proxies)


def _believe(app: Flask, proxies: int) -> None:
    """Behind so many proxies of our own, the address of whoever asks is the one that the outermost of them tells."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
