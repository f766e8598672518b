"""Building one agent: a spec's bytes through resolution and generation, then through trial, judgement and packaging.

Belongs here: the stages of one agent, in one process, in two halves with the tools of a whole chunk between them.
Does not belong here: chunks (``greenlang.factory.chunk``), running and judging (``greenlang.factory.examine``), repair
(``greenlang.factory.refine``), the batch, the bucket, the registry and the metrics (``greenlang.factory.line``).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from greenlang.factors.model import row_digest
from greenlang.factors.table import FactorTable
from greenlang.factory import describe, whole
from greenlang.factory.attest import envelope_path, sign_pack
from greenlang.factory.described import Described
from greenlang.factory.digests import consumed_digest, world_digest
from greenlang.factory.examine import Examined, Examiner
from greenlang.factory.generate import generated, package_name
from greenlang.factory.outcome import AgentOutcome, Ended, Stage, StageOutcome
from greenlang.factory.pack import PackInfo, finish_pack, publish_pack, put_aside, recover_pack, write_pack
from greenlang.factory.refine import Refiner
from greenlang.factory.reporting import folder_of, write_report
from greenlang.factory.source import SpecSource
from greenlang.formulas.library import FormulaLibrary, library
from greenlang.llm.ask import Disclosure
from greenlang.llm.disclosing import from_artifact, named
from greenlang.provenance import bytes_digest
from greenlang.quality.literals import trace
from greenlang.quality.repair import dossier
from greenlang.quality.tools import Findings, PackRef
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.sandbox import Profile
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, slug

_BUILD_PREFIX = ".build-"
_ABANDONED = 3600.0  # seconds after which the folder of a tool belongs to a killed process
_STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class Task:
    """One spec to build. ``standing`` is the consumed digest of the result that stands, if it is registered."""

    key: str
    source: SpecSource
    standing: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a task: its stages in order; the last one carries the outcome. The resolution stays behind."""

    stages: tuple[StageOutcome, ...]
    described: Described | None = None  # of a new pack

    @property
    def outcome(self) -> AgentOutcome:
        """The outcome of the agent."""
        agent = self.stages[-1].agent
        assert agent is not None
        return agent


@dataclass
class Clock:
    """Wall-clock seconds by stage. What many agents share is added to each by its part."""

    key: str
    seconds: dict[Stage, float] = field(default_factory=dict)
    on_stage: Ended | None = None

    def add(self, name: Stage, seconds: float) -> None:
        """Count seconds towards a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Count the block's time towards a stage, and tell that it has ended if it ended well."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - begin)
        if self.on_stage is not None:
            self.on_stage(self.key, name)

    def built(self, outcome: AgentOutcome, *, last: Stage) -> Built:
        """The result of a task that ended in the stage ``last``."""
        spent = {name: self.seconds[name] for name in _STAGES if name in self.seconds}
        by_name = {str(name): seconds for name, seconds in spent.items()}
        outcome = replace(outcome, seconds=sum(spent.values()), stage_seconds=by_name)
        good = outcome.outcome == "registered"
        stages = [StageOutcome(self.key, name, "done", seconds) for name, seconds in spent.items() if name != last]
        end = StageOutcome(self.key, last, "done" if good else "failed", spent.get(last, 0.0), outcome)
        return Built((*stages, end))


@dataclass(frozen=True, slots=True)
class Draft:
    """An agent that stands on disk as files, waiting for the tools and its trial."""

    task: Task
    clock: Clock
    base: AgentOutcome
    resolution: Resolution
    folder: Path

    @property
    def package(self) -> str:
        """Name of the agent's package."""
        return package_name(self.resolution.spec)

    @property
    def ref(self) -> PackRef:
        """The pack as the tools are given it."""
        return PackRef(self.folder, self.package)

    def clear(self) -> None:
        """Remove the build folder, where it was not published."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Builder:
    """Builds agents. Holds the tables, the sandbox and the caches of one process."""

    def __init__(self, settings: Settings, profile: Profile | None = None) -> None:
        self.settings = settings
        self.on_stage: Ended | None = None
        self.table = FactorTable.in_force(settings.tables)
        self.library: FormulaLibrary = library()
        self.examiner = Examiner(settings, self.table, profile)
        self.refiner = Refiner(settings, self.table, self.library, self.examiner)

    def draft(self, task: Task) -> Draft | Built:
        """The first half: up to the files on disk. A spec that ends before, or has not changed, is `Built`."""
        clock = Clock(task.key, on_stage=self.on_stage)
        with clock.stage("spec_validation"):
            spec, findings = task.source.read(self.settings.max_spec_bytes)
        if spec is None:
            refused = _refused(AgentOutcome(task.key, task.source.name, "refused", ""), findings)
            return clock.built(refused, last="spec_validation")
        base = _base(task, spec)
        with clock.stage("reference_selection"):
            resolution = resolve(spec, self.table, self.library)
        findings = (*findings, *resolution.diagnostics)
        base = replace(base, diagnostics=findings, summary={"plan": describe.plan(resolution)})
        if any(d.severity == "error" for d in findings):
            return clock.built(_refused(base, findings), last="reference_selection")
        if not resolution.complete:
            return self.incomplete(task, clock, base, resolution)
        with clock.stage("agent_generation"):
            files = generated(resolution)
        base = replace(base, consumed_digest=consumed_digest(files, self.settings), lineage=_lineage(resolution))
        standing = self.settings.packs / slug(task.key)
        if task.standing == base.consumed_digest and standing.is_dir():
            if not envelope_path(standing).is_file():  # the last run ended before it was signed
                sign_pack(standing, self.settings.keys)
            kept = replace(base, outcome="registered", reason="unchanged", rebuilt=False)
            return clock.built(kept, last="agent_generation")
        folder = self.settings.packs / f"{_BUILD_PREFIX}{slug(task.key)}"
        with clock.stage("agent_generation"):
            shutil.rmtree(folder, ignore_errors=True)
            write_pack(files, folder)
        return Draft(task, clock, base, resolution, folder)

    def conclude(self, draft: Draft, findings: Findings) -> Built:
        """The second half: trial, judgement, repair where it failed, and publishing where the judgement allows it."""
        clock, resolution = draft.clock, draft.resolution
        with clock.stage("test_generation"):
            questions = self.examiner.questions(draft.ref, resolution)
            trial = self.examiner.run(draft.ref, questions, findings)
        with clock.stage("quality_validation"):
            examined = self.examiner.judge(draft.ref, resolution, questions, trial, findings)
        if examined.mishap or examined.judgement.passed:
            return self.end(draft, draft.base, examined, draft.folder)
        try:
            with clock.stage("refinement"):
                found = self.refiner.mend(draft.task.key, draft.task.source, resolution, draft.folder, examined)
            base = replace(
                draft.base,
                repairs=found.rows(),
                waits_for=self.refiner.waits_for(found.wants),
                lineage=(*draft.base.lineage, *found.lineage()),
                summary=draft.base.summary | {"repair": describe.repair(found)},
            )
            folder = draft.folder
            if found.repaired and found.folder is not None and found.judged is not None:
                folder = found.folder
                numbers = trace(resolution, folder / draft.package)
                examined = Examined(found.judged.trial, found.judged.judgement, numbers)
            return self.end(draft, base, examined, folder, found.disclosures, found.attested())
        finally:
            shutil.rmtree(self.refiner.work(draft.task.key), ignore_errors=True)

    def end(
        self,
        draft: Draft,
        base: AgentOutcome,
        examined: Examined,
        folder: Path,
        asked: Sequence[Disclosure] = (),
        repair: Mapping[str, Any] | None = None,
    ) -> Built:
        """What the judgement says becomes of the pack in ``folder``; its report stands before anything is published."""
        clock = draft.clock
        base = replace(_judged(base, examined), mutant_tier=str(self.settings.mutants))

        def told(outcome: AgentOutcome) -> AgentOutcome:
            with clock.stage("quality_validation"):
                near = self.examiner.neighbours.nearest(draft.resolution)
                overlay = draft.resolution.spec.overlay
                drafts = [from_artifact(d) for d in overlay.proposed] if overlay else []
                short = write_report(self.settings, outcome, examined, near, asked, drafts)
            return replace(outcome, summary=outcome.summary | {"quality": short})

        if mishap := examined.mishap:
            failed = replace(base, outcome="infrastructure", reason=f"the sandbox failed: {mishap}")
            return clock.built(told(failed), last="quality_validation")
        if not examined.judgement.passed:
            failed = replace(base, outcome="quarantined", reason=examined.why)
            return clock.built(told(failed), last="refinement")
        with clock.stage("packaging"):
            info = finish_pack(
                folder,
                draft.resolution,
                dimensions=examined.judgement.dimensions,
                verdict=examined.trial.tests,
                release=self.table.release,
                tables_digest=self.table.digest,
                repair=repair,
            )
        outcome = told(_packed(base, info, self.settings))
        with clock.stage("packaging"):
            target = self.settings.packs / slug(base.key)
            put_aside(target, self.settings.builds, self.settings.keys, but=info.certificate_digest)
            publish_pack(folder, target)
            sign_pack(target, self.settings.keys)
        dossier.clear(self.settings.var / "dossiers", base.key)
        return replace(clock.built(outcome, last="packaging"), described=Described.of(draft.resolution.spec))

    def incomplete(self, task: Task, clock: Clock, base: AgentOutcome, resolution: Resolution) -> Built:
        """An agent of which some output has no plan: a model, where there is one, may propose an overlay."""
        names = ", ".join(m.output for m in resolution.missing)
        consumed = self.incomplete_digest(resolution.spec)
        base = replace(base, outcome="incomplete", reason=f"no certain plan for {names}", consumed_digest=consumed)
        with clock.stage("refinement"):
            found = self.refiner.propose(task.key, task.source, resolution)
        if found is None:
            return clock.built(replace(base, waits_for=self.refiner.waits_for("no_model")), last="reference_selection")
        base = replace(base, waits_for=self.refiner.waits_for(found.wants))
        if found.proposal is not None:
            base = replace(base, reason=f"{base.reason}; an overlay is proposed, and waits for a person")
        summary = base.summary | {"repair": describe.repair(found)}
        return clock.built(replace(base, repairs=found.rows(), summary=summary), last="refinement")

    def incomplete_digest(self, spec: AgentSpec) -> str:
        """What an incomplete agent was tried against: it is tried again only if this changes."""
        overlay = spec.overlay.digest if spec.overlay else ""
        return bytes_digest(f"{spec.digest}:{overlay}:{world_digest(self.table, self.library, self.settings)}".encode())


def clear_leftovers(settings: Settings) -> None:
    """Remove build folders and half-written files of a process that was killed."""
    for folder in settings.packs.glob(f"{_BUILD_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in settings.packs.glob(f".{_BUILD_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in settings.packs.glob(".*.tmp"):  # one batch at a time writes there
        file.unlink(missing_ok=True)
    for folder in (settings.var / "cache" / "quality").glob(".mypy-*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED:  # a check of packs by hand may be at work beside this
            shutil.rmtree(folder, ignore_errors=True)
    for old in settings.packs.glob(".*.old"):
        recover_pack(settings.packs / old.name.removeprefix(".").removesuffix(".old"))


def _base(task: Task, spec: AgentSpec) -> AgentOutcome:
    return AgentOutcome(
        key=task.key,
        file=task.source.name,
        outcome="infrastructure",
        reason="",
        agent_id=spec.agent_id,
        version=spec.version,
        name=spec.name,
        spec_digest=spec.digest,
        dialect=spec.dialect,
    )


def _refused(base: AgentOutcome, findings: tuple[Diagnostic, ...]) -> AgentOutcome:
    errors = [d for d in findings if d.severity == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return replace(base, outcome="refused", reason=f"{errors[0].message}{more}", diagnostics=findings)


def _judged(base: AgentOutcome, examined: Examined) -> AgentOutcome:
    verdict, judgement = examined.trial.tests, examined.judgement
    tests: tuple[dict[str, Any], ...] = tuple(
        {"id": t.id, "category": t.category, "outcome": t.outcome, "seconds": t.seconds, "message": t.message}
        for t in verdict.tests
    )
    return replace(
        base,
        score=judgement.score,
        coverage=verdict.coverage.percent if verdict.coverage else None,
        tests_passed=verdict.passed,
        tests_total=len(verdict.tests),
        sandbox_profile=verdict.profile.name,
        tests=tests,
        dimensions=judgement.dimensions,
        mutants=judgement.mutants,
        differences=judgement.differences,
        figures=judgement.figures,
        report=folder_of(base.key),
        summary=base.summary | {"tests": describe.tests(verdict)},
    )


def _packed(base: AgentOutcome, info: PackInfo, settings: Settings) -> AgentOutcome:
    folder = settings.packs / slug(base.key)
    return replace(
        base,
        outcome="registered",
        state="draft",
        pack_digest=info.digest,
        certificate_digest=info.certificate_digest,
        summary=base.summary | {"pack": describe.pack(info, folder.name)},
    )


def _lineage(resolution: Resolution) -> tuple[dict[str, Any], ...]:
    spec = resolution.spec
    rows: list[dict[str, Any]] = [{"kind": "spec", "ref": spec.partition, "digest": spec.digest, "citation": ""}]
    if spec.overlay is not None:
        reviewed = f"reviewed by {spec.overlay.reviewer} {spec.overlay.reviewed_on}".rstrip()
        reviewed += "".join(f"; drafted by {named(d)}" for d in spec.overlay.proposed)
        rows.append({"kind": "overlay", "ref": spec.overlay.name, "digest": spec.overlay.digest, "citation": reviewed})
    rows += [
        {"kind": "factor", "ref": f.ref, "digest": row_digest(f), "citation": f.citation} for f in resolution.pinned
    ]
    known = library()
    plans = whole.plans(resolution).values()
    for formula_id in sorted({p.formula_id for p in plans if p.formula_id}):
        formula = known.get(formula_id)
        if formula is not None:
            citation = f"{formula.citation.document}, {formula.citation.locator}"
            rows.append({"kind": "formula", "ref": formula_id, "digest": formula.digest, "citation": citation})
    rows += [
        {"kind": "parameter", "ref": row.key, "digest": row.digest, "citation": row.citation}
        for row in whole.parameters(resolution)
    ]
    return tuple(rows)
