"""`greenlang agent validate | diff` and `greenlang spec`: what a person and a program see of a spec file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.specs.reader import read
from greenlang.specs.schemas import schema_of
from tests.specs.test_diff import BASE
from tests.specs.test_overlay import OVERLAY
from tests.specs.texts import SECOND, A, C, D

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return run


def put(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [folder / f"{name}.yaml" for name in texts]


def test_findings_as_text_json_and_sarif(call: Call, tmp_path: Path) -> None:
    good, bad = put(tmp_path, good=D, bad=A.replace("minimum: 0", "minimum: lots"))
    told = call("agent", "validate", "--quick", bad)
    assert told.exit_code == 1
    assert "bad.yaml:18:13: error GLS012:" in told.output
    assert call("agent", "validate", "--quick", good).exit_code == 0
    row = json.loads(call("agent", "validate", "--quick", good, "--format", "json").stdout)
    assert (row["valid"], row["dialect"], row["complete"]) == (True, "D", None)
    both = json.loads(call("agent", "validate", "--quick", good, bad, "--json").stdout)
    assert (both["valid"], [f["valid"] for f in both["files"]]) == (False, [True, False])
    sarif = json.loads(call("agent", "validate", "--quick", bad, "--format", "sarif").stdout)
    assert sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == bad.as_uri()


def test_mistakes_of_form_and_of_meaning_are_told_in_one_pass(call: Call, tmp_path: Path) -> None:
    meant = BASE.replace("ef://desnz/electricity/2025", "ef://mars/dust/2030")
    both, deep = put(
        tmp_path,
        both=meant.replace("version: ", "sumary: typed\nversion: "),
        deep=meant.replace("unit: kWh", "unit: kWhh"),
    )
    told = call("agent", "validate", both)
    assert told.exit_code == 1
    assert [c for c in ("GLS010", "GLS031") if c not in told.output] == []
    told = call("agent", "validate", deep)
    assert [c for c in ("GLS020", "GLS031") if c not in told.output] == []
    assert "GLS041" not in told.output  # what follows from the wrong unit is not told


def test_plans_are_part_of_the_answer(call: Call, tmp_path: Path) -> None:
    text = BASE.replace("energy * factor(grid)", "energy * 0.2 [kgCO2e/kWh]").replace(
        '    grid: {ref: "ef://desnz/electricity/2025"}\n', ""
    )
    (spec,) = put(tmp_path, spec=text.replace("  factors:\n", "").replace("provenance: {gwp_set: AR5}\n", ""))
    told = call("agent", "validate", spec)
    assert told.exit_code == 0, told.output
    assert "outputs with a plan: 1" in told.output
    (other,) = put(tmp_path, other=D)
    assert call("agent", "validate", other).exit_code == 1


def test_a_folder_is_read_without_its_overlays_and_checked_for_circles(call: Call, tmp_path: Path) -> None:
    texts = {}
    for own, other in (("a", "b"), ("b", "a")):
        needs = f'process."\n  dependencies: [{{agent_id: x/{other}, relationship: receives_data_from}}]\n'
        texts[own] = A.replace("industrial/heat_agent", f"x/{own}").replace('process."\n', needs)
    put(tmp_path, **texts)
    (tmp_path / "a.overlay.yaml").write_text(OVERLAY.replace("industrial/heat_agent", "x/a"))
    told = call("agent", "validate", "--quick", tmp_path)
    assert told.exit_code == 1
    assert "circular dependencies: x/a → x/b → x/a" in told.output
    assert "overlay" not in told.output
    assert call("agent", "validate", tmp_path / "nothing").exit_code == 2


def test_the_overlay_beside_a_spec_is_used(call: Call, tmp_path: Path) -> None:
    (spec,) = put(tmp_path, heat=A)
    (tmp_path / "heat.overlay.yaml").write_text(OVERLAY.replace("heat_kw: MW", "heat: MW"))
    told = call("agent", "validate", "--quick", spec)
    assert told.exit_code == 1
    assert "heat.overlay.yaml:5:3: error GLS081:" in told.output
    other = tmp_path / "other.yaml"
    other.write_text(OVERLAY)
    assert call("agent", "validate", "--quick", spec, "--overlay", other).exit_code == 0


def test_a_dialect_may_be_named(call: Call, tmp_path: Path) -> None:
    (spec,) = put(tmp_path, spec=A + "pack_schema_version: '1.0'\n")
    assert "GLS009" in call("agent", "validate", "--quick", spec).output
    assert call("agent", "validate", "--quick", spec, "--dialect", "a").exit_code == 0
    assert call("agent", "validate", "--quick", spec, "--dialect", "E").exit_code == 2


def test_fix_repairs_in_place_once_and_says_what(call: Call, tmp_path: Path) -> None:
    (spec,) = put(tmp_path, spec=A)
    first = call("agent", "validate", "--quick", "--fix", spec)
    assert first.exit_code == 0
    assert "spec.yaml: repaired: line 19:" in first.output
    assert spec.read_text(encoding="utf-8") == A.replace("            required: true\n", "")
    assert "repaired" not in call("agent", "validate", "--quick", "--fix", spec).output
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


def test_diff_names_the_step_and_whether_the_version_takes_it(call: Call, tmp_path: Path) -> None:
    old, new = put(tmp_path, old=BASE, new=BASE.replace("le: 100", "le: 90"))
    told = call("agent", "diff", old, new)
    assert told.exit_code == 1
    assert "major: from 1.2.3 to 2.0.0 at least; the new one is 1.2.3, which is too low: write 2.0.0" in told.output
    new.write_text(BASE.replace("le: 100", "le: 90").replace("1.2.3", "2.0.0"))
    row = json.loads(call("agent", "diff", old, new, "--json").stdout)
    assert (row["bump"], row["least_version"], row["enough"]) == ("major", "2.0.0", True)
    assert call("agent", "diff", old, old).output == "the two mean the same\n"
    new.write_text("a: [")
    assert call("agent", "diff", old, new).exit_code == 1


def test_the_schema_of_a_dialect(call: Call) -> None:
    assert json.loads(call("spec", "schema", "--dialect", "A").stdout) == schema_of("A")
    assert "reviewed" in json.loads(call("spec", "schema", "--overlay").stdout)["properties"]


def test_convert_writes_a_file_and_lists_what_is_lost(call: Call, tmp_path: Path) -> None:
    (spec,) = put(tmp_path, spec=C)
    out = tmp_path / "new.pack.yaml"
    told = call("spec", "convert", spec, "--to", "b", "-o", out, "--domain", "energy")
    assert told.exit_code == 0
    assert "tolerances are shares of the value now" in told.stderr
    found, _ = read(out.read_bytes())
    assert found is not None
    assert found.agent_id == "energy/carbon-pack"
    assert read(call("spec", "convert", spec).stdout.encode())[0] is not None


def test_convert_takes_over_what_prose_is_proved_to_be(call: Call, tmp_path: Path) -> None:
    prose = "Δp × V̇ / η for a fan"
    text = A.replace("heat_kw = mass_flow × cp × 10", "Q̇ = ṁ × cₚ × ΔT, where ΔT = 12 kelvin").replace("83.6", "100.32")
    (spec,) = put(tmp_path, spec=text)
    out = tmp_path / "new.pack.yaml"
    told = call("spec", "convert", spec, "-o", out)
    assert "the author's text of `heat_kw` is its formula now: mass_flow × cp × 12 [K]" in told.stderr
    assert "is prose; write it as a formula" not in told.stderr
    assert call("agent", "validate", out).exit_code == 0
    unproved = put(tmp_path, spec=text.replace("Q̇ = ṁ × cₚ × ΔT, where ΔT = 12 kelvin", prose))[0]
    assert "is prose; write it as a formula" in call("spec", "convert", unproved, "-o", out).stderr
    assert "formulas:\n    heat_kw" not in out.read_text(encoding="utf-8")


def test_convert_writes_a_file_for_each_tool_into_a_folder(call: Call, tmp_path: Path) -> None:
    (spec,) = put(tmp_path, spec=A + SECOND)
    assert call("spec", "convert", spec).exit_code == 2
    assert call("spec", "convert", spec, "-o", tmp_path / "out").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["cost.pack.yaml", "heat_demand.pack.yaml"]


def test_what_cannot_be_converted_is_refused(call: Call, tmp_path: Path) -> None:
    b, broken = put(tmp_path, b=BASE, broken="a: [")
    assert "is of dialect B already" in call("spec", "convert", b).stderr
    assert call("spec", "convert", broken).exit_code == 1
