"""The judgement of one pack: every measure of every dimension, from what was run.

Belongs here: scoring. Does not belong here: declarations (`greenlang.quality.dimensions`), measuring
(`greenlang.quality.measures`), running foreign code. Evidence holds no times and no machine paths, so that the same
pack is judged in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from greenlang.factory.outcome import DimensionResult, MeasureResult
from greenlang.quality.case import Case, vector_inputs
from greenlang.quality.dimensions import DIMENSIONS, Dimension
from greenlang.quality.judgement import Judgement, MutantLine
from greenlang.quality.measures import (
    business_impact,
    compliance_security,
    continuous_improvement,
    deployment_readiness,
    determinism,
    documentation,
    exit_criteria,
    implementation,
    integration,
    operations,
    specification,
    tests,
)
from greenlang.quality.measures.agreement import difference
from greenlang.quality.measures.results import inapplicable
from greenlang.quality.measures.subject import Subject

__all__ = ["difference", "judge", "overall", "vector_inputs"]

_MEASURED: Mapping[str, Callable[[Subject], Sequence[MeasureResult]]] = {
    "specification": specification.measure,
    "implementation": implementation.measure,
    "tests": tests.measure,
    "determinism": determinism.measure,
    "documentation": documentation.measure,
    "compliance_security": compliance_security.measure,
    "deployment_readiness": deployment_readiness.measure,
    "exit_criteria": exit_criteria.measure,
    "integration": integration.measure,
    "business_impact": business_impact.measure,
    "operations": operations.measure,
    "continuous_improvement": continuous_improvement.measure,
}
OURS = "the sandbox failed, not the agent"


def judge(case: Case) -> Judgement:
    """The judgement: the twelve results in the order of `DIMENSIONS`, score and pass apart.

    Where a run ended in ``infrastructure``, or was not made in the tier ``full``, what it would have measured is not
    applicable: that went wrong on our side, says nothing about the agent, and is told in `Judgement.mishap`.
    """
    case = replace(case, mutants=_with_outcomes(case))
    subject = Subject(case)
    dimensions = tuple(_conclude(d, _blameless(d.name, _MEASURED[d.name](subject), case), case) for d in DIMENSIONS)
    score, passed = overall(dimensions)
    mishap = case.trial.infrastructure or missing(case)
    figures = {name: value for d in dimensions for m in d.measures for name, value in m.figures.items()}
    return Judgement(
        dimensions,
        score,
        passed and not mishap,
        tuple(case.mutants or ()),
        tuple(case.differences or ()),
        figures,
        mishap,
    )


def overall(dimensions: Sequence[DimensionResult]) -> tuple[float, bool]:
    """The score (weighted mean of the applicable dimensions) and, apart from it, whether every required one passed."""
    scored = [d for d in dimensions if d.score is not None and d.status != "not_applicable"]
    weight = sum(d.weight for d in scored)
    score = sum((d.score or 0.0) * d.weight for d in scored) / weight if weight else 0.0
    passed = bool(scored) and all(d.status == "passed" for d in dimensions if d.required)
    return round(score, 2), passed


def missing(case: Case) -> str:
    """What the tier ``full`` demands and was not run, "" where nothing lacks. A fault of ours, never of the agent."""
    trial = case.trial
    if case.tier != "full" or trial.tests.status not in {"passed", "failed"}:
        return ""  # a pack that tried to escape, or does not end, is not run again
    if trial.tests.status == "failed" and not trial.tests.tests:
        return ""  # nor is one that was refused before it ran, by the gate or by its syntax
    sound = trial.tests.status == "passed" and trial.again is not None and trial.again.status == "passed"
    answered = all(run.status == "passed" for run in trial.evaluations)
    runs = {
        "a second evaluation": len(trial.evaluations) > 1,
        "the second run of the tests": trial.again is not None,
        "the mutants": case.mutants is not None and (trial.mutation is not None or not case.mutants),
        "the service": trial.service is not None,
        "the differential runs": case.differences is not None or not answered,
        "the literal audit": case.literals is not None,
        "the inputs that must be refused": bool(case.inputs),
    }
    absent = [name for name, there in runs.items() if not there]
    unrun = sum(line.outcome == "not run" for line in case.mutants or ())
    if unrun and not absent and sound and trial.mutation is not None and trial.mutation.status == "passed":
        absent.append(f"{unrun} mutants")
    return f"not run: {', '.join(absent)}" if absent else ""


def _with_outcomes(case: Case) -> tuple[MutantLine, ...] | None:
    """The mutants with what the trial says became of them."""
    if case.mutants is None:
        return None
    results = {r.id: r for r in case.trial.mutation.results} if case.trial.mutation else {}
    return tuple(
        replace(line, outcome=results[line.id].outcome, by=results[line.id].by)
        if line.outcome == "not run" and line.id in results
        else line
        for line in case.mutants
    )


_RESTS_ON: Mapping[str, tuple[str, ...]] = {  # run -> the measures that rest on it, as dimension.measure
    "tests": (
        "tests.passed",
        "tests.stable",
        "tests.coverage",
        "tests.count",
        "tests.categories",
        "integration.integration tests",
        "integration.tools callable",
        "exit_criteria.cost of a call",
    ),
    "again": ("tests.stable",),
    "evaluations": (
        "determinism.identical",
        "determinism.as expected",
        "determinism.provenance",
        "determinism.differential",
        "compliance_security.input validation",
        "integration.refusals typed",
        "operations.one answer",
        "exit_criteria.cost of a call",
    ),
    "mutation": ("tests.mutation score", "tests.mutation control"),
    "service": (
        "documentation.code blocks",
        "exit_criteria.latency",
        "exit_criteria.memory",
        "implementation.says what the plan says",
        "operations.health",
        "operations.one answer",
        "operations.metrics",
        "operations.logs",
        "operations.logs keep still",
    ),
}


def _blameless(name: str, results: Sequence[MeasureResult], case: Case) -> list[MeasureResult]:
    """The results, without those that rest on a run which failed on our side, or that are asked of no such pack."""
    trial = case.trial
    status = {
        "tests": trial.tests.status,
        "again": trial.again.status if trial.again else "",
        "mutation": trial.mutation.status if trial.mutation else "",
        "service": trial.service.status if trial.service else "",
        "evaluations": "infrastructure" if any(e.status == "infrastructure" for e in trial.evaluations) else "",
    }
    lost = {m for run, measures in _RESTS_ON.items() if status[run] == "infrastructure" for m in measures}
    reasons = dict(case.not_asked) | dict.fromkeys(lost, OURS)
    return [inapplicable(r.name, why) if (why := reasons.get(f"{name}.{r.name}")) else r for r in results]


def _conclude(dimension: Dimension, results: Sequence[MeasureResult], case: Case) -> DimensionResult:
    if [r.name for r in results] != [m.name for m in dimension.measures]:
        raise ValueError(f"{dimension.name} was not measured as declared")
    scored = [(r, r.share) for r in results if r.share is not None]
    if not scored:
        return _not_applicable(dimension, results, case)
    score = 100.0 * sum(part for _, part in scored) / len(scored)
    unmet = [r for r, _ in scored if dimension.measure(r.name).must and not r.met]
    passed = not unmet and score >= dimension.threshold
    low = [] if unmet or passed else [r for r, _ in scored if not r.met]
    # a required dimension of which a part was lost on our side has not been shown to pass
    lost = dimension.required and any(r.share is None and r.text == OURS for r in results)
    if lost and passed:
        return _not_applicable(dimension, results, case)
    return DimensionResult(
        name=dimension.name,
        title=dimension.title,
        status="passed" if passed else "failed",
        score=round(score, 2),
        threshold=dimension.threshold,
        weight=dimension.weight,
        required=dimension.required,
        evidence="; ".join(f"{r.name}: {'not applicable, ' if r.share is None else ''}{r.text}" for r in results),
        reason="; ".join(f"{r.name}: {r.text}" for r in (*unmet, *low)),
        measures=tuple(results),
    )


def _not_applicable(dimension: Dimension, results: Sequence[MeasureResult], case: Case) -> DimensionResult:
    reasons = list(dict.fromkeys(r.text for r in results if r.share is None))
    skipped = case.tier == "quick" and OURS not in reasons
    return DimensionResult(
        name=dimension.name,
        title=dimension.title,
        status="not_applicable",
        score=None,
        threshold=dimension.threshold,
        weight=dimension.weight,
        required=dimension.required and not skipped,
        evidence="",
        reason="; ".join(reasons),
        measures=tuple(results),
    )
