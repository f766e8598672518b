"""One declared Decimal context, and exact ways in and out of it.

Precision 34 and the exponent range are those of IEEE 754 decimal128, so no value can grow without end. Rounding is
half-even. Division by zero, undefined results and overflow raise; nothing ever becomes NaN or infinity in silence.

Belongs here: arithmetic that agents, the reference evaluator and the calculation engine share. Does not belong here:
units, factors.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import lru_cache
from types import TracebackType
from typing import TypeVar

from greenlang_sdk.errors import CalculationError, DecimalError, NotANumber, UserMistake

__all__ = [
    "CONTEXT",
    "CalculationError",
    "DecimalError",
    "NotANumber",
    "calculation",
    "exp",
    "ln",
    "log10",
    "normal_text",
    "power",
    "round_half_even",
    "round_output",
    "round_whole",
    "sqrt",
    "sum_over",
    "to_decimal",
    "to_whole",
]

CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.DivisionByZero, decimal.InvalidOperation, decimal.Overflow],
)
T = TypeVar("T")
MAX_DIGITS = 1000
_LONG = 100  # characters: longer texts are not kept
_WHOLE = (-(2**31), 2**31 - 1)
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
# Rounding and printing must not fail on values that the context itself can hold.
_WIDE = decimal.Context(
    prec=20_000, rounding=decimal.ROUND_HALF_EVEN, traps=[decimal.InvalidOperation, decimal.Overflow]
)


class _Calculation:
    """What `calculation` gives: every step of every run enters one, so it is a class and no generator."""

    __slots__ = ("_local",)

    def __enter__(self) -> decimal.Context:
        self._local = decimal.localcontext(CONTEXT)
        return self._local.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._local.__exit__(kind, error, trace)
        if isinstance(error, decimal.DecimalException):
            raise CalculationError(_sentence(error)) from error


def calculation() -> AbstractContextManager[decimal.Context]:
    """Run a block under the declared context, whatever the caller's context is.

    Raises CalculationError for division by zero, undefined results and overflow.
    """
    return _Calculation()


def to_decimal(value: object) -> Decimal:
    """The exact Decimal of an int, float, str or Decimal; a float counts as the shortest text that names it.

    Raises NotANumber for NaN, infinity, truth values, other types, and text that is no plain number.
    """
    kind = type(value)
    if kind is str or kind is int or kind is float:
        return _of_plain(value)
    match value:
        case bool():
            raise NotANumber("a truth value is no number")
        case Decimal():
            return _held(value)
        case int() | float() | str():
            return _read(value)
    raise NotANumber(f"a number is needed, not {kind.__name__}")


@lru_cache(maxsize=1024, typed=True)
def _of_plain(value: str | int | float) -> Decimal:
    """The same few inputs are asked again and again: by tests, by mutants, in a batch of rows."""
    return _read(value)


def _read(value: str | int | float) -> Decimal:
    if isinstance(value, str):
        if len(value) > MAX_DIGITS + 10 or not _PLAIN.fullmatch(value):
            raise NotANumber(f"{value[:40]!r} is no plain number such as 12, -0.5 or 1.2e3")
        return _held(Decimal(value))
    if isinstance(value, float):
        return _held(Decimal(repr(float(value))))
    if value.bit_length() > 4 * MAX_DIGITS:
        raise NotANumber(f"a number may have at most {MAX_DIGITS} digits")
    return _held(Decimal(value))


def _held(number: Decimal) -> Decimal:
    """The number, if the context can hold it."""
    if not number.is_finite():
        raise NotANumber("NaN and infinity are no numbers to calculate with")
    # its text is at least as long as its digits, and much sooner made
    if len(str(number)) > MAX_DIGITS and len(number.as_tuple().digits) > MAX_DIGITS:
        raise NotANumber(f"a number may have at most {MAX_DIGITS} digits")
    if number and not CONTEXT.Emin <= number.adjusted() <= CONTEXT.Emax:
        raise NotANumber("a number of this size cannot be calculated with")
    return number if number else Decimal(0)


def to_whole(value: object) -> Decimal:
    """As `to_decimal`, for whole numbers of 32 bits."""
    number = to_decimal(value)
    if number != number.to_integral_value():
        raise NotANumber("a whole number is needed")
    if not _WHOLE[0] <= number <= _WHOLE[1]:
        raise NotANumber("a whole number of 32 bits is needed")
    return Decimal(int(number))


def normal_text(value: Decimal) -> str:
    """The one text of a number: no exponent, no trailing zeros, no plus, no negative zero."""
    text = str(value)
    if text.isdigit():
        return text
    if not value.is_finite():
        raise NotANumber("NaN and infinity have no text")
    return _shortened(text) if len(text) <= _LONG else _shortened.__wrapped__(text)


@lru_cache(maxsize=4096)
def _shortened(text: str) -> str:
    """The normal text of a finite number, by any text of it: one run has most of its numbers in several places."""
    if "E" in text or "e" in text:
        text = f"{Decimal(text):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def round_output(value: Decimal, decimals: int) -> Decimal:
    """``value`` rounded half-even to ``decimals`` digits after the point, in normal form.

    Raises CalculationError for one of more than a thousand digits.
    """
    if value.adjusted() + decimals >= MAX_DIGITS:
        raise CalculationError("the result is too large")
    rounded = value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE)
    return Decimal(normal_text(rounded))


def round_whole(value: Decimal, name: str) -> Decimal:
    """``value`` rounded half-even to a whole number of 32 bits. Raises CalculationError, with ``name``, for another."""
    rounded = round_output(value, 0)
    if not _WHOLE[0] <= rounded <= _WHOLE[1]:
        raise CalculationError("the result is no whole number of 32 bits", field=name)
    return rounded


def sqrt(value: Decimal) -> Decimal:
    """Square root. Raises CalculationError for a negative number."""
    if value < 0:
        raise CalculationError("square root of a negative number")
    return CONTEXT.sqrt(value)


def exp(value: Decimal) -> Decimal:
    """e to the power of ``value``. Raises CalculationError on overflow."""
    return _guarded(lambda: CONTEXT.exp(value))


def ln(value: Decimal) -> Decimal:
    """Natural logarithm. Raises CalculationError for zero and negative numbers."""
    if value <= 0:
        raise CalculationError("logarithm of a number that is not positive")
    return CONTEXT.ln(value)


def log10(value: Decimal) -> Decimal:
    """Logarithm to the base of ten. Raises CalculationError for zero and negative numbers."""
    if value <= 0:
        raise CalculationError("logarithm of a number that is not positive")
    return CONTEXT.log10(value)


def round_half_even(value: Decimal, digits: int | Decimal) -> Decimal:
    """``value`` rounded half-even to ``digits`` digits after the point; negative digits round to tens, hundreds, ..."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -int(digits):
        return value  # it has no digits beyond; padding it with zeros would change its text only
    return value.quantize(Decimal(1).scaleb(-int(digits)), context=_WIDE)


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """``base`` to the power of ``exponent``.

    Raises CalculationError for 0 to the power of 0 or less, a fractional power of a negative number, and overflow.
    """
    if not base and exponent <= 0:
        raise CalculationError("zero to the power of zero or less")
    if base < 0 and exponent != exponent.to_integral_value():
        raise CalculationError("fractional power of a negative number")
    return _guarded(lambda: CONTEXT.power(base, exponent))


def sum_over(rows: Iterable[T], body: Callable[[T], Decimal]) -> Decimal:
    """The sum of ``body`` over the rows, in their order, under the declared context; zero over no rows.

    A row without an answer refuses the whole sum, and the message counts the rows from 1.
    """
    total = Decimal(0)
    with calculation():
        for number, row in enumerate(rows, start=1):
            try:
                total += body(row)
            except decimal.DecimalException as error:
                raise CalculationError(f"row {number}: {_sentence(error)}") from error
            except UserMistake as mistake:
                mistake.message = f"row {number}: {mistake.message}"
                raise
    return total


def _guarded(compute: Callable[[], Decimal]) -> Decimal:
    try:
        return compute()
    except decimal.DecimalException as error:
        raise CalculationError(_sentence(error)) from error


def _sentence(error: decimal.DecimalException) -> str:
    if isinstance(error, decimal.DivisionByZero):
        return "division by zero"
    if isinstance(error, decimal.Overflow):
        return "the result is too large"
    kinds = error.args[0] if error.args and isinstance(error.args[0], list) else []
    if decimal.DivisionUndefined in kinds:
        return "zero divided by zero"
    return "the result is undefined"
