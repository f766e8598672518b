"""What a judgement says beside the twelve dimensions: the mutants, the differences.

Belongs here: the types that reports, the repair ladder and the metrics read. Does not belong here: measuring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greenlang.factory.outcome import DimensionResult


@dataclass(frozen=True, slots=True)
class MutantLine:
    """A mutant and what became of it. ``outcome`` as in `greenlang.sandbox.trial.MutantResult`, or ``not run``."""

    id: str
    operator: str
    path: str
    line: int
    before: str
    after: str
    outcome: str = "not run"
    by: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two sources of one figure that disagree."""

    case: str
    output: str
    sources: Mapping[str, str]  # "agent", "decimal", "duckdb", "duckdb double", "expected" -> canonical text


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for one pack. ``score`` and ``passed`` are separate.

    ``figures``: measured quantities that differ from run to run (milliseconds, megabytes), name with unit -> value.
    They stand in reports and metrics, never in a certificate. ``mishap``: what went wrong or was left out on our side;
    a judgement with one never passes, and says nothing against the agent.
    """

    dimensions: tuple[DimensionResult, ...]
    score: float
    passed: bool
    mutants: tuple[MutantLine, ...] = ()
    differences: tuple[Difference, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    mishap: str = ""
