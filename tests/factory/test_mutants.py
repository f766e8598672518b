"""A pack's own tests fail if its code says anything else than the spec and the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from greenlang_sdk.canonical import digest

from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack
from greenlang.resolution.plan import Resolution

PACKAGE = "gl_emissions_carbon_calculator_v1"


def passes(pack: Path) -> bool:
    """Whether the tests of a pack pass, those of its files and demos aside."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    tests = [f"tests/test_{name}.py" for name in ("unit", "golden", "boundary", "property")]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    done = subprocess.run(command, cwd=pack, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


def text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(pack: Path) -> None:
        path = pack / PACKAGE / name
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new, 1))

    return change


def another_row(pack: Path) -> None:
    """A figure of which no worked case tells: another value, under a digest that fits."""
    path = pack / PACKAGE / "factors.json"
    data = json.loads(path.read_text())
    row = data["factors"][0] | {"value": "9"}
    row.pop("digest")
    data["factors"][0] = row | {"digest": digest(row)}
    path.write_text(json.dumps(data))


CHANGES = {
    "nothing": lambda pack: None,
    "unit": text("tools.py", 'unit="kgCO2"', 'unit="gCO2"'),
    "thousand": text("tools.py", 'Decimal("0.001")', "Decimal(1)"),
    "sign": text("tools.py", "return co2_kg + ", "return co2_kg - "),
    "dropped term": text("tools.py", "return co2_kg + ", "return "),
    "citation": text("tools.py", 'citation="GHG Protocol, chapter 6', 'citation="GHG Protocol, chapter 7'),
    "rounding": text("agent.py", "round_output(ch4_kg, 6)", "round_output(ch4_kg, 7)"),
    "limit": text("models.py", "ge=0", "gt=0"),
    "description": text("models.py", "[kWh]", "[MWh]"),
    "row": another_row,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_the_pack_s_tests_notice_it(name: str, combustion: Resolution, tmp_path: Path) -> None:
    write_pack(generate(combustion), tmp_path / "pack")
    CHANGES[name](tmp_path / "pack")
    assert passes(tmp_path / "pack") == (name == "nothing")
