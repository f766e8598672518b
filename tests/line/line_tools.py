"""A bucket with real specs, and the end state of a factory as plain values that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.factory import line
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import MetricsStore
from greenlang.registry import Registry
from greenlang.settings import Settings

EXAMPLES = _paths.data() / "templates" / "specs" / "examples"
# What a run says of itself, not of the agents.
_RUN = {
    *("run_id", "written_at", "finished_at", "seconds", "stage_seconds", "part", "created_at", "built_at", "summary"),
    *("latency_p95_ms", "memory_mb"),
}
# What the tests do to a factory before its batch; other processes that import this file do nothing.
BEFORE: list[Callable[[Settings], object]] = []


def example(name: str) -> bytes:
    """An example spec's bytes."""
    return (EXAMPLES / f"{name}.pack.yaml").read_bytes()


def renamed(name: str, agent_id: str) -> bytes:
    """An example spec under another id."""
    lines = example(name).decode().splitlines(keepends=True)
    return "".join(f'id: "{agent_id}"\n' if ln.startswith("id:") else ln for ln in lines).encode()


def drop(settings: Settings, **files: bytes) -> None:
    """Put files into the inbox; "__" in a name is a dot."""
    bucket = Bucket.open(settings.bucket_address)
    for name, data in files.items():
        bucket.write(f"inbox/{name.replace('__', '.')}", data)


def run(settings: Settings, **options: Any) -> dict[str, AgentOutcome]:
    """One batch; outcomes by file name."""
    options.setdefault("entrance", "test")
    for ready in BEFORE:
        ready(settings)
    stages = line.run_batch(settings, settle=False, **options)
    return {s.agent.file: s.agent for s in stages if s.agent is not None}


def tree(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file."""
    if not folder.is_dir():
        return {}
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def end_state(settings: Settings) -> dict[str, Any]:
    """Packs, bucket, registry and outcome rows, without run ids and times."""
    registry = Registry(settings.registry)
    entries = [{k: v for k, v in e.as_dict().items() if k not in _RUN} for e in registry.all()]
    registry.close()
    outcomes = [{k: v for k, v in row.items() if k not in _RUN} for row in MetricsStore(settings).outcomes()]
    return {
        "packs": {name: value for name, value in tree(settings.packs).items() if not name.endswith(".dsse.json")},
        # what is signed; the signature itself is of each factory's own key
        "signed": {p.name: json.loads(p.read_bytes())["payload"] for p in sorted(settings.packs.glob("*.dsse.json"))},
        "bucket": tree(settings.var / "bucket"),
        "registry": entries,
        "outcomes": json.loads(json.dumps(outcomes, default=str)),
    }
