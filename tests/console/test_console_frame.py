"""What holds for every page of the console, taken from the app's own routes."""

from __future__ import annotations

import re

import pytest

from service.console.rights import NOBODY, RIGHTS, may
from service.engine.people import ROLES


def _address(rule: str) -> str:
    return re.sub(r"<account_id>", "acc-1", re.sub(r"<(?:\w+:)?(?!account_id)\w+>", "some-id", rule))


def test_every_page_stands_in_the_table_of_rights(app):
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/console")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert served == set(RIGHTS)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_exactly_what_the_table_gives_it(signed_in, role):
    for (method, rule), least in RIGHTS.items():
        if "sign-out" in rule:
            continue
        browser = signed_in(role)
        answer = browser.get(_address(rule)) if method == "GET" else browser.post(_address(rule))
        assert (answer.status_code == 403) == (not may(role, least)), (method, rule, answer.status_code)


def test_nobody_sees_anything_without_signing_in(stranger):
    for (method, rule), least in RIGHTS.items():
        if least == NOBODY:
            continue
        answer = stranger.get(_address(rule)) if method == "GET" else stranger.post(_address(rule))
        assert answer.status_code == 303, (method, rule)
        assert answer.headers["Location"].startswith("/console/sign-in"), (method, rule)


def test_nothing_is_changed_without_the_token_of_the_form(signed_in):
    browser = signed_in("admin")
    for method, rule in RIGHTS:
        if method == "POST":
            assert browser.client.post(_address(rule)).status_code == 400, rule
