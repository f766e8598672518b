"""The image's entry: names of processes, secrets from files, whether a process answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.docker import entrypoint

ENTRY = Path(entrypoint.__file__)


def test_a_process_takes_what_follows_and_anything_else_is_a_command() -> None:
    assert entrypoint.command(["api", "--workers", "2"])[:3] == ["greenlang", "api", "serve"]
    assert entrypoint.command(["api", "--workers", "2"])[-2:] == ["--workers", "2"]
    assert entrypoint.command(["greenlang", "--version"]) == ["greenlang", "--version"]
    with pytest.raises(SystemExit, match="which process"):
        entrypoint.command([])


def test_migrating_hands_its_arguments_to_the_registry_and_then_migrates_dagster(tmp_path: Path) -> None:
    told = tmp_path / "told"
    for name in ("greenlang", "dagster"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {told}\n')
        program.chmod(0o755)
    command = entrypoint.command(["migrate", "--app-role", "an app"])
    subprocess.run(command, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, timeout=30)
    assert told.read_text().splitlines() == ["greenlang registry migrate --app-role an app", "dagster instance migrate"]


def test_secrets_come_from_files_below_their_folder_alone(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://a:b@c/d\n")
    given = {
        "DAGSTER_PG_URL_FILE": str(secret),
        "SSL_CERT_FILE": "/etc/ssl/cert.pem",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        "HOME": "/var/lib/greenlang",
    }
    found = entrypoint.environment(given, tmp_path)
    assert found["DAGSTER_PG_URL"] == "postgresql://a:b@c/d"
    assert "DAGSTER_PG_URL_FILE" not in found
    assert {name: found[name] for name in given if name != "DAGSTER_PG_URL_FILE"} == {
        name: value for name, value in given.items() if name != "DAGSTER_PG_URL_FILE"
    }


def test_a_secret_that_is_missing_or_given_twice_ends_it_and_shows_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="A_FILE: "):
        entrypoint.environment({"A_FILE": str(tmp_path / "none")}, tmp_path)
    (tmp_path / "a").write_text("hush")
    with pytest.raises(SystemExit, match="both set") as ended:
        entrypoint.environment({"A_FILE": str(tmp_path / "a"), "A": "hush"}, tmp_path)
    assert "hush" not in str(ended.value)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_it_says_whether_the_api_answers() -> None:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            well = _asked(server.server_port)
        finally:
            server.shutdown()
            thread.join()
    assert well == 0
    assert _asked(server.server_port) == 1


def _asked(port: int) -> int:
    command = [sys.executable, "-I", str(ENTRY), "healthy"]
    environment = {"GREENLANG_API_PORT": str(port), "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30).returncode
