"""Connections: made by the ERP or support, changed and ended by support."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import ACCOUNT, CONNECTIONS, Caller, fields, is_problem
from fake_engine import FakeDesk

from service.web import shapes

NEW = {"account_id": "acct-1", "name": "Green Leaf", "erp_api_key": "key-1"}


def test_the_erp_makes_a_connection_and_gets_a_link_to_open(caller: Caller, desk: FakeDesk) -> None:
    response = caller.as_("erp").post(CONNECTIONS, json=NEW)

    assert response.status_code == 201
    assert shapes.Connection.model_validate(response.get_json()).connect_url
    assert desk.was_asked("create_connection") == NEW | {"actor": "erp token"}


def test_asked_again_the_connection_stands_and_the_link_is_fresh(support: Caller) -> None:
    first = support.post(CONNECTIONS, json=NEW).get_json()

    again = support.post(CONNECTIONS, json=NEW)

    assert again.status_code == 200
    assert again.get_json()["connect_url"] != first["connect_url"]


def test_connections_are_listed_and_read(support: Caller) -> None:
    support.post(CONNECTIONS, json=NEW)

    listed = shapes.Connections.model_validate(support.get(CONNECTIONS).get_json())
    read = shapes.Connection.model_validate(support.get(ACCOUNT).get_json())

    assert [each.account_id for each in listed.data] == ["acct-1"]
    assert read.name == "Green Leaf"


def test_an_unknown_account_is_not_found(support: Caller) -> None:
    assert is_problem(support.get(f"{CONNECTIONS}/nobody"), 404, "not_found")


def test_a_list_goes_on_where_its_cursor_says(support: Caller, desk: FakeDesk) -> None:
    support.get(f"{CONNECTIONS}?cursor=abc&limit=500")

    assert desk.was_asked("connections") == {"cursor": "abc", "limit": 500}


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"timezone": "America/Los_Angeles"}, {"timezone": "America/Los_Angeles"}),
    ({"timezone": None}, {"timezone": None}),
    ({"reason_items": {"DAMAGED": "12"}}, {"reason_items": {"DAMAGED": "12"}}),
    ({"payment_methods": {}}, {"payment_methods": {}}),
    ({"customers": "create", "import_customers": True}, {"customers": "create", "import_customers": True}),
    ({"cut_over_date": "2026-01-31"}, {"cut_over_date": "2026-01-31"}),
    ({"closed_books": "refuse", "auto_applied": "repoint"}, {"closed_books": "refuse", "auto_applied": "repoint"}),
    ({"number_prefix": "GL-"}, {"number_prefix": "GL-"}),
    ({"on_number_clash": "quickbooks_numbers"}, {"on_number_clash": "quickbooks_numbers"}),
    ({"max_documents_per_run": 250}, {"max_documents_per_run": 250}),
    ({"max_documents_per_run": None, "max_amount_per_run": None},) * 2,
    ({"max_amount_per_run": "25000"}, {"max_amount_per_run": "25000.00"}),
    ({"max_amount_per_run": "0.5"}, {"max_amount_per_run": "0.50"}),
    ({"paused": ["CREDIT", "PAYMENT"]}, {"paused": ["CREDIT", "PAYMENT"]}),
    ({"paused": ["ALL"]}, {"paused": ["ALL"]}),
    ({"paused": []}, {"paused": []}),
    ({}, {}),
]


@pytest.mark.parametrize(("sent", "heard"), ACCEPTED)
def test_a_setting_is_changed_and_the_others_are_left_alone(
    support: Caller, desk: FakeDesk, sent: dict[str, Any], heard: dict[str, Any]
) -> None:
    response = support.patch(ACCOUNT, json={"settings": sent})

    assert response.status_code == 200
    assert desk.was_asked("patch")["settings"] == heard


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("default_item_id", 12),
        ("reason_items.DAMAGED", 12),
        ("payment_methods", ["1"]),
        ("customers", "guess"),
        ("customers", None),
        ("import_customers", "yes"),
        ("import_customers", 1),
        ("cut_over_date", "31.01.2026"),
        ("cut_over_date", 20260131),
        ("cut_over_date", "2026-02-30"),
        ("closed_books", "ignore"),
        ("auto_applied", ""),
        ("number_prefix", "much too long a prefix"),
        ("on_number_clash", "overwrite"),
        ("max_documents_per_run", 0),
        ("max_documents_per_run", -5),
        ("max_documents_per_run", "250"),
        ("max_documents_per_run", 2.0),
        ("max_documents_per_run", True),
        ("max_amount_per_run", 25000),
        ("max_amount_per_run", 25000.5),
        ("max_amount_per_run", "25,000.00"),
        ("max_amount_per_run", "1.005"),
        ("max_amount_per_run", "-1.00"),
        ("max_amount_per_run", "0.00"),
        ("max_amount_per_run", "1e5"),
        ("max_amount_per_run", "NaN"),
        ("max_amount_per_run", "١٢.٠٠"),
        ("paused", ["ALL", "CREDIT"]),
        ("paused.0", ["EVERYTHING"]),
        ("paused", "ALL"),
        ("colour", "green"),
    ],
)
def test_a_wrong_setting_is_named(support: Caller, desk: FakeDesk, field: str, value: object) -> None:
    name, _, key = field.partition(".")
    sent = {key: value} if name == "reason_items" else value

    response = support.patch(ACCOUNT, json={"settings": {name: sent}})

    assert is_problem(response, 422, "invalid")
    [named] = fields(response)
    assert named.startswith(f"settings.{field}")
    assert desk.asked == []


def test_a_change_that_changes_nothing_is_invalid(support: Caller) -> None:
    assert is_problem(support.patch(ACCOUNT, json={}), 422, "invalid")


def test_a_name_changes_without_its_settings(support: Caller, desk: FakeDesk) -> None:
    support.patch(ACCOUNT, json={"name": "Greener Leaf"})

    asked = desk.was_asked("patch")
    assert (asked["name"], asked["settings"], asked["actor"]) == ("Greener Leaf", None, "support token")


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_disconnecting_begins_a_run(support: Caller, desk: FakeDesk, mode: str) -> None:
    response = support.post(f"{ACCOUNT}/disconnect", json={"mode": mode, "confirm": "Green Leaf"})

    assert response.status_code == 202
    assert shapes.Run.model_validate(response.get_json()).kind == f"{mode}_disconnect"
    assert desk.was_asked("disconnect")["confirm"] == "Green Leaf"


@pytest.mark.parametrize("body", [{}, {"mode": "soft"}, {"confirm": "Green Leaf"}, {"mode": "firm", "confirm": "x"}])
def test_disconnecting_needs_a_mode_and_a_confirmation(support: Caller, desk: FakeDesk, body: dict[str, str]) -> None:
    assert is_problem(support.post(f"{ACCOUNT}/disconnect", json=body), 422, "invalid")
    assert desk.asked == []


def test_a_hard_disconnect_is_undone_by_its_epoch(support: Caller, desk: FakeDesk) -> None:
    response = support.post(f"{ACCOUNT}/restore", json={"epoch": 1})

    assert response.status_code == 202
    assert desk.was_asked("restore")["epoch"] == 1
