"""Headers, cookies, redirects, files, failures: what a browser, a spreadsheet or a stranger could make of an answer."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from houses import PASSWORD, House, app_over

from service.console.rights import RIGHTS as PAGES
from service.web.roles import RIGHTS
from tests.stories.world import World

HTTPS = "https://sync.example"
ADMIN = {"Authorization": "Bearer admin-token"}
KEPT_BY_BROWSERS = ("/static/", "/console/static/", "/console/vendor/", "/docs/scalar/")
ELSEWHERE = ("https://evil.example/", "//evil.example/console/", "/\\evil.example", "javascript:alert(1)", "/docs")


@pytest.fixture(scope="module")
def secure(house: House) -> Flask:
    """The same application, reached over https."""
    return app_over(house.world, HTTPS)


def browser(app: Flask, name: str | None = None) -> FlaskClient:
    """A browser over https, signed in where it has a name."""
    client = app.test_client()
    if name:
        page = client.get("/console/sign-in", base_url=HTTPS).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        form = {"csrf_token": found[1] if found else "", "name": name, "password": PASSWORD}
        assert client.post("/console/sign-in", data=form, base_url=HTTPS).status_code == 303
    return client


def address(rule: str, ids: dict[str, str]) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda name: ids.get(name[1], "some-id"), rule)


def every_address(house: House, app: Flask) -> list[str]:
    """Every rule of the application, with ids that are there and with ids that are not, and what no rule serves."""
    rules = sorted({rule.rule for rule in app.url_map.iter_rules()})
    return [address(rule, ids) for rule in rules for ids in (house.ids, {})] + ["/nowhere", "/console", "/console/x"]


def test_every_answer_of_every_route_carries_the_headers(house: House, secure: Flask) -> None:
    signed_in = browser(secure, "admin")
    for path in every_address(house, secure):
        for method in ("GET", "POST", "DELETE"):
            answer = signed_in.open(path, method=method, headers=ADMIN, base_url=HTTPS)
            headers = answer.headers
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["X-Frame-Options"] == "DENY", path
            assert headers["Referrer-Policy"] == "no-referrer", path
            assert headers["Strict-Transport-Security"].startswith("max-age=31536000"), path
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
            assert "Access-Control-Allow-Origin" not in headers, path
            if not path.startswith(KEPT_BY_BROWSERS):
                assert headers["Cache-Control"] == "no-store", path


def test_no_policy_lets_a_page_run_what_stands_in_it(house: House, secure: Flask) -> None:
    client = browser(secure, "admin")
    for path in every_address(house, secure):
        policy = client.get(path, headers=ADMIN, base_url=HTTPS).headers["Content-Security-Policy"]
        scripts = re.search(r"script-src ([^;]*)", policy)
        assert "default-src 'none'" in policy, path
        assert scripts is None or scripts[1] == "'self'", path


def test_no_page_of_the_console_holds_script_style_or_handlers_of_its_own(house: House, secure: Flask) -> None:
    client = browser(secure, "admin")
    for method, rule in PAGES:
        if method == "GET" and "static" not in rule and "vendor" not in rule:
            page = client.get(address(rule, house.ids), base_url=HTTPS).text
            assert not re.search(r"<script(?![^>]*\bsrc=)", page), rule
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page), rule
            assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page), rule


def test_every_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house: House, secure: Flask) -> None:
    client, cookies = browser(secure), []
    for path in every_address(house, secure):
        cookies += client.get(path, headers=ADMIN, base_url=HTTPS).headers.getlist("Set-Cookie")

    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-"), cookie
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; ")), cookie
        assert "Domain" not in cookie


# --------------------------------------------------------------------------------------------- redirects, addresses


@pytest.mark.parametrize("where", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(house: House, secure: Flask, where: str) -> None:
    client = secure.test_client()
    page = client.get("/console/sign-in", query_string={"next": where}, base_url=HTTPS).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    form = {"csrf_token": found[1] if found else "", "name": "viewer", "password": PASSWORD, "next": where}

    answer = client.post("/console/sign-in", data=form, base_url=HTTPS)

    assert "evil.example" not in page
    assert answer.headers["Location"] == "/console/connections"


def test_a_forged_host_is_in_no_link_and_no_redirect(house: House, secure: Flask) -> None:
    """Links are made of PUBLIC_URL, never of what the request says of itself."""
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    client = secure.test_client()
    asked = {"account_id": "acc-2", "name": "Other Wholesale", "erp_api_key": "other-key"}

    made = client.post("/api/v1/connections", json=asked, headers=ADMIN | forged)
    refused = client.get("/oauth/quickbooks/connect?token=used", headers=forged)
    away = client.get("/console/connections", headers=forged)

    assert made.get_json()["connect_url"].startswith("http://sync.test/oauth/quickbooks/connect?token=")
    assert refused.headers["Location"].startswith("http://sync.test/connected?")
    assert away.headers["Location"].startswith("/console/sign-in")


@pytest.mark.parametrize(
    "query", ["", "?state=x&code=y&realmId=1", "?error=https://evil.example", "?state=%00&realmId=//evil.example"]
)
def test_coming_back_from_intuit_leads_to_our_own_result_alone(house: House, secure: Flask, query: str) -> None:
    answer = secure.test_client().get(f"/oauth/quickbooks/callback{query}", base_url=HTTPS)

    assert answer.headers["Location"].startswith("http://sync.test/connected?result=")


@pytest.mark.parametrize(
    "page", ["http://evil.test/next", "//evil.test/next", "http://erp.test.evil.test/", "file:///etc"]
)
def test_the_erp_cannot_make_us_call_somebody_else(page: str) -> None:
    """A page that leads to another server would be handed the account's key: it is asked of the ERP, which has none."""
    world = World(connect=False)
    real = world.erp.app

    def lying(environ, start_response):  # type: ignore[no-untyped-def]
        if environ["PATH_INFO"] != "/public/v1/companies":
            return real(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"data": [], "next_page": page}).encode()]

    world.erp.app = lying
    world.connect()
    world.service.dispatcher.run_due()

    [problem] = world.problems()
    assert problem["code"] in ("erp_list_missing", "erp_unreachable")
    world.close()


# -------------------------------------------------------------------------------------------------- files, failures


def csv_answers(house: House, secure: Flask) -> dict[str, str]:
    """Every answer that comes as a file."""
    client, found = browser(secure), {}
    for method, rule in RIGHTS:
        if method == "GET":
            answer = client.get(address(rule, house.ids), headers=ADMIN | {"Accept": "text/csv"})
            if answer.mimetype == "text/csv":
                found[rule] = answer.text
    person = browser(secure, "admin")
    for method, rule in PAGES:
        if method == "GET":
            answer = person.get(f"{address(rule, house.ids)}?format=csv", base_url=HTTPS)
            if answer.mimetype == "text/csv":
                found[rule] = answer.text
    return found


def test_no_cell_of_any_file_is_taken_for_a_formula(house: House, secure: Flask) -> None:
    files = csv_answers(house, secure)
    cells = [(name, cell) for name, text in files.items() for row in csv.reader(io.StringIO(text)) for cell in row]

    assert {"/api/v1/connections/<account_id>/links", "/api/v1/connections/<account_id>/tie-out"} <= set(files)
    assert [each for each in cells if each[1][:1] in tuple("=+@\t\r") and each[1]] == []
    assert [each for each in cells if re.match(r"-(?!\d+(\.\d+)?$)", each[1])] == []
    assert any("HYPERLINK" in cell for _, cell in cells), "the story's names must be in some file"


class Broken:
    """An engine of which nothing works but its door."""

    def role_of(self, token: str) -> tuple[str, str]:
        return token, "admin"

    def __getattr__(self, name: str) -> object:
        def fail(*_: object, **__: object) -> object:
            raise RuntimeError("a secret that an exception carries")

        return fail


@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_shows_neither_its_trace_nor_its_text(house: House, debug: bool) -> None:
    broken = app_over(house.world)
    broken.extensions["qbo-sync"] = type(broken.extensions["qbo-sync"])(Broken(), Broken(), Broken())
    broken.debug = debug
    client = broken.test_client()

    for method, rule in RIGHTS:
        answer = client.open(address(rule, house.ids), method=method, headers=ADMIN)
        assert answer.status_code in (422, 500), (rule, answer.status_code)
        assert not re.search(r"Traceback|RuntimeError|a secret|File \"", answer.text), rule
    for path in ("/metrics", "/readyz", "/oauth/quickbooks/connect?token=x", "/oauth/quickbooks/callback"):
        answer = client.get(path)
        assert answer.status_code == 500, path
        assert not re.search(r"Traceback|RuntimeError|a secret|File \"", answer.text), path


def test_nothing_is_ever_answered_with_a_page_of_the_framework(house: House) -> None:
    """Werkzeug's own error pages name it; ours do not."""
    client = house.app.test_client()
    for path in ("/nowhere", "/api/v1/nowhere", "/console/nowhere", "/healthz/x", "/%00"):
        for method in ("GET", "POST", "BREW"):
            text = client.open(path, method=method).text
            assert "werkzeug" not in text.lower(), path
            assert "<!doctype html>\n<html lang=en>" not in text, path
