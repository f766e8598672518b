"""Vectors in which every input has moved: what a default or a flag hides shows in them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.factory import limits
from greenlang.factory.cases import case_content, searched
from greenlang.factory.variations import variations
from greenlang.formulas.tree import If, Name, Node
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution, Vector
from greenlang.specs.model import Given, InputSpec, OutputSpec
from tests.factory.conftest import BUILDERS, number, op, plan, spec
from tests.factory.conftest import given as named

FLAT = sorted(set(BUILDERS) - {"toolbox"})


def made(tree: Node, inputs: list[InputSpec], base: dict[str, Given]) -> Resolution:
    return Resolution(
        spec=spec("x/one", inputs, [OutputSpec("y", "float64")]),
        plans={"y": plan("y", tree, "y", 6)},
        order=("y",),
        lookups={},
        vectors=(Vector("one", "golden", base, {"y": "0"}),),
    )


def around(resolution: Resolution) -> dict[str, Vector]:
    bases = [dict(v.input) for v in resolution.vectors if not v.error]
    return {v.name: v for v in variations(resolution, bases)}


def test_a_default_of_zero_hides_no_term() -> None:
    tree = op("*", named("x"), named("rate"))
    rate = InputSpec("rate", "float64", required=False, default=Decimal(0), ge=Decimal(0), le=Decimal(5))
    found = around(made(tree, [InputSpec("x", "float64"), rate], {"x": Decimal(1000)}))
    moved = [v for name, v in found.items() if name.startswith("all_moved")]
    assert len(moved) == 2
    assert all(Decimal(v.expect["y"]) != 0 for v in moved)
    assert len({v.expect["y"] for v in moved}) == 2


def test_a_flag_is_set_and_not_set() -> None:
    flag = Name(name="flag", kind="input", type="truth")
    tree = If(condition=flag, then=named("x"), otherwise=number("1"), unit="1")
    inputs = [InputSpec("x", "float64"), InputSpec("flag", "bool", required=False, default=False)]
    found = around(made(tree, inputs, {"x": Decimal(1000)}))
    assert {found[f"all_moved_{turn}"].input["flag"] for turn in (1, 2)} == {True, False}


def test_two_inputs_alike_come_apart() -> None:
    tree = op("/", named("a"), named("b"))
    resolution = made(tree, [InputSpec("a", "float64"), InputSpec("b", "float64")], {"a": Decimal(7), "b": Decimal(7)})
    assert all(v.expect["y"] != "1" for name, v in around(resolution).items() if name.startswith("all_moved"))


def test_what_has_no_answer_is_no_vector() -> None:
    tree = op("/", named("x"), op("-", named("x"), named("x")))
    assert around(made(tree, [InputSpec("x", "float64")], {"x": Decimal(3)})) == {}


@settings(max_examples=60)
@given(
    low=st.integers(-50, 50),
    width=st.integers(0, 60),
    share=st.integers(0, 100),
    dtype=st.sampled_from(["float64", "int32"]),
)
def test_a_moved_number_stays_inside_its_limits(low: int, width: int, share: int, dtype: str) -> None:
    x = InputSpec("x", dtype, ge=Decimal(low), le=Decimal(low + width))  # type: ignore[arg-type]
    base = Decimal(low + width * share // 100)
    for vector in around(made(named("x"), [x], {"x": base})).values():
        value = vector.input["x"]
        assert isinstance(value, (Decimal, int))
        assert limits.fits(x, Decimal(value))
        assert dtype == "float64" or isinstance(value, int)


@pytest.mark.parametrize("name", FLAT)
def test_expected_values_come_from_the_reference_evaluator(name: str) -> None:
    resolution = BUILDERS[name]()
    found = around(resolution)
    assert found
    rows = run.tables(resolution.lookups)
    for vector in found.values():
        got = run.outputs(resolution.spec, resolution.plans, resolution.order, rows, vector.input)
        assert {n: run.canonical(v, resolution.plans[n].decimals) for n, v in got.items()} == dict(vector.expect)


def test_the_search_is_made_once_for_one_resolution_and_anew_for_another() -> None:
    one = BUILDERS["combustion"]()
    assert searched(one) is searched(one)
    fewer = replace(one, vectors=one.vectors[:1])
    assert searched(fewer) is not searched(one)
    plans = {name: replace(plan, decimals=(plan.decimals or 0) + 1) for name, plan in one.plans.items()}
    assert searched(replace(one, plans=plans)) is not searched(one)


def test_the_search_is_made_once_for_all_that_differ_in_words_alone() -> None:
    one = BUILDERS["combustion"]()
    spec = replace(one.spec, agent_id="other/name", name="Other", summary="Other words.", digest="0" * 64)
    assert searched(replace(one, spec=spec)) is searched(one)


def test_vectors_go_with_the_search() -> None:
    one = BUILDERS["combustion"]()
    names = [v["name"] for v in case_content(one, {name: name for name in one.lookups})["vectors"]]
    assert names[len(one.vectors) :] == [v.name for v in searched(one)]
