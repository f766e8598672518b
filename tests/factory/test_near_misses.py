"""Vectors that tell a formula from its near misses lie where the slip shows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.factory.generate import generate
from greenlang.factory.near_misses import Inputs, near_misses, telling, tie
from greenlang.formulas.tree import Compare, If, Name, Number
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import InputSpec, OutputSpec
from tests.factory.conftest import BUILDERS, number, op, plan, spec
from tests.factory.conftest import given as named

FLAT = sorted(set(BUILDERS) - {"toolbox"})


def one(tree: object, *, decimals: int = 2, **limits: Decimal) -> Resolution:
    """An agent ``y = tree(x)`` with one vector at x = 1."""
    return Resolution(
        spec=spec("x/one", [InputSpec("x", "float64", **limits)], [OutputSpec("y", "float64")]),  # type: ignore[arg-type]
        plans={"y": plan("y", tree, "y", decimals)},  # type: ignore[arg-type]
        order=("y",),
        lookups={},
        vectors=(Vector("one", "golden", {"x": Decimal(1)}, {"y": "1"}),),
    )


def bases(resolution: Resolution) -> list[Inputs]:
    return [dict(v.input) for v in resolution.vectors if not v.error]


def test_a_comparison_is_tried_where_both_sides_are_equal() -> None:
    step = If(
        condition=Compare(op=">", left=named("x"), right=number("12.5"), type="truth"),
        then=number("3"),
        otherwise=number("1"),
        unit="1",
    )
    found = telling(one(step), bases(one(step)))
    assert {(str(v.input["x"]), v.expect["y"]) for v in found} >= {("12.5", "1")}
    assert any(v.expect["y"] == "3" for v in found)  # the other case as well


def test_a_year_is_tried_on_a_threshold_and_behind_it() -> None:
    year = replace(named("x"), type="number")
    step = If(
        condition=Compare(op="<", left=year, right=number("2035"), type="truth"),
        then=number("3"),
        otherwise=number("1"),
        unit="1",
    )
    resolution = one(step, ge=Decimal(2020), le=Decimal(2050))
    x = replace(resolution.spec.inputs["x"], dtype="int32")
    start = Vector("one", "golden", {"x": 2024}, {"y": "3"})
    whole = replace(resolution, spec=replace(resolution.spec, inputs={"x": x}), vectors=(start,))
    found = {v.input["x"]: v.expect["y"] for v in telling(whole, bases(whole))}
    assert found[2035] == "1"
    assert all(isinstance(value, int) for value in found)


def test_a_flag_is_turned_where_a_case_hangs_on_it() -> None:
    flag = Name(name="flag", kind="input", type="truth")
    step = If(condition=flag, then=number("3"), otherwise=number("1"), unit="1")
    resolution = one(step)
    inputs = {"x": InputSpec("x", "float64"), "flag": InputSpec("flag", "bool", required=False, default=False)}
    asked = replace(resolution, spec=replace(resolution.spec, inputs=inputs))
    assert {v.expect["y"] for v in telling(asked, bases(asked))} == {"3"}


def test_both_arms_of_a_minimum_are_tried(heat_pump: Resolution) -> None:
    given_ = bases(heat_pump)
    found = telling(heat_pump, given_)
    assert any(v.expect["cop"] == "5" for v in found)  # held back by the cap
    assert any(v.input["lambda"] == v.input["sink"] for v in found)


@settings(max_examples=40)
@given(factor=st.decimals(min_value="0.001", max_value=5000, places=3), decimals=st.integers(0, 9))
def test_a_tie_is_one_that_half_up_rounds_otherwise(factor: Decimal, decimals: int) -> None:
    resolution = one(op("*", named("x"), Number(value=factor, unit="1")), decimals=decimals)
    found = tie(resolution, "y", bases(resolution))
    assert found is not None
    value = run.outputs(resolution.spec, resolution.plans, resolution.order, {}, found)["y"]
    assert isinstance(value, Decimal)
    digits = Decimal(1).scaleb(-decimals)
    assert Decimal(run.canonical(value, decimals)) != value.quantize(digits, ROUND_HALF_UP)


def test_a_tie_stays_inside_the_limits() -> None:
    resolution = one(op("*", named("x"), number("3")), decimals=1, ge=Decimal(1), le=Decimal("1.0001"))
    assert tie(resolution, "y", bases(resolution)) is None


@pytest.mark.parametrize("name", FLAT)
def test_expected_values_come_from_the_reference_evaluator(name: str) -> None:
    resolution = BUILDERS[name]()
    rows = run.tables(resolution.lookups)
    for vector in telling(resolution, bases(resolution)):
        assert not vector.error
        got = run.outputs(resolution.spec, resolution.plans, resolution.order, rows, vector.input)
        assert {n: run.canonical(v, resolution.plans[n].decimals) for n, v in got.items()} == vector.expect


@pytest.mark.parametrize("name", FLAT)
def test_they_stand_among_the_vectors_of_the_pack(name: str) -> None:
    resolution = BUILDERS[name]()
    cases = json.loads(generate(resolution)["tests/vectors.json"])["vectors"]
    assert sum(case["name"].startswith("told_apart_") for case in cases) >= 1


def test_what_the_vectors_tell_already_is_not_told_again(combustion: Resolution) -> None:
    first = telling(combustion, bases(combustion))
    again = telling(combustion, [*bases(combustion), *(v.input for v in first)])
    assert first
    assert again == []


def test_near_misses_of_a_tree_differ_from_it(heat_pump: Resolution) -> None:
    tree = heat_pump.plans["cop"].expression
    found = [miss for _, miss, _ in near_misses(tree)]
    assert len(found) == 7  # the comparison, two cases, two arms of min and of max
    assert all(miss != tree for miss in found)
