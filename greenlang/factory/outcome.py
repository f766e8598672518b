"""Outcomes: what became of a spec. The truth about an agent is its `AgentOutcome` row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from greenlang.specs.diagnostics import Diagnostic

if TYPE_CHECKING:
    from greenlang.quality.judgement import Difference, MutantLine

Stage = Literal[
    "spec_validation",
    "reference_selection",
    "tool_generation",
    "agent_generation",
    "test_generation",
    "doc_generation",
    "quality_validation",
    "refinement",
    "packaging",
    "registration",
]
Ended = Callable[[str, Stage], None]  # is told the key and the stage that has just ended
# Names of figures that have a column of their own in the metrics.
MUTATION_SCORE = "mutation score %"
LATENCY_P95 = "latency p95 ms"
MEMORY = "memory MB"
Outcome = Literal["registered", "incomplete", "refused", "quarantined", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that a measure found, with place and mend: a line of the report and a SARIF result."""

    message: str
    path: str = ""  # relative to the pack
    line: int = 0
    rule: str = ""
    mend: str = ""
    level: Literal["error", "warning", "note"] = "error"


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """One measure, taken. ``share`` is 0 to 1 and ``met`` is whether it is met in full.

    ``share`` None: it could not be measured, for the reason in ``text``, and never scores. ``text`` has no times and no
    machine paths, so that the same pack is judged in the same words; ``figures`` (name with unit -> value) may differ
    from run to run. ``basis`` is what it was measured against that is no part of the pack, as a file and its day.
    """

    name: str
    share: float | None
    met: bool
    text: str
    details: tuple[Detail, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    basis: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DimensionResult:
    """One of the twelve dimensions for one agent. ``score`` is 0 to 100, None where not applicable."""

    name: str
    title: str
    status: Literal["passed", "failed", "not_applicable"]
    score: float | None
    threshold: float
    weight: float
    required: bool
    evidence: str
    reason: str = ""
    measures: tuple[MeasureResult, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it was measured and passed; what is not applicable did not pass, and did not fail either."""
        return self.status == "passed"


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """What became of one spec. ``key`` is the partition key, or ``file:<name>`` for a file without id."""

    key: str
    file: str
    outcome: Outcome
    reason: str
    agent_id: str = ""
    version: str = ""
    name: str = ""
    spec_digest: str = ""
    dialect: str = ""
    state: str = ""  # lifecycle state, only for registered agents
    score: float | None = None
    coverage: float | None = None  # percent, lines and branches
    tests_passed: int = 0
    tests_total: int = 0
    pack_digest: str = ""
    certificate_digest: str = ""
    consumed_digest: str = ""  # of everything the build consumed: the agent is rebuilt only if this changes
    sandbox_profile: str = ""
    rebuilt: bool = True  # False: nothing had changed, the standing result was kept
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    tests: tuple[dict[str, Any], ...] = ()  # id, category, outcome, seconds, message
    dimensions: tuple[DimensionResult, ...] = ()
    lineage: tuple[dict[str, Any], ...] = ()  # kind (as in the view `lineage`), ref, digest, citation
    mutants: tuple[MutantLine, ...] = ()
    mutant_tier: str = ""  # how many mutants were asked for: a number, or "all"
    differences: tuple[Difference, ...] = ()
    repairs: tuple[Mapping[str, Any], ...] = ()  # rows of the repair ladder: one an attempt and class of failure
    figures: Mapping[str, float] = field(default_factory=dict)  # measured; differ from run to run
    waits_for: str = ""  # what a rung of the repair ladder lacked: see `greenlang.llm.waiting`
    report: str = ""  # folder of the quality report, relative to ``var``
    replaced_by: str = ""  # key of the corrected spec that has followed: nothing but history then
    summary: dict[str, str] = field(default_factory=dict)  # markdown for people: plan, tests, quality, pack


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """One stage of one spec has ended. ``agent`` is set once, on the last stage that the spec reached."""

    key: str
    stage: Stage
    status: Literal["done", "failed", "skipped"]
    seconds: float
    agent: AgentOutcome | None = None
