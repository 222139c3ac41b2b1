"""Every route × method × role × account, from the application's own routes: who gets where, what others are told.

What is asked for with the right to do so is asked of an account that is not there, or with ids of another account: a
route that forgets to look would do something, and this would see it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from houses import API_ROLES, PASSWORD, PEOPLE, House
from werkzeug.test import TestResponse

from service.console.rights import NOBODY, may
from service.console.rights import RIGHTS as PAGES
from service.web.roles import RIGHTS, SUPPORT

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOBODYS_TOKENS = (None, "unknown", "revoked")
API_CALLS = list(RIGHTS)
ALLOWED = [(*call, role) for call in RIGHTS for role in API_ROLES if RIGHTS[call].allows(role)]
REFUSED = [(*call, role) for call in RIGHTS for role in API_ROLES if not RIGHTS[call].allows(role)]
LOOKS_AT_NO_ACCOUNT = {("POST", "/console/connections/<account_id>/settings/check")}
"""Without a field there is nothing to check: the answer is empty, whatever account it names."""
PAGE_CALLS = [(method, rule) for method, rule in PAGES if "sign-out" not in rule]
OF_TWO = [(method, rule) for method, rule in API_CALLS if re.search(r"<(company|invoice|credit)_id>", rule)]


def address(rule: str, **ids: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: ids.get(name[1], "some-id"), rule)


def body_for(house: House, method: str, rule: str) -> dict[str, Any]:
    """The example that the description gives for this body."""
    document = house.app.test_client().get("/openapi.json").get_json()
    operation = document["paths"][re.sub(r"<(\w+)>", r"{\1}", rule)][method.lower()]
    if "requestBody" not in operation:
        return {}
    return {"json": operation["requestBody"]["content"]["application/json"]["example"]}


def call(house: House, method: str, path: str, token: str | None, **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return house.app.test_client().open(path, method=method, headers=headers, **options)


def code_of(response: TestResponse) -> str:
    assert response.mimetype == "application/problem+json"
    return str(response.get_json(force=True)["code"])


# ------------------------------------------------------------------------------------------------- the API


@pytest.mark.parametrize("token", NOBODYS_TOKENS)
@pytest.mark.parametrize(("method", "rule"), API_CALLS)
def test_without_a_living_token_nothing_is_to_be_had(house: House, method: str, rule: str, token: str | None) -> None:
    token = house.revoked if token == "revoked" else token

    for ids in (house.ids, {}):
        answer = call(house, method, address(rule, **ids), token, **body_for(house, method, rule))
        assert (answer.status_code, code_of(answer)) == (401, "unauthorised")


@pytest.mark.parametrize(("method", "rule", "role"), REFUSED)
def test_a_role_without_the_right_is_refused_before_anything_is_looked_up(
    house: House, method: str, rule: str, role: str
) -> None:
    right = RIGHTS[method, rule]

    for ids in (house.ids, {}):
        answer = call(house, method, address(rule, **ids), f"{role}-token", **body_for(house, method, rule))
        assert (answer.status_code, code_of(answer)) == (403, "support_only" if right == SUPPORT else "forbidden")


@pytest.mark.parametrize(("method", "rule", "role"), [each for each in ALLOWED if "<" in each[1]])
def test_what_is_not_there_is_not_found_by_those_who_may_look(house: House, method: str, rule: str, role: str) -> None:
    answer = call(house, method, address(rule), f"{role}-token", **body_for(house, method, rule))

    assert answer.status_code == 404, answer.text
    assert code_of(answer).startswith("unknown_")


@pytest.mark.parametrize(("method", "rule", "role"), [each for each in ALLOWED if each[0] == "GET"])
def test_what_is_there_is_shown_to_those_who_may_look(house: House, method: str, rule: str, role: str) -> None:
    assert call(house, method, address(rule, **house.ids), f"{role}-token").status_code == 200


@pytest.mark.parametrize(("method", "rule"), OF_TWO)
def test_another_accounts_records_are_not_there(house: House, method: str, rule: str) -> None:
    answer = call(house, method, address(rule, **(house.ids | house.foreign)), "admin-token")

    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("token", [None, "erp-token", "admin-token"])
@pytest.mark.parametrize("rule", sorted({rule for _, rule in API_CALLS}))
def test_a_method_that_a_route_does_not_have_does_nothing(house: House, rule: str, token: str | None) -> None:
    served = {method for method, each in API_CALLS if each == rule}
    if "GET" in served:
        served.add("HEAD")

    for method in set(METHODS) - served:
        assert call(house, method, address(rule, **house.ids), token, json={}).status_code == 405


def test_every_route_outside_api_and_console_is_one_that_we_know_to_be_open(house: House) -> None:
    """What needs no token is listed by hand: a new open door has to be put here, by somebody who thought about it."""
    rules = {rule.rule for rule in house.app.url_map.iter_rules()}
    outside = {rule for rule in rules if not rule.startswith(("/api/", "/console", "/docs"))}

    assert outside == {
        "/connected",
        "/healthz",
        "/metrics",
        "/oauth/quickbooks/callback",
        "/oauth/quickbooks/connect",
        "/openapi.json",
        "/readyz",
        "/static/<path:filename>",
        "/webhooks/erp/<account_id>",
        "/webhooks/quickbooks",
    }


@pytest.mark.parametrize("signature", [None, "", "wrong", "sha256=", "sha256=" + "0" * 64])
@pytest.mark.parametrize("path", ["/webhooks/quickbooks", "/webhooks/erp/acc-1", "/webhooks/erp/nobody"])
def test_an_unsigned_webhook_is_refused_whatever_account_it_names(
    house: House, path: str, signature: str | None
) -> None:
    headers = {} if signature is None else {"intuit-signature": signature, "x-distru-signature": signature}

    answer = house.app.test_client().post(path, json={}, headers=headers)

    assert answer.status_code == 401


# -------------------------------------------------------------------------------------------- the console


class Visitor:
    """Somebody at the console, signed in where they are somebody."""

    def __init__(self, house: House, name: str | None) -> None:
        self.client = house.app.test_client()
        if name is not None:
            self.post("/console/sign-in", name=name, password=PASSWORD)

    def post(self, path: str, **form: str) -> TestResponse:
        page = self.client.get("/console/sign-in").text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return self.client.post(path, data={"csrf_token": found[1] if found else "", **form})

    def ask(self, method: str, path: str) -> TestResponse:
        return self.client.get(path) if method == "GET" else self.post(path)


@pytest.fixture(scope="package")
def visitors(house: House) -> dict[str, Visitor]:
    return {name: Visitor(house, name) for name in PEOPLE}


@pytest.mark.parametrize("name", [None, "gone"])
@pytest.mark.parametrize(("method", "rule"), [each for each in PAGE_CALLS if PAGES[each] != NOBODY])
def test_a_stranger_and_somebody_who_left_are_asked_to_sign_in(
    house: House, method: str, rule: str, name: str | None
) -> None:
    visitor = Visitor(house, name)

    answer = visitor.ask(method, address(rule, **house.ids))

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/console/sign-in")


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize(("method", "rule"), PAGE_CALLS)
def test_a_page_opens_to_exactly_the_roles_of_its_table(
    house: House, visitors: dict[str, Visitor], method: str, rule: str, role: str
) -> None:
    for ids in (house.ids, {}):
        if may(role, PAGES[method, rule]) and method != "GET" and ids:
            continue  # they would do it, and they may
        answer = visitors[role].ask(method, address(rule, **ids))
        assert (answer.status_code == 403) == (not may(role, PAGES[method, rule])), answer.status_code
        assert answer.status_code < 500


@pytest.mark.parametrize(
    ("method", "rule"), [each for each in PAGE_CALLS if "<account_id>" in each[1] and each not in LOOKS_AT_NO_ACCOUNT]
)
def test_a_page_of_an_account_that_is_not_there_is_not_found(
    house: House, visitors: dict[str, Visitor], method: str, rule: str
) -> None:
    answer = visitors["admin"].ask(method, address(rule))

    assert answer.status_code in ((404,) if method == "GET" else (404, 409, 422)), answer.status_code


def test_a_token_of_the_api_opens_no_page_and_a_session_opens_no_api(
    house: House, visitors: dict[str, Visitor]
) -> None:
    with_token = house.app.test_client().get("/console/connections", headers={"Authorization": "Bearer admin-token"})
    with_session = visitors["admin"].client.get("/api/v1/connections")

    assert with_token.status_code == 303
    assert with_session.status_code == 401


def test_a_viewer_can_change_nothing(house: House) -> None:
    allowed = {rule for (method, rule), least in PAGES.items() if method != "GET" and may("viewer", least)}

    assert {rule for (method, rule), right in RIGHTS.items() if method != "GET" and right.allows("viewer")} == set()
    of_their_own = {"/console/sign-in", "/console/sign-out", "/console/password"}
    that_only_look = {"/console/connections/<account_id>/audit/verify"}
    assert allowed <= of_their_own | that_only_look
