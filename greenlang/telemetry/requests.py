"""How the API answered: counted in each of its processes, told by whichever of them is asked.

Each process leaves its figures in ``var/telemetry/api``, so that one scrape shows all of them, each under a label of
its own: a counter then never falls because another process answered. A file that nobody has touched for some minutes
is that of a process which was killed, here or on another machine with the same ``var``.

Belongs here: counting, sharing between the processes of one machine. Does not belong here: HTTP.
"""

from __future__ import annotations

import json
import os
import socket
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from greenlang.telemetry.declared import REQUEST_SECONDS, REQUESTS
from greenlang.telemetry.exposition import Buckets, Histogram, Labels, histogram_lines, lines

SHARE_SECONDS = 5.0
FORGOTTEN_SECONDS = 300.0  # after which a file that is touched each `SHARE_SECONDS` has no process any more
MEMORY, NOWHERE = "(memory)", "(none)"  # routes of what was answered before it was routed
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_STARTED = 19  # of /proc/<process>/stat, behind the name of the program: see proc(5), starttime
_PLACES = len(REQUEST_SECONDS.buckets) + 1


class Figures(TypedDict):
    """How one process answered."""

    counts: list[tuple[str, str, int, int]]  # method, route, status, answers
    seconds: dict[str, list[float]]  # method -> counts of the buckets, then the sum
    kept: int
    reads: int


class Requests:
    """The figures of this process, and of its siblings. Counting and `taken` are for one thread, the event loop's; the
    rest is for any.
    """

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

    def taken(self) -> Figures:
        """A copy of this process' figures."""
        return {
            "counts": [(*labels, n) for labels, n in self._counts.items()],
            "seconds": {method: list(met) for method, met in self._seconds.items()},
            "kept": self.kept,
            "reads": self.reads,
        }

    def share(self, own: Figures) -> None:
        """Leave the figures for the other processes, and forget those of processes that are gone. Raises OSError."""
        total = sum(n for *_, n in own["counts"])
        path = self._folder / _name(self._host, str(os.getpid()))
        if total == 0:
            return
        self._forget()
        if total == self._shared:
            with suppress(FileNotFoundError):  # somebody took it for one of the dead: it is written again
                os.utime(path)
                return
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{path.name}.tmp"
        temporary.write_text(json.dumps(own))
        temporary.replace(path)
        self._shared = total

    def leave(self) -> None:
        """Take the figures back: the process ends."""
        (self._folder / _name(self._host, str(os.getpid()))).unlink(missing_ok=True)

    def of_all(self, own: Figures) -> dict[str, Figures]:
        """Process -> its figures, for the processes of this machine; of this one those that are given."""
        self._forget()
        found = {str(os.getpid()): own}
        for path in sorted(self._folder.glob(f"{self._host}.*.json")):
            try:
                found.setdefault(path.name.split(".")[1], json.loads(path.read_text()))
            except FileNotFoundError:  # it has just ended
                continue
        return found

    def _forget(self) -> None:
        """Remove what processes left that were killed: on this machine at once, elsewhere after some minutes."""
        for path in (*self._folder.glob("*.json"), *self._folder.glob(".*.tmp")):
            host, process = path.name.removeprefix(".").split(".")[:2]
            try:
                old = time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS
            except FileNotFoundError:
                continue
            other = path.suffix == ".json" and path.name != _name(host, process)
            if old or (host == self._host and other and Path("/proc/self").exists()):
                path.unlink(missing_ok=True)


def lines_of(every: Mapping[str, Figures]) -> Iterator[str]:
    """The series of these processes; nothing where there is none."""
    if not every:
        return
    counts: dict[Labels, float] = {}
    histogram = Histogram(REQUEST_SECONDS)
    for process, told in every.items():
        for method, route, status, n in told["counts"]:
            counts[process, method, route, str(status)] = n
        for method, met in told["seconds"].items():
            histogram.by_labels[process, method] = Buckets([int(n) for n in met[:-1]], met[-1])
    yield from lines(REQUESTS, counts)
    yield from histogram_lines(histogram)


def ratio_of(every: Mapping[str, Figures]) -> float | None:
    """Share of the reads that were answered from memory, over these processes; None before the first."""
    reads = sum(one["reads"] for one in every.values())
    return sum(one["kept"] for one in every.values()) / reads if reads else None


def _name(host: str, process: str) -> str:
    """The file of a process. Process ids come again, so it says since when: in ticks, as Linux counts; 0 elsewhere, and
    where there is no such process.
    """
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        told = []
    return f"{host}.{process}.{told[_STARTED] if told else 0}.json"
