"""`greenlang agent explain`: the plan as a person would work it out on paper."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang import _paths
from greenlang.cli.main import app
from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.explain import explain
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read
from tests.resolution.dialect_a import port, resolved, tool, tool_text

EXAMPLES = _paths.data() / "templates" / "specs" / "examples"


def steps(resolution: Resolution, output: str) -> list[str]:
    return [s.strip() for paper in explain(resolution) for w in paper.outputs if w.output == output for s in w.steps]


def test_the_numbers_of_the_worked_example_stand_in_the_formula() -> None:
    example = ({"mass_kg": 1000, "heat": 4.18, "rise_k": 52}, {"energy_kwh": 60.378})
    found = tool(
        {"mass_kg": "kg", "heat": "kJ/(kg·K)", "rise_k": "K"},
        {"energy_kwh": "kWh"},
        "energy = mass_kg × heat × rise_k",
        example,
    )
    assert explain(found)[0].case == "worked example `example`"
    assert steps(found, "energy_kwh") == [
        "energy_kwh = mass_kg × heat × rise_k",
        "= 1000 kg × 4.18 kJ/(kg·K) × 52 K",
        "1000 kg × 4.18 kJ/(kg·K) = 4180 kJ/K",
        "= 217360 kJ",
        "= 60.3777778 kWh",
        "≈ 60.377778 kWh (rounded half-even to 6 digits after the point)",
    ]


def test_temperatures_show_what_they_are_in_kelvin() -> None:
    example = ({"hot_temp_c": 50, "cold_temp_c": 0}, {"cop": 6.463})
    found = tool(
        {"hot_temp_c": "degC", "cold_temp_c": "degC"}, {"cop": port("1")}, "COP = T_hot / (T_hot − T_cold)", example
    )
    written = steps(found, "cop")
    assert "50 degC = 323.15 K" in written
    assert "323.15 K − 273.15 K = 50 K" in written
    assert written[-1] == "= 6.463"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda p: p.name.split(".")[0])
def test_every_example_can_be_written_out_with_its_factors_and_citations(path: Path) -> None:
    spec, _ = read(path.read_bytes())
    assert spec is not None
    resolution = resolve(spec, FactorTable.load(), library())
    (paper,) = explain(resolution)
    assert [w.output for w in paper.outputs] == list(resolution.order)
    for worked in paper.outputs:
        plan = resolution.plans[worked.output]
        assert worked.steps[0] == f"{worked.output} = {plan.text}"
        assert plan.means == "system" or len(worked.steps) > 1
        assert all(f.citation and f.ref.startswith("ef://") for f in worked.factors)


def test_the_last_step_is_what_the_agent_answers() -> None:
    text = (EXAMPLES / "carbon_calculator.pack.yaml").read_bytes()
    spec, _ = read(text)
    assert spec is not None
    resolution = resolve(spec, FactorTable.load(), library())
    last = steps(resolution, "co2e_emissions_kg")[-1]
    vector = next(v for v in resolution.vectors if v.origin == "reference")
    assert vector.expect["co2e_emissions_kg"] in last


def test_only_the_branch_that_is_taken_is_worked_out() -> None:
    overlay = (
        'overlay: 1\nspec: {id: test/prose_agent, version: "1.0.0"}\nreviewed: {by: r}\n'
        "formulas: {b_kw: {expression: 'if(a_kw > 5, 2 * a_kw, 3 * a_kw)', source: a book}}\n"
    )
    found = resolved(tool_text({"a_kw": "kW"}, {"b_kw": "kW"}, "none", ({"a_kw": 7}, {"b_kw": 14})), overlay)
    assert steps(found, "b_kw")[1] == "= 2 × 7 kW"


def run(*arguments: str | Path, var: Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"GREENLANG_VAR": str(var)})


class TestTheCommand:
    def test_shows_paper_factors_and_evidence(self, tmp_path: Path) -> None:
        done = run("agent", "explain", EXAMPLES / "carbon_calculator.pack.yaml", var=tmp_path)
        assert done.exit_code == 0, done.output
        assert "co2e_emissions_kg [kgCO2e], by the formula library, 2006 IPCC Guidelines" in done.output
        assert (
            done.output.count("EPA GHG Emission Factors Hub, 2024 edition (last modified 13 February 2024), Table 1")
            == 3
        )
        assert "not covered: fuel_type = coal" in done.output

    def test_says_what_is_missing_and_why_and_fails(self, tmp_path: Path) -> None:
        spec = tmp_path / "a.yaml"
        spec.write_text(tool_text({"a": "kW"}, {"total_kw": "kW"}, "Database lookup based on process type"))
        done = run("agent", "explain", spec, var=tmp_path)
        assert done.exit_code == 1
        assert "no plan for total_kw: no formula of the library fits" in done.output
        assert "it is a sentence, no formula" in done.output

    def test_takes_the_overlay_that_it_is_given(self, tmp_path: Path) -> None:
        spec, overlay = tmp_path / "a.yaml", tmp_path / "other.yaml"
        spec.write_text(tool_text({"a": "kW"}, {"total_kw": "kW"}, "see the manual"))
        overlay.write_text(
            'overlay: 1\nspec: {id: test/prose_agent, version: "1.0.0"}\nreviewed: {by: r}\n'
            "formulas: {total_kw: {expression: 2 * a, source: 'Handbook, p. 3'}}\n"
        )
        done = run("agent", "explain", spec, "--overlay", overlay, var=tmp_path)
        assert done.exit_code == 0, done.output
        assert "total_kw [kW], by a reviewed overlay, Handbook, p. 3" in done.output

    def test_json_holds_every_part(self, tmp_path: Path, shared: Path) -> None:
        spec = shared / "specs" / "agentspec_v2_sections" / "industrial_heat_pump.yaml"
        done = run("agent", "explain", spec, "--json", var=tmp_path)
        told = json.loads(done.stdout)
        assert done.exit_code == 1
        assert told["complete"] is False
        assert len(told["parts"]) == 8
        carnot = next(w for p in told["parts"] for w in p["outputs"] if w["output"] == "carnot_cop")
        assert carnot["means"] == "the author's text"
