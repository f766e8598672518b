"""Test cases of a pack: values that lie where they say they lie, and never a case that is not true."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.testing import Case, answers, fields_of, taken

from greenlang.factory.cases import case_content
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.factory.text import json_lines
from greenlang.formulas.tree import Arithmetic, Call, Compare, Convert, If, Lookup, Name, Node, Number, walk
from greenlang.resolution.plan import FactorLookup, OutputPlan, Resolution, Vector
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec, Property
from greenlang.specs.reader import violates


def made(
    inputs: list[InputSpec],
    expression: Node,
    *,
    agent: str = "x/cases",
    base: dict[str, Any] | None = None,
    properties: tuple[Property, ...] = (),
    outputs: dict[str, tuple[str, Node]] | None = None,
) -> Resolution:
    more = outputs or {}
    units = {"out": "kg"} | {name: unit for name, (unit, _) in more.items()}
    trees = {name: tree for name, (_, tree) in more.items()} | {"out": expression}
    return Resolution(
        spec=AgentSpec(
            "B",
            "0" * 64,
            agent,
            "1.0.0",
            "Cases",
            inputs={i.name: i for i in inputs},
            outputs={n: OutputSpec(n, "float64", unit) for n, unit in units.items()},
            properties=properties,
        ),
        plans={n: OutputPlan(n, "given", tree, n, 6) for n, tree in trees.items()},
        order=tuple(trees),
        lookups={
            n.table: FactorLookup(n.table, n.inputs, "1", {})
            for tree in trees.values()
            for n in walk(tree)
            if isinstance(n, Lookup)
        },
        vectors=(Vector("base", "reference", base, {}),) if base is not None else (),
    )


def content(resolution: Resolution) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json_lines(case_content(resolution, {})))
    return loaded


def given(name: str) -> Name:
    return Name(name=name, kind="input", unit="1")


def op(sign: str, left: Node, right: Node) -> Arithmetic:
    return Arithmetic(op=sign, left=left, right=right)  # type: ignore[arg-type]


def total(names: list[str]) -> Node:
    tree: Node = given(names[0])
    for name in names[1:]:
        tree = op("+", tree, given(name))
    return tree


@pytest.mark.timeout(60)  # it once doubled with each term, or hung
@pytest.mark.parametrize("names", [["a"] * 150, [f"part_{i}" for i in range(150)]], ids=["one-input", "many-inputs"])
def test_a_sum_of_hundreds_of_terms_is_generated_at_once(names: list[str]) -> None:
    own = list(dict.fromkeys(names))
    resolution = made([InputSpec(n, "float64", "kg") for n in own], total(names), base=dict.fromkeys(own, D(1)))
    generate(resolution)


@pytest.mark.timeout(60)  # it once doubled with each term, or hung
def test_conversions_inside_conversions_do_not_double_the_work() -> None:
    tree: Node = given("a")
    for i in range(40):
        tree = Convert(operand=tree, source_unit="g", unit="kg", factor=D("0.001"), shift=D(i % 2))
    generate(made([InputSpec("a", "float64", "g")], tree, base={"a": D(1)}))


def scaling(tree: Node) -> dict[str, str]:
    inputs = [InputSpec(n, "float64", "kg") for n in "abc"]
    found = content(made(inputs, tree, base={n: D(3) for n in "abc"}))["scaling"]
    return {case["input"]: case["times"] for case in found}


A, B, C = map(given, "abc")


@pytest.mark.parametrize(
    ("tree", "times"),
    [
        (op("+", A, A), {"a": "2"}),
        (op("+", A, B), {}),
        (op("+", op("*", A, B), op("*", B, op("*", A, C))), {"a": "2", "b": "2"}),
        (op("/", op("*", A, A), B), {"a": "4", "b": "0.5"}),
        (op("-", op("/", A, A), Number(value=D(1))), {}),
        (Call(function="max", arguments=(A, op("*", A, B))), {"a": "2"}),
        (Call(function="sqrt", arguments=(A,)), {}),
        (op("*", B, Call(function="exp", arguments=(A,))), {"b": "2"}),
        (If(condition=Compare(op=">", left=A, right=B), then=op("*", A, C), otherwise=C), {"c": "2"}),
        (op("*", C, Lookup(table="t", inputs=("a",))), {"c": "2"}),
        (Convert(operand=A, source_unit="g", unit="kg", factor=D("0.001")), {"a": "2"}),
        (Convert(operand=A, source_unit="degC", unit="K", factor=D(1), shift=D("273.15")), {}),
    ],
)
def test_an_output_scales_with_an_input_where_its_formula_says_so(tree: Node, times: dict[str, str]) -> None:

    assert scaling(tree) == times


LIMITED = [
    InputSpec("huge", "float64", ge=D("-1e30"), le=D("1e30")),
    InputSpec("vast", "float64", gt=D("-1e40"), lt=D("1e40")),
    InputSpec("tiny", "float64", gt=D(0), lt=D("1e-9")),
    InputSpec("fine", "float64", ge=D("0.1"), le=D("0.1234567890123456789012345678901234567890")),
    InputSpec("whole", "int32", gt=D("1.5"), le=D("7.5")),
    InputSpec("wide", "int32", ge=D("-1e30"), le=D("1e30")),
    InputSpec("endless", "float64", ge=D("-1e6100"), le=D("1e6100")),
    InputSpec("picked", "float64", enum=(D("1e30"), D(2), D("-5")), ge=D(0)),
    InputSpec("coded", "string", pattern="^[A-Z]{2}$", enum=("AB", "abc", "")),
    InputSpec("plain", "string", pattern="^(a+)+$"),
]
GIVEN: dict[str, Any] = {"huge": D(1), "vast": D(1), "tiny": D("5e-10"), "fine": D("0.11"), "whole": 3, "wide": 3}
GIVEN |= {"endless": D(1), "picked": D(2), "coded": "AB", "plain": "aa"}


def test_a_value_that_should_be_refused_lies_outside_and_one_that_is_accepted_inside() -> None:
    found = content(made(LIMITED, given("huge"), base=GIVEN))
    inputs = {i.name: i for i in LIMITED}
    beyond = [c for c in found["refused"] if c["name"].rpartition("-")[2] in {"below", "above", "limit", "choices"}]
    for case in beyond:
        item, value = inputs[case["field"]], case["input"][case["field"]]
        assert violates(item, D(value) if item.numeric else value), case["name"]
    names = {c["name"] for c in found["refused"]}
    assert {"huge-above", "huge-below", "vast-at-the-upper-limit", "whole-above", "fine-above"} <= names
    assert "picked-outside-the-choices" in names
    assert not {"endless-above", "endless-below", "wide-above", "wide-below"} & names
    accepted = {c["name"] for c in found["accepted"]}
    assert {"huge-at-most", "tiny-just-above", "tiny-just-below", "vast-just-below", "whole-at-most"} <= accepted
    assert {"whole-just-above", "picked-is-2", "coded-is-AB"} <= accepted
    assert not {"wide-at-most", "endless-at-most", "picked-is--5", "coded-is-abc"} & accepted


TABLE = InputSpec(
    "uses",
    "list",
    description="What is burnt",
    columns=(
        InputSpec("mass", "float64", "kg", gt=D(0), le=D(50), description="Mass"),
        InputSpec("kind", "string", enum=("gas", "oil")),
        InputSpec("share", "float64", "percent", required=False, default=D(100), ge=D(0), le=D(100)),
    ),
)


def test_the_columns_of_a_table_are_tested_like_inputs(tmp_path: Path) -> None:
    resolution = made(
        [TABLE, InputSpec("x", "float64")],
        given("x"),
        agent="x/table",
        base={"uses": ({"mass": D(1), "kind": "gas"},), "x": D(1)},
    )
    found = content(resolution)
    accepted = {c["name"]: (c["field"], c["expect"]["uses"]) for c in found["accepted"] if "field" in c}
    assert accepted == {
        "uses-mass-just-above": ("mass", "0.000001"),
        "uses-mass-at-most": ("mass", "50"),
        "uses-kind-is-gas": ("kind", "gas"),
        "uses-kind-is-oil": ("kind", "oil"),
        "uses-share-at-least": ("share", "0"),
        "uses-share-at-most": ("share", "100"),
        "uses-share-left-out": ("share", "100"),
    }
    refused = {c["name"] for c in found["refused"]}
    assert {"uses-mass-at-the-lower-limit", "uses-mass-above", "uses-kind-outside-the-choices"} <= refused
    rows = [(f["name"], f["description"]) for f in found["fields"] if f["model"] == "UsesRow"]
    assert rows == [("mass", "Mass [kg]"), ("kind", ""), ("share", "[percent]")]
    with imported(resolution, tmp_path) as pack:
        assert fields_of(pack.AGENT) == found["fields"]
        for case in found["accepted"]:
            told = Case(**case)
            assert taken(pack.Input, told) == told.expect, told.name
        for case in found["refused"]:
            errors = pack.AGENT.run(case["input"]).errors
            assert {e.field.partition(".")[0] for e in errors} == {case["field"]}, case["name"]


@pytest.mark.timeout(60)  # it once doubled with each term, or hung
def test_a_pattern_that_costs_python_s_engine_hours_costs_nothing() -> None:
    found = content(made([InputSpec("t", "string", pattern=r"^(|[ !0x]|(\?+)+y)$"), *LIMITED], given("huge")))
    assert any(c["name"] == "t-against-the-pattern" for c in found["refused"])


@contextmanager
def imported(resolution: Resolution, folder: Path) -> Iterator[Any]:
    package = package_name(resolution.spec)
    write_pack(generate(resolution), folder / "pack")
    sys.path.insert(0, str(folder / "pack"))
    try:
        yield importlib.import_module(package)
    finally:
        sys.path.remove(str(folder / "pack"))
        for name in [n for n in sys.modules if n.partition(".")[0] == package]:
            del sys.modules[name]


def test_the_generated_model_agrees_with_every_case(tmp_path: Path) -> None:
    resolution = made(LIMITED, given("huge"), agent="x/limits", base=GIVEN)
    with imported(resolution, tmp_path) as pack:
        found = content(resolution)
        for case in found["accepted"]:
            assert pack.AGENT.run(case["input"]).success, case["name"]
        for case in found["refused"]:
            errors = pack.AGENT.run(case["input"]).errors
            assert {e.field for e in errors} == {case["field"]}, case["name"]


@pytest.mark.parametrize("name", ["name", "tool", "self", "function", "output", "arguments", "value", "package"])
def test_an_input_may_have_any_name(name: str, tmp_path: Path) -> None:
    inputs = [InputSpec(name, "float64", "kg"), InputSpec("other", "float64", "kg")]
    tree = op("+", given(name), given("other"))
    resolution = made(inputs, tree, agent=f"x/named_{name}", base={name: D(1), "other": D(2)})
    with imported(resolution, tmp_path) as pack:
        package = package_name(resolution.spec)
        assert b'"out":"3"' in answers(package, [{name: 1, "other": 2}])
        parameter = next(p for p in pack.TOOLS["out"].parameters if p != "other")
        assert pack.AGENT.call_tool("out", **{parameter: 1, "other": 2}) == 3


def bounds(rule: str) -> list[dict[str, str]]:
    resolution = made(
        [InputSpec("lot", "float64", "kg"), InputSpec("perhaps", "float64", "kg", required=False)],
        given("lot"),
        base={"lot": D(1)},
        properties=(Property("p", rule),),
        outputs={"heavy": ("t", given("lot")), "light": ("kilogram", given("lot"))},
    )
    found: list[dict[str, str]] = content(resolution)["bounds"]
    return found


@pytest.mark.parametrize(
    "rule",
    [
        "out >= heavy",
        "output.out >= output.heavy",
        "output.heavy <= input.lot",
        "out >= 5 [t]",
        "out >= perhaps",
        "output.lot >= 0",
        "input.out >= 0",
        "out >= nothing",
        "out == lot",
        "outside.out >= 0",
    ],
)
def test_a_property_over_two_units_is_not_compared_as_bare_figures(rule: str) -> None:
    assert bounds(rule) == []


@pytest.mark.parametrize(
    ("rule", "right"),
    [
        ("out >= 0", "0"),
        ("output.out >= -0.5", "-0.5"),
        ("output.heavy <= 5 [t]", "5"),
        ("output.out <= input.lot", "lot"),
        ("out <= light", "light"),
    ],
)
def test_a_property_in_one_unit_is_tested_on_every_case(rule: str, right: str) -> None:
    (bound,) = bounds(rule)
    assert (bound["rule"], bound["right"]) == (rule, right)


def test_without_an_answered_case_the_inputs_are_made_within_their_limits() -> None:
    base = content(made(LIMITED, given("huge")))["base"]
    for item in LIMITED:
        if item.name not in {"plain", "tiny"}:
            value = D(base[item.name]) if item.numeric else base[item.name]
            assert not violates(item, value), item.name
    assert content(made([replace(LIMITED[2])], given("tiny")))["base"]["tiny"] == "0.0000000005"
