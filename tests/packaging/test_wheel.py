"""What is shipped: the wheel carries its data, a checkout uses its own folders, packs and library live side by side."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from greenlang import _paths
from greenlang.factors import FactorTable
from tests import libraries

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def build(project: Path, target: Path) -> Path:
    """A wheel of a project, by the build backend that is installed here."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(target)]
    subprocess.run([*command, str(project)], check=True, timeout=120)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("library"))


def test_the_wheel_ships_greenlang_and_its_data_and_nothing_generic(library: Path) -> None:
    names = zipfile.ZipFile(library).namelist()
    top = {n.split("/")[0] for n in names}
    assert top == {"greenlang", next(t for t in top if t.endswith(".dist-info"))}
    for folder in ("emission_factors", "templates"):
        shipped = {
            n.removeprefix(f"greenlang/_data/{folder}/") for n in names if n.startswith(f"greenlang/_data/{folder}/")
        }
        here = {p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert shipped == here


def test_a_checkout_uses_its_own_folders_and_keeps_no_copy() -> None:
    assert _paths.data() == ROOT
    assert not (ROOT / "greenlang" / "_data").exists()


def test_the_installed_wheel_reads_its_own_data(library: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(library).extractall(tmp_path / "site")
    code = (
        "from greenlang import _paths; from greenlang.factors import FactorTable;"
        "print(_paths.data()); print(FactorTable.load().digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    folder, digest = done.stdout.split()
    assert Path(folder) == tmp_path / "site" / "greenlang" / "_data"
    assert digest == FactorTable.load().digest


def test_two_packs_and_the_library_live_side_by_side(library: Path, tmp_path: Path) -> None:
    """In an empty environment, by this one's pip; only pydantic comes from outside."""
    libraries.tell(tmp_path / "var")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "greenlang.cli.main",
            "--var",
            str(tmp_path / "var"),
            "agent",
            "batch",
            str(pair(tmp_path)),
        ],
        check=True,
        timeout=300,
    )
    python = tmp_path / "venv" / "bin" / "python"
    environment = [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")]
    subprocess.run(environment, check=True, timeout=120)
    wheels = sorted((tmp_path / "var" / "packs").glob("*/wheels/*.whl"))
    agents = [w for w in wheels if not w.name.startswith("greenlang_sdk")]
    sdk = next(w for w in wheels if w.name.startswith("greenlang_sdk"))
    assert len(agents) == 2
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(sdk), *map(str, agents)], check=True, timeout=300)
    subprocess.run([*pip, "--no-deps", str(library)], check=True, timeout=120)
    code = (
        "import greenlang, json;"
        "from gl_buildings_gas_boiler_uk_v1 import AGENT as boiler;"
        "from gl_electricity_location_based_uk_v1 import AGENT as grid;"
        "a = boiler.run({'useful_heat': 900, 'efficiency': 0.9}); b = grid.run({'consumption': 1000});"
        "print(json.dumps([str(a.data.co2e), str(b.data.scope2)]))"
    )
    done = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == ["182.96", "177"]


def pair(folder: Path) -> Path:
    """A folder with two example specs."""
    out = folder / "specs"
    out.mkdir()
    for name in ("boiler", "electricity_uk"):
        source = ROOT / "templates" / "specs" / "examples" / f"{name}.pack.yaml"
        (out / source.name).write_bytes(source.read_bytes())
    return out
