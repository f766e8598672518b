"""How the API answered: counted in each of its processes, told by whichever of them is asked.

Each process leaves its figures in ``var/telemetry/api``, so that one scrape shows all of them, each under a label of
its own: a counter then never falls because another process answered.

Belongs here: counting, sharing between the processes of one machine. Does not belong here: HTTP.
"""

from __future__ import annotations

import json
import os
import socket
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenlang.telemetry.declared import REQUEST_SECONDS, REQUESTS
from greenlang.telemetry.exposition import Buckets, Histogram, Labels, histogram_lines, lines

SHARE_SECONDS = 5.0
MEMORY, NOWHERE = "(memory)", "(none)"  # routes of what was answered before it was routed
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_PLACES = len(REQUEST_SECONDS.buckets) + 1


class Requests:
    """The figures of this process, and of its siblings. Counting is for one thread, the event loop's."""

    def __init__(self, var: Path) -> None:
        self._folder = var / "telemetry" / "api"
        self._host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())
        self.kept = 0  # reads that were answered from memory
        self.reads = 0  # reads that might have been
        self._counts: Counter[tuple[str, str, int]] = Counter()  # method, route, status
        self._seconds: dict[str, list[float]] = {}  # method -> counts of the buckets, then the sum
        self._shared = 0

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take note of an answer that has begun."""
        method = method if method in _METHODS else "other"
        self._counts[method, route, status] += 1
        met = self._seconds.setdefault(method, [0.0] * (_PLACES + 1))
        met[bisect_left(REQUEST_SECONDS.buckets, seconds)] += 1
        met[-1] += seconds

    def lines(self) -> Iterator[str]:
        """The series of all processes."""
        counts: dict[Labels, float] = {}
        histogram = Histogram(REQUEST_SECONDS)
        for process, told in self._all().items():
            for method, route, status, n in told["counts"]:
                counts[process, method, route, str(status)] = n
            for method, met in told["seconds"].items():
                histogram.by_labels[process, method] = Buckets([int(n) for n in met[:-1]], met[-1])
        yield from lines(REQUESTS, counts)
        yield from histogram_lines(histogram)

    def ratio(self) -> float | None:
        """Share of the reads that were answered from memory, over all processes; None before the first."""
        told = list(self._all().values())
        reads = sum(one["reads"] for one in told)
        return sum(one["kept"] for one in told) / reads if reads else None

    def share(self) -> None:
        """Leave the figures for the other processes, where there is something new. Raises OSError."""
        total = self._counts.total()
        if total == self._shared:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{self._name(os.getpid())}.tmp"
        temporary.write_text(json.dumps(self._told()))
        temporary.replace(self._folder / self._name(os.getpid()))
        self._shared = total

    def leave(self) -> None:
        """Take the figures back: the process ends."""
        (self._folder / self._name(os.getpid())).unlink(missing_ok=True)

    def _told(self) -> dict[str, Any]:
        return {
            "counts": [[*labels, n] for labels, n in self._counts.items()],
            "seconds": self._seconds,
            "kept": self.kept,
            "reads": self.reads,
        }

    def _all(self) -> dict[str, dict[str, Any]]:
        found = {str(os.getpid()): self._told()}
        for path in sorted(self._folder.glob(f"{self._host}.*.json")):
            process = path.name.split(".")[1]
            if process in found:
                continue
            if not Path(f"/proc/{process}").exists() and Path("/proc/self").exists():  # it was killed
                path.unlink(missing_ok=True)
                continue
            try:
                found[process] = json.loads(path.read_text())
            except FileNotFoundError:  # it has just ended
                continue
        return found

    def _name(self, process: int) -> str:
        return f"{self._host}.{process}.json"
