"""`greenlang agent create | batch | refine`: what is taken along, what is printed, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from tests import libraries
from tests.line.test_overlays import OVERLAY, SPEC

pytestmark = pytest.mark.slow


def agent(tmp_path: Path, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    libraries.tell(tmp_path / "var")
    done = CliRunner().invoke(app, ["--var", str(tmp_path / "var"), "agent", *map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_create_takes_the_overlay_beside_the_spec_or_the_one_that_is_named(tmp_path: Path) -> None:
    spec, other = tmp_path / "pump.pack.yaml", tmp_path / "reviewed.yaml"
    spec.write_bytes(SPEC)
    code, rows = agent(tmp_path, "create", spec)
    assert (code, [(r["file"], r["outcome"]) for r in rows]) == (1, [("pump.pack.yaml", "incomplete")])

    again = agent(tmp_path, "refine", "buildings/pump@1.0.0")
    assert again == (1, rows), "it is built anew, and nothing can mend it"

    (tmp_path / "pump.pack.overlay.yaml").write_bytes(OVERLAY)
    code, rows = agent(tmp_path, "create", spec)
    assert (code, [(r["file"], r["outcome"]) for r in rows]) == (0, [("pump.pack.yaml", "registered")])
    assert agent(tmp_path, "create", spec) == (0, rows), "nothing has changed, and what stands is told"
    assert Path(rows[0]["report"]).name == "index.html"
    assert rows[0]["dossier"] == ""
    read = CliRunner().invoke(app, ["--var", str(tmp_path / "var"), "agent", "create", str(spec)])
    assert f"report:  {rows[0]['report']}" in read.stdout

    other.write_bytes(OVERLAY.replace(b"power * hours", b"power + hours"))
    code, rows = agent(tmp_path, "create", spec, "--overlay", other)
    assert (code, [r["outcome"] for r in rows]) == (1, ["refused", "registered"])
    assert rows[0]["file"] == "pump.pack.overlay.yaml"


def test_only_an_accepted_agent_can_be_refined(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["--var", str(tmp_path / "var"), "agent", "refine", "nobody/here"])
    assert refused.exit_code == 2
    assert not (tmp_path / "var").exists(), "looking makes nothing"


def test_batch_takes_every_file_of_the_folder_and_says_which_overlay_waits(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    assert CliRunner().invoke(app, ["--var", str(tmp_path / "var"), "agent", "batch", str(folder)]).exit_code == 1
    (folder / "a.yaml").write_bytes(SPEC)
    (folder / "b.overlay.yaml").write_bytes(OVERLAY)
    (folder / "c.overlay.yaml").write_bytes(OVERLAY.replace(b"1.0.0", b"2.0.0"))
    code, rows = agent(tmp_path, "batch", folder)
    assert code == 1
    told = {r["file"]: (r["outcome"], r["reason"]) for r in rows}
    assert told["a.yaml"] == ("registered", "")
    assert "waits for the spec buildings/pump 2.0.0" in told["c.overlay.yaml"][1]
    assert set(told) == {"a.yaml", "c.overlay.yaml"}
