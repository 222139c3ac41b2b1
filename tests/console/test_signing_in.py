"""Signing in, staying signed in, and being kept out."""

from __future__ import annotations

import pytest
from signed_in import PASSWORD, Browser, text_of

from service.console import open_console
from service.web import create_app


@pytest.fixture
def maria(world):
    return world.service.people.create("maria", "support", PASSWORD)


def is_in(browser: Browser) -> bool:
    return browser.get("/console/connections").status_code == 200


def test_somebody_signs_in_and_goes_on_to_where_they_were(stranger, maria):
    sent = stranger.get("/console/connections/acc-1/links?sort=status")
    assert sent.headers["Location"] == "/console/sign-in?next=/console/connections/acc-1/links?sort%3Dstatus"

    answer = stranger.sign_in("Maria", next="/console/connections/acc-1/links?sort=status")

    assert answer.headers["Location"] == "/console/connections/acc-1/links?sort=status"
    assert is_in(stranger)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/console/",
        "/\\evil.example",
        "/console/../docs",
        "/docs",
        "javascript:1",
        "/console/\nx",
        "https:/console/x",
        "/console/\t//x",
        "x" * 3000,
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(stranger, maria, elsewhere):
    answer = stranger.sign_in("maria", next=elsewhere)

    assert answer.headers["Location"] == "/console/connections"


def test_a_wrong_password_and_a_wrong_name_are_told_apart_by_nothing(stranger, maria):
    wrong_password = stranger.sign_in("maria", "not her password")
    wrong_name = stranger.sign_in("mariah", "not her password")

    assert wrong_password.status_code == wrong_name.status_code == 401
    assert text_of(wrong_password).count("Name or password is wrong.") == 1
    assert text_of(wrong_password) == text_of(wrong_name)
    assert not is_in(stranger)


def test_after_five_failures_even_the_right_password_waits_and_each_further_failure_doubles_the_pause(
    stranger, maria, world
):
    for _ in range(5):
        assert stranger.sign_in("maria", "wrong").status_code == 401

    locked = stranger.sign_in("maria")
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "30")
    world.clock.sleep(30)
    assert stranger.sign_in("maria", "wrong").status_code == 401
    assert stranger.sign_in("maria").headers["Retry-After"] == "60"
    world.clock.sleep(60)
    assert stranger.sign_in("maria").status_code == 303


def test_one_address_that_tries_many_names_is_kept_out_and_others_are_not(stranger, maria):
    for n in range(20):
        assert stranger.sign_in(f"name-{n}", "wrong").status_code == 401

    assert stranger.sign_in("maria").status_code == 429
    elsewhere = stranger.client.post(
        "/console/sign-in",
        data={"csrf_token": stranger.csrf_token(), "name": "maria", "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "10.9.9.9"},
    )
    assert elsewhere.status_code == 303


def test_a_session_ends_when_nobody_uses_it_for_half_an_hour(stranger, maria, world):
    stranger.sign_in("maria")
    world.clock.sleep(29 * 60)
    assert is_in(stranger)
    world.clock.sleep(29 * 60)
    assert is_in(stranger)

    world.clock.sleep(31 * 60)

    assert not is_in(stranger)


def test_a_session_ends_after_twelve_hours_however_busy_it_is(stranger, maria, world):
    stranger.sign_in("maria")
    for _ in range(35):
        world.clock.sleep(20 * 60)
        assert is_in(stranger)

    world.clock.sleep(20 * 60)

    assert not is_in(stranger)


def test_who_signs_out_is_out_and_a_copy_of_the_cookie_is_worth_nothing(stranger, maria):
    stranger.sign_in("maria")
    cookie = stranger.client.get_cookie("qbo-sync").value
    assert stranger.post("/console/sign-out").headers["Location"] == "/console/sign-in"

    stranger.client.set_cookie("qbo-sync", cookie)

    assert not is_in(stranger)


def test_signing_in_makes_a_new_session_and_a_new_form_token(stranger, maria):
    before = stranger.csrf_token()
    stranger.sign_in("maria")

    assert stranger.client.post("/console/sign-out", data={"csrf_token": before}).status_code == 400


def test_who_is_disabled_is_out_at_once_and_cannot_come_back(stranger, maria, world):
    world.service.people.create("root", "admin", PASSWORD)
    stranger.sign_in("maria")

    world.service.people.disable("maria")

    assert not is_in(stranger)
    assert stranger.sign_in("maria").status_code == 401


def test_the_cookie_is_for_this_service_alone(stranger, maria):
    answer = stranger.sign_in("maria")

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(world, maria):
    settings = world.service.settings.model_copy(update={"public_url": "https://sync.example"})
    service = type("Office", (), {**vars(world.service), "settings": settings})()
    app = create_app(desk=service.desk, intake=service.intake, figures=service.figures, public_url=settings.public_url)
    open_console(app, service)
    browser = Browser(app)
    browser.client = app.test_client()

    answer = browser.get("/console/sign-in", base_url="https://sync.example")

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-qbo-sync=")
    assert "Secure" in cookie
    assert "Path=/" in cookie


def test_every_page_carries_the_headers_that_keep_browsers_in(stranger):
    headers = stranger.get("/console/sign-in").headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_part_of_a_page_asked_for_after_the_session_ended_sends_the_whole_page_to_sign_in(stranger):
    answer = stranger.part("/console/connections", "table-connections")

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/console/sign-in")


def test_a_name_is_shown_as_it_is_and_never_as_markup(world, app):
    world.service.people.create("<b>eve</b>", "viewer", PASSWORD)
    browser = Browser(app)
    browser.sign_in("<b>eve</b>")

    page = browser.get("/console/connections").get_data(as_text=True)

    assert "&lt;b&gt;eve&lt;/b&gt;" in page
    assert "<b>eve" not in page
