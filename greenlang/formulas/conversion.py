"""How a value is converted: the fraction that a factor stands for, and the decimals that it is made of.

A conversion factor has 34 digits; one hour in minutes has no end (1/60). Multiplied by it, 60 min are not one hour, and
a value that lies on a tie of its rounding is put on one side of it. So what was rounded is written as it is defined:
divided by 60, divided by 3.6, or times one whole number and divided by another.

Belongs here: the arithmetic of a single conversion, for every back-end. Does not belong here: which units convert
(``greenlang.units``), where a tree converts (``check``).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

_DIGITS = 34
_LONG = 28  # digits of a constant that may have been rounded; zeros at its end are not written
_ONE = Decimal(1)


@lru_cache(maxsize=4096)
def ratio(value: Decimal) -> Fraction:
    """The fraction that a constant stands for: itself, or the simplest one that rounds to its 34 digits."""
    exact = Fraction(value)
    if not value or len(value.as_tuple().digits) < _LONG:
        return exact
    half = Fraction(Decimal(1).scaleb(value.adjusted() - _DIGITS)) * 5
    near = _simplest(abs(exact) - half, abs(exact) + half)
    if near.numerator * near.denominator > 10**30:
        return exact  # no fraction stands behind it, as with pi
    return near if exact > 0 else -near


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator between two positive ones."""
    whole = low.numerator // low.denominator
    if whole == low:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _simplest(1 / (high - whole), 1 / (low - whole))


@lru_cache(maxsize=4096)
def terms(factor: Decimal) -> tuple[Decimal, Decimal]:
    """(times, over): what a value is multiplied by and then divided by; together they are the factor, exactly.

    (3.6, 1) for kWh in MJ, (1, 3.6) for MJ in kWh, two whole numbers where no decimal is short enough (acres in ha).
    """
    exact = ratio(factor)
    if exact == Fraction(factor):
        return factor, _ONE
    inverse = _decimal(1 / exact)
    return (_ONE, inverse) if inverse is not None else (Decimal(exact.numerator), Decimal(exact.denominator))


def _decimal(value: Fraction) -> Decimal | None:
    """A fraction as a decimal that is certainly not rounded; None if it has no such decimal."""
    power = next((n for n in range(_LONG) if 10**n % value.denominator == 0), None)
    if power is None or abs(whole := int(value * 10**power)) >= 10**_LONG:
        return None
    return Decimal(f"{whole}e-{power}") if power else Decimal(whole)


def scaled(value: Decimal, factor: Decimal) -> Decimal:
    """``value * factor`` under the caller's decimal context: rounded once, if ``value`` is not very long."""
    times, over = terms(factor)
    if over == 1:
        return value * factor
    return (value if times == 1 else value * times) / over
