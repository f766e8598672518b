"""Hidden inputs lie inside the limits and hit what vectors miss; the three sources agree on good packs only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from greenlang_sdk.canonical import canonical
from greenlang_sdk.testing import _answer  # the line that the sandbox writes

from greenlang.factory import whole
from greenlang.formulas.tree import Arithmetic, Compare, Convert, If, Lookup, Name, Node, Number, rebuild
from greenlang.quality import differential, reference
from greenlang.quality.differential import differences, inputs
from greenlang.quality.differential_inputs import COUNT, drawn
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import InputSpec
from greenlang.specs.reader import violates
from tests.factory.conftest import BUILDERS
from tests.factory.made_agents import imported, planned

FLAT = sorted(set(BUILDERS) - {"toolbox"})


@cache
def answered(name: str) -> tuple[Resolution, list[dict[str, Any]], bytes]:
    """The generated agent's answers to its hidden inputs."""
    resolution = BUILDERS[name]()
    asked = inputs(resolution)
    with imported(resolution) as pack:
        agent = pack.Agent()
        return resolution, asked, b"".join(canonical(_answer(agent, one)) + b"\n" for one in asked)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_agent_decimal_and_duckdb_agree(name: str) -> None:
    found, told = differences(*answered(name))
    assert found == ()
    assert told.inputs >= 12
    assert told.answered >= 4
    assert told.exact + told.double == told.figures
    assert told.alone == 0


@pytest.mark.parametrize("name", FLAT)
def test_hidden_inputs_are_inside_the_limits_and_in_no_vector(name: str) -> None:
    resolution = BUILDERS[name]()
    found = drawn(resolution)
    assert len(found) >= 12
    known = [whole.plain(vector.input) for vector in resolution.vectors]
    for given in found:
        assert whole.plain(given) not in known
        for port, value in given.items():
            assert not violates(resolution.spec.inputs[port], value)  # type: ignore[arg-type]
    assert len({json.dumps(whole.plain(given), sort_keys=True) for given in found}) == len(found)


def test_the_same_spec_gives_the_same_inputs_and_another_digest_others() -> None:
    resolution = BUILDERS["combustion"]()
    assert inputs(resolution) == inputs(resolution)
    other = replace(resolution, spec=replace(resolution.spec, digest="0" * 64))
    assert inputs(other) != inputs(resolution)


def test_edges_many_digits_and_keys_are_among_them() -> None:
    found = drawn(BUILDERS["combustion"]())
    assert {given["fuel_type"] for given in found} >= {"natural_gas", "diesel"}
    assert any(len(Decimal(str(given["consumption"])).as_tuple().digits) > 20 for given in found)
    assert any(given["consumption"] == 0 for given in found)


def test_a_toolbox_is_asked_tool_by_tool() -> None:
    resolution = BUILDERS["toolbox"]()
    found = inputs(resolution)
    assert {one["tool"] for one in found} == {part.spec.part for part in resolution.flat}


def planted(name: str, change: Any) -> tuple[Resolution, list[dict[str, Any]], bytes]:
    resolution, asked, lines = answered(name)
    return change(resolution), asked, lines


def swapped(resolution: Resolution, output: str, change: Callable[[Node], Node]) -> Resolution:
    def put(node: Node) -> Node:
        return change(rebuild(node, put))

    plan = resolution.plans[output]
    return replace(resolution, plans=dict(resolution.plans) | {output: replace(plan, expression=put(plan.expression))})


def test_an_agent_that_calculates_otherwise_is_found() -> None:
    """The agent was made from one plan and is compared with another: a factor of 1.0001."""

    def change(node: Node) -> Node:
        return replace(node, value=Decimal("2.0002")) if isinstance(node, Number) else node

    found, _ = differences(*planted("smallest", lambda r: swapped(r, "b", change)))
    assert found
    assert found[0].output == "b"
    assert found[0].case.startswith("hidden_")
    assert found[0].sources["agent"] != found[0].sources["decimal"] == found[0].sources["duckdb"]


CURTAILED = """
schema_version: "2.0.0"
id: energy/curtailed_v1
name: Curtailed
version: 1.0.0
summary: energy that did not pass
compute:
  inputs:
    available: {dtype: float64, unit: MW, ge: 0}
    limit: {dtype: float64, unit: MW, ge: 0}
    interval: {dtype: float64, unit: min, gt: 0}
  outputs:
    energy: {dtype: float64, unit: MWh}
  formulas:
    energy: max(0, available - limit) * interval
"""


def asked_of(text: str, given: dict[str, Any]) -> tuple[Resolution, list[dict[str, Any]], bytes]:
    """The agent of a spec, asked one input."""
    resolution, findings = planned(text)
    assert resolution is not None, findings
    with imported(resolution) as pack:
        return resolution, [given], canonical(_answer(pack.Agent(), given)) + b"\n"


def test_a_conversion_that_ends_on_a_tie_is_rounded_alike() -> None:
    """3434.13 MW for 883.919 min are 50591.5459245 MWh: times 1/60 in 34 digits they were a hair more."""
    resolution, asked, lines = asked_of(CURTAILED, {"available": "10934.13", "limit": "7500", "interval": "883.919"})
    assert b'"energy":"50591.545924"' in lines
    found, told = differences(resolution, asked, lines)
    assert found == ()
    assert told.exact == 1


METERED = """
schema_version: "2.0.0"
id: energy/metered_v1
name: Metered
version: 1.0.0
summary: two meters in one unit
compute:
  inputs:
    heat: {dtype: float64, unit: mmBtu, ge: 0}
    cooling: {dtype: float64, unit: "refrigeration_ton*h", ge: 0}
  outputs:
    delivered: {dtype: float64, unit: kWh}
  formulas:
    delivered: heat + cooling
"""


def test_a_tie_that_34_digits_miss_is_held_against_nobody() -> None:
    """Exact, these meters are 30363461420.3164185 kWh; the sum of two conversions is 1e-23 more in Decimal."""
    resolution, asked, lines = asked_of(METERED, {"heat": "97604430", "cooling": "500000000"})
    assert b'"delivered":"30363461420.316419"' in lines
    found, told = differences(resolution, asked, lines)
    assert found == ()
    assert told.exact == 1
    other = lines.replace(b".316419", b".316420")
    assert [d.sources["duckdb"] for d in differences(resolution, asked, other)[0]] == ["30363461420.316419"]


def test_an_agent_with_another_row_is_found() -> None:
    def change(resolution: Resolution) -> Resolution:
        table = resolution.lookups["co2_factor"]
        rows = {key: replace(row, value=row.value + Decimal("0.04")) for key, row in table.rows.items()}
        return replace(resolution, lookups=resolution.lookups | {"co2_factor": replace(table, rows=rows)})

    found, _ = differences(*planted("combustion", change))
    assert {d.output for d in found} == {"co2_kg", "co2e_kg"}


def test_an_agent_that_converts_otherwise_is_found_in_both_back_ends() -> None:
    def change(node: Node) -> Node:
        return replace(node, factor=node.factor * 1000) if isinstance(node, Convert) else node

    found, _ = differences(*planted("combustion", lambda r: swapped(r, "ch4_kg", change)))
    assert {"ch4_kg", "co2e_kg"} <= {d.output for d in found}


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"ok":true', b'"ok":false'), (b'{"data"', b'["data"'), (b'"co2_kg":"', b'"co2_kg":"1')],
)
def test_an_answer_that_was_changed_is_found(old: bytes, new: bytes) -> None:
    resolution, asked, lines = answered("combustion")
    assert old in lines
    found, _ = differences(resolution, asked, lines.replace(old, new))
    assert found


def test_an_answer_that_is_missing_is_found() -> None:
    resolution, asked, lines = answered("combustion")
    found, _ = differences(resolution, asked, lines[: lines.index(b"\n") + 1])
    assert len(found) == len(asked) - 1
    assert found[0].sources["agent"] == "no answer"


# --- DuckDB alone ---------------------------------------------------------------------------------------------------


def with_value(old: str, new: str) -> Callable[[Node], Node]:
    return lambda n: replace(n, value=Decimal(new)) if isinstance(n, Number) and n.value == Decimal(old) else n


def other_branch(node: Node) -> Node:
    return replace(node, then=node.otherwise, otherwise=node.then) if isinstance(node, If) else node


def minus(node: Node) -> Node:
    return replace(node, op="-") if isinstance(node, Arithmetic) and node.op == "+" else node


def not_converted(node: Node) -> Node:
    return replace(node, factor=node.factor * 1000) if isinstance(node, Convert) else node


def other_row(resolution: Resolution) -> Resolution:
    table = resolution.lookups["co2_factor"]
    rows = dict(zip(table.rows, [*list(table.rows.values())[1:], next(iter(table.rows.values()))], strict=True))
    return replace(resolution, lookups=resolution.lookups | {"co2_factor": replace(table, rows=rows)})


MISTAKES: dict[str, tuple[str, str, Callable[[Resolution], Resolution]]] = {
    "a constant": ("smallest", "b", lambda r: swapped(r, "b", with_value("2", "2.000001"))),
    "the wrong branch": ("heat_pump", "cop", lambda r: swapped(r, "cop", other_branch)),
    "the wrong text": ("heat_pump", "label", lambda r: swapped(r, "label", other_branch)),
    "a sign": ("combustion", "co2e_kg", lambda r: swapped(r, "co2e_kg", minus)),
    "a unit": ("combustion", "ch4_kg", lambda r: swapped(r, "ch4_kg", not_converted)),
    "another row": ("combustion", "co2_kg", other_row),
    "the power of a root": ("heat_pump", "size", lambda r: swapped(r, "size", with_value("3", "3.0001"))),
    "fewer digits": ("combustion", "co2_kg", lambda r: rounded_to(r, "co2_kg", 5)),
}


def rounded_to(resolution: Resolution, output: str, digits: int) -> Resolution:
    plan = replace(resolution.plans[output], decimals=digits)
    return replace(resolution, plans=dict(resolution.plans) | {output: plan})


@pytest.mark.parametrize("sql_length", [0, 100_000], ids=["in DOUBLE", "in exact SQL"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_duckdb_alone_finds_what_agent_and_decimal_back_end_have_wrong_alike(
    mistake: str, sql_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both of the others calculate from a plan with a mistake in it; DuckDB has the plan of the spec."""
    name, output, change = MISTAKES[mistake]
    resolution = BUILDERS[name]()
    wrong = change(resolution)
    asked = inputs(resolution)
    answers = [reference.answer(wrong, reference.typed(wrong, one)) for one in asked]
    monkeypatch.setattr(differential, "answer", lambda _, given: reference.answer(wrong, given))
    lines = b"".join(json.dumps({"ok": isinstance(a, dict), "data": a}).encode() + b"\n" for a in answers)
    found, _ = differences(resolution, asked, lines, sql_length=sql_length)
    own = [d.sources for d in found if d.output == output]
    assert all(s["agent"] == s["decimal"] for s in own)
    told = "duckdb double" if sql_length == 0 or mistake == "the power of a root" else "duckdb"
    assert any(told in s and s[told] != s["agent"] for s in own)


@pytest.mark.parametrize(("value", "wrong"), [("2.5", "3"), ("3.5", "3"), ("-2.5", "-3")])
def test_exact_sql_finds_a_tie_that_was_rounded_the_other_way_and_double_leaves_it_open(value: str, wrong: str) -> None:
    resolution = halves()
    line = b'{"ok":true,"data":{"b":"%s"}}\n' % wrong.encode()
    asked = [{"a": value}]
    (found,), told = differences(resolution, asked, line)
    assert (found.sources["agent"], found.sources["decimal"]) == (wrong, found.sources["duckdb"])
    assert "duckdb double" not in found.sources
    assert (told.exact, told.alone) == (1, 0)


def halves() -> Resolution:
    """One output that is its input, rounded to a whole number."""
    resolution = BUILDERS["smallest"]()
    same = replace(resolution.plans["b"], expression=Name(name="a", kind="input", unit="1"), decimals=0)
    return replace(resolution, plans={"b": same})


@pytest.mark.parametrize(
    ("a", "b", "exact"),
    [("0.1", "0.3", "a cancellation"), ("1", "3", "a true zero"), ("0.7", "2.1", "another")],
)
def test_a_difference_of_nearly_equal_numbers_is_not_held_against_anyone(a: str, b: str, exact: str) -> None:
    """3a - b is zero; DOUBLE gives 5.6e-17 times 1e20 for the first, and says how little that is worth."""
    resolution = BUILDERS["smallest"]()
    one, other = Name(name="a", kind="input", unit="1"), Name(name="b", kind="input", unit="1")
    three, much = Number(value=Decimal(3), unit="1"), Number(value=Decimal("1e20"), unit="1")
    gap = Arithmetic(
        op="*",
        left=Arithmetic(op="-", left=Arithmetic(op="*", left=one, right=three, unit="1"), right=other, unit="1"),
        right=much,
        unit="1",
    )
    ports = {name: InputSpec(name, "float64", unit="1") for name in ("a", "b")}
    spec = replace(resolution.spec, inputs=ports)
    changed = replace(resolution, spec=spec, plans={"b": replace(resolution.plans["b"], expression=gap)})
    found, told = differences(changed, [{"a": a, "b": b}], b'{"ok":true,"data":{"b":"0"}}', sql_length=0)
    assert found == (), exact
    assert told.figures == 1
    assert told.text.endswith(("b: 1 DOUBLE (its exact SQL is long)", "b: 1 not by DuckDB (its exact SQL is long)"))


def test_a_condition_at_its_edge_is_left_open_and_told() -> None:
    """2a > b where both are equal: which side DOUBLE takes says nothing."""
    resolution = BUILDERS["smallest"]()
    one, other = Name(name="a", kind="input", unit="1"), Name(name="b", kind="input", unit="1")
    double = Arithmetic(op="*", left=one, right=Number(value=Decimal(2), unit="1"), unit="1")
    step = If(
        condition=Compare(op=">", left=double, right=other, type="truth"),
        then=Number(value=Decimal(7), unit="1"),
        otherwise=Number(value=Decimal(9), unit="1"),
        unit="1",
    )
    ports = {name: InputSpec(name, "float64", unit="1") for name in ("a", "b")}
    spec = replace(resolution.spec, inputs=ports)
    changed = replace(resolution, spec=spec, plans={"b": replace(resolution.plans["b"], expression=step)})
    asked = [{"a": "1.1", "b": "2.2"}, {"a": "1.1", "b": "2.1"}]
    lines = b'{"ok":true,"data":{"b":"9"}}\n{"ok":true,"data":{"b":"7"}}\n'
    found, told = differences(changed, asked, lines, sql_length=0)
    assert found == ()
    assert (told.figures, told.double, told.alone) == (2, 1, 1)
    assert told.text.endswith("1 not at all: b: 1 DOUBLE, 1 not by DuckDB (its exact SQL is long)")


def test_a_text_that_is_given_is_compared_with_duckdb_too() -> None:
    resolution = BUILDERS["heat_pump"]()
    text = Name(name="note", kind="input", type="text")
    plans = dict(resolution.plans) | {"label": replace(resolution.plans["label"], expression=text)}
    asked = [{"lambda": "7", "sink": "35", "units": 3, "cap": "5", "note": "it's a"}]
    found, told = differences(replace(resolution, plans=plans), asked, b"")
    (label,) = (way for way in told.ways if way.output == "label")
    assert label.why == "its text is not written in the formula"
    assert [d.sources["agent"] for d in found] == ["no answer"]


def test_a_figure_of_more_digits_than_exact_sql_holds_is_asked_in_double() -> None:
    resolution = BUILDERS["smallest"]()
    (output,) = resolution.plans
    (name,) = resolution.spec.inputs
    number = Name(name=name, kind="input", unit="1")
    cube: Node = number
    for _ in range(2):
        cube = Arithmetic(op="*", left=cube, right=number, unit="1")
    port = InputSpec(name, "float64", unit="1")
    wide = replace(
        resolution,
        spec=replace(resolution.spec, inputs={name: port}),
        plans={output: replace(resolution.plans[output], expression=cube)},
    )
    asked = [{name: "10000000000000"}, {name: "2"}]
    line = '{"ok":true,"data":{"%s":"%s"}}\n'
    right = (line % (output, f"1{'0' * 39}") + line % (output, "8")).encode()
    found, told = differences(wide, asked, right)
    assert found == ()
    assert (told.figures, told.exact, told.double) == (2, 1, 1)
    found, _ = differences(wide, asked, right.replace(b'"1000', b'"2000'))
    assert [d.sources["duckdb double"][:4] for d in found] == ["1000"]


def test_long_formulas_are_asked_in_double_alone() -> None:
    resolution, asked, lines = answered("combustion")
    found, short = differences(resolution, asked, lines, sql_length=0)
    _, long = differences(resolution, asked, lines, sql_length=100_000)
    assert found == ()
    assert (short.exact, short.double) == (0, short.figures)
    assert long.exact > 0
    assert {way.why for way in short.ways} == {"its exact SQL is long"}


def test_a_look_up_by_a_whole_number_is_asked_of_duckdb_too() -> None:
    resolution, asked, lines = answered("odd")
    assert isinstance(resolution.plans["emissions"].expression, Arithmetic)
    assert isinstance(resolution.plans["emissions"].expression.right, Lookup)
    found, told = differences(resolution, asked, lines)
    assert found == ()
    assert next(way for way in told.ways if way.output == "emissions").exact > 0


def test_a_spec_that_allows_one_input_only_gives_none_twice() -> None:
    resolution = BUILDERS["smallest"]()
    narrow = InputSpec("a", "float64", enum=(Decimal(1),))
    only = replace(resolution, spec=replace(resolution.spec, inputs={"a": narrow}))
    assert inputs(only) == []
    found, told = differences(only, [], b"")
    assert (found, told.inputs, told.figures) == ((), 0, 0)


def test_count_is_what_the_issue_of_cost_allows() -> None:
    counts: Mapping[str, int] = {name: len(inputs(BUILDERS[name]())) for name in FLAT}
    assert all(12 <= count <= 16 for count in counts.values()), counts
    assert COUNT == 14
