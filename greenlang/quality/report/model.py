"""The value that every form of the report is made from.

Belongs here: what a report tells, as frozen values, put together from what was judged and run. Does not belong here:
judging, layout, a clock (the caller says when it was).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from greenlang.factory.outcome import AgentOutcome, Detail, DimensionResult, MeasureResult
from greenlang.llm.ask import Disclosure
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.judgement import Difference, Judgement, MutantLine
from greenlang.quality.mutation.operators import CONTROL
from greenlang.sandbox.trial import BlockResult, Trial
from greenlang.sandbox.verdict import CoverageResult, Profile, TestResult
from greenlang.specs.model import AgentSpec

FORM = "greenlang-quality-report/1"
Result = Literal["passed", "failed", "undecided"]
_MUSTS = frozenset((d.name, m.name) for d in DIMENSIONS for m in d.measures if m.must)


@dataclass(frozen=True, slots=True)
class LiteralLine:
    """A number in the agent's package and where it comes from, as `greenlang.quality.literals.trace` tells it.

    ``origin`` names spec, factor row, formula, unit constant or declared tolerance; "" where no source was found.
    """

    path: str
    line: int
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A certified agent that stands near this one. ``score`` and ``figures`` as in its own report."""

    agent_id: str
    version: str
    why: str
    score: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A part of the agent that a language model proposed, and what was asked of whom."""

    artifact: str
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class SandboxLine:
    """One run in the sandbox: ``run`` says what was run, the rest what came of it."""

    run: str
    status: str
    detail: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Serving:
    """The agent as it answers: milliseconds a call (sorted), megabytes, the health endpoint, the documents' code.

    ``answers``: a request such as ``POST /run`` -> the HTTP status that it got.
    """

    status: str
    detail: str = ""
    latency_ms: tuple[float, ...] = ()
    memory_mb: float = 0.0
    http_status: int = 0
    blocks: tuple[BlockResult, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Everything that the report of one agent tells.

    ``passed`` and ``score`` (0 to 100) are separate. ``mishap``: what went wrong on our side; then nothing is decided.
    ``literals``, ``references`` and ``models`` are None where nobody looked, empty where there are none. ``at`` is the
    caller's time as ISO 8601, "" where the report is to be the same on every run.
    """

    key: str
    agent_id: str
    version: str
    name: str
    outcome: str
    reason: str
    passed: bool
    score: float
    dimensions: tuple[DimensionResult, ...]
    mishap: str = ""
    mutants: tuple[MutantLine, ...] = ()
    differences: tuple[Difference, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    tests: tuple[TestResult, ...] = ()
    coverage: CoverageResult | None = None
    profile: Profile | None = None
    runs: tuple[SandboxLine, ...] = ()
    cached: bool = False
    service: Serving | None = None
    literals: tuple[LiteralLine, ...] | None = None
    references: tuple[Reference, ...] | None = None
    models: tuple[ModelPart, ...] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    form: str = FORM

    @classmethod
    def of(
        cls,
        subject: AgentOutcome | AgentSpec,
        judgement: Judgement,
        trial: Trial | None = None,
        *,
        at: str = "",
        literals: Sequence[LiteralLine] | None = None,
        references: Sequence[Reference] | None = None,
        models: Sequence[ModelPart] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> QualityReport:
        """The report on a pack that was judged. A spec as subject: a pack that did not come through the line."""
        told = _trial(trial) if trial is not None else {}
        return cls(
            **_identity(subject, digests or {}),
            passed=judgement.passed,
            score=judgement.score,
            dimensions=judgement.dimensions,
            mutants=judgement.mutants,
            differences=judgement.differences,
            figures={name: value for name, value in judgement.figures.items() if math.isfinite(value)},
            **(told | {"mishap": judgement.mishap or told.get("mishap", "")}),
            literals=None if literals is None else tuple(literals),
            references=None if references is None else tuple(references),
            models=None if models is None else tuple(models),
            at=at,
        )

    @property
    def result(self) -> Result:
        """Whether it passed; undecided where something of ours went wrong."""
        if self.mishap:
            return "undecided"
        return "passed" if self.passed else "failed"

    @property
    def failed_required(self) -> tuple[DimensionResult, ...]:
        """The required dimensions that failed: each of them alone refuses the agent."""
        return tuple(d for d in self.dimensions if d.required and d.status == "failed")

    @property
    def failed_other(self) -> tuple[DimensionResult, ...]:
        """The dimensions that failed and are not required: they cost score only."""
        return tuple(d for d in self.dimensions if not d.required and d.status == "failed")

    @property
    def not_measured(self) -> tuple[DimensionResult, ...]:
        """The required dimensions that could not be measured: without them an agent does not pass."""
        return tuple(d for d in self.dimensions if d.required and d.status == "not_applicable")

    @property
    def survivors(self) -> tuple[MutantLine, ...]:
        """The mutants that no test noticed. Controls are not among them: they change nothing that counts."""
        return tuple(m for m in self.mutants if m.outcome == "survived" and m.operator != CONTROL)

    @property
    def controls(self) -> tuple[MutantLine, ...]:
        """Changes that change nothing: a suite that kills one cannot be believed."""
        return tuple(m for m in self.mutants if m.operator == CONTROL)


def is_must(dimension: str, measure: str) -> bool:
    """Whether the declared measure fails its dimension when it is not met in full."""
    return (dimension, measure) in _MUSTS


def level(dimension: DimensionResult, measure: MeasureResult, detail: Detail) -> Literal["error", "warning", "note"]:
    """How grave a finding is where it stands: an error only keeps an agent from passing in a required dimension."""
    if measure.met or detail.level == "note":
        return "note"
    return detail.level if dimension.required and dimension.status == "failed" else "warning"


def _identity(subject: AgentOutcome | AgentSpec, digests: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(subject, AgentSpec):
        known = {"spec": subject.digest}
        return {
            "key": subject.partition,
            "agent_id": subject.agent_id,
            "version": subject.version,
            "name": subject.name,
            "outcome": "",
            "reason": "",
            "digests": known | dict(digests),
        }
    known = {
        "spec": subject.spec_digest,
        "consumed": subject.consumed_digest,
        "pack": subject.pack_digest,
        "certificate": subject.certificate_digest,
    }
    return {
        "key": subject.key,
        "agent_id": subject.agent_id,
        "version": subject.version,
        "name": subject.name,
        "outcome": subject.outcome,
        "reason": subject.reason,
        "digests": {name: value for name, value in (known | dict(digests)).items() if value},
    }


def _trial(trial: Trial) -> dict[str, Any]:
    service = trial.service
    return {
        "mishap": trial.infrastructure,
        "tests": trial.tests.tests,
        "coverage": trial.tests.coverage,
        "profile": trial.tests.profile,
        "runs": _runs(trial),
        "cached": trial.cached,
        "service": service
        and Serving(
            service.status,
            service.detail,
            tuple(sorted(round(ms, 4) for ms in service.latency_ms if math.isfinite(ms))),
            service.memory_mb,
            service.http_status,
            service.blocks,
            {request: status for request, (status, _) in service.http.items()},
        ),
    }


def _runs(trial: Trial) -> tuple[SandboxLine, ...]:
    lines = []
    for name, verdict in (("tests", trial.tests), ("tests under other conditions", trial.again)):
        if verdict is not None:
            used = verdict.seconds, verdict.cpu_seconds, verdict.peak_memory_mb
            lines.append(SandboxLine(name, verdict.status, verdict.detail, *used, verdict.attempts))
    for number, run in enumerate(trial.evaluations, 1):
        lines.append(SandboxLine(f"evaluation {number}", run.status, run.detail, run.seconds, attempts=run.attempts))
    if trial.mutation is not None:
        cpu = trial.mutation.cpu_seconds
        lines.append(SandboxLine("mutants", trial.mutation.status, trial.mutation.detail, cpu_seconds=cpu))
    if trial.service is not None:
        cpu = trial.service.cpu_seconds
        lines.append(SandboxLine("service", trial.service.status, trial.service.detail, cpu_seconds=cpu))
    return tuple(lines)
