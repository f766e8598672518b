"""Shares by basis: numbers as the plain evaluator has them, sums that fit, unlike bases refused or disclosed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.calc.basis import ANY, MIXED, Evaluator, Tagged, allowed, shares_of
from greenlang.calc.mistakes import Refused
from greenlang.errors import CalculationError
from greenlang.formulas.check import Scope, Symbol, check
from greenlang.formulas.evaluate import evaluate
from greenlang.formulas.parse import parse
from greenlang.formulas.tree import Node

SCOPE = Scope(
    {
        **{name: Symbol(name, "input", "number", "kgCO2e") for name in ("a", "b", "c")},
        **{name: Symbol(name, "input", "number", "1") for name in ("x", "y")},
        "rows": Symbol(
            "rows",
            "input",
            "table",
            columns=(Symbol("rows.e", "column", "number", "kgCO2e"), Symbol("rows.n", "column", "number", "1")),
        ),
    }
)


def tree(text: str) -> Node:
    return check(parse(text), SCOPE, source=text)


def tagged(value: object, basis: str) -> Tagged:
    number = Decimal(str(value))
    return Tagged(number, {basis: number})


def evaluator(policy: str = "", **values: Any) -> Evaluator:
    plain = {"a": tagged(2, "AR4"), "b": tagged(3, "AR5"), "c": tagged(5, "AR5"), "x": Tagged(Decimal(7))}
    return Evaluator({**plain, **values}, policy=policy)


# Expressions by kind: CO2e, pure numbers, truths. Products of two CO2e are left to cases of their own.
LEAVES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.sampled_from(["x", "y", "2", "0.5", "3"])


def _co2e(inner: Any) -> Any:
    emissions, numbers, truths = (inner[kind] for kind in ("e", "n", "t"))
    return st.one_of(
        LEAVES,
        st.builds("({} {} {})".format, emissions, st.sampled_from("+-"), emissions),
        st.builds("({} * {})".format, emissions, numbers),
        st.builds("({} * {})".format, numbers, emissions),
        st.builds("({} / {})".format, emissions, numbers),
        st.builds("(-{})".format, emissions),
        st.builds("abs({})".format, emissions),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), emissions, emissions),
        st.builds("if({}, {}, {})".format, truths, emissions, emissions),
        st.builds("round({}, 3)".format, emissions),
        st.builds("sum(rows, rows.e * {} + {} - rows.n * {})".format, NUMBERS, LEAVES, LEAVES),
    )


def _numbers(inner: Any) -> Any:
    emissions, numbers = inner["e"], inner["n"]
    return st.one_of(
        NUMBERS,
        st.builds("({} {} {})".format, numbers, st.sampled_from("+-*/"), numbers),
        st.builds("({} / {})".format, emissions, emissions),
        st.builds("sqrt(abs({}))".format, numbers),
        st.builds("(abs({}) ** 0.5)".format, numbers),
        st.builds("max(ln(abs({}) + 1), {})".format, numbers, numbers),
    )


def _truths(inner: Any) -> Any:
    emissions, numbers = inner["e"], inner["n"]
    return st.one_of(
        st.builds("({} {} {})".format, emissions, st.sampled_from(["<", ">=", "=="]), emissions),
        st.builds("({} > {} and not {} < {})".format, numbers, numbers, numbers, numbers),
        st.builds("({} > {} or {} != {})".format, numbers, numbers, numbers, numbers),
    )


def _grown(depth: int) -> dict[str, Any]:
    kinds: dict[str, Any] = {"e": LEAVES, "n": NUMBERS, "t": st.just("x > y")}
    for _ in range(depth):
        kinds = {"e": _co2e(kinds), "n": _numbers(kinds), "t": _truths(kinds)}
    return kinds


EXPRESSIONS = _grown(3)["e"]
VALUES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.lists(VALUES, min_size=5, max_size=5), st.lists(st.tuples(VALUES, VALUES), max_size=3))
def test_the_numbers_are_those_of_the_plain_evaluator(
    text: str, values: list[Decimal], cells: list[tuple[Decimal, Decimal]]
) -> None:
    node = tree(text)
    plain: dict[str, Any] = dict(zip("abcxy", values, strict=True))
    plain["rows"] = [{"e": e, "n": n} for e, n in cells]
    bases = {"a": "AR4", "b": "AR5", "c": "unstated (p/d/v)"}
    given_: dict[str, Any] = {
        n: Tagged(v, {bases[n]: v} if n in bases else {}) for n, v in plain.items() if n != "rows"
    }
    given_["rows"] = [{"e": Tagged(e, {"AR6": e}), "n": Tagged(n)} for e, n in cells]
    try:
        wanted = evaluate(node, plain, {})
    except CalculationError as error:
        with pytest.raises(Refused) as caught:
            Evaluator(given_, policy="disclose-mixed").evaluate(node, "outputs.o")
        assert caught.value.code == error.kind
        return
    got = Evaluator(given_, policy="disclose-mixed").evaluate(node, "outputs.o")
    assert str(got.value) == str(wanted), "the same digits, and the same exponent"


WHOLE = st.integers(min_value=-(10**6), max_value=10**6).map(Decimal)
LINEAR = st.recursive(
    LEAVES,
    lambda e: st.one_of(
        st.builds("({} {} {})".format, e, st.sampled_from("+-"), e),
        st.builds("({} * {})".format, e, st.sampled_from(["2", "0.5", "x"])),
        st.builds("(-abs({}))".format, e),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), e, e),
        st.builds("round({}, 1)".format, e),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(LINEAR, WHOLE, WHOLE, WHOLE, WHOLE)
def test_shares_add_up_to_the_value(text: str, a: Decimal, b: Decimal, c: Decimal, x: Decimal) -> None:
    values = {"a": tagged(a, "AR4"), "b": tagged(b, "AR5"), "c": tagged(c, ANY), "x": Tagged(x)}
    got = Evaluator(values, policy="disclose-mixed").evaluate(tree(text), "outputs.o")
    assert sum(got.shares.values()) == got.value


def test_terms_on_unlike_bases_are_refused_and_named() -> None:
    with pytest.raises(Refused) as caught:
        evaluator().evaluate(tree("a * x + b"), "outputs.total")
    mistake = caught.value.at("")
    assert mistake.code == "mixed_basis"
    assert mistake.place == "outputs.total"
    assert "`a × x` on AR4 (a)" in mistake.message
    assert "`b` on AR5 (b)" in mistake.message
    assert "disclose-mixed" in mistake.mend


@pytest.mark.parametrize("text", ["a - b", "min(a, b)", "a / b", "if(a < b, a, a)", "(a * b) / a"])
def test_every_meeting_of_unlike_bases_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        evaluator().evaluate(tree(text), "outputs.total")
    assert caught.value.code == "mixed_basis"


def test_rows_on_unlike_bases_are_refused_with_the_row() -> None:
    rows = [{"e": tagged(1, "AR4"), "n": Tagged(Decimal(1))}, {"e": tagged(1, "AR5"), "n": Tagged(Decimal(1))}]
    with pytest.raises(Refused) as caught:
        evaluator(rows=rows).evaluate(tree("sum(rows, rows.e)"), "outputs.total")
    assert caught.value.message.startswith("row 2 of rows")


def test_like_bases_add_without_a_policy() -> None:
    got = evaluator().evaluate(tree("b + c"), "outputs.total")
    assert got == Tagged(Decimal(8), {"AR5": Decimal(8)})


def test_a_bare_zero_and_co2_itself_join_every_basis() -> None:
    values = evaluator(x=Tagged(Decimal(7), {ANY: Decimal(7)})).values
    assert evaluator().evaluate(tree("max(0, a)"), "o").shares == {"AR4": 2}
    assert Evaluator(values | {"c": tagged(5, ANY)}).evaluate(tree("a + c"), "o").shares == {"AR4": 2, ANY: 5}


def test_one_kilogram_of_co2_is_one_on_every_basis() -> None:
    text = "10 [kgCO2] * 1 [kgCO2e/kgCO2] + a"
    assert evaluator().evaluate(tree(text), "o").shares == {ANY: 10, "AR4": 2}
    other = evaluator().evaluate(tree("10 [kgCO2] * 1 [tCO2e/tCO2]"), "o")
    assert set(other.shares) == {ANY}


def test_co2e_that_a_formula_writes_itself_is_unstated() -> None:
    got = Evaluator({}, owner="carbon/x").evaluate(tree("2 [kgCO2e]"), "o")
    assert got.shares == {"unstated (carbon/x)": 2}


def test_the_policy_discloses_each_share_and_where_they_met() -> None:
    run = evaluator("disclose-mixed")
    got = run.evaluate(tree("a + b * 2"), "outputs.total")
    assert got == Tagged(Decimal(8), {"AR4": Decimal(2), "AR5": Decimal(6)})
    assert [(m.place, m.expression, m.bases) for m in run.mixings] == [
        ("outputs.total", "a + b × 2", ("AR4", "AR5")),
    ]


def test_unstated_may_join_one_stated_basis_under_its_own_policy() -> None:
    unsaid = tagged(1, "unstated (ademe/base/22)")
    run = evaluator("disclose-unstated", a=unsaid)
    assert run.evaluate(tree("a + b"), "o").value == 4
    with pytest.raises(Refused):
        evaluator("disclose-unstated").evaluate(tree("a + b"), "o")


@pytest.mark.parametrize(
    ("policy", "bases", "may"),
    [
        ("", {"AR4"}, True),
        ("", {"AR4", "AR5"}, False),
        ("", {"unstated (a)", "unstated (b)"}, False),
        ("disclose-unstated", {"unstated (a)", "unstated (b)", "AR5"}, True),
        ("disclose-unstated", {"mixed (a)", "AR5"}, False),
        ("disclose-mixed", {"mixed (a)", "AR5", "AR4"}, True),
    ],
)
def test_what_a_policy_allows(policy: str, bases: set[str], may: bool) -> None:
    assert allowed(policy, frozenset(bases)) is may


def test_shares_that_cannot_be_told_apart_become_one() -> None:
    run = evaluator("disclose-mixed")
    got = run.evaluate(tree("(a + b) * (a + b) / (b + b)"), "o")
    assert got.value == Decimal("4.166666666666666666666666666666667")
    assert got.shares == {MIXED: got.value}


def test_a_ratio_of_like_bases_holds_no_co2e_any_more() -> None:
    assert evaluator().evaluate(tree("b / c"), "o") == Tagged(Decimal("0.6"))


def test_an_arithmetic_error_names_the_innermost_expression() -> None:
    with pytest.raises(Refused) as caught:
        evaluator().evaluate(tree("b + b / (x - 7)"), "outputs.o")
    assert caught.value.code == "division_by_zero"
    assert "`b ÷ (x − 7)` with 3, 0" in caught.value.message


@given(st.lists(st.tuples(st.sampled_from(["AR4", "AR5", ANY]), VALUES), min_size=1, max_size=3), VALUES)
def test_rounded_shares_take_up_the_difference(shares: list[tuple[str, Decimal]], value: Decimal) -> None:
    assert sum(shares_of(value, dict(shares)).values()) == value
