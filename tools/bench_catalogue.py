"""Seconds to generate every agent of a catalogue on two processes: ``python -m tools.bench_catalogue [FILE.csv]``.

Every row that a template serves becomes a spec in memory, is read, resolved and generated, and its pack is written:
what the line does before the tests run. All rows, none sampled. Memory is that of each worker after every ``CHUNK``
agents. Without the file, 10,400 rows are made up of the catalogue's words.

Beside it, on one process, as many packs of as many files of the sizes of a typical one: Jinja alone, and copier. Both
only lay out. Copier takes so long that it makes some packs only, and the line says how many.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from greenlang.catalogue.build import SpecTexts, alike
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.rows import Row, faults, read_rows
from greenlang.catalogue.serving import Served, Serving
from greenlang.catalogue.vocabulary import vocabulary
from greenlang.factors import FactorTable
from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import FormulaLibrary, library
from greenlang.resolution.resolve import resolve
from greenlang.specs.reader import read
from tools.bench_generate import bare_jinja, copier_run

ROWS = 10_400
WORKERS = 2
TARGET = 240  # seconds
CHUNK = 64  # agents that a worker makes before it says how large it is
ENOUGH = 20  # points of memory that make a slope
STEPS = ("instantiate", "read", "resolve", "generate", "write")
LEVELS = ("Asset", "Site", "Fleet", "Portfolio")


@dataclass
class Cost:
    """Seconds by step, on the clock and of the processor (user and system)."""

    clock: Counter[str] = field(default_factory=Counter)
    processor: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        begin, used = time.perf_counter(), time.process_time()
        yield
        self.clock[name] += time.perf_counter() - begin
        self.processor[name] += time.process_time() - used

    def add(self, other: Cost) -> None:
        """Count another's seconds as well."""
        self.clock.update(other.clock)
        self.processor.update(other.processor)


@dataclass
class Done:
    """What one chunk came to. ``resident`` is the worker's memory after it, in MB."""

    worker: int
    agents: int
    files: int
    size: int
    resident: float
    cost: Cost
    failed: list[str]

    @classmethod
    def nothing(cls) -> Done:
        """Before the first row."""
        return cls(os.getpid(), 0, 0, 0, 0.0, Cost(), [])


class Maker:
    """One worker: templates, tables and formulas, and the agents of the rows that it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = FactorTable.load()
        self.library: FormulaLibrary = library()
        self.serving = Serving(TemplateManager().templates.values())
        self.texts = SpecTexts(self.table)

    def make(self, rows: Iterable[Row]) -> Done:
        """Every step of every row; a row whose agent cannot be made is told, not passed over."""
        done = Done.nothing()
        for row in rows:
            files = self.files(row, done)
            if files is None:
                continue
            with done.cost.step("write"):
                write_pack(files, self.folder / row.row)
            done.agents += 1
            done.files += len(files)
            done.size += sum(map(len, files.values()))
        done.resident = resident()
        return done

    def files(self, row: Row, done: Done) -> dict[str, bytes] | None:
        """The pack of a row, in memory."""
        with done.cost.step("instantiate"):
            served = self.serving.serve(row)
            assert isinstance(served, Served), "the parent gives out served rows only"
            data = self.texts.of(served)
        with done.cost.step("read"):
            spec, findings = read(data, f"{row.row}.pack.yaml")
        if spec is None:
            done.failed.append(f"{row.row}: {findings[0].message}")
            return None
        with done.cost.step("resolve"):
            resolution = resolve(spec, self.table, self.library)
        if not resolution.complete or any(d.severity == "error" for d in resolution.diagnostics):
            done.failed.append(f"{row.row}: no plan, or an error")
            return None
        with done.cost.step("generate"):
            return generate(resolution)


_maker: Maker | None = None


def start(folder: Path) -> None:
    """Make the worker of this process."""
    global _maker  # noqa: PLW0603 - one worker a process
    _maker = Maker(folder)


def make(rows: list[Row]) -> Done:
    """The pool's task: one chunk."""
    assert _maker is not None
    return _maker.make(rows)


def resident() -> float:
    """MB of memory that this process holds now; the most it ever held where the system does not say."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def made_up(count: int) -> list[Row]:
    """Rows of the words of the catalogue: domains, subdomains, categories, sectors, regions and levels in turn."""
    words = vocabulary()
    subdomains = [(d, s) for d in words.domains.values() for s in d.subdomains]
    turns = itertools.cycle(itertools.product(words.categories, subdomains))
    regions, levels = itertools.cycle(words.regions), itertools.cycle(LEVELS)
    rows = []
    for n, (category, (domain, subdomain)) in enumerate(itertools.islice(turns, count), start=1):
        region, level, sector = next(regions), next(levels), domain.sectors[n // 7 % len(domain.sectors)]
        name = f"{subdomain} {category} for {sector} in {region} ({level} level)"
        place = (domain.name, subdomain, category, level, sector, region)
        rows.append(Row(f"GLA-{n:05d}", name, name, *place, "P1", "Medium", n + 1))
    return rows


def chunks(rows: list[Row]) -> list[list[Row]]:
    """Rows that are alike follow each other in a chunk; the order of the chunks is that of their first rows' ids.

    So every worker meets all templates from beginning to end, and growth of its memory cannot hide.
    """
    serving = Serving(TemplateManager().templates.values())
    wrong = faults(rows)
    answers = [serving.serve(row) for i, row in enumerate(rows) if i not in wrong]
    served = sorted((a for a in answers if isinstance(a, Served)), key=alike)
    pieces = [[s.row for s in served[i : i + CHUNK]] for i in range(0, len(served), CHUNK)]
    return sorted(pieces, key=lambda piece: piece[0].row)


def slope(sizes: list[tuple[int, float]]) -> float:
    """MB that a worker grows for every 1,000 agents, by least squares over its second half."""
    half = sizes[len(sizes) // 2 :]
    return statistics.linear_regression([n / 1000 for n, _ in half], [mb for _, mb in half]).slope


@dataclass
class Run:
    """The whole run. ``memory`` holds, for every worker, how many agents it had made and its MB then."""

    rows: int
    clock: float
    processor: float
    agents: int = 0
    files: int = 0
    size: int = 0
    cost: Cost = field(default_factory=Cost)
    memory: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def run(rows: list[Row], folder: Path, workers: int) -> Run:
    """Make all agents; the time counts from before the workers start to after the last pack is written."""
    begin, used = time.perf_counter(), _children()
    told = Run(len(rows), 0.0, 0.0)
    with ProcessPoolExecutor(workers, get_context("spawn"), start, (folder,)) as pool:
        for future in as_completed([pool.submit(make, piece) for piece in chunks(rows)]):
            done = future.result()
            told.agents += done.agents
            told.files += done.files
            told.size += done.size
            told.failed += done.failed
            told.cost.add(done.cost)
            sizes = told.memory.setdefault(done.worker, [])
            sizes.append(((sizes[-1][0] if sizes else 0) + done.agents, done.resident))
    told.clock, told.processor = time.perf_counter() - begin, _children() - used
    return told


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def show(told: Run, workers: int) -> None:
    """Print the figures of a run."""
    print(f"\n{told.rows:,} rows catalogued, {told.agents:,} agents generated: {told.files:,} files, ", end="")
    print(f"{told.size / 1e6:,.0f} MB, on {workers} processes")
    for reason in told.failed[:5]:
        print(f"  not generated: {reason}")
    print(f"  on the clock {told.clock:.0f} s (target: under {TARGET} s), processor {told.processor:.0f} s, ", end="")
    print(f"{told.processor / told.agents * 1000:.1f} ms an agent")
    print(f"  the machine gave the processes {told.processor / told.clock / workers:.0%} of {workers} cores")
    in_memory = sum(told.cost.clock[s] for s in STEPS[:-1]) / workers
    print(f"  in memory only (without writing): {in_memory:.0f} s on the clock of each process")
    for step in STEPS:
        clock, processor = (c[step] / told.agents * 1000 for c in (told.cost.clock, told.cost.processor))
        print(f"    {step:<12} {clock:6.1f} ms an agent, processor {processor:6.1f} ms")
    for number, sizes in enumerate(told.memory.values(), start=1):
        points = [sizes[round(i * (len(sizes) - 1) / 8)] for i in range(9)]
        shown = ", ".join(f"{mb:.0f}" for _, mb in points)
        print(f"  memory of worker {number}: {shown} MB along its {sizes[-1][0]:,} agents", end="")
        print(f"; {slope(sizes):+.2f} MB per 1,000 agents in the second half" if len(sizes) >= ENOUGH else "")


def others(rows: list[Row], folder: Path, packs: int, of_copier: int, ours: float) -> None:
    """Jinja alone for as many packs, and copier for some, beside ours in seconds of the processor."""
    maker = Maker(folder)
    made = [maker.files(row, Done.nothing()) for row in chunks(rows)[0]]
    sized = sorted((files for files in made if files is not None), key=lambda files: sum(map(len, files.values())))
    typical = sized[len(sized) // 2]
    print(f"  beside it, packs of {len(typical)} files ({sum(map(len, typical.values())) / 1000:.0f} kB):")
    render = bare_jinja(typical)
    numbers = itertools.count()

    def jinja_pack() -> None:
        texts = (text.encode() for text in render())
        write_pack(dict(zip(typical, texts, strict=True)), folder / f"jinja-{next(numbers)}")

    for label, work, times in (
        ("bare Jinja, written", jinja_pack, packs),
        ("copier, written", copier_run(typical, folder), of_copier),
    ):
        spent = each(work, times)
        print(f"    {label:<20} {spent * 1000:7.1f} ms of processor a pack, {spent / ours:6.2f} of ours", end="")
        print(f" ({times:,} packs{'' if times == packs else f' only; ours are {packs:,}'})")


def each(work: Callable[[], object], times: int) -> float:
    """Seconds of the processor that a piece of work takes."""
    used = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - used) / times


def main() -> None:
    """Measure and print; exits 1 if a served row gave no agent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", nargs="?", type=Path, help="CSV; without it the rows are made up")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--copier", type=int, default=50, help="packs that copier makes")
    given = parser.parse_args()
    found = given.catalogue is not None and given.catalogue.is_file()
    rows = read_rows(given.catalogue) if found else made_up(ROWS)
    if not found:
        print("the catalogue is not on this machine: rows made up of its words")
    with TemporaryDirectory(prefix="greenlang-bench-") as scratch:
        packs = Path(scratch) / "packs"
        told = run(rows, packs, given.workers)
        if not told.agents:
            sys.exit("no row is served")
        show(told, given.workers)
        shutil.rmtree(packs)
        others(rows, Path(scratch), told.agents, given.copier, told.processor / told.agents)
    if told.failed:
        sys.exit(f"{len(told.failed)} served rows gave no agent")


if __name__ == "__main__":
    main()
