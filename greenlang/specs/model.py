"""AgentSpec: what a spec says, in one model, whatever dialect it was written in.

Numbers are Decimal, exactly as written. Nothing here is looked up or computed. A spec is flat (inputs and outputs of
its own) or has parts: several tools (dialect A) or agents (dialect C) under one id, each a whole AgentSpec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

DType = Literal["float64", "int32", "string", "bool", "list", "object"]
NUMERIC: frozenset[str] = frozenset({"float64", "int32"})
Scalar = Decimal | int | str | bool
Rows = tuple[dict[str, Scalar], ...]  # the value of a table input: column -> value, a mapping a row
Given = Scalar | Rows
UnitFrom = Literal["stated", "name", "description", "overlay", ""]
_MAX_ID = 120
ANY = "*"  # the range of all versions


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of an agent. Bounds are in ``unit``; "1" is dimensionless, "" is unknown: nobody said.

    A list with ``columns`` is a table, whose rows formulas sum over; any other list or object is not computed with.
    ``unit_from`` says who did: the author in a key of its own, the name, the description, or a reviewed overlay.
    """

    name: str
    dtype: DType
    unit: str = "1"
    required: bool = True
    default: Scalar | None = None
    ge: Decimal | None = None
    gt: Decimal | None = None
    le: Decimal | None = None
    lt: Decimal | None = None
    enum: tuple[Scalar, ...] = ()
    pattern: str | None = None
    description: str = ""
    unit_from: UnitFrom = "stated"
    columns: tuple[InputSpec, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the value takes part in arithmetic."""
        return self.dtype in NUMERIC


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of an agent; its unit as in InputSpec. Lists and objects are outputs, too: those have no plan."""

    name: str
    dtype: DType
    unit: str = "1"
    description: str = ""
    unit_from: UnitFrom = "stated"
    enum: tuple[Scalar, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the value is a number."""
        return self.dtype in NUMERIC


@dataclass(frozen=True, slots=True)
class FactorRef:
    """A reference to one factor or to a whole table. ``alias`` is the name formulas use for it.

    ``value``, ``unit`` and ``region`` are what the author claims of it; figures come from the factor table.
    """

    alias: str
    ref: str
    gwp_set: str | None = None
    description: str = ""
    line: int = 0
    column: int = 0
    value: Decimal | None = None
    unit: str = ""
    region: str = ""
    overlay: bool = False  # from a reviewed overlay; line and column are those of the overlay


@dataclass(frozen=True, slots=True)
class FormulaGiven:
    """A formula that the spec itself gives for an output: an expression, or the id of a library formula."""

    output: str
    expression: str | None = None
    formula_id: str | None = None
    formula_output: str = ""  # which output of the library formula; empty: the one of this name, or the only one
    bind: tuple[tuple[str, str], ...] = ()  # symbol of the library formula -> expression over this spec's names
    line: int = 0
    column: int = 0
    means: Literal["given", "overlay"] = "given"
    source: str = ""  # the citation that an overlay must give


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a golden case expects of one output. ``tol`` is relative for numbers; None means exact to the digit.

    ``within`` is the tolerance in the output's own unit, where the dialect means it so (C); ``tol`` is then its share
    of the value.
    """

    value: Scalar
    tol: Decimal | None = None
    line: int = 0
    column: int = 0
    within: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a golden case expects of an output without naming its value: at least, at most, or of a pattern."""

    output: str
    kind: Literal["ge", "le", "matches"]
    value: Decimal | str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A worked case: inputs and what the author expects.

    ``origin``: a test the author asks for, or the worked example of a tool, which is a claim to be checked.
    ``set_aside`` is the reason for which a reviewed overlay leaves the case out of the proof; empty: it counts.
    ``tables`` are rows of lists that nothing is computed with, unless a formula sums over them.
    """

    name: str
    input: dict[str, Given]
    expect: dict[str, Expectation]
    description: str = ""
    line: int = 0
    column: int = 0
    limits: tuple[Limit, ...] = ()
    origin: Literal["golden", "example"] = "golden"
    set_aside: str = ""
    tables: dict[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Property:
    """An invariant: ``rule`` as written."""

    name: str
    rule: str
    tolerance: Decimal | None = None
    description: str = ""
    line: int = 0
    column: int = 0


ProseKind = Literal["physics_formula", "calculation_method", "formula", "description", "value"]


@dataclass(frozen=True, slots=True)
class Prose:
    """A text in which the author says how something is computed. ``output`` is empty if it is of the whole part.

    ``value``: the output always is this text or number (``value:`` among the returns of a tool).
    """

    text: str
    kind: ProseKind
    output: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another agent that the author names. ``relation``: we need its results, it needs ours, or neither.

    ``versions``: the range of versions that we can do with.
    """

    agent_id: str
    relation: Literal["needs", "serves", "beside"]
    line: int = 0
    column: int = 0
    versions: str = ANY


@dataclass(frozen=True, slots=True)
class OverlayInfo:
    """The reviewed overlay that was merged into a spec: file name, SHA-256 (hex) of its bytes, reviewer, date."""

    name: str
    digest: str
    reviewer: str
    reviewed_on: str = ""
    left_out: dict[str, str] = field(default_factory=dict)  # output -> reason
    names: dict[str, str] = field(default_factory=dict)  # symbol of the author's prose -> input or output
    proposed: tuple[dict[str, Any], ...] = ()  # the models that drafted it: see `greenlang.llm.disclosing`
    raw: str = ""  # the reviewer's text


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What became of one key of the author's file: ``used``, ``ignored`` or ``refused`` for the reason given."""

    path: str
    fate: Literal["used", "ignored", "refused"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """A spec, read and checked for form. ``digest`` is the SHA-256 (hex) of the file's bytes.

    A spec with ``parts`` has no inputs and outputs of its own; each part has a ``part`` name, and the id, version,
    digest, dialect, factors and GWP set of the whole. ``unused`` are declared inputs that are lists or objects: nothing
    can be computed with them, and nothing that is generated takes them.
    """

    dialect: str
    digest: str
    agent_id: str
    version: str
    name: str
    summary: str = ""
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    license: str = "Apache-2.0"
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    outputs: dict[str, OutputSpec] = field(default_factory=dict)
    factors: dict[str, FactorRef] = field(default_factory=dict)
    formulas: dict[str, FormulaGiven] = field(default_factory=dict)
    golden: tuple[GoldenCase, ...] = ()
    properties: tuple[Property, ...] = ()
    gwp_set: str | None = None
    entrypoint: str = ""
    timeout_s: int | None = None
    memory_limit_mb: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # sections kept for the pack, not for the plan (ai, ...)
    ledger: tuple[LedgerLine, ...] = ()
    raw: str = ""  # the author's text
    part: str = ""
    home: str = ""  # where the part stands in the file: tools.tools_list[0]
    parts: tuple[AgentSpec, ...] = ()
    unused: dict[str, InputSpec] = field(default_factory=dict)
    prose: tuple[Prose, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    overlay: OverlayInfo | None = None
    regulations: tuple[str, ...] = ()  # regulations and standards that the author names, as they are written

    @property
    def needs(self) -> dict[str, str]:
        """The agents whose results this one needs, but for its own parts: agent id -> range of versions.

        What is too long to be an agent's id is none.
        """
        own = {self.agent_id, *(part.part for part in self.parts)}
        ranges: dict[str, dict[str, None]] = {}
        named = [d for spec in (self, *self.parts) for d in spec.dependencies if d.relation == "needs"]
        for one in named:
            if len(one.agent_id) <= _MAX_ID and not {one.agent_id, one.agent_id.replace("-", "_")} & own:
                ranges.setdefault(one.agent_id, {})[one.versions] = None
        return {agent: ",".join(r for r in found if r != ANY) or ANY for agent, found in sorted(ranges.items())}

    @classmethod
    def from_yaml(cls, path: str | Path, overlay: str | Path | None = None) -> AgentSpec:
        """The spec in a file of any dialect, with the reviewed overlay that is named or lies beside it.

        An overlay lies beside ``boiler.yaml`` as ``boiler.overlay.yaml``. Raises SpecError, which carries every
        finding, if any is an error; OSError where a file cannot be read.
        """
        from greenlang.specs.files import spec_of

        return spec_of(Path(path), None if overlay is None else Path(overlay))

    @property
    def partition(self) -> str:
        """Partition key: ``agent_id@version-<first 8 of the digest>``."""
        return f"{self.agent_id}@{self.version}-{self.digest[:8]}"

    @property
    def slug(self) -> str:
        """The partition key as a file name: "/" becomes "." (agent ids hold no dot, so this is one-to-one)."""
        return slug(self.partition)

    @property
    def domain(self) -> str:
        """First segment of the id."""
        return self.agent_id.split("/", 1)[0]


def slug(partition: str) -> str:
    """A partition key as a file name: the "/" of the agent id becomes "."."""
    agent_id, _, rest = partition.partition("@")
    return f"{agent_id.replace('/', '.')}@{rest}"


def identity(partition: str) -> tuple[str, str]:
    """Agent id and version out of a partition key."""
    agent_id, _, rest = partition.partition("@")
    return agent_id, rest.rpartition("-")[0]
