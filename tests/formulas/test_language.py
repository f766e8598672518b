"""The expression language: what parses, what is refused where, and what comes out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.errors import CalculationError, FormulaError
from greenlang.formulas.check import Scope, Symbol, check, fit
from greenlang.formulas.evaluate import Value, evaluate
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tree import Convert, walk

SCOPE = Scope(
    {
        "energy": Symbol("energy", "input", "number", "kWh"),
        "heat": Symbol("heat", "input", "number", "MJ"),
        "data": Symbol("data", "input", "number", "GB"),
        "mass": Symbol("mass", "input", "number", "kg"),
        "hot": Symbol("hot", "input", "number", "degC"),
        "cold": Symbol("cold", "input", "number", "degC"),
        "share": Symbol("share", "input", "number", "%"),
        "drop": Symbol("drop", "input", "number", "ft"),
        "x": Symbol("x", "input", "number", "1"),
        "y": Symbol("y", "input", "number", "1"),
        "fuel": Symbol("fuel", "input", "text"),
        "on": Symbol("on", "input", "truth"),
    }
)


def run(text: str, unit: str | None = None, **values: Value) -> Value:
    tree = check(parse(text), SCOPE, source=text)
    return evaluate(fit(tree, unit) if unit else tree, values, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("2 ** 3 ** 2", "512"),
        ("-2 ** 2", "-4"),
        ("2 ^ -1", "0.5"),
        ("7 − 2 − 1", "4"),
        ("6 ÷ 3 × 2", "4"),
        ("1e3 + .5", "1000.5"),
        ("min(3, 1, 2) + max(1, 5) + abs(-4)", "10"),
        ("sqrt(9)", "3"),
        ("log10(1000)", "3"),
        ("round(2.345, 2) + round(2.5, 0) + round(-150, -2)", "-195.66"),
        ("round(-(1 + 0.5), 0)", "-2"),
        ("if(1 < 2 and not (3 >= 4), 10, 20)", "10"),
        ("if(0 < 1 < 2, 1, 0)", "1"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert run(text) == Decimal(value)


def test_units_convert_visibly() -> None:
    tree = check(parse("energy + heat"), SCOPE)
    assert [n.source_unit for n in walk(tree) if isinstance(n, Convert)] == ["MJ"]
    assert run("energy + heat", "kWh", energy=Decimal(1), heat=Decimal("3.6")) == 2


def test_a_computed_literal_has_a_unit() -> None:
    assert run("mass * (44/12) [kgCO2/kg]", "kgCO2", mass=Decimal(3)) == 11
    assert run("mass / (1 - 0.5) [kg]", "1", mass=Decimal(3)) == 6


def test_celsius_becomes_kelvin_before_arithmetic() -> None:
    assert run("hot / (hot - cold)", "1", hot=Decimal(80), cold=Decimal(10)) == Decimal("353.15") / 70


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("if(share > 20, 1, 0)", "1"),
        ("if(share > 0, 1, 0)", "1"),
        ("if(share <= 1 [1], 1, 0)", "1"),
        ("if(share <= 1 [%], 1, 0)", "0"),
        ("1 - share", "0.75"),
        ("min(1, share)", "0.25"),
        ("max(0, share)", "0.25"),
        ("100 [%] - share", "0.75"),
    ],
)
def test_a_bare_number_beside_a_percentage_has_one_meaning(text: str, value: str) -> None:
    assert run(text, "1", share=Decimal(25)) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["share <= 1", "0.5 < share", "-1 < share", "100 - share", "min(share, 100)", "2 + share"]
)
def test_a_bare_number_beside_a_percentage_that_could_be_either_is_refused(text: str) -> None:
    with pytest.raises(FormulaError, match=r"`share` is in %, so a bare .* can be read in two ways: write .* \[%\] or"):
        check(parse(text), SCOPE)


def test_a_root_is_in_whole_units_where_there_are_such() -> None:
    tree = check(parse("sqrt(2 * 9.81 [m/s^2] * drop)"), SCOPE)
    assert tree.unit == "meter/second"
    speed = run("sqrt(2 * 9.81 [m/s^2] * drop)", "m/s", drop=Decimal(10))
    assert isinstance(speed, Decimal)
    assert abs(speed**2 - Decimal("59.80176")) < Decimal("1e-30")
    assert check(parse("sqrt(energy)"), SCOPE).unit == "kilowatt_hour**0.5"


def test_text_and_truth() -> None:
    assert run('if(fuel == "gas", 1, 2)', fuel="gas") == 1
    assert run("if(on, 1, 2)", on=False) == 2


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("energy + data", "cannot add kWh and GB in `energy + data`", 7),
        ("energy - mass", "cannot subtract kWh and kg in `energy − mass`", 7),
        ("energy + 1", "cannot add kWh and a pure number in `energy + 1`", 7),
        ("max(energy, mass)", "`max(energy, mass)` mixes kWh and kg", 0),
        ("exp(energy)", "`exp` takes a pure number, not kWh: `exp(energy)`", 0),
        ("energy ** x", "kWh can only be raised to a written number, in `energy ^ x`", 7),
        ("2 ** energy", "an exponent is a pure number, not kWh, in `2 ^ energy`", 2),
        ("enrgy * 2", "`enrgy` is neither an input nor an output; did you mean `energy`?", 0),
        ("fuel * 2", "`fuel` is no number", 0),
        ("if(x, 1, 2)", "`x` is neither true nor false", 3),
        ('fuel < "a"', '`fuel < "a"`: only numbers have an order', 5),
        ("3 [foo]", "unit `foo` is unknown", 0),
        ("log10(energy)", "`log10` takes a pure number, not kWh: `log10(energy)`", 0),
        ("round(x, 1.5)", "`round(x, 1.5)`: the digits after the point are a written whole number up to 30", 9),
        ("round(x, y)", "`round(x, y)`: the digits after the point are a written whole number up to 30", 9),
        ("round(hot, 1)", "`round(hot, 1)`: degC has a shifted zero, so this has no meaning; use K", 0),
        ("sum(x, 1)", "`x` is no table: `sum` goes over the rows of a table input", 0),
        ("1 [kgCO2] + 1 [kgCO2b]", "cannot add kgCO2 and kgCO2b in `1 kgCO2 + 1 kgCO2b`", 10),
        ("1 [kgCH4f] + 1 [kgCH4b]", "cannot add kgCH4f and kgCH4b in `1 kgCH4f + 1 kgCH4b`", 11),
        ("1 [kgCO2] + 1 [kg]", "cannot add kgCO2 and kg in `1 kgCO2 + 1 kg`", 10),
    ],
)
def test_meaning_is_checked_when_compiled(text: str, message: str, offset: int) -> None:
    with pytest.raises(FormulaError) as caught:
        check(parse(text), SCOPE, source=text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("", "expected a number, a name or `(`, found the end", 0),
        ("1 +", "expected a number, a name or `(`, found the end", 3),
        ("(1", "expected `)`, found the end", 2),
        ("1 2", "unexpected `2`", 2),
        ("a ; b", "unexpected character `;`", 2),
        (
            "foo(1)",
            "unknown function `foo`; there are abs, exp, factor, if, ln, log10, max, min, round, sqrt, sum, table",
            0,
        ),
        ("min(1)", "`min` takes 2 or more argument(s), not 1", 0),
        ("if(1, 2)", "`if` takes 3 arguments, not 2", 0),
        ("if + 1", "`if` is a word of the language, not a name", 0),
        (
            "x * 44 / 12 [kgCO2/kg]",
            "`44 / 12 [kgCO2/kg]` can be read in two ways: write (44/12) [kgCO2/kg] or 44 / (12 [kgCO2/kg])",
            7,
        ),
        ("(x) [kg]", "only a number can be given a unit: 3.6 [MJ/kWh] or (44/12) [kgCO2/kg]", 4),
        (
            'table(mcf, "a", k = x)',
            '`table` starts with the name of a table in quotes: table("name", "column", ...)',
            6,
        ),
        ('table("mcf", "a")', '`table` needs its keys: table("name", "column", key = kind)', 0),
        ("sum(t.a, 1)", "`sum` starts with a table input: sum(fuels, fuels.mass * fuels.ef)", 4),
        ("(" * 100 + "1" + ")" * 100, "nested more than 60 levels deep", 60),
    ],
)
def test_what_does_not_parse(text: str, message: str, offset: int) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


@pytest.mark.parametrize("text", ["1 / (x - x)", "sqrt(0 - x)", "ln(x - x)", "exp(x * 1e9)", "(0 - x) ** 0.5"])
def test_no_answer_is_an_error_never_a_guess(text: str) -> None:
    with pytest.raises(CalculationError):
        run(text, x=Decimal(1))


_NUMBERS = st.decimals(min_value=-1000, max_value=1000, places=3, allow_nan=False)


@given(
    st.recursive(
        st.sampled_from(["x", "y", "2", "0.5"]),
        lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        max_leaves=12,
    ),
    _NUMBERS,
    _NUMBERS,
)
def test_agrees_with_python_and_survives_being_shown(text: str, x: Decimal, y: Decimal) -> None:
    from greenlang_sdk import decimals

    with decimals.calculation():
        expected = eval(text, {"x": x, "y": y, "__builtins__": {}}) if "." not in text else None  # our own text
    got = run(text, x=x, y=y)
    shown = show(parse(text))
    assert run(shown, x=x, y=y) == got
    if expected is not None:
        assert got == expected


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parse(text)
    except FormulaError as error:
        assert 0 <= error.offset <= len(text)


class TestTemperatures:
    def test_a_bare_number_beside_celsius_is_in_celsius(self) -> None:
        assert run("if(hot > 20, 1, 2)", hot=Decimal(10)) == 2
        assert run("if(hot > 20, 1, 2)", hot=Decimal(30)) == 1
        assert run("max(0, hot)", "degC", hot=Decimal(-10)) == 0

    def test_a_difference_is_no_temperature(self) -> None:
        assert run("hot - cold", "K", hot=Decimal(60), cold=Decimal(40)) == 20
        with pytest.raises(FormulaError, match="is a difference of temperatures, not a temperature in degC"):
            run("hot - cold", "degC", hot=Decimal(60), cold=Decimal(40))

    def test_a_temperature_plus_a_difference_is_a_temperature(self) -> None:
        assert run("hot + (hot - cold)", "degC", hot=Decimal(60), cold=Decimal(40)) == 80

    @pytest.mark.parametrize("text", ["-hot", "abs(hot)"])
    def test_a_shifted_zero_has_no_negative(self, text: str) -> None:
        with pytest.raises(FormulaError, match="has a shifted zero"):
            run(text, hot=Decimal(1))


def test_text_between_quotes_stays_as_it_is() -> None:
    assert run('if(fuel == "Diesel – B7 × 2", 1, 2)', fuel="Diesel – B7 × 2") == 1


def test_a_value_that_an_enum_does_not_have_is_a_slip() -> None:
    scope = Scope({"fuel": Symbol("fuel", "input", "text", enum=("natural_gas", "coal"))})
    with pytest.raises(FormulaError, match='`fuel` can never be "naturalgas"; did you mean `natural_gas`'):
        check(parse('fuel == "naturalgas"'), scope)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e99999999999999999999", "a number of this size is no measurement"),
        ("1" * 100, "a number of this size is no measurement"),
        ("+".join(["x"] * 400), "more than 150 operations hang together"),
    ],
)
def test_sizes_are_bounded(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        parse(text)
