"""How long search and discovery take over a large registry: ``python -m tools.bench_registry [--entries N]``.

In this process, without HTTP: building the index, a search after a write (which brings the index up to date), searches
by words beside the plain SQL that they replaced (`LIKE` for every word), discovery with an instance of every agent.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml
from sqlalchemy import insert, select

from greenlang.registry import Registry
from greenlang.registry.discovery import discover
from greenlang.registry.tables import InstanceRow, VersionRow
from tools.registry_fill import entries, entry, fill

QUERIES = Path(__file__).resolve().parents[1] / "tests" / "registry" / "queries.yaml"


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(action: Callable[[Any], Any], questions: Iterable[Any]) -> list[float]:
    """Milliseconds of the action for each question."""
    found = []
    for question in questions:
        started = perf_counter()
        action(question)
        found.append((perf_counter() - started) * 1000)
    return found


def _told(name: str, found: list[float]) -> None:
    middle, late = percentile(found, 0.5), percentile(found, 0.95)
    print(f"  {name:58} median {middle:7.1f} ms   p95 {late:7.1f} ms   ({len(found)})")


def _like(registry: Registry, text: str) -> None:
    """What the search was before: rows that hold every word as it is written."""
    statement = select(VersionRow.agent_id, VersionRow.version)
    for word in text.lower().split():
        statement = statement.where(VersionRow.text.contains(word, autoescape=True))
    with registry.transaction() as connection:
        connection.execute(statement).all()


def _run_instances(registry: Registry) -> None:
    """An instance of every version that says it is well."""
    now = datetime.now(UTC)
    with registry.transaction(write=True) as connection:
        rows = connection.execute(select(VersionRow.tenant, VersionRow.agent_id, VersionRow.version)).all()
        told = {"instance": "one", "endpoint": "", "location": "eu", "health": 1.0, "metrics": {}, "seen_at": now}
        connection.execute(insert(InstanceRow), [{**row._mapping, **told} for row in rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    size = parser.parse_args().entries
    queries = [one["query"] for one in yaml.safe_load(QUERIES.read_text())]
    with tempfile.TemporaryDirectory() as folder, Registry(f"sqlite:///{folder}/registry.sqlite") as registry:
        fill(registry, entries(size))
        started = perf_counter()
        registry.search("boiler")
        print(f"registry of {size} entries on SQLite; index built in {perf_counter() - started:.1f} s")
        asked = random.Random(1).sample(queries * 5, len(queries) * 5)
        _told("search by words, 20 hits", timed(lambda q: registry.search(q, limit=20), asked))
        _told("  the same without reading the hits", timed(lambda q: registry.search(q, limit=0), asked))
        _told("  beside it: SQL LIKE, unranked, keys alone", timed(lambda q: _like(registry, q), asked))

        for opened, where in ((registry, "on disk"), (Registry(registry.url, resident=True), "in memory")):
            changes = []
            opened.search("boiler")
            for number in range(20):
                made = entry(f"bench/{where}-{number}".replace(" ", "-"), name="New boiler", summary="A boiler.")
                opened.register(made)
                changes += timed(lambda _, at=opened: at.search("boiler", limit=20), [number])
            _told(f"search right after a write, index {where}", changes)
        _run_instances(registry)
        tags = ["co2e", "scope1", "heat-pump", "shipping", "steam", "forest", "projection", "allocation"] * 10
        _told("discovery by a capability, 10 agents", timed(lambda tag: discover(registry, [tag]), tags))


if __name__ == "__main__":
    main()
