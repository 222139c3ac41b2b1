"""Who may call what: one table, read before anything else about a request is looked at.

`viewer` < `support` < `admin`; `erp` stands beside them. What is under `/api/` and not in the table is forbidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

from flask import Flask, abort, g, request

from service.web.context import desk
from service.web.problem_json import problem

_C = "/api/v1/connections"
_ONE = f"{_C}/<account_id>"
_RUN = "/api/v1/runs/<run_id>"
_PROBLEM = "/api/v1/problems/<problem_id>"

_RANKS = ("viewer", "support", "admin")


@dataclass(frozen=True)
class Right:
    """The least of the ranked roles that may, and whether the ERP's backend may too."""

    least: str
    erp: bool = False

    def allows(self, role: str) -> bool:
        """Whether a bearer of `role` may."""
        if role == "erp":
            return self.erp
        return role in _RANKS and _RANKS.index(role) >= _RANKS.index(self.least)


VIEWER = Right("viewer")
SUPPORT = Right("support")
ERP_OR_VIEWER = Right("viewer", erp=True)
ERP_OR_SUPPORT = Right("support", erp=True)

RIGHTS: Mapping[tuple[str, str], Right] = MappingProxyType(
    {
        ("POST", _C): ERP_OR_SUPPORT,
        ("GET", _C): ERP_OR_VIEWER,
        ("GET", _ONE): ERP_OR_VIEWER,
        ("PATCH", _ONE): SUPPORT,
        ("POST", f"{_ONE}/two-way/preview"): SUPPORT,
        ("POST", f"{_ONE}/two-way/enable"): SUPPORT,
        ("POST", f"{_ONE}/two-way/disable"): SUPPORT,
        ("POST", f"{_ONE}/reconcile"): ERP_OR_SUPPORT,
        ("POST", f"{_ONE}/disconnect"): SUPPORT,
        ("POST", f"{_ONE}/resync"): SUPPORT,
        ("POST", f"{_ONE}/restore"): SUPPORT,
        ("GET", f"{_ONE}/runs"): ERP_OR_VIEWER,
        ("GET", _RUN): ERP_OR_VIEWER,
        ("POST", f"{_RUN}/cancel"): SUPPORT,
        ("POST", f"{_RUN}/approve"): SUPPORT,
        ("GET", f"{_ONE}/links"): ERP_OR_VIEWER,
        ("GET", f"{_ONE}/problems"): VIEWER,
        ("POST", f"{_PROBLEM}/retry"): SUPPORT,
        ("POST", f"{_PROBLEM}/dismiss"): SUPPORT,
        ("POST", f"{_PROBLEM}/resolve"): SUPPORT,
        ("GET", f"{_ONE}/companies/<company_id>/open-items"): ERP_OR_VIEWER,
        ("POST", f"{_ONE}/refresh"): ERP_OR_SUPPORT,
        ("GET", f"{_ONE}/invoices/<invoice_id>/guards"): ERP_OR_VIEWER,
        ("GET", f"{_ONE}/credits/<credit_id>/guards"): ERP_OR_VIEWER,
        ("GET", f"{_ONE}/tie-out"): VIEWER,
        ("GET", f"{_ONE}/legacy-overpayments"): SUPPORT,
        ("POST", f"{_ONE}/legacy-overpayments/repair"): SUPPORT,
        ("GET", f"{_ONE}/audit"): VIEWER,
    }
)


def guard(app: Flask) -> None:
    """Let nobody past `/api/` without the right to; leaves the caller's name in `flask.g.actor`."""

    @app.before_request
    def authorise() -> None:
        if request.url_rule is None or not request.url_rule.rule.startswith("/api/"):
            return
        name, role = _caller()
        method = "GET" if request.method == "HEAD" else request.method
        _demand(RIGHTS.get((method, request.url_rule.rule)), role)
        g.actor = name


def _caller() -> tuple[str, str]:
    """(name, role) of the bearer token, or 401."""
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    known = desk().role_of(token) if token else None
    if known is None:
        detail = "Send a living API token: Authorization: Bearer <token>."
        asked_for = {"WWW-Authenticate": "Bearer"}
        abort(problem(HTTPStatus.UNAUTHORIZED, "unauthorised", detail, headers=asked_for))
    return known


def _demand(right: Right | None, role: str) -> None:
    if right is not None and right.allows(role):
        return
    if right == SUPPORT:
        abort(problem(HTTPStatus.FORBIDDEN, "support_only", "Only support staff may do this."))
    abort(problem(HTTPStatus.FORBIDDEN, "forbidden", "This token's role may not do this."))
