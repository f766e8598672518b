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


def test_rows_that_are_pinned_several_times_are_one_table_also_where_their_name_is_taken() -> None:
    def basis(of: str) -> str:
        return f'electricity * factor(grid, gas = "CO2e", per = "kWh", calorific_basis = "{of}")'

    formula = f"  formulas:\n    co2e: '{basis('HHV')} + {basis('LHV')} + {basis('LHV')}'"
    lookups = resolved(spec(ref="ef://desnz/fuels/2025/natural-gas", rest=formula)).lookups
    rows = {name: [row.calorific_basis for row in table.rows.values()] for name, table in lookups.items()}
    assert rows == {"grid_co2e": ["HHV"], "grid_co2e_2": ["LHV"]}


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("/ 1000", True),
        ("/ 1000 [1]", False),
        ("* 0.001", True),
        ("* 0.001 [kg/kg]", False),
        ("* (1 / 1000) [kg/kg]", False),
        ("/ (count / 0.001)", True),
        ("/ (count / 0.001 [1])", False),
    ],
)
def test_a_number_that_converts_once_more_is_told_unless_it_has_a_unit(number: str, told: bool) -> None:
    written = SPEC.replace("{dtype: float64, unit: kgCO2e}", "{dtype: float64, unit: tCO2e}") % {
        "inputs": '    count: {dtype: int32, unit: "1", ge: 1}',
        "ref": "ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh",
        "rest": f'  formulas:\n    co2e: "electricity * factor(grid) {number}"',
    }
    assert ("GLS044" in {d.code for d in resolved(written.encode()).diagnostics}) is told


def test_the_same_spec_resolves_to_the_same_plans() -> None:
    data = (EXAMPLES / "stationary_combustion.pack.yaml").read_bytes()
    assert resolved(data) == resolved(data)


class TestWrongNumbersAreNotAccepted:
    """Found by trying to break it: each of these once computed a number without complaint."""

    warm = "    warm: {ref: 'ef://epa/waste/2025/glass/recycled'}\n"

    def messages(self, **parts: str) -> list[str]:
        return [d.message for d in resolved(spec(**parts)).diagnostics if d.severity == "error"]

    def missing(self, **parts: str) -> str:
        resolution = resolved(spec(**parts))
        assert not resolution.complete
        return resolution.missing[0].candidates[-1]

    def test_unlike_gwp_sets_are_not_added_through_other_outputs(self) -> None:
        data = spec(
            rest=self.warm
            + "  formulas:\n    co2e: a + b\n    a: electricity * factor(grid)\n    b: 1 [t] * factor(warm)"
        )
        data = data.replace(
            b"    co2e: {dtype: float64, unit: kgCO2e}",
            b"    co2e: {dtype: float64, unit: kgCO2e}\n    a: {dtype: float64, unit: kgCO2e}\n    b: {dtype: float64, unit: kgCO2e}",
        )
        messages = [d.message for d in resolved(data).diagnostics]
        assert "`co2e` adds CO2e of AR4GWP100 and AR5GWP100" in messages

    def test_the_gwp_set_of_a_reference_is_compared_with_its_rows(self) -> None:
        data = spec().replace(b'co2e-per-kwh"}', b'co2e-per-kwh", gwp_set: AR6GWP100}')
        assert [d.message for d in resolved(data).diagnostics] == [
            "`grid` is declared on AR6GWP100, its rows are on AR5GWP100"
        ]

    @pytest.mark.parametrize(
        ("inputs", "name"),
        [
            ("    oxidation: {dtype: float64, default: 0.5}", "oxidation"),
            ("    share: {dtype: float64, unit: '%', required: false}", "share"),
            ("    boundary: {dtype: string, enum: [WTT, TTW]}", "boundary"),
            ("    upstream: {dtype: bool, default: false}", "upstream"),
        ],
    )
    def test_a_library_formula_that_ignores_an_input_is_not_chosen(self, inputs: str, name: str) -> None:
        assert f"it leaves {name} unused" in self.missing(inputs=inputs)

    def test_words_that_the_formula_does_not_know_need_a_golden_case(self) -> None:
        data = spec().replace(b"co2e:", b"annual_co2e_saved:")
        assert "knows nothing of annual, saved" in resolved(data).missing[0].candidates[-1]
        golden = b"tests:\n  golden:\n    - {name: a, input: {electricity: 10}, expect: {annual_co2e_saved: 1.77}}\n"
        assert resolved(data + golden).complete

    def test_net_energy_does_not_meet_gross_factors(self) -> None:
        data = spec(ref="ef://epa/stationary-combustion/2025/natural-gas", rest="provenance: {gwp_set: AR6}")
        data = data.replace(b"electricity:", b"energy_lhv:")
        candidates = resolved(data).missing[0].candidates
        assert any("`energy_lhv` is said to be lhv, the factors are per gross" in c for c in candidates)

    def test_an_unknown_symbol_of_bind_is_named(self) -> None:
        rest = "  formulas:\n    co2e: {formula: carbon/energy-times-intensity, bind: {enrgy: electricity, ef: factor(grid)}}"
        assert "has no symbol `enrgy`; did you mean `energy`?" in self.messages(rest=rest)[0]

    def test_a_number_is_no_text(self) -> None:
        data = spec(rest="  formulas:\n    co2e: electricity * 2").replace(
            b"dtype: float64, unit: kgCO2e", b"dtype: string"
        )
        assert "`co2e` is a string, the formula gives a number" in resolved(data).diagnostics[0].message

    def test_a_property_without_an_answer_is_told(self) -> None:
        rest = '  formulas:\n    co2e: electricity * factor(grid)\ntests:\n  properties:\n    - {name: p, rule: "1 / input.electricity >= 0 [1/kWh]"}'
        assert "property `p` (1 / input.electricity >= 0 [1/kWh]) has no answer at electricity = 0" in self.messages(
            rest=rest
        )

    def test_an_intensity_that_may_vary_is_no_contradiction(self) -> None:
        rest = (
            "  formulas:\n    co2e: heat * intensity\n    intensity: ef\ntests:\n  golden:\n"
            "    - {name: a, input: {electricity: 10, ef: 1}, expect: {co2e: 10, intensity: 1}}\n"
            "    - {name: b, input: {electricity: 10, ef: 2}, expect: {co2e: 20, intensity: 2}}\n"
            "  properties:\n    - {name: e, rule: output.heat == input.electricity}"
        )
        data = spec(inputs="    ef: {dtype: float64, unit: kgCO2e/kWh, ge: 0}", rest=rest).replace(
            b"  outputs:\n",
            b"  outputs:\n    heat: {dtype: float64, unit: kWh}\n    intensity: {dtype: float64, unit: kgCO2e/kWh}\n",
        )
        assert [d.message for d in resolved(data).diagnostics if d.severity == "error"] == []

    def test_a_misspelt_value_is_told_though_the_agent_is_built(self) -> None:
        rest = "  formulas:\n    co2e: mass * factor(warm, activity = stream)"
        data = spec(
            inputs="    stream: {dtype: string, enum: [glass/recycled, glas/landfilled]}\n    mass: {dtype: float64, unit: t}",
            rest="    warm: {ref: 'ef://epa/waste/2025'}\n" + rest,
        )
        warnings = [d.message for d in resolved(data).diagnostics if d.code == "GLS061"]
        assert any("stream = glas/landfilled" in w for w in warnings)


def test_a_sample_outside_the_limits_is_never_a_vector() -> None:
    inputs = "    n: {dtype: int32, gt: 0, le: 10}\n    code: {dtype: string, pattern: '^[A-Z]{2}$', required: false, default: AB}"
    resolution = resolved(spec(inputs=inputs, rest="  formulas:\n    co2e: electricity * factor(grid) / n"))
    assert resolution.vectors
    assert all(0 < int(str(v.input["n"])) <= 10 for v in resolution.vectors)
    assert all(v.error == "" for v in resolution.vectors)


@pytest.mark.parametrize(
    ("expected", "hint"),
    [
        ("1770", "they are apart by 1000: is a unit kg for t"),
        ("6.372", "they are apart by 3.6: kWh against MJ?"),
        ("5", "mend the"),
    ],
)
def test_a_golden_case_that_is_off_by_a_unit_is_told_so(expected: str, hint: str) -> None:
    rest = (
        "  formulas:\n    co2e: electricity * factor(grid)\ntests:\n  golden:\n"
        f"    - {{name: a, input: {{electricity: 10}}, expect: {{co2e: {expected}}}}}"
    )
    (finding,) = resolved(spec(rest=rest)).diagnostics
    assert finding.hint.startswith(hint)


def test_a_property_may_refer_to_factors_that_no_formula_uses() -> None:
    rest = (
        "    cap: {ref: 'ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-net'}\n"
        "  formulas:\n    co2e: electricity * factor(grid)\n"
        "tests:\n  properties:\n    - {name: below_gas, rule: output.co2e <= input.electricity * factor(cap)}"
    )
    resolution = resolved(spec(rest=rest))
    assert [d for d in resolution.diagnostics if d.severity == "error"] == []
    assert any("below_gas" in e.text for e in resolution.plans["co2e"].evidence)
    assert set(resolution.lookups) == {"grid"}
