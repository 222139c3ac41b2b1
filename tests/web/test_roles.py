"""Who may do what: every route, with every role, from the table itself and from the contract's own words."""

from __future__ import annotations

import re

import pytest
from browsing import ACCOUNT, CONNECTIONS, Caller, is_problem
from fake_engine import FakeDesk

from service.settings import ROLES
from service.web.roles import RIGHTS, SUPPORT

EVERY_CALL = [(method, rule, role) for method, rule in RIGHTS for role in ROLES]


def _address(rule: str) -> str:
    return re.sub(r"<\w+>", "some-id", rule)


@pytest.mark.parametrize(("method", "rule", "role"), EVERY_CALL)
def test_a_role_gets_through_exactly_where_the_table_lets_it(caller: Caller, method: str, rule: str, role: str) -> None:
    right = RIGHTS[method, rule]

    response = caller.as_(role).call(method, _address(rule))

    if right.allows(role):
        assert response.status_code not in (401, 403)
    else:
        assert is_problem(response, 403, "support_only" if right == SUPPORT else "forbidden")


@pytest.mark.parametrize(("method", "rule"), RIGHTS)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer ", "Basic YWRtaW46YWRtaW4=", "admin"])
def test_nobody_gets_through_without_a_living_token(
    caller: Caller, desk: FakeDesk, method: str, rule: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    response = caller.call(method, _address(rule), headers=headers)

    assert is_problem(response, 401, "unauthorised")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert desk.asked == []


def test_every_route_of_the_api_stands_in_the_table(caller: Caller) -> None:
    """A route that somebody forgot to enter is closed to all, and this test says so."""
    served = {
        (method, rule.rule)
        for rule in caller.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD"}
    }

    assert served == set(RIGHTS)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (
            "erp",
            {
                "POST /connections",
                "GET /connections",
                "GET …",
                "POST …/reconcile",
                "GET …/runs",
                "GET /runs/{}",
                "GET …/links",
                "GET …/companies/{}/open-items",
                "POST …/refresh",
                "GET …/invoices/{}/guards",
                "GET …/credits/{}/guards",
            },
        ),
        (
            "viewer",
            {
                "GET /connections",
                "GET …",
                "GET …/runs",
                "GET /runs/{}",
                "GET …/links",
                "GET …/problems",
                "GET …/companies/{}/open-items",
                "GET …/invoices/{}/guards",
                "GET …/credits/{}/guards",
                "GET …/tie-out",
                "GET …/audit",
            },
        ),
    ],
)
def test_the_table_is_the_contracts(role: str, allowed: set[str]) -> None:
    short = {
        f"{method} " + re.sub(r"<\w+>", "{}", rule.replace(f"{CONNECTIONS}/<account_id>", "…").replace("/api/v1", ""))
        for (method, rule), right in RIGHTS.items()
        if right.allows(role)
    }

    assert short == allowed


def test_support_and_admin_may_do_everything_that_there_is_so_far() -> None:
    assert all(right.allows(role) for right in RIGHTS.values() for role in ("support", "admin"))


def test_a_role_is_looked_at_before_the_body(caller: Caller) -> None:
    """Who may not ask learns nothing about what would have been wrong."""
    response = caller.as_("viewer").patch(ACCOUNT, data="not json", content_type="text/plain")

    assert is_problem(response, 403, "support_only")


def test_the_audit_learns_who_asked(caller: Caller, desk: FakeDesk) -> None:
    caller.as_("erp").post(f"{ACCOUNT}/reconcile")

    assert desk.was_asked("reconcile")["actor"] == "erp token"
