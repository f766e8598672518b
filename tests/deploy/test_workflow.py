"""The workflow of GitHub: its published schema, zizmor's audits, and that it says what the checkout has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A program of the development dependencies."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    assert program, f"{command[0]}: make setup"
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=60)


def jobs() -> dict[str, Any]:
    return dict(yaml.safe_load(WORKFLOW.read_text())["jobs"])


def test_the_published_schema_takes_it() -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW))
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    if shutil.which("zizmor", path=str(Path(sys.executable).parent)) is None and sys.platform == "linux":
        pytest.skip("zizmor has no wheel for Linux on this processor")
    done = run("zizmor", "--offline", "--no-progress", str(WORKFLOW))
    assert done.returncode == 0, done.stdout


def test_actions_are_pinned_to_a_commit_and_say_their_version() -> None:
    used = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_no_job_may_write_but_what_it_says() -> None:
    told = yaml.safe_load(WORKFLOW.read_text())
    assert told["permissions"] == {}
    writes = {
        (name, what) for name, job in jobs().items() for what, how in job["permissions"].items() if how == "write"
    }
    assert writes == {("image", "packages"), ("deploy", "id-token")}
    assert set(re.findall(r"secrets\.(\w+)", WORKFLOW.read_text())) == {"GITHUB_TOKEN"}


def test_it_runs_what_readme_says_and_deploys_what_is_here() -> None:
    steps = [step.get("run", "") for step in jobs()["test"]["steps"]]
    assert {"make run", "bash .ci/run"} <= set(steps)
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    for path in re.findall(r"(?:file: |upgrade --install greenlang )(deploy/\S+)", WORKFLOW.read_text()):
        assert (ROOT / path).exists(), path


def test_the_image_has_a_name_that_a_registry_takes(tmp_path: Path) -> None:
    (step,) = [step for step in jobs()["image"]["steps"] if step.get("id") == "name"]
    told = tmp_path / "output"
    environment = {"GITHUB_REPOSITORY": "Acme-Corp/GreenLang", "GITHUB_OUTPUT": str(told), "PATH": os.environ["PATH"]}
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True)
    assert told.read_text() == "image=ghcr.io/acme-corp/greenlang\n"
    # Nothing else makes a name of the repository's.
    text = WORKFLOW.read_text()
    assert "github.repository }}" not in text
    (tags,) = [step["with"]["tags"] for step in jobs()["image"]["steps"] if step.get("with", {}).get("push")]
    assert tags == "${{ steps.name.outputs.image }}:${{ github.sha }}"
    assert jobs()["image"]["outputs"]["name"] == "${{ steps.name.outputs.image }}"
    assert "IMAGE: ${{ needs.image.outputs.name }}" in text


def test_the_shell_of_its_steps_is_valid() -> None:
    for job in jobs().values():
        for step in job["steps"]:
            if "run" in step:
                done = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
