"""Building one agent: a spec's bytes through resolution, generation, tests, judgement and packaging.

Belongs here: the stages of one agent, in one process. Does not belong here: the batch, the bucket, the registry and
the metrics (``greenlang.factory.line``).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import greenlang_sdk

import greenlang
from greenlang import _paths
from greenlang.factors.model import row_digest
from greenlang.factors.table import FactorTable
from greenlang.factory import describe, whole
from greenlang.factory.attest import envelope_path, sign_pack
from greenlang.factory.generate import generate, package_name
from greenlang.factory.outcome import AgentOutcome, DimensionResult, Stage, StageOutcome
from greenlang.factory.pack import PackInfo, finish_pack, publish_pack, recover_pack, write_pack
from greenlang.factory.source import SpecSource
from greenlang.factory.wheels import sdk_wheel
from greenlang.formulas.library import FormulaLibrary, library
from greenlang.provenance import bytes_digest, files_digest
from greenlang.quality import judge, overall, vector_inputs
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.sandbox import Sandbox
from greenlang.sandbox.verdict import Evaluation, Verdict
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, slug

HASH_SEEDS = (0, 4242)
_BUILD_PREFIX = ".build-"


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

    @property
    def outcome(self) -> AgentOutcome:
        """The outcome of the agent."""
        agent = self.stages[-1].agent
        assert agent is not None
        return agent


@dataclass
class _Clock:
    """Seconds by stage."""

    key: str
    started: float = field(default_factory=time.perf_counter)
    stages: list[tuple[Stage, float]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.stages.append((name, time.perf_counter() - begin))

    def built(self, outcome: AgentOutcome) -> Built:
        seconds = time.perf_counter() - self.started
        outcome = replace(outcome, seconds=seconds, stage_seconds=dict(self.stages))
        good = outcome.outcome == "registered"
        stages = [StageOutcome(self.key, name, "done", spent) for name, spent in self.stages]
        stages[-1] = replace(stages[-1], status="done" if good else "failed", agent=outcome)
        return Built(tuple(stages))


class Builder:
    """Builds agents one after another. Holds the tables, the sandbox and the caches of one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.table = FactorTable.in_force(settings.tables)
        self.library: FormulaLibrary = library()
        self.sandbox = Sandbox(settings)

    def build(self, task: Task) -> Built:
        """Take one spec through every stage up to a published pack. Registration is the caller's."""
        clock = _Clock(task.key)
        with clock.stage("spec_validation"):
            spec, findings = task.source.read(self.settings.max_spec_bytes)
        if spec is None:
            return clock.built(_refused(AgentOutcome(task.key, task.source.name, "refused", ""), findings))
        base = _base(task, spec)
        with clock.stage("reference_selection"):
            resolution = resolve(spec, self.table, self.library)
        findings = (*findings, *resolution.diagnostics)
        base = replace(base, diagnostics=findings, summary={"plan": describe.plan(resolution)})
        if any(d.severity == "error" for d in findings):
            return clock.built(_refused(base, findings))
        if not resolution.complete:
            names = ", ".join(m.output for m in resolution.missing)
            reason = f"no certain plan for {names}"
            consumed = self.incomplete_digest(spec)
            return clock.built(replace(base, outcome="incomplete", reason=reason, consumed_digest=consumed))
        with clock.stage("agent_generation"):
            files = generate(resolution)
        consumed = consumed_digest(files)
        base = replace(base, consumed_digest=consumed, lineage=_lineage(resolution))
        standing = self.settings.packs / slug(task.key)
        if task.standing == consumed and standing.is_dir():
            if not envelope_path(standing).is_file():  # the last run ended before it was signed
                sign_pack(standing, self.settings.keys)
            return clock.built(replace(base, outcome="registered", reason="unchanged", rebuilt=False))
        return self.tried(clock, base, resolution, files)

    def tried(self, clock: _Clock, base: AgentOutcome, resolution: Resolution, files: dict[str, bytes]) -> Built:
        """Test, judge, and publish where the judgement allows it."""
        package = package_name(resolution.spec)
        folder = self.settings.packs / f"{_BUILD_PREFIX}{slug(base.key)}"
        shutil.rmtree(folder, ignore_errors=True)
        write_pack(files, folder)
        try:
            with clock.stage("test_generation"):
                verdict = self.sandbox.run_tests(folder, package)
                evaluations = [
                    self.sandbox.evaluate(folder, package, vector_inputs(resolution), hash_seed=seed)
                    for seed in HASH_SEEDS
                ]
            with clock.stage("quality_validation"):
                cache_folder = self.settings.var / "cache" / "quality"
                dimensions = judge(resolution, folder, package, verdict, evaluations, cache_folder)
                score, passed = overall(dimensions)
            base = _judged(base, verdict, dimensions, score)
            if "infrastructure" in {verdict.status, *(e.status for e in evaluations)}:
                runs: list[Verdict | Evaluation] = [verdict, *evaluations]
                detail = next((r.detail for r in runs if r.status == "infrastructure"), "")
                return clock.built(replace(base, outcome="infrastructure", reason=f"the sandbox failed: {detail}"))
            if not passed:
                return clock.built(replace(base, outcome="quarantined", reason=_why(verdict, evaluations, dimensions)))
            with clock.stage("packaging"):
                info = finish_pack(
                    folder,
                    resolution,
                    dimensions=dimensions,
                    verdict=verdict,
                    release=self.table.release,
                    tables_digest=self.table.digest,
                )
                publish_pack(folder, self.settings.packs / slug(base.key))
                sign_pack(self.settings.packs / slug(base.key), self.settings.keys)
            return clock.built(_packed(base, info, self.settings))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def incomplete_digest(self, spec: AgentSpec) -> str:
        """What an incomplete agent was tried against: it is tried again only if this changes."""
        overlay = spec.overlay.digest if spec.overlay else ""
        return bytes_digest(f"{spec.digest}:{overlay}:{world_digest(self.table, self.library)}".encode())


def clear_leftovers(settings: Settings) -> None:
    """Remove build folders of a process that was killed."""
    for folder in settings.packs.glob(f"{_BUILD_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in settings.packs.glob(f".{_BUILD_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for old in settings.packs.glob(".*.old"):
        recover_pack(settings.packs / old.name.removeprefix(".").removesuffix(".old"))


@cache
def _engine() -> str:
    """Digest of what generates and judges: library and SDK as they are here, and the templates."""
    digest = hashlib.sha256(f"{greenlang.__version__}:{greenlang_sdk.__version__}".encode())
    digest.update(bytes_digest(sdk_wheel()[1]).encode())
    folder = _paths.data() / "templates" / "agent"
    for path in sorted(folder.rglob("*.jinja")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def consumed_digest(files: dict[str, bytes]) -> str:
    """Digest of everything that an agent's build consumes, by what it renders to, and of the engine."""
    return bytes_digest(f"{files_digest({n: bytes_digest(d) for n, d in files.items()})}:{_engine()}".encode())


def world_digest(table: FactorTable, formulas: FormulaLibrary) -> str:
    """Digest of all tables, aliases, templates and code: while it stands, no agent can have changed.

    The code counts here and not in `consumed_digest`: after an upgrade every agent is looked at again, and only those
    that it renders differently are rebuilt.
    """
    return bytes_digest(f"{table.digest}:{formulas.digest}:{_aliases()}:{_engine()}:{_code()}".encode())


def _aliases() -> str:
    """Digest of the reviewed words and foreign references, which decide what a reference of a spec means."""
    folder = _paths.data() / "emission_factors" / "aliases"
    return files_digest({p.name: bytes_digest(p.read_bytes()) for p in folder.iterdir()})


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for package in (greenlang, greenlang_sdk):
        assert package.__file__ is not None
        root = Path(package.__file__).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


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


def _judged(
    base: AgentOutcome, verdict: Verdict, dimensions: tuple[DimensionResult, ...], score: float
) -> AgentOutcome:
    tests: tuple[dict[str, Any], ...] = tuple(
        {"id": t.id, "category": t.category, "outcome": t.outcome, "seconds": t.seconds, "message": t.message}
        for t in verdict.tests
    )
    return replace(
        base,
        score=score,
        coverage=verdict.coverage.percent if verdict.coverage else None,
        tests_passed=verdict.passed,
        tests_total=len(verdict.tests),
        sandbox_profile=verdict.profile.name,
        tests=tests,
        dimensions=dimensions,
        summary=base.summary | {"tests": describe.tests(verdict), "quality": describe.quality(dimensions, score)},
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


def _why(verdict: Verdict, evaluations: list[Evaluation], dimensions: tuple[DimensionResult, ...]) -> str:
    if verdict.status != "passed":
        bad = [t.id for t in verdict.tests if t.outcome not in {"passed", "skipped"}]
        return f"tests {verdict.status}: {verdict.detail or ', '.join(bad[:3])}"
    for evaluation in evaluations:
        if evaluation.status != "passed":
            return f"evaluation {evaluation.status}: {evaluation.detail}"
    failed = [f"{d.title} ({d.evidence})" for d in dimensions if d.required and d.status == "failed"]
    return f"quality: {'; '.join(failed)}"


def _lineage(resolution: Resolution) -> tuple[dict[str, Any], ...]:
    spec = resolution.spec
    rows: list[dict[str, Any]] = [{"kind": "spec", "ref": spec.partition, "digest": spec.digest, "citation": ""}]
    if spec.overlay is not None:
        reviewed = f"reviewed by {spec.overlay.reviewer} {spec.overlay.reviewed_on}".rstrip()
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
