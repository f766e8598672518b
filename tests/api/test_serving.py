"""The real server, on loopback: it starts, serves, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from greenlang.cli.main import app
from greenlang.registry import Registry
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
