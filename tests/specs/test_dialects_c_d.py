"""Dialects C and D: packs of agents, and packs of schema 1.0."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.specs.reader import read
from tests.specs.texts import C, D, changed, codes, good, told

ANOTHER = """\
  - id: cost-agent
    inputs: {properties: {price_eur: {type: number}}, required: [price_eur]}
    outputs: [{name: cost_eur, type: number}]
    depends_on: [fuel-agent]
"""


def test_a_pack_of_one_agent_is_flat() -> None:
    spec = good(C)
    assert (spec.dialect, spec.agent_id, spec.name, spec.summary) == (
        "C",
        "carbon-pack",
        "Carbon",
        "Emissions of fuels.",
    )
    assert spec.inputs["quantity_kwh"].unit == "kWh"
    assert spec.inputs["quantity_kwh"].ge == 0
    assert spec.inputs["region"].enum == ("US", "EU")
    assert spec.inputs["region"].default == "US"
    assert spec.gwp_set == "AR6GWP100"
    assert [p.kind for p in spec.prose] == ["description"]


def test_references_without_names_get_one_each_and_their_figures_stay_claims() -> None:
    factors = good(C).factors
    assert list(factors) == ["epa_grid_2024", "epa_grid_2024_eu"]
    assert [(f.value, f.region) for f in factors.values()] == [(Decimal("0.4"), "US"), (Decimal("0.3"), "EU")]
    fates = {x.path: x.fate for x in good(C).ledger}
    assert fates["factors[0].value"] == "ignored"
    assert fates["factors[0].ref"] == "used"


def test_a_tolerance_of_a_pack_is_in_the_unit_of_the_output() -> None:
    (case,) = good(C).golden
    wanted = case.expect["emissions_kgco2e"]
    assert (wanted.within, wanted.tol) == (Decimal("0.4"), Decimal("0.001"))
    assert case.expect["source"].tol is None


def test_limits_of_an_output_are_no_values() -> None:
    text = changed(
        C,
        "{emissions_kgco2e: 400.0, source: EPA}",
        "{emissions_kgco2e_min: 300, emissions_kgco2e_max: 500, source_format: '^E'}",
    )
    (case,) = good(text).golden
    assert case.expect == {}
    assert [(x.output, x.kind, x.value) for x in case.limits] == [
        ("emissions_kgco2e", "ge", 300),
        ("emissions_kgco2e", "le", 500),
        ("source", "matches", "^E"),
    ]


def test_rules_speak_of_output_and_input() -> None:
    assert good(C).properties[0].rule == "output.emissions_kgco2e >= 0"


def test_tools_that_nobody_defines_are_refused_by_name() -> None:
    text = changed(C, "tools: [lookup]", "tools: [lookup, converter, hasher]")
    assert [d.message for d in told(text, "GLS028")] == [
        "agent `fuel-agent` names the tool `converter`, which the pack does not define",
        "agent `fuel-agent` names the tool `hasher`, which the pack does not define",
    ]


def test_several_agents_are_parts_and_tests_find_theirs() -> None:
    text = changed(C, "tools:\n  - id", ANOTHER + "tools:\n  - id")
    spec = good(text)
    assert [p.part for p in spec.parts] == ["fuel_agent", "cost_agent"]
    assert [len(p.golden) for p in spec.parts] == [1, 0]
    assert [len(p.properties) for p in spec.parts] == [1, 0]
    assert spec.parts[1].dependencies[0].agent_id == "fuel-agent"
    lost = text.replace("- name: one", "- name: one\n      agent: no-agent")
    assert told(lost, "GLS016")[0].severity == "warning"


def test_a_type_that_no_file_defines_is_an_object() -> None:
    text = changed(C, "      - name: region\n        type: string", "      - name: region\n        type: RegionInput")
    text = text.replace("        default: US\n        validation: {enum: [US, EU]}\n", "")
    assert good(text).unused["region"].dtype == "object"
    assert told(text, "GLS017")[0].severity == "warning"


def test_an_input_that_is_an_output_too_is_information() -> None:
    text = changed(C, "      - name: source\n        type: string", "      - name: region\n        type: string")
    assert told(text, "GLS015")[0].severity == "info"
    assert set(good(text).inputs) & set(good(text).outputs) == {"region"}


def test_equations_of_the_metadata_are_read() -> None:
    text = C + "metadata: {correlations: {dew: {equation: 'T = 2 + 3', reference: a book}}}\n"
    assert "T = 2 + 3" in [p.text for p in good(text).prose]
    fates = {x.path: x.fate for x in good(text).ledger}
    assert fates["metadata.correlations.dew.equation"] == "used"
    assert fates["metadata.correlations.dew.reference"] == "ignored"


def test_dialect_d_is_a_spec() -> None:
    spec = good(D)
    assert (spec.dialect, spec.agent_id, spec.version) == ("D", "cbam/intensity_v1", "1.0.0")
    assert spec.outputs["intensity"].unit == "tCO2e/t"
    assert spec.golden[0].expect["intensity"].tol == Decimal("0.01")


@pytest.mark.parametrize(
    "ports",
    [
        "inputs: {emissions: number, quantity: number}",
        "inputs: {emissions: {type: number}, quantity: {type: number, minimum: 0}}",
        "inputs: {properties: {emissions: {type: number}, quantity: {type: number}}, required: [quantity]}",
    ],
)
def test_inputs_as_a_list_a_mapping_or_a_schema(ports: str) -> None:
    start, end = D.index("inputs:"), D.index("outputs:")
    spec = good(D[:start] + ports + "\n" + D[end:])
    assert list(spec.inputs) == ["emissions", "quantity"]
    assert spec.inputs["quantity"].required


def test_the_name_of_a_pack_is_its_id_where_there_is_no_other() -> None:
    text = changed(changed(D, "id: cbam/intensity_v1\n", ""), "name: Intensity", "name: carbon-intensity")
    assert good(text).agent_id == "carbon-intensity"
    assert "GLS011" in codes(changed(D, "id: cbam/intensity_v1\n", ""))


def test_a_manifest_has_nothing_to_generate() -> None:
    text = "name: x\nversion: 1.0.0\npack_schema_version: '1.0'\ncontents: {agents: [{name: Fuel}, {name: Grid}]}\n"
    (finding,) = told(text, "GLS027")
    assert finding.message == (
        "this is a pack manifest that lists 2 agents (Fuel, Grid) by the names of their code, without a calculation: "
        "nothing to generate"
    )


def test_real_packs(shared: Path) -> None:
    found = {}
    for folder in ("pack_agents", "pack_schema_1_0"):
        for path in sorted((shared / "specs" / folder).glob("*.yaml")):
            spec, findings = read(path.read_bytes(), path.name)
            errors = [d for d in findings if d.severity == "error"]
            found[path.name.split(".")[0]] = spec is not None or [(d.code, d.message.split("`")[3:4]) for d in errors]
    assert found == {
        "carbon-emissions": True,
        "eudr": [
            ("GLS028", ["geolocation_validator"]),
            ("GLS028", ["deforestation_detector"]),
            ("GLS028", ["dds_generator"]),
        ],
        "gl-020-economizer": True,
        "cbam_carbon_intensity": True,
        "emissions-core": [("GLS027", [])],
        "fuel_analyzer": True,
        "minimal": [("GLS027", [])],
    }


@pytest.mark.parametrize("key", ["formula", "formulas", "equation", "equations"])
@pytest.mark.parametrize(("before", "indent"), [("    tools: [lookup]\n", "    "), ("  - id: lookup\n", "    ")])
def test_c_equations_of_an_agent_and_of_its_tools_are_methods(key: str, before: str, indent: str) -> None:
    text = changed(C, before, f'{before}{indent}{key}: {{of_fuel: "emissions = quantity * 0.5"}}\n')
    spec = good(text)
    assert "emissions = quantity * 0.5" in [p.text for p in spec.prose if p.kind == "formula"]
    assert not told(text, "GLS018")
