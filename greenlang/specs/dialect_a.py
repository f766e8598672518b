"""Dialect A: an AgentSpec V2 of eleven sections, whose tools are what is computed.

One tool: the agent has that tool's inputs and outputs. Several: each is a part. No tools: the agent's own
``input_schema`` and ``output_schema``. The short form of the same dialect has ``agent`` for ``agent_metadata`` and its
tools as a plain list.

Authors mark a parameter as required in the list of its object or in itself (``required: true``, a habit of JSON
Schema's third draft); either counts. Their worked examples are claims: one that cannot be run is told and left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from greenlang.specs import related, shapes
from greenlang.specs.base import FORMULA_LIKE, Ports
from greenlang.specs.cases import LooseReader, part_name, written_tolerance
from greenlang.specs.diagnostics import Severity
from greenlang.specs.form import AgentId, AnyText, Because, Open, Version, Words, checked
from greenlang.specs.ledger import ledger_of
from greenlang.specs.model import ANY, AgentSpec, Dependency, Expectation, GoldenCase, Prose, ProseKind
from greenlang.specs.source import Path, dotted

_WHOLE = "the agent as a whole is not generated: each of its tools is, with inputs and outputs of its own"
_COUNT = Because("the list itself tells how many there are")


class Metadata(Open):
    """``agent_metadata``, or ``agent`` in the short form."""

    rest: ClassVar[str] = shapes.KEPT.reason
    told: ClassVar[Severity | None] = None

    agent_id: AgentId | None = None
    id: AgentId | None = None
    agent_name: AnyText | None = None
    name: AnyText | None = None
    version: Version
    description: AnyText = ""
    description_short: AnyText = ""
    tags: Words = Field(default_factory=list)
    owners: Words = Field(default_factory=list)
    license: AnyText = "Apache-2.0"


class OtherAgent(Open):
    """Another agent that this one names."""

    rest: ClassVar[str] = shapes.REMARK.reason
    told: ClassVar[Severity | None] = None

    agent_id: AnyText | None = None
    id: AnyText | None = None
    name: AnyText | None = None
    relationship: AnyText = ""
    relation: AnyText = ""
    version: AnyText = ""


def _form_of_agent(value: object) -> str:
    return "<long>" if isinstance(value, dict | OtherAgent) else "<id>"


Agents = list[
    Annotated[Annotated[str, Tag("<id>")] | Annotated[OtherAgent, Tag("<long>")], Discriminator(_form_of_agent)]
]


class Description(Open):
    """``description``."""

    rest: ClassVar[str] = shapes.REMARK.reason
    told: ClassVar[Severity | None] = None

    purpose: AnyText = ""
    summary: AnyText = ""
    dependencies: Agents | None = None
    used_by_agents: Agents | None = None


class Methods(Open):
    """The keys under which authors say how something is computed."""

    physics_formula: shapes.Texts = None
    physics_formulas: shapes.Texts = None
    formula: shapes.Texts = None
    formulas: shapes.Texts = None
    equation: shapes.Texts = None
    equations: shapes.Texts = None
    governing_equation: shapes.Texts = None
    governing_equations: shapes.Texts = None
    calculation_method: shapes.Texts = None
    calculation: shapes.Texts = None
    calculations: shapes.Texts = None
    calculation_steps: shapes.Texts = None
    methodology: shapes.Texts = None


class Implementation(Methods):
    """How the author computes it: the methods are read, the rest is about code that is not part of the spec."""

    rest: ClassVar[str] = shapes.CLAIM.reason
    told: ClassVar[Severity | None] = None

    data_source: Annotated[Any, shapes.FIGURES] = None
    function: Annotated[Any, shapes.CODE] = None
    standards: Annotated[Any, shapes.REMARK] = None
    note: Annotated[Any, shapes.REMARK] = None


class Example(Open):
    """A worked example of a tool."""

    rest: ClassVar[str] = shapes.REMARK.reason
    told: ClassVar[Severity | None] = None

    name: AnyText | None = None
    description: AnyText = ""
    input: dict[str, Any] | None = None
    inputs: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    expected_output: dict[str, Any] | None = None


def _form_of_example(value: object) -> str:
    return "<none>" if value is None else "<list>" if isinstance(value, list) else "<one>"


def _long_or_text(value: object) -> str:
    return "<long>" if isinstance(value, dict | Implementation | Description) else "<text>"


class Tool(Methods):
    """One tool."""

    rest: ClassVar[str] = "a section of the author's own in a tool"

    tool_id: AnyText | None = None
    id: AnyText | None = None
    name: AnyText | None = None
    description: AnyText = ""
    deterministic: bool | None = None
    parameters: shapes.Ports = None
    input_schema: shapes.Ports = None
    returns: shapes.Ports = None
    output_schema: shapes.Ports = None
    implementation: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[Implementation, Tag("<long>")], Discriminator(_long_or_text)
    ] = ""
    example: Annotated[
        Annotated[Example, Tag("<one>")] | Annotated[list[Example], Tag("<list>")] | Annotated[None, Tag("<none>")],
        Discriminator(_form_of_example),
    ] = None
    examples: list[Example] | None = None
    category: Annotated[Any, shapes.REMARK] = None
    safe: Annotated[Any, shapes.CODE] = None
    type: Annotated[Any, shapes.REMARK] = None
    standards: Annotated[Any, shapes.REMARK] = None


class Tools(Open):
    """``tools``."""

    rest: ClassVar[str] = shapes.REMARK.reason
    told: ClassVar[Severity | None] = None

    tool_count: Annotated[Any, _COUNT] = None
    tools_list: list[Tool] = Field(default_factory=list)


def _form_of_tools(value: object) -> str | None:
    if isinstance(value, list):
        return "<list>"
    return "<none>" if value is None else "<long>" if isinstance(value, dict | Tools) else None


class SubAgent(OtherAgent):
    """One entry of ``sub_agents.sub_agents_list``."""

    sub_agent_id: AnyText | None = None


class SubAgents(Open):
    """``sub_agents``."""

    rest: ClassVar[str] = shapes.REMARK.reason
    told: ClassVar[Severity | None] = None

    sub_agent_count: Annotated[Any, _COUNT] = None
    sub_agents_list: list[SubAgent] | None = None


class Inputs(Open):
    """``inputs``: of the agent as a whole."""

    rest: ClassVar[str] = "a remark about the inputs of the agent as a whole"

    input_schema: shapes.Ports = None
    example_input: dict[str, Any] | None = None
    example_inputs: Annotated[Any, Because("examples with names; only a pair of one input and one output is tried")] = (
        None
    )
    validation: Annotated[Any, shapes.REMARK] = None


class Outputs(Open):
    """``outputs``: of the agent as a whole."""

    rest: ClassVar[str] = "a remark about the outputs of the agent as a whole"

    output_schema: shapes.Ports = None
    example_output: dict[str, Any] | None = None
    example_outputs: Annotated[
        Any, Because("examples with names; only a pair of one input and one output is tried")
    ] = None
    provenance: Annotated[Any, shapes.CHAIN] = None


class AgentSpecV2(shapes.Whole):
    """A whole file of dialect A."""

    agent_metadata: Metadata | None = None
    agent: Metadata | None = None
    description: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[Description, Tag("<long>")], Discriminator(_long_or_text)
    ] = ""
    tools: Annotated[
        Annotated[Tools, Tag("<long>")] | Annotated[list[Tool], Tag("<list>")] | Annotated[None, Tag("<none>")],
        Discriminator(
            _form_of_tools,
            custom_error_type="form_of_tools",
            custom_error_message="must hold `tools_list`, or be a list of tools",
        ),
    ] = None
    inputs: Inputs | None = None
    outputs: Outputs | None = None
    sub_agents: SubAgents | None = None
    factors: shapes.ClaimedReferences = None
    provenance: shapes.Provenance | None = None
    tests: shapes.LooseTests | None = None
    version: Annotated[Any, Because("the version of the dialect; the agent's own stands in its metadata")] = None
    ai_integration: Annotated[Any, shapes.AI] = None
    ai_configuration: Annotated[Any, shapes.AI] = None
    ai: Annotated[Any, shapes.AI] = None
    testing: Annotated[Any, Because("plans for tests; a generated agent brings its test suite")] = None
    validation: Annotated[Any, Because("targets; every generated agent is judged on the same twelve dimensions")] = None
    deployment: Annotated[Any, shapes.RUNS] = None
    documentation: Annotated[Any, Because("a generated agent brings its documentation")] = None
    compliance: Annotated[Any, shapes.KEPT] = None
    business_impact: Annotated[Any, shapes.KEPT] = None
    metadata: Annotated[Any, shapes.KEPT] = None


_KINDS: dict[str, ProseKind] = {
    **dict.fromkeys(("physics_formula", "physics_formulas"), "physics_formula"),
    **dict.fromkeys(
        ("calculation_method", "calculation", "calculations", "calculation_steps", "methodology"), "calculation_method"
    ),
    **dict.fromkeys(
        ("formula", "formulas", "equation", "equations", "governing_equation", "governing_equations"), "formula"
    ),
}
_NEEDS = re.compile(r"(?i)receives|uses|depends|requires|consumes|reads|needs|input_from|data_from")
_SERVES = re.compile(r"(?i)provides|sends|feeds|serves|supplies|used_by|data_to|output_to")


class ReaderA(LooseReader):
    """Reads one file of dialect A."""

    def read(self, data: bytes) -> AgentSpec | None:
        """The spec, however many mistakes it has; None if not even its outline can be made out."""
        self.ledger = ledger_of(AgentSpecV2, self.document.value)
        self.form = checked(AgentSpecV2, self.document, self.add)
        raw: AgentSpecV2 | None = self.form.value
        self.unknown_keys()
        if raw is None:
            return None
        whole = self.outline(raw, data)
        tools = list(self.tools(raw))
        if not tools:
            return self.flat(raw, whole)
        for section in ("inputs", "outputs"):
            if section in self.document.value:
                self.ignore((section,), _WHOLE)
                self.add("GLS018", f"`{section}` was not read: {_WHOLE}", "see each tool", (section,), "info")
        made = [(p, path) for t, path in tools if (p := self.part(t, path, whole)) is not None]
        parts = tuple(p for p, _ in made)
        for i, (part, path) in enumerate(made):
            if part.part in {p.part for p in parts[:i]}:
                self.add("GLS003", f"two tools are called `{part.part}`", "rename one", (*path, "name"))
        if not parts:
            if not self.form.touches(("tools",)):
                message = "no tool declares an output: there is nothing to generate"
                self.add("GLS027", message, "declare `returns`", ("tools",))
            return None
        parts = tuple(self.with_tests(list(parts), raw.tests))
        if len(parts) > 1:
            return replace(whole, parts=parts)
        self.the_only(made[0][1], whole)
        return replace(parts[0], part="", name=whole.name, summary=whole.summary or parts[0].summary)

    def the_only(self, path: Path, whole: AgentSpec) -> None:
        """An agent of one tool goes by its own name."""
        for key in ("name", "tool_id", "id"):
            if (*path, key) in self.document.places:
                self.ignore((*path, key), "the only tool: the agent goes by its own name")
        text = self.at((*path, "description"))
        if whole.summary and isinstance(text, str) and not FORMULA_LIKE.search(text):
            self.ignore((*path, "description"), "the only tool: the agent has a summary of its own")

    def outline(self, raw: AgentSpecV2, data: bytes) -> AgentSpec:
        """What the whole and all its parts have in common."""
        section = "agent" if raw.agent_metadata is None and raw.agent is not None else "agent_metadata"
        head = raw.agent if section == "agent" else raw.agent_metadata
        if head is None:
            self.add("GLS011", "`agent_metadata` is missing", "add it, with `agent_id` and `version`", ())
            head = Metadata(version="0.0.0", id="missing")
        key = "agent_id" if head.agent_id is not None else "id"
        agent_id = head.agent_id or head.id
        if agent_id is None:
            self.add("GLS011", f"`{section}.agent_id` is missing", "add it", (section, "agent_id"))
        else:
            self.check_id(agent_id, (section, key))
        if not self.form.touches((section, "version")) and section in self.document.value:
            self.check_version(head.version, (section, "version"))
        about = raw.description if isinstance(raw.description, Description) else Description(purpose=raw.description)
        summary = head.description_short or head.description or about.purpose or about.summary
        ai = raw.ai_integration if raw.ai_integration is not None else raw.ai_configuration or raw.ai
        self.check_tools(ai)
        gwp = raw.provenance.gwp_set if raw.provenance is not None else None
        return AgentSpec(
            dialect="A",
            digest=hashlib.sha256(data).hexdigest(),
            agent_id=agent_id or "missing",
            version=head.version,
            name=head.agent_name or head.name or agent_id or "",
            summary=" ".join(summary.split()),
            tags=tuple(head.tags),
            owners=tuple(head.owners),
            license=head.license,
            factors=self.claimed_references(raw.factors, ("factors",)),
            gwp_set=self.gwp_set(gwp, ("provenance", "gwp_set")),
            extra={k: v for k, v in (("ai", ai), ("metadata", raw.metadata)) if isinstance(v, dict)},
            raw=data.decode("utf-8-sig"),
            dependencies=tuple(self.dependencies(raw, about, agent_id or "")),
            regulations=related.regulations(self, ("compliance", "metadata")),
        )

    def dependencies(self, raw: AgentSpecV2, about: Description, own: str) -> Iterator[Dependency]:
        """The other agents that the file names."""
        lists: list[tuple[Path, Any, str]] = [
            (("description", "dependencies"), about.dependencies, ""),
            (("description", "used_by_agents"), about.used_by_agents, "used_by"),
        ]
        if raw.sub_agents is not None:
            lists.append((("sub_agents", "sub_agents_list"), raw.sub_agents.sub_agents_list, "uses"))
        for path, agents, relation in lists:
            for i, agent in enumerate(agents or ()):
                other = agent
                if isinstance(agent, str):
                    name, version = related.named(self, agent, (*path, i))
                    other = OtherAgent(agent_id=name, version=version)
                name = getattr(other, "sub_agent_id", None) or other.agent_id or other.id or other.name
                said = relation or other.relationship or other.relation
                if not name:
                    self.add("GLS011", "another agent is named without its id", "add `agent_id`", (*path, i), "warning")
                    continue
                kind: Literal["needs", "serves", "beside"] = "beside"
                if _SERVES.search(said) and not said.lower().startswith(("uses", "receives")):
                    kind = "serves"
                elif _NEEDS.search(said) or (other.version and not said):
                    kind = "needs"
                if name == own and kind != "beside":
                    self.add("GLS029", f"`{own}` depends on itself", "remove it", (*path, i))
                where = (*path, i) if isinstance(agent, str) else (*path, i, "version")
                versions = related.versions(self, other.version, where) if kind == "needs" else ANY
                if kind != "needs" and where in self.document.places:
                    self.ignore(where, "only what an agent needs is looked for in a range of versions")
                yield Dependency(name, kind, *self.document.place((*path, i)), versions=versions)

    # --- tools ----------------------------------------------------------------------------------------------------

    def tools(self, raw: AgentSpecV2) -> Iterator[tuple[Tool, Path]]:
        """Each tool with its path."""
        path: Path = ("tools",) if isinstance(raw.tools, list) else ("tools", "tools_list")
        listed = raw.tools if isinstance(raw.tools, list) else raw.tools.tools_list if raw.tools is not None else []
        for i, tool in enumerate(listed):
            if (*path, i) not in self.form.mended:
                yield tool, (*path, i)

    def part(self, tool: Tool, path: Path, whole: AgentSpec) -> AgentSpec | None:
        """One tool as a spec; None if it gives nothing."""
        title = tool.name or tool.tool_id or tool.id
        for key in ("tool_id", "id") if tool.name is not None else ():
            if getattr(tool, key) is not None:
                self.ignore((*path, key), "a tool goes by its name")
        if title is None:
            self.add("GLS011", "a tool has no name", "add `name`", path)
            title = "tool"
        name = part_name(title)
        self.name(name, (*path, "name"))
        if tool.deterministic is False:
            message = f"`{title}` asks for an agent that is not deterministic; what is generated is"
            self.add("GLS025", message, "remove it", (*path, "deterministic"), "warning")
        takes = "parameters" if tool.parameters is not None else "input_schema"
        gives = "returns" if tool.returns is not None else "output_schema"
        ports = self.ports(getattr(tool, takes), (*path, takes), getattr(tool, gives), (*path, gives))
        if not ports.outputs:
            if not any(self.form.touches((*path, key)) for key in ("returns", "output_schema")):
                message = f"`{title}` declares no output: there is nothing to generate for it"
                self.add("GLS027", message, "declare its `returns`", path, "warning")
            self.ignore(path, "a tool without an output")
            return None
        return replace(
            whole,
            part=name,
            home=dotted(path),
            name=f"{whole.name}: {title}",
            summary=" ".join(tool.description.split()),
            inputs=ports.inputs,
            unused=ports.unused,
            outputs=ports.outputs,
            golden=tuple(self.examples(tool, ports, path)),
            prose=(*self.methods(tool, ports, path), *ports.prose),
        )

    def methods(self, tool: Tool, ports: Ports, path: Path) -> Iterator[Prose]:
        """The texts that say how the tool computes."""
        how = tool.implementation
        places: list[tuple[Any, Path]] = [(tool, path)]
        if isinstance(how, Implementation):
            places.insert(0, (how, (*path, "implementation")))
        elif how:
            yield self.prose(how, "calculation_method", (*path, "implementation"))
        for owner, at in places:
            for key, kind in _KINDS.items():
                yield from self.texts(getattr(owner, key, None), kind, (*at, key), ports)
        if FORMULA_LIKE.search(tool.description):
            yield self.prose(tool.description, "description", (*path, "description"))

    # --- examples -------------------------------------------------------------------------------------------------

    def examples(self, tool: Tool, ports: Ports, path: Path) -> Iterator[GoldenCase]:
        """The worked examples that can be run."""
        if isinstance(tool.example, Example):
            yield from self.example(tool.example, "example", ports, (*path, "example"))
        several = [("example", tool.example)] if isinstance(tool.example, list) else []
        for key, listed in [*several, ("examples", tool.examples or [])]:
            for i, one in enumerate(listed):
                yield from self.example(one, f"example {i + 1}", ports, (*path, key, i))

    def example(self, raw: Example, name: str, ports: Ports, path: Path) -> Iterator[GoldenCase]:
        """A worked example as a golden case, if it can be run."""
        into = "input" if raw.input is not None else "inputs"
        out = next((k for k in ("output", "outputs", "expected_output") if getattr(raw, k) is not None), "output")
        yield from self.claim(
            raw.name or name, raw.description, getattr(raw, into), (*path, into), getattr(raw, out), (*path, out), ports
        )

    def claim(
        self, name: str, about: str, given: Any, at: Path, wanted: Any, to: Path, ports: Ports
    ) -> Iterator[GoldenCase]:
        """An input and an output that the author wrote beside each other."""
        case = f"`{name}`" if name != "example" else "the example"
        inputs = self.case_input(case, given or {}, ports, at)
        expect: dict[str, Expectation] = {}
        for key, value in (wanted or {}).items():
            here = (*to, key)
            if key not in ports.outputs:
                self.add("GLS016", f"{case} gives `{key}`, which is no output", "remove it", here, self.lenient)
                self.ignore(here, "no output of that name")
            elif ports.outputs[key].dtype in {"list", "object"}:
                self.ignore(here, shapes.INSIDE.reason)
            elif (scalar := self.scalar(value, ports.outputs[key].dtype, here, self.lenient)) is not None:
                tol = written_tolerance(value) if ports.outputs[key].numeric else None
                expect[key] = Expectation(scalar, tol, *self.document.place(here))
        if inputs is None:
            for path in (at, to):
                self.ignore(path, "the example cannot be run: its inputs do not fit")
        elif not expect:
            for path in (at, to):
                self.ignore(path, "the example names no number, text or truth value that is an output")
        else:
            tables = self.case_tables(given or {}, ports, at)
            yield GoldenCase(name, inputs, expect, about, *self.document.place(to), origin="example", tables=tables)

    # --- no tools -------------------------------------------------------------------------------------------------

    def flat(self, raw: AgentSpecV2, whole: AgentSpec) -> AgentSpec | None:
        """An agent without tools: its own inputs and outputs."""
        takes = raw.inputs.input_schema if raw.inputs is not None else None
        gives = raw.outputs.output_schema if raw.outputs is not None else None
        ports = self.ports(takes, ("inputs", "input_schema"), gives, ("outputs", "output_schema"))
        if not ports.outputs:
            if not self.form.touches(("tools",)) and not self.form.touches(("outputs",)):
                message = "neither tools nor an `output_schema` say what is computed: there is nothing to generate"
                self.add("GLS027", message, "list tools with `parameters` and `returns`", ("tools",))
            return None
        example = raw.inputs.example_input if raw.inputs is not None else None
        wanted = raw.outputs.example_output if raw.outputs is not None else None
        cases: list[GoldenCase] = []
        if example is not None and wanted is not None:
            at: Path = ("inputs", "example_input")
            cases = list(self.claim("example", "", example, at, wanted, ("outputs", "example_output"), ports))
        else:
            for path, value in ((("inputs", "example_input"), example), (("outputs", "example_output"), wanted)):
                if value is not None:
                    self.ignore(path, "an example of one side only")
        made = replace(
            whole,
            inputs=ports.inputs,
            unused=ports.unused,
            outputs=ports.outputs,
            golden=tuple(cases),
            prose=tuple(ports.prose),
        )
        return self.with_tests([made], raw.tests)[0]
