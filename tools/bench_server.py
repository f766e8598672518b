"""Servers for `tools.bench_api`: a PostgreSQL that syncs to disk, the API, and the bare framework to compare with.

Belongs here: starting, killing, their memory. Does not belong here: load, figures.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from sqlalchemy.engine import make_url

from greenlang.registry import migrate
from tests.registry.postgres import APP, OWNER, SUPERUSER, Postgres, start

_BARE = """
from fastapi import FastAPI, Response
body = open({body!r}, "rb").read()
app = FastAPI()
@app.get("/agents/{{agent_id:path}}")
async def agent(agent_id: str) -> Response:
    return Response(body, media_type="application/json", headers={{"etag": '"bare"'}})
"""


@dataclass
class Server:
    """A running HTTP server with all its processes."""

    process: subprocess.Popen[bytes]
    port: int

    def memory(self) -> float:
        """Megabytes that its processes have for themselves (USS)."""
        return sum(_private(pid) for pid in _family(self.process.pid)) / 1024

    def seconds(self) -> float:
        """CPU seconds that its processes have used."""
        ticks = os.sysconf("SC_CLK_TCK")
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in _family(self.process.pid)) / ticks


@contextlib.contextmanager
def served(command: list[str], port: int, path: str, environment: dict[str, str], log: Path) -> Iterator[Server]:
    """The server that a command starts, once it answers; stopped afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _answers(process, port, path, log)
            yield Server(process, port)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def api(url: str, var: Path, workers: int) -> contextlib.AbstractContextManager[Server]:
    """`greenlang api serve` over a registry, without its limits on requests."""
    port = free_port()
    command = [sys.executable, "-m", "greenlang.cli.main", "--var", str(var), "api", "serve"]
    command += ["--port", str(port), "--workers", str(workers)]
    environment = {
        "GREENLANG_REGISTRY_URL": url,
        "GREENLANG_API_REQUESTS_PER_MINUTE": "100000000",
        "GREENLANG_API_ANONYMOUS_PER_MINUTE": "100000000",
    }
    return served(command, port, "/ready", environment, var / "api.log")


def bare(body: bytes, folder: Path, workers: int) -> contextlib.AbstractContextManager[Server]:
    """One route of the framework that gives the same bytes each time."""
    (folder / "body.json").write_bytes(body)
    (folder / "bare_app.py").write_text(_BARE.format(body=str(folder / "body.json")))
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "bare_app:app", "--port", str(port)]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    return served(command, port, "/agents/x", {}, folder / "bare.log")


class Database:
    """A PostgreSQL with an empty registry in the database `bench`, as safe as it comes: it syncs every commit."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self._server = start(folder / "data")
        self._postgres = Postgres(folder / "data")
        for role in (OWNER, APP):
            self._postgres.sql(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
        self._postgres.sql(f"CREATE DATABASE bench OWNER {OWNER}")
        migrate.upgrade(self._postgres.url("bench", OWNER), APP)

    @property
    def url(self) -> str:
        """As the application reaches it."""
        return self._postgres.url("bench")

    def make(self, name: str) -> str:
        """Another database, empty; its URL for a superuser."""
        self._postgres.sql(f"CREATE DATABASE {name}")
        return self._postgres.url(name, SUPERUSER)

    def kill(self) -> None:
        """As a power cut: all of its processes at once."""
        pid = int((self._postgres.folder / "postmaster.pid").read_text().split()[0])
        for one in _family(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def restart(self) -> None:
        """Start what was killed, and wait until it answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self._server.ensure_postgres_running()
                self._postgres.sql("SELECT 1")
                return
            except (OSError, RuntimeError, subprocess.SubprocessError, psycopg2.OperationalError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it and remove its files."""
        self._server.cleanup()


def postgres_seconds(url: str) -> float:
    """CPU seconds that the PostgreSQL behind a URL of `Database` has used; 0 for SQLite, which is in the server."""
    home = make_url(url).query.get("host")
    if not isinstance(home, str):
        return 0.0
    pid = int((Path(home) / "postmaster.pid").read_text().split()[0])
    return sum(sum(map(int, _stat(one)[11:13])) for one in _family(pid)) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _answers(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, http.client.HTTPException):
            if get(port, path)[0] < 500:
                return
        time.sleep(0.1)
    raise SystemExit(f"the server did not start:\n{log.read_text()[-3000:]}")


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: [1] is the parent, [11] and [12] are CPU ticks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _private(pid: int) -> int:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return 0
