"""AgentSpec: what a spec says, in one model, whatever dialect it was written in.

Numbers are Decimal, exactly as written. Nothing here is looked up or computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

DType = Literal["float64", "int32", "string", "bool", "list", "object"]
NUMERIC: frozenset[str] = frozenset({"float64", "int32"})
Scalar = Decimal | int | str | bool


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of an agent. ``unit`` is as written; "1" is dimensionless. Bounds are in that unit."""

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

    @property
    def numeric(self) -> bool:
        """Whether the value takes part in arithmetic."""
        return self.dtype in NUMERIC


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of an agent."""

    name: str
    dtype: DType
    unit: str = "1"
    description: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the value is a number."""
        return self.dtype in NUMERIC


@dataclass(frozen=True, slots=True)
class FactorRef:
    """A reference to one factor or to a whole table. ``alias`` is the name formulas use for it."""

    alias: str
    ref: str
    gwp_set: str | None = None
    description: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class FormulaGiven:
    """A formula that the spec itself gives for an output: an expression, or the id of a library formula."""

    output: str
    expression: str | None = None
    formula_id: str | None = None
    bind: tuple[tuple[str, str], ...] = ()  # symbol of the library formula -> expression over this spec's names
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a golden case expects of one output. ``tol`` is relative for numbers; None means exact to the digit."""

    value: Scalar
    tol: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A worked case: inputs and what the author expects."""

    name: str
    input: dict[str, Scalar]
    expect: dict[str, Expectation]
    description: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Property:
    """An invariant: ``rule`` as written."""

    name: str
    rule: str
    tolerance: Decimal | None = None
    description: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What became of one key of the author's file: ``used``, or ``ignored`` for the reason given."""

    path: str
    fate: Literal["used", "ignored"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """A spec, read and checked for form. ``digest`` is the SHA-256 (hex) of the file's bytes."""

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
