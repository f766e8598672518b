"""Examining one pack that stands on disk: what is run of it, the judgement of what that gave, the report on both.

Belongs here: putting the questions together (inputs, mutants, code blocks), handing the answers to the judge, writing
the report. Does not belong here: running (``greenlang.sandbox``), measuring (``greenlang.quality``), what becomes of
the agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenlang.factors.table import FactorTable
from greenlang.factory.neighbours import Neighbours
from greenlang.quality.advisories import load
from greenlang.quality.case import Case, asked
from greenlang.quality.differential import LONG_SQL, SQL_LENGTH, Compared, differences, inputs
from greenlang.quality.documents import blocks
from greenlang.quality.judge import judge
from greenlang.quality.judgement import Difference, Judgement
from greenlang.quality.literals import Traced, trace, untraced
from greenlang.quality.mutation import Mutant, alternatives_in, mutants
from greenlang.quality.tools import Findings, PackRef
from greenlang.resolution.plan import Resolution
from greenlang.sandbox import Profile, Sandbox
from greenlang.sandbox.sources import Sources
from greenlang.sandbox.trial import Trial, TrialRequest
from greenlang.settings import Settings


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of a pack: ``known`` inputs from its spec, ``hidden`` ones that nobody has seen, mutants."""

    known: Sequence[Mapping[str, Any]]
    hidden: Sequence[Mapping[str, Any]]
    mutants: Sequence[Mutant]
    request: TrialRequest


@dataclass(frozen=True, slots=True)
class Examined:
    """A pack's trial and its judgement."""

    trial: Trial
    judgement: Judgement
    literals: tuple[Traced, ...] | None = None  # every number of the package, for the report

    @property
    def mishap(self) -> str:
        """What went wrong on our side, "" where nothing did."""
        return self.judgement.mishap or self.trial.infrastructure

    @property
    def why(self) -> str:
        """In one line, why the pack is not good enough."""
        verdict = self.trial.tests
        if verdict.status != "passed":
            bad = [t.id for t in verdict.tests if t.outcome not in {"passed", "skipped"}]
            return f"tests {verdict.status}: {verdict.detail or ', '.join(bad[:3])}"
        for evaluation in self.trial.evaluations:
            if evaluation.status != "passed":
                return f"evaluation {evaluation.status}: {evaluation.detail}"
        dimensions = self.judgement.dimensions
        failed = [f"{d.title} ({d.reason or d.evidence})" for d in dimensions if d.required and d.status == "failed"]
        return f"quality: {'; '.join(failed)}"


class Examiner:
    """Runs and judges packs. Holds the sandbox of one process; ``profile`` is what it was found to be, if it was."""

    def __init__(self, settings: Settings, table: FactorTable, profile: Profile | None = None) -> None:
        self.settings = settings
        self.cache = settings.var / "cache" / "quality"
        self.sandbox = Sandbox(settings, proven=profile)
        self.alternatives = alternatives_in(table)
        self.neighbours = Neighbours(settings)
        self.advisories = load(settings.advisories) if settings.advisories else None

    def questions(self, ref: PackRef, resolution: Resolution) -> Questions:
        """What is asked of a pack. A pack whose code does not parse has no mutants."""
        limit = None if self.settings.mutants == "all" else self.settings.mutants
        try:
            made = mutants(resolution, ref.folder, ref.package, alternatives=self.alternatives, limit=limit)
        except (OSError, SyntaxError):
            made = ()  # the measures of implementation say so
        known, hidden = asked(resolution), inputs(resolution)
        request = TrialRequest((*known, *hidden), tuple(m.file for m in made), blocks(ref.folder))
        return Questions(known, hidden, made, request)

    def run(self, ref: PackRef, questions: Questions, findings: Findings) -> Trial:
        """Everything that is run of a pack."""
        ready = Sources(ref.folder, findings.texts, findings.trees)
        return self.sandbox.trial(ref.folder, ref.package, questions.request, ready)

    def judge(
        self, ref: PackRef, resolution: Resolution, questions: Questions, trial: Trial, findings: Findings
    ) -> Examined:
        """The judgement of a trial."""
        numbers = trace(resolution, ref.folder / ref.package, findings.trees)
        judgement = judge(self.case(ref, resolution, questions, trial, findings, numbers))
        return Examined(trial, judgement, numbers)

    def case(
        self,
        ref: PackRef,
        resolution: Resolution,
        questions: Questions,
        trial: Trial,
        findings: Findings,
        numbers: Sequence[Traced],
    ) -> Case:
        """What is put before the judge; ``numbers`` are those of the package, traced."""
        differ, compared = self.compare(resolution, questions, trial)
        return Case(
            resolution=resolution,
            pack=ref.folder,
            package=ref.package,
            trial=trial,
            findings=findings,
            inputs=questions.request.inputs,
            mutants=[m.told() for m in questions.mutants],
            differences=differ,
            compared=compared,
            literals=untraced(numbers),
            advisories=self.advisories,
            history=self.neighbours.history(resolution.spec.agent_id),
            tier="full",
        )

    def compare(
        self, resolution: Resolution, questions: Questions, trial: Trial
    ) -> tuple[tuple[Difference, ...] | None, Compared]:
        """The agent's answers to the hidden inputs against the two back-ends; None where it gave none."""
        first = trial.evaluations[0] if trial.evaluations else None
        if first is None or first.status != "passed":
            return None, Compared()
        answers = b"\n".join(first.output.split(b"\n")[len(questions.known) :])
        length = LONG_SQL if self.settings.mutants == "all" else SQL_LENGTH
        return differences(resolution, questions.hidden, answers, sql_length=length)
