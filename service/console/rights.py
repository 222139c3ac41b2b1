"""Who may see and do what in the console: one table, read before anything else about a request is looked at.

`viewer` < `support` < `admin`. What is not in the table is forbidden to all.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import urlsplit

from flask import Response, abort, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFProtect

from service.console.blueprint import console
from service.console.context import office
from service.console.refusing import asks_for_a_part, not_allowed
from service.engine.people import ROLES, Person
from service.web.reading import LARGEST_BODY

NOBODY = "nobody"
"""No sign-in is needed."""

_ONE = "/console/connections/<account_id>"
_CAUSE = f"{_ONE}/problems/causes/<group>"
_PROBLEM = "/console/problems/<problem_id>"

RIGHTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("GET", "/console/static/<path:filename>"): NOBODY,
        ("GET", "/console/vendor/htmx.js"): NOBODY,
        ("GET", "/console/sign-in"): NOBODY,
        ("POST", "/console/sign-in"): NOBODY,
        ("GET", "/console/oidc"): NOBODY,
        ("GET", "/console/oidc/callback"): NOBODY,
        ("POST", "/console/sign-out"): "viewer",
        ("GET", "/console/"): "viewer",
        ("GET", "/console/<path:unknown>"): "viewer",
        ("GET", "/console/connections"): "viewer",
        ("GET", _ONE): "viewer",
        ("GET", f"{_ONE}/difference"): "viewer",
        ("GET", f"{_ONE}/links"): "viewer",
        ("GET", f"{_ONE}/two-way"): "viewer",
        ("POST", f"{_ONE}/two-way/preview"): "support",
        ("POST", f"{_ONE}/two-way/off"): "support",
        ("GET", f"{_ONE}/plans/<plan_id>"): "viewer",
        ("GET", f"{_ONE}/plans/<plan_id>/rows"): "viewer",
        ("GET", f"{_ONE}/plans/<plan_id>/confirm"): "support",
        ("POST", f"{_ONE}/plans/<plan_id>/carry-out"): "support",
        ("GET", f"{_ONE}/work/<run_id>"): "viewer",
        ("GET", f"{_ONE}/work/<run_id>/progress"): "viewer",
        ("GET", f"{_ONE}/work/<run_id>/left"): "viewer",
        ("POST", f"{_ONE}/work/<run_id>/stop"): "support",
        ("POST", f"{_ONE}/work/<run_id>/release"): "support",
        ("GET", f"{_ONE}/resync"): "viewer",
        ("POST", f"{_ONE}/resync/preview"): "support",
        ("GET", f"{_ONE}/legacy-overpayments"): "support",
        ("POST", f"{_ONE}/legacy-overpayments/look"): "support",
        ("GET", f"{_ONE}/restore"): "viewer",
        ("GET", f"{_ONE}/restore/<epoch>"): "viewer",
        ("GET", f"{_ONE}/restore/<epoch>/links"): "viewer",
        ("POST", f"{_ONE}/restore/<epoch>/bring-back"): "support",
        ("POST", f"{_ONE}/reconcile"): "support",
        ("POST", f"{_ONE}/refresh"): "support",
        ("POST", f"{_ONE}/pause"): "support",
        ("POST", f"{_ONE}/connect-link"): "support",
        ("POST", f"{_ONE}/disconnect"): "support",
        ("GET", f"{_ONE}/settings"): "viewer",
        ("POST", f"{_ONE}/settings"): "support",
        ("POST", f"{_ONE}/settings/check"): "support",
        ("GET", "/console/users"): "admin",
        ("POST", "/console/users"): "admin",
        ("POST", "/console/users/<path:name>/role"): "admin",
        ("POST", "/console/users/<path:name>/password"): "admin",
        ("POST", "/console/users/<path:name>/disable"): "admin",
        ("POST", "/console/users/<path:name>/enable"): "admin",
        ("GET", "/console/password"): "viewer",
        ("POST", "/console/password"): "viewer",
        ("GET", "/console/problems"): "viewer",
        ("GET", f"{_ONE}/problems"): "viewer",
        ("GET", f"{_ONE}/problems/list"): "viewer",
        ("GET", _CAUSE): "viewer",
        ("POST", f"{_CAUSE}/retry"): "support",
        ("POST", f"{_CAUSE}/dismiss"): "support",
        ("GET", _PROBLEM): "viewer",
        ("POST", f"{_PROBLEM}/retry"): "support",
        ("POST", f"{_PROBLEM}/dismiss"): "support",
        ("POST", f"{_PROBLEM}/resolve"): "support",
        ("GET", "/console/search"): "viewer",
        ("GET", f"{_ONE}/records/<kind>/<which>"): "viewer",
        ("POST", f"{_ONE}/companies/<company_id>/refresh"): "support",
        ("POST", f"{_ONE}/companies/<company_id>/reconcile"): "support",
        ("GET", f"{_ONE}/tie-out"): "viewer",
        ("GET", f"{_ONE}/proof-pack"): "viewer",
        ("GET", f"{_ONE}/runs"): "viewer",
        ("GET", f"{_ONE}/runs/<run_id>"): "viewer",
        ("GET", f"{_ONE}/runs/<run_id>/progress"): "viewer",
        ("POST", f"{_ONE}/runs/<run_id>/cancel"): "support",
        ("POST", f"{_ONE}/runs/<run_id>/approve"): "support",
        ("GET", f"{_ONE}/audit"): "viewer",
        ("POST", f"{_ONE}/audit/verify"): "viewer",
    }
)

csrf = CSRFProtect()


def may(role: str, least: str | None) -> bool:
    """Whether somebody of `role` may do what the table gives to `least`."""
    if least == NOBODY:
        return True
    return least in ROLES and role in ROLES and ROLES.index(role) >= ROLES.index(least)


def least_role(method: str, rule: str) -> str | None:
    """What the table says; None: forbidden to all."""
    return RIGHTS.get(("GET" if method == "HEAD" else method, rule))


@console.before_request
def authorise() -> Response | None:
    """Let nobody on without the right to; leaves whoever is signed in in `flask.g.person`."""
    request.max_content_length = LARGEST_BODY
    rule = request.url_rule.rule if request.url_rule else ""
    least = least_role(request.method, rule)
    g.person = _signed_in()
    if least != NOBODY and g.person is None:
        return _to_sign_in()
    if not may(g.person.role if g.person else NOBODY, least):
        abort(not_allowed(least))
    csrf.protect()
    return None


def _signed_in() -> Person | None:
    token = session.get("token")
    return office().people.who(token) if isinstance(token, str) else None


def _to_sign_in() -> Response:
    """Back to where one was after signing in; a part of a page makes the whole page go."""
    session.pop("token", None)
    if asks_for_a_part():
        at = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{at.path}?{at.query}".rstrip("?") or None
        sign_in = url_for("console.sign_in", next=back)
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": sign_in})
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    where = redirect(url_for("console.sign_in", next=back), HTTPStatus.SEE_OTHER)
    return Response(headers=where.headers, status=where.status_code)
