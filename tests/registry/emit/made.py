"""A folder of a factory with agents in it, made without running any: packs, entries, steps of their lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

from greenlang.factory.generate import generate
from greenlang.factory.outcome import DimensionResult
from greenlang.factory.pack import finish_pack, write_pack
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.registry import Port, Registry, RegistryEntry
from greenlang.registry.steps import Step, write_step
from greenlang.registry.tables import BuildRow
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Profile, Verdict

POLICY = f"v1@{'7' * 64}"


def judged(score: float = 95.0, *, failed: str = "") -> tuple[DimensionResult, ...]:
    """The twelve dimensions with one score; ``failed`` names one that failed."""
    return tuple(
        DimensionResult(
            name=d.name,
            title=d.title,
            status="failed" if d.name == failed else "passed",
            score=score,
            threshold=d.threshold,
            weight=d.weight,
            required=d.required,
            evidence="",
        )
        for d in DIMENSIONS
    )


def pack(
    var: Path, resolution: Resolution, *, name: str = "", dimensions: tuple[DimensionResult, ...] = ()
) -> RegistryEntry:
    """Write the pack of a resolution below ``var``; its entry."""
    spec = resolution.spec
    folder = var / "packs" / (name or f"{spec.agent_id.replace('/', '.')}@{spec.version}")
    write_pack(generate(resolution), folder)
    verdict = Verdict("passed", Profile("weak", ()), (), None, 0.1)
    info = finish_pack(
        folder, resolution, dimensions=dimensions or judged(), verdict=verdict, release="r-7", tables_digest="ab" * 32
    )
    parts = spec.parts or (spec,)
    return RegistryEntry(
        agent_id=spec.agent_id,
        version=spec.version,
        spec_digest=spec.digest,
        pack_digest=info.digest,
        certificate_digest=info.certificate_digest,
        name=spec.name,
        summary=spec.summary,
        domain=spec.domain,
        tags=spec.tags,
        inputs=tuple(_port(p, one.part if spec.parts else "") for one in parts for p in one.inputs.values()),
        outputs=tuple(_port(p, one.part if spec.parts else "") for one in parts for p in one.outputs.values()),
        score=95.0,
        coverage=98.0,
        tests_passed=12,
        tests_total=12,
        factor_release="r-7",
        pack=folder.relative_to(var).as_posix(),
        judgement={d.name: {"status": d.status, "score": d.score} for d in dimensions or judged()},
    )


def _port(port: Any, part: str) -> Port:
    return Port(f"{part}.{port.name}" if part else port.name, port.dtype, port.unit, port.description)


def step(registry: Registry, entry: RegistryEntry, *states: str, evidence: Mapping[str, Any] | None = None) -> None:
    """Take the entry's build through these states, without asking any policy."""
    with registry.transaction(write=True) as connection:
        wanted = select(BuildRow.id).where(BuildRow.pack_digest == entry.pack_digest)
        build = connection.execute(wanted.where(BuildRow.agent_id == entry.agent_id)).scalar_one()
        for before, after in pairwise(states):
            taken = Step(before, after, "promoted", "figures agree", policy=POLICY, evidence=evidence)
            write_step(connection, registry.caller, registry.signer, build, taken)


def with_version(resolution: Resolution, version: str, **spec: Any) -> Resolution:
    """The same agent as another version."""
    digest = f"{version}".encode().hex().ljust(64, "0")
    return replace(resolution, spec=replace(resolution.spec, version=version, digest=digest, **spec))
