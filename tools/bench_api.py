"""The API under load, beside the bare framework: ``python -m tools.bench_api [--seconds S] [--entries N] [--sqlite]``.

Real servers on loopback that share this machine's cores with the load. Reads and searches are made by `wrk` (Debian's
package of that name): in Python a client would use more of the cores than the server. Writes are made by threads, which
remember what was acknowledged. The full length of a run is ``--seconds 600``.

1. reads of all agents in random order with 100 connections, first from the database, then from memory, then as 304;
   beside them a bare route with the same bytes
2. searches with 10 connections
3. publishing packs and reporting heartbeats, latency of one client at a time and throughput of many
4. reads and searches together for ``--seconds``: errors, and what the server's memory does
5. PostgreSQL killed and started again under writes: what was acknowledged is there, 503 says when to come back
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import yaml

from greenlang.registry import Registry
from greenlang.registry.keys import Keys
from tools.bench_packs import Packs
from tools.bench_registry import QUERIES, percentile
from tools.bench_server import Database, Server, api, bare, get
from tools.registry_fill import entries, fill

CLIENTS = 100
_LUA = """
local lines = {}
for line in io.lines("%s") do lines[#lines + 1] = line end
local at = 0
request = function()
  at = at %% #lines + 1
  local path, etag = string.match(lines[at], "^(%%S+)%%s*(.*)$")
  wrk.headers["If-None-Match"] = etag ~= "" and etag or nil
  return wrk.format("GET", path)
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def wrk(server: Server, lines: Iterable[str], folder: Path, seconds: int, clients: int, key: str = "") -> str:
    """Load on a server: each line is a path, and an ETag that the client has; all in turn, in a random order."""
    mixed = list(lines)
    random.Random(1).shuffle(mixed)
    (folder / "lines.txt").write_text("\n".join(mixed))
    (folder / "load.lua").write_text(_LUA % (folder / "lines.txt"))
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(folder / "load.lua")]
    command += ["-H", f"Authorization: Bearer {key}"] if key else []
    used = server.seconds()
    printed = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", printed)
    assert found is not None, printed
    number, micros, *late, errors = map(int, found.groups())
    cost = (server.seconds() - used) / max(1, number) * 1000
    shown = "  ".join(f"p{p} {v / 1000:.1f} ms" for p, v in zip((50, 95, 99), late, strict=True))
    return f"{number / micros * 1e6:8.0f}/s  {shown}  errors {errors}  server CPU {cost:.2f} ms each"


class Writers:
    """Threads that write until they are told to stop; what was acknowledged, what was answered, how long it took."""

    def __init__(self, port: int, key: str) -> None:
        self.acknowledged: list[str] = []
        self.answers: Counter[str] = Counter()
        self.milliseconds: list[float] = []
        self._port, self._key = port, key
        self._stop = threading.Event()

    def run(self, clients: int, jobs: Iterable[tuple[str, str, bytes, str]], seconds: float = 1e9) -> float:
        """Do (name, path, body, content type) with as many clients, for so long at most; how long it took."""
        source, lock, started = iter(jobs), threading.Lock(), time.perf_counter()

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            while not self._stop.is_set() and time.perf_counter() - started < seconds:
                with lock:
                    job = next(source, None)
                if job is None:
                    return
                self._one(connection, *job)

        threads = [threading.Thread(target=work) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    def _one(self, connection: http.client.HTTPConnection, name: str, path: str, body: bytes, kind: str) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
        began = time.perf_counter()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.answers[type(error).__name__] += 1
            return
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        retry = ", Retry-After" if answer.getheader("Retry-After") else ""
        self.answers[f"{answer.status}{retry}"] += 1
        if answer.status in (200, 201):
            self.acknowledged.append(name)
        elif retry:
            time.sleep(0.2)

    def told(self, taken: float) -> str:
        """In one line."""
        late = "  ".join(f"p{int(s * 100)} {percentile(self.milliseconds, s):.0f} ms" for s in (0.5, 0.95))
        return f"{len(self.acknowledged) / taken:8.0f}/s  {late}  answers {dict(self.answers)}"


class Bench:
    """One registry with its server."""

    def __init__(self, url: str, folder: Path, size: int, seconds: int) -> None:
        self._folder, self._seconds, self._url = folder, seconds, url
        self._packs = Packs(folder, folder / "keys")
        with Registry(url, keys=folder / "keys") as registry:
            fill(registry, entries(size))
            self.key = Keys(registry).issue("bench", ["super_admin"]).plain
            self._ids = [entry.agent_id for entry, _ in entries(size)]

    def measure(self, workers: int) -> None:
        """All but the fall of the database."""
        signed = {"Authorization": f"Bearer {self.key}"}
        paths = [f"/api/v1/registry/agents/{agent_id}" for agent_id in dict.fromkeys(self._ids)]
        with api(self._url, self._folder, workers) as server:
            status, _, body = get(server.port, paths[0], signed)
            assert status == 200, body
            first = max(5, len(paths) // 150)  # seconds in which every agent is read once
            _told(
                "reads, the first of each agent among them", wrk(server, paths, self._folder, first, CLIENTS, self.key)
            )
            _told("reads, 100 clients", wrk(server, paths, self._folder, self._seconds, CLIENTS, self.key))
            some = random.sample(paths, min(1000, len(paths)))
            tagged = [f"{path} {get(server.port, path, signed)[1].get('etag', '')}" for path in some]
            _told("reads as 304, 100 clients", wrk(server, tagged, self._folder, self._seconds, CLIENTS, self.key))
            searches = [f"/api/v1/registry/search?limit=20&q={quote(q)}" for q in _queries()]
            get(server.port, searches[0], signed)
            kept = wrk(server, searches, self._folder, self._seconds, 10, self.key)
            _told("searches, 66 different, 10 clients", kept)
            fresh = [f"{path}+{n}" for n in range(200) for path in searches]
            _told(
                "searches that nobody asked before, 10 clients",
                wrk(server, fresh, self._folder, self._seconds, 10, self.key),
            )
            self._writes(server)
            self._long(server, paths, searches)
        with bare(body, self._folder, workers) as server:
            _told("the bare framework, same bytes, 100 clients", wrk(server, ["/agents/x"], self._folder, 10, CLIENTS))

    def _writes(self, server: Server) -> None:
        zips = [(name, "/api/v1/registry/agents", self._packs.zip(name), "application/zip") for name in _names(60)]
        for clients, jobs in ((1, zips[:20]), (8, zips[20:])):
            writers = Writers(server.port, self.key)
            taken = writers.run(clients, jobs)
            _told(f"publishing packs, {clients} clients", writers.told(taken))
        writers = Writers(server.port, self.key)
        taken = writers.run(16, self._beats(), self._seconds)
        _told("heartbeats, 16 clients", writers.told(taken))

    def _beats(self) -> Iterable[tuple[str, str, bytes, str]]:
        for number in range(10_000_000):
            agent_id = self._ids[number % len(self._ids)]
            told = json.dumps({"instance": f"i{number}", "metrics": {"calls": 10, "errors": 0}}).encode()
            yield f"{agent_id} i{number}", f"/api/v1/registry/health/{agent_id}", told, "application/json"

    def _long(self, server: Server, paths: list[str], searches: list[str]) -> None:
        mixed = paths + searches * (len(paths) // len(searches) // 4)
        before = server.memory()
        _told("reads and searches, 100 clients", wrk(server, mixed, self._folder, self._seconds, CLIENTS, self.key))
        middle = server.memory()
        wrk(server, mixed, self._folder, self._seconds, CLIENTS, self.key)
        _told(
            "memory before, after it, after the same again",
            f"{before:.0f} MB, {middle:.0f} MB, {server.memory():.0f} MB",
        )

    def fall(self, database: Database) -> None:
        """Kill and start PostgreSQL while heartbeats of new instances are written."""
        with api(self._url, self._folder, 1) as server:
            writers = Writers(server.port, self.key)
            load = threading.Thread(target=lambda: writers.run(8, self._beats(), 12))
            load.start()
            time.sleep(3)
            database.kill()
            down = time.perf_counter()
            time.sleep(2)
            database.restart()
            up = time.perf_counter()
            before = len(writers.acknowledged)
            while len(writers.acknowledged) == before and time.perf_counter() - up < 30:
                time.sleep(0.02)
            recovered = time.perf_counter() - up
            load.join()
        lost = self._lost(writers.acknowledged)
        _told("PostgreSQL killed and started under writes", f"{dict(writers.answers)}")
        _told(
            "",
            f"down {up - down:.1f} s, writing again {recovered:.1f} s later; acknowledged {len(writers.acknowledged)}, "
            f"of these lost {lost}",
        )

    def _lost(self, acknowledged: list[str]) -> int:
        from sqlalchemy import select

        from greenlang.registry.tables import InstanceRow

        with Registry(self._url) as registry, registry.transaction() as connection:
            rows = connection.execute(select(InstanceRow.agent_id, InstanceRow.instance)).all()
        return len(set(acknowledged) - {f"{row.agent_id} {row.instance}" for row in rows})


def _names(number: int) -> list[str]:
    return [f"bench/published-{n}" for n in range(number)]


def _queries() -> list[str]:
    return [one["query"] for one in yaml.safe_load(QUERIES.read_text())]


def _told(name: str, said: str) -> None:
    print(f"  {name:46} {said}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="length of each run; 600 is the full one")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--sqlite", action="store_true", help="the embedded registry too")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that what was started is stopped
    if shutil.which("wrk") is None:
        print("the API under load: needs the program wrk (on Debian: apt-get install wrk); nothing was measured")
        return
    with tempfile.TemporaryDirectory(prefix="gl-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        if asked.sqlite:
            folder = _made(Path(home) / "sqlite")
            print(f"API on SQLite, {asked.entries} entries, {asked.workers} workers", flush=True)
            Bench(f"sqlite:///{folder / 'registry.sqlite'}", folder, asked.entries, asked.seconds).measure(
                asked.workers
            )
        database = Database(_made(Path(home) / "pg"))
        try:
            folder = _made(Path(home) / "postgresql")
            print(f"API on PostgreSQL, {asked.entries} entries, {asked.workers} workers", flush=True)
            bench = Bench(database.url, folder, asked.entries, asked.seconds)
            bench.measure(asked.workers)
            bench.fall(database)
        finally:
            database.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
