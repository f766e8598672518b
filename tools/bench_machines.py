"""What a million agents would cost on several machines, by what a few cost: the figures of docs/scale-out.md.

    python -m tools.bench_machines [--agents 40] [--rows 20000]

Processor time of this process, so that a busy machine changes little. Belongs here: growth of one batch in shards, of
Dagster's tables, rows, names. Does not belong here: seconds of building (`tools.bench_10k`, `tools.bench_quality`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.factory.outcome import AgentOutcome, StageOutcome
from greenlang.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
EXAMPLE = _paths.data() / "templates" / "specs" / "examples" / "boiler.pack.yaml"


def told(what: str, value: float, unit: str) -> None:
    print(f"{what:<64} {value:>12,.3f} {unit}")


@contextmanager
def processor() -> Iterator[list[float]]:
    """Milliseconds of this process's processor time, once the block has ended."""
    spent: list[float] = []
    begin = time.process_time()
    yield spent
    spent.append((time.process_time() - begin) * 1000)


def size(folder: Path) -> tuple[int, int]:
    """Bytes of the files below a folder, and how many inodes it takes."""
    every = list(folder.rglob("*"))
    return sum(path.stat().st_size for path in every if path.is_file()), len(every)


def batch(folder: Path, agents: int) -> tuple[Settings, list[AgentOutcome]]:
    """One batch of like agents, home and machine apart."""
    from greenlang.exchange import home, machine
    from greenlang.exchange.store import Store

    shared: dict[str, Any] = {"bucket": str(folder / "bucket"), "keys_folder": folder / "keys", "settle_seconds": 0}
    shared |= {"store": str(folder / "store"), "registry_url": f"sqlite:///{folder / 'registry.sqlite'}"}
    at_home = Settings(var=folder / "home", shard_size=agents, **shared)
    away = Settings(var=folder / "away", **shared)
    bucket = Bucket.open(at_home.bucket_address)
    text = EXAMPLE.read_text().splitlines()
    for n in range(agents):
        lines = [f'id: "scale/agent_{n:06d}"' if line.startswith("id:") else line for line in text]
        bucket.write(f"inbox/{n:06d}.yaml", "\n".join(lines).encode())
    home.plan(at_home, "warm", entrance="bench", keys=[])
    with processor() as spent:
        plan = home.plan(at_home, "bench", entrance="bench")
    told("home, plan: taking in, cutting, ordering", spent[0] / agents, "ms an agent")
    store = Store(at_home.store_address)
    told("order of a shard, all agents new", sum(store.names("orders").values()) / agents, "bytes an agent")
    with processor() as spent:
        sent = machine.build_shard(away, plan.batch, 1)
    told("machine: everything but its workers' building", spent[0] / agents, "ms an agent")
    told("parcel (rows, report)", sum(store.names("parcels").values()) / agents, "bytes an agent")
    told("pack in the store", sum(store.names("packs").values()) / agents, "bytes an agent")
    with processor() as spent:
        home.close(at_home, plan)
    told("home, close: landing rows, reports, packs", spent[0] / agents, "ms an agent")
    for name, where in {"packs": at_home.packs, "reports": at_home.reports, "tables": at_home.tables}.items():
        total, inodes = size(where)
        told(f"home, var/{name}", total / agents, "bytes an agent")
        told(f"home, var/{name}", inodes / agents, "inodes an agent")
    return at_home, [stage.agent for stage in sent.stages if stage.agent is not None]


def events(folder: Path, outcome: AgentOutcome, agents: int) -> None:
    """The seven events of an agent in PostgreSQL, as `build_shard` logs them."""
    from dagster import DagsterInstance, job, op
    from dagster._serdes import serialize_value

    from assets.record import Recorder
    from resources.factory import FactoryResource
    from tests.registry.postgres import OWNER, Postgres, _prepare, start

    factory = FactoryResource(var=str(folder))

    @op
    def tell(context) -> None:  # type: ignore[no-untyped-def] # Dagster reads the annotation, which is a text here
        with Recorder(context, factory) as recorder:
            for n in range(agents):
                one = replace(outcome, key=f"scale/{n:06d}@1.0.0-01234567")
                recorder.see(StageOutcome(one.key, "registration", "done", 0.0, one))

    @job
    def telling() -> None:
        tell()

    place = Path(tempfile.mkdtemp(prefix="gl-pg-machines-", dir="/tmp"))
    place.chmod(0o755)
    server = start(place / "data")
    try:
        postgres = Postgres(place / "data")
        _prepare(postgres)
        with postgres.database() as name:
            url = postgres.url(name, OWNER).replace("postgresql+psycopg2", "postgresql")
            (folder / "dagster.yaml").write_text(json.dumps({"storage": {"postgres": {"postgres_url": url}}}))
            os.environ["DAGSTER_EVENT_BATCH_SIZE"] = "50"
            with DagsterInstance.from_config(str(folder)) as instance:
                before = postgres.sql("SELECT pg_database_size(current_database())", database=name)[0][0]
                with processor() as spent:
                    result = telling.execute_in_process(instance=instance, run_config=_QUIET)
                told("Dagster, a step that tells of agents", spent[0] / agents, "ms an agent")
                after = postgres.sql("SELECT pg_database_size(current_database())", database=name)[0][0]
                rows = postgres.sql("SELECT count(*) FROM event_logs", database=name)[0][0]
                told("Dagster, rows of event_logs", rows / agents, "rows an agent")
                told("Dagster, PostgreSQL", (after - before) / agents, "bytes an agent")
                text = json.dumps([serialize_value(event) for event in result.all_events])
                told("Celery, result of a step in Redis (gzip, base64)", _packed(text), "bytes")
                keys = [f"scale/{n:06d}@1.0.0-01234567" for n in range(10_000)]
                with processor() as spent:
                    instance.add_dynamic_partitions("agents", keys)
                told("Dagster, adding partitions", spent[0] / 10, "ms for 1,000 keys")
                with processor() as spent:
                    instance.get_dynamic_partitions("agents")
                told("Dagster, listing partitions", spent[0] / 10, "ms for 1,000 keys")
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def registry(folder: Path, many: int) -> None:
    """Digests and the search index of a registry with made-up entries."""
    from greenlang.registry import Registry
    from tools.registry_fill import entries, fill

    file = folder / "filled.sqlite"
    with Registry(f"sqlite:///{file}", keys=folder / "keys") as filled:
        fill(filled, entries(many))
    told("registry (SQLite), tables and indices", file.stat().st_size / many, "bytes an agent")
    with Registry(f"sqlite:///{file}", keys=folder / "keys") as filled:
        filled.count()
        with processor() as spent:
            filled.spec_digests()
        told("registry, all digests", spent[0] / many * 1000, "ms for 1,000 agents")
        with processor() as spent:
            filled.search("boiler")
        told("registry, the first search", spent[0] / many * 1000, "ms for 1,000 agents")


def known_state(shards: int) -> None:
    """What each step of a batch is told of all shards: as Celery queues it, and at the end as a Job's environment."""
    from dagster._core.execution.plan.outputs import StepOutputHandle
    from dagster._core.execution.plan.state import KnownExecutionState
    from dagster._serdes import serialize_value

    keys = [f"s{n:06d}" for n in range(shards)]
    ready = {StepOutputHandle("run_line", "shards", key) for key in keys}
    mappings = {"run_line": {"shards": keys}}
    queued = serialize_value(KnownExecutionState(dynamic_mappings=mappings, ready_outputs=ready))
    told(f"Celery, a task among {shards:,} shards (gzip, base64)", _packed(queued), "bytes a task")
    ready |= {StepOutputHandle(f"build_shard[{key}]", "result") for key in keys}
    last = serialize_value(KnownExecutionState(dynamic_mappings=mappings, ready_outputs=ready))
    told(f"Kubernetes, variable of the last step, {shards:,} shards", _packed(last), "bytes a step")


def _packed(text: str) -> float:
    return len(zlib.compress(text.encode())) * 4 / 3


def rows(at_home: Settings, many: int) -> None:
    """Outcomes as they grow: one real row under many keys."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from greenlang.metrics import MetricsStore
    from greenlang.metrics.parts import parts_of, write_arrow

    (part, *_) = parts_of(at_home.tables / "outcomes")
    table = pq.read_table(part).slice(0, 1)
    wide = pa.concat_tables([table] * many)
    names = pa.array([f"scale/{n:07d}@1.0.0-01234567" for n in range(many)])
    wide = wide.set_column(wide.schema.get_field_index("key"), "key", names)
    other = at_home.model_copy(update={"var": at_home.var / "many"})
    write_arrow(other.tables / "outcomes" / "many.parquet", wide)
    before = _memory()
    with processor() as spent:
        found = MetricsStore(other).outcomes()
    told("outcomes() of all keys", spent[0] / many * 1000, "ms for 1,000 rows")
    told("outcomes() of all keys", (_memory() - before) / many * 1000, "MB for 1,000 rows")
    assert len(found) == many


def _memory() -> float:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def listing(folder: Path, many: int) -> None:
    """The inbox as it grows; an object store answers with 1,000 names a request."""
    bucket = Bucket.open(str(folder / "listed"))
    for n in range(many):
        (folder / "listed" / "inbox" / f"{n:07d}.yaml").touch()
    with processor() as spent:
        bucket.list("inbox")
    told("inbox, listing a folder", spent[0] / many * 1000, "ms for 1,000 names")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--agents", type=int, default=40)
    parser.add_argument("--rows", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        at_home, outcomes = batch(folder, asked.agents)
        events(folder, outcomes[0], 150)
        for shards in (100, 1000, 10_000):
            known_state(shards)
        registry(folder, 2000)
        rows(at_home, asked.rows)
        listing(folder, asked.rows)


if __name__ == "__main__":
    main()
