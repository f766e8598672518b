"""``make bench``: seconds per agent for batches of 1, 10 and 100 specs, and where they go.

Each size runs twice, on fresh folders: once through the library, once through Dagster's op job ``line_batch`` on an
instance of its own (SQLite event log on disk). Figures are of this machine at this moment; quote
the shares and ratios.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.factory import line
from greenlang.factory.outcome import StageOutcome
from greenlang.settings import Settings

SIZES = tuple(int(a) for a in sys.argv[1:] if a.isdigit()) or (1, 10, 100)
GROUPS = {
    "resolution": ("spec_validation", "reference_selection"),
    "generation": ("agent_generation", "packaging"),
    "tests": ("test_generation",),
    "quality": ("quality_validation",),
    "registration": ("registration",),
}


def specs(count: int) -> dict[str, bytes]:
    """``count`` specs: the examples in turn, each copy under an id of its own."""
    examples = sorted((_paths.data() / "templates" / "specs" / "examples").glob("*.yaml"))
    out: dict[str, bytes] = {}
    for i in range(count):
        lines = examples[i % len(examples)].read_text().splitlines(keepends=True)
        text = "".join(f'id: "bench/agent_{i:05d}"\n' if ln.startswith("id:") else ln for ln in lines)
        out[f"agent_{i:05d}.yaml"] = text.encode()
    return out


def fresh(folder: Path, count: int) -> Settings:
    """A factory of its own with ``count`` specs in the inbox and its tables built."""
    settings = Settings(var=folder)
    bucket = Bucket.open(settings.bucket_address)
    for name, data in specs(count).items():
        bucket.write(f"inbox/{name}", data)
    line.prepare(settings)
    return settings


def through_the_library(settings: Settings) -> tuple[float, Counter[str]]:
    """Wall seconds of one batch, and the seconds of its stages summed over the workers."""
    begin = time.perf_counter()
    spent: Counter[str] = Counter()
    for stage in line.run_batch(settings, entrance="bench", settle=False):
        spent[stage.stage] += stage.seconds
        if stage.agent is not None and stage.agent.outcome != "registered":
            sys.exit(f"{stage.key}: {stage.agent.outcome}: {stage.agent.reason}")
    return time.perf_counter() - begin, spent


def through_dagster(settings: Settings, home: Path) -> tuple[float, float]:
    """Wall seconds of the same batch as a Dagster run, and those of them spent in the line itself."""
    import dagster as dg

    from greenlang_pipelines.definitions import build_defs
    from resources.factory import FactoryResource

    inside = 0.0

    class TimedFactory(FactoryResource):
        def run_batch(self, **options: Any) -> Iterator[StageOutcome]:
            nonlocal inside
            stages = iter(super().run_batch(**options))
            while True:
                begin = time.perf_counter()
                stage = next(stages, None)
                inside += time.perf_counter() - begin
                if stage is None:
                    return
                yield stage

    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    factory = TimedFactory(var=str(settings.var))
    defs = build_defs(resource_overrides={"factory": factory})
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        job = defs.get_job_def("line_batch")
        begin = time.perf_counter()
        result = job.execute_in_process(instance=instance, raise_on_error=True)
        seconds = time.perf_counter() - begin
    assert result.success
    return seconds, inside


def main() -> None:
    """Run every size and print the table; ``--json`` for programs."""
    os.environ["GREENLANG_SETTLE_SECONDS"] = "0"
    warnings.simplefilter("ignore")  # Dagster's notes on its own beta parameters
    logging.disable(logging.CRITICAL)  # a table is wanted, not the run's log
    rows = []
    for count in SIZES:
        with tempfile.TemporaryDirectory(prefix="greenlang-bench-") as folder:
            plain = fresh(Path(folder) / "plain", count)
            wall, spent = through_the_library(plain)
            orchestrated = fresh(Path(folder) / "dagster", count)
            dagster_wall, dagster_inside = through_dagster(orchestrated, Path(folder) / "home")
        total = sum(spent.values())
        shares = {group: sum(spent[s] for s in stages) / total for group, stages in GROUPS.items()}
        rows.append(
            {
                "agents": count,
                "seconds": round(wall, 2),
                "seconds_per_agent": round(wall / count, 3),
                "core_seconds_per_agent": round(total / count, 3),
                "dagster_share": round((dagster_wall - dagster_inside) / dagster_wall, 3),
                **{f"{group}_share": round(share, 3) for group, share in shares.items()},
            }
        )
        if "--json" not in sys.argv:
            print(json.dumps(rows[-1]), flush=True)
    if "--json" in sys.argv:
        print(json.dumps(rows, indent=2))
        return
    print()
    names = list(rows[0])
    print(" | ".join(names))
    for row in rows:
        print(" | ".join(f"{row[n]:>{len(n)}}" for n in names))
    print("\nStage shares are of the seconds spent inside the workers; dagster_share is the part of the")
    print("wall time of the same batch as a Dagster run that was not spent in the line (events, partitions, start).")


if __name__ == "__main__":
    main()
