"""The real server, on loopback: it starts, serves, and ends when it is told to."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from greenlang.api.app import create_app
from greenlang.cli.api import processes
from greenlang.cli.main import app
from greenlang.errors import RegistryError
from greenlang.registry import Registry, RegistryEntry
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.registry.test_registry import entry


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def serving(var: Path, *options: str, **environment: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """`greenlang api serve` as its own process group, ready."""
    port = free_port()
    command = [sys.executable, "-m", "greenlang.cli.main", "api", "serve", "--port", str(port), *options]
    log = var.parent / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env={**os.environ, "GREENLANG_VAR": str(var), **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    if client.get("/ready").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield client, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_it_serves_the_person_at_the_machine_and_ends_in_order(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with serving(var, "--no-sign-in") as (client, process):
        assert client.get("/api/v1/registry/agents").json() == {"items": [], "next": None}
        assert client.get("/api/v1/registry/agents", headers={"Host": "evil.example"}).status_code == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)  # uvicorn ends in order, then by the signal
    log = (tmp_path / "serve.log").read_text()
    assert "NO SIGN-IN" in log
    assert re.search(r"console: http://127.0.0.1:\d+/console", log)
    assert "no API key" not in log
    assert "Application shutdown complete" in log


@pytest.mark.slow
def test_several_processes_serve_one_registry(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var")
    with Registry(settings.registry, keys=settings.keys) as registry:
        registry.register(entry())
        mine = {"X-API-Key": key_for(registry, "factory_admin")}
    with serving(settings.var, "--workers", "2", GREENLANG_API_FRESH_MS="0") as (client, process):
        line = {"kind": "deny", "pattern": "heat/*", "reason": "r"}
        assert client.get("/api/v1/registry/agents/heat/boiler").status_code == 401
        for number in range(1, 9):  # whichever process answers, it sees what any of them wrote
            made = client.post(
                "/api/v1/registry/tenants/default/lists", json=line, headers={**mine, "Connection": "close"}
            )
            assert made.status_code == 201
            found = client.get("/api/v1/registry/tenants/default/lists", headers={**mine, "Connection": "close"})
            assert len(found.json()["items"]) == number
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@pytest.mark.slow
def test_what_cannot_start_says_why_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "greenlang.cli.main", "api", "serve", "--port", str(free_port()), "--workers", "2"]
    half = {"GREENLANG_VAR": str(tmp_path / "var"), "GREENLANG_API_AUDIENCE": "", "GREENLANG_API_JWKS": "/nowhere"}
    done = subprocess.run(command, env={**os.environ, **half}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert "GREENLANG_API_JWKS needs GREENLANG_API_ISSUER" in done.stderr
    assert done.stderr.endswith("the API did not start: what it said above is why\n")


def test_it_is_ready_when_the_index_and_the_document_are_made(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, search = threading.Event(), Registry.search

    def slowly(self: Registry, *words: Any, **more: Any) -> list[RegistryEntry]:
        assert going.wait(20)
        return search(self, *words, **more)

    monkeypatch.setattr(Registry, "search", slowly)
    app = create_app(settings, registry=registry, warm=True)
    with TestClient(app) as client:
        early = client.get("/ready")
        assert (early.status_code, early.json()["detail"]) == (503, "it is starting")
        assert "retry-after" in early.headers
        assert client.get("/health").status_code == 200
        going.set()
        ready(client)
        assert app.openapi_schema is not None


def test_a_database_that_fails_while_it_starts_is_asked_again(
    settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(self: Registry, *words: Any, **more: Any) -> list[RegistryEntry]:
        raise RegistryError("the registry cannot be used")

    monkeypatch.setattr(Registry, "search", failing)
    with TestClient(create_app(settings, registry=registry, warm=True)) as client:
        ready(client)
    assert "the first requests will wait: the registry cannot be used" in caplog.text


def ready(client: TestClient) -> None:
    deadline = time.monotonic() + 20
    while client.get("/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("registry_url", "cores", "number"), [(None, 8, 1), ("postgresql://u@h/d", 8, 4)])
def test_processes_are_as_many_as_the_machine_and_the_registry_bear(
    monkeypatch: pytest.MonkeyPatch, registry_url: str | None, cores: int, number: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    assert processes(Settings(registry_url=registry_url)) == number
    assert processes(Settings(registry_url=registry_url, api_workers=7)) == 7


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--host", "0.0.0.0", "--no-sign-in"], {}, "serves loopback alone"),
        (["--host", "example.org", "--no-sign-in"], {}, "serves loopback alone"),
        (
            ["--no-sign-in"],
            {"GREENLANG_REGISTRY_URL": "postgresql://u@127.0.0.1/db"},
            "for a registry in an SQLite file",
        ),
    ],
)
def test_without_a_sign_in_nothing_else_is_served(
    tmp_path: Path, options: list[str], environment: dict[str, str], said: str
) -> None:
    done = CliRunner().invoke(app, ["--var", str(tmp_path), "api", "serve", *options], env=environment)
    assert done.exit_code == 2
    assert said in done.output


def test_the_document_is_printed(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--var", str(tmp_path), "api", "openapi"])
    assert done.exit_code == 0
    assert json.loads(done.output)["openapi"].startswith("3.1")
    CliRunner().invoke(app, ["--var", str(tmp_path), "api", "openapi", "--out", str(tmp_path / "api.json")])
    assert (tmp_path / "api.json").read_text() == done.output
