"""The series where somebody reads them: a server of its own, a file, the API, and a real Prometheus."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from greenlang.api import sharing
from greenlang.api.app import create_app
from greenlang.cli.main import app as cli
from greenlang.errors import SettingsError
from greenlang.factory.outcome import DimensionResult, MeasureResult
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry
from greenlang.settings import Settings
from greenlang.telemetry.exposition import CONTENT_TYPE
from greenlang.telemetry.requests import Figures, Requests, lines_of, ratio_of
from greenlang.telemetry.serving import Served
from tests.api.conftest import key_for
from tests.api.loopback import served
from tests.metrics.conftest import outcome, run_info
from tests.telemetry.reading import program, samples
from tests.telemetry.test_deploy import DEPLOY, expressions
from tests.telemetry.test_series import call

BUILT = 'greenlang_factory_generations_total{status="registered",domain="heat",category=""}'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", api_remember_seconds=0)


def fill(settings: Settings, run: str = "run-1") -> None:
    """Work in which every series gets a value."""
    store = MetricsStore(settings)
    agent = outcome()
    (row,) = agent.repairs
    failed = DimensionResult("documentation", "Documentation", "failed", 40.0, 90.0, 1.0, False, "none")
    simple = MeasureResult("complexity", 0.75, True, "")
    judged = [
        DimensionResult(name, name, "passed", 99.0, 90.0, 1.0, True, "", measures=(simple,))
        for name in ("determinism", "compliance_security")
    ]
    agent = outcome(dimensions=(failed, *judged), repairs=({**row, "rung": "mechanical", "status": "repaired"},))
    rows = [
        call(1, agent.key, "failed", call_id=f"{run}-1", provider="openai", request_digest="q"),
        call(2, agent.key, call_id=f"{run}-2", request_digest="q"),
        call(3, agent.key, "replayed", call_id=f"{run}-3", request_digest="q"),
    ]
    store.write([agent, outcome("heat/other", outcome="quarantined", coverage=40.0)], run_info(run, agents=3, kept=1))
    store.write_calls(rows, f"calls-{run}")
    store.write((), run_info(run, agents=3, kept=1, finished_at=datetime.now(UTC)))


@contextmanager
def serving(settings: Settings, token: Path | None = None) -> Iterator[httpx.Client]:
    with Served(settings, "127.0.0.1", 0, token) as one:
        thread = threading.Thread(target=one.run)
        thread.start()
        try:
            with httpx.Client(base_url=one.address) as client:
                yield client
        finally:
            one.stop()
            thread.join()


def test_a_machine_without_the_api_serves_its_series(settings: Settings, tmp_path: Path) -> None:
    MetricsStore(settings).write([outcome()], run_info())
    with serving(settings) as client:
        answer = client.get("/metrics")
        assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE)
        assert samples(answer.text)[BUILT] == 1
        MetricsStore(settings).write([outcome()], run_info())
        assert samples(client.get("/metrics").text)[BUILT] == 2, "while a batch goes on"
        assert client.get("/").status_code == 404
    (tmp_path / "token").write_text("a-token-of-some-length\n")
    with serving(settings, tmp_path / "token") as client:
        wrong = {"Authorization": "Bearer a-token-of-some-lengti"}
        assert [client.get("/metrics", headers=h).status_code for h in ({}, wrong)] == [401, 401]
        right = {"Authorization": "Bearer a-token-of-some-length"}
        assert client.get("/metrics", headers=right).status_code == 200


def test_others_than_this_machine_need_a_token(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--token-file"):
        Served(settings, "0.0.0.0", 0)
    (tmp_path / "short").write_text("short")
    for file, why in ((tmp_path / "none", "cannot be read"), (tmp_path / "short", "shorter than 16")):
        with pytest.raises(SettingsError, match=why):
            Served(settings, "0.0.0.0", 0, file)


def test_serve_says_where_and_ends_on_a_signal(settings: Settings) -> None:
    command = [sys.executable, "-m", "greenlang.cli.main", "--var", str(settings.var), "telemetry", "serve"]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = process.stderr.readline().rpartition(" ")[2].strip()
        assert "greenlang_factory_queue_size" in httpx.get(address).text
        process.terminate()
        assert process.wait(20) == 0


def test_the_file_is_replaced_in_one_step_and_left_alone_by_a_failure(settings: Settings, tmp_path: Path) -> None:
    MetricsStore(settings).write([outcome()], run_info())
    target = tmp_path / "greenlang.prom"
    done = CliRunner().invoke(cli, ["--var", str(settings.var), "telemetry", "write", str(target)])
    assert done.exit_code == 0, done.output
    assert samples(target.read_text())[BUILT] == 1
    assert target.stat().st_mode & 0o777 == 0o644
    missing = CliRunner().invoke(cli, ["--var", str(settings.var), "telemetry", "write", str(tmp_path / "no" / "x")])
    assert missing.exit_code == 3
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_the_api_tells_each_tenant_of_its_own_factory_if_it_may_know(settings: Settings) -> None:
    from starlette.testclient import TestClient

    fill(settings)
    with Registry(settings.registry, keys=settings.keys) as registry:
        held = {"X-API-Key": key_for(registry, "viewer", name="held", scopes=("read_registry",))}
        may = {"X-API-Key": key_for(registry, "viewer", name="may")}
        app = create_app(settings, registry=registry)
        with TestClient(app) as client:
            assert [client.get("/metrics", headers=h).status_code for h in ({}, held)] == [401, 403]
            answer = client.get("/metrics", headers=may)
            found = samples(answer.text)
            assert answer.headers["content-type"] == CONTENT_TYPE
            assert found[BUILT] == 1
            assert found[f'greenlang_api_requests_total{{process="{os.getpid()}",method="GET",route="/metrics",'
                         'status="403"}'] == 1  # fmt: skip
            other = app.state.services.series("acme").text()
    assert "heat/" not in other
    assert 'greenlang_factory_queue_size{priority="0"} 0' in other


def test_processes_of_the_api_tell_of_each_other(tmp_path: Path) -> None:
    here = Requests(tmp_path)
    here.answered("GET", "/health", 200, 0.01)
    program_ = f"""
from greenlang.telemetry.requests import Requests
from pathlib import Path
import sys
there = Requests(Path({str(tmp_path)!r}))
there.answered("GET", "/health", 200, 0.002)
there.answered("BREW", "(none)", 405, 3.0)
there.reads, there.kept = 4, 1
there.share(there.taken())
print("shared", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program_]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "shared\n"
        found = told(here)
        requests = {name for name in found if name.startswith("greenlang_api_requests_total")}
        assert len(requests) == 3
        assert (
            f'greenlang_api_requests_total{{process="{other.pid}",method="other",route="(none)",status="405"}}' in found
        )
        seconds = f'greenlang_api_request_duration_seconds_bucket{{process="{other.pid}",method="GET",le='
        assert (found[f'{seconds}"0.001"}}'], found[f'{seconds}"0.005"}}']) == (0, 1)
        assert ratio_of(here.of_all(here.taken())) == 0.25
        other.kill()
    assert len([name for name in told(here) if name.startswith("greenlang_api_req")]) < 15
    assert ratio_of(here.of_all(here.taken())) is None, "one that was killed is forgotten"


def told(requests: Requests) -> dict[str, float]:
    return samples("\n".join(lines_of(requests.of_all(requests.taken()))))


def test_what_processes_left_that_are_gone_is_removed(tmp_path: Path) -> None:
    """On any machine with this var: containers have a new host name each time. And process ids come again."""
    folder = tmp_path / "telemetry" / "api"
    here = Requests(tmp_path)
    here.answered("GET", "/health", 200, 0.01)
    here.share(here.taken())
    (own,) = folder.iterdir()
    host, process, _, _ = own.name.split(".")
    again, elsewhere, living = (folder / f"{name}.json" for name in (f"{host}.{os.getppid()}.7", "gone.1.5", "pod.1.9"))
    half = folder / ".gone.1.5.json.tmp"
    for path in (again, elsewhere, living, half):
        path.write_text(own.read_text())
    for path in (own, elsewhere, half):
        os.utime(path, (time.time() - 301,) * 2)
    here.share(here.taken())
    assert {path.name for path in folder.iterdir()} == {own.name, living.name}
    own.unlink()
    here.share(here.taken())
    assert own.exists(), "somebody's clock was wrong"
    assert list(here.of_all(here.taken())) == [process]


@pytest.mark.parametrize("error", [RuntimeError("dictionary changed size"), OSError("full")])
def test_a_process_goes_on_sharing_after_any_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(sharing, "SHARE_SECONDS", 0.001)
    calls: list[int] = []
    here = Requests(tmp_path)

    def share(_: Figures) -> None:
        calls.append(threading.get_ident())
        raise error

    async def shared_for_a_while() -> None:
        task = asyncio.create_task(sharing.shared(here))
        while len(calls) < 3 and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    monkeypatch.setattr(here, "share", share)
    asyncio.run(shared_for_a_while())
    assert len(calls) >= 3
    assert "cannot be shared" in caplog.text


def test_figures_are_a_copy_that_counting_does_not_change(tmp_path: Path) -> None:
    """Only the copy leaves the event loop: a dictionary that grows meanwhile cannot be gone through on a thread."""
    here = Requests(tmp_path)
    here.answered("GET", "/health", 200, 0.01)
    taken = here.taken()
    before = json.dumps(taken)
    counted = iter(lines_of({"1": taken}))
    next(counted)
    here.answered("GET", "/health", 200, 0.01)
    here.answered("GET", "/ready", 200, 0.01)
    assert json.dumps(taken) == before


def test_who_asks_on_a_thread_never_goes_through_what_is_being_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    taken = Requests.taken
    threads: list[tuple[str, int]] = []
    monkeypatch.setattr(Requests, "taken", lambda self: threads.append(("taken", threading.get_ident())) or taken(self))
    answered = Requests.answered
    monkeypatch.setattr(
        Requests, "answered", lambda *a: threads.append(("answered", threading.get_ident())) or answered(*a)
    )
    with Registry(settings.registry, keys=settings.keys) as registry:
        may = {"X-API-Key": key_for(registry, "viewer", name="may")}
        with TestClient(create_app(settings, registry=registry)) as client:
            assert client.get("/metrics", headers=may).status_code == 200
    assert {name for name, _ in threads} == {"taken", "answered"}
    assert len({thread for _, thread in threads}) == 1


def test_a_real_prometheus_reads_the_real_api_and_answers_every_panel(settings: Settings, tmp_path: Path) -> None:
    server = program("prometheus")
    with Registry(settings.registry, keys=settings.keys) as registry:
        fill(settings)
        token = key_for(registry, "viewer", name="prometheus", scopes=("view_metrics",))
        with served(create_app(settings, registry=registry)) as address:
            config = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
            config = config.replace("127.0.0.1:8080", address.removeprefix("http://")).replace("30s", "1s")
            (tmp_path / "prometheus.yml").write_text(config)
            (tmp_path / "rules.yml").write_text((DEPLOY / "prometheus" / "rules.yml").read_text())
            (tmp_path / "greenlang.token").write_text(token)
            command = [server, "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
            with (tmp_path / "log").open("w") as log:
                process = subprocess.Popen(
                    [*command, "--web.listen-address=127.0.0.1:0"], cwd=tmp_path, stderr=log, stdout=log
                )
            try:
                with httpx.Client(base_url=_address(tmp_path / "log", process), timeout=20) as client:
                    _scraped(client, 2)
                    fill(settings, "run-2")
                    _scraped(client, 4)
                    asked = _asked(client)
            finally:
                process.terminate()
                process.wait(20)
    assert [panel for panel, values in asked.items() if not values] == ["cost_analysis budget_utilization, 2nd"], (
        "no budget of a night is set; all else has a value"
    )
    assert asked["factory_overview total_agents_generated"] == [1.0]
    assert asked["factory_overview success_rate_7d"] == [0.5]
    assert asked["llm_usage error_rates"] == [pytest.approx(0), pytest.approx(1)]


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + 30
    while not (found := re.search(r'msg="Listening on" address=(\S+)', log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until
        time.sleep(0.05)
    return f"http://{found[1]}"


def _values(client: httpx.Client, text: str) -> list[float]:
    answer: dict[str, Any] = client.get("/api/v1/query", params={"query": text}).json()
    assert answer["status"] == "success", json.dumps(answer)
    values = [float(row["value"][1]) for row in answer["data"]["result"]]
    return sorted(value for value in values if not math.isnan(value))


def _scraped(client: httpx.Client, times: int) -> None:
    """Wait until the factory has been read so many times more."""

    def reads() -> float:
        return sum(_values(client, 'sum_over_time(up{job="greenlang"}[1h])'))

    until, wanted = time.monotonic() + 60, reads() + times
    while reads() < wanted:
        assert time.monotonic() < until, "the factory is not read, or refuses the key"
        time.sleep(0.2)


def _asked(client: httpx.Client) -> dict[str, list[float]]:
    """Each query of the dashboards -> the values of its answer."""
    found: dict[str, list[float]] = {}
    for panel, text in expressions():
        found[f"{panel}, 2nd" if panel in found else panel] = _values(client, text)
    (rules,) = client.get("/api/v1/rules").json()["data"]["groups"]
    assert {rule["health"] for rule in rules["rules"]} == {"ok"}
    return found
