"""Resolution on real specs: what is found, on which evidence, and what is refused with which numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang import _paths
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution import run
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read

EXAMPLES = _paths.data() / "templates" / "specs" / "examples"


def resolved(data: bytes) -> Resolution:
    spec, findings = read(data)
    assert spec is not None, findings
    return resolve(spec, FactorTable.load(), library())


def computed(resolution: Resolution, **given: Decimal | str) -> dict[str, object]:
    rows = run.tables(resolution.lookups)
    return dict(run.outputs(resolution.spec, resolution.plans, resolution.order, rows, given))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name.split(".")[0])
def test_every_example_has_a_proved_plan_for_every_output(path: Path) -> None:
    resolution = resolved(path.read_bytes())
    assert resolution.complete
    assert [d for d in resolution.diagnostics if d.severity == "error"] == []
    assert set(resolution.order) == set(resolution.spec.outputs)
    assert all(f.citation and f.document for f in resolution.pinned)


class TestTheCarbonCalculatorOfTheDesignDocument:
    """pack.yaml of document 001, section 2.3, unchanged."""

    resolution = resolved((EXAMPLES / "carbon_calculator.pack.yaml").read_bytes())

    def test_it_is_the_document_s_text(self, shared: Path) -> None:
        text = next((shared / "seeds").glob("001_*.txt")).read_text()
        block = text.split("#### 2.3")[1].split("```yaml\n")[1].split("```")[0]
        assert (EXAMPLES / "carbon_calculator.pack.yaml").read_text() == block

    def test_it_calculates_natural_gas_of_the_2024_hub_with_ar6(self) -> None:
        # 53.06 kg CO2, 1.0 g CH4, 0.10 g N2O per mmBtu; AR6: 27.9 and 273; 1 mmBtu = 293.07107... kWh
        got = computed(self.resolution, fuel_type="natural_gas", consumption=Decimal(1000), country="US")
        by_hand = Decimal(1000) * (Decimal("53.06") + Decimal("0.0279") + Decimal("0.0273")) / Decimal("293.0710701722")
        assert abs(Decimal(str(got["co2e_emissions_kg"])) - by_hand) < Decimal("1e-6")

    def test_its_plans_come_from_the_library_and_cite_the_2024_vintage(self) -> None:
        assert {p.output: p.means for p in self.resolution.plans.values()} == {
            "co2e_emissions_kg": "library",
            "emission_factor_used": "library",
            "calculation_provenance": "system",
        }
        assert {f.vintage for f in self.resolution.pinned} == {"2024", "ar6"}

    def test_coal_is_ambiguous_and_names_the_ranks(self) -> None:
        gap = next(g for g in self.resolution.gaps if g.selectors == (("fuel_type", "coal"),))
        assert {"anthracite", "bituminous", "sub-bituminous", "lignite"} <= set(gap.candidates)

    def test_electricity_and_other_countries_stand_in_no_reference(self) -> None:
        reasons = {g.selectors: g.reason for g in self.resolution.gaps}
        assert "stands in none of the references" in reasons[(("fuel_type", "electricity"),)]
        assert reasons[(("country", "*"),)] == "the references hold US only"

    def test_the_gaps_are_vectors_that_must_be_refused(self) -> None:
        gaps = {v.name for v in self.resolution.vectors if v.error == "not_covered"}
        assert gaps == {"not_covered_coal", "not_covered_electricity", "not_covered_DE"}

    def test_it_says_that_the_factors_are_per_gross_heating_value(self) -> None:
        notes = [e.text for e in self.resolution.plans["co2e_emissions_kg"].evidence]
        assert any("gross (higher) heating value" in n for n in notes)


class TestTheBoilerThatContradictsItself:
    @pytest.fixture
    def messages(self, shared: Path) -> list[str]:
        data = (shared / "specs" / "pack_compute" / "boiler_natural_gas.pack.yaml").read_bytes()
        return [d.message for d in resolved(data).diagnostics]

    def test_its_references_fail_with_three_nearest(self, shared: Path) -> None:
        data = (shared / "specs" / "pack_compute" / "boiler_natural_gas.pack.yaml").read_bytes()
        lost = [d for d in resolved(data).diagnostics if d.code == "GLS031"]
        assert [d.path for d in lost] == ["compute.factors.co2e_factor", "compute.factors.grid_factor"]
        assert all(len(re.findall(r"ef://", d.hint)) == 3 for d in lost)

    def test_the_golden_case_that_implies_another_number_is_named_with_both(self, messages: list[str]) -> None:
        assert any("`low_efficiency` says co2e_kg = 355.2" in m and m.endswith("= 300.6") for m in messages)

    def test_the_property_that_fights_the_energy_balance_is_named(self, messages: list[str]) -> None:
        assert any(
            "`monotone_efficiency_inverse`" in m and "contradicts the spec's own energy_mj" in m for m in messages
        )

    def test_it_is_told_so_too_when_its_references_resolve(self, shared: Path) -> None:
        data = (shared / "specs" / "pack_compute" / "boiler_natural_gas.pack.yaml").read_bytes()
        data = data.replace(b"ef://ipcc_ar6/combustion/ng/co2e_kg_per_mj", b"ef://ipcc/gwp/ar6/ch4")
        data = data.replace(b"ef://epa/egrid/us_average/co2e_kg_per_mwh", b"ef://ipcc/gwp/ar6/n2o")
        messages = [d.message for d in resolved(data).diagnostics]
        assert not any("names no factor" in m for m in messages)
        assert any("355.2" in m and "300.6" in m for m in messages)


def test_nothing_certain_is_incomplete_with_candidates(shared: Path) -> None:
    resolution = resolved((shared / "specs" / "pack_compute" / "grid_factor_ai.pack.yaml").read_bytes())
    assert not resolution.complete
    missing = {m.output: m for m in resolution.missing}
    assert missing["emission_factor"].reason == "no formula of the library fits for certain"
    assert any("carbon/energy-times-intensity" in c for c in missing["emission_factor"].candidates)
    assert resolution.vectors == ()


SPEC = """\
schema_version: "2.0.0"
id: "test/agent_v1"
name: "Test"
version: "1.0.0"
compute:
  inputs:
    electricity: {dtype: float64, unit: kWh, ge: 0}
%(inputs)s
  outputs:
    co2e: {dtype: float64, unit: kgCO2e}
  factors:
    grid: {ref: "%(ref)s"}
%(rest)s
"""


def spec(
    inputs: str = "", ref: str = "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh", rest: str = ""
) -> bytes:
    return (SPEC % {"inputs": inputs, "ref": ref, "rest": rest}).encode()


def test_the_one_formula_that_fits_is_found_and_calculates() -> None:
    resolution = resolved(spec())
    assert resolution.plans["co2e"].formula_id == "carbon/energy-times-intensity"
    assert computed(resolution, electricity=Decimal(1000)) == {"co2e": Decimal(177)}


def test_a_golden_case_that_it_does_not_reproduce_rules_it_out() -> None:
    golden = "tests:\n  golden:\n    - {name: a, input: {electricity: 10}, expect: {co2e: 99}}"
    resolution = resolved(spec(rest=golden))
    assert not resolution.complete
    assert "co2e is 1.77 computed, 99 expected" in resolution.missing[0].candidates[-1]


def test_an_input_left_unused_rules_it_out() -> None:
    resolution = resolved(spec(inputs="    efficiency: {dtype: float64, unit: '1', gt: 0, le: 1}"))
    assert "it leaves efficiency unused" in resolution.missing[0].candidates[-1]


def test_two_inputs_that_fit_are_both_named() -> None:
    resolution = resolved(spec(inputs="    energy: {dtype: float64, unit: MJ, ge: 0}"))
    assert any("electricity and energy both fit" in c for c in resolution.missing[0].candidates)


def test_co2e_of_another_gwp_set_than_declared_is_refused() -> None:
    resolution = resolved(spec(rest="provenance: {gwp_set: AR6}"))
    assert [d.message for d in resolution.diagnostics] == ["`co2e` is on AR5GWP100, the spec declares AR6GWP100"]


def test_unlike_gwp_sets_are_not_added() -> None:
    rest = (
        "    warm: {ref: 'ef://epa/waste/2025/glass/recycled'}\n"
        "  formulas:\n    co2e: electricity * factor(grid) + 1 [short_ton] * factor(warm)"
    )
    resolution = resolved(spec(rest=rest))
    assert [d.message for d in resolution.diagnostics] == ["`co2e` adds CO2e of AR4GWP100 and AR5GWP100"]


def test_a_library_formula_can_be_named_by_the_spec() -> None:
    rest = (
        "  formulas:\n    co2e: {formula: carbon/energy-times-intensity, bind: {energy: electricity, ef: factor(grid)}}"
    )
    resolution = resolved(spec(rest=rest))
    assert resolution.plans["co2e"].means == "given"
    assert computed(resolution, electricity=Decimal(10)) == {"co2e": Decimal("1.77")}


def test_an_optional_input_without_default_cannot_be_calculated_with() -> None:
    resolution = resolved(
        spec(
            inputs="    extra: {dtype: float64, unit: kgCO2e, required: false}",
            rest="  formulas:\n    co2e: electricity * factor(grid) + extra",
        )
    )
    assert "`extra` may be left out and has no default" in resolution.diagnostics[0].message


def test_the_same_spec_resolves_to_the_same_plans() -> None:
    data = (EXAMPLES / "stationary_combustion.pack.yaml").read_bytes()
    assert resolved(data) == resolved(data)
