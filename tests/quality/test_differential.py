"""Hidden inputs lie inside the limits and hit what vectors miss; the three sources agree on good packs only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from greenlang.factory import whole
from greenlang.formulas.tree import Arithmetic, Convert, Lookup, Name, Node, Number, rebuild
from greenlang.quality.differential import Compared, differences, inputs
from greenlang.quality.differential_inputs import COUNT, drawn
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import InputSpec
from greenlang.specs.reader import violates
from tests.factory.conftest import BUILDERS
from tests.factory.made_agents import imported

FLAT = sorted(set(BUILDERS) - {"toolbox"})


@cache
def answered(name: str) -> tuple[Resolution, list[dict[str, Any]], bytes]:
    """The generated agent's answers to its hidden inputs."""
    from greenlang_sdk.canonical import canonical
    from greenlang_sdk.testing import _answer  # the line that the sandbox writes

    resolution = BUILDERS[name]()
    asked = inputs(resolution)
    with imported(resolution) as pack:
        agent = pack.Agent()
        return resolution, asked, b"".join(canonical(_answer(agent, one)) + b"\n" for one in asked)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_agent_decimal_and_duckdb_agree_to_the_last_digit(name: str) -> None:
    found, told = differences(*answered(name))
    assert found == ()
    assert told.inputs >= 12
    assert told.answered >= 4
    assert told.in_sql > 0
    assert told.not_in_sql == ()


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


def test_what_duckdb_cannot_be_asked_is_named() -> None:
    resolution = BUILDERS["heat_pump"]()
    text = Name(name="note", kind="input", type="text")
    plans = dict(resolution.plans) | {"label": replace(resolution.plans["label"], expression=text)}
    asked = [{"lambda": "7", "sink": "35", "units": 3, "cap": "5", "note": "a"}]
    _, told = differences(replace(resolution, plans=plans), asked, b"")
    assert [name for name, _ in told.not_in_sql] == ["label"]
    assert "label (its text is not written in the formula)" in told.text


def test_a_figure_of_more_digits_than_duckdb_holds_is_counted_and_is_no_difference() -> None:
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
    assert (told.figures, told.in_sql, told.beyond_sql) == (2, 1, 1)
    assert "1 figures have more digits than DuckDB holds" in told.text
    found, _ = differences(wide, asked, right.replace(b'"1000', b'"2000'))
    assert [set(d.sources) for d in found] == [{"agent", "decimal"}]


def test_long_formulas_are_asked_through_the_declared_function() -> None:
    resolution, asked, lines = answered("combustion")
    found, short = differences(resolution, asked, lines, sql_length=0)
    _, long = differences(resolution, asked, lines, sql_length=100_000)
    assert found == ()
    assert (short.plain_sql, short.in_sql) == (0, long.in_sql)
    assert long.plain_sql > 0


def test_a_look_up_by_a_whole_number_is_asked_of_duckdb_too() -> None:
    resolution, asked, lines = answered("odd")
    assert isinstance(resolution.plans["emissions"].expression, Arithmetic)
    assert isinstance(resolution.plans["emissions"].expression.right, Lookup)
    found, told = differences(resolution, asked, lines)
    assert found == ()
    assert told.in_sql >= told.figures - 3 * told.wide


def test_a_spec_that_allows_one_input_only_gives_none_twice() -> None:
    resolution = BUILDERS["smallest"]()
    narrow = InputSpec("a", "float64", enum=(Decimal(1),))
    only = replace(resolution, spec=replace(resolution.spec, inputs={"a": narrow}))
    assert inputs(only) == []
    assert differences(only, [], b"") == ((), Compared())


def test_count_is_what_the_issue_of_cost_allows() -> None:
    counts: Mapping[str, int] = {name: len(inputs(BUILDERS[name]())) for name in FLAT}
    assert all(12 <= count <= 16 for count in counts.values()), counts
    assert COUNT == 14
