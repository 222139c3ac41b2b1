"""What a person meets in a browser: consent and back, the result, the description of the API; and what shields them."""

from __future__ import annotations

import re

import pytest
from browsing import CONNECTIONS, Caller
from fake_engine import FakeDesk, FakeFigures, FakeIntake, a_plan
from openapi_spec_validator import validate

from mappings.gl import gl_effect
from service.web import create_app, shapes
from service.web.roles import RIGHTS


def test_a_connect_link_leads_to_intuits_consent(caller: Caller, desk: FakeDesk) -> None:
    response = caller.get("/oauth/quickbooks/connect?token=once")

    assert (response.status_code, response.location) == (302, "https://intuit.example/consent")
    assert desk.was_asked("begin_consent") == {"token": "once"}


def test_a_look_ahead_does_not_use_a_connect_link_up(caller: Caller, desk: FakeDesk) -> None:
    response = caller.call("HEAD", "/oauth/quickbooks/connect?token=once")

    assert (response.status_code, response.data, desk.asked) == (200, b"", [])


def test_consent_leads_back_to_a_result_page(caller: Caller, desk: FakeDesk) -> None:
    response = caller.get("/oauth/quickbooks/callback?code=c&state=s&realmId=123")

    assert (response.status_code, response.location) == (302, "https://sync.example/connected?result=connected")
    assert desk.was_asked("complete_consent") == {"code": "c", "state": "s", "realm_id": "123", "error": None}


@pytest.mark.parametrize("query", ["", "?error=access_denied&state=s", "?state=%00", "?code=%FF&code=2"])
def test_whatever_comes_back_is_answered_with_a_redirect(caller: Caller, query: str) -> None:
    assert caller.get(f"/oauth/quickbooks/callback{query}").status_code == 302
    assert caller.get(f"/oauth/quickbooks/connect{query}").status_code == 302


@pytest.mark.parametrize(
    ("result", "title"),
    [
        ("connected", "QuickBooks is connected"),
        ("link_expired", "This link cannot be used"),
        ("denied", "QuickBooks was not connected"),
        ("anything else", "QuickBooks was not connected"),
    ],
)
def test_the_result_is_told_in_plain_words(caller: Caller, result: str, title: str) -> None:
    response = caller.get("/connected", query_string={"result": result, "account": "acct-1"})

    assert response.status_code == 200
    assert f"<h1>{title}</h1>" in response.text
    assert "acct-1" in response.text


def test_a_refused_company_is_named_beside_the_one_expected(caller: Caller) -> None:
    facts = {"result": "another_company", "company": "Other Books", "expected_company": "Green Leaf Books"}

    page = caller.get("/connected", query_string=facts).text

    assert "Other Books" in page
    assert "Green Leaf Books" in page


def test_the_result_page_runs_nothing_that_its_address_brings(caller: Caller) -> None:
    response = caller.get("/connected", query_string={"result": "<b>", "company": "<script>alert(1)</script>"})

    assert "<script" not in response.text
    assert "script-src" not in response.headers["Content-Security-Policy"]


def test_the_api_describes_itself_validly(caller: Caller) -> None:
    document = caller.get("/openapi.json").get_json()

    validate(document)
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"token", "intuit_signature", "erp_signature"}


def test_a_plans_steps_are_described_as_they_are_made() -> None:
    """What the engine makes of a step, with and without accounting."""
    for effect in (gl_effect(15000, "GOODWILL", moves_stock=True), None):
        plan = a_plan()
        plan["steps"][0]["gl_effect"] = effect

        assert shapes.Plan.model_validate(plan, strict=True).model_dump() == plan


def test_every_route_is_described_with_its_lock_and_its_refusals(caller: Caller) -> None:
    paths = caller.get("/openapi.json").get_json()["paths"]

    for method, rule in RIGHTS:
        operation = paths[re.sub(r"<(\w+)>", r"{\1}", rule)][method.lower()]
        assert operation["security"] == [{"token": []}]
        assert {"401", "403", "404", "422"} <= set(operation["responses"])
        assert all(
            "application/problem+json" in answer["content"]
            for status, answer in operation["responses"].items()
            if status >= "400"
        )


def test_every_body_comes_with_an_example(caller: Caller) -> None:
    document = caller.get("/openapi.json").get_json()
    bodies = [
        operation["requestBody"]["content"]["application/json"]
        for path, item in document["paths"].items()
        if path.startswith(CONNECTIONS)
        for operation in item.values()
        if "requestBody" in operation
    ]

    assert bodies
    assert all(body["example"] for body in bodies)


@pytest.mark.parametrize("address", ["/docs", "/docs/", "/docs/scalar"])
def test_the_docs_load_nothing_from_elsewhere(caller: Caller, address: str) -> None:
    response = caller.get(address)

    assert response.status_code == 200
    loaded = re.findall(r'(?:src|href|data-url)="([^"]+)"', response.text)
    assert loaded
    assert all(caller.get(path).status_code == 200 for path in loaded)
    assert all(path.startswith("/") for path in loaded)


@pytest.mark.parametrize("address", [CONNECTIONS, "/healthz", "/connected", "/docs", "/nowhere"])
def test_browsers_are_told_to_do_no_more_than_they_must(caller: Caller, address: str) -> None:
    headers = caller.get(address).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_https_is_demanded_only_where_it_is_served(desk: FakeDesk, intake: FakeIntake) -> None:
    def served_at(public_url: str) -> Caller:
        return Caller(create_app(desk=desk, intake=intake, figures=FakeFigures(), public_url=public_url))

    assert "Strict-Transport-Security" in served_at("https://sync.example").get("/healthz").headers
    assert "Strict-Transport-Security" not in served_at("http://127.0.0.1:8000").get("/healthz").headers
