"""Processor milliseconds to test and judge an agent, part by part: ``make bench``.

Counted is everything between a pack on disk and its report on disk, in the line's own code and in the state of a
worker of it: parts are named, what has no name stands under ``rest``, and what a worker spends once stands apart.
Generation and packaging lie before and behind that; they are named and not counted.

Beside it, for the same packs: one subprocess for each tool and each agent, which is how each tool is meant to be called
by hand. That way is slow, so it is taken of a few packs only (``--slow``). Figures are of this machine at this
moment; quote the ratios.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang.factory import build, chunk, examine, workers
from greenlang.factory.build import Builder, Task
from greenlang.factory.line import prepare
from greenlang.factory.neighbours import Neighbours
from greenlang.factory.refine import Refiner
from greenlang.factory.source import SpecSource
from greenlang.quality import tools
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.tools import LINT_RULES, SECURITY_RULES, PackRef
from greenlang.sandbox import Sandbox, cache, claims, gate
from greenlang.sandbox.trial import Trial
from greenlang.sandbox.trials import Trying
from greenlang.settings import Settings
from tools.bench import specs

AIM = {"20": 330.0, "all": 650.0}
_TICK = os.sysconf("SC_CLK_TCK")
_MEASURES = "measures: "  # before the name of the dimension that is measured
PARTS: tuple[tuple[Any, str, str], ...] = (
    (Builder, "draft", "generation"),
    (build, "finish_pack", "packaging"),
    (build, "publish_pack", "packaging"),
    (build, "sign_pack", "packaging"),
    (tools, "_parse", "parse"),
    (tools, "_ruff", "ruff"),
    (tools, "_mypy", "mypy"),
    (examine, "asked", "inputs made"),
    (examine, "inputs", "inputs made"),
    (examine, "mutants", "mutants made"),
    (examine, "blocks", "code blocks found"),
    (examine, "differences", "differential"),
    (examine, "trace", "literals"),
    (examine, "judge", "judge"),
    (Sandbox, "_trying", "gate"),
    (gate, "check", "gate"),
    (cache, "key", "trials kept"),
    (cache.TrialCache, "get", "trials kept"),
    (cache.TrialCache, "put", "trials kept"),
    (Sandbox, "_run", "wire"),
    (claims, "parse", "claims"),
    (Trying, "run", "claims"),
    (Refiner, "mend", "repair"),
    (build, "write_report", "report"),
    (build, "_judged", "report"),
    (Neighbours, "nearest", "report"),
)
# What is run for several dimensions at once is charged to the one that asks for most of it.
_CHARGED = {
    "parse": "implementation",
    "ruff": "implementation",  # its security rules, in the same process, are Compliance and security's
    "mypy": "implementation",
    "tests with coverage": "tests",
    "mutants made": "tests",
    "mutants": "tests",
    "second run": "determinism",  # whether a test is flaky is Tests'
    "inputs made": "determinism",
    "differential": "determinism",
    "literals": "determinism",
    "code blocks found": "documentation",
    "answers, service, documents": "operations",  # latency is Exit criteria's, code blocks are Documentation's
}
_NO_DIMENSION = "none of its own"  # report, gate, forks, wire
Spent = dict[str, float]  # part -> processor seconds
NOT_COUNTED = ("generation", "packaging")  # what is before the testing and judging, and behind it


def own() -> float:
    """Processor seconds of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def below() -> float:
    """Processor seconds of living descendants, with those that they have waited for (ticks of 10 ms)."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(int(n) for n in fields[11:15]) / _TICK
    found, fresh = set[int](), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sum(used[pid] for pid in found)


class Meter:
    """Processor seconds by part. What is measured inside a part is that inner part's own, and counted once."""

    def __init__(self) -> None:
        self.spent: Spent = defaultdict(float)
        self._inner: list[float] = []  # for each part that is open: the seconds of the parts within it

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the block towards a part."""
        begin = own()
        self._inner.append(0.0)
        try:
            yield
        finally:
            self._close(name, own() - begin)

    def _close(self, name: str, seconds: float) -> None:
        self.spent[name] += seconds - self._inner.pop()
        if self._inner:
            self._inner[-1] += seconds

    def wrap(self, owner: Any, function: str, name: str) -> None:
        """Count every call of a function towards a part."""
        setattr(owner, function, self.metered(getattr(owner, function), name))

    def metered(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, its calls counted towards a part."""

        def metered(*args: Any, **options: Any) -> Any:
            with self.part(name):
                return real(*args, **options)

        return metered

    def watch_collector(self) -> None:
        """Looking for garbage strikes whatever is under way: it is a part of its own."""
        begin = 0.0

        def collecting(phase: str, _: Mapping[str, int]) -> None:
            nonlocal begin
            if phase == "start":
                begin = own()
                self._inner.append(0.0)
            else:
                self._close("garbage collection", own() - begin)

        gc.callbacks.append(collecting)


def instrument(meter: Meter) -> Spent:
    """Have every part of a chunk's work counted. Also the seconds of the runs, which the fork server measures."""
    for owner, function, name in PARTS:
        meter.wrap(owner, function, name)
    measured = sys.modules["greenlang.quality.judge"]._MEASURED
    for name, real in list(measured.items()):
        measured[name] = meter.metered(real, f"{_MEASURES}{name}")
    meter.watch_collector()
    runs: Spent = defaultdict(float)
    trial = Sandbox.trial

    def tried(*args: Any, **options: Any) -> Any:
        found = trial(*args, **options)
        for name, seconds in in_the_sandbox(found).items():
            runs[name] += seconds
        return found

    Sandbox.trial = tried  # type: ignore[method-assign]
    return runs


def by_dimension(spent: Spent) -> Spent:
    """Seconds by dimension: its measures, and the runs that are charged to it. Their sum is that of what is counted."""
    out: Spent = {d.name: 0.0 for d in DIMENSIONS} | {_NO_DIMENSION: 0.0}
    for part, seconds in spent.items():
        if part not in NOT_COUNTED:
            charged = part.removeprefix(_MEASURES) if part.startswith(_MEASURES) else _CHARGED.get(part, _NO_DIMENSION)
            out[charged] += seconds
    return out


@dataclass(frozen=True, slots=True)
class Found:
    """Seconds by part over all packs, the seconds that a worker spends once, and what came of the packs.

    ``wall``: seconds on the clock for the packs that are counted, without what a worker spends once.
    """

    spent: Spent
    once: float
    outcomes: Counter[str]
    wall: float = 0.0


def ours(settings: Settings, count: int, profile: str = "") -> Found:
    """The packs, examined.

    The way is the line's own, in the worker's state: a chunk at a time, from specs to published packs with their
    reports. Generation and packaging are named and not counted; everything else is.
    """
    tasks = [Task(f"bench/{name}@1.0.0-01234567", SpecSource(name, data)) for name, data in specs(count + 1).items()]
    meter = Meter()
    runs = instrument(meter)
    begin = own() + below()
    builder = Builder(settings)
    examined(builder, tasks[-1:])  # fork servers, DuckDB, imports, templates: once a worker, and not an agent
    once = own() + below() - begin
    meter.spent.clear()
    runs.clear()
    begin, begin_below, started = own(), below(), time.perf_counter()
    profiler = cProfile.Profile(time.process_time) if profile else None
    if profiler is not None:
        profiler.enable()
    outcomes = examined(builder, tasks[:-1])
    if profiler is not None:
        profiler.disable()
        profiler.dump_stats(profile)
    wall = time.perf_counter() - started
    rest = own() - begin - sum(meter.spent.values())
    forks = below() - begin_below - sum(runs.values())
    gc.unfreeze()
    gc.enable()
    return Found({**meter.spent, **runs, "forks": forks, "rest": rest}, once, outcomes, wall)


def examined(builder: Builder, tasks: Sequence[Task]) -> Counter[str]:
    """All tasks through the line, in the chunks of one worker, which looks for garbage behind each; what came of it."""
    outcomes: Counter[str] = Counter()
    for part in chunk.chunks(tasks, 1):
        for built in chunk.build_chunk(builder, part, lambda key: None):
            outcome = built.outcome
            outcomes["passed" if outcome.outcome == "registered" else f"{outcome.outcome}: {outcome.reason}"] += 1
        workers.settle()
    return outcomes


def in_the_sandbox(trial: Trial) -> Spent:
    """Seconds of the children, as the fork server measured them."""
    runs = {
        "tests with coverage": trial.tests,
        "second run": trial.again,
        "mutants": trial.mutation,
        "answers, service, documents": trial.service,
    }
    return {name: run.cpu_seconds for name, run in runs.items() if run is not None}


def by_hand(ref: PackRef, folder: Path, mutants: int) -> Spent:
    """Seconds of one subprocess for each tool; mypy with a cache that is warm for the libraries."""
    spent: Spent = defaultdict(float)
    bin_folder = Path(sys.executable).parent

    def run(part: str, *command: str | Path, **env: str) -> None:
        begin = own()
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
        subprocess.run(command, cwd=ref.folder, env=environment, capture_output=True, check=False, timeout=300)
        spent[part] += own() - begin

    ruff = (bin_folder / "ruff", "check", "--isolated", "--no-cache", "--quiet")
    run("ruff", *ruff, f"--select={','.join(LINT_RULES)}", ".")
    run("ruff", *ruff, f"--select={','.join(SECURITY_RULES)}", ref.package)
    cache = f"--cache-dir={folder / 'mypy'}"
    run("mypy", bin_folder / "mypy", "--strict", "--config-file=", cache, ref.package)
    python = (sys.executable, "-m")
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull, "--rootdir=.", "tests")
    covered = (*python, "coverage", "run", "--branch", f"--source={ref.package}", f"--data-file={folder / 'coverage'}")
    run("tests with coverage", *covered, "-m", "pytest", *options)
    run("second run", *python, "pytest", *options, PYTHONHASHSEED="4242", TZ="GLT-12:45", LC_ALL="C")
    for _ in range(2):
        run("answers, service, documents", sys.executable, "-c", f"import greenlang_sdk.testing, {ref.package}")
    spent["mutants"] = spent["second run"] * mutants  # each is a run of the tests
    return spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packs", type=int, default=60)
    parser.add_argument("--slow", type=int, default=3, help="packs for the way of one subprocess a tool; 0: not at all")
    parser.add_argument("--mutants", default="20", help="a number, or all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", default="", help="a file for cProfile's figures of this process")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="greenlang-bench-") as name:
        settings = Settings(var=Path(name) / "var", mutants=given.mutants)
        settings.packs.mkdir(parents=True)
        prepare(settings)
        found = ours(settings, given.packs, given.profile)
        slow: Spent = defaultdict(float)
        tried = 20 if given.mutants == "all" else int(given.mutants)
        for folder in sorted(settings.packs.iterdir())[: given.slow]:
            ref = PackRef(folder, next(folder.glob("*/__main__.py")).parent.name)
            for part, seconds in by_hand(ref, Path(name), tried).items():
                slow[part] += seconds
        shutil.rmtree(settings.packs)
    show(found, slow, found.wall, given)


def show(found: Found, slow: Spent, wall: float, given: argparse.Namespace) -> None:
    """The table, or JSON for programs."""
    charged = {name: seconds / given.packs * 1000 for name, seconds in by_dimension(found.spent).items()}
    rows: Spent = defaultdict(float)
    for part, seconds in found.spent.items():
        rows["measures" if part.startswith(_MEASURES) else part] += seconds / given.packs * 1000
    hand = {part: seconds / given.slow * 1000 for part, seconds in slow.items()} if given.slow else {}
    hand_charged = by_dimension(hand)
    total = sum(ms for part, ms in rows.items() if part not in NOT_COUNTED)
    once = found.once * 1000
    if given.json:
        figures = {"ms": rows, "dimensions_ms": charged, "by_hand_ms": hand, "total_ms": total, "once_ms": once}
        more = {"by_hand_dimensions_ms": hand_charged, "outcomes": dict(found.outcomes)}
        print(json.dumps({**figures, **more}, indent=2))
        return
    print(f"\nTesting and judging {given.packs} agents, mutants: {given.mutants}; processor milliseconds an agent")
    print(f"  {'part':<28}{'ours':>9}{'one process each':>19}{'ratio':>9}")
    for part in sorted(rows, key=lambda part: -rows[part]):
        mark = " (not counted)" if part in NOT_COUNTED else ""
        print(f"{line(part, rows, hand)}{mark}")
    aim = AIM.get(given.mutants)
    told = f", aim {aim:.0f}: {'met' if total <= aim else 'missed'}" if aim else ""
    print(f"  {'total':<28}{total:9.1f}{told}; {wall / given.packs * 1000:.0f} ms on the clock, one worker")
    print(f"  {'once a worker':<28}{once:9.1f} (not counted: its start and its first agent)")
    if given.slow:
        print(
            f"  one process each: {sum(hand.values()):.0f} ms, measured on {given.slow} of the packs; a mutant counts"
        )
        print("  as one more run of the tests")
    print("\n  by dimension: its measures, and the runs that are charged to it")
    for name in charged:
        print(line(name, charged, hand_charged))
    if set(found.outcomes) != {"passed"}:
        print(f"  outcomes: {dict(found.outcomes)}")


def line(name: str, ours_ms: Spent, hand_ms: Spent) -> str:
    """One line of a table: our figure, and beside it that of one process for each tool, where there is one."""
    mine, theirs = ours_ms[name], hand_ms.get(name, 0.0)
    beside = f"{theirs:19.0f}{theirs / mine:8.0f}x" if theirs and mine > 0 else ""
    return f"  {name:<28}{mine:9.1f}{beside}"


if __name__ == "__main__":
    main()
