"""A connection's settings as a form: checked against QuickBooks' own lists while one types, changed by the desk."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import available_timezones

from flask import flash, make_response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug import Response
from werkzeug.datastructures import MultiDict

from service.console.blueprint import console
from service.console.context import actor, office
from service.errors import Reason, Rejected
from service.web.connection_settings import SettingsChange

REASONS = (
    "RETURN",
    "PRICE_CORRECTION",
    "BILLING_ERROR",
    "DISCOUNT",
    "DAMAGE",
    "PROMOTION",
    "GOODWILL",
    "WRITE_OFF",
    "OTHER",
)
"""The ERP's reasons of a credit (its contract, `reason`)."""
CHOICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "customers": (
        ("linked_only", "Only companies that are linked; others wait"),
        ("match_by_name", "Match by exact name; others wait"),
        ("create", "Match by exact name, else make a customer"),
    ),
    "closed_books": (
        ("hold", "Hold: wait for a person, or for the closing date to move"),
        ("next_open_day", "Date it to the next open day"),
        ("refuse", "Refuse: a problem that is not retried by itself"),
    ),
    "auto_applied": (
        ("adopt", "Adopt what QuickBooks applied"),
        ("repoint", "Put it where the ERP has it"),
    ),
    "on_number_clash": (
        ("suffix", "Add a suffix to our number"),
        ("quickbooks_numbers", "Let QuickBooks number"),
    ),
}
_TEXTS = ("timezone", "default_item_id", "deposit_account_id", "cut_over_date", "number_prefix", "max_amount_per_run")
_TICKS = ("import_customers", "inventory_lines")
_BLANK_ROWS = 2


@console.get("/connections/<account_id>/settings")
def connection_settings(account_id: str) -> Response:
    return _form(account_id, {}, {})


@console.post("/connections/<account_id>/settings")
def change_settings(account_id: str) -> Response:
    """All that is on the form; what is as it was is not asked for again."""
    given, errors = _read(request.form)
    now = office().choosing.choices(account_id).settings
    changes = {name: value for name, value in given.items() if (value or None) != (now.get(name) or None)}
    if errors:
        return _form(account_id, given, errors)
    if not changes:
        flash("Nothing was changed.")
        return _back(account_id)
    try:
        office().desk.patch(account_id, settings=changes, actor=actor())
    except Rejected as rejected:
        if rejected.reason is not Reason.INVALID:
            raise
        return _form(account_id, given, dict([_advised(account_id, changes, rejected)]))
    flash("The settings are changed. Every company is compared anew with them.")
    return _back(account_id)


@console.post("/connections/<account_id>/settings/check")
def check_setting(account_id: str) -> str:
    """What is to be said about one field, as it is typed; nothing is changed."""
    field = request.form.get("field", "")
    given, errors = _read(request.form)
    top, _, key = field.partition(".")
    says = ""
    if field not in errors and top in given:
        changes = {top: {key: given[top][key]} if key and key in given[top] else given[top]}
        try:
            says = office().choosing.check(account_id, changes) if changes[top] else ""
        except Rejected as rejected:
            errors = {field: rejected.message}
    return render_template("console/_says.html", field=field, error=errors.get(field, ""), says=says)


def _read(form: MultiDict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings that a form says, and what is wrong with them by field."""
    texts: dict[str, Any] = {name: form.get(name, "").strip() or None for name in _TEXTS}
    ticks = {name: name in form for name in _TICKS}
    choices = {name: form[name] for name in CHOICES if name in form}
    reasons = {
        name.partition(".")[2]: value.strip()
        for name, value in form.items()
        if name.startswith("reason_items.") and value.strip()
    }
    pairs = zip(form.getlist("method_key"), form.getlist("method_value"), strict=False)
    methods = {key.strip(): value.strip() for key, value in pairs if key.strip() or value.strip()}
    given = texts | ticks | choices | {"reason_items": reasons, "payment_methods": methods}
    most = form.get("max_documents_per_run", "").strip()
    given["max_documents_per_run"] = int(most) if most.isascii() and most.isdigit() else most or None
    try:
        return SettingsChange.model_validate(given).named(), {}
    except ValidationError as error:
        return given, {_where(each["loc"]): _sentence(each["type"], each["msg"]) for each in error.errors()}


def _where(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc[:2] if part != "[key]")


def _sentence(kind: str, message: str) -> str:
    """A field is empty, or says what it cannot mean."""
    if kind == "int_type":
        return "This must be a whole number above zero, or empty for no limit."
    return f"This {message.removeprefix('Value error, ').removeprefix('Input ').replace('should', 'must')}."


def _advised(account_id: str, changes: Mapping[str, Any], rejected: Rejected) -> tuple[str, str]:
    """The refused field with what to choose instead, where QuickBooks' lists as last seen tell."""
    try:
        office().choosing.check(account_id, changes)
    except Rejected as advised:
        rejected = advised
    return (rejected.field or "").removeprefix("settings."), rejected.message


def _form(account_id: str, given: Mapping[str, Any], errors: Mapping[str, str]) -> Response:
    choices = office().choosing.choices(account_id)
    values = {**choices.settings, **given}
    methods = list(values["payment_methods"].items()) + [("", "")] * _BLANK_ROWS
    shown = render_template(
        "console/settings.html",
        connection=office().browsing.connection(account_id),
        choices=choices,
        values=values,
        methods=methods,
        reasons=[*REASONS, *(reason for reason in values["reason_items"] if reason not in REASONS)],
        offered=CHOICES,
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
        errors=errors,
    )
    return make_response(shown, HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)


def _back(account_id: str) -> Response:
    return redirect(url_for("console.connection_settings", account_id=account_id), HTTPStatus.SEE_OTHER)
