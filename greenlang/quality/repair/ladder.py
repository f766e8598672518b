"""The ladder: rungs in order, each tried on a copy, kept only if nothing is worse, and written down with its cost.

Belongs here: which rung is tried, what of it is kept, when to stop. Does not belong here: building, running and judging
(callables of the caller), providers (`greenlang.llm`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from greenlang.factory.pack import write_pack
from greenlang.llm.ask import Model, NoAnswer
from greenlang.provenance import files_digest, tree
from greenlang.quality.repair import code, dossier, mechanical
from greenlang.quality.repair.asking import Asking
from greenlang.quality.repair.classes import CAUSES, NOT_CODE, Failure, barred, classify, of_diagnostics, ours, together
from greenlang.quality.repair.compare import lowered, overfit
from greenlang.quality.repair.outcome import (
    CODE_ROUNDS,
    Attempt,
    AttemptStatus,
    Judged,
    Proposal,
    Regenerate,
    RepairOutcome,
    RepairRequest,
    RepairStatus,
    Resolve,
    Rung,
    TryPack,
)
from greenlang.quality.repair.overlay import propose
from greenlang.quality.repair.patches import Change, apply, changes_between, contents, copy_pack
from greenlang.quality.repair.split import Split, by_class, cases, split
from greenlang.specs.model import slug


def repair(
    request: RepairRequest,
    *,
    try_pack: TryPack,
    regenerate: Regenerate | None = None,
    model: Model | None = None,
    resolve: Resolve | None = None,
) -> RepairOutcome:
    """Climb until the pack passes or nothing is left, and write a dossier if it does not.

    ``try_pack`` runs and judges a folder (below ``request.work``), ``regenerate`` gives the files that the generator
    makes today, ``resolve`` resolves the spec with an overlay. Without a model the rungs that need one are skipped and
    say so. The pack itself is never written to.

    Raises ValueError if the pack lies in the folder for copies, which is emptied.
    """
    if request.pack is not None and request.pack.resolve().is_relative_to(request.work.resolve()):
        raise ValueError(f"{request.pack} lies in {request.work}, which is emptied for the copies")
    asking = Asking(model, request.budget_usd, request.rounds)
    ladder = _Ladder(request, try_pack, regenerate, asking, resolve)
    shutil.rmtree(request.work, ignore_errors=True)
    request.work.mkdir(parents=True)
    return ladder.climb()


@dataclass
class _Ladder:
    request: RepairRequest
    try_pack: TryPack
    regenerate: Regenerate | None
    asking: Asking
    resolve: Resolve | None
    folder: Path | None = None  # the best copy so far; None: the pack as it was given
    judged: Judged | None = None
    failures: tuple[Failure, ...] = ()
    half: Split = field(default_factory=lambda: split("", (), ()))
    seen: set[str] = field(default_factory=set)  # digests of packs that were judged
    marks: set[str] = field(default_factory=set)  # fingerprints of what failed after a model's change
    attempts: list[Attempt] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    proposal: Proposal | None = None
    ended: tuple[RepairStatus, str] | None = None
    first: str = ""
    explained: str = ""
    unseen: tuple[str, ...] = ()

    def climb(self) -> RepairOutcome:
        self._start()
        for rung in (self._mechanical, self._template, self._overlay, self._code):
            if self.ended is None:
                rung()
        if self.ended is None:
            self.ended = self._verdict()
        return self._finish(*self.ended)

    def _start(self) -> None:
        request = self.request
        self.judged = request.judged
        if request.pack is None or request.judged is None:
            lost = tuple(Failure("spec", m.reason, m.output) for m in request.resolution.missing)
            self.failures = (*of_diagnostics(request.resolution.diagnostics), *lost)
        else:
            self.failures = classify(request.judged.judgement, request.judged.trial)
            tests = request.judged.trial.tests.tests
            self.half = split(request.resolution.spec.digest, cases(request.resolution), tests)
            self.seen.add(_digest(request.pack))
            if any(f.kind == "infrastructure" for f in self.failures):
                self.ended = ("stopped", f"the sandbox failed on our side: {self.failures[0].message}")
            elif request.judged.judgement.passed:
                self.folder = copy_pack(request.pack, request.work / "0-as-it-was")
                self.ended = ("repaired", "the pack passes as it is")
        self.first = together(self.failures)
        self.marks.add(self.first)

    # --- rungs -------------------------------------------------------------------------------------------------------

    def _mechanical(self) -> None:
        if self._packless("mechanical"):
            return
        if not any(f.kind == "lint" for f in self.failures):
            self._skip("mechanical", "no finding of the linter is among the failures")
            return
        if kinds := sorted({f.kind for f in barred(self.failures)}):
            self._skip("mechanical", f"tidying code does not make up for {', '.join(kinds)}")
            return
        self._try("mechanical", self._mended)

    def _mended(self, folder: Path) -> str:
        mechanical.mend(folder, self.request.package)
        return ""

    def _template(self) -> None:
        if self._packless("template"):
            return
        if self.regenerate is None:
            self._skip("template", "there is no resolution to generate from")
            return
        files = self.regenerate()

        def written(folder: Path) -> str:
            write_pack(files, folder)
            return ""

        self._try("template", written)

    def _overlay(self) -> None:
        request = self.request
        if request.resolution.complete:
            self._skip("overlay", "every output has a plan")
        elif request.source is None or self.resolve is None:
            self._skip("overlay", "the spec's file is not at hand")
        elif self._may_ask("overlay"):
            begin = time.perf_counter()
            before = by_class(f.kind for f in self.failures)
            asked = propose(request, self.asking.asked, self.resolve)
            usd = self.asking.pay(asked.disclosures)  # the samples of one question are one round
            self.proposal = asked.proposal
            status: AttemptStatus = "proposed" if asked.proposal else "no_answer" if asked.no_answer else "refused"
            after = before if asked.proposal is None else _less(before, len(asked.proposal.outputs))
            spent = time.perf_counter() - begin
            reason = asked.reason or f"a formula for {', '.join(sorted(asked.proposal.outputs))}"  # type: ignore[union-attr]
            self.attempts.append(Attempt("overlay", 1, status, reason, before, after, seconds=spent, usd=usd))
            self._out(asked.no_answer)

    def _code(self) -> None:
        if self._packless("code"):
            return
        mendable = [f for f in self.failures if f.kind not in NOT_CODE]
        if not mendable:
            self._skip("code", "no change of the agent's code can mend what failed")
            return
        if self.first in self.request.known:
            self._skip("code", "the same failures were climbed for before, without success")
            self.ended = ("stopped", "the same failures as in an earlier repair; no model was paid again")
            return
        for n in range(1, CODE_ROUNDS + 1):
            if self.ended is not None or not self._may_ask("code", n):
                return
            if not code.shown(self.failures, self.half):
                self._skip("code", "only held-out tests fail, and of those nothing is told", n)
                return
            if not self._round(n):
                return

    def _round(self, n: int) -> bool:
        """One question and one trial; whether another round makes sense."""
        base, begin = self._base(), time.perf_counter()
        made = self.regenerate() if self.regenerate else {}
        ask = code.question(self.request, base, self.failures, self.half, self.attempts, made)
        self.unseen = code.unseen(ask)
        answer = self.asking.asked.ask(ask)
        if isinstance(answer, NoAnswer):
            usd = self.asking.pay(answer.disclosures)
            before = by_class(f.kind for f in self.failures)
            spent = time.perf_counter() - begin
            self.attempts.append(Attempt("code", n, "no_answer", answer.reason, before, before, seconds=spent, usd=usd))
            self._out(answer)
            return False
        usd = self.asking.pay((answer.disclosure,))
        proposed = code.patches(answer.value)

        def patch(folder: Path) -> str:
            why = code.refused(self.request, folder, proposed, made)
            return why or apply(folder, self.request.package, proposed, rung="code", round_=n)[1]

        done = self._try("code", patch, round_=n, usd=usd, begin=begin)
        return done not in {"repaired", "infrastructure", "no_change"} and self.ended is None

    # --- one try -----------------------------------------------------------------------------------------------------

    def _try(
        self,
        rung: Rung,
        change: Callable[[Path], str],
        *,
        round_: int = 0,
        usd: Decimal = Decimal(0),
        begin: float | None = None,
    ) -> AttemptStatus:
        """Change a copy, judge it, and keep it if it is better and nothing is worse."""
        begin = time.perf_counter() if begin is None else begin
        base = self._base()
        before = contents(base)
        folder = copy_pack(base, self.request.work / f"{len(self.attempts) + 1}-{rung}")
        old = by_class(f.kind for f in self.failures)
        attempt = Attempt(rung, round_, "refused", "", old, old, _digest(base), usd=usd)
        refused = change(folder)
        if refused:
            return self._note(replace(attempt, reason=refused), begin)
        if rung != "template" and _digest(folder) != attempt.digest_before:
            mechanical.refresh_bill(folder, self.request.resolution)
        changed = tuple(replace(c, round=round_) for c in changes_between(before, contents(folder), rung=rung))
        attempt = replace(attempt, digest_after=_digest(folder), diff="".join(c.diff for c in changed))
        if attempt.digest_after in self.seen:
            reason = "the pack is what the generator makes" if rung == "template" else "such a pack was judged before"
            return self._note(replace(attempt, status="no_change", reason=reason), begin)
        self.seen.add(attempt.digest_after)
        judged = self.try_pack(folder)
        return self._note(self._weighed(attempt, folder, judged, changed), begin)

    def _weighed(self, attempt: Attempt, folder: Path, judged: Judged, changed: tuple[Change, ...]) -> Attempt:
        """What came of a change; takes it over if it is kept."""
        assert self.judged is not None
        failures = classify(judged.judgement, judged.trial)
        rates = self.half.rates(judged.trial.tests.tests)
        attempt = replace(attempt, after=by_class(f.kind for f in failures), rates=rates)
        if mishap := ours(judged.judgement, judged.trial):
            self.ended = ("stopped", f"the sandbox failed on our side: {mishap}")
            return replace(attempt, status="infrastructure", reason=mishap)
        by_model = attempt.rung == "code"
        mark = together(failures)
        broken = any(f.kind in CAUSES for f in self.failures)
        low = lowered(self.judged.judgement, judged.judgement, statuses_only=broken)
        why = f"it lowers {'; '.join(low[:3])}" if low else ""
        if by_model and not why:
            why = overfit(self.half.rates(self.judged.trial.tests.tests), rates)
        if not why and not judged.judgement.passed and not self._better(failures, judged):
            why = "nothing is better"
        if by_model and not judged.judgement.passed:
            if mark in self.marks:
                self.ended = ("stopped", "the same failures again after a model's change")
            self.marks.add(mark)
        if why:
            return replace(attempt, status="refused", reason=why)
        self.folder, self.judged, self.failures = folder, judged, failures
        self.changes += changed
        if judged.judgement.passed:
            self.ended = ("repaired", f"by {attempt.rung}")
            return replace(attempt, status="repaired", reason="every required dimension passes")
        return replace(attempt, status="improved", reason="better, and not yet good")

    def _better(self, failures: tuple[Failure, ...], judged: Judged) -> bool:
        """Whether something is better: fewer required failures, fewer failures, or a higher score."""
        assert self.judged is not None
        old, new = ((sum(f.required for f in fs), len(fs)) for fs in (self.failures, failures))
        return new < old or judged.judgement.score > self.judged.judgement.score

    def _note(self, attempt: Attempt, begin: float) -> AttemptStatus:
        self.attempts.append(replace(attempt, seconds=time.perf_counter() - begin))
        return attempt.status

    def _base(self) -> Path:
        folder = self.folder or self.request.pack
        assert folder is not None
        return folder

    # --- models ------------------------------------------------------------------------------------------------------

    def _may_ask(self, rung: Rung, round_: int = 0) -> bool:
        """Whether a model may be asked now; if not, it is written down why."""
        if kinds := sorted({f.kind for f in barred(self.failures)}):
            self._skip(rung, f"no model is asked about {', '.join(kinds)}", round_)
            return False
        why, end = self.asking.why_not()
        if why:
            self._skip(rung, why, round_)
        if end:
            self.ended = ("exhausted", end)
        return not why

    def _out(self, answer: NoAnswer | None) -> None:
        if answer is not None and (end := self.asking.unanswered(answer)):
            self.ended = ("exhausted", end)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _packless(self, rung: Rung) -> bool:
        if self.request.pack is None or self.judged is None:
            self._skip(rung, "there is no pack yet")
            return True
        return False

    def _skip(self, rung: Rung, reason: str, round_: int = 0) -> None:
        before = by_class(f.kind for f in self.failures)
        self.attempts.append(Attempt(rung, round_, "skipped", reason, before, before))

    def _verdict(self) -> tuple[RepairStatus, str]:
        if self.proposal is not None:
            return "proposed", f"an overlay for {', '.join(sorted(self.proposal.outputs))} waits for a person"
        if all(a.status in {"skipped", "no_change"} for a in self.attempts):
            return "not_repairable", "no rung of the ladder mends what failed"
        return "quarantined", "no rung of the ladder mended it"

    def _finish(self, status: RepairStatus, reason: str) -> RepairOutcome:
        repaired = status == "repaired"
        if not repaired and status != "stopped":
            self._explain()
        outcome = RepairOutcome(
            key=self.request.key,
            status=status,
            reason=reason,
            attempts=tuple(self.attempts),
            failures=() if repaired else self.failures,
            fingerprint=self.first,
            folder=self.folder if repaired else None,
            judged=self.judged,
            proposal=self.proposal,
            rates=self.half.rates(self.judged.trial.tests.tests) if self.judged else None,
            usd=self.asking.spent,
            recorded_usd=sum((d.recorded_cost_usd for d in self.asking.disclosures), Decimal(0)),
            rounds=self.asking.rounds,
            disclosures=tuple(self.asking.disclosures),
            unseen=self.unseen,
            wants=None if repaired else self.asking.wants,
            explanation=self.explained,
            journal=tuple(c.as_dict() for c in self.changes),
        )
        if repaired:
            shutil.rmtree(self.request.dossiers / slug(self.request.key), ignore_errors=True)  # of an earlier failure
        if repaired or any(f.kind == "infrastructure" for f in self.failures):
            return outcome
        before = by_class(f.kind for f in self.failures)
        last = Attempt("quarantine", 0, self._last(status), reason, before, before)
        outcome = replace(outcome, attempts=(*outcome.attempts, last))
        return replace(outcome, dossier=dossier.write(self.request, outcome, self.changes))

    def _last(self, status: RepairStatus) -> AttemptStatus:
        """``refused`` only where a model's code was really tried: these failures are not paid for again."""
        tried = any(a.rung == "code" and a.status in {"refused", "improved", "no_change"} for a in self.attempts)
        if status == "exhausted" or (tried and self.asking.wants):
            return "no_answer"
        return "refused" if tried else "skipped"

    def _explain(self) -> None:
        """Ask for words about the failure. They cost no round and decide nothing."""
        if self.request.explain and not barred(self.failures) and self.judged is not None and self.asking.solvent:
            ask = code.explanation(self.request, self._base(), self.failures, self.half, self.attempts)
            self.explained = self.asking.words(ask)


def _less(counts: Mapping[str, int], fewer: int) -> dict[str, int]:
    return {k: max(0, n - fewer) if k == "spec" else n for k, n in counts.items()}


def _digest(folder: Path) -> str:
    return files_digest(tree(folder))
