"""Processor milliseconds to test and judge an agent, part by part: ``make bench``.

Beside it, for the same packs: one subprocess for each tool and each agent, which is how each tool is meant to be called
by hand. That way is slow, so it is taken of a few packs only (``--slow``). Figures are of this machine at this
moment; quote the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from greenlang.factory import chunk, examine, reporting
from greenlang.factory.build import Builder, Draft, Task
from greenlang.factory.line import prepare
from greenlang.factory.source import SpecSource
from greenlang.quality import tools
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.tools import LINT_RULES, SECURITY_RULES, PackRef
from greenlang.settings import Settings
from tools.bench import specs

AIM = {"20": 330.0, "all": 650.0}
_TICK = os.sysconf("SC_CLK_TCK")
_NAMES = {
    "asked": "inputs made",
    "inputs": "inputs made",
    "mutants": "mutants made",
    "blocks": "code blocks found",
    "differences": "differential",
    "audit": "literals",
    "judge": "measures",
}
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
_NO_DIMENSION = "none of its own"  # report, forks, wire
Spent = dict[str, float]  # part -> processor seconds
_NOT_COUNTED = ("generation",)  # what is before the testing and judging


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
    """Processor seconds by part."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the block towards a part, descendants too."""
        begin = own() + below()
        try:
            yield
        finally:
            self.spent[name] += own() + below() - begin

    def wrap(self, module: Any, function: str, name: str) -> None:
        """Count every call of a module's function towards a part."""
        real: Callable[..., Any] = getattr(module, function)

        def metered(*args: Any, **options: Any) -> Any:
            begin = own()
            try:
                return real(*args, **options)
            finally:
                self.spent[name] += own() - begin

        setattr(module, function, metered)

    def measures(self) -> Spent:
        """Have the measures of each dimension counted, by its name; they are within the part ``measures``."""
        measured = sys.modules["greenlang.quality.judge"]._MEASURED
        spent: Spent = defaultdict(float)

        def metered(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def measure(*args: Any) -> Any:
                begin = own()
                try:
                    return real(*args)
                finally:
                    spent[name] += own() - begin

            return measure

        for name, real in list(measured.items()):
            measured[name] = metered(name, real)
        return spent


def by_dimension(spent: Spent, measured: Spent) -> Spent:
    """Seconds by dimension: its measures, and the runs that are charged to it. Their sum is that of what is counted."""
    out: Spent = {d.name: measured.get(d.name, 0.0) for d in DIMENSIONS} | {_NO_DIMENSION: 0.0}
    for part, seconds in spent.items():
        if part not in _NOT_COUNTED:
            own_part = seconds - (sum(measured.values()) if part == "measures" else 0.0)
            out[_CHARGED.get(part, _NO_DIMENSION)] += own_part
    return out


def ours(settings: Settings, count: int) -> tuple[Spent, Spent, list[Draft], Counter[str]]:
    """Seconds by part and by dimension over all packs, the packs, and what came of them."""
    meter = Meter()
    measured = meter.measures()
    for function in ("_parse", "_ruff", "_mypy"):
        meter.wrap(tools, function, function.removeprefix("_"))
    for function in examine.PARTS:
        meter.wrap(examine, function, _NAMES.get(function, function))
    meter.wrap(reporting, "write_report", "report")
    builder = Builder(settings)
    drafts: list[Draft] = []
    with meter.part("generation"):
        for name, data in specs(count).items():
            made = builder.draft(Task(f"bench/{name}@1.0.0-01234567", SpecSource(name, data)))
            if not isinstance(made, Draft):
                sys.exit(f"{name}: {made.outcome.outcome}: {made.outcome.reason}")
            drafts.append(made)
    examine_all(builder, drafts[:1], meter)  # fork servers, DuckDB, the base cache of mypy: once a worker, not an agent
    kept = meter.spent["generation"]
    meter.spent.clear()
    measured.clear()
    meter.spent["generation"] = kept
    shutil.rmtree(settings.var / "cache" / "trials", ignore_errors=True)
    with meter.part("everything"):
        outcomes = examine_all(builder, drafts, meter)
    everything = meter.spent.pop("everything")
    meter.spent["rest"] = everything - sum(s for name, s in meter.spent.items() if name not in _NOT_COUNTED)
    return meter.spent, by_dimension(meter.spent, measured), drafts, outcomes


def examine_all(builder: Builder, drafts: list[Draft], meter: Meter) -> Counter[str]:
    """Tools, trial, judgement and report of all packs; what came of them."""
    outcomes: Counter[str] = Counter()
    examiner = builder.examiner
    for start in range(0, len(drafts), chunk.MOST):
        part = drafts[start : start + chunk.MOST]
        findings = tools.prepare([draft.ref for draft in part], examiner.cache)
        for draft in part:
            questions = examiner.questions(draft.ref, draft.resolution)
            trial = examiner.run(draft.ref, questions)
            for name, seconds in in_the_sandbox(trial).items():
                meter.spent[name] += seconds
            found = examiner.judge(draft.ref, draft.resolution, questions, trial, findings[draft.folder])
            reporting.write_report(builder.settings, draft.base, found)
            outcomes["passed" if found.judgement.passed else found.mishap or found.why] += 1
    return outcomes


def in_the_sandbox(trial: Any) -> Spent:
    """Seconds of the children, as the fork server measured them; forking and the wire are in ``rest``."""
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
    given = parser.parse_args()
    with TemporaryDirectory(prefix="greenlang-bench-") as name:
        settings = Settings(var=Path(name) / "var", mutants=given.mutants)
        settings.packs.mkdir(parents=True)
        prepare(settings)
        begin = time.perf_counter()
        spent, dimensions, drafts, outcomes = ours(settings, given.packs)
        wall = time.perf_counter() - begin
        slow: Spent = defaultdict(float)
        tried = 20 if given.mutants == "all" else int(given.mutants)
        for draft in drafts[: given.slow]:
            for part, seconds in by_hand(draft.ref, Path(name), tried).items():
                slow[part] += seconds
        shutil.rmtree(settings.packs)
    show(spent, dimensions, slow, outcomes, wall, given)


def show(spent: Spent, dimensions: Spent, slow: Spent, outcomes: Counter[str], wall: float, given: Any) -> None:
    """The table, or JSON for programs."""
    rows = {part: seconds / given.packs * 1000 for part, seconds in spent.items()}
    hand = {part: seconds / given.slow * 1000 for part, seconds in slow.items()} if given.slow else {}
    charged = {name: seconds / given.packs * 1000 for name, seconds in dimensions.items()}
    total = sum(ms for part, ms in rows.items() if part not in _NOT_COUNTED)
    if given.json:
        print(
            json.dumps(
                {
                    "ms": rows,
                    "dimensions_ms": charged,
                    "by_hand_ms": hand,
                    "total_ms": total,
                    "outcomes": dict(outcomes),
                },
                indent=2,
            )
        )
        return
    print(f"\nTesting and judging {given.packs} agents, mutants: {given.mutants}; processor milliseconds an agent")
    print(f"  {'part':<28}{'ours':>9}{'one process each':>19}{'ratio':>9}")
    for part in sorted(rows, key=lambda part: -rows[part]):
        beside = f"{hand[part]:19.0f}{hand[part] / rows[part]:8.0f}x" if hand.get(part) and rows[part] > 0 else ""
        mark = " (not counted)" if part in _NOT_COUNTED else ""
        print(f"  {part:<28}{rows[part]:9.1f}{beside}{mark}")
    aim = AIM.get(given.mutants)
    told = f", aim {aim:.0f}: {'met' if total <= aim else 'missed'}" if aim else ""
    print(f"  {'total':<28}{total:9.1f}{told}; {wall / given.packs * 1000:.0f} ms on the clock, one worker")
    if given.slow:
        print(
            f"  one process each: {sum(hand.values()):.0f} ms, measured on {given.slow} of the packs; a mutant counts"
        )
        print("  as one more run of the tests")
    print("\n  by dimension: its measures, and the runs that are charged to it")
    for name, ms in charged.items():
        print(f"  {name:<28}{ms:9.1f}")
    if set(outcomes) != {"passed"}:
        print(f"  outcomes: {dict(outcomes)}")


if __name__ == "__main__":
    main()
