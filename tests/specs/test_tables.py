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
