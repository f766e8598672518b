"""A spec in, an agent out: what is written in the spec is what the imported agent does."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from greenlang_sdk.testing import agrees, answers

from greenlang.factory.cases import case_content
from greenlang.factory.generate import generate
from greenlang.formulas.library import library
from greenlang.formulas.tree import Arithmetic, Name, TableCall
from greenlang.quality.judge import difference
from greenlang.resolution.plan import OutputPlan, Resolution, Vector
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec

sys.path.insert(0, str(Path(__file__).parent))  # for made_agents: tests are no package
from made_agents import imported, planned

HEAD = """
schema_version: "2.0.0"
id: "test/{id}"
name: "Test"
version: "1.0.0"
summary: "A test"
license: "MIT"
"""


def flat(name: str, body: str) -> Resolution:
    resolution, findings = planned(HEAD.format(id=name) + body)
    assert resolution is not None, findings
    assert resolution.complete, resolution.missing
    assert not [d for d in findings if d.severity == "error"], findings
    return resolution


def test_units_bounds_and_rounding_of_the_spec_are_the_agent_s() -> None:
    body = """
compute:
  entrypoint: "python://x:y"
  inputs:
    distance: {dtype: float64, unit: km, ge: 0, le: 1000}
    hours: {dtype: float64, unit: h, gt: 0}
  outputs:
    speed: {dtype: float64, unit: "m/s"}
  formulas:
    speed: "distance / hours"
"""
    with imported(flat("speed_v1", body)) as pack:
        assert pack.AGENT.run({"distance": 36, "hours": 1}).data.as_dict() == {"speed": D(10)}
        assert pack.AGENT.run({"distance": 1000.5, "hours": 1}).error.field == "distance"
        assert pack.AGENT.run({"distance": 1, "hours": 0}).error.code == "invalid_input"


def test_a_golden_value_that_resolution_takes_is_one_that_the_pack_s_tests_take() -> None:
    """Stated with more digits than are answered, with fewer than the last one, to the digit, and with a tolerance."""
    body = """
compute:
  entrypoint: "python://x:y"
  inputs:
    a: {dtype: float64, unit: "1", ge: 0}
  outputs:
    b: {dtype: float64, unit: "1"}
  formulas:
    b: "a / 3"
tests:
  golden:
    - {name: more, input: {a: 1}, expect: {b: 0.33333333333}}
    - {name: large, input: {a: 1000000000}, expect: {b: 333333333.33333}}
    - {name: exact, input: {a: 3}, expect: {b: 1}}
    - {name: stated, input: {a: 1}, expect: {b: {value: 0.3333, tol: 0.001}}}
"""
    resolution = flat("third_v1", body)
    golden = {v.name: v for v in resolution.vectors if v.origin == "golden"}
    assert golden["more"].expect == {"b": "0.33333333333"}
    assert golden["exact"].tolerances == {}
    assert golden["stated"].tolerances == {"b": "0.001"}
    assert golden["large"].tolerances == {"b": "1E-9"}
    with imported(resolution) as pack:
        inputs = [case["input"] for case in case_content(resolution, {})["vectors"]][: len(resolution.vectors)]
        for vector, given, line in zip(
            resolution.vectors, inputs, answers(pack.__name__, inputs).splitlines(), strict=True
        ):
            assert difference(vector, line) == "", vector.name
            answer = pack.AGENT.run(given).data.as_dict()["b"]
            assert agrees(answer, vector.expect["b"], vector.tolerances.get("b")), vector.name
            assert not agrees(answer * D("1.01") + 1, vector.expect["b"], vector.tolerances.get("b")), vector.name


def test_text_and_truth_outputs() -> None:
    body = """
compute:
  entrypoint: "python://x:y"
  inputs:
    load: {dtype: float64, unit: kW, ge: 0}
  outputs:
    high: {dtype: bool}
    word: {dtype: string}
  formulas:
    high: "load > 5 [kW]"
    word: 'if(load > 5 [kW], "high", "low")'
"""
    with imported(flat("words_v1", body)) as pack:
        assert pack.AGENT.run({"load": 6}).data.as_dict() == {"high": True, "word": "high"}
        assert pack.AGENT.run({"load": "5"}).data.as_dict() == {"high": False, "word": "low"}


TABLE = "waste-ipcc-methane-correction-factor"


def with_a_table() -> Resolution:
    """An agent that reads a parameter table by a text input."""
    table = library().tables.get(TABLE)
    (key,), column = table.keys, next(iter(table.columns))
    rows = table.column(column)
    kinds = tuple(sorted(when[0] for when in rows))
    call = TableCall(
        table=TABLE,
        column=column,
        select=((key, Name(name="kind", kind="input", type="text")),),
        rows=rows,
        unit="1",
    )
    mass = Name(name="mass", kind="input", unit="kg")
    spec = AgentSpec(
        "B",
        "0" * 64,
        "test/table",
        "1.0.0",
        "Table",
        inputs={
            "mass": InputSpec("mass", "float64", "kg", ge=D(0)),
            "kind": InputSpec("kind", "string", enum=kinds),
        },
        outputs={"out": OutputSpec("out", "float64", "kg")},
    )
    plan = OutputPlan("out", "library", Arithmetic(op="*", left=mass, right=call, unit="kg"), "mass × factor", 6)
    vectors = tuple(
        Vector(when[0], "reference", {"mass": D(10), "kind": when[0]}, {"out": f"{(value * 10).normalize():f}"})
        for when, value in sorted(rows.items())
    )
    return Resolution(spec, {"out": plan}, ("out",), {}, vectors=vectors)


def test_a_parameter_table_is_pinned_with_its_rows_and_cited() -> None:
    resolution = with_a_table()
    with imported(resolution) as pack:
        for vector in resolution.vectors:
            result = pack.AGENT.run({name: str(value) for name, value in vector.input.items()})
            assert result.data.as_dict() == {"out": D(vector.expect["out"])}
            (citation,) = result.citations
            assert citation.ref.startswith(f"table://{TABLE}/{vector.input['kind']}/")
            assert citation.text.startswith(library().tables.get(TABLE).citation.document)
        assert pack.AGENT.health()["factor_rows"] == len(resolution.vectors)
    files = generate(resolution)
    assert len(json.loads(files["gl_test_table/factors.json"])["factors"]) == len(resolution.vectors)
    assert f"`table://{TABLE}/" in files["README.md"].decode()


def test_a_library_formula_gives_an_agent_its_own_worked_cases_by_texts_and_a_parameter_table() -> None:
    formula = library().get("waste/biological/biological-treatment")
    assert formula is not None
    body = """
compute:
  entrypoint: "python://x:y"
  inputs:
    waste: {dtype: float64, unit: t, ge: 0}
    treatment: {dtype: string, enum: [composting, anaerobic-digestion]}
    weight: {dtype: string, enum: [wet, dry]}
    recovered: {dtype: float64, unit: tCH4b, ge: 0, default: 0}
  outputs:
    methane: {dtype: float64, unit: kgCH4b}
    n2o: {dtype: float64, unit: tN2O}
  formulas:
    methane:
      formula: waste/biological/biological-treatment
      output: CH4
      bind: {M: waste, basis: weight, R: recovered}
    n2o: {formula: waste/biological/biological-treatment, output: N2O, bind: {M: waste, basis: weight}}
"""
    own = {"M": "waste", "basis": "weight", "R": "recovered"}
    with imported(flat("compost_v1", body)) as pack:
        for vector in formula.vectors:
            given = {own.get(name, name): value for name, value in vector.given.items()}
            answer = pack.AGENT.run(given)
            got = answer.data.as_dict()
            assert (got["methane"] / 1000, got["n2o"]) == (vector.expect["CH4"], vector.expect["N2O"])
            assert any(c.ref.startswith("table://waste-ipcc-biological-treatment/") for c in answer.citations)


def test_rows_of_a_table_come_out_in_one_order() -> None:
    resolution = with_a_table()
    plan = resolution.plans["out"]
    assert isinstance(plan.expression, Arithmetic)
    call = plan.expression.right
    assert isinstance(call, TableCall)
    assert call.rows is not None
    turned = replace(call, rows=dict(reversed(list(call.rows.items()))))
    other = replace(plan, expression=replace(plan.expression, right=turned))
    assert generate(replace(resolution, plans={"out": other})) == generate(resolution)


TWO_TOOLS = """
agent_metadata:
  agent_id: "heat/two_tools"
  agent_name: "TwoTools"
  version: "1.0.0"
description:
  purpose: "Two figures of a heat pump"
tools:
  tools_list:
    - tool_id: "t1"
      name: "calculate_cop"
      deterministic: true
      description: "Coefficient of performance"
      parameters:
        type: object
        properties:
          heat_delivered: {type: number, unit: kW, minimum: 0, description: "Heat delivered"}
          electric_power: {type: number, unit: kW, exclusiveMinimum: 0, description: "Electric power drawn"}
        required: [heat_delivered, electric_power]
      returns:
        type: object
        properties:
          cop: {type: number, unit: "1", description: "Coefficient of performance"}
      implementation:
        calculation_method: "cop"
        physics_formula: "cop = heat_delivered / electric_power"
    - tool_id: "t2"
      name: "calculate_energy"
      deterministic: true
      description: "Energy over a time"
      parameters:
        type: object
        properties:
          electric_power: {type: number, unit: kW, minimum: 0, description: "Electric power drawn"}
          hours: {type: number, unit: h, minimum: 0, description: "Hours of operation"}
        required: [electric_power, hours]
      returns:
        type: object
        properties:
          energy: {type: number, unit: kWh, description: "Energy used"}
      implementation:
        physics_formula: "energy = electric_power × hours"
"""


def test_two_tools_whose_formulas_stand_in_prose_are_one_agent() -> None:
    resolution, findings = planned(TWO_TOOLS)
    assert resolution is not None
    assert resolution.complete, (resolution.missing, findings)
    with imported(resolution) as pack:
        assert list(pack.AGENT.agents) == ["calculate_cop", "calculate_energy"]
        given = {"heat_delivered": 9, "electric_power": 3}
        assert pack.AGENT.call("calculate_cop", given).data.as_dict() == {"cop": D(3)}
        assert pack.AGENT.call("calculate_energy", {"electric_power": 3, "hours": 9}).data.as_dict() == {
            "energy": D(27)
        }
        zero = pack.AGENT.call("calculate_cop", given | {"electric_power": 0})
        assert (zero.error.code, zero.error.field) == ("invalid_input", "electric_power")
