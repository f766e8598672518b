"""The line: from files in the inbox to registered agents. Every entrance calls `run_batch`.

Order of what is written, so that a kill at any moment loses nothing and a second run ends in the same state: the pack
(one rename), the registry entry (one transaction, idempotent), the outcome rows (one rename, last), and for a refused
spec its move to ``rejected/``. What has no outcome row is built again; building is deterministic.

Belongs here: batches, who writes what when. Does not belong here: worker processes (``greenlang.factory.workers``),
the stages of one agent (``greenlang.factory.build``), Dagster.
"""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic, perf_counter
from typing import Any

from greenlang.bucket import Bucket
from greenlang.errors import BucketError, RegistryConflict
from greenlang.factors.table import FactorTable, TablesInfo, build_tables
from greenlang.factory import describe, standing
from greenlang.factory.build import Built, Task, clear_leftovers
from greenlang.factory.chunk import lost
from greenlang.factory.described import Described
from greenlang.factory.digests import world_digest
from greenlang.factory.inbox.results import Intake, OverlayTaken, Refused, Replaced
from greenlang.factory.inbox.shelf import accepted_keys, read_accepted
from greenlang.factory.intake import reject_later, take_in
from greenlang.factory.outcome import AgentOutcome, Ended, StageOutcome
from greenlang.factory.pack import forget_build
from greenlang.factory.standing import AGAIN, STANDING
from greenlang.factory.workers import build_all
from greenlang.formulas.library import library
from greenlang.llm.config import check
from greenlang.llm.waiting import AtHand
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.quality.repair import dossier
from greenlang.registry import Caller, Pin, Port, Registry, RegistryEntry, scans
from greenlang.registry.details import needs_of
from greenlang.registry.needs import unmet
from greenlang.sandbox import Profile, Sandbox
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import identity, slug
from greenlang.telemetry import runs

FLUSH_AGENTS = 25
FLUSH_SECONDS = 2.0
Progress = Callable[[int, int], None]


def prepare(settings: Settings) -> TablesInfo:
    """Build the factor and formula tables, unless they stand already with the same content."""
    settings.tables.mkdir(parents=True, exist_ok=True)
    info = build_tables(settings.tables, clock=perf_counter)
    store = MetricsStore(settings)
    store.write_formulas(library().rows())
    store.rebuild_catalogue()
    return info


def run_batch(
    settings: Settings,
    *,
    keys: Sequence[str] | None = None,
    files: Sequence[str] | None = None,
    force: bool = False,
    entrance: str,
    workers: int | None = None,
    settle: bool = True,
    on_progress: Progress | None = None,
    on_stage: Ended | None = None,
    run_id: str = "",
    trace: str = "",
    keep_refused: bool = False,
) -> Iterator[StageOutcome]:
    """Take files in, build what is to be built, register, record; yields every stage as it ends.

    ``files`` are names in the inbox, ``keys`` partition keys of accepted specs. With neither, everything in the inbox
    and every accepted spec without an outcome. ``force`` rebuilds also what has not changed. ``on_stage`` is told of a
    stage when it ends; what is yielded waits until the spec has its outcome. ``trace`` is the asker's W3C
    traceparent. ``keep_refused`` leaves refused specs in ``specs/``: whoever takes their rows over moves them. Of an
    agent that stands, nothing is started. Raises SandboxUnavailable (where it takes in or builds) and SettingsError (of
    the models' configuration) before anything is touched, and BucketError.
    """
    check(settings)  # or each agent that needs a repair would fall over it
    # Raises where the machine lacks the primitives and weakness was not asked for.
    profile = Sandbox(settings).prove() if files or (keys is None and files is None) else None
    run_id = run_id or uuid.uuid4().hex

    def line(on_stage: Ended | None) -> Iterator[StageOutcome]:
        with alone(settings):
            asked = (on_progress, on_stage, run_id, keep_refused)
            batch = _Batch(settings, entrance, workers or settings.workers, profile, *asked)
            yield from batch.run(keys, files, force=force, settle=settle)

    yield from runs.told(line, run_id=run_id, entrance=entrance, on_stage=on_stage, parent=trace)


def stale_keys(settings: Settings) -> list[str]:
    """Accepted specs that have no outcome, or whose outcome was made from other tables, templates or code, or that
    met fewer mutants than these settings ask for, or that wanted a model which can answer now, or that the registry
    has lost.

    Raises SettingsError for a configuration of the models that cannot be read, where an agent waits for one.
    """
    bucket = Bucket.open(settings.bucket_address)
    store = MetricsStore(settings)
    rows = {row["key"]: row for row in store.outcomes()}
    keys = accepted_keys(bucket)
    at_hand = AtHand(settings)
    if standing.world_of(settings) != world_digest(FactorTable.in_force(settings.tables), library(), settings):
        return keys
    with Registry(settings.registry, caller=Caller(settings.tenant, "factory"), keys=settings.keys) as registry:
        registered = registry.spec_digests()
    return [
        key
        for key in keys
        if standing.undecided(rows.get(key), at_hand)
        or not standing.held(key, rows[key], registered)
        or standing.tried_less(rows[key], settings.mutants)
    ]


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One batch at a time over one ``var``; a second one waits."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / "batch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class _Batch:
    settings: Settings
    entrance: str
    workers: int
    profile: Profile | None  # None: nobody has had to ask yet
    on_progress: Progress | None
    on_stage: Ended | None
    run_id: str
    keep_refused: bool  # whoever takes the rows over moves the specs
    bucket: Bucket = field(init=False)
    store: MetricsStore = field(init=False)
    registry: Registry = field(init=False)
    run_info: RunInfo = field(init=False)
    standing: dict[str, dict[str, Any]] = field(init=False)
    registered: dict[tuple[str, str], str] = field(init=False)  # id and version -> digest of the spec, before the batch
    at_hand: AtHand = field(init=False)
    pending: list[AgentOutcome] = field(default_factory=list)
    flushed: float = field(default_factory=monotonic)
    done: int = 0
    kept: int = 0
    total: int = 0
    same: bool = False  # whether every accepted spec was tried against the tables and the engine of this run before
    current: bool = False  # whether it has been now

    def __post_init__(self) -> None:
        settings = self.settings
        self.bucket = Bucket.open(settings.bucket_address)
        self.store = MetricsStore(settings)
        self.registry = Registry(settings.registry, caller=Caller(settings.tenant, "factory"), keys=settings.keys)
        settings.packs.mkdir(parents=True, exist_ok=True)
        clear_leftovers(settings)
        if not (settings.tables / "factors.parquet").exists():
            prepare(settings)
        table = FactorTable.in_force(settings.tables)
        self.world = world_digest(table, library(), settings)
        self.same = standing.world_of(settings) == self.world
        self.standing = {row["key"]: row for row in self.store.outcomes()}
        self.at_hand = AtHand(settings)
        self.run_info = RunInfo(
            run_id=self.run_id,
            entrance=self.entrance,
            started_at=datetime.now(UTC),
            sandbox_profile=self.profile.name if self.profile else "",
            factor_release=table.release,
            workers=self.workers,
        )

    def run(
        self, keys: Sequence[str] | None, files: Sequence[str] | None, *, force: bool, settle: bool
    ) -> Iterator[StageOutcome]:
        everything = keys is None and files is None
        try:
            intake = self.take_in(files, everything, settle=settle)
            yield from self.tell_intake(intake)
            broken: list[Built] = []
            tasks = self.tasks(intake, keys, everything, broken, force=force)
            whole = {t.key for t in tasks} >= set(accepted_keys(self.bucket))
            self.total = self.done + len(tasks) + len(broken)
            self.progress()
            unchanged = standing.unchanged(self.settings, tasks, self.standing, self.store) if self.same else {}
            for built in (*broken, *unchanged.values()):
                yield from self.settle_one(built)
            yield from self.build([task for task in tasks if task.key not in unchanged])
            self.flush()
            self.current = whole or self.same
            intake.close()  # only now: a batch that is killed before finds its files again in the journal
        finally:
            self.flush()
            self.finish()

    def build(self, tasks: Sequence[Task]) -> Iterator[StageOutcome]:
        """Build in workers, which are started only where there is something to build."""
        if not tasks:
            return
        self.profile = self.profile or Sandbox(self.settings).prove()
        self.run_info = replace(self.run_info, sandbox_profile=self.profile.name)
        if not self.same:
            standing.forget(self.settings)
        for built in build_all(self.settings, tasks, self.workers, self.on_stage, profile=self.profile):
            yield from self.settle_one(built)

    # --- intake ---------------------------------------------------------------------------------------------------

    def take_in(self, files: Sequence[str] | None, everything: bool, *, settle: bool) -> Intake:
        self.registered = self.registry.spec_digests()
        return take_in(
            self.bucket,
            self.settings,
            list(files) if files is not None else (None if everything else []),
            settle=settle,
            registered=lambda agent_id, version: self.registered.get((agent_id, version)),
            outcome_of=lambda key: self.standing.get(key, {}).get("outcome"),
            hold=True,
        )

    def undecided(self, key: str) -> bool:
        """Whether an accepted spec has no outcome that stands."""
        row = self.standing.get(key)
        return row is None or standing.undecided(row, self.at_hand) or not standing.held(key, row, self.registered)

    def tell_intake(self, intake: Intake) -> Iterator[StageOutcome]:
        """Record refused and replaced files, and tell of overlays that wait: nothing has come of these yet, so that
        they have no row.
        """
        self.pending += [_of_replaced(replaced) for replaced in intake.replaced]
        for replaced in intake.replaced:
            dossier.clear(self.settings.var / "dossiers", replaced.key)  # its file has been corrected
        for refused in intake.refused:
            outcome = _of_refused(refused)
            self.pending.append(outcome)
            self.done += 1
            yield StageOutcome(outcome.key, "spec_validation", "failed", 0.0, outcome)
        for overlay in intake.overlays:
            if overlay.waits:
                outcome = _of_waiting(overlay)
                yield StageOutcome(outcome.key, "spec_validation", "skipped", 0.0, outcome)
        self.flush()

    def tasks(
        self,
        intake: Intake,
        keys: Sequence[str] | None,
        everything: bool,
        broken: list[Built],
        *,
        force: bool,
    ) -> list[Task]:
        """What is to be built; what cannot even be read goes to ``broken``."""
        wanted = dict.fromkeys(a.key for a in intake.accepted)
        wanted.update((u.key, None) for u in intake.unchanged if self.undecided(u.key))
        wanted.update((o.key, None) for o in intake.overlays if o.key and (o.changed or self.undecided(o.key)))
        wanted.update(dict.fromkeys(keys or ()))
        if everything:
            for key in accepted_keys(self.bucket):
                if self.undecided(key):
                    wanted.setdefault(key)
        out: list[Task] = []
        for key in sorted(wanted):
            row = self.standing.get(key, {})
            again = force or row.get("outcome") != "registered" or standing.tried_less(row, self.settings.mutants)
            again = again or not standing.held(key, row, self.registered)
            stands = "" if again else str(row.get("consumed_digest") or "")
            try:
                source = read_accepted(self.bucket, key)
            except FileNotFoundError:
                broken.append(lost(key, f"{slug(key)}.yaml", "its spec is no longer in specs/: drop it again"))
            except BucketError as error:
                broken.append(lost(key, f"{slug(key)}.yaml", str(error)))
            else:
                out.append(Task(key, source, stands))
        return out

    # --- settling -------------------------------------------------------------------------------------------------

    def settle_one(self, built: Built) -> Iterator[StageOutcome]:
        outcome = built.outcome
        self.done += 1
        begin = monotonic()
        before = self.standing.get(outcome.key, {})
        if before.get("pack_digest") and outcome.outcome in {"refused", "incomplete", "quarantined"}:
            # The pack and the entry stay; the spec stays where it is and is tried again when the tables change.
            outcome = replace(
                outcome,
                outcome="incomplete" if outcome.outcome == "refused" else outcome.outcome,
                reason=f"stale: the registered pack stays, but it can no longer be built: {outcome.reason}",
                pack_digest=before["pack_digest"],
                certificate_digest=before["certificate_digest"],
            )
            built = replace(built, stages=(*built.stages[:-1], replace(built.stages[-1], agent=outcome)))
        if outcome.outcome == "registered" and outcome.rebuilt:
            try:
                assert built.described is not None, "whoever built it has read its spec"
                outcome = self.register(outcome, built.described)
            except RegistryConflict as error:  # another factory with the same registry was first
                outcome = _conflicting(outcome, str(error))
                failed = replace(built.stages[-1], status="failed", agent=outcome)
                built = replace(built, stages=(*built.stages[:-1], failed))
        stages = built.stages
        if not outcome.rebuilt:
            self.kept += 1
            row = self.standing[outcome.key]
            outcome = replace(outcome, **{k: row[k] for k in STANDING if k in row})
            needs = needs_of(self.registry, outcome.agent_id).get((self.settings.tenant, outcome.version), {})
            outcome = self.needing(outcome, needs)
            stages = (*stages[:-1], replace(stages[-1], agent=outcome))
        else:
            self.pending.append(outcome)
        if outcome.outcome == "refused":
            self.flush()  # the row first: a kill between leaves the spec in specs/, where it is refused again
            if not self.keep_refused:
                reject_later(self.bucket, outcome.key, outcome.file, outcome.diagnostics)
        elif outcome.outcome in {"incomplete", "quarantined"} or self.bucket.exists(_report(outcome.key)):
            self.bucket.write(_report(outcome.key), describe.report(outcome).encode())
        if outcome.outcome == "registered" and outcome.rebuilt:
            spent = monotonic() - begin
            stages = (
                *(replace(s, agent=None) for s in stages),
                StageOutcome(outcome.key, "registration", "done", spent, outcome),
            )
        if len(self.pending) >= FLUSH_AGENTS or monotonic() - self.flushed > FLUSH_SECONDS:
            self.flush()
        self.progress()
        yield from stages

    def register(self, outcome: AgentOutcome, spec: Described) -> AgentOutcome:
        """Enter an agent."""
        done = self.registry.register(
            RegistryEntry(
                agent_id=outcome.agent_id,
                version=outcome.version,
                spec_digest=outcome.spec_digest,
                pack_digest=outcome.pack_digest,
                certificate_digest=outcome.certificate_digest,
                name=spec.name,
                summary=spec.summary,
                domain=spec.domain,
                tags=spec.tags,
                regulations=spec.regulations,
                inputs=tuple(Port(*port) for port in spec.inputs),
                outputs=tuple(Port(*port) for port in spec.outputs),
                score=outcome.score,
                coverage=outcome.coverage,
                tests_passed=outcome.tests_passed,
                tests_total=outcome.tests_total,
                factor_release=self.run_info.factor_release,
                pack=f"packs/{slug(outcome.key)}",
                judgement=_judgement(outcome),
            ),
            pins=[Pin(u["kind"], u["ref"], u["digest"]) for u in outcome.lineage if u["kind"] in _PINNED],
            needs=spec.needs,
        )
        if done == "rebuilt":  # what was promoted is kept; a draft that nobody promoted can be built again
            for build in self.registry.builds(outcome.agent_id, outcome.version):
                if build.state == "draft":
                    forget_build(self.settings.builds, build.certificate_digest)
        return self.needing(outcome, spec.needs)

    def needing(self, outcome: AgentOutcome, needs: Mapping[str, str]) -> AgentOutcome:
        """Warned of what it needs and nobody has now; what its row says of that may no longer be so."""
        who = f"{outcome.agent_id}@{outcome.version}"
        missing = unmet(self.registry, who, needs, self.coming if needs else {})
        warnings = (Diagnostic("GLS072", "warning", one.message, one.mend) for one in missing)
        others = (finding for finding in outcome.diagnostics if finding.code != "GLS072")
        return replace(outcome, diagnostics=(*others, *warnings))

    @cached_property
    def coming(self) -> dict[str, set[str]]:
        """Versions of every spec that was taken in: whether they are registered before or after must not matter."""
        found: dict[str, set[str]] = {}
        for key in accepted_keys(self.bucket):
            agent_id, version = identity(key)
            found.setdefault(agent_id, set()).add(version)
        return found

    def flush(self) -> None:
        """Write the pending rows."""
        if self.pending:
            self.store.write(self.pending, replace(self.run_info, agents=self.done, kept=self.kept))
            self.pending = []
        self.flushed = monotonic()

    def finish(self) -> None:
        info = replace(self.run_info, agents=self.done, kept=self.kept, finished_at=datetime.now(UTC))
        self.store.write((), info)
        self.store.compact()
        self.store.rebuild_catalogue()
        if self.current:
            self.remember_world()
        self.registry.close()

    def remember_world(self) -> None:
        """Every accepted spec is up to date: until the tables or the engine change, only new specs are stale."""
        rows = {row["key"]: row for row in self.store.outcomes()}
        if any(k not in rows or rows[k]["outcome"] in AGAIN for k in accepted_keys(self.bucket)):
            return
        standing.remember(self.settings, self.world)

    def progress(self) -> None:
        if self.on_progress is not None:
            self.on_progress(self.done, self.total)


_PINNED = frozenset({"factor", "formula", "parameter"})


def _judgement(outcome: AgentOutcome) -> dict[str, Any]:
    """What the registry keeps of the judgement: dimension -> status and score; scan and sandbox's profile."""
    judged: dict[str, Any] = {d.name: {"status": d.status, "score": d.score} for d in outcome.dimensions}
    for d in outcome.dimensions:
        if d.name == scans.DIMENSION:
            judged[d.name]["scan"] = scans.made(d)
    return {**judged, "sandbox": outcome.sandbox_profile}


def _report(key: str) -> str:
    return f"reports/{slug(key)}.md"


def told(intake: Intake) -> list[AgentOutcome]:
    """The outcomes that an intake has decided by itself: files that were replaced, and those that were refused."""
    return [*map(_of_replaced, intake.replaced), *map(_of_refused, intake.refused)]


def _of_refused(refused: Refused) -> AgentOutcome:
    return AgentOutcome(
        key=f"file:{refused.stored}",
        file=refused.name,
        outcome="refused",
        reason=refused.reason,
        spec_digest=refused.digest,
        diagnostics=refused.diagnostics,
    )


def _of_replaced(replaced: Replaced) -> AgentOutcome:
    agent_id, version = identity(replaced.key)
    refused = _of_refused(replaced.refused)
    return replace(refused, key=replaced.key, agent_id=agent_id, version=version, replaced_by=replaced.by)


def _of_waiting(overlay: OverlayTaken) -> AgentOutcome:
    return AgentOutcome(f"file:{overlay.name}", overlay.name, "incomplete", f"an overlay that {overlay.waits}")


def _conflicting(outcome: AgentOutcome, reason: str) -> AgentOutcome:
    finding = Diagnostic("GLS071", "error", reason, "give this spec a version of its own")
    return replace(
        outcome,
        outcome="refused",
        reason=reason,
        diagnostics=(*outcome.diagnostics, finding),
        state="",
        pack_digest="",
        certificate_digest="",
        consumed_digest="",
    )
