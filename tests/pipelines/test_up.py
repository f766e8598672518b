"""`make up` and `make down` leave no process behind, however they were started and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from greenlang_pipelines.definitions import build_defs
from tools import up

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "var"
    folder.mkdir()
    yield folder
    call(folder, "--stop")


def call(var: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.up", *arguments],
        cwd=ROOT,
        env={**os.environ, "GREENLANG_VAR": str(var), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def started_in_the_background_of_a_script(var: Path) -> dict[str, Any]:
    """The script ends at once and leaves `make up`'s process behind, as a careless CI script does."""
    (var / "out").touch()
    script = f'"{sys.executable}" -m tools.up --port 0 > "{var}/out" 2>&1 &'
    subprocess.run(["bash", "-c", script], cwd=ROOT, env={**os.environ, "GREENLANG_VAR": str(var)}, check=True)
    end = time.monotonic() + 120
    while "GreenLang is up" not in (var / "out").read_text():
        assert time.monotonic() < end, (var / "out").read_text()
        time.sleep(0.1)
    return json.loads((var / "dagster" / "up.json").read_text())


def running(state: dict[str, Any]) -> list[int]:
    """Everything of that start: by mark, and by the children's process group."""
    group = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[2]) == state["group"]:
            group.append(int(folder.name))
    return sorted({*group, *up.marked(state["mark"])})


def assert_all_gone(state: dict[str, Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while running(state) or up.alive(state):
        assert time.monotonic() < end, f"left behind: {running(state)}"
        time.sleep(0.1)


def test_stop_ends_what_a_script_started_in_the_background(var: Path) -> None:
    state = started_in_the_background_of_a_script(var)
    with urllib.request.urlopen(f"http://127.0.0.1:{state['port']}/server_info") as answer:
        assert "dagster_webserver_version" in json.load(answer)
    end = time.monotonic() + 60
    while len(running(state)) < 4:  # webserver, daemon, and a code server of each
        assert time.monotonic() < end
        time.sleep(0.2)
    again = call(var, "--port", "0")
    assert again.returncode == 1
    assert f"already up: http://127.0.0.1:{state['port']}" in again.stdout
    assert call(var, "--stop").stdout == "down\n"
    assert running(state) == []
    assert not (var / "dagster" / "up.json").exists()
    assert call(var, "--stop").stdout == "nothing is up\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_even_where_the_shell_ignored_it(var: Path, number: signal.Signals) -> None:
    state = started_in_the_background_of_a_script(var)
    os.kill(state["pid"], number)
    assert_all_gone(state)
    assert not (var / "dagster" / "up.json").exists()


def test_what_a_killed_supervisor_left_is_taken_away(var: Path) -> None:
    state = started_in_the_background_of_a_script(var)
    os.kill(state["pid"], signal.SIGKILL)
    time.sleep(0.5)
    assert running(state), "the children outlive their supervisor"
    assert call(var, "--stop").stdout == "down\n"
    assert_all_gone(state)


def test_one_of_the_two_ending_by_itself_ends_the_other_and_is_said(var: Path) -> None:
    state = started_in_the_background_of_a_script(var)
    os.kill(state["group"], signal.SIGKILL)  # the webserver leads the group
    assert_all_gone(state, 40)
    assert "the webserver ended by itself" in (var / "out").read_text()


def test_a_stale_pid_of_somebody_else_is_never_signalled(var: Path) -> None:
    """The pid in the file lives, but was started at another time: it is not ours."""
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (var / "dagster").mkdir()
        state = {"pid": bystander.pid, "started": "another boot:1", "mark": "0" * 16, "group": 1, "port": 1}
        (var / "dagster" / "up.json").write_text(json.dumps(state))
        assert call(var, "--stop").stdout == "down\n"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_port_that_is_taken_and_a_bucket_that_cannot_be_opened_are_said(var: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = call(var, "--port", str(other.getsockname()[1]))
    assert done.returncode == 1
    assert "is taken" in done.stdout
    done = call(var, "--port", "0", GREENLANG_BUCKET="ftp://host/x")
    assert done.returncode == 1
    assert "not up: ftp://host/x: a bucket is a folder, or an s3://, gs:// or az:// address" in done.stdout
    assert not (var / "dagster" / "up.json").exists()


def test_runs_that_a_power_cut_left_in_progress_are_put_to_rest(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sensor would wait for them for ever."""
    home = var / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    job = build_defs().resolve_job_def("line_batch")
    with DagsterInstance.get() as instance:
        lost = instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
        over = instance.create_run_for_job(job, status=DagsterRunStatus.SUCCESS)
    up.open_instance(home)
    with DagsterInstance.get() as instance:
        for run, status in ((lost, DagsterRunStatus.FAILURE), (over, DagsterRunStatus.SUCCESS)):
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            assert found.status == status
