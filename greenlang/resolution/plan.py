"""What resolution hands to generation: plans, pinned look-up tables, evidence, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from greenlang.factors.model import Factor
from greenlang.formulas.tree import Node
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, Given

Means = Literal["given", "property", "prose", "library", "overlay", "system"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to trust a plan: what was checked, and the numbers."""

    kind: Literal["dimensions", "golden", "property", "formula", "factors", "note"]
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Input values that the spec allows and its references do not cover."""

    selectors: tuple[tuple[str, str], ...]  # (input name, value); value "*" = any other
    reason: str
    candidates: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The values in words: ``fuel = coal, any other country``."""
        return ", ".join(f"any other {name}" if value == "*" else f"{name} = {value}" for name, value in self.selectors)


@dataclass(frozen=True, slots=True)
class FactorLookup:
    """Pinned factor rows behind a `greenlang.formulas.tree.Lookup`.

    ``inputs`` are the names of the selecting inputs; ``rows`` maps their (string) values to the row. All rows have
    ``unit``; where an input selects what they are per, they have it above the line. ``gaps`` maps selecting values
    that the spec allows to the reason why there is no row.
    """

    name: str
    inputs: tuple[str, ...]
    unit: str
    rows: dict[tuple[str, ...], Factor]
    gaps: tuple[Gap, ...] = ()
    label: str = ""  # how a person would call it: "CO2 factor of the fuel"


def unique_gaps(lookups: Mapping[str, FactorLookup]) -> Iterator[tuple[FactorLookup, Gap]]:
    """Each gap once, with the first look-up that has it: several look-ups of one selection lack the same rows."""
    seen: set[tuple[tuple[str, str], ...]] = set()
    for table in lookups.values():
        for gap in table.gaps:
            if gap.selectors not in seen:
                seen.add(gap.selectors)
                yield table, gap


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """How one output is computed. ``expression`` is a checked tree whose unit is the output's.

    ``decimals``: digits after the point of the declared, final rounding (half-even); None for strings.
    """

    output: str
    means: Means
    expression: Node
    text: str  # as a person would write it
    decimals: int | None
    formula_id: str | None = None
    citation: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """An output without a plan: why, and what came near."""

    output: str
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vector:
    """Inputs and the outputs that they must give: from the spec's golden cases or the reference evaluator.

    ``expect`` holds canonical texts (decimals in normal form). ``error`` is set where the agent must refuse.
    """

    name: str
    origin: Literal["golden", "reference", "boundary", "gap"]
    input: dict[str, Given]
    expect: dict[str, str] = field(default_factory=dict)
    error: str = ""
    tolerances: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result for one spec. ``order`` lists outputs so that each comes after those it uses.

    A spec with parts has one resolution a part, in order, and no plans, look-ups or vectors of its own; what is missing
    and the findings are those of all parts, outputs named ``part.output``.
    """

    spec: AgentSpec
    plans: dict[str, OutputPlan]
    order: tuple[str, ...]
    lookups: dict[str, FactorLookup]
    missing: tuple[Missing, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    vectors: tuple[Vector, ...] = ()
    parts: tuple[Resolution, ...] = ()

    @property
    def flat(self) -> tuple[Resolution, ...]:
        """The resolutions that have plans: the parts, or this one."""
        return self.parts or (self,)

    @property
    def complete(self) -> bool:
        """Whether every output has a plan."""
        return not self.missing

    @property
    def pinned(self) -> tuple[Factor, ...]:
        """Every factor row that the plans use, once each, by key."""
        rows = {f.key: f for one in self.flat for table in one.lookups.values() for f in table.rows.values()}
        return tuple(rows[k] for k in sorted(rows))

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What the references do not cover, over all look-ups, once each (and once a part)."""
        return tuple(gap for one in self.flat for _, gap in unique_gaps(one.lookups))
