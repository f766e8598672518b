"""Writes for `tools.bench_api`, of every kind that a factory and its agents make, and what each costs.

    heartbeats            of 200 instances that are known, each in its turn
    new instances         of which each is in the audit log
    usage reports         each in the audit log, with one user
    the same, with a key  usage reports with an `Idempotency-Key` each
    repeated              the same twenty of these again: answered, not done
    the mix               of a hundred: 80 heartbeats, 12 usage reports, 5 with a key, 2 repeated, 1 pack published
    packs                 whole ones, of one client and of eight

Belongs here: making them, counting. Does not belong here: servers (`bench_server`).
"""

from __future__ import annotations

import http.client
import itertools
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tools.bench_packs import Packs
from tools.bench_registry import percentile
from tools.bench_server import Server, postgres_seconds

CLIENTS = 32
INSTANCES = 200
_JSON, _ZIP = "application/json", "application/zip"


@dataclass(frozen=True, slots=True)
class Write:
    """One request; ``name`` is what is looked for afterwards."""

    name: str
    path: str
    body: bytes
    kind: str = _JSON
    key: str = ""


class Writers:
    """Threads that write until they are told to stop; what was acknowledged, what was answered, how long it took."""

    def __init__(self, port: int, key: str) -> None:
        self.acknowledged: list[str] = []
        self.answers: Counter[str] = Counter()
        self.milliseconds: list[float] = []
        self._port, self._key = port, key

    def run(self, clients: int, writes: Iterable[Write], seconds: float = 1e9) -> float:
        """Make them with as many clients, for so long at most; how long it took."""
        source, lock, started = iter(writes), threading.Lock(), time.perf_counter()

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            while time.perf_counter() - started < seconds:
                with lock:
                    write = next(source, None)
                if write is None:
                    return
                self._one(connection, write)

        threads = [threading.Thread(target=work) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    def _one(self, connection: http.client.HTTPConnection, write: Write) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": write.kind}
        headers |= {"Idempotency-Key": write.key} if write.key else {}
        began = time.perf_counter()
        try:
            connection.request("POST", write.path, write.body, headers)
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
            self.acknowledged.append(write.name)
        elif retry:
            time.sleep(0.2)

    def told(self, taken: float) -> str:
        """In one line."""
        late = "  ".join(f"p{int(s * 100)} {percentile(self.milliseconds, s):.0f} ms" for s in (0.5, 0.95))
        return f"{len(self.acknowledged) / taken:8.0f}/s  {late}  answers {dict(self.answers)}"


class Writes:
    """Every kind of write on these agents."""

    def __init__(self, agent_ids: list[str], packs: Packs) -> None:
        self._ids, self._packs = agent_ids, packs
        self._run = secrets.token_hex(4)  # so that nothing of it was there before

    def measure(self, server: Server, url: str, key: str, seconds: int) -> Iterator[tuple[str, str]]:
        """Name and figures of each kind, one after the other."""
        zips = self._published()
        kinds = (
            ("heartbeats", self.beats(fleet=INSTANCES)),
            ("new instances", self.beats()),
            ("usage reports", self._used()),
            ("usage reports with a key", self._used(keyed=True)),
            ("usage reports repeated", self._used(keyed=True, again=20)),
            ("the mix of writes", self._mix(list(itertools.islice(zips, seconds * 12)))),
        )
        for name, writes in kinds:
            yield f"{name}, {CLIENTS} clients", _measured(server, url, key, CLIENTS, writes, seconds)
        for clients in (1, 8):
            some = list(itertools.islice(zips, 20 * clients))
            yield f"publishing packs, {clients} clients", _measured(server, url, key, clients, some, seconds)

    def beats(self, fleet: int = 0) -> Iterator[Write]:
        """Heartbeats, of so many instances in turn or each of a new one."""
        for number in itertools.count():
            place = number % fleet if fleet else number
            agent_id, instance = self._ids[place % len(self._ids)], f"{self._run}-{'f' if fleet else 'i'}{place}"
            told = {"instance": instance, "metrics": {"calls": 10, "errors": 0, "latency_p95_ms": 40}}
            path = f"/api/v1/registry/health/{agent_id}"
            yield Write(f"{agent_id} {instance}", path, json.dumps(told).encode())

    def _used(self, *, keyed: bool = False, again: int = 0) -> Iterator[Write]:
        day = datetime.now(UTC).date().isoformat()
        for number in itertools.count():
            place = number % again if again else number
            told = {"day": day, "calls": 10, "errors": 0, "users": [f"user{place % 7}"]}
            path = f"/api/v1/registry/agents/{self._ids[place % len(self._ids)]}/usage"
            key = f"{self._run}-{'again' if again else 'once'}-{place}" if keyed else ""
            yield Write(str(number), path, json.dumps(told).encode(), key=key)

    def _published(self) -> Iterator[Write]:
        for number in itertools.count():
            agent_id = f"bench/{self._run}-{number}"
            yield Write(agent_id, "/api/v1/registry/agents", self._packs.zip(agent_id), _ZIP)

    def _mix(self, packs: list[Write]) -> Iterator[Write]:
        beats, used = self.beats(fleet=INSTANCES), self._used()
        mix = secrets.token_hex(4)
        for number in itertools.count():
            place = number * 37 % 100  # one after the other, not in blocks
            if place < 80:
                yield next(beats)
            elif place < 92 or not packs:
                yield next(used)
            elif place < 99:
                write = next(used)
                key = f"{mix}-once-{number}" if place < 97 else f"{mix}-again-{number % 20}"
                body = write.body if place < 97 else b'{"day": "2026-01-01", "calls": 1}'
                path = write.path if place < 97 else f"/api/v1/registry/agents/{self._ids[number % 20]}/usage"
                yield Write(write.name, path, body, key=key)
            else:
                yield packs.pop()


def _measured(server: Server, url: str, key: str, clients: int, writes: Iterable[Write], seconds: int) -> str:
    writers = Writers(server.port, key)
    before = server.seconds(), postgres_seconds(url), time.process_time()
    taken = writers.run(clients, writes, seconds)
    after = server.seconds(), postgres_seconds(url), time.process_time()
    each = [(b - a) / max(1, len(writers.milliseconds)) * 1000 for a, b in zip(before, after, strict=True)]
    cost = f"CPU ms each: server {each[0]:.2f}, PostgreSQL {each[1]:.2f}, clients {each[2]:.2f}"
    return f"{writers.told(taken)}  {cost}"
