"""`greenlang template` and `greenlang catalogue` as a person uses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.catalogue.manager import TemplateManager
from greenlang.cli.main import app
from greenlang.factors import FactorTable
from greenlang.factory.outcome import AgentOutcome
from greenlang.formulas.library import library
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.reader import read
from tests.templates.example import HEADER, TEMPLATE, row

BOILER = "steam-boiler-fuel-emissions"


def call(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def good(text: str) -> str:
    """The id of a spec that reads and resolves without a finding."""
    spec, findings = read(text.encode())
    assert spec is not None, findings
    resolution = resolve(spec, FactorTable.load(), library())
    assert resolution.complete
    assert findings + resolution.diagnostics == ()
    return spec.agent_id


def test_list_and_show() -> None:
    rows = json.loads(call("template", "list", "--domain", "Industrial", "--json").stdout)
    assert BOILER in {r["name"] for r in rows}
    assert {r["domain"] for r in rows} == {"Industrial"}
    assert "templates; `greenlang template show NAME`" in call("template", "list", "--subdomain", "Livestock").stdout
    nothing = call("template", "list", "--domain", "Space")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    shown = call("template", "show", BOILER).stdout
    assert "Plant engineers who account for what a steam boiler burns, emits and could save." in shown
    assert "energy/boilers/efficiency-improvement" in shown
    assert "grid by grid_country: DK, FI, IS, NO, SE" in shown
    assert json.loads(call("template", "show", BOILER, "--json").stdout)["name"] == BOILER
    missing = call("template", "show", "steam-boilr")
    assert missing.exit_code == 1
    assert BOILER in missing.output


def test_create_writes_a_spec_that_resolves(tmp_path: Path) -> None:
    out = tmp_path / "new" / "boiler.pack.yaml"
    done = call(
        *("template", "create", BOILER, "--region", "UK", "--sector", "Steel", "-o", str(out)),
        *("--set", "hours.default=8000", "--set", "steam_flow.le=50000", "--name", "our_boiler"),
    )
    assert done.exit_code == 0, done.output
    assert good(out.read_text(encoding="utf-8")) == "industrial/our_boiler"
    spec, _ = read(out.read_bytes())
    assert spec is not None
    assert (spec.inputs["hours"].default, spec.inputs["steam_flow"].le) == (8000, 50000)
    assert good(call("template", "create", BOILER).stdout) == f"industrial/{BOILER}"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--set", "hours=8000"), 2, "write INPUT.KEY=VALUE"),
        (("--set", "our.default=1"), 2, "the template has no input `our`"),
        (("--set", "hours.default=99999"), 1, "GLS021"),
        (("--region", "Mars"), 2, "the catalogue has no region `Mars`"),
    ],
)
def test_what_create_refuses(words: tuple[str, ...], code: int, message: str) -> None:
    done = call("template", "create", BOILER, *words)
    assert (done.exit_code, message in done.output) == (code, True), done.output


def test_validate_tells_what_is_good_and_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "small-motor.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    done = call("template", "validate", str(path))
    assert done.exit_code == 0, done.output
    assert "small-motor is valid; 15 regions served, 31 specs resolved and proved" in done.stdout
    assert "15 regions served, 17 specs" in call("template", "validate", "--quick", str(path)).stdout
    path.write_text(TEMPLATE.replace("energy: 6000", "energy: 6001"), encoding="utf-8")
    bad = call("template", "validate", str(path))
    assert bad.exit_code == 1
    line = next(i for i, text in enumerate(TEMPLATE.splitlines(), 1) if "name: full_load" in text)
    assert f"small-motor.yaml:{line}:9: error GLS051: golden case `full_load`" in bad.stdout
    (told,) = json.loads(call("template", "validate", str(path), "--json").stdout)
    assert (told["valid"], told["diagnostics"][0]["code"]) == (False, "GLS051")


def test_new_spec_asks_for_what_is_not_given(tmp_path: Path) -> None:
    out = tmp_path / "mine.pack.yaml"
    done = call("template", "new-spec", "-o", str(out), typed="emissions/mine_v1\nMine: a spec\nIt counts.\n")
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert good(text) == "emissions/mine_v1"
    assert "# an alias for each" in text
    filled = call("template", "new-spec", BOILER, "--id", "heat/ours", "--title", "Our boiler", "--region", "UK")
    assert filled.exit_code == 0, filled.output
    assert good(filled.stdout) == "heat/ours"
    assert "# cases that were worked out apart from the formulas" in filled.stdout


def test_catalogue_build_reports_three_numbers(tmp_path: Path) -> None:
    path, out, var = tmp_path / "catalogue.csv", tmp_path / "out", tmp_path / "var"
    rows = [row(n, subdomain="Steam & Boilers") for n in range(1, 6)]
    path.write_text(HEADER + "".join([*rows, row(6, subdomain="Steam & Boilers", sector="x")]), encoding="utf-8")
    words = ("--var", str(var), "catalogue", "build", str(path), "-o", str(out))
    first = call(*words)
    assert first.exit_code == 0, first.output
    assert "catalogued 6\n" in first.stdout
    assert "generated  5 specs" in first.stdout
    assert "certified  not known" in first.stdout
    assert "not served 1, each with its reason in" in first.stdout
    assert json.loads(call(*words, "--json").stdout)["certified"] is None
    assert not var.exists()

    specs = [read(p.read_bytes())[0] for p in sorted((out / "specs").iterdir())]
    outcomes = [
        AgentOutcome(key=s.partition, file="x", outcome=o, reason="", agent_id=s.agent_id, certificate_digest=c)
        for s, o, c in zip(specs, ("registered", "registered", "incomplete"), ("a" * 64, "b" * 64, ""), strict=False)
        if s is not None
    ]
    stranger = AgentOutcome(key="a/b@1.0.0-00000000", file="x", outcome="registered", reason="", certificate_digest="c")
    var.mkdir()
    started = datetime(2026, 11, 21, 2, tzinfo=UTC)
    run = RunInfo("run-1", "cli", started, finished_at=started, agents=4)
    MetricsStore(Settings(var=var)).write([*outcomes, stranger], run)
    told = json.loads(call(*words, "--json").stdout)
    assert (told["catalogued"], told["generated"], told["certified"]) == (6, 5, 2)
    assert told["outcomes"] == {"incomplete": 1, "registered": 2}
    assert "certified  2 (outcomes: 1 incomplete, 2 registered)" in call(*words).stdout


def test_catalogue_build_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text("a,b\n", encoding="utf-8")
    done = call("catalogue", "build", str(path), "-o", str(tmp_path / "out"))
    assert (done.exit_code, "no column `Agent_ID`" in done.output) == (2, True)


def test_every_template_file_is_listed() -> None:
    rows = json.loads(call("template", "list", "--json").stdout)
    assert len(rows) == len(TemplateManager().files())
