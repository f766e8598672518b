"""The exact back-end: fractions inside, one rounding at the end, typed errors."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang import units
from greenlang.errors import CalculationError
from greenlang.formulas.check import Scope, Symbol, check, fit
from greenlang.formulas.conversion import ratio
from greenlang.formulas.exact import answer, declared_functions, divide_half_even, program
from greenlang.formulas.parse import parse

SCOPE = Scope(
    {
        **{name: Symbol(name, "symbol", "number", "1") for name in "xyz"},
        "energy": Symbol("energy", "symbol", "number", "kWh"),
        "mass": Symbol("mass", "symbol", "number", "kg"),
        "hot": Symbol("hot", "symbol", "number", "degF"),
        "kind": Symbol("kind", "symbol", "text"),
        "rows": Symbol(
            "rows",
            "symbol",
            "table",
            None,
            (),
            (Symbol("rows.a", "column", "number", "1"), Symbol("rows.t", "column", "text")),
        ),
    }
)


def run(text: str, decimals: int = 6, unit: str = "1", **given: Any) -> Decimal:
    values = {k: Decimal(v) if isinstance(v, (int, str)) and k != "kind" else v for k, v in given.items()}
    return answer(fit(check(parse(text), SCOPE), unit), values, decimals=decimals)


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("x / 3 * 3", {"x": "0.0000015"}, "0.000002"),  # a tie: 34 digits would fall below it
        ("x / 3 * 3", {"x": "0.0000025"}, "0.000002"),
        ("x / 7 + x / 7 + x / 7 + x / 7 + x / 7 + x / 7 + x / 7", {"x": "0.0000035"}, "0.000004"),
        ("(x + y) - x", {"x": "1e30", "y": "1e-5"}, "0.00001"),
        ("round(x, 1) * 2", {"x": "0.25"}, "0.4"),
        ("round(x, -2)", {"x": "250"}, "200"),
        ("x ** 2 - y ** -2", {"x": "1.5", "y": "2"}, "2"),
        ("min(x, y) + max(x, y, 7) + abs(0 - x)", {"x": "1", "y": "2"}, "9"),
        ("if(x > y, 1, 2)", {"x": "1", "y": "2"}, "2"),
        (
            'sum(rows, if(rows.t == "b", 2, 1) * rows.a)',
            {"rows": [{"a": Decimal(3), "t": "b"}, {"a": Decimal(4), "t": "c"}]},
            "10",
        ),
        ("sum(rows, rows.a)", {"rows": []}, "0"),
        ("sqrt(x)", {"x": "2"}, "1.414214"),
        ("x ** y", {"x": "2", "y": "0.5"}, "1.414214"),
        ("log10(x) + ln(y) + exp(z)", {"x": "100", "y": "1", "z": "0"}, "3"),
    ],
)
def test_answers(text: str, given: dict[str, Any], expected: str) -> None:
    assert run(text, **given) == Decimal(expected)


def test_units_convert_by_the_factor_itself() -> None:
    # one mmBtu is 1055055852.62 J: 293.0710701... kWh, which has no end
    assert run("energy", 12, "mmBtu", energy="293.07107017222222222222") == Decimal("1")
    assert run("mass", 12, "lb", mass="0.45359237") == 1
    assert run("hot", 30, "K", hot="-459.67") == 0


@pytest.mark.parametrize(
    ("text", "given", "kind"),
    [
        ("x / y", {"x": "1", "y": "0"}, "division_by_zero"),
        ("x ** -1", {"x": "0"}, "domain"),
        ("x ** 0", {"x": "0"}, "domain"),
        ("sqrt(x)", {"x": "-1"}, "domain"),
        ("ln(x)", {"x": "0"}, "domain"),
        ("exp(x)", {"x": "1e9"}, "overflow"),
        ("x * 1e20", {"x": "1e20"}, "overflow"),
        ("x ** 60", {"x": "1e600"}, "overflow"),
        ("x + y", {"x": "1"}, "missing"),
        ("sum(rows, rows.a)", {"rows": [{"t": "b"}]}, "missing"),
    ],
)
def test_no_answer_has_a_kind(text: str, given: dict[str, Any], kind: str) -> None:
    with pytest.raises(CalculationError) as caught:
        run(text, **given)
    assert caught.value.kind == kind


def test_a_branch_that_is_not_taken_is_not_computed() -> None:
    assert run("if(x == 0, 0, 1 / x)", x="0") == 0
    assert run('if(kind == "a" or 1 / x > 0, 1, 2)', kind="a", x="0") == 1


def test_functions_that_are_not_exact_are_named() -> None:
    def of(text: str) -> tuple[str, ...]:
        return declared_functions(check(parse(text), SCOPE))

    assert of("x * y / z + round(x, 2) + min(x, y) + x ** 3 + x ** -2") == ()
    assert of("sqrt(x) + ln(y)") == ("ln", "sqrt")
    assert of("x ** 0.5 + x ** y + log10(x)") == ("log10", "power")


_DECIMALS = st.decimals(min_value=-1000, max_value=1000, places=4, allow_nan=False)
_TREES = st.recursive(
    st.sampled_from(["x", "y", "z", "2", "0.5", "7"]),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    ),
    max_leaves=10,
)


@given(_TREES, _DECIMALS, _DECIMALS, _DECIMALS)
def test_it_is_the_fraction(text: str, x: Decimal, y: Decimal, z: Decimal) -> None:
    values = {"x": x, "y": y, "z": z}
    names = {"F": Fraction, **{n: Fraction(v) for n, v in values.items()}}
    python = re.sub(r"[0-9.]+", lambda m: f"F('{m[0]}')", text)
    compiled = program(check(parse(text), SCOPE))
    try:
        wanted = eval(python, {"__builtins__": {}}, names)  # our own text
    except ZeroDivisionError:
        with pytest.raises(CalculationError) as caught:
            compiled(values)
        assert caught.value.kind == "division_by_zero"
        return
    got = compiled(values)
    assert isinstance(got, tuple)
    assert Fraction(*got) == wanted
    assert got[1] > 0


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_half_even_is_that_of_decimals(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("kWh", "mmBtu", Fraction(3_600_000 * 100_000_000, 105505585262 * 1_000_000)),
        ("mmBtu", "kWh", Fraction(105505585262 * 1_000_000, 3_600_000 * 100_000_000)),
        ("lb", "kg", Fraction(45359237, 10**8)),
        ("kg", "lb", Fraction(10**8, 45359237)),
        ("mile", "km", Fraction(1609344, 10**6)),
        ("ft^3", "m^3", Fraction(3048, 10**4) ** 3),
        ("m^3", "ft^3", Fraction(10**4, 3048) ** 3),
        ("US_liquid_gallon", "L", Fraction(3785411784, 10**9)),
        ("kgCO2/kWh", "lbCO2/mmBtu", Fraction(10**8, 45359237) * Fraction(105505585262 * 1_000_000, 3_600_000 * 10**8)),
    ],
)
def test_a_rounded_factor_stands_for_its_fraction(source: str, target: str, expected: Fraction) -> None:
    assert ratio(units.conversion(source, target)[0]) == expected


def test_a_factor_without_a_fraction_stays_as_it_is() -> None:
    pi = Decimal("3.141592653589793238462643383279503")
    assert ratio(pi) == Fraction(pi)
    assert ratio(Decimal("0.1")) == Fraction(1, 10)
    assert ratio(Decimal(0)) == 0
    assert ratio(Decimal("-0." + "3" * 34)) == Fraction(-1, 3)
