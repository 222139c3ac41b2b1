"""Amounts: exact cents, no floats, rounding half away from zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.money import NotMoney, cents, decimal, rounded_cents, text


@pytest.mark.parametrize(
    ("spelling", "amount"),
    [("99.5", 9950), ("120", 12000), (120, 12000), (Decimal("33.17"), 3317), ("-0.01", -1), ("1E+2", 10000), ("0", 0)],
)
def test_an_amount_is_read_to_the_cent_however_it_is_spelled(spelling: Any, amount: int) -> None:
    assert cents(spelling) == amount


@pytest.mark.parametrize("value", [99.5, 0.0, True, None, "", "ten", "NaN", "Infinity", [], {}, b"1"])
def test_what_is_no_exact_amount_is_refused(value: Any) -> None:
    with pytest.raises(NotMoney):
        cents(value)
    with pytest.raises(NotMoney):
        rounded_cents(value)


def test_a_fraction_of_a_cent_is_refused_where_none_may_be() -> None:
    with pytest.raises(NotMoney, match="finer than a cent"):
        cents("12.345")
    with pytest.raises(NotMoney, match="finer than a cent"):
        cents("1.0000000000000000000000000000000000001")


@pytest.mark.parametrize("absurd", ["1e30", "-1e30", "1e999999", "9" * 40])
def test_an_absurd_amount_is_refused_instead_of_ending_the_run(absurd: str) -> None:
    with pytest.raises(NotMoney):
        cents(absurd)
    with pytest.raises(NotMoney):
        rounded_cents(absurd)


@pytest.mark.parametrize(
    ("fine", "rounded"), [("86.415", 8642), ("0.004", 0), ("0.005", 1), ("-0.005", -1), ("1.0049999", 100), (7, 700)]
)
def test_a_line_is_rounded_half_away_from_zero(fine: Any, rounded: int) -> None:
    assert rounded_cents(fine) == rounded


def test_three_credits_pay_99_5_exactly() -> None:
    """Scenario 95."""
    assert cents("33.17") + cents("33.17") + cents("33.16") == cents("99.5")


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_an_amount_survives_being_written_and_read(amount: int) -> None:
    assert cents(text(amount)) == amount == cents(decimal(amount)) == rounded_cents(text(amount))
    assert text(amount).rpartition(".")[2].isdigit()
    assert len(text(amount).rpartition(".")[2]) == 2
