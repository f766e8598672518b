"""Generated packs: the golden record, what a person reads, and packs that really work."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from greenlang.factory.generate import distribution_name, generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.provenance import tree
from greenlang.resolution.plan import Missing, Resolution
from greenlang.specs.model import AgentSpec

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def bare(agent_id: str, version: str = "1.0.0") -> AgentSpec:
    return AgentSpec("B", "0" * 64, agent_id, version, agent_id)


RECORDS = ("combustion", "heat_pump", "odd", "smallest", "toolbox")


@pytest.mark.parametrize("record", RECORDS)
def test_golden_record(record: str, builders: dict[str, Callable[[], Resolution]]) -> None:
    stored = {
        path.relative_to(GOLDEN / record).as_posix(): path.read_bytes()
        for path in (GOLDEN / record).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    made = generate(builders[record]())
    assert sorted(made) == sorted(stored)
    for name, content in made.items():
        assert content.decode() == stored[name].decode(), f"{name}: make regen"


def test_every_golden_pack_has_its_record() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir() if path.is_dir() and path.name[0] not in "._") == list(RECORDS)


@pytest.mark.slow
@pytest.mark.parametrize("record", RECORDS)
def test_golden_packs_are_clean_under_strict_types(record: str, tmp_path: Path) -> None:
    """As they lie in the repository: package, tests, and each demo by itself."""
    pack = GOLDEN / record
    package = next(path.name for path in pack.glob("gl_*"))
    targets = [[package, "demos/command_line.py", "tests"], ["demos/notebook.py"], ["demos/api.py"]]
    for names in targets:
        done = run(pack, "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *names)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("seed", "zone", "language"), [("0", "UTC", "C"), ("7", "Asia/Tokyo", "C.UTF-8")])
def test_same_bytes_under_any_hash_seed_zone_and_locale(
    builders: dict[str, Callable[[], Resolution]], seed: str, zone: str, language: str
) -> None:
    code = (
        "import hashlib, sys; sys.path.insert(0, 'tools'); import regen_golden as r;"
        "from greenlang.factory.generate import generate;"
        "packs = [generate(make()) for make in r.resolutions().BUILDERS.values()];"
        "print(hashlib.sha256(b''.join(n.encode() + d for p in packs for n, d in p.items())).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    packs = [generate(make()) for make in builders.values()]
    here = b"".join(name.encode() + content for files in packs for name, content in files.items())
    assert done.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_an_incomplete_agent_is_never_generated(combustion: Resolution) -> None:
    with pytest.raises(ValueError, match="no plan for co2e_kg"):
        generate(replace(combustion, missing=(Missing("co2e_kg", "nothing found"),)))


def test_package_names_are_legal_and_one_to_one() -> None:
    ids = ["emissions/carbon_calculator_v1", "a/b_c", "a_b/c", "a/b-c", "a-b/c", "a/b/c", "os", "A/b", "a/b"]
    names = [package_name(bare(i)) for i in ids]
    assert names[0] == "gl_emissions_carbon_calculator_v1"
    assert len(set(names)) == len(ids)
    assert len({distribution_name(bare(i)) for i in ids}) == len(ids)
    assert all(n.isidentifier() and n not in sys.stdlib_module_names for n in names)


@pytest.mark.parametrize(
    ("version", "wheel"),
    [("1.0.0", "1.0.0"), ("2.1.0-beta.1", "2.1.0b1"), ("1.0.0+build.5", "1.0.0+build.5"), ("1.0.0-x.y", "1.0.0+x.y")],
)
def test_any_semantic_version_makes_a_wheel_version(combustion: Resolution, version: str, wheel: str) -> None:
    files = generate(replace(combustion, spec=replace(combustion.spec, version=version)))
    assert tomllib.loads(files["pyproject.toml"].decode())["project"]["version"] == wheel


def test_the_manifest_says_how_each_output_was_found(combustion: Resolution) -> None:
    manifest = yaml.safe_load(generate(combustion)["pack.yaml"])
    total = manifest["compute"]["outputs"]["co2e_kg"]
    assert total["means"] == "given"
    assert total["citation"] == "GHG Protocol, chapter 6"
    assert total["evidence"] == [{"kind": "dimensions", "text": "the units agree"}]
    assert [f["value"] for f in manifest["compute"]["factors"]] == ["3", "73.96", "29.8", "1", "53.06"]
    assert manifest["compute"]["gaps"][0]["reason"] == "coal is ambiguous: anthracite, bituminous"


def test_readme_tells_what_is_not_covered(combustion: Resolution) -> None:
    readme = generate(combustion)["README.md"].decode()
    assert "`fuel_type` = `electricity`: electricity stands in none of the references" in readme
    assert "`country` = any other: only US stands in the references" in readme
    assert "co2_kg + ch4_kg × gwp_ch4" in readme


def test_what_is_not_covered_names_its_tool(toolbox: Resolution) -> None:
    readme = generate(toolbox)["README.md"].decode()
    assert "- `burn_fuel`, `fuel_type` = `electricity`: electricity stands in none" in readme
    assert "- `burn_fuel_ar5`, `fuel_type` = `electricity`: electricity stands in none" in readme
    assert "(candidates:" not in readme  # the reasons name them


def test_an_agent_that_reads_no_table_says_nothing_of_factors(heat_pump: Resolution) -> None:
    files = generate(heat_pump)
    assert not [name for name in files if "factors" in name]
    for name in ("CHANGELOG.md", "LICENSE"):
        assert "factor" not in files[name].decode()
    assert "This agent uses no emission factors." in files["README.md"].decode()


def test_the_licence_comes_with_its_text_where_it_is_known(combustion: Resolution, heat_pump: Resolution) -> None:
    assert "TERMS AND CONDITIONS FOR USE" in generate(combustion)["LICENSE"].decode()
    assert "Permission is hereby granted" in generate(heat_pump)["LICENSE"].decode()
    own = replace(combustion, spec=replace(combustion.spec, license="../../LICENSE"))
    assert "licensed under ../../LICENSE.\n" in generate(own)["LICENSE"].decode()


def test_expected_values_are_the_resolution_s_own(combustion: Resolution) -> None:
    cases = json.loads(generate(combustion)["tests/vectors.json"])
    digits = next(case for case in cases["vectors"] if case["name"] == "many_digits")
    given = cases["vectors"][: len(combustion.vectors)]
    assert [c["expect"] for c in given] == [v.expect for v in combustion.vectors]
    energy = Decimal(digits["input"]["consumption"]) * Decimal("0.003412141633127941920046026160112198")
    assert Decimal(digits["expect"]["co2_kg"]) == round(energy * Decimal("53.06"), 6)
    assert {(f["table"], f["value"]) for f in cases["figures"]} >= {("gwp_ch4", "29.8"), ("co2_factor", "73.96")}
    assert {"output": "co2e_kg", "input": "consumption", "value": 2000, "times": "2"} in cases["scaling"]
    assert cases["bounds"] == [
        {"name": "never negative", "rule": "co2e_kg >= 0", "left": "co2e_kg", "op": ">=", "right": "0"}
    ]


NASTY = 'a"""b\\" \' {{ 7*7 }} {% raw %}\n\nimport ctypes; ctypes.CDLL("x") #\x00 | `<b>` \u202e'


def test_whatever_an_author_writes_stays_text(combustion: Resolution) -> None:
    spec = combustion.spec
    changed = replace(
        spec,
        name=NASTY,
        summary=NASTY,
        license=NASTY,
        tags=(NASTY,),
        owners=(NASTY,),
        inputs={n: replace(i, description=NASTY) for n, i in spec.inputs.items()},
        outputs={n: replace(o, description=NASTY, unit="kg") for n, o in spec.outputs.items()},
    )
    plans = {n: replace(p, text=NASTY, citation=NASTY) for n, p in combustion.plans.items()}
    files = generate(replace(combustion, spec=changed, plans=plans))
    for name, content in files.items():
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(content)):
                assert not (isinstance(node, ast.Name) and node.id == "ctypes"), name
                imports = {a.name for a in node.names} if isinstance(node, ast.Import) else set()
                assert "ctypes" not in imports, name
    assert yaml.safe_load(files["pack.yaml"])["name"] == NASTY
    assert "49" not in files["README.md"].decode().replace("1749", "")
    for line in files["README.md"].decode().splitlines():
        assert not line.startswith("import ctypes")
    tomllib.loads(files["pyproject.toml"].decode())


def test_sources_name_each_table_once_with_its_cells(combustion: Resolution) -> None:
    table = combustion.lookups["co2_factor"]
    places = ["Hub!E56", "Hub!E39"]
    rows = {k: replace(f, cell=c) for (k, f), c in zip(sorted(table.rows.items()), places, strict=True)}
    lookups = combustion.lookups | {"co2_factor": replace(table, rows=rows)}
    made = generate(replace(combustion, lookups=lookups))["gl_emissions_carbon_calculator_v1/tools.py"].decode()
    assert "        EPA GHG Emission Factors Hub 2024, Table 1, Hub, cells E39, E56\n" in made
    one = {k: replace(f, cell="Hub!AA7") for k, f in table.rows.items()}
    lookups = combustion.lookups | {"co2_factor": replace(table, rows=one)}
    made = generate(replace(combustion, lookups=lookups))["gl_emissions_carbon_calculator_v1/tools.py"].decode()
    assert "        EPA GHG Emission Factors Hub 2024, Table 1, Hub, cell AA7\n" in made
    assert "distillate-fuel-oil-no-2, CH4; natural-gas, CH4" in " ".join(made.split())


def test_numbers_of_the_spec_come_out_exactly(heat_pump: Resolution) -> None:
    package = package_name(heat_pump.spec)
    models = generate(heat_pump)[f"{package}/models.py"].decode()
    assert 'le=Decimal("40.5")' in models
    assert 'default=Decimal("0.45")' in models
    assert 'one_of(Decimal(5), Decimal("7.5"))' in models
    assert f"{Decimal('273.15')}" in generate(heat_pump)[f"{package}/tools.py"].decode()


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "MYPYPATH": str(ROOT / "sdk" / "python")}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_pack_is_clean_under_ruff(resolution: Resolution, tmp_path: Path) -> None:
    write_pack(generate(resolution), tmp_path / "pack")
    lint = run(tmp_path / "pack", "ruff", "check", "--no-cache", ".")
    assert lint.returncode == 0, lint.stdout
    layout = run(tmp_path / "pack", "ruff", "format", "--no-cache", "--diff", ".")
    assert layout.returncode == 0, layout.stdout


@pytest.mark.slow
def test_a_pack_passes_its_own_tests_and_they_reach_its_branches(resolution: Resolution, tmp_path: Path) -> None:
    pack, package = tmp_path / "pack", package_name(resolution.spec)
    write_pack(generate(resolution), pack)
    before = tree(pack)
    data = str(tmp_path / "coverage")
    done = run(
        pack,
        "coverage",
        "run",
        "--branch",
        f"--data-file={data}",
        f"--source={package}",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 40
    assert "skipped" not in done.stdout
    report = run(pack, "coverage", "report", f"--data-file={data}", "--fail-under=85")
    assert report.returncode == 0, report.stdout
    assert tree(pack) == before


@pytest.mark.slow
def test_a_wrong_figure_in_the_code_fails_the_tests(combustion: Resolution, tmp_path: Path) -> None:
    files = generate(combustion)
    tools = f"{package_name(combustion.spec)}/tools.py"
    for right, wrong in (
        (b"co2_kg + ch4_kg", b"co2_kg - ch4_kg"),
        (b"0.001", b"0.01"),
        (b"* co2_factor", b"/ co2_factor"),
    ):
        assert right in files[tools]
        pack = tmp_path / hashlib.sha256(wrong).hexdigest()[:8]
        write_pack(files | {tools: files[tools].replace(right, wrong)}, pack)
        done = run(pack, "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/test_golden.py")
        assert done.returncode == 1, wrong
