"""A batch that is interrupted, by whatever, and run again: the same end state as one that nobody disturbed.

Real runs of ``line_batch``, each in a process of its own with an instance on disk.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus

from assets.names import AGENT_ASSETS
from greenlang.settings import Settings
from tests import libraries
from tests.line.line_tools import drop, end_state, example
from tests.registry.postgres import SUPERUSER, Postgres

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("boiler", "waste", "freight", "electricity_uk", "refrigerant_leakage")
JOB = [sys.executable, "-m", "dagster", "job", "execute", "-m", "greenlang_pipelines.definitions", "-j", "line_batch"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("resume")]  # one worker makes the undisturbed end state


def filled(var: Path, **more: Any) -> Settings:
    """A factory with five specs in its inbox."""
    settings = Settings(var=var, workers=2, mutants=3, **more)
    libraries.tell(var)
    drop(settings, **{f"{name}__yaml": example(name) for name in NAMES})
    (var / "dagster").mkdir()
    shutil.copy(
        ROOT / ("deploy/dagster.yaml" if "registry_url" in more else "dagster.yaml"), var / "dagster/dagster.yaml"
    )
    return settings


def environment(settings: Settings) -> dict[str, str]:
    own = {
        "DAGSTER_HOME": str(settings.var / "dagster"),
        "GREENLANG_VAR": str(settings.var),
        "GREENLANG_WORKERS": "2",
        "GREENLANG_MUTANTS": "3",
        "GREENLANG_SETTLE_SECONDS": "0",
        **({"GREENLANG_REGISTRY_URL": settings.registry_url} if settings.registry_url else {}),
    }
    return {**os.environ, **own}


def started(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    """A run under way; what it says goes to a file, since nobody empties a pipe meanwhile."""
    with log.open("wb") as out:
        return subprocess.Popen(
            JOB, cwd=ROOT, env=environment(settings), start_new_session=True, stdout=out, stderr=subprocess.STDOUT
        )


def whole(settings: Settings) -> None:
    """A run to its end."""
    done = subprocess.run(
        JOB, cwd=ROOT, env=environment(settings), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def until_packs(settings: Settings, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait until so many packs stand."""
    for _ in range(1500):
        packs = [p for p in settings.packs.glob("*@*") if p.is_dir() and not p.name.startswith(".")]
        if len(packs) >= count:
            return
        assert process.poll() is None, "the run ended before"
        time.sleep(0.05)
    raise AssertionError("no pack came")


def green(settings: Settings) -> set[str]:
    with DagsterInstance.from_config(str(settings.var / "dagster")) as instance:
        return {key for name in AGENT_ASSETS for key in instance.get_materialized_partitions(AssetKey(name))}


def statuses(settings: Settings) -> list[DagsterRunStatus]:
    with DagsterInstance.from_config(str(settings.var / "dagster")) as instance:
        return [run.status for run in instance.get_runs()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = filled(tmp_path_factory.mktemp("undisturbed") / "var")
    whole(settings)
    state = end_state(settings)
    assert len(state["registry"]) == len(NAMES)
    return state


def as_undisturbed(settings: Settings, wanted: dict[str, Any]) -> None:
    state = end_state(settings)
    for found, row in zip(state["outcomes"], wanted["outcomes"], strict=True):
        assert {name: value for name, value in found.items() if value != row[name]} == {}, row["key"]
    assert state == wanted
    assert green(settings) == {row["key"] for row in wanted["outcomes"]}


def test_sigterm_and_then_sigkill(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    settings = filled(tmp_path / "var")
    first = started(settings, tmp_path / "first.log")
    until_packs(settings, first, 1)
    first.terminate()
    assert first.wait(60) != 0
    assert statuses(settings) == [DagsterRunStatus.FAILURE], "a run that was told to end is no success"
    second = started(settings, tmp_path / "second.log")
    until_packs(settings, second, 2)
    os.killpg(second.pid, signal.SIGKILL)
    second.wait(60)
    whole(settings)
    as_undisturbed(settings, undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 30 MB; its ``mount`` can be made larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        if os.environ.get("CI"):
            pytest.fail("a file system cannot be mounted here")
        pytest.skip("only root can mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    settings = filled(small_disk / "var")
    ballast = small_disk / "ballast"
    log = tmp_path / "log"
    process = started(settings, log)
    until_packs(settings, process, 1)
    with ballast.open("wb") as stream:  # somebody else fills it
        while True:
            try:
                stream.write(b"\0" * 65536)
                stream.flush()
            except OSError:
                break
    assert process.wait(200) != 0
    told = log.read_text()
    assert any(word in told for word in ("No space left on device", "disk is full", "disk I/O error"))
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    whole(settings)
    as_undisturbed(settings, undisturbed)


def recover(running: Any) -> None:
    """Start a server that was killed; it may take longer than its library waits for at a time."""
    for _ in range(6):
        try:
            running.ensure_postgres_running()
        except (OSError, subprocess.SubprocessError):
            continue
        return
    raise AssertionError("PostgreSQL does not come back")


def test_a_lost_database(
    own_postgres: tuple[Any, Postgres], tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry's, and that of Dagster's runs and events."""
    running, made = own_postgres
    made.sql("CREATE DATABASE dagster")
    monkeypatch.setenv("DAGSTER_PG_URL", made.url("dagster", SUPERUSER).replace("+psycopg2", ""))
    settings = filled(tmp_path / "var", registry_url=made.url("registry"))
    log = tmp_path / "log"
    process = started(settings, log)
    until_packs(settings, process, 1)
    os.kill(running.get_pid(), signal.SIGQUIT)  # every process dies at once; the start is a recovery
    assert process.wait(200) != 0, log.read_text()[-2000:]
    recover(running)
    whole(settings)
    as_undisturbed(settings, undisturbed)
