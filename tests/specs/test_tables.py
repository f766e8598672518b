"""Table inputs: a list with columns, summed over its rows; from the spec to the agent that answers."""

from __future__ import annotations

import json
import sys
from decimal import Decimal as D
from pathlib import Path

import pytest

from greenlang.factory.cases import case_content
from greenlang.resolution.explain import explain
from greenlang.resolution.plan import Resolution
from greenlang.specs.diff import diff
from greenlang.specs.reader import report
from tests.specs.texts import changed, good

sys.path.insert(0, str(Path(__file__).parents[1] / "factory"))  # tests are no package
from made_agents import imported, planned

FLEET = """\
schema_version: "2.0.0"
id: "test/fleet_v1"
name: "Fleet"
version: "1.0.0"
compute:
  inputs:
    vehicles:
      dtype: list
      description: "What each vehicle burnt"
      columns:
        fuel: {dtype: float64, unit: L, ge: 0}
        ef: {dtype: float64, unit: kgCO2e/L, ge: 0, le: 5}
        kind: {dtype: string, enum: [fossil, bio]}
        copy: {dtype: int32, ge: 1}
    share: {dtype: float64, ge: 0, le: 1, default: 1}
  outputs:
    co2e: {dtype: float64, unit: tCO2e}
    fuel: {dtype: float64, unit: L}
  formulas:
    co2e: share * sum(vehicles, if(vehicles.kind == "bio", 0 [L], vehicles.fuel * vehicles.copy) * vehicles.ef)
    fuel: sum(vehicles, vehicles.fuel * vehicles.copy)
tests:
  golden:
    - name: two
      input:
        vehicles: [{fuel: 100, ef: 2.5, kind: fossil, copy: 2}, {fuel: 50, ef: 3, kind: bio, copy: 1}]
      expect: {co2e: 0.5, fuel: 250}
  properties:
    - {name: positive, rule: "output.co2e >= 0"}
"""


@pytest.fixture(scope="module")
def fleet() -> Resolution:
    resolution, findings = planned(FLEET)
    assert resolution is not None, findings
    assert resolution.complete
    assert [d.code for d in findings if d.severity != "info"] == []
    return resolution


def test_an_agent_sums_over_the_rows_that_it_is_given(fleet: Resolution) -> None:
    row = {"fuel": "10", "ef": 2, "kind": "fossil", "copy": 3}
    with imported(fleet) as pack:
        assert pack.AGENT.run({"vehicles": [row, row], "share": 0.5}).data.as_dict() == {
            "co2e": D("0.06"),
            "fuel": D(60),
        }
        assert pack.AGENT.run({"vehicles": []}).data.as_dict() == {"co2e": D(0), "fuel": D(0)}
        for wrong in ({**row, "ef": 6}, {**row, "kind": "none"}, {**row, "more": 1}, {"fuel": 1}, 5):
            refused = pack.AGENT.run({"vehicles": [row, wrong]})
            assert refused.error.code == "invalid_input"
            assert refused.error.field.startswith("vehicles")
        assert pack.AGENT.call_tool("fuel", vehicles=[row]) == D(30)


def test_the_vectors_of_the_pack_hold_and_its_mistakes_are_refused(fleet: Resolution) -> None:
    content = json.loads(json.dumps(case_content(fleet, {})))
    assert {len(v["input"]["vehicles"]) for v in content["vectors"]} >= {0, 1, 2}
    assert "vehicles-ef-above" in {case["name"] for case in content["refused"]}
    with imported(fleet) as pack:
        for case in content["vectors"]:
            assert {k: str(D(v)) for k, v in case["expect"].items()} == {
                k: str(v) for k, v in pack.AGENT.run(case["input"]).data.as_dict().items()
            }, case["name"]
        for case in content["refused"]:
            assert pack.AGENT.run(case["input"]).error.field.partition(".")[0] == case["field"], case["name"]


def test_a_sum_is_explained_with_a_term_for_each_row(fleet: Resolution) -> None:
    (paper,) = explain(fleet)
    steps = next(o for o in paper.outputs if o.output == "fuel").steps
    assert "(100 L × 2 + 50 L × 1)" in steps[1]


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("dtype: list", "dtype: float64", "GLS012", "only a list has columns"),
        ("copy: {dtype: int32, ge: 1}", "copy: {dtype: int32, ge: 1, default: 1}", "GLS010", "unknown key `default`"),
        ("copy: {dtype: int32, ge: 1}", "copy: {dtype: list}", "GLS012", "a column holds a number"),
        ("copy: {dtype: int32, ge: 1}", "class: {dtype: int32}", "GLS015", "`class` cannot be a name"),
        ("ge: 0, le: 5", "ge: 6, le: 5", "GLS021", "no value of `ef`"),
        ("dtype: list", "dtype: list\n      ge: 0", "GLS012", "`ge` says nothing of it"),
        (
            "fuel: 50, ef: 3",
            "fuel: 50, ef: 30",
            "GLS016",
            "golden case `two`, row 2 of `vehicles`: ef = 30 is above 5",
        ),
        ("kind: bio, copy: 1}", "kind: bio}", "GLS016", "row 2 of `vehicles` lacks the input `copy`"),
        ("[{fuel: 100", "[5, {fuel: 100", "GLS012", "row 1 of `vehicles` must map columns to values, not 5"),
    ],
)
def test_mistakes_in_a_table_are_told(old: str, new: str, code: str, message: str) -> None:
    found = report(changed(FLEET, old, new).encode())
    assert found.spec is None
    assert any(d.code == code and message in d.message and d.line for d in found.diagnostics), found.diagnostics


def test_a_formula_over_a_table_is_checked_as_any_other() -> None:
    for old, new, message in (
        ("    fuel: sum(vehicles, vehicles.fuel * vehicles.copy)", "    fuel: vehicles.fuel", "is a column"),
        ("sum(vehicles, vehicles.fuel * vehicles.copy)", "sum(vehicles, vehicles.fuels)", "no column of that name"),
        ("sum(vehicles, vehicles.fuel * vehicles.copy)", "sum(vehicles, vehicles.ef)", "does not convert into L"),
    ):
        _, findings = planned(changed(FLEET, old, new))
        assert any(message in d.message for d in findings if d.severity == "error"), findings


def test_other_columns_are_another_agent() -> None:
    (change,) = diff(good(FLEET), good(changed(FLEET, "le: 5", "le: 6")))
    assert (change.bump, change.subject) == ("major", "input vehicles")


LISTED = """\
agent_metadata: {agent_id: industrial/fleet, version: "1.0.0"}
tools:
  tools_list:
    - name: fleet
      parameters:
        properties:
          vehicles:
            type: array
            required: true
            items:
              type: object
              properties:
                fuel: {type: number, units: L, minimum: 0}
                ef: {type: number, units: kg CO2e/L}
          others: {type: array, items: {type: object, properties: {Odd Name: {type: number}}}}
      returns: {properties: {co2e: {type: number, units: kg CO2e}}}
      example:
        input: {vehicles: [{fuel: 10, ef: 2.5}, {fuel: 1, ef: 1}]}
        output: {co2e: 26}
"""
SUMMED = """\
overlay: 1
spec: {id: industrial/fleet, version: "1.0.0"}
reviewed: {by: "A. Reviewer", on: 2026-01-31}
formulas:
  co2e: {expression: "sum(vehicles, vehicles.fuel * vehicles.ef)", source: "the author's example"}
"""

WRITTEN = """\
agent_metadata: {agent_id: industrial/fleet, version: "1.0.0"}
tools:
  tools_list:
    - name: fleet
      parameters:
        required: [vehicles, share]
        properties:
          vehicles:
            type: array
            items:
              type: object
              properties:
                fuel: {type: number, units: L, minimum: 0}
                ef: {type: number, units: kg CO2e/L}
                mass: {type: number}
                kind: {type: string}
                scope: {type: integer, enum: [1, 2, 3]}
          share: {type: number, units: "1"}
      returns: {properties: {co2e: {type: number, units: kg CO2e}}}
      implementation: {calculation_method: "TEXT"}
      example:
        input: {vehicles: [{fuel: 10, ef: 2.5, scope: 1}, {fuel: 1, ef: 1, kind: van}], share: 0.5}
        output: {co2e: 13}
"""


@pytest.mark.parametrize(
    "text",
    [
        "co2e = share × Σ(vehicle.fuel × vehicle.ef for each vehicle)",
        "co2e = Σᵢ fuelᵢ × EFᵢ × share",
        "co2e = sum of fuel × ef × share over all vehicles",
        "co2e = SUMPRODUCT(fuel, ef) × share",
        "co2e = share × sum(v.fuel * v.ef for v in vehicles)",
        "e = Σ_vehicle fuel × ef; co2e = e × share",
        "e_i = fuel_i × ef_i; co2e = share × Σ_i e_i",
    ],
)
def test_a_sum_over_rows_in_the_authors_words_is_the_plan(text: str) -> None:
    resolution, findings = planned(changed(WRITTEN, "TEXT", text))
    assert resolution is not None, findings
    assert resolution.complete, [m.candidates[:1] for m in resolution.missing]
    (plan,) = resolution.flat[0].plans.values()
    assert plan.means == "prose"
    assert any("13 computed, 13 expected" in e.text for e in plan.evidence)


def test_an_agent_made_of_such_a_text_answers_rows_with_texts_in_them() -> None:
    resolution, findings = planned(changed(WRITTEN, "TEXT", "co2e = share × Σ(fuel × ef)"))
    assert resolution is not None, findings
    assert {x.fate for x in resolution.spec.ledger if ".vehicles.items.properties." in x.path} == {"used"}
    row = {"fuel": 2, "ef": 3}
    with imported(resolution) as pack:
        for more in ({}, {"kind": "van"}, {"scope": 2, "kind": None, "mass": 5}):
            answer = pack.AGENT.run({"vehicles": [row, row | more], "share": 1})
            assert answer.data.as_dict() == {"co2e": D(12)}
        for wrong in ({"scope": 4}, {"kind": 5}, {"fuel": -1}, {"more": 1}):
            assert pack.AGENT.run({"vehicles": [row | wrong], "share": 1}).error.code == "invalid_input"
        content = json.loads(json.dumps(case_content(resolution, {})))
        assert {c["name"] for c in content["refused"]} >= {"vehicles-fuel-missing", "vehicles-kind-number"}
        for case in content["refused"]:
            assert not pack.AGENT.run(case["input"]).success, case["name"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("co2e = Σ(fuel × ef for each month)", "sums over `month`, and no list input is called so"),
        ("co2e = sum of fuel × ef over all electric vehicles", "no list input is called so"),
        ("co2e = Σ(driver.fuel × ef)", "no list input is called so"),
        ("co2e = Σ(fuel_i) × ef_i", "stands outside of it"),
        ("co2e = Σ(fuel × ef) for scope 1", "may say over which"),
        ("co2e = Σ(mass × ef)", "nobody states in what the column `mass`"),
        ("co2e = Σ(scope × ef)", "nobody states in what the column `scope`"),
        ("co2e = Σ_t fuel × ef / (1 + share)^t", "`t`, which counts the rows"),
        ("co2e = Σ(load × ef_i)", "`load` is no input"),
        ("co2e = Σ(p_i × ef_i)", "`p_i` is no column of `vehicles`"),
        ("co2e = Σ(fuel [m³] × ef)", "counts in m^3, the column `fuel` in L"),
        ("co2e = Σ(fuel)", "does not convert into kgCO2e"),
        ("co2e = Σ(fuel × ef)", "26 computed, 13 expected"),
        ("ef = 2 × share; co2e = Σ(fuel × ef) × share", "has an equation of its own"),
    ],
)
def test_a_sum_that_is_not_certain_is_refused_with_the_reason(text: str, why: str) -> None:
    resolution, findings = planned(changed(WRITTEN, "TEXT", text))
    assert resolution is not None, findings
    assert any(why in c for m in resolution.missing for c in m.candidates), resolution.missing[0].candidates[0]


def test_a_sum_needs_one_list_that_it_can_be_and_an_example() -> None:
    text = changed(WRITTEN, "TEXT", "co2e = share × Σ(fuel × ef)")
    boats = "          boats: {type: array, items: {properties: {fuel: {units: L}, ef: {units: kg CO2e/L}}}}\n"
    for old, new, why in (
        ("          share: {type", f"{boats}          share: {{type", "rows of `vehicles` or `boats`"),
        ("        output: {co2e: 13}", "        output: {co2e: 0}", "only where a worked example tells its number"),
        ("ef: {type: number, units: kg CO2e/L}", "ef: {type: array}", "no input is a list of rows with numbers"),
        (
            "fuel: {type: number, units: L, minimum: 0}",
            "fuel_north: {units: L}\n                fuel_south: {units: L}",
            "may be",
        ),
    ):
        resolution, findings = planned(changed(text, old, new))
        assert resolution is not None, findings
        assert any(why in c for m in resolution.missing for c in m.candidates), resolution.missing[0].candidates[0]
    named = changed(
        changed(text, "Σ(fuel", "Σ(vehicle.fuel"), "          share: {type", f"{boats}          share: {{type"
    )
    resolution, findings = planned(named)
    assert resolution is not None, findings
    assert resolution.complete
    assert list(resolution.flat[0].spec.inputs) == ["share", "vehicles"]


def test_a_text_column_that_a_reviewed_formula_uses_is_required() -> None:
    only_vans = SUMMED.replace('"sum(', "'sum(").replace(
        'vehicles.ef)"', """if(vehicles.kind == "van", vehicles.ef, 0 [kgCO2e/L]))'"""
    )
    text = changed(changed(WRITTEN, "kind: van}]", "kind: van}, {fuel: 26, ef: 0.5, kind: van}]"), "TEXT", "see there")
    resolution, findings = planned(text, only_vans)
    assert resolution is not None, findings
    assert {c.name: c.required for c in resolution.flat[0].spec.inputs["vehicles"].columns} == {
        "fuel": True,
        "ef": True,
        "mass": False,
        "kind": True,
        "scope": False,
    }
    assert resolution.flat[0].spec.golden == ()  # its first row says of no kind


def test_a_list_of_flat_objects_is_a_table_once_a_reviewed_formula_sums_over_it() -> None:
    alone = good(LISTED)
    assert alone.inputs == {}
    assert [alone.unused[n].columns != () for n in ("vehicles", "others")] == [True, False]
    assert all(x.fate == "ignored" for x in alone.ledger if ".items." in x.path)
    resolution, findings = planned(LISTED, SUMMED)
    assert resolution is not None, findings
    assert resolution.complete
    fates = {x.fate for x in resolution.spec.ledger if ".vehicles.items.properties." in x.path}
    assert fates == {"used"}
    assert any("worked example `example`: 26 computed" in e.text for e in resolution.plans["co2e"].evidence)
    with imported(resolution) as pack:
        answer = pack.AGENT.run({"vehicles": [{"fuel": 2, "ef": 3}, {"fuel": 1, "ef": 1}]})
        assert answer.data.as_dict() == {"co2e": D(7)}


def test_the_carbon_agent_of_the_real_specs_adds_up_the_records_that_it_is_given(shared: Path) -> None:
    name = "agentspec_v2_sections/carbon_agent"
    text = (shared / "specs" / f"{name}.yaml").read_text()
    resolution, findings = planned(text, (Path(__file__).parents[1] / "overlays" / f"{name}.overlay.yaml").read_text())
    assert resolution is not None, findings
    assert {n: p.means for n, p in resolution.flat[0].plans.items()} == {
        "total_kg": "prose",
        "total_tons": "prose",
        "num_sources": "overlay",
    }
    keys = [x for x in resolution.spec.ledger if ".parameters.properties.emissions.items.properties." in x.path]
    fates = {x.path.partition(".parameters")[0]: x.fate for x in keys}
    assert fates == {"tools.tools_list[0]": "used", "tools.tools_list[3]": "ignored"}  # the list of that tool only
    records = [
        {"fuel_type": "electricity", "co2e_emissions_kg": 15000, "scope": 2},
        {"co2e_emissions_kg": "0.25", "source_id": None},
    ]
    with imported(resolution) as pack:
        answer = pack.AGENT.run({"tool": "aggregate_emissions", "arguments": {"emissions": records}})
        assert answer.success, answer.errors
        assert answer.data.as_dict() == {"total_kg": D("15000.25"), "total_tons": D("15.00025"), "num_sources": D(2)}
