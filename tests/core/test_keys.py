"""Keys, numbers and markers."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mappings.keys import NUMBER_LENGTH, born_key, key_of, marker, owner, record_of, shorten

NUMBERS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def test_a_short_number_stays_as_it_is() -> None:
    assert shorten("CR-1001") == "CR-1001"
    assert shorten("CR-1001", "D-") == "D-CR-1001"
    assert shorten("x" * NUMBER_LENGTH) == "x" * NUMBER_LENGTH


def test_two_long_numbers_that_start_alike_stay_two() -> None:
    one, other = shorten("RETURN-OF-SEPTEMBER-2026-0001"), shorten("RETURN-OF-SEPTEMBER-2026-0002")

    assert one != other
    assert len(one) == len(other) == NUMBER_LENGTH
    assert one.startswith("RETURN-OF-SE")


def test_the_prefix_counts_towards_the_length() -> None:
    assert len(shorten("x" * NUMBER_LENGTH, "D-")) == NUMBER_LENGTH
    assert shorten("x" * NUMBER_LENGTH, "D-") != shorten("x" * NUMBER_LENGTH, "E-")


@settings(deadline=None, derandomize=True, database=None)
@given(NUMBERS, NUMBERS, st.sampled_from(["", "D-", "DISTRU-2026-"]))
def test_no_two_numbers_become_one_and_none_is_too_long(one: str, other: str, prefix: str) -> None:
    assume(one != other)

    assert shorten(one, prefix) != shorten(other, prefix)
    assert len(shorten(one, prefix)) <= NUMBER_LENGTH


def test_every_document_that_we_make_names_its_record() -> None:
    marks = {key: marker(f"{key}:77-a") for key in ("invoice", "payment", "credit", "refund", "company")}

    assert marks == {key: f"Distru {key} 77-a" for key in marks}
    assert marker("negative:7") == "Distru invoice 7"
    assert marker("deposit:7") == "Distru credit 7"
    assert marker("settlement:7") == "Distru refund 7"


def test_a_document_born_in_quickbooks_carries_no_marker() -> None:
    assert born_key("Payment", "151") == "Payment@151"
    assert marker("Payment@151") is None
    assert record_of("Payment@151") is None


def test_a_record_is_found_by_its_key_and_back() -> None:
    for kind in ("COMPANY", "INVOICE", "PAYMENT", "CREDIT", "REFUND"):
        assert record_of(key_of(kind, "a:b")) == (kind, "a:b")


def test_a_record_keeps_the_document_that_stands_for_it() -> None:
    owners = {("CREDIT", "7"): "CreditMemo@181"}

    assert owner(owners, "CREDIT", "7") == "CreditMemo@181"
    assert owner(owners, "CREDIT", "8") == "credit:8"
