"""`greenlang template` and `greenlang catalogue` as a person uses them."""

from __future__ import annotations

import csv
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
from greenlang.provenance import bytes_digest, files_digest
from greenlang.registry import Registry, RegistryEntry
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.model import AgentSpec
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
    assert BOILER in call("template", "list", "steam", "boiler", "--domain", "industrial").stdout
    nothing = call("template", "list", "quantum", "--domain", "CDR")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    unknown = call("template", "list", "--subdomain", "boilers")
    assert (unknown.exit_code, "did you mean `Steam & Boilers`?" in unknown.output) == (2, True)
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


def test_create_with_a_file_starts_a_template_that_is_valid_and_serves(tmp_path: Path) -> None:
    path = tmp_path / "transport" / "our-van.yaml"
    done = call("template", "create", str(path))
    assert done.exit_code == 0, done.output
    assert "domain: Transport" in path.read_text(encoding="utf-8")  # that of the folder
    checked = call("template", "validate", "--quick", str(path.parent))
    assert "our-van is valid; 15 regions served" in checked.stdout, checked.output
    spec = call("template", "new-spec", str(path), "--id", "vans/ours", "--title", "Ours", "--region", "uk").stdout
    assert good(spec) == "vans/ours"
    again = call("template", "create", str(path))
    assert (again.exit_code, "stands already" in again.output) == (2, True)
    path.write_text(path.read_text(encoding="utf-8").replace("for_whom", "for_who"), encoding="utf-8")
    broken = call("template", "show", str(path))
    assert broken.exit_code == 1
    assert "our-van.yaml:6:1: error GLT001: unknown key `for_who`\n    hint: did you mean `for_whom`?" in broken.output


def test_a_spec_that_stands_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.pack.yaml"
    path.write_text("a person's work", encoding="utf-8")
    for words in (("create", BOILER), ("new-spec", BOILER, "--id", "a/b", "--title", "T")):
        done = call("template", *words, "-o", str(path))
        assert (done.exit_code, "is not overwritten" in done.output) == (2, True)
    assert path.read_text(encoding="utf-8") == "a person's work"


def register(var: Path, specs: list[AgentSpec]) -> None:
    """The first spec registered with its certificate, the second without one that stands, the third quarantined."""
    certificate = b"{}"
    outcomes = [
        AgentOutcome(key=s.partition, file="x", outcome=o, reason=r, spec_digest=s.digest, consumed_digest="d")
        for s, o, r in zip(specs, ("registered", "registered", "quarantined"), ("", "", "tests failed"), strict=False)
    ]
    run = RunInfo("run-1", "cli", datetime(2026, 11, 21, 2, tzinfo=UTC), agents=3)
    MetricsStore(Settings(var=var)).write(outcomes, run)
    with Registry(Settings(var=var).registry) as registry:
        for spec, folder in zip(specs, ("packs/one", "packs/gone"), strict=False):
            entry = RegistryEntry(
                spec.agent_id,
                spec.version,
                spec.digest,
                files_digest({}),
                bytes_digest(certificate),
                spec.name,
                pack=folder,
            )
            registry.register(entry)
    (var / "packs" / "one").mkdir(parents=True)
    (var / "packs" / "one" / "certificate.json").write_bytes(certificate)


def test_the_catalogue_is_reported_as_catalogued_served_generated_and_certified(tmp_path: Path) -> None:
    path, var = tmp_path / "catalogue.csv", tmp_path / "var"
    out = var / "catalogue"
    rows = [row(n, subdomain="Steam & Boilers") for n in range(1, 6)]
    path.write_text(HEADER + "".join([*rows, row(6, subdomain="Steam & Boilers", sector="x")]), encoding="utf-8")
    first = call("--var", str(var), "catalogue", "build", str(path))
    assert first.exit_code == 0, first.output
    lines = [" ".join(line.split()[:2]) for line in first.stdout.splitlines()]
    assert lines[-5:-1] == ["catalogued 6", "served 5", "generated 0", "certified 0"]
    assert "next: `greenlang agent batch" in first.stdout
    assert max(map(len, first.stdout.replace(str(out), "OUT").splitlines())) <= 100
    assert "Industrial, Steam & Boilers: the sector `x` is not known in Industrial" in first.stdout
    assert not (var / "registry.sqlite").exists()  # asking makes no registry

    specs = [read(p.read_bytes())[0] for p in sorted((out / "specs").iterdir())]
    register(var, [s for s in specs if s is not None])
    told = json.loads(call("--var", str(var), "catalogue", "report", "--json").stdout)
    assert [told[name] for name in ("catalogued", "served", "generated", "certified")] == [6, 5, 3, 1]
    assert {(g["state"], g["reason"], g["rows"]) for g in told["not_certified"]} == {
        ("waiting", "not yet through the line: `greenlang agent batch` takes it there", 2),
        ("registered", "its pack no longer holds the certificate that the registry names", 1),
        ("quarantined", "tests failed", 1),
        ("not served", "the sector `x` is not known in Industrial", 1),
    }
    with (out / "report.csv").open(encoding="utf-8", newline="") as stream:
        states = [r["state"] for r in csv.DictReader(stream)]
    assert sorted(states) == ["certified", "not served", "quarantined", "registered", "waiting", "waiting"]
    shown = call("--var", str(var), "catalogue", "report").stdout
    assert "certified        1  agents registered with a certificate" in shown


def test_a_report_needs_a_build(tmp_path: Path) -> None:
    done = call("--var", str(tmp_path), "catalogue", "report", str(tmp_path / "none"))
    assert (done.exit_code, "holds no built catalogue" in done.output) == (2, True)


def test_catalogue_build_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text("a,b\n", encoding="utf-8")
    done = call("catalogue", "build", str(path), "-o", str(tmp_path / "out"))
    assert (done.exit_code, "no column `Agent_ID`" in done.output) == (2, True)


def test_every_template_file_is_listed() -> None:
    rows = json.loads(call("template", "list", "--json").stdout)
    assert len(rows) == len(TemplateManager().files())
