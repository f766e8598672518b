"""Rendered Python gives what the reference evaluator gives, to the last digit."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from greenlang_sdk import decimals
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.errors import CalculationError
from greenlang.factory.constants import Constants
from greenlang.factory.identifiers import RESERVED, identifier
from greenlang.factory.render import render
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.tree import (
    Arithmetic,
    Call,
    Compare,
    Convert,
    If,
    Logic,
    Lookup,
    Name,
    Negate,
    Node,
    Not,
    Number,
    Sum,
    SystemValue,
    TableCall,
)

NAMES = {("input", n): n for n in ("a", "b", "a_rather_long_name_of_an_input_that_fills_lines")}
VALUES = st.decimals(min_value=-50, max_value=50, allow_nan=False, allow_infinity=False, places=3)
ZERO = Number(value=Decimal(0))
TABLES = {"t": {("1",): Decimal("0.7")}, "u": {(): Decimal("2.5")}}


def numeric() -> st.SearchStrategy[Node]:
    leaves: st.SearchStrategy[Node] = st.one_of(
        st.sampled_from([Name(name=n, kind="input", unit="1") for _, n in NAMES]),
        st.sampled_from(["0", "1", "2", "-3", "0.25", "1000000", "1.1E-7"]).map(lambda t: Number(value=Decimal(t))),
        st.just(Lookup(table="u")),
    )
    return st.recursive(leaves, _grow, max_leaves=25)


def _grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    compare = st.builds(
        lambda o, x, y: Compare(op=o, left=x, right=y), st.sampled_from(["<", "<=", "==", "!=", ">"]), inner, inner
    )
    truth = st.one_of(
        compare,
        compare.map(lambda c: Not(operand=c)),
        st.builds(lambda o, x, y: Logic(op=o, left=x, right=y), st.sampled_from(["and", "or"]), compare, compare),
    )
    return st.one_of(
        st.builds(
            lambda o, x, y: Arithmetic(op=o, left=x, right=y), st.sampled_from(["+", "-", "*", "/"]), inner, inner
        ),
        inner.map(lambda x: Negate(operand=x)),
        st.builds(
            lambda f, xs: Call(function=f, arguments=tuple(xs)),
            st.sampled_from(["min", "max"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        inner.map(lambda x: Call(function="abs", arguments=(x,))),
        inner.map(lambda x: Call(function="sqrt", arguments=(x,))),
        inner.map(lambda x: Arithmetic(op="**", left=x, right=Number(value=Decimal(2)))),
        inner.map(lambda x: Convert(operand=x, source_unit="kWh", unit="MJ", factor=Decimal("3.6"))),
        inner.map(
            lambda x: Convert(operand=x, source_unit="degF", unit="K", factor=Decimal("0.55"), shift=Decimal("255.37"))
        ),
        st.builds(lambda c, x, y: If(condition=c, then=x, otherwise=y), truth, inner, inner),
    )


def run(node: Node, values: Mapping[str, Decimal]) -> Any:
    constants = Constants()
    body = render(node, names=NAMES, constants=constants)
    source = f"def tool({', '.join(NAMES.values())}):\n" + "\n".join(body.lines)
    space: dict[str, Any] = {
        "Decimal": Decimal,
        "lookup": lambda table, *keys: TABLES[table][tuple(map(decimals.normal_text, keys))],
        **{f: getattr(decimals, f) for f in body.functions},
        **{name: value for name, (value, _) in constants.values.items()},
    }
    exec(source, space)
    with decimals.calculation():
        return space["tool"](**values)


@settings(max_examples=400, deadline=None)
@given(numeric(), st.tuples(VALUES, VALUES, VALUES))
def test_rendered_code_agrees_with_the_evaluator(node: Node, drawn: tuple[Decimal, ...]) -> None:
    values = dict(zip(NAMES.values(), drawn, strict=True))
    try:
        expected = evaluate(node, values, TABLES)
    except CalculationError:
        expected = None
    try:
        actual = run(node, values)
    except decimals.CalculationError:
        actual = None
    assert actual == expected
    assert actual is None or isinstance(actual, Decimal)


def show(node: Node) -> str:
    return "\n".join(line.strip() for line in render(node, names=NAMES, constants=Constants()).lines)


def name(text: str) -> Name:
    return Name(name=text, kind="input", unit="1")


def op(sign: str, left: Node, right: Node) -> Arithmetic:
    return Arithmetic(op=sign, left=left, right=right)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (op("*", op("+", name("a"), name("b")), Number(value=Decimal(2))), "return (a + b) * 2"),
        (op("+", op("*", name("a"), name("b")), Number(value=Decimal("0.5"))), 'return a * b + Decimal("0.5")'),
        (op("*", name("a"), op("*", name("b"), name("a"))), "return a * (b * a)"),
        (op("-", name("a"), op("-", name("b"), name("a"))), "return a - (b - a)"),
        (op("/", Number(value=Decimal(1)), Number(value=Decimal(3))), "return Decimal(1) / 3"),
        (Number(value=Decimal(7)), "return Decimal(7)"),
        (op("**", name("a"), Number(value=Decimal(2))), "return power(a, Decimal(2))"),
        (Lookup(table="t", inputs=("a",)), 'return lookup("t", a)'),
        (op("*", name("a"), Lookup(table="t", inputs=("a",))), 't = lookup("t", a)\nreturn a * t'),
        (
            If(condition=Compare(op=">", left=name("a"), right=ZERO), then=Lookup(table="u"), otherwise=name("b")),
            'return lookup("u") if a > 0 else b',
        ),
    ],
)
def test_code_reads_as_a_person_would_write_it(node: Node, text: str) -> None:
    assert show(node) == text


def test_a_lookup_in_a_branch_not_taken_is_not_needed() -> None:
    never = Lookup(table="t", inputs=("b",))
    node = If(condition=Compare(op=">", left=name("a"), right=ZERO), then=name("a"), otherwise=never)
    assert run(node, dict.fromkeys(NAMES.values(), Decimal(5))) == 5


def test_a_scale_with_a_shift_that_is_too_long_for_a_line_is_taken_apart() -> None:
    long = name("a_rather_long_name_of_an_input_that_fills_lines")
    node = Convert(
        operand=Negate(operand=op("**", long, Number(value=Decimal(2)))),
        source_unit="degF",
        unit="K",
        factor=Decimal("0.55"),
        shift=Decimal("255.37"),
    )
    lines = show(node).splitlines()
    assert lines[-1] == "return amount * K_PER_DEGF + K_AT_ZERO_DEGF"


def test_two_conversions_of_one_name_stay_apart() -> None:
    constants = Constants()
    assert constants.factor("t", "kg", Decimal(1000)) == "KG_PER_T"
    assert constants.factor("t", "kg", Decimal(1000)) == "KG_PER_T"
    assert constants.factor("t", "kg", Decimal("907.18474")) == "KG_PER_T_2"
    assert constants.factor("gCO2/kWh", "kgCO2/mmBtu", Decimal(1)).isidentifier()
    assert constants.shift("degC", "K", Decimal("273.15")) == "K_AT_ZERO_DEGC"


@pytest.mark.parametrize(
    ("source", "target", "name", "comment"),
    [
        ("%", "1", "ONE_PER_PERCENT", "1 % as a plain number"),
        ("1", "%", "PERCENT_PER_ONE", "1 in %"),
        ("ppm", "1", "ONE_PER_PPM", "1 ppm as a plain number"),
        ("ppm", "%", "PERCENT_PER_PPM", "1 ppm in %"),
        ("1/h", "1/s", "H_PER_S", "1 s in h"),
        ("%/h", "1/h", "ONE_PER_PERCENT", "1 % as a plain number"),
        ("1/K", "1/degF", "K_PER_DEGF", "a step of 1 degF in K"),
        ("1/°C", "1/K", "DEGC_PER_K", "1 K in degC"),
        ("m³", "l", "L_PER_M3", "1 m**3 in l"),
        ("µg", "kg", "KG_PER_UG", "1 µg in kg"),
        ("s^-1", "1/h", "PER_H_PER_S_NEG1", "1 s^-1 in 1/h"),
        ("kg", "100 kg", "N100_KG_PER_KG", "1 kg in 100 kg"),
        ("", "%", "PERCENT_PER_ONE", "1 in %"),
    ],
)
def test_a_conversion_constant_has_a_name_that_reads(source: str, target: str, name: str, comment: str) -> None:
    constants = Constants()
    made = constants.factor(source, target, Decimal("0.5"))
    ast.parse(f"{made} = 1")
    assert (made, constants.values[made][1]) == (name, comment)
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", made)


@pytest.mark.parametrize(
    ("source", "target", "name"),
    [("degC", "K", "K_AT_ZERO_DEGC"), ("°C", "°F", "DEGF_AT_ZERO_DEGC"), ("1", "%", "PERCENT_AT_ZERO_ONE")],
)
def test_a_shift_between_scales_has_a_name_that_reads(source: str, target: str, name: str) -> None:
    assert Constants().shift(source, target, Decimal(1)) == name


def test_a_system_value_is_no_tool() -> None:
    with pytest.raises(TypeError):
        show(SystemValue(what="provenance"))


@pytest.mark.parametrize("wish", ["lambda", "model_dump", "copy", "_x", "2nd", "a-b", "l", "Decimal", "été", "min", ""])
def test_any_name_becomes_a_legal_one(wish: str) -> None:
    made = identifier(wish)
    assert made.isidentifier()
    assert made.isascii()
    assert not made.startswith("_")
    assert made not in RESERVED
    ast.parse(f"{made} = 1")
    assert identifier(wish, [made]) != made


ROWS = TableCall(table="mcf", column="fraction", select=(("system", Name(name="kind", kind="input", type="text")),))


def test_a_value_of_a_parameter_table_is_a_lookup_by_its_keys() -> None:
    names = {("input", "kind"): "kind_", ("input", "a"): "a"}
    body = render(op("*", name("a"), ROWS), names=names, constants=Constants())
    assert body.lines == ['    return a * lookup("mcf.fraction", kind_)']
    assert body.looks_up


def fuels(text: str) -> Name:
    return Name(name=f"fuels.{text}", kind="column", unit="1")


SUMMED = {("input", "fuels"): "fuels", ("input", "a"): "a", ("input", "row"): "row"}


def total(node: Node) -> str:
    return "\n".join(line.strip() for line in render(node, names=SUMMED, constants=Constants()).lines)


def test_a_sum_over_rows_is_one_call_of_the_runtime() -> None:
    short = Sum(table="fuels", body=op("*", fuels("mass"), fuels("class")))
    assert total(short) == "return sum_over(fuels, lambda row_2: row_2.mass * row_2.class_)"
    constant = Sum(table="fuels", body=Number(value=Decimal(1)))
    assert total(constant) == "return sum_over(fuels, lambda row_2: Decimal(1))"
    body = render(op("/", short, name("a")), names=SUMMED, constants=Constants())
    assert body.functions == {"sum_over"}


def test_what_a_row_holds_stays_inside_the_sum_however_long_it_is() -> None:
    term: Node = fuels("a_rather_long_name_of_a_column")
    for column in ("another_long_name_of_a_column", "a_third_long_name_of_a_column"):
        term = op("*", term, fuels(column))
    lines = render(op("+", Sum(table="fuels", body=term), name("a")), names=SUMMED, constants=Constants()).lines
    source = "def tool(fuels, a):\n" + "\n".join(lines)

    class Row:
        a_rather_long_name_of_a_column = Decimal(2)
        another_long_name_of_a_column = Decimal(3)
        a_third_long_name_of_a_column = Decimal(5)

    space: dict[str, Any] = {"sum_over": decimals.sum_over}
    exec(source, space)
    assert space["tool"]([Row(), Row()], Decimal(1)) == 61


def test_a_lookup_inside_a_sum_is_made_for_each_row_only() -> None:
    body = op("*", fuels("mass"), Lookup(table="t", inputs=("a",)))
    assert total(Sum(table="fuels", body=body)) == 'return sum_over(fuels, lambda row_2: row_2.mass * lookup("t", a))'
