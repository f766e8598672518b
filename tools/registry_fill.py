"""A registry of realistic entries for benches and tests: ``python -m tools.registry_fill URL [COUNT]``.

The agents are those of the project's own templates, and variations of them by sector, region and level, as the
catalogue in ``shared`` names them; every third has an older version, states and judgements vary. The same count gives
the same entries. They go in through the store's own functions, some hundreds in one transaction.

Belongs here: made-up entries. Does not belong here: anything that the factory built.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import count, cycle, islice, product
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml
from sqlalchemy.engine import Connection

from greenlang.provenance import bytes_digest
from greenlang.registry import Caller, Pin, Port, Registry, RegistryEntry, audit, rows
from greenlang.registry.steps import Step, write_step
from greenlang.signing import Signer

SPECS = Path(__file__).resolve().parents[1] / "templates" / "specs"
REGIONS = ("US", "EU", "UK", "India", "China", "Brazil", "Japan", "Canada", "Australia", "South Africa")
SECTORS = ("Steel", "Cement", "Chemicals", "Food", "Paper", "Textiles", "Logistics", "Retail", "Hospitals", "Airports")
LEVELS = ("Asset", "Site", "Fleet", "Portfolio")
_AT_ONCE = 200  # entries in one transaction; the end of the audit log is one row, and its versions are kept until then
_STATES = ("certified", "experimental", "draft", "draft", "certified", "deprecated")
_PATH = {
    "draft": (),
    "experimental": ("experimental",),
    "certified": ("experimental", "certified"),
    "deprecated": ("experimental", "certified", "deprecated"),
}


@cache
def template_entries() -> tuple[RegistryEntry, ...]:
    """An entry for every template and example of the project, by id."""
    found = []
    for path in sorted(SPECS.glob("*/*.yaml")):
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        spec = read.get("spec", read)
        named = {"agent_id": f"{path.parent.name}/{read['name']}", "name": read.get("title", "")}
        if "id" in read:
            named = {"agent_id": read["id"], "name": read["name"]}
        compute = spec["compute"]
        found.append(
            entry(
                **named,
                summary=" ".join(spec["summary"].split()),
                domain=read.get("domain", named["agent_id"].partition("/")[0]),
                tags=tuple(spec.get("tags", ())),
                inputs=_ports(compute["inputs"]),
                outputs=_ports(compute["outputs"]),
            )
        )
    return tuple(found)


def _ports(declared: dict[str, Any]) -> tuple[Port, ...]:
    return tuple(
        Port(name, p["dtype"], str(p.get("unit", "1")), p.get("description", "")) for name, p in declared.items()
    )


def entry(agent_id: str, version: str = "1.0.0", **values: Any) -> RegistryEntry:
    """An entry that was judged and whose tests passed."""
    judged = {
        "score": 93.5,
        "coverage": 97.0,
        "tests_passed": 12,
        "tests_total": 12,
        "factor_release": "embedded-1.0.0",
    }
    return RegistryEntry(
        **{"agent_id": agent_id, "version": version, **_digests(agent_id, version), **judged, **values}
    )


def entries(size: int) -> Iterator[tuple[RegistryEntry, str]]:
    """That many entries, each with the state that it is to have: templates first, then their variations."""
    return islice(_endless(), size)


def _endless() -> Iterator[tuple[RegistryEntry, str]]:
    states = cycle(_STATES)
    for template in template_entries():
        yield template, next(states)
    for number in count():
        for n, (place, template) in enumerate(product(_places(number), template_entries())):
            region, sector, level = place
            agent_id = f"{template.agent_id}-{sector}-{region}-{level}".lower().replace(" ", "-")
            made = replace(
                template,
                agent_id=f"{agent_id}-{number}" if number else agent_id,
                name=f"{template.name} for {sector} in {region} ({level} level)",
                tags=(*template.tags, sector.lower(), region.lower()),
                score=80.0 + (n * 7 % 20),
            )
            if n % 3 == 0:
                yield entry_of(made, "1.0.0"), "deprecated"
                yield entry_of(made, "1.1.0"), next(states)
            else:
                yield entry_of(made, "1.0.0"), next(states)


def _places(number: int) -> list[tuple[str, str, str]]:
    """Thirty places that differ from template to template's next round."""
    every = list(product(REGIONS, SECTORS, LEVELS))
    return every[number % 13 :: 13]


def entry_of(made: RegistryEntry, version: str) -> RegistryEntry:
    """The same agent in that version, with digests of its own."""
    return replace(made, version=version, **_digests(made.agent_id, version))


def _digests(agent_id: str, version: str) -> dict[str, str]:
    return {f"{k}_digest": bytes_digest(f"{k} {agent_id} {version}".encode()) for k in ("spec", "pack", "certificate")}


def fill(registry: Registry, wanted: Iterable[tuple[RegistryEntry, str]]) -> int:
    """Enter them as the registry's caller, with the steps of their lives; how many there were."""
    source, signer, done = iter(wanted), registry.signer, 0
    while part := list(islice(source, _AT_ONCE)):
        with registry.transaction(write=True) as connection:
            for one, state in part:
                _enter(connection, registry.caller, signer, one, state)
        done += len(part)
    return done


def _enter(connection: Connection, caller: Caller, signer: Signer, one: RegistryEntry, state: str) -> None:
    now = datetime.now(UTC)
    rows.add_versions(connection, [(caller, one, {})], now)
    (build,) = rows.add_builds(connection, [(caller, one, [Pin("gwp-set", "AR6")])], now).values()
    before = ""
    for after in ("draft", *_PATH[state]):
        kind: Any = "registered" if not before else "deprecated" if after == "deprecated" else "promoted"
        write_step(connection, caller, signer, build, Step(before, after, kind, "bench"))
        before = after
    audit.record(connection, caller, "agent.built", f"{one.agent_id}@{one.version}", pack=one.pack_digest)


def main() -> None:
    """Fill the registry that is named."""
    url, size = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    started = perf_counter()
    with Registry(url) as registry:
        done = fill(registry, entries(size))
    print(f"{done} entries in {perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
