"""What cannot be answered is refused in one form, with a stable code, and gives nothing away."""

from __future__ import annotations

import pytest
from browsing import ACCOUNT, CONNECTIONS, Caller, fields, in_chunks, is_problem
from fake_engine import FakeDesk

from service.errors import Reason, Rejected

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.NOT_FOUND, 404),
        (Reason.CONFLICT, 409),
        (Reason.INVALID, 422),
        (Reason.MALFORMED, 400),
        (Reason.UNAUTHORISED, 401),
        (Reason.FORBIDDEN, 403),
        (Reason.TOO_LARGE, 413),
        (Reason.BUSY, 503),
    ],
)
def test_what_the_engine_refuses_becomes_a_status_and_keeps_its_code(
    support: Caller, desk: FakeDesk, reason: Reason, status: int
) -> None:
    desk.refuse("reconcile", Rejected(reason, "stable_code", "Say what to do."))

    response = support.post(f"{ACCOUNT}/reconcile")

    assert is_problem(response, status, "stable_code")
    assert response.get_json(force=True)["detail"] == "Say what to do."


def test_a_refused_setting_names_its_field(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("patch", Rejected(Reason.INVALID, "invalid_setting", "No such item.", field="settings.default_item_id"))

    response = support.patch(ACCOUNT, json={"settings": {"default_item_id": "999"}})

    assert is_problem(response, 422, "invalid_setting")
    assert fields(response) == {"settings.default_item_id"}


def test_a_busy_connection_says_when_to_ask_again(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("refresh", Rejected(Reason.BUSY, "busy", "A run is under way.", retry_after_s=5))

    response = support.post(f"{ACCOUNT}/refresh", json={"company_id": "co-1"})

    assert is_problem(response, 503, "busy")
    assert response.headers["Retry-After"] == "5"


def test_our_own_failure_shows_no_trace(support: Caller, desk: FakeDesk) -> None:
    desk.refuse("tie_out", RuntimeError("password=hunter2"))

    response = support.get(f"{ACCOUNT}/tie-out")

    assert is_problem(response, 500, "internal_error")
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text


def test_an_unknown_address_is_not_found(support: Caller) -> None:
    assert is_problem(support.get("/api/v2/anything"), 404, "not_found")


@pytest.mark.parametrize("control", ["%00", "%0A", "%1B", "%7F"])
def test_an_id_with_control_characters_is_nobodys(support: Caller, desk: FakeDesk, control: str) -> None:
    """PostgreSQL would fail on some of them."""
    assert is_problem(support.get(f"{CONNECTIONS}/acct{control}1"), 404, "not_found")
    assert desk.asked == []


def test_a_wrong_method_is_told_the_right_ones(support: Caller) -> None:
    response = support.call("DELETE", CONNECTIONS)

    assert is_problem(response, 405, "method_not_allowed")
    assert {"GET", "POST"} <= response.allow


@pytest.mark.parametrize("body", [b"{", b"{'a': 1}", b"\xff\xfe{}", b"[" * 100_000, b'{"a": 1} trailing'])
def test_what_is_not_json_is_malformed(support: Caller, body: bytes) -> None:
    response = support.post(f"{ACCOUNT}/reconcile", data=body, content_type="application/json")

    assert is_problem(response, 400, "malformed")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_type_than_json_is_not_taken(support: Caller, content_type: str) -> None:
    response = support.post(f"{ACCOUNT}/reconcile", data=b"{}", content_type=content_type)

    assert is_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_one_mebibyte_is_too_large(support: Caller, chunked: bool) -> None:
    body = b'{"name": "' + b"x" * MIB + b'"}'
    sent = in_chunks(body) if chunked else {"data": body}

    response = support.patch(ACCOUNT, content_type="application/json", **sent)

    assert is_problem(response, 413, "too_large")
    assert response.headers["Connection"] == "close"


def test_any_other_refusal_keeps_the_connection(support: Caller) -> None:
    assert "Connection" not in support.post(f"{ACCOUNT}/reconcile", data=b"{").headers


def test_a_body_just_within_the_limit_is_read(support: Caller) -> None:
    body = b'{"mode": "' + b"x" * (MIB - 12) + b'"}'
    assert len(body) == MIB

    response = support.post(f"{ACCOUNT}/disconnect", data=body, content_type="application/json")

    assert is_problem(response, 422, "invalid")


@pytest.mark.parametrize("body", [[], "text", 5, True, "{}", [{"dry_run": True}]])
def test_a_body_that_is_no_object_is_invalid(support: Caller, desk: FakeDesk, body: object) -> None:
    response = support.post(f"{ACCOUNT}/two-way/enable", json=body)

    assert is_problem(response, 422, "invalid")
    assert desk.asked == []


def test_every_wrong_field_is_named_at_once_and_none_is_repeated_back(support: Caller) -> None:
    sent = {"account_id": 5, "name": "", "erp_api_key": "secret\nvalue", "surprise": "hello"}

    response = support.post(CONNECTIONS, json=sent)

    assert is_problem(response, 422, "invalid")
    assert fields(response) == {"account_id", "name", "erp_api_key", "surprise"}
    assert "secret" not in response.text
    assert "hello" not in response.text


@pytest.mark.parametrize("name", ["a\x00b", "line\nbreak", "\ud800", "x" * 501])
def test_text_that_no_book_can_hold_is_invalid(support: Caller, name: str) -> None:
    assert fields(support.patch(ACCOUNT, json={"name": name})) == {"name"}


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "1.5", ""])
def test_a_page_has_between_1_and_500_records(support: Caller, limit: str) -> None:
    response = support.get(f"{CONNECTIONS}?limit={limit}")

    assert is_problem(response, 422, "invalid")
    assert fields(response) == {"limit"}
