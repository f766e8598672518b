"""What an agent's page tells of one build, worked out: templates lay out and count nothing.

Belongs here: from entry, pack and life to values for the page. Does not belong here: marks, routes, deciding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from markupsafe import Markup

from greenlang.api.console.mathml import mathml
from greenlang.api.problems import Problem
from greenlang.factory.outcome import DimensionResult
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.report.page import wheel_of
from greenlang.registry import Build, Port, Registry, RegistryEntry, Transition
from greenlang.registry.choice import latest
from greenlang.registry.packs import PackNotHere, RegisteredPack, homes, pack_of
from greenlang.settings import Settings

FACTORS = 200  # rows that a page shows; the pack has them all
_DECLARED = {d.name: d for d in DIMENSIONS}


@dataclass(frozen=True, slots=True)
class Output:
    """One output: how it is computed and why that is believed. ``math`` is None where the formula is only words."""

    name: str
    unit: str
    formula: str
    math: Markup | None
    means: str
    formula_id: str
    citation: str
    decimals: int | None
    evidence: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One pinned row of a factor or parameter table."""

    key: str
    value: str
    unit: str
    citation: str
    digest: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the lineage: what it is, which one, and its digest where it has one."""

    what: str
    text: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class LifeStep:
    """One signed step; ``evidence`` are the figures that its statement holds."""

    step: Transition
    evidence: tuple[tuple[str, str], ...]

    @property
    def at(self) -> datetime:
        """When it was taken."""
        return self.step.at


@dataclass(frozen=True, slots=True)
class AgentView:
    """Everything that the page of one build tells. Without a pack here, ``lacking`` says why."""

    entry: RegistryEntry
    build: Build
    builds: tuple[Build, ...]
    versions: tuple[RegistryEntry, ...]
    life: tuple[LifeStep, ...]
    pack: RegisteredPack | None
    lacking: str

    @property
    def content(self) -> Mapping[str, Any]:
        """The certificate; empty without a pack."""
        return self.pack.certificate.content if self.pack is not None else {}

    @property
    def in_force(self) -> bool:
        """Whether this is the build that people get."""
        return self.build.pack_digest == self.entry.pack_digest

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs with their formulas, as certified."""
        return tuple(_output(one) for one in self.content.get("outputs", ()))

    @property
    def ports(self) -> tuple[tuple[str, tuple[Port, ...]], ...]:
        """Inputs and outputs, with their headings."""
        return (("Inputs", self.entry.inputs), ("Outputs", self.entry.outputs))

    @property
    def factors(self) -> tuple[FactorRow, ...]:
        """The pinned rows, by key."""
        rows = (self.content.get("factors") or {}).get("rows", ())
        found = (FactorRow(*(str(row.get(name, "")) for name in FactorRow.__slots__)) for row in rows)
        return tuple(sorted(found, key=lambda row: row.key))

    @property
    def gaps(self) -> tuple[tuple[str, str], ...]:
        """Inputs that the spec allows and the references do not cover, with the reason."""
        return tuple(
            (", ".join(f"{name} = {value}" for name, value in gap["selectors"]), str(gap["reason"]))
            for gap in self.content.get("gaps", ())
        )

    @property
    def dimensions(self) -> tuple[DimensionResult, ...]:
        """The twelve dimensions as certified; without a pack as the registry holds them."""
        return dimensions(self.content, self.build)

    @property
    def wheel(self) -> Markup:
        """The quality wheel."""
        return Markup(wheel_of(self.dimensions))  # noqa: S704 - rendered by the report's escaping template

    @property
    def lineage(self) -> tuple[Stage, ...]:
        """From the spec and the publishers' rows to the pack that is registered."""
        return tuple(_lineage(self))


def view(registry: Registry, settings: Settings, agent_id: str, version: str = "", build: str = "") -> AgentView:
    """The page of a version (the latest without one) and a build of it (the one in force without a digest).

    Raises Problem 404 where the caller sees no such agent, version or build.
    """
    versions = tuple(registry.versions(agent_id))
    entry = next((one for one in versions if one.version == version), None) if version else latest(versions)
    if entry is None:
        raise Problem(404, f"{agent_id}{f' {version}' if version else ''} is not registered, or not for you")
    builds = tuple(registry.builds(agent_id, entry.version))
    wanted = build or entry.pack_digest
    chosen = [one for one in builds if one.pack_digest.startswith(wanted)]
    if len(chosen) != 1:
        raise Problem(404, f"{agent_id} {entry.version} has {len(chosen) or 'no'} builds whose digest begins {wanted}")
    steps = registry.transitions(agent_id, entry.version)
    life = tuple(LifeStep(s, _evidence(s)) for s in steps if s.pack_digest == chosen[0].pack_digest)
    pack, lacking = _pack(chosen[0], entry, settings)
    return AgentView(entry, chosen[0], builds, versions, life, pack, lacking)


def _pack(build: Build, entry: RegistryEntry, settings: Settings) -> tuple[RegisteredPack | None, str]:
    try:
        return pack_of(build, homes(settings, entry.tenant)), ""
    except PackNotHere as error:
        return None, str(error)


def dimensions(content: Mapping[str, Any], build: Build) -> tuple[DimensionResult, ...]:
    """The dimensions of a certificate, or of what the registry holds of a build, in the order of their declaration."""
    told = {one["name"]: one for one in content.get("quality", ())} or build.judgement
    found = []
    for name, declared in _DECLARED.items():
        one = told.get(name)
        if not isinstance(one, Mapping):
            continue
        score = one.get("score")
        found.append(
            DimensionResult(
                name=name,
                title=declared.title,
                status=one.get("status", "not_applicable"),
                score=None if score is None else float(score),
                threshold=float(one.get("threshold", declared.threshold)),
                weight=float(one.get("weight", declared.weight)),
                required=bool(one.get("required", declared.required)),
                evidence="",
            )
        )
    return tuple(found)


def _output(one: Mapping[str, Any]) -> Output:
    name, formula = str(one.get("output", "")), str(one.get("formula", ""))
    return Output(
        name=name,
        unit=str(one.get("unit") or "1"),
        formula=formula,
        math=mathml(name, formula),
        means=str(one.get("means", "")),
        formula_id=str(one.get("formula_id") or ""),
        citation=str(one.get("citation") or ""),
        decimals=cast("int | None", one.get("decimals")),
        evidence=tuple((str(e["kind"]), str(e["text"])) for e in one.get("evidence", ())),
    )


def _evidence(step: Transition) -> tuple[tuple[str, str], ...]:
    """The leaves of the evidence in a signed statement, by their path."""
    return tuple(_leaves("", json.loads(step.statement).get("evidence") or {}))


def _leaves(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [leaf for key, one in sorted(value.items()) for leaf in _leaves(f"{path}.{key}" if path else key, one)]
    if isinstance(value, list):
        return [(path, ", ".join(one if isinstance(one, str) else json.dumps(one) for one in value))]
    return [(path, value if isinstance(value, str) else json.dumps(value))]


def _lineage(shown: AgentView) -> Sequence[Stage]:
    content = shown.content
    factors = content.get("factors") or {}
    spec = content.get("spec") or {}
    stages = [Stage("Spec", f"dialect {spec['dialect']}" if spec else "", shown.entry.spec_digest)]
    publishers = Counter("/".join(row.key.split("/")[:3]) for row in shown.factors)
    rows = "; ".join(f"{name} ({count} row{'s' if count > 1 else ''})" for name, count in sorted(publishers.items()))
    release = f"release {shown.build.factor_release}" if shown.build.factor_release else ""
    stages.append(Stage("Factor tables", release, str(factors.get("tables_digest", ""))))
    if rows:
        stages.append(Stage("Pinned rows", rows))
    if formulas := sorted({one.formula_id for one in shown.outputs if one.formula_id}):
        stages.append(Stage("Formulas", ", ".join(formulas)))
    if engine := content.get("engine"):
        stages.append(Stage("Generator", ", ".join(f"{name} {version}" for name, version in sorted(engine.items()))))
    stages.append(Stage("Pack", f"built by {shown.build.published_by}", shown.build.pack_digest))
    stages.append(Stage("Certificate", "names every file of the pack", shown.build.certificate_digest))
    return stages
