"""The API under load, beside the bare framework: ``python -m tools.bench_api [--seconds S] [--entries N] [--sqlite]``.

Real servers on loopback that share this machine's cores with the load. Reads and searches are made by `wrk` (Debian's
package of that name), closed or paced (`tools.bench_wrk`). Writes are made by threads, which remember what was
acknowledged. Memory is what the server's processes have for themselves. ``--parts`` names some of the parts:

1. ``reads``: every agent once, from the database; then 10,000 a second paced, from memory; then as many as there can
   be, from memory and as 304
2. ``searches``: those that were asked before, and those that nobody asked before
3. ``writes``: every kind that a factory and its agents make, and their mix (`tools.bench_writes`)
4. ``mixed``: reads and searches by 100 clients: errors, and the memory in ten moments
5. ``bare``: one route of the framework with the bytes of an agent, closed and paced as the reads are
6. ``fall``: PostgreSQL killed and started again under reads and writes: what was acknowledged is there, 503 says when
   to come back

``--seconds`` is the length of each load, ``--mixed-seconds`` that of part 4: 600 is the whole one.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import quote

import yaml

from greenlang.cli.api import processes
from greenlang.registry import Registry
from greenlang.registry.keys import Keys
from greenlang.settings import Settings
from tools.bench_packs import Packs
from tools.bench_registry import QUERIES
from tools.bench_server import Database, Server, api, bare, get
from tools.bench_writes import Writers, Writes
from tools.bench_wrk import Result, wrk
from tools.registry_fill import entries, fill

CLIENTS = 100
RATE = 10_000  # reads a second that are asked for
MIXED_RATE = 2000
_FROM_MEMORY = 0.2  # milliseconds of the server that an answer from memory does not take
PARTS = ("reads", "searches", "writes", "mixed", "bare", "fall")


class Bench:
    """One registry with its server."""

    def __init__(self, url: str, folder: Path, size: int, seconds: int) -> None:
        self._folder, self._seconds, self._url = folder, seconds, url
        packs = Packs(folder, folder / "keys")
        with Registry(url, keys=folder / "keys") as registry:
            fill(registry, entries(size))
            self.key = Keys(registry).issue("bench", ["super_admin"]).plain
            self._ids = [entry.agent_id for entry, _ in entries(size)]
        self._writes = Writes(self._ids, packs)
        self._paths = [f"/api/v1/registry/agents/{agent_id}" for agent_id in dict.fromkeys(self._ids)]
        self._searches = [f"/api/v1/registry/search?limit=20&q={quote(query)}" for query in _queries()]

    def measure(self, workers: int, parts: Collection[str], mixed_seconds: int) -> None:
        """All but the fall of the database."""
        signed = {"Authorization": f"Bearer {self.key}"}
        with api(self._url, self._folder, workers) as server:
            status, _, body = get(server.port, self._paths[0], signed)
            assert status == 200, body
            if "reads" in parts:
                self._read(server, signed)
            if "searches" in parts:
                self._search(server)
            if "writes" in parts:
                self._write(server)
            if "mixed" in parts:
                self._mixed(server, mixed_seconds)
        if "bare" in parts:
            with bare(body, self._folder, workers) as server:
                _told("the bare framework, same bytes, paced", self._load(server, ["/agents/x"], rate=RATE))
                _told("the bare framework, same bytes, closed", self._load(server, ["/agents/x"]))

    def _load(self, server: Server, lines: Iterable[str], *, clients: int = CLIENTS, rate: int = 0) -> Result:
        return wrk(server, lines, self._folder, self._seconds, clients, self.key, rate=rate)

    def _read(self, server: Server, signed: dict[str, str]) -> None:
        longest = max(5, len(self._paths) // 300)
        first = wrk(server, self._paths, self._folder, longest, CLIENTS, self.key, once=True)
        _told("reads, every agent once, closed", first)
        for _ in range(20):  # each process has its own memory: until all of them have read every agent
            if self._load(server, self._paths).cpu < _FROM_MEMORY:
                break
        _told("reads from memory, paced", self._load(server, self._paths, rate=RATE))
        _told("reads from memory, closed", self._load(server, self._paths))
        some = random.Random(1).sample(self._paths, min(1000, len(self._paths)))
        tagged = [f"{path} {get(server.port, path, signed)[1].get('etag', '')}" for path in some]
        _told("reads as 304, closed", self._load(server, tagged))

    def _search(self, server: Server) -> None:
        _told("searches, 66 different, 10 clients, closed", self._load(server, self._searches, clients=10))
        for rate in (50, 0):
            fresh = [f"{path}+n{rate}n{n}" for n in range(500) for path in self._searches]  # no agent has such a word
            found = self._load(server, fresh, clients=10, rate=rate)
            _told(f"searches that nobody asked before, {'paced' if rate else '10 clients, closed'}", found)

    def _mixed(self, server: Server, seconds: int) -> None:
        """Reads, every fourth a search, one in a hundred a search that nobody asked before the first round."""
        fresh = [f"{self._searches[n % len(self._searches)]}+m{n}" for n in range(len(self._paths) // 75)]
        lines = self._paths + self._searches * (len(self._paths) // len(self._searches) // 3) + fresh
        found: list[Result] = []
        load = threading.Thread(
            target=lambda: found.append(wrk(server, lines, self._folder, seconds, CLIENTS, self.key, rate=MIXED_RATE))
        )
        load.start()
        memory = []
        while load.is_alive():
            load.join(seconds / 10)
            memory.append(f"{server.memory():.0f}")
        _told(f"reads and searches, {CLIENTS} clients, {seconds} s, paced", found[0])
        _told("  memory meanwhile, MB", " ".join(memory))

    def _write(self, server: Server) -> None:
        for name, said in self._writes.measure(server, self._url, self.key, self._seconds):
            _told(name, said)

    def fall(self, database: Database) -> None:
        """Kill and start PostgreSQL while agents are read and heartbeats of new instances are written."""
        with api(self._url, self._folder, 1) as server:
            writers = Writers(server.port, self.key)
            reads: list[Result] = []
            load = threading.Thread(target=lambda: writers.run(8, self._writes.beats(), 12))
            reading = threading.Thread(
                target=lambda: reads.append(wrk(server, self._paths, self._folder, 12, 10, self.key, rate=200))
            )
            load.start()
            reading.start()
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
            reading.join()
        lost = self._lost(writers.acknowledged)
        _told("PostgreSQL killed and started: reads (errors: 503)", reads[0])
        _told("PostgreSQL killed and started: writes", f"{dict(writers.answers)}")
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


def _told(name: str, said: object) -> None:
    print(f"  {name:46} {said}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="length of each load")
    parser.add_argument("--mixed-seconds", type=int, default=20, help="length of the mixed load; 600 is the whole one")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--workers", type=int, help="processes of the server; what `api serve` takes by itself")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
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
            _bench(asked, f"sqlite:///{folder / 'registry.sqlite'}", folder)
        database = Database(_made(Path(home) / "pg"))
        try:
            bench = _bench(asked, database.url, _made(Path(home) / "postgresql"))
            if "fall" in asked.parts:
                bench.fall(database)
        finally:
            database.stop()


def _bench(asked: argparse.Namespace, url: str, folder: Path) -> Bench:
    workers = asked.workers or processes(Settings(registry_url=url))
    kind = url.partition(":")[0].partition("+")[0]
    print(f"API on {kind}, {asked.entries} entries, {workers} workers, {os.cpu_count()} cores", flush=True)
    bench = Bench(url, folder, asked.entries, asked.seconds)
    bench.measure(workers, asked.parts, asked.mixed_seconds)
    return bench


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
