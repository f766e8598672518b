"""`greenlang calc once` and `greenlang verify` as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenlang.cli.main import app

INTENSITY = "carbon/energy-times-intensity"
GRID = "ef=ef://desnz/electricity/2025/electricity-generated/co2e-per-kwh"


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--var", str(folder), *arguments])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "cert.json"
    done = run(tmp_path, "calc", "once", INTENSITY, "-i", "energy=12.5 MWh", "-i", GRID, "--certificate", str(path))
    assert done.exit_code == 0, done.output
    return path


def test_one_calculation_is_shown_as_on_paper(tmp_path: Path) -> None:
    done = run(tmp_path, "calc", "once", INTENSITY, "--input", "energy=12.5 MWh", "--input", GRID)
    assert done.exit_code == 0
    assert "energy = 12.5 MWh\n    = 12.5 MWh × 1000 = 12500 kWh" in done.stdout
    assert "= 12500 kWh × 0.177 kgCO2e/kWh" in done.stdout
    assert "co2e  2212.5 kgCO2e\n    2212.5 on AR5GWP100" in done.stdout


def test_json_carries_result_and_certificate(tmp_path: Path) -> None:
    done = run(tmp_path, "calc", "once", INTENSITY, "-i", "energy=1 kWh", "-i", GRID, "--tenant", "acme", "--json")
    told = json.loads(done.stdout)
    assert told["success"]
    assert told["outputs"][1]["value"] == "0.177"
    assert told["certificate"]["digest"] == told["provenance"]
    assert told["certificate"]["context"]["tenant"] == "acme"


def test_mistakes_are_shown_with_their_mend_and_exit_1(tmp_path: Path) -> None:
    done = run(tmp_path, "calc", "once", INTENSITY, "-i", "energy=5 GB", "-i", "ef=0.2")
    assert done.exit_code == 1
    assert "inputs.energy: GB and kWh are different kinds of quantity\n    give it in kWh" in done.stderr
    assert "inputs.ef: a bare number cannot stand for a factor" in done.stderr


@pytest.mark.parametrize("entry", ["energy", "=5", "fuels=@nowhere.csv", "fuels=[1,"])
def test_an_input_that_cannot_be_read_is_wrong_use(tmp_path: Path, entry: str) -> None:
    assert run(tmp_path, "calc", "once", INTENSITY, "-i", entry).exit_code == 2


def test_an_override_and_a_table_come_as_json_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "fuels.csv").write_text("energy,ef\n4 TJ,56.1\n2.5 TJ,74.1\n")
    done = run(tmp_path, "calc", "once", "carbon/stationary/sum-over-fuels", "-i", f"fuels=@{tmp_path / 'fuels.csv'}")
    assert "co2  409.65 tCO2" in done.stdout
    override = '{"value": 0.2, "unit": "kgCO2e/kWh", "reason": "contract", "approver": "A. Auditor"}'
    done = run(tmp_path, "calc", "once", INTENSITY, "-i", "energy=10", "-i", f"ef={override}")
    assert "override, approved by A. Auditor: contract" in done.stdout


def test_a_certificate_is_verified_alone(tmp_path: Path, certificate: Path) -> None:
    done = run(tmp_path, "verify", str(certificate))
    assert done.exit_code == 0
    assert done.stdout.startswith("verified ")
    digest = json.loads(certificate.read_text())["digest"]
    assert run(tmp_path, "verify", str(certificate), "--digest", digest).exit_code == 0
    assert run(tmp_path, "verify", str(certificate), "--digest", "0" * 64).exit_code == 1


def test_a_tampered_digit_is_named_by_its_link(tmp_path: Path, certificate: Path) -> None:
    certificate.write_text(certificate.read_text().replace('"2212.5"', '"2212.4"'))
    done = run(tmp_path, "verify", str(certificate))
    assert done.exit_code == 1
    assert "outputs: `outputs` was changed after the certificate was sealed" in done.stdout
    assert "differs: outputs" in done.stdout
    told = json.loads(run(tmp_path, "verify", str(certificate), "--json").stdout)
    assert told["links"] == ["outputs"]
    assert told["findings"][1]["stated"] == "2212.4"
    assert told["findings"][1]["found"] == "2212.5"


def test_what_cannot_be_verified_exits_2(tmp_path: Path, certificate: Path) -> None:
    assert run(tmp_path, "verify", str(tmp_path / "nowhere.json")).exit_code == 2
    (tmp_path / "other.json").write_text("{}")
    assert run(tmp_path, "verify", str(tmp_path / "other.json")).exit_code == 2
    release = json.loads(certificate.read_text())["release"]["name"]
    certificate.write_text(certificate.read_text().replace(release, "factors-9.9.9"))
    done = run(tmp_path, "verify", str(certificate))
    assert done.exit_code == 2
    assert "there is no factor release `factors-9.9.9`" in done.stderr
