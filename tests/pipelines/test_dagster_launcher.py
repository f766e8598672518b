"""The API's launcher against a real Dagster webserver, over HTTP alone. One test: a webserver takes long to start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from greenlang.api.dagster_launcher import DagsterError, DagsterLauncher
from greenlang.bucket import Bucket
from greenlang.factory.intake import take_in
from greenlang.launcher import ENDED, Order, RunProgress
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests import libraries
from tests.line.line_tools import drop, example

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
INSTANCE = """
telemetry:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: DefaultRunCoordinator
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", workers=1, settle_seconds=0)


@pytest.fixture
def url(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A webserver whose runs start at once: no daemon, no queue."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "GREENLANG_VAR": str(settings.var),
        "GREENLANG_WORKERS": "1",
    }
    executable = Path(sys.executable).with_name("dagster-webserver")
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [executable, "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 120
        while not _answers(address):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(30)


@pytest.fixture
def launcher(url: str) -> Iterator[DagsterLauncher]:
    made = DagsterLauncher(url)
    try:
        yield made
    finally:
        made.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/server_info", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def watched(launcher: DagsterLauncher, run: str) -> list[RunProgress]:
    """Every state of a run until it ends."""
    seen: list[RunProgress] = []
    end = time.monotonic() + 180
    while not seen or seen[-1].status not in ENDED:
        assert time.monotonic() < end, seen[-1:]
        told = launcher.progress(run)
        if not seen or told != seen[-1]:
            seen.append(told)
        time.sleep(0.2)
    return seen


def tags_of(url: str, run: str) -> dict[str, str]:
    """The tags of a run, as Dagster tells them."""
    query = "query Tags($run: ID!) { runOrError(runId: $run) { ... on Run { tags { key value } } } }"
    answer = httpx.post(f"{url}/graphql", json={"query": query, "variables": {"run": run}}, timeout=30).json()
    return {tag["key"]: tag["value"] for tag in answer["data"]["runOrError"]["tags"]}


def test_a_batch_is_launched_followed_and_ended_over_http(
    settings: Settings, url: str, launcher: DagsterLauncher
) -> None:
    bad = example("heat_pump").replace(b"version: ", b"version:  ", 1)
    drop(settings, boiler__yaml=example("boiler"), heat__yaml=bad)
    libraries.tell(settings.var)
    taken = take_in(Bucket.open(settings.bucket_address), settings, settle=False)
    key, other = sorted(a.key for a in taken.accepted)

    run = launcher.start(Order("default", (key,), workers=1, rounds=0, trace=TRACE))
    assert tags_of(url, run)["greenlang/traceparent"] == TRACE, "so that its spans are parts of the request's trace"
    seen = watched(launcher, run)
    spec = seen[-1].specs[key]
    assert (seen[-1].status, spec.status, spec.stage, spec.percent) == ("completed", "completed", "registration", 100)
    percents = [told.specs[key].percent for told in seen]
    assert percents == sorted(percents)
    assert any(0 < percent < 100 for percent in percents), "its stages are told while it is under way"
    assert other not in seen[-1].specs
    with Registry(settings.registry, keys=settings.keys) as registry:
        assert [e.agent_id for e in registry.all()] == [key.partition("@")[0]]

    run = launcher.start(Order("default", (other,)))
    assert launcher.cancel(run) is True
    last = watched(launcher, run)[-1]
    assert (last.status, last.specs[other].status) == ("cancelled", "cancelled")
    assert launcher.cancel(run) is False

    failed = watched(launcher, launcher.start(Order("other-tenant", (other,))))[-1]  # on SQLite there is but one
    assert failed.status == "failed"
    assert "needs a registry on PostgreSQL" in failed.why
    assert failed.specs[other].reason == failed.why

    with pytest.raises(LookupError, match="there is no run"):
        launcher.progress("8c1f0d1e-0000-0000-0000-000000000000")


def test_a_dagster_that_is_not_there_is_said() -> None:
    with pytest.raises(DagsterError, match="does not answer"):
        DagsterLauncher("http://127.0.0.1:9").start(Order("default", ("a/b@1.0.0-01234567",)))
