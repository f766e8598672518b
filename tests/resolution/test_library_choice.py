"""Two formulas of the library that fit: both are listed, none is chosen, unless the spec names the domain of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary, load
from greenlang.formulas.library import library as embedded
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read
from tests.resolution.dialect_a import spec_of, tool_text

FORMULA = """\
formulas:
  - id: {domain}/{subject}/heat-loss
    name: Heat loss
    domain: {domain}
    citation: {{document: A handbook, locator: page 1}}
    symbols:
      energy_in: {{origin: input, unit: kWh, range: [0, null], meaning: energy supplied, names: [energy in]}}
      energy_out: {{origin: input, unit: kWh, range: [0, null], meaning: energy delivered, names: [energy out]}}
    outputs:
      loss: {{unit: kWh, expression: {expression}, meaning: what is lost, names: [loss]}}
    vectors:
      - {{source: "worked by hand", given: {{energy_in: 3, energy_out: 1}}, expect: {{loss: {expect}}}}}
"""


def library(folder: Path, *formulas: tuple[str, str, str, int]) -> FormulaLibrary:
    for domain, subject, expression, expect in formulas:
        path = folder / domain / f"{subject}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(FORMULA.format(domain=domain, subject=subject, expression=expression, expect=expect))
    return load(folder)


def resolved(formulas: FormulaLibrary, agent_id: str = "test/prose_agent", example: float | None = None) -> Resolution:
    takes = {"energy_in_kwh": "kWh", "energy_out_kwh": "kWh"}
    case = ({"energy_in_kwh": 3, "energy_out_kwh": 1}, {"loss_kwh": example}) if example is not None else None
    text = tool_text(takes, {"loss_kwh": "kWh"}, "see the manual", case).replace("test/prose_agent", agent_id)
    return resolve(spec_of(text), FactorTable.load(), formulas)


ONE = ("energy", "pipes", "energy_in - energy_out", 2)
OTHER = ("water", "mains", "energy_in - 2 * energy_out", 1)


def test_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE))
    assert found.plans["loss_kwh"].formula_id == "energy/pipes/heat-loss"
    assert found.plans["loss_kwh"].citation == "A handbook, page 1"


def test_of_two_that_fit_both_are_listed_and_none_is_chosen(tmp_path: Path) -> None:
    (lost,) = resolved(library(tmp_path, ONE, OTHER)).missing
    assert lost.reason == "2 formulas fit and none is chosen"
    assert [c.split(" ")[0] for c in lost.candidates if "heat-loss" in c] == [
        "energy/pipes/heat-loss",
        "water/mains/heat-loss",
    ]


def test_a_worked_example_may_tell_which_and_the_other_is_refused_with_the_numbers(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE, OTHER), example=2)
    assert found.plans["loss_kwh"].formula_id == "energy/pipes/heat-loss"
    (lost,) = resolved(library(tmp_path, ONE, OTHER), example=7).missing
    assert any("2 computed, 7 expected" in c for c in lost.candidates)
    assert any("1 computed, 7 expected" in c for c in lost.candidates)


def test_the_domain_that_the_spec_names_decides(tmp_path: Path) -> None:
    found = resolved(library(tmp_path, ONE, OTHER), agent_id="water/loss_agent")
    assert found.plans["loss_kwh"].formula_id == "water/mains/heat-loss"


SPEC = """\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs: {%s}
  outputs: {%s: {dtype: float64, unit: kgCO2e}}
  factors: {table: {ref: "%s"}}
provenance: {gwp_set: AR5GWP100}
"""


def activity(inputs: str, output: str, ref: str) -> Resolution:
    spec, findings = read((SPEC % (inputs, output, ref)).encode())
    assert spec is not None, findings
    return resolve(spec, FactorTable.load(), embedded())


@pytest.mark.parametrize(
    ("inputs", "output", "ref", "formula", "text"),
    [
        (
            "electricity_kwh: {dtype: float64, unit: kWh}",
            "scope2_emissions",
            "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh",
            "carbon/energy-times-intensity",
            "electricity_kwh × ef",
        ),
        (
            "diesel_litres: {dtype: float64, unit: litre}",
            "total_co2e",
            "ef://uk_defra/2025/fuels/diesel",
            "carbon/volume-times-intensity",
            "diesel_litres × ef",
        ),
        (
            "annual_gas_volume: {dtype: float64, unit: m^3}",
            "annual_co2e",
            "ef://desnz/fuels/2025/natural-gas/co2e-per-m3",
            "carbon/volume-times-intensity",
            "annual_gas_volume × ef",
        ),
        (
            "cargo_mass: {dtype: float64, unit: t}, distance: {dtype: float64, unit: km}",
            "emissions_kg",
            "ef://desnz/freight/2025/hgv-all/average-laden",
            "carbon/activity-data/freight-distance",
            "cargo_mass × distance × ef",
        ),
        (
            "distance_driven: {dtype: float64, unit: km}, car: {dtype: string, enum: [average-car/diesel]}",
            "co2e",
            "ef://desnz/passenger-vehicles/2025",
            "carbon/driven-distance-times-intensity",
            "distance_driven × 1 vehicle × ef[car]",
        ),
        (
            "electricity: {dtype: float64, unit: MWh}, subregion: {dtype: string, enum: [CAMX, RFCW]}",
            "co2e",
            "ef://egrid/2023",
            "carbon/energy-by-gas",
            "electricity × (ef_co2[subregion] × gwp_co2 + ef_ch4[subregion] × gwp_ch4 + ef_n2o[subregion] × gwp_n2o)",
        ),
    ],
)
def test_an_activity_and_a_reference_are_enough(inputs: str, output: str, ref: str, formula: str, text: str) -> None:
    plan = activity(inputs, output, ref).plans[output]
    assert (plan.formula_id, plan.text) == (formula, text)


@pytest.mark.parametrize(
    ("inputs", "output", "reason"),
    [
        ("mass: {dtype: float64, unit: kg}, share: {dtype: float64}", "co2e", "it leaves share unused"),
        ("mass: {dtype: float64, unit: kg}", "annual_co2e", "it knows nothing of annual"),
        ("mass: {dtype: float64, unit: kg}", "co2e_saving", "it knows nothing of saving"),
        (
            "mass: {dtype: float64, unit: kg}, other_mass: {dtype: float64, unit: kg}",
            "co2e",
            "mass and other_mass both fit its mass",
        ),
        (
            "mass: {dtype: float64, unit: kg}, material: {dtype: string, enum: [mixd msw]}",
            "co2e",
            "no input's enum names the rows of the table",
        ),
    ],
)
def test_an_activity_that_is_not_the_whole_of_it_is_refused(inputs: str, output: str, reason: str) -> None:
    (lost,) = activity(inputs, output, "ef://epa/waste/2025/mixed-msw/landfilled").missing
    whole = activity(inputs, output, "ef://epa/waste/2025").missing
    assert any(reason in c for m in (lost, *whole) for c in m.candidates if "mass-times-intensity" in c)


@pytest.mark.parametrize(
    ("inputs", "output", "ref", "reason"),
    [
        (
            "diesel_litres: {dtype: float64, unit: litre}",
            "co2e",
            "ef://desnz/fuels/2025/petrol",
            "`diesel_litres` is not",
        ),
        (
            "water_volume: {dtype: float64, unit: litre}",
            "co2e",
            "ef://desnz/fuels/2025/diesel",
            "`water_volume` is not",
        ),
        (
            "electricity_kwh: {dtype: float64, unit: kWh}",
            "co2e",
            "ef://epa/stationary-combustion/2025/natural-gas",
            "`electricity_kwh` is not said to be of natural-gas",
        ),
        (
            "electricity_kwh: {dtype: float64, unit: kWh}",
            "scope1_emissions",
            "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh",
            "`scope1_emissions` is of scope 1, the factors are of scope 2",
        ),
        (
            "electricity_kwh: {dtype: float64, unit: kWh}",
            "scope_2_emissions",
            "ef://desnz/electricity/2025/electricity-generated-wtt/co2e-per-kwh",
            "`scope_2_emissions` is of scope 2, the factors are of scope 3",
        ),
    ],
)
def test_factors_of_another_fuel_or_scope_are_refused(inputs: str, output: str, ref: str, reason: str) -> None:
    (lost,) = activity(inputs, output, ref).missing
    assert any(reason in c for c in lost.candidates)


def test_of_two_references_that_fit_alike_both_are_named() -> None:
    text = SPEC % ("fuel_volume: {dtype: float64, unit: litre}", "co2e", "ef://desnz/fuels/2025/diesel")
    two = text.replace("factors: {", "factors: {car: {ref: ef://desnz/fuels/2025/petrol}, ")
    spec, findings = read(two.encode())
    assert spec is not None, findings
    (lost,) = resolve(spec, FactorTable.load(), embedded()).missing
    said = "the references `car` and `table` fit alike: write which in a formula"
    assert any(said in c for c in lost.candidates), lost.candidates
