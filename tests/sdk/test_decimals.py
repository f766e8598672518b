from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from greenlang_sdk import decimals
from greenlang_sdk.errors import CalculationError, NotANumber
from hypothesis import given
from hypothesis import strategies as st

FINITE = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (-0.0, "0"),
        (7, "7"),
        ("1.50", "1.5"),
        ("+.5e-3", "0.0005"),
        (Decimal("1E+3"), "1000"),
        ("100", "100"),
    ],
)
def test_numbers_come_in_exactly_and_have_one_text(value: object, text: str) -> None:
    assert decimals.normal_text(decimals.to_decimal(value)) == text


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        True,
        False,
        None,
        [],
        "NaN",
        "inf",
        "1_000",
        " 1",
        "",
        "١٢",
        "0x1",
        "1e9999999",
        "1e7000",
        Decimal("sNaN"),
        10**2000,
        Decimal("1" * 1001),
        "1" * 2000,
    ],
    ids=str,
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(NotANumber):
        decimals.to_decimal(value)


@pytest.mark.parametrize("value", ["1.5", 2**31, -(2**31) - 1])
def test_whole_numbers_have_32_bits(value: object) -> None:
    with pytest.raises(NotANumber):
        decimals.to_whole(value)


def test_whole_numbers_come_in_exactly() -> None:
    assert [decimals.to_whole(value) for value in ("3.0", 2**31 - 1, -(2**31))] == [3, 2**31 - 1, -(2**31)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_has_no_text(value: str) -> None:
    with pytest.raises(NotANumber):
        decimals.normal_text(Decimal(value))


@given(FINITE)
def test_normal_text_keeps_the_value_and_is_a_fixed_point(value: Decimal) -> None:
    text = decimals.normal_text(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert decimals.normal_text(Decimal(text)) == text


@given(FINITE, st.integers(0, 12))
def test_rounding_is_half_even_and_idempotent(value: Decimal, digits: int) -> None:
    once = decimals.round_output(value, digits)
    assert decimals.round_output(once, digits) == once
    assert abs(once - value) <= Decimal(5).scaleb(-digits - 1)


@pytest.mark.parametrize(("value", "rounded"), [("2.5", "2"), ("3.5", "4"), ("-0.4", "0"), ("1E+40", "1" + "0" * 40)])
def test_rounding_halves(value: str, rounded: str) -> None:
    assert decimals.normal_text(decimals.round_output(Decimal(value), 0)) == rounded


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ("1", "0", "division by zero"),
        ("0", "0", "zero divided by zero"),
        ("9E+6144", "1E-6000", "too large"),
        ("Infinity", "Infinity", "the result is undefined"),
    ],
)
def test_division_without_an_answer_is_told(left: str, right: str, message: str) -> None:
    with pytest.raises(CalculationError, match=message), decimals.calculation():
        Decimal(left) / Decimal(right)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (decimals.sqrt, ("-1",)),
        (decimals.ln, ("0",)),
        (decimals.log10, ("0",)),
        (decimals.log10, ("-1",)),
        (decimals.exp, ("1e6",)),
        (decimals.power, ("0", "0")),
        (decimals.power, ("0", "-1")),
        (decimals.power, ("-8", "0.5")),
        (decimals.power, ("10", "99999")),
    ],
)
def test_functions_outside_their_domain_are_told(function: object, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CalculationError):
        function(*map(Decimal, arguments))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [("2.345", 2, "2.34"), ("2.355", 2, "2.36"), ("1250", -2, "1200"), ("7", 3, "7"), ("1E+3", 0, "1E+3")],
)
def test_rounding_inside_a_formula_is_half_even_and_pads_nothing(value: str, digits: int, rounded: str) -> None:
    got = decimals.round_half_even(Decimal(value), digits)
    assert got == Decimal(rounded)
    assert decimals.round_half_even(Decimal(value), Decimal(digits)) == got


def test_an_answer_that_is_too_large_is_told() -> None:
    assert decimals.round_whole(Decimal("2147483647.4"), "a") == 2**31 - 1
    with pytest.raises(CalculationError, match="no whole number of 32 bits") as told:
        decimals.round_whole(Decimal("2147483647.5"), "a")
    assert told.value.field == "a"
    assert decimals.round_output(Decimal("1e990"), 6) == Decimal("1e990")
    with pytest.raises(CalculationError, match="the result is too large"):
        decimals.round_output(Decimal("1e1000"), 6)


def test_functions_ignore_the_caller_s_context() -> None:
    with decimal.localcontext(prec=3):
        assert decimals.sqrt(Decimal(2)) == Decimal("1.414213562373095048801688724209698")
        assert decimals.power(Decimal(2), Decimal(100)) == 2**100
        assert abs(decimals.ln(decimals.exp(Decimal(1))) - 1) < Decimal("1e-32")
        assert decimals.log10(Decimal(2)) == Decimal("0.3010299956639811952137388947244930")


def test_the_caller_s_context_comes_back() -> None:
    before = decimal.getcontext().prec
    with decimals.calculation() as context:
        assert context.prec == 34
        assert Decimal(1) / Decimal(3) == Decimal("0." + "3" * 34)
    assert decimal.getcontext().prec == before


@pytest.mark.parametrize("capitals", [0, 1])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("-1.50E-8", "-0.000000015"),
        ("-0E+7", "0"),
        ("0E-9", "0"),
        ("1.2E+1", "12"),
        ("-3.10", "-3.1"),
    ],
)
def test_normal_text_has_no_exponent_whatever_the_callers_context(capitals: int, value: str, text: str) -> None:
    with decimal.localcontext(decimal.Context(prec=3, capitals=capitals)):
        assert decimals.normal_text(Decimal(value)) == text


def test_digits_are_counted_without_sign_point_and_exponent() -> None:
    assert decimals.to_decimal(Decimal("-0." + "1" * 1000)) == Decimal("-0." + "1" * 1000)
    with pytest.raises(NotANumber, match="digits"):
        decimals.to_decimal(Decimal("1" * 1001))
