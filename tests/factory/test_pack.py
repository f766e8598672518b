"""Packs on disk: whole or not at all, finished the same way every time, and proof against tampering."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from greenlang import _paths
from greenlang.factors.model import row_digest
from greenlang.factory import pack as room
from greenlang.factory.generate import generate
from greenlang.factory.outcome import DimensionResult
from greenlang.factory.pack import PackInfo, finish_pack, publish_pack, write_pack
from greenlang.factory.wheels import agent_wheel, sdk_wheel
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, tree
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import CoverageResult, Profile, TestResult, Verdict

OLD = {"a.txt": b"old", "b/c.txt": b"old too"}
NEW = {"a.txt": b"new", "d/e.txt": b"new too"}


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: bytes_digest(data) for name, data in sorted(files.items())}


def verdict(seconds: float = 0.1, name: str = "weak") -> Verdict:
    tests = tuple(TestResult(f"tests/test_unit.py::test_{i}", "unit", "passed", seconds) for i in range(3))
    return Verdict("passed", Profile(name, ()), tests, CoverageResult(9, 10, 3, 4), seconds)  # type: ignore[arg-type]


DIMENSION = DimensionResult("tests", "Tests", "passed", 100.0, 85.0, 0.3, True, "ran in 0.3 s")


def finish(folder: Path, resolution: Resolution, run: Verdict | None = None) -> PackInfo:
    return finish_pack(
        folder,
        resolution,
        dimensions=(DIMENSION,),
        verdict=run or verdict(),
        release="embedded-1.1.0",
        tables_digest="ab" * 32,
    )


def test_a_certificate_says_under_which_weak_sandbox_the_proof_was_made(tmp_path: Path, combustion: Resolution) -> None:
    write_pack(generate(combustion), tmp_path / "pack")
    weak = replace(verdict(), profile=Profile("weak", ("rlimits",), ("native code may open sockets",)))
    finish(tmp_path / "pack", combustion, weak)
    told = PackCertificate.load(tmp_path / "pack").content["sandbox"]
    assert told == {"profile": "weak", "weaknesses": ["native code may open sockets"]}
    finish(tmp_path / "pack", combustion)
    assert "sandbox" not in PackCertificate.load(tmp_path / "pack").content


def test_only_a_repaired_pack_says_so_in_its_certificate(combustion: Resolution, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    write_pack(generate(combustion), folder)
    finish(folder, combustion)
    assert "repair" not in PackCertificate.load(folder).content
    told = {"changes": [{"rung": "code", "round": 1, "diff": "ab"}], "models": [{"model": "m", "dropped": {}}]}
    made = {"dimensions": (DIMENSION,), "verdict": verdict(), "release": "r", "tables_digest": "ab" * 32}
    finish_pack(folder, combustion, repair=told, **made)  # type: ignore[arg-type]
    certificate = PackCertificate.load(folder)
    assert certificate.content["repair"] == told
    assert certificate.verify(folder) == []


@pytest.fixture
def finished(combustion: Resolution, tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    write_pack(generate(combustion), folder)
    finish(folder, combustion)
    return folder


def test_writing_the_same_pack_again_touches_nothing(tmp_path: Path) -> None:
    target = tmp_path / "pack"
    write_pack(OLD, target)
    before = target.stat().st_ino, (target / "a.txt").stat().st_ino
    write_pack(OLD, target)
    assert (target.stat().st_ino, (target / "a.txt").stat().st_ino) == before


def test_another_pack_replaces_the_folder_whole(tmp_path: Path) -> None:
    write_pack(OLD, tmp_path / "pack")
    write_pack(NEW, tmp_path / "pack")
    assert tree(tmp_path / "pack") == digests(NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["pack"]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt"])
def test_no_file_leaves_the_pack(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="outside the pack"):
        write_pack({name: b""}, tmp_path / "pack")
    assert not (tmp_path / "out.txt").exists()


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def moments() -> Iterator[tuple[str, int]]:
    for call, count in (("rename", 2), ("write_bytes", 2), ("mkdir", 2)):
        for number in range(1, count + 1):
            yield call, number
    yield "rmtree", 1


@pytest.mark.parametrize(("call", "number"), list(moments()))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_moment_and_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, when: str
) -> None:
    target = tmp_path / "pack"
    write_pack(OLD, target)
    owner = room.shutil if call == "rmtree" else Path
    real, seen = getattr(owner, call), 0

    def deadly(*args: object, **kwargs: object) -> object:
        nonlocal seen
        seen += 1
        if seen == number and when == "before":
            raise Killed
        result = real(*args, **kwargs)
        if seen == number:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, call, deadly)
        with pytest.raises(Killed):
            write_pack(NEW, target)
    if target.exists():
        assert tree(target) in (digests(OLD), digests(NEW))
    write_pack(NEW, target)
    assert tree(target) == digests(NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["pack"]


def test_a_killed_removal_does_not_bring_the_old_pack_back(tmp_path: Path) -> None:
    write_pack(NEW, tmp_path / "pack")
    write_pack(OLD, tmp_path / ".pack.old")
    write_pack(NEW, tmp_path / "pack")
    assert tree(tmp_path / "pack") == digests(NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["pack"]


def test_publishing_moves_a_staged_pack_into_place(tmp_path: Path) -> None:
    write_pack(OLD, tmp_path / "packs" / "a")
    write_pack(NEW, tmp_path / "work" / "a")
    publish_pack(tmp_path / "work" / "a", tmp_path / "packs" / "a")
    assert tree(tmp_path / "packs" / "a") == digests(NEW)
    assert not (tmp_path / "work" / "a").exists()


def test_finishing_twice_gives_the_same_bytes(combustion: Resolution, finished: Path) -> None:
    certificate = (finished / CERTIFICATE).read_bytes()
    before = tree(finished)
    (finished / "tests" / "__pycache__").mkdir()
    (finished / "tests" / "__pycache__" / "x.pyc").write_bytes(b"x")
    finish(finished, combustion, verdict(seconds=9.9, name="strict"))
    assert tree(finished) == before
    assert (finished / CERTIFICATE).read_bytes() == certificate


def test_the_certificate_names_what_the_pack_stands_on(combustion: Resolution, finished: Path) -> None:
    certificate = PackCertificate.load(finished)
    content = certificate.content
    assert content["spec"]["sha256"] == combustion.spec.digest
    assert content["factors"]["release"] == "embedded-1.1.0"
    assert {r["digest"] for r in content["factors"]["rows"]} == {row_digest(f) for f in combustion.pinned}
    assert content["tests"]["passed"] == 3
    assert content["quality"] == [
        {"name": "tests", "status": "passed", "score": "100", "threshold": "85", "weight": "0.3", "required": True}
    ]
    assert certificate.verify(finished) == []
    assert finish(finished, combustion).digest == certificate.pack_digest


def test_a_release_that_changes_no_row_changes_only_the_certificate(combustion: Resolution, finished: Path) -> None:
    first = finish(finished, combustion)
    second = finish_pack(
        finished, combustion, dimensions=(DIMENSION,), verdict=verdict(), release="2.0.0", tables_digest="cd"
    )
    assert second.digest == first.digest
    assert second.certificate_digest != first.certificate_digest


def test_every_tampered_file_is_named(finished: Path) -> None:
    certificate = PackCertificate.load(finished)
    (finished / "README.md").write_bytes(b"changed")
    (finished / "demos" / "api.py").unlink()
    (finished / "extra.py").write_bytes(b"")
    (finished / "LICENSE").unlink()
    (finished / "LICENSE").symlink_to("README.md")
    (finished / CERTIFICATE).write_bytes(b"{}")
    assert certificate.verify(finished) == [
        "LICENSE was changed",
        "README.md was changed",
        "certificate.json was changed",
        "demos/api.py is missing",
        "extra.py does not belong to the pack",
    ]


@pytest.mark.parametrize("name", sorted(["pack.yaml", "sbom.cdx.json", "tests/vectors.json"]))
def test_one_flipped_bit_is_found(finished: Path, name: str) -> None:
    data = bytearray((finished / name).read_bytes())
    data[len(data) // 2] ^= 1
    (finished / name).write_bytes(data)
    assert PackCertificate.load(finished).verify(finished) == [f"{name} was changed"]


def test_a_certificate_with_another_list_of_files_does_not_fit_itself(finished: Path) -> None:
    content = json.loads((finished / CERTIFICATE).read_bytes())
    (finished / "README.md").write_bytes(b"changed")
    content["files"]["README.md"] = bytes_digest(b"changed")
    (finished / CERTIFICATE).write_text(json.dumps(content))
    assert PackCertificate.load(finished).verify(finished) == [
        "certificate.json: its pack digest does not fit its own list of files"
    ]


def test_the_bill_of_materials_has_nothing_that_changes(finished: Path) -> None:
    bill = json.loads((finished / "sbom.cdx.json").read_bytes())
    assert UUID(bill["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert "timestamp" not in bill["metadata"]
    assert {"greenlang-sdk", "pydantic", "pydantic-core", "typing-extensions"} <= {
        c["name"] for c in bill["components"]
    }


def test_wheels_hold_data_and_are_stored_uncompressed(finished: Path) -> None:
    for name, data in (agent_wheel(finished), sdk_wheel()):
        assert (finished / "wheels" / name).read_bytes() == data
        with zipfile.ZipFile(finished / "wheels" / name) as wheel:
            assert wheel.testzip() is None
            assert all(i.compress_type == zipfile.ZIP_STORED for i in wheel.infolist())
            assert {i.date_time for i in wheel.infolist()} == {(2020, 1, 1, 0, 0, 0)}
            names = {i.filename.rpartition("/")[2] for i in wheel.infolist()}
            assert "py.typed" in names
            assert not any("__pycache__" in i.filename for i in wheel.infolist())
            assert ("factors.json" in names) == name.startswith("gl_")


def test_wheels_say_and_carry_their_licence(finished: Path) -> None:
    for name, data in (agent_wheel(finished), sdk_wheel()):
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            info = next(n for n in wheel.namelist() if n.endswith("/METADATA")).rpartition("/")[0]
            stated = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
            assert stated["License-Expression"] == "Apache-2.0", name
            assert stated.get_all("License-File") == ["LICENSE"]
            assert b"Version 2.0, January 2004" in wheel.read(f"{info}/licenses/LICENSE")
            rows = list(csv.reader(io.StringIO(wheel.read(f"{info}/RECORD").decode())))
            assert {row[0] for row in rows} == set(wheel.namelist())
            for path, digest, size in rows[:-1]:
                content = wheel.read(path)
                found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == (f"sha256={found}", len(content)), path


def test_the_wheel_of_the_sdk_says_what_its_project_says() -> None:
    project = tomllib.loads((_paths.data() / "sdk" / "python" / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(io.BytesIO(sdk_wheel()[1])) as wheel:
        stated = email.message_from_bytes(wheel.read(f"greenlang_sdk-{project['version']}.dist-info/METADATA"))
    assert {
        "name": stated["Name"],
        "version": stated["Version"],
        "description": stated["Summary"],
        "requires-python": stated["Requires-Python"],
        "license": stated["License-Expression"],
        "license-files": stated.get_all("License-File"),
        "dependencies": stated.get_all("Requires-Dist"),
    } == project


@pytest.mark.slow
def test_wheels_install_into_an_empty_environment(
    combustion: Resolution, heat_pump: Resolution, tmp_path: Path
) -> None:
    """Two packs side by side; only pydantic comes from the index."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for number, resolution in enumerate((combustion, heat_pump)):
        folder = tmp_path / f"pack{number}"
        write_pack(generate(resolution), folder)
        finish(folder, resolution)
        for wheel in (folder / "wheels").iterdir():
            shutil.copy(wheel, wheels)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    install = [python, "-m", "pip", "install", *quiet, *sorted(wheels.iterdir())]
    subprocess.run(install, check=True, env=environment, capture_output=True)
    given = '{"fuel_type": "natural_gas", "consumption": 1000, "country": "US"}'
    done = subprocess.run(
        [python, "-m", "gl_emissions_carbon_calculator_v1", given],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert json.loads(done.stdout)["data"]["co2e_kg"] == combustion.vectors[0].expect["co2e_kg"]
    demo = subprocess.run(
        [python, tmp_path / "pack1" / "demos" / "command_line.py"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "cop = 4.952" in demo.stdout
