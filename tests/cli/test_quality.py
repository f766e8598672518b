"""`greenlang quality`: reports that stand, packs that are judged now, what is asked for."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app
from greenlang.factors.table import FactorTable
from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.provenance import CERTIFICATE, files_digest, tree
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.report import as_json, html, sarif
from greenlang.resolution.resolve import resolve
from greenlang.specs.model import slug
from greenlang.specs.reader import read
from tests.factory.bare_agent import SPEC
from tests.quality.report.example import OUTCOME, report


def call(var: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--var", str(var), "quality", *arguments])


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder with the report on one agent."""
    write(tmp_path / "var", OUTCOME.key)
    return tmp_path / "var"


def write(var: Path, key: str, **changes: object) -> Path:
    folder = var / "reports" / slug(key)
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(as_json(report(key=key, **changes)))
    (folder / "index.html").write_text("page")
    return folder


def test_the_table_has_verdict_score_dimensions_and_next_steps(var: Path) -> None:
    done = call(var, "report", "buildings/boiler")
    assert done.exit_code == 0
    text = done.output
    assert text.startswith("Boiler Replacement 1.2.0: failed")
    assert "2 dimensions that are required failed: Tests and Determinism" in text
    assert "91.37 of 100" in text
    assert all(d.title in text for d in DIMENSIONS)
    assert "22 of 24 noticed" in text
    assert "1. blocks: Make tools.total add nitrous oxide" in text
    assert str(var / "reports" / slug(OUTCOME.key) / "index.html") in text


def test_a_long_reason_is_cut_in_the_terminal_and_whole_in_the_report(var: Path) -> None:
    write(var, "x/y@1.0.0-00000000", agent_id="x/y", reason="very " * 200 + "long")
    assert "very long" not in call(var, "report", "x/y").output
    assert "very long" in call(var, "report", "x/y", "--json").output


def test_each_form_is_the_one_of_the_library(var: Path) -> None:
    assert call(var, "report", OUTCOME.key, "--json").output == as_json(report()) + "\n"
    assert call(var, "report", OUTCOME.key, "--html").output == html(report()) + "\n"
    assert json.loads(call(var, "report", OUTCOME.key, "--sarif").output) == sarif(report())
    path = call(var, "report", OUTCOME.key, "--open-path").output.strip()
    assert Path(path).read_text() == "page"
    both = call(var, "report", OUTCOME.key, "--html", "--json")
    assert both.exit_code == 2


@pytest.mark.parametrize("name", ["buildings/boiler", "buildings/boiler@1.2.0", OUTCOME.key])
def test_an_agent_is_found_by_id_version_and_key(var: Path, name: str) -> None:
    assert call(var, "report", name).exit_code == 0


def test_a_pack_in_var_is_found_by_its_folder_and_the_newest_build_by_its_id(var: Path) -> None:
    newer = write(var, "buildings/boiler@1.3.0-99999999", version="1.3.0")
    old = var / "reports" / slug(OUTCOME.key) / "quality.json"
    os.utime(old, (1, 1))
    assert call(var, "report", "buildings/boiler", "--open-path").output.strip() == str(newer / "index.html")
    pack = var / "packs" / slug(OUTCOME.key)
    pack.mkdir(parents=True)
    assert call(var, "report", str(pack), "--open-path").output.strip() == str(old.with_name("index.html"))


@pytest.mark.parametrize("name", ["buildings/boil", "buildings/boiler@1.2", "nothing", "../../etc"])
def test_no_report_is_exit_code_1_with_the_way_out(var: Path, name: str) -> None:
    done = call(var, "report", name)
    assert done.exit_code == 1
    assert "greenlang quality validate" in done.output


def test_a_file_that_is_no_report_is_wrong_use_and_no_traceback(var: Path) -> None:
    (var / "reports" / slug(OUTCOME.key) / "quality.json").write_text('{"form": "other/9"}')
    done = call(var, "report", OUTCOME.key)
    assert done.exit_code == 2
    assert "this is no report of the form greenlang-quality-report/1" in done.output


def test_foreign_names_cannot_steer_the_terminal(var: Path) -> None:
    write(var, "x/y@1.0.0-00000000", agent_id="x/y", name="\x1b[2J\x1b]0;title\x07", version="\x1b[31m")
    done = call(var, "report", "x/y")
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "\x07" not in done.output


def test_the_dimensions_are_those_that_are_declared(var: Path) -> None:
    shown = call(var, "dimensions").output
    assert all(d.title in shown for d in DIMENSIONS)
    declared = json.loads(call(var, "dimensions", "--json").output)
    assert [d["name"] for d in declared] == [d.name for d in DIMENSIONS]
    assert sum(d["weight"] for d in declared) == 100
    assert all(m["what"] and m["threshold"] for d in declared for m in d["measures"])


def test_a_dimension_says_on_which_side_of_a_figure_a_measure_is_met(var: Path) -> None:
    shown = call(var, "dimensions").output
    assert "85 percent or more" in shown
    assert "50 milliseconds or less" in shown


def test_a_folder_that_is_no_pack_is_told_as_that(var: Path, tmp_path: Path) -> None:
    done = call(var, "validate", str(tmp_path))
    assert done.exit_code == 2
    assert "holds no pack.yaml" in done.output


@pytest.mark.slow
def test_a_pack_is_judged_now_against_the_spec_that_it_names(tmp_path: Path) -> None:
    var, pack = tmp_path / "var", tmp_path / "pack"
    spec, _ = read(SPEC.encode())
    assert spec is not None
    write_pack(generate(resolve(spec, FactorTable.load(), library())), pack)
    alone = call(var, "validate", str(pack))
    assert alone.exit_code == 2
    assert "name it by --spec" in alone.output
    assert not var.exists()
    accepted = var / "bucket" / "specs" / f"{spec.slug}.yaml"
    accepted.parent.mkdir(parents=True)
    accepted.write_text(SPEC)
    passed = call(var, "validate", str(pack))
    assert passed.exit_code == 0, passed.output
    assert "Every required dimension passed." in passed.output
    assert "not as it was certified" not in passed.output
    files = tree(pack)
    (pack / CERTIFICATE).write_text(json.dumps({"files": files, "pack_digest": files_digest(files)}))
    tools = next(pack.rglob("tools.py"))
    tools.write_text(tools.read_text().replace("heat / electricity", "heat * electricity"))
    (tmp_path / "spec.yaml").write_text(SPEC)
    failed = call(var, "validate", str(pack), "--spec", str(tmp_path / "spec.yaml"), "--json")
    assert failed.exit_code == 1
    told = json.loads(failed.stdout)
    assert told["passed"] is False
    assert "/tools.py was changed; `greenlang agent verify" in failed.stderr
    assert told["differences"]
    (tmp_path / "spec.yaml").write_text(SPEC.replace("compute:", "compte:"))
    refused = call(var, "validate", str(pack), "--spec", str(tmp_path / "spec.yaml"))
    assert refused.exit_code == 1
    assert "compute" in refused.output


def test_old_advisories_are_told(var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = call(var, "advisories")
    assert none.exit_code == 1
    assert "GREENLANG_ADVISORIES" in none.output
    path = tmp_path / "osv.json"
    monkeypatch.setenv("GREENLANG_ADVISORIES", str(path))
    entry = {"id": "PYSEC-1", "modified": f"{datetime.now(UTC).date()}T00:00:00Z", "affected": []}
    path.write_text(json.dumps(entry))
    assert call(var, "advisories").exit_code == 0
    assert json.loads(call(var, "advisories", "--json").output)["fresh"] is True
    path.write_text(json.dumps(entry | {"modified": "2020-01-01T00:00:00Z", "summary": "old"}))
    old = call(var, "advisories")
    assert old.exit_code == 1
    assert "days old: take a new https://osv-vulnerabilities" in old.output
    assert call(var, "advisories", "--max-age", "99999").exit_code == 0
