"""Dialect C: a pack of agents, with ``agents`` and the ``tools`` that they name.

One agent: the pack has its inputs and outputs. Several: each is a part. A tool that an agent names must be defined;
what a tool does stands in its description, the way through the tools is the author's own and not generated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from greenlang.specs import related, shapes
from greenlang.specs.base import FORMULA_LIKE, Ports
from greenlang.specs.cases import LooseReader, part_name
from greenlang.specs.diagnostics import Severity
from greenlang.specs.form import AgentId, AnyText, Because, Open, Version, Words, checked
from greenlang.specs.ledger import ledger_of
from greenlang.specs.model import AgentSpec, Dependency, LedgerLine, Prose
from greenlang.specs.source import Path, dotted

_STEP = Because("a step of the author's own implementation; the agent's outputs are planned from its inputs")


class Head(Open):
    """``pack``."""

    rest: ClassVar[str] = shapes.KEPT.reason
    told: ClassVar[Severity | None] = None

    id: AgentId
    version: Version
    name: AnyText | None = None
    description: AnyText = ""
    summary: AnyText = ""
    tags: Words = Field(default_factory=list)
    owners: Words = Field(default_factory=list)
    license: AnyText = "Apache-2.0"


class Agent(Open):
    """One agent of the pack."""

    rest: ClassVar[str] = "a section of the author's own in an agent"

    id: AnyText
    name: AnyText | None = None
    description: AnyText = ""
    inputs: shapes.Ports = None
    outputs: shapes.Ports = None
    tools: Words = Field(default_factory=list)
    depends_on: Words = Field(default_factory=list)
    dependencies: Words = Field(default_factory=list)
    deterministic: bool | None = None
    formula: shapes.Texts = None
    formulas: shapes.Texts = None
    equation: shapes.Texts = None
    equations: shapes.Texts = None
    physics_formula: shapes.Texts = None
    calculation_method: shapes.Texts = None
    type: Annotated[Any, shapes.REMARK] = None
    version: Annotated[Any, Because("the version of the pack counts")] = None
    category: Annotated[Any, shapes.REMARK] = None
    config: Annotated[Any, shapes.RUNS] = None


class Tool(Open):
    """One tool of the pack."""

    rest: ClassVar[str] = _STEP.reason
    told: ClassVar[Severity | None] = None

    id: AnyText | None = None
    name: AnyText | None = None
    description: AnyText = ""
    formula: shapes.Texts = None
    formulas: shapes.Texts = None
    equation: shapes.Texts = None
    equations: shapes.Texts = None
    physics_formula: shapes.Texts = None
    calculation_method: shapes.Texts = None
    input_schema: Annotated[Any, _STEP] = None
    output_schema: Annotated[Any, _STEP] = None
    type: Annotated[Any, _STEP] = None
    impl: Annotated[Any, shapes.CODE] = None


class PackOfAgents(shapes.Whole):
    """A whole file of dialect C."""

    pack: Head
    agents: list[Agent]
    tools: list[Tool] = Field(default_factory=list)
    factors: shapes.ClaimedReferences = None
    provenance: shapes.Provenance | None = None
    tests: shapes.LooseTests | None = None
    schema_version: Annotated[Any, Because("the version of the dialect")] = None
    metadata: Annotated[Any, shapes.KEPT] = None
    reference_data: Annotated[Any, shapes.FIGURES] = None
    validation: Annotated[
        Any, Because("rules over structures in a language of the author's own; write them as `tests.properties`")
    ] = None
    golden_tests: Annotated[Any, Because("plans for tests; a generated agent brings its test suite")] = None
    certification: Annotated[Any, Because("targets; every generated agent is judged on the same twelve dimensions")] = (
        None
    )
    ai: Annotated[Any, shapes.AI] = None
    realtime: Annotated[Any, Because("live connectors are not part of a generated pack")] = None
    security: Annotated[Any, Because("a generated agent opens no connection, so there is nothing to allow")] = None
    deployment: Annotated[Any, shapes.RUNS] = None
    documentation: Annotated[Any, Because("a generated agent brings its documentation")] = None
    compliance: Annotated[Any, shapes.KEPT] = None


_EQUATIONS = frozenset(("equation", "equations", "formula", "formulas", "physics_formula"))


class ReaderC(LooseReader):
    """Reads one file of dialect C."""

    def read(self, data: bytes) -> AgentSpec | None:
        """The spec, however many mistakes it has; None if not even its outline can be made out."""
        self.ledger = ledger_of(PackOfAgents, self.document.value)
        self.form = checked(PackOfAgents, self.document, self.add)
        raw: PackOfAgents | None = self.form.value
        self.unknown_keys()
        if raw is None:
            return None
        whole = self.outline(raw, data)
        self.undefined(raw)
        for i, tool in enumerate(raw.tools):
            if not FORMULA_LIKE.search(tool.description) and ("tools", i, "description") in self.document.places:
                self.ignore(("tools", i, "description"), "a description without a formula")
        if not raw.agents and not self.form.touches(("agents",)):
            self.add("GLS027", "the pack lists no agent: there is nothing to generate", "list one", ("agents",))
        parts = [p for i, agent in enumerate(raw.agents) if (p := self.part(agent, i, whole, raw)) is not None]
        for i, agent in enumerate(raw.agents):
            if agent.id in [a.id for a in raw.agents[:i]]:
                self.add("GLS003", f"two agents are called `{agent.id}`", "rename one", ("agents", i, "id"))
        parts = self.with_tests(parts, raw.tests)
        if not parts:
            return None
        if len(raw.agents) > 1:
            return replace(whole, parts=tuple(parts))
        for key in ("id", "name"):
            if ("agents", 0, key) in self.document.places:
                self.ignore(("agents", 0, key), "the only agent: the pack goes by its own name")
        text = raw.agents[0].description
        if whole.summary and not FORMULA_LIKE.search(text) and ("agents", 0, "description") in self.document.places:
            self.ignore(("agents", 0, "description"), "the only agent: the pack has a summary of its own")
        return replace(parts[0], part="", name=whole.name, summary=whole.summary or parts[0].summary)

    def outline(self, raw: PackOfAgents, data: bytes) -> AgentSpec:
        """What the whole and all its parts have in common."""
        if not self.form.touches(("pack", "id")):
            self.check_id(raw.pack.id, ("pack", "id"))
        if not self.form.touches(("pack", "version")):
            self.check_version(raw.pack.version, ("pack", "version"))
        self.check_tools(raw.ai)
        for i, tool in enumerate(raw.tools):
            self.check_entry(tool.impl, ("tools", i, "impl"), "warning")
        gwp = raw.provenance.gwp_set if raw.provenance is not None else None
        return AgentSpec(
            dialect="C",
            digest=hashlib.sha256(data).hexdigest(),
            agent_id=raw.pack.id,
            version=raw.pack.version,
            name=raw.pack.name or raw.pack.id,
            summary=" ".join((raw.pack.summary or raw.pack.description).split()),
            tags=tuple(raw.pack.tags),
            owners=tuple(raw.pack.owners),
            license=raw.pack.license,
            factors=self.claimed_references(raw.factors, ("factors",)),
            gwp_set=self.gwp_set(gwp, ("provenance", "gwp_set")),
            extra={k: v for k in ("ai", "metadata") if isinstance(v := getattr(raw, k), dict)},
            raw=data.decode("utf-8-sig"),
            regulations=related.regulations(self, ("compliance", "metadata")),
        )

    def undefined(self, raw: PackOfAgents) -> None:
        """Tools that an agent names and nobody defines."""
        if self.form.touches(("tools",)):
            return
        known = {t.id for t in raw.tools} | {t.name for t in raw.tools}
        for i, agent in enumerate(raw.agents):
            for k, name in enumerate(agent.tools):
                if name not in known:
                    self.add(
                        "GLS028",
                        f"agent `{agent.id}` names the tool `{name}`, which the pack does not define",
                        "define it under `tools`, or take it off the list",
                        ("agents", i, "tools", k),
                    )

    def part(self, agent: Agent, i: int, whole: AgentSpec, raw: PackOfAgents) -> AgentSpec | None:
        """One agent as a spec."""
        path: Path = ("agents", i)
        name = part_name(agent.id)
        self.name(name, (*path, "id"))
        if agent.deterministic is False:
            message = f"`{agent.id}` asks for an agent that is not deterministic; what is generated is"
            self.add("GLS025", message, "remove it", (*path, "deterministic"), "warning")
        ports = self.ports(agent.inputs, (*path, "inputs"), agent.outputs, (*path, "outputs"))
        if not ports.outputs:
            message = f"agent `{agent.id}` declares no output: there is nothing to generate for it"
            self.add("GLS027", message, "declare its `outputs`", path)
            return None
        ids = [a.id for a in raw.agents]
        return replace(
            whole,
            part=name,
            home=dotted(path),
            name=f"{whole.name}: {agent.name or agent.id}" if len(ids) > 1 else whole.name,
            summary=" ".join(agent.description.split()),
            inputs=ports.inputs,
            unused=ports.unused,
            outputs=ports.outputs,
            prose=(*self.methods(agent, path, ports, raw), *ports.prose),
            dependencies=tuple(self.dependencies(agent, path)),
        )

    def dependencies(self, agent: Agent, path: Path) -> Iterator[Dependency]:
        """The other agents that one names, of the pack and beyond it; these in a range of versions, if it says one."""
        for key in ("depends_on", "dependencies"):
            for k, text in enumerate(getattr(agent, key)):
                here = (*path, key, k)
                other, said = related.named(self, text, here)
                if other == agent.id:
                    self.add("GLS029", f"`{agent.id}` depends on itself", "remove it", here)
                yield Dependency(
                    other, "needs", *self.document.place(here), versions=related.versions(self, said, here)
                )

    def methods(self, agent: Agent, path: Path, ports: Ports, raw: PackOfAgents) -> Iterator[Prose]:
        """What the agent, its tools and the pack's metadata say about how things are computed."""
        owners: list[tuple[Any, Path]] = [(agent, path)]
        owners += [(t, ("tools", k)) for k, t in enumerate(raw.tools) if t.id in agent.tools or t.name in agent.tools]
        for owner, at in owners:
            for key in ("physics_formula", "calculation_method"):
                yield from self.texts(getattr(owner, key), key, (*at, key), ports)
            for key in ("formula", "formulas", "equation", "equations"):
                yield from self.texts(getattr(owner, key), "formula", (*at, key), ports)
            if FORMULA_LIKE.search(owner.description):
                yield self.prose(owner.description, "description", (*at, "description"))
        yield from self.equations(raw.metadata, ("metadata",), ports)

    def equations(self, value: Any, path: Path, ports: Ports) -> Iterator[Prose]:
        """The equations that stand in the metadata, under keys of that name."""
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.equations(item, (*path, i), ports)
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key not in _EQUATIONS:
                yield from self.equations(inner, (*path, key), ports)
                continue
            yield from self.texts(inner, "formula", (*path, key), ports)
            for leaf in [p for p in self.ledger.lines if p[: len(path) + 1] == (*path, key)]:
                self.ledger.lines[leaf] = LedgerLine(dotted(leaf), "used")
