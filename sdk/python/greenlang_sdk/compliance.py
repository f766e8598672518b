"""The compliance pattern: rules as data, each judged by itself, with its citation and evidence.

Nothing is averaged or weighted: one failed rule is a failed report, whatever the others say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeAlias

from greenlang_sdk.agent import Value
from greenlang_sdk.canonical import digest
from greenlang_sdk.errors import AgentError, Refusal, Several
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext, InT
from greenlang_sdk.models import AgentOutput, Record, Text

Verdict: TypeAlias = Literal["passed", "failed", "not_applicable"]
Outcome: TypeAlias = Literal["conforms", "does_not_conform", "nothing_applies"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a verdict, why, and the figures and facts that show it."""

    verdict: Verdict
    reason: str
    evidence: dict[str, Value]


def passed(reason: str, /, **evidence: Value) -> Finding:
    """The rule is met."""
    return Finding("passed", reason, evidence)


def failed(reason: str, /, **evidence: Value) -> Finding:
    """The rule is not met."""
    return Finding("failed", reason, evidence)


def not_applicable(reason: str, /, **evidence: Value) -> Finding:
    """The rule does not speak of this input."""
    return Finding("not_applicable", reason, evidence)


@dataclass(frozen=True, slots=True)
class Rule(Generic[InT]):
    """A requirement in its own words, where it stands, and the check of it."""

    id: str
    requirement: str
    citation: str
    check: Callable[[InT], Finding]

    @property
    def digest(self) -> str:
        """SHA-256 over id, requirement and citation."""
        return digest({"id": self.id, "requirement": self.requirement, "citation": self.citation})


class RuleResult(Record):
    """One rule, judged."""

    id: Text
    requirement: Text
    citation: Text
    verdict: Verdict
    reason: Text
    evidence: dict[str, Any]


class ComplianceReport(AgentOutput):
    """Every rule, under its verdict, in the order of the rules."""

    outcome: Outcome
    passed: tuple[RuleResult, ...]
    failed: tuple[RuleResult, ...]
    not_applicable: tuple[RuleResult, ...]


class ComplianceAgent(AgentSpecV2Base[InT, ComplianceReport]):
    """An agent that judges its input by ``rules``.

    A check that cannot be made (an input it needs is missing, a division by zero) refuses the run, and every such
    check is told: a report in which a rule was left out would say more than is known.
    """

    output_model = ComplianceReport
    rules: ClassVar[tuple[Rule[Any], ...]]
    declared = (*AgentSpecV2Base.declared, "rules")

    def __init__(self) -> None:
        super().__init__()
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) < len(ids):
            raise ValueError(f"the ids of rules are unique: {', '.join(ids)}")

    def execute(self, given: InT, context: ExecutionContext) -> ComplianceReport:
        """Judge every rule."""
        results: list[RuleResult] = []
        errors: list[AgentError] = []
        for rule in self.rules:
            try:
                results.append(self._judge(rule, given, context))
            except Refusal as refusal:
                errors += [AgentError(e.code, e.field, f"{rule.id}: {e.message}") for e in refusal.as_errors()]
        if errors:
            raise Several(errors)
        return _report(results)

    def _judge(self, rule: Rule[InT], given: InT, context: ExecutionContext) -> RuleResult:
        with context.link(rule.id, {"rule": rule.digest}) as link:
            found = rule.check(given)
            link.result = result = RuleResult(
                id=rule.id,
                requirement=rule.requirement,
                citation=rule.citation,
                verdict=found.verdict,
                reason=found.reason,
                evidence=found.evidence,
            )
        context.cite(f"rule://{rule.id}", rule.citation, rule.digest)
        return result


def _report(results: list[RuleResult]) -> ComplianceReport:
    verdicts: dict[Verdict, tuple[RuleResult, ...]] = {
        verdict: tuple(result for result in results if result.verdict == verdict)
        for verdict in ("passed", "failed", "not_applicable")
    }
    outcome: Outcome = "conforms" if verdicts["passed"] else "nothing_applies"
    if verdicts["failed"]:
        outcome = "does_not_conform"
    return ComplianceReport(outcome=outcome, **verdicts)
