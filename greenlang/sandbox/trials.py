"""The trial of one pack: which children are asked what, and what is made of their answers.

Belongs here: the order of the runs, and what they say together. Does not belong here: processes (`supervisor`), what a
single run says (`decisions`).

Three children: the tests with coverage; the answers, the service and the answers to several threads; and, from another
server with another hash seed, time zone, locale, clock and folder, the answers, the tests again and the mutants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from greenlang.sandbox import decisions
from greenlang.sandbox.decisions import Run
from greenlang.sandbox.mutants import Asking
from greenlang.sandbox.trial import Mutation, Service, Trial, TrialRequest
from greenlang.sandbox.verdict import Evaluation, Profile, Verdict
from greenlang.sandbox.wire import Broken

OTHER_SEED = 4242
THREADS = 4
CONDITIONS = (  # of the three evaluations, in words
    "hash seed 0, UTC, C.UTF-8, the real clock, in its own folder",
    f"hash seed {OTHER_SEED}, another time zone, locale and clock, in another folder",
    f"{THREADS} threads at once",
)
_TRIES = 3  # what was our own fault is tried twice more

Ask = Callable[[int, dict[str, Any], dict[str, Any]], Run]
T = TypeVar("T", Verdict, Evaluation)


@dataclass(frozen=True, slots=True)
class Trying:
    """A pack in front of the servers. ``ask`` takes seed, request and payload; it raises Broken. ``seconds``: that a
    child may take. ``code``: what the children run, compiled (`sources.Sources.code`).
    """

    ask: Ask
    pack: Path
    package: str
    declared: set[str]
    profile: Profile
    seconds: int
    code: str = ""

    def run(self, request: TrialRequest) -> Trial:
        """Everything. A pack that tried to escape, hangs or asks for too much is not run again."""
        tests = self.tests()
        if tests.status not in ("passed", "failed"):
            return Trial(tests)
        first, threads, service = self.service(request)
        second, again, mutation = self.again(request, tests)
        runs = zip((first, second, threads), CONDITIONS, strict=True)
        evaluations = tuple(replace(run, conditions=words) for run, words in runs)
        return Trial(tests, evaluations, again, mutation, service)

    def tests(self) -> Verdict:
        """The tests with coverage. Only where one fails are they run once more, for words that tell the values."""
        found = self._settled(lambda: decisions.verdict(self._ask(0, "tests", rewrite=False), self.declared))
        if isinstance(found, Broken):
            return Verdict("infrastructure", self.profile, detail=str(found))
        if found.status != "failed" or not any(t.outcome == "failed" for t in found.tests):
            return found
        try:
            told = decisions.verdict(self._ask(0, "tests", rewrite=True), self.declared)
        except Broken:
            return found
        words = {t.id: t.message for t in told.tests if t.outcome == "failed"}
        return replace(found, tests=tuple(replace(t, message=words.get(t.id) or t.message) for t in found.tests))

    def service(self, request: TrialRequest) -> tuple[Evaluation, Evaluation, Service]:
        """The answers, the answers to threads, the service."""
        payload = {
            "inputs": list(request.inputs),
            "calls": request.calls,
            "blocks": [asdict(block) for block in request.blocks],
        }
        run = self._sure(0, "service", payload, threads=THREADS)
        if isinstance(run, Broken):
            bad = Evaluation("infrastructure", self.profile, detail=str(run))
            return bad, bad, Service("infrastructure", detail=str(run))
        service = decisions.service(run, request.blocks)
        return decisions.evaluation(run, "evaluation"), decisions.evaluation(run, "threads"), service

    def again(self, request: TrialRequest, tests: Verdict) -> tuple[Evaluation, Verdict, Mutation | None]:
        """The answers and the tests under other conditions, and the mutants.

        Among the mutants are controls, in which nothing is changed: how each test ended on the first of these that
        survived is the second run of the tests. Where there is none, the tests are run by themselves.
        """
        asking = Asking(self._otherwise, self.pack, self.declared, request, tests, self.seconds)
        mutation = asking.run() if request.mutants and tests.status == "passed" else None
        first = asking.first or self._otherwise({"inputs": list(request.inputs), "mutants": []})
        plain: Run | Broken = first
        if mutation and not asking.unchanged and not isinstance(first, Broken) and first.barred() is None:
            plain = self._otherwise({"inputs": [], "mutants": []})
        if isinstance(first, Broken) or isinstance(plain, Broken):
            return self._mishap(first, plain, mutated=bool(request.mutants))
        again = _compared(tests, asking.unchanged or decisions.verdict(plain, self.declared, "tests", traced=False))
        if request.mutants and again.status != "passed":
            mutation = Mutation("failed", detail="the tests do not pass without a mutant")
        elif mutation and asking.unchanged:
            mutation = replace(mutation, cpu_seconds=max(mutation.cpu_seconds - again.cpu_seconds, 0.0))
        return decisions.evaluation(first, "evaluation"), again, mutation

    def _mishap(
        self, first: Run | Broken, plain: Run | Broken, *, mutated: bool
    ) -> tuple[Evaluation, Verdict, Mutation | None]:
        detail = str(first if isinstance(first, Broken) else plain)
        bad = Evaluation("infrastructure", self.profile, detail=detail)
        evaluation = bad if isinstance(first, Broken) else decisions.evaluation(first, "evaluation")
        mutation = Mutation("infrastructure", detail=detail) if mutated else None
        return evaluation, Verdict("infrastructure", self.profile, detail=detail), mutation

    def _otherwise(self, payload: dict[str, Any]) -> Run | Broken:
        return self._sure(OTHER_SEED, "again", payload)

    def _ask(self, seed: int, what: str, payload: dict[str, Any] | None = None, **more: Any) -> Run:
        request = {"op": what, "pack": str(self.pack), "package": self.package, **more}
        return self.ask(seed, request, {**(payload or {}), "code": self.code})

    def _sure(self, seed: int, what: str, payload: dict[str, Any], **more: Any) -> Run | Broken:
        """A run that is not our own mishap, if one of three tries gives it."""
        for last in range(_TRIES):
            try:
                run = self._ask(seed, what, payload, **more)
            except Broken as error:
                broken = error
                continue
            barred = run.barred()
            if barred is None or barred[0] != "infrastructure" or last == _TRIES - 1:
                return run
        return broken

    def _settled(self, call: Callable[[], T]) -> T | Broken:
        for last in range(_TRIES):
            try:
                found = call()
            except Broken as error:
                broken = error
                continue
            if found.status != "infrastructure" or last == _TRIES - 1:
                return found
        return broken


def _compared(first: Verdict, again: Verdict) -> Verdict:
    """The second run, failed where a test ends otherwise than in the first."""
    if again.status not in ("passed", "failed") or not again.tests:
        return again
    before = {t.id: t.outcome for t in first.tests}
    after = {t.id: t.outcome for t in again.tests}
    differ = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not differ:
        return again
    name = differ[0]
    how = f"{name}: {before.get(name, 'not run')}, then {after.get(name, 'not run')}"
    more = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
    return replace(again, status="failed", detail=f"flaky: under other conditions it ends otherwise ({how}{more})")
