"""The whole catalogue through the whole line, as Dagster runs: ``make bench-10k``.

    python -m tools.bench_10k [CATALOGUE.csv] [--sizes N ...] [--workers N] [--mutants N] [--sqlite] [--keep DIR]

For each size, in a factory of its own: so many rows, spread over the catalogue, become specs in the inbox, and the job
``line_batch`` takes them in, builds, tests, judges and registers them. `dagster job execute` starts its process; runs
and events are in a PostgreSQL that syncs every commit. Then the job again: with nothing changed, with every agent asked
for, with ten new versions, and for every key after one row of the factors has changed; which packs that changed is told
by their digests.

Minutes are of this machine at this moment; processor time and counts hold elsewhere too. Memory is the largest resident
set of any one process, looked at twice a second.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import sqlalchemy
import yaml

from greenlang.bucket import Bucket
from greenlang.catalogue.build import SPECS, build
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.rows import COLUMNS, Row
from greenlang.factors import FactorTable
from greenlang.factors.table import write_parquet
from greenlang.factory import line
from greenlang.metrics import query
from greenlang.settings import Settings
from greenlang.specs.model import slug
from greenlang.sql import literal
from tools.bench_catalogue import made_up
from tools.bench_memory import Watch, watched
from tools.bench_server import Database

ROOT = Path(__file__).resolve().parents[1]
SIZES = (100, 1_000, 10_400)
STAGES = """
SELECT stage, sum(seconds) FROM (
    SELECT unnest(map_keys(stage_seconds)) AS stage, unnest(map_values(stage_seconds)) AS seconds FROM history
    WHERE run_id = (SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 1)
) GROUP BY stage ORDER BY 2 DESC"""
PINNED = """
SELECT ref, count(DISTINCT agent_id) AS n FROM lineage
WHERE kind = 'factor' AND ref NOT LIKE '%gwp%' GROUP BY ref ORDER BY abs(n - 20), ref"""


@dataclass
class Factory:
    """A factory of a bench: its settings, its Dagster instance, and the environment of its processes."""

    settings: Settings
    home: Path
    environment: dict[str, str]

    @property
    def bucket(self) -> Bucket:
        """Where its specs lie."""
        return Bucket.open(self.settings.bucket_address)


@dataclass
class Told:
    """What one run of the job came to. ``processor`` is user and system time of all its processes, in seconds."""

    label: str
    seconds: float
    processor: float
    watch: Watch
    events: int
    outcomes: Counter[str]
    stages: dict[str, float] = field(default_factory=dict)
    dagster: str = ""


def fresh(folder: Path, given: argparse.Namespace, postgres: str) -> Factory:
    """A factory with its tables built and nothing in its inbox."""
    settings = Settings(var=folder / "var", workers=given.workers, mutants=given.mutants, settle_seconds=0)
    home = settings.var / "dagster"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "dagster.yaml" if postgres else ROOT / "dagster.yaml", home / "dagster.yaml")
    own = {
        "DAGSTER_HOME": str(home),
        "GREENLANG_VAR": str(settings.var),
        "GREENLANG_WORKERS": str(given.workers),
        "GREENLANG_MUTANTS": str(given.mutants),
        "GREENLANG_SETTLE_SECONDS": "0",
        "PYTHONWARNINGS": "ignore",
        **({"DAGSTER_PG_URL": postgres, "DAGSTER_EVENT_BATCH_SIZE": "200"} if postgres else {}),
    }
    line.prepare(settings)
    return Factory(settings, home, {**os.environ, **own})


def job(factory: Factory, label: str, log: Path, *, may_fail: bool = False, **config: object) -> Told:
    """One run of `line_batch` from outside, to its end. Exits where the run failed and ``may_fail`` does not say that
    it may: agents whose golden cases were written for the old factor stay as they are and fail the run.
    """
    before = events(factory)
    settings = {"ops": {"run_line": {"config": config}}}
    given = log.with_suffix(".yaml")
    given.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "greenlang_pipelines.definitions"]
    begin = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "-j", "line_batch", "-c", str(given)],
            cwd=ROOT,
            env=factory.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        with watched(process.pid) as watch:
            code = process.wait()
    seconds = time.perf_counter() - begin
    if code and not may_fail:
        sys.exit(f"{label}: the run ended with {code}; see {log}")
    counted = query(factory.settings, "SELECT outcome, count(*) FROM agents GROUP BY outcome").rows
    stages = {str(name): float(spent) for name, spent in query(factory.settings, STAGES).rows}
    outcomes = Counter({str(name): int(n) for name, n in counted})
    said = re.findall(r"telling Dagster of .* each", log.read_text(errors="replace"))
    return Told(label, seconds, watch.processor, watch, events(factory) - before, outcomes, stages, "".join(said[-1:]))


def events(factory: Factory) -> int:
    """How many rows the event log of the instance holds."""
    if url := factory.environment.get("DAGSTER_PG_URL"):
        engine = sqlalchemy.create_engine(url)
        if not sqlalchemy.inspect(engine).has_table("event_logs"):
            return 0
        return _rows(engine)
    files = (factory.home / "history" / "runs").glob("*.db")
    return sum(_rows(sqlalchemy.create_engine(f"sqlite:///{file}")) for file in files if file.stem != "index")


def _rows(engine: sqlalchemy.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sqlalchemy.text("SELECT count(*) FROM event_logs")).scalar_one())


def size(folder: Path) -> tuple[int, int]:
    """Bytes and files of a folder."""
    found = [p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
    return sum(found), len(found)


def drop(factory: Factory, folder: Path, names: Sequence[str]) -> None:
    """Copy specs into the inbox."""
    for name in names:
        factory.bucket.write(f"inbox/{name}", (folder / name).read_bytes())


def packs(factory: Factory) -> dict[str, str]:
    """SHA-256 over the bytes of every pack on disk, by its key's name."""
    found = {}
    for folder in sorted(p for p in factory.settings.packs.iterdir() if p.is_dir()):
        total = hashlib.sha256()
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            total.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        found[folder.name] = total.hexdigest()
    return found


def names_of(factory: Factory, condition: str) -> set[str]:
    """Names of the packs of the keys for which a condition on `agents` holds."""
    return {
        slug(str(key)) for (key,) in query(factory.settings, f"SELECT partition FROM agents WHERE {condition}").rows
    }


def change_a_factor(factory: Factory) -> tuple[str, set[str]] | None:
    """One row of the factor table gets another value: one that some twenty agents pin. Its key, and their packs. None
    where no agent pins any.
    """
    found = query(factory.settings, PINNED).rows
    if not found:
        return None
    ref, _ = found[0]
    pinned = names_of(factory, f"partition IN (SELECT partition FROM lineage WHERE ref = {literal(str(ref))})")
    path = factory.settings.tables / "factors.parquet"
    table = FactorTable.load(path)
    key = str(ref).removeprefix("ef://").partition("@")[0]
    rows = [replace(f, value=f.value + Decimal("0.00001")) if f.key == key else f for f in table]
    new = FactorTable(rows, table.release)
    if new.digest == table.digest:
        sys.exit(f"{ref}: no such row in the factor table")
    write_parquet(tuple(new), path, release=new.release, digest=new.digest)
    return key, pinned


def changed(spec: str) -> str:
    """The spec as its next version, which is a partition of its own."""
    head = yaml.safe_load(spec)["version"]
    major, minor, patch = str(head).split(".")
    return spec.replace(f"version: {head}", f"version: {major}.{minor}.{int(patch) + 1}", 1).replace(
        f'version: "{head}"', f'version: "{major}.{minor}.{int(patch) + 1}"', 1
    )


def measure(specs: Path, names: Sequence[str], folder: Path, given: argparse.Namespace, postgres: str) -> list[Told]:
    """The four runs for so many specs."""
    factory = fresh(folder, given, postgres)
    drop(factory, specs, names)
    told = [job(factory, "everything", folder / "everything.log")]
    show(told[-1], len(names))
    for part in sorted(p for p in factory.settings.var.iterdir() if p.is_dir()):
        written, files = size(part)
        print(f"    var/{part.name:<10} {written / 1e6:10,.0f} MB in {files:,} files")
    keys = sorted(str(key) for (key,) in query(factory.settings, "SELECT partition FROM agents").rows)
    told.append(job(factory, "nothing changed", folder / "nothing.log"))
    show(told[-1], 0)
    told.append(job(factory, "nothing changed, every key asked for", folder / "asked.log", agent_keys=keys))
    show(told[-1], 0)
    for name in names[: given.changed]:
        factory.bucket.write(f"inbox/{name}", changed((specs / name).read_text()).encode())
    told.append(job(factory, "changed specs", folder / "changed.log"))
    show(told[-1], min(len(names), given.changed))
    before = packs(factory)
    dependents = change_a_factor(factory)
    if dependents is None:
        print("  one changed factor row: none of these agents pins a factor but those of global warming potentials")
        return told
    key, pinned = dependents
    stale = line.stale_keys(factory.settings)
    told.append(job(factory, "one changed factor row", folder / "factor.log", may_fail=True, agent_keys=stale))
    after = packs(factory)
    other = {name for name in after if after[name] != before.get(name)}
    kept = names_of(factory, "reason LIKE 'stale:%'")
    show(told[-1], len(other))
    same = f"{len(after) - len(other):,} the same to the byte"
    print(
        f"    {key}: {len(pinned)} agents pin it; {len(stale):,} keys looked at, {len(other)} packs changed, ", end=""
    )
    print(f"{len(kept)} kept as their golden cases want the old figure, {same}")
    if other | kept != pinned or other & kept or before.keys() != after.keys():
        sys.exit(f"not exactly the dependents: {sorted((other | kept) ^ pinned)[:5]}")
    return told


def show(told: Told, built: int) -> None:
    """Print a run."""
    each = f", {told.processor / built * 1000:.0f} ms of processor an agent built" if built else ""
    print(f"  {told.label}: {told.seconds / 60:.1f} min ({told.seconds:.1f} s), processor {told.processor:.0f} s{each}")
    if built:
        print(f"    {built / told.seconds * 60:.0f} agents a minute; {told.events:,} events stored, ", end="")
        print(f"{told.events / built:.1f} an agent")
    if told.dagster:
        print(f"    {told.dagster}")
    print(f"    outcomes {dict(told.outcomes)}")
    print(f"    memory of the largest process {told.watch.most:,.0f} MB ({told.watch.whose})")
    for name, spent, written in sorted(told.watch.each.values(), key=lambda each: -each[1])[:4]:
        print(f"      {spent:8.1f} s of processor, {written / 1e6:8,.0f} MB written by ...{name}")
    print(f"    written {told.watch.written / 1e6:,.0f} MB")
    for stage, seconds in told.stages.items():
        print(f"    {stage:<22} {seconds:9.1f} s", end="")
        print(f"  {seconds / built * 1000:7.1f} ms an agent" if built else "")
    sys.stdout.flush()


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """A catalogue as CSV."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS.values())
        writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL that syncs every commit, with an empty database for Dagster; its URL."""
    with tempfile.TemporaryDirectory(prefix="greenlang-bench-pg-") as folder:
        server = Database(Path(folder))
        try:
            yield server.make("dagster")
        finally:
            server.stop()


def spread(names: Sequence[str], count: int) -> list[str]:
    """So many names, evenly over all of them."""
    count = min(count, len(names))
    return [names[i * len(names) // count] for i in range(count)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", nargs="?", type=Path, help="CSV; without it the rows are made up")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="specs of a factory; one factory each")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--mutants", default="20")
    parser.add_argument("--changed", type=int, default=10, help="specs that are changed afterwards")
    parser.add_argument("--sqlite", action="store_true", help="runs and events in SQLite, as `make up` has them")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave everything there")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlang-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        catalogue = given.catalogue
        if catalogue is None or not catalogue.is_file():
            print("the catalogue is not on this machine: rows made up of its words")
            catalogue = folder / "made_up.csv"
            write_rows(catalogue, made_up(max(given.sizes)))
        begin = time.perf_counter()
        build(catalogue, folder / "catalogue", TemplateManager().templates.values(), FactorTable.load())
        names = sorted(p.name for p in (folder / "catalogue" / SPECS).iterdir())
        print(f"{len(names):,} specs of {catalogue.name} written in {time.perf_counter() - begin:.0f} s")
        table = []
        for count in given.sizes:
            chosen = spread(names, count)
            print(f"\n{len(chosen):,} specs, {given.workers} workers, {given.mutants} mutants")
            own = "" if given.sqlite else stack.enter_context(database())
            told = measure(folder / "catalogue" / SPECS, chosen, folder / str(count), given, own)
            table.append((len(chosen), told))
        growth(table)


def growth(table: Sequence[tuple[int, Sequence[Told]]]) -> None:
    """How the cost grows with the number of agents: seconds of each run, and processor time an agent."""
    labels = [told.label for told in max((runs for _, runs in table), key=len)]
    print("\n" + " | ".join(["agents", *labels, "processor ms an agent"]))
    for count, runs in table:
        cells = [f"{told.seconds:.0f} s" for told in runs] + ["-"] * (len(labels) - len(runs))
        print(" | ".join([f"{count:,}", *cells, f"{runs[0].processor / count * 1000:.0f}"]))


if __name__ == "__main__":
    main()
