"""Money: integer cents with a currency. No float ever touches an amount."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_CENT = Decimal("0.01")
_LIMIT = Decimal(10**15)
"""No amount in these books is this large; beyond it Decimal would round or overflow."""


class NotMoney(ValueError):
    """A value that is no amount of money, or has a fraction of a cent where none may be."""


def cents(value: object) -> int:
    """Read an amount in major units (`"99.5"`, `120`, `Decimal("33.17")`) as exact cents.

    Raises:
        NotMoney: not a number, not finite, absurdly large, a float, or finer than a cent.
    """
    amount = _decimal(value)
    whole = amount.quantize(_CENT, ROUND_HALF_UP)
    if whole != amount:
        raise NotMoney(f"{value} is finer than a cent")
    return int(whole * 100)


def rounded_cents(value: object) -> int:
    """Read an amount that may be finer than a cent, rounded half away from zero as QuickBooks rounds lines.

    Raises:
        NotMoney: not a number, not finite, absurdly large, or a float.
    """
    return int(_decimal(value).quantize(_CENT, ROUND_HALF_UP) * 100)


def decimal(amount_cents: int) -> Decimal:
    """The amount as a Decimal with two places, as JSON bodies to QuickBooks carry it."""
    return Decimal(amount_cents).scaleb(-2).quantize(_CENT)


def text(amount_cents: int) -> str:
    """The amount as contracts spell it: a decimal string with two places."""
    return str(decimal(amount_cents))


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal):
        raise NotMoney(f"{value!r} is not an amount")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise NotMoney(f"{value!r} is not an amount") from None
    if not amount.is_finite() or abs(amount) >= _LIMIT:
        raise NotMoney(f"{value!r} is not an amount")
    return amount
