"""Who may sign in, for admins; and everybody's own password."""

from __future__ import annotations

from http import HTTPStatus

from flask import flash, make_response, redirect, render_template, request, session, url_for
from werkzeug import Response

from service.console.blueprint import console
from service.console.context import office
from service.console.pages.signing_in import address
from service.engine.people import ROLES
from service.errors import Rejected
from service.web.problem_json import STATUS_OF


@console.get("/users")
def users() -> Response:
    return _users()


@console.post("/users")
def create_user() -> Response:
    given = request.form
    try:
        made = office().people.create(given.get("name", ""), given.get("role", ""), given.get("password", ""))
    except Rejected as rejected:
        return _users(rejected)
    return _listed(f"{made.name} may sign in, as {made.role}.")


@console.post("/users/<path:name>/role")
def set_role(name: str) -> Response:
    changed = office().people.set_role(name, request.form.get("role", ""))
    return _listed(f"{changed.name} is {changed.role} now.")


@console.post("/users/<path:name>/password")
def reset_password(name: str) -> Response:
    office().people.reset_password(name, request.form.get("password", ""))
    return _listed(f"{name} has a new password, and is signed out everywhere.")


@console.post("/users/<path:name>/disable")
def disable_user(name: str) -> Response:
    office().people.disable(name)
    return _listed(f"{name} is disabled, and signed out everywhere.")


@console.post("/users/<path:name>/enable")
def enable_user(name: str) -> Response:
    office().people.enable(name)
    return _listed(f"{name} may sign in again.")


@console.get("/password")
def password() -> Response:
    return _password()


@console.post("/password")
def change_password() -> Response:
    given = request.form
    if given.get("new") != given.get("again"):
        return _password({"again": "These two are not the same."})
    try:
        office().people.change_password(
            session["token"], old=given.get("old", ""), new=given.get("new", ""), address=address()
        )
    except Rejected as rejected:
        return _password({"new" if rejected.field else "old": rejected.message}, rejected)
    flash("Your password is changed. Whoever was signed in with the old one is not any more.")
    return redirect(url_for("console.connections"), HTTPStatus.SEE_OTHER)


def _users(refused: Rejected | None = None) -> Response:
    shown = render_template(
        "console/users.html", people=office().people.list(), roles=ROLES, refused=refused, given=request.form
    )
    return make_response(shown, STATUS_OF[refused.reason] if refused else HTTPStatus.OK)


def _password(errors: dict[str, str] | None = None, refused: Rejected | None = None) -> Response:
    status = STATUS_OF[refused.reason] if refused else HTTPStatus.UNPROCESSABLE_ENTITY
    shown = render_template("console/password.html", errors=errors or {})
    return make_response(shown, status if errors else HTTPStatus.OK)


def _listed(said: str) -> Response:
    flash(said)
    return redirect(url_for("console.users"), HTTPStatus.SEE_OTHER)
