"""Conversions are exact in every back-end: what lies on a tie of its rounding is rounded half-even, and not by luck."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import duckdb
import pytest
from greenlang_sdk import decimals
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang import units
from greenlang.factory.constants import Constants
from greenlang.factory.render import render
from greenlang.formulas.check import fit
from greenlang.formulas.conversion import ratio, scaled, terms
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.exact import answer
from greenlang.formulas.sql import ColumnType, compile_sql
from greenlang.formulas.tree import Convert, Name

DIGITS = 6
# what one is in the other by definition, and the smallest amount of it that lies on a tie of six digits
CONVERSIONS = {
    ("min", "h"): (Fraction(1, 60), "0.00003"),
    ("s", "h"): (Fraction(1, 3600), "0.0018"),
    ("kJ", "kWh"): (Fraction(1, 3600), "0.0018"),
    ("MJ", "kWh"): (Fraction(10, 36), "0.0000018"),
    ("MW*min", "MWh"): (Fraction(1, 60), "0.00003"),
    ("mmBtu", "kWh"): (Fraction(105505585262, 360_000_000), "90"),
    ("ha", "acre"): (Fraction(15499969, 6272640), "9801"),
    ("kWh", "MJ"): (Fraction(36, 10), "0.000625"),
}


def convert(source: str, target: str) -> Convert:
    node = fit(Name(name="x", kind="input", unit=source), target)
    assert isinstance(node, Convert)
    return node


@cache
def tool(node: Convert) -> Any:
    """The conversion as generated code."""
    constants = Constants()
    body = render(node, names={("input", "x"): "x"}, constants=constants)
    space: dict[str, Any] = {name: value for name, (value, _) in constants.values.items()}
    exec("def tool(x):\n" + "\n".join(body.lines), space)
    return space["tool"]


def in_sql(node: Convert, values: list[Decimal]) -> list[Decimal]:
    sql = compile_sql(node, {"x": ColumnType(20, 7)}, decimals=DIGITS)
    assert sql.exact
    rows = ", ".join(f"({place}, CAST('{value:f}' AS DECIMAL(20,7)))" for place, value in enumerate(values))
    with duckdb.connect() as connection:
        sql.prepare(connection)
        query = sql.select(f"(VALUES {rows}) AS t(place, x)", how="how")
        answers = connection.execute(f"SELECT value, how FROM ({query}) ORDER BY place").fetchall()
    assert {how for _, how in answers} == {"sql"}
    return [value for value, _ in answers]


@pytest.mark.parametrize("pair", CONVERSIONS, ids="_".join)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_every_back_end_gives_the_exact_fraction_rounded_half_even(pair: tuple[str, str], data: st.DataObject) -> None:
    fraction, tie = CONVERSIONS[pair]
    on_ties = st.integers(0, 10**4).map(lambda k: Decimal(tie) * (2 * k + 1))
    elsewhere = st.decimals(0, 10**9, places=7, allow_nan=False, allow_infinity=False)
    values = data.draw(st.lists(on_ties, min_size=1, max_size=10)) + data.draw(st.lists(elsewhere, max_size=10))
    assert (Fraction(values[0]) * fraction * 10**DIGITS % 1).denominator in {1, 2}
    node = convert(*pair)
    expected = [Decimal(round(Fraction(value) * fraction * 10**DIGITS)).scaleb(-DIGITS) for value in values]
    with decimals.calculation():
        in_code = [decimals.round_output(tool(node)(value), DIGITS) for value in values]
    assert in_code == expected
    assert [decimals.round_output(evaluate(node, {"x": v}, {}), DIGITS) for v in values] == expected  # type: ignore[arg-type]
    assert [answer(node, {"x": value}, decimals=DIGITS) for value in values] == expected
    assert in_sql(node, values) == expected


@pytest.mark.parametrize(
    ("source", "target", "times", "over"),
    [
        ("kWh", "MJ", "3.6", "1"),
        ("MJ", "kWh", "1", "3.6"),
        ("min", "h", "1", "60"),
        ("h", "min", "60", "1"),
        ("m^2", "ft^2", "1", "0.09290304"),
        ("mmBtu", "kWh", "52752792631", "180000000"),
        ("degF", "K", "1", "1.8"),
    ],
)
def test_a_factor_is_multiplied_and_divided_by_decimals(source: str, target: str, times: str, over: str) -> None:
    assert terms(units.conversion(source, target)[0]) == (Decimal(times), Decimal(over))


def test_a_factor_that_no_fraction_stands_behind_stays_a_factor() -> None:
    pi = Decimal("3.141592653589793238462643383279503")
    assert terms(pi) == (pi, 1)


@given(st.integers(1, 10**15), st.integers(1, 10**14))
def test_the_terms_are_the_fraction(numerator: int, denominator: int) -> None:
    factor = decimals.CONTEXT.divide(Decimal(numerator), Decimal(denominator))
    times, over = terms(factor)
    assert Fraction(times) / Fraction(over) == ratio(factor) == Fraction(numerator, denominator)
    with decimals.calculation():
        assert scaled(Decimal(denominator), factor) == numerator


def test_the_constants_say_what_they_are() -> None:
    def code(source: str, target: str) -> tuple[str, dict[str, tuple[Decimal, str]]]:
        constants = Constants()
        lines = render(convert(source, target), names={("input", "x"): "x"}, constants=constants).lines
        return "\n".join(lines).strip(), constants.values

    assert code("min", "h") == ("return x / MIN_PER_H", {"MIN_PER_H": (Decimal(60), "1 h in min")})
    assert code("h", "min") == ("return x * MIN_PER_H", {"MIN_PER_H": (Decimal(60), "1 h in min")})
    assert code("mmBtu", "kWh") == (
        "return x * KWH_PER_MMBTU_NUMERATOR / KWH_PER_MMBTU_DENOMINATOR",
        {
            "KWH_PER_MMBTU_NUMERATOR": (Decimal(52752792631), "1 mmBtu in kWh, an exact ratio: its numerator"),
            "KWH_PER_MMBTU_DENOMINATOR": (Decimal(180000000), "1 mmBtu in kWh, an exact ratio: its denominator"),
        },
    )
