"""Webhooks: the raw body is verified and stored before the answer, and QuickBooks only ever hears 401 or 200."""

from __future__ import annotations

import pytest
from browsing import Caller, in_chunks, is_problem
from fake_engine import FakeIntake

QUICKBOOKS = "/webhooks/quickbooks"
ERP = "/webhooks/erp/acct-1"
MIB = 1024 * 1024


@pytest.mark.parametrize("body", [b'[{"specversion": "1.0"}]', b"not json", b"", b"\xff\x00", b"x" * (MIB + 1)])
def test_signed_notices_are_stored_byte_for_byte_whatever_they_say(
    caller: Caller, intake: FakeIntake, body: bytes
) -> None:
    response = caller.post(QUICKBOOKS, data=body, headers={"intuit-signature": "signed"})

    assert response.status_code == 200
    assert intake.stored == [body]


@pytest.mark.parametrize("headers", [{}, {"intuit-signature": ""}, {"intuit-signature": "forged"}])
def test_unsigned_notices_are_not_stored(caller: Caller, intake: FakeIntake, headers: dict[str, str]) -> None:
    response = caller.post(QUICKBOOKS, data=b"[]", headers=headers)

    assert is_problem(response, 401, "unauthorised")
    assert intake.stored == []


def test_a_flood_is_not_read_to_its_end(caller: Caller, intake: FakeIntake) -> None:
    """What is not read cannot be verified, so it counts as unsigned."""
    response = caller.post(QUICKBOOKS, data=b"x" * (8 * MIB + 1), headers={"intuit-signature": "signed"})

    assert is_problem(response, 401, "unauthorised")
    assert intake.stored == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_the_erps_notice_is_taken_once(caller: Caller, intake: FakeIntake, content_type: str) -> None:
    sent = {"data": b'{"type": "CREDIT"}', "headers": {"x-distru-signature": "signed"}, "content_type": content_type}

    first, again = caller.post(ERP, **sent), caller.post(ERP, **sent)

    assert (first.status_code, first.get_json()) == (202, {"status": "accepted"})
    assert (again.status_code, again.get_json()) == (202, {"status": "duplicate"})


def test_the_erps_unsigned_unreadable_or_misdirected_notice_is_refused(caller: Caller, intake: FakeIntake) -> None:
    signed = {"x-distru-signature": "signed"}

    assert is_problem(caller.post(ERP, data=b"{}"), 401, "unauthorised")
    assert is_problem(caller.post(ERP, data=b"nonsense", headers=signed), 400, "malformed")
    assert is_problem(caller.post("/webhooks/erp/nobody", data=b"{}", headers=signed), 404, "not_found")
    assert is_problem(caller.post(ERP, data=b"x" * (MIB + 1), headers=signed), 413, "too_large")
    assert is_problem(caller.post(ERP, headers=signed, **in_chunks(b"x" * (MIB + 1))), 413, "too_large")
    assert intake.stored == []


def test_a_body_whose_length_is_not_told_beforehand_is_read_whole(caller: Caller, intake: FakeIntake) -> None:
    body = b"x" * MIB

    response = caller.post(QUICKBOOKS, headers={"intuit-signature": "signed"}, **in_chunks(body))

    assert response.status_code == 200
    assert intake.stored == [body]


def test_a_token_is_no_signature(caller: Caller) -> None:
    assert caller.as_("admin").post(QUICKBOOKS, data=b"[]").status_code == 401
