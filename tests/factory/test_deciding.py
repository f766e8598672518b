"""Inputs are found in which each operand decides, wherever an input can make it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice

import pytest

from greenlang.factory.deciding import Inputs, decided, deciding, mixtures, places
from greenlang.factory.near_misses import telling
from greenlang.formulas.evaluate import Value, evaluate
from greenlang.formulas.tree import Call, Compare, If, Logic, Name, Node
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import InputSpec, OutputSpec
from tests.factory.conftest import given, number, op, plan, spec

INPUTS = {"a": 3, "b": 2, "c": 7}
DECLARED = [InputSpec(name, "float64", "kg", ge=Decimal(0), le=Decimal(1000)) for name in INPUTS]


def largest(*parts: Node) -> Node:
    return Call(function="max", arguments=parts, unit="1")


def above(left: Node, right: Node) -> Node:
    return Compare(op=">", left=left, right=right, type="truth")


def either(left: Node, right: Node) -> Node:
    return Logic(op="or", left=left, right=right, type="truth")


def seen(tree: Node, **inputs: int) -> set[tuple[int, bool]]:
    """Operand and truth of what decides, anywhere in the tree."""
    values: dict[str, Value] = {name: Decimal(value) for name, value in inputs.items()}
    return {(place, truth) for _, place, truth in decided(tree, lambda node: evaluate(node, values, {}))}


A, B, C = (given(name, "kg") for name in INPUTS)


@pytest.mark.parametrize(
    ("tree", "inputs", "wanted"),
    [
        (largest(A, B), {"a": 3, "b": 2}, {(0, True)}),
        (largest(A, B), {"a": 2, "b": 3}, {(1, True)}),
        (largest(A, B), {"a": 2, "b": 2}, set()),  # a slip in one of them is hidden by the other
        (op("*", largest(A, B), C), {"a": 3, "b": 2, "c": 0}, set()),  # times zero nothing shows
        (op("*", largest(A, B), C), {"a": 3, "b": 2, "c": 1}, {(0, True)}),
        (either(above(A, B), above(B, C)), {"a": 3, "b": 2, "c": 7}, {(0, True)}),
        (either(above(A, B), above(B, C)), {"a": 9, "b": 8, "c": 7}, set()),  # both are true
        (either(above(A, B), above(B, C)), {"a": 1, "b": 2, "c": 7}, {(0, False), (1, False)}),
        (If(condition=above(A, B), then=A, otherwise=B, unit="kg"), {"a": 1, "b": 2}, {(1, True)}),
    ],
)
def test_what_decides(tree: Node, inputs: dict[str, int], wanted: set[tuple[int, bool]]) -> None:
    assert seen(tree, **inputs) == wanted


def agent(tree: Node) -> Resolution:
    start = Vector("one", "golden", {name: Decimal(value) for name, value in INPUTS.items()}, {"y": "0"})
    return Resolution(
        spec=spec("x/decides", DECLARED, [OutputSpec("y", "float64")]),
        plans={"y": plan("y", tree, "y", 2)},
        order=("y",),
        lookups={},
        vectors=(start,),
    )


def covered(tree: Node, inputs: Iterable[Inputs]) -> set[tuple[int, int, bool]]:
    found: set[tuple[int, int, bool]] = set()
    for one in inputs:
        values: dict[str, Value] = {name: value for name, value in one.items() if not isinstance(value, tuple)}
        found |= set(decided(tree, lambda node, values=values: evaluate(node, values, {})))  # type: ignore[misc]
    return found


def test_each_operand_decides_in_some_vector_however_deep_it_lies() -> None:
    lower = op("-", A, largest(B, op("*", C, number("0.5"))))
    tree = largest(number("0"), lower, op("-", largest(B, C), op("*", A, number("4"))))
    resolution = agent(tree)
    first = [dict(resolution.vectors[0].input)]
    assert covered(tree, first) != set(places(tree))
    found = [dict(vector.input) for vector in telling(resolution, first)]
    assert covered(tree, [*first, *found]) == set(places(tree))


def test_an_operand_that_no_input_lets_decide_ends_the_search() -> None:
    tree = largest(A, op("-", A, number("1")))
    asked: list[Inputs] = []

    def ask(one: Inputs) -> None:
        asked.append(one)

    (start,) = agent(tree).vectors
    known = [(dict(start.input), lambda node: evaluate(node, {n: Decimal(v) for n, v in INPUTS.items()}, {}))]
    assert list(deciding(agent(tree).spec, [tree], known, ask)) == []
    assert 0 < len(asked) < 100


def test_mixtures_stay_within_the_limits_and_are_the_same_each_time() -> None:
    declared = [
        *DECLARED,
        InputSpec("n", "int32", ge=Decimal(1), le=Decimal(9)),
        InputSpec("fuel", "string", enum=("gas", "oil")),
        InputSpec("on", "bool"),
    ]
    base: Inputs = {name: Decimal(value) for name, value in INPUTS.items()}
    base |= {"n": 4, "fuel": "gas", "on": True}
    whole = spec("x/mixed", declared, [OutputSpec("y", "float64")])
    found = list(islice(mixtures(whole, [base]), 60))
    assert found == list(islice(mixtures(whole, [base]), 60))
    assert all(isinstance(one["n"], int) and 1 <= one["n"] <= 9 for one in found)
    assert {one["fuel"] for one in found} == {"gas", "oil"}
    assert {one["on"] for one in found} == {True, False}
    assert all(0 <= Decimal(str(one[name])) <= 1000 for one in found for name in INPUTS)
    assert any(one["a"] == INPUTS["c"] for one in found)  # of one unit: they take each other's place


def test_a_name_decides_nothing_by_itself() -> None:
    assert list(places(Name(name="a", kind="input"))) == []
