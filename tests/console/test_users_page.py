"""Users, by an admin; and everybody's own password."""

from __future__ import annotations

import pytest
from signed_in import PASSWORD, Browser, text_of

NEW = "other words that go apart"


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


def test_an_admin_lets_somebody_in(admin, app):
    admin.post("/console/users", {"name": "tom", "role": "support", "password": NEW})

    assert "tom may sign in, as support." in text_of(admin.get("/console/users"))
    assert Browser(app).sign_in("tom", NEW).status_code == 303


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "Admin"}, "There is a user Admin already"),
        ({"name": " tom"}, "without a blank at either end"),
        ({"password": "short"}, "at least 12 characters"),
        ({"role": "owner"}, "The roles are: viewer, support, admin."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(admin, world, given, sentence):
    answer = admin.post("/console/users", {"name": "tom", "role": "viewer", "password": NEW} | given)

    assert answer.status_code in (409, 422)
    assert sentence in text_of(answer)
    assert [p.name for p in world.service.people.list()] == ["admin"]


def test_a_disabled_user_is_out_and_an_enabled_one_in_again(admin, app, signed_in):
    support = signed_in("support")

    admin.post("/console/users/support/disable")
    assert support.get("/console/connections").status_code == 303
    admin.post("/console/users/support/enable")
    assert Browser(app).sign_in("support").status_code == 303


def test_a_new_role_counts_at_once(admin, signed_in):
    support = signed_in("support")

    admin.post("/console/users/support/role", {"role": "viewer"})

    assert support.post("/console/connections/acc-1/reconcile").status_code == 403


def test_the_last_admin_stays(admin):
    for deed, given in (("disable", {}), ("role", {"role": "viewer"})):
        answer = admin.post(f"/console/users/admin/{deed}", given)
        assert answer.status_code == 409
        assert "is the last admin" in text_of(answer)


def test_a_reset_password_signs_out_everywhere(admin, app, signed_in):
    support = signed_in("support")

    admin.post("/console/users/support/password", {"password": NEW})

    assert support.get("/console/connections").status_code == 303
    assert Browser(app).sign_in("support").status_code == 401
    assert Browser(app).sign_in("support", NEW).status_code == 303


def test_ones_own_password_is_changed_here_and_ends_the_other_sessions(signed_in):
    here, there = signed_in("viewer"), signed_in("viewer")

    answer = here.post("/console/password", {"old": PASSWORD, "new": NEW, "again": NEW})

    assert answer.status_code == 303
    assert here.get("/console/connections").status_code == 200
    assert there.get("/console/connections").status_code == 303


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"old": "not mine at all"}, "Name or password is wrong."),
        ({"again": "something else"}, "These two are not the same."),
        ({"new": "password1234", "again": "password1234"}, "easy to guess"),
    ],
)
def test_a_password_that_cannot_be_changed_says_why(signed_in, given, sentence):
    answer = signed_in("viewer").post("/console/password", {"old": PASSWORD, "new": NEW, "again": NEW} | given)

    assert answer.status_code in (401, 422)
    assert sentence in text_of(answer)
