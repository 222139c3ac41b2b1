"""The table of QuickBooks' faults, and the recorded fault bodies."""

from __future__ import annotations

import re

import pytest

from service.errors import Disconnected, Gone, Refused, Stale, SyncError, Throttled, UnknownOutcome, Unreachable
from service.quickbooks.answers import Answer, check
from service.quickbooks.explanations import explain
from service.quickbooks.faults import AccessExpired, Fault, error_for
from tests.contract.quickbooks_bench import CORPUS, corpus

REFERENCE = CORPUS.parent / "REFERENCE.md"


def codes_of_the_reference() -> list[str]:
    """Every code in the first column of the table in §11.2."""
    table = REFERENCE.read_text().split("### 11.2 Codes")[1].split("HTTP only:")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if re.match(r"\| *\d", line)]
    return [code for cell in cells for code in re.findall(r"\d+", cell)]


def met(body: str, *, status: int = 400, is_write: bool = True) -> SyncError:
    with pytest.raises(SyncError) as raised:
        check(Answer(status, body, intuit_tid="1-abc"), is_write=is_write)
    return raised.value


def test_the_reference_lists_many_codes() -> None:
    assert len(codes_of_the_reference()) > 80


@pytest.mark.parametrize("code", codes_of_the_reference())
def test_every_code_of_the_reference_has_a_meaning_and_a_way_out(code: str) -> None:
    error = error_for([Fault(code, "Message", "Detail")], is_write=True)

    assert error.code != "unlisted_fault"
    assert error.quickbooks_code == code
    cause, what_to_do = explain(error.code)
    assert cause != explain("no such code").cause or error.code == "business_rule"
    assert what_to_do
    assert error.message in cause.format(said=error.message) or "{said}" not in cause


@pytest.mark.parametrize(
    ("file", "kind", "code"),
    [
        ("10000-npe.json", UnknownOutcome, "quickbooks_failed"),
        ("10000-system-xml.xml", UnknownOutcome, "quickbooks_failed"),
        ("2010-unknown-property.json", Refused, "malformed_request"),
        ("2020-missing-paymenttype.json", Refused, "malformed_request"),
        ("2030-invalid-id.json", Refused, "malformed_request"),
        ("2050-2080-two-errors-xml.xml", Refused, "text_too_long"),
        ("2500-invalid-reference.json", Refused, "inactive_reference"),
        ("3001-throttle-403-xml.xml", Throttled, "throttled"),
        ("3100-authorization-failed.json", Disconnected, "not_authorised"),
        ("3200-token-expired-401.json", AccessExpired, "access_refused"),
        ("4001-invalid-entity-name.json", Refused, "malformed_request"),
        ("4001-value-too-small-xml.xml", Refused, "malformed_request"),
        ("429-as-retold.json", Throttled, "throttled"),
        ("500-unsupported-operation.json", Refused, "malformed_request"),
        ("6140-duplicate-docnumber.json", Refused, "duplicate_number"),
        ("6240-duplicate-name-french.json", Refused, "duplicate_name"),
        ("6240-duplicate-name-null.json", Refused, "duplicate_name"),
        ("6240-duplicate-taxrate.json", Refused, "duplicate_name"),
        ("6540-deposited-transaction.json", Refused, "deposited"),
    ],
)
def test_a_recorded_fault_is_understood(file: str, kind: type[SyncError], code: str) -> None:
    error = met(corpus(f"fault/{file}"))

    assert type(error) is kind
    assert (error.code, error.intuit_tid) == (code, "1-abc")


@pytest.mark.parametrize(
    ("detail", "kind", "code"),
    [
        ("You cannot modify a list element that has been deleted.", Refused, "merged_customer"),
        ("Sorry, you can only add or edit one name at a time.", Unreachable, "names_busy"),
        ("Please select a different type of account.", Refused, "wrong_account_type"),
        ("Another account is already using this number.", Refused, "account_number_taken"),
        ("Something else entirely", Refused, "business_rule"),
    ],
)
def test_a_6000_is_told_by_its_text(detail: str, kind: type[SyncError], code: str) -> None:
    error = error_for([Fault("6000", "A business validation error has occurred", detail)], is_write=True)

    assert (type(error), error.code) == (kind, code)
    assert detail in error.message


def test_a_failure_of_the_server_is_no_unknown_outcome_where_nothing_was_written() -> None:
    error = error_for([Fault("10000")], is_write=False)

    assert type(error) is Unreachable


def test_a_duplicate_request_id_leaves_the_outcome_open() -> None:
    """The first request may have made the document: nothing new may be planned before somebody looked."""
    assert type(error_for([Fault("600")], is_write=True)) is UnknownOutcome


def test_a_code_that_only_the_message_spells_is_found() -> None:
    body = '{"fault": {"error": [{"message": "message=ThrottleExceeded; errorCode=003001; statusCode=429"}]}}'

    assert type(met(body)) is Throttled


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"Fault": {"Error": {"code": "5010", "Message": "Stale"}}}', Stale),
        ('{"Fault": {"Error": [{"code": 610, "Message": null}]}}', Gone),
        ('{"Fault": {"Error": ["odd"], "type": "ValidationFault"}}', Refused),
        ('{"Fault": "odd"}', UnknownOutcome),
        ('{"fault": {"error": [], "type": "AUTHENTICATION"}}', AccessExpired),
        ('{"Fault": {"Error": [{"code": "99999"}]}}', UnknownOutcome),
        ("<html>", UnknownOutcome),
        ('<Fault type="ValidationFault"><Error code="5010"', UnknownOutcome),
    ],
)
def test_odd_faults_break_nothing(body: str, kind: type[SyncError]) -> None:
    assert type(met(body)) is kind


def test_a_400_whose_body_is_no_fault_may_have_been_anything() -> None:
    assert type(met("{}")) is UnknownOutcome


def test_a_body_that_is_too_large_is_refused() -> None:
    error = met("<html>", status=413)

    assert (type(error), error.code) == (Refused, "request_too_large")


def test_a_dump_of_the_server_is_kept_short() -> None:
    error = error_for([Fault("2010", "Bad property", "x\n" * 5000)], is_write=True)

    assert len(error.message) < 600
    assert "\n" not in error.message


def test_a_success_raises_nothing() -> None:
    check(Answer(200, '{"CreditMemo": {"Id": "1"}, "fault": null}'), is_write=True)
