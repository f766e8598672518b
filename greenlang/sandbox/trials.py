"""The trial of one pack: which children are asked what, and what is made of their answers.

Belongs here: the order of the runs, and what they say together. Does not belong here: processes (`supervisor`), what a
single run says (`decisions`).

Three children: the tests with coverage; the answers, the service and the answers to several threads; and, from another
server with another hash seed, time zone, locale, clock and folder, the answers, the tests again and the mutants.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from greenlang.sandbox import decisions
from greenlang.sandbox.decisions import Run
from greenlang.sandbox.trial import MutantResult, MutatedFile, Mutation, Service, Trial, TrialRequest
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
_HANGS = 5  # mutants that end the whole process, before the rest is given up
_AT_ONCE = 100  # mutants for one child
_BYTES_AT_ONCE = 16 * 1024 * 1024
_OWN = "the same file again"

Ask = Callable[[int, dict[str, Any], dict[str, Any]], Run]
T = TypeVar("T", Verdict, Evaluation)


@dataclass(frozen=True, slots=True)
class Trying:
    """A pack in front of the servers. ``ask`` takes seed, request and payload; it raises Broken."""

    ask: Ask
    pack: Path
    package: str
    declared: set[str]
    profile: Profile

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
        """The answers and the tests under other conditions, and the mutants."""
        good = tests.status == "passed"
        wanted, own = _with_control(self.pack, request.mutants) if good else ((), set())
        run = self._sure(OTHER_SEED, "again", self._mutants(request, wanted))
        if isinstance(run, Broken):
            bad = Evaluation("infrastructure", self.profile, detail=str(run))
            mutation = Mutation("infrastructure", detail=str(run)) if request.mutants else None
            return bad, Verdict("infrastructure", self.profile, detail=str(run)), mutation
        again = _compared(tests, decisions.verdict(run, self.declared, "tests", traced=False))
        evaluation = decisions.evaluation(run, "evaluation")
        if not request.mutants:
            return evaluation, again, None
        if not good or again.status != "passed":
            return evaluation, again, Mutation("failed", detail="the tests do not pass without a mutant")
        mutation = self._mutation(request, wanted, own, run)
        return evaluation, again, replace(mutation, cpu_seconds=max(mutation.cpu_seconds - again.cpu_seconds, 0.0))

    def _mutation(self, request: TrialRequest, wanted: Sequence[MutatedFile], own: set[str], run: Run) -> Mutation:
        """All mutants: a child takes so many at once; where one ends the process, the next child goes on behind it."""
        results: list[MutantResult] = []
        cpu, hung = 0.0, 0
        while True:
            rest = _some(wanted[len(results) :])
            cpu += run.ended.cpu_seconds
            found, problem = decisions.mutants(run, rest, self.declared)
            barred = run.barred()
            if problem or barred:
                status, detail = barred or ("failed", problem)
                return Mutation(status, detail=detail, cpu_seconds=cpu)
            results += found
            if len(found) < len(rest):
                status, detail = run.status()
                if status == "passed":
                    return Mutation("failed", tuple(results), "it does not tell of every mutant", cpu)
                hung += 1
                if hung > _HANGS:
                    detail = f"more than {_HANGS} mutants ended the process ({detail})"
                    return Mutation("failed", tuple(results), detail, cpu)
                outcome: Literal["timed_out", "broken"] = "timed_out" if status == "timed_out" else "broken"
                results.append(MutantResult(rest[len(found)].id, outcome, detail))
            if len(results) == len(wanted):
                return decisions.mutation(results, request.mutants, own, cpu)
            following = self._sure(OTHER_SEED, "again", self._mutants(request, wanted[len(results) :]))
            if isinstance(following, Broken):
                return Mutation("infrastructure", tuple(results), str(following), cpu)
            run = following

    def _mutants(self, request: TrialRequest, wanted: Sequence[MutatedFile]) -> dict[str, Any]:
        """What the child is told: path and content, in a row. Neither name nor kind."""
        told = [{"path": m.path, "content": m.content.decode("latin-1")} for m in _some(wanted)]
        return {"inputs": list(request.inputs), "mutants": told}

    def _ask(self, seed: int, what: str, payload: dict[str, Any] | None = None, **more: Any) -> Run:
        request = {"op": what, "pack": str(self.pack), "package": self.package, **more}
        return self.ask(seed, request, payload or {})

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


def _some(mutants: Sequence[MutatedFile]) -> Sequence[MutatedFile]:
    """As many of the first as one child takes."""
    size = 0
    for number, mutant in enumerate(mutants):
        size += len(mutant.content)
        if number and (number == _AT_ONCE or size > _BYTES_AT_ONCE):
            return mutants[:number]
    return mutants


def _with_control(pack: Path, mutants: Sequence[MutatedFile]) -> tuple[tuple[MutatedFile, ...], set[str]]:
    """The mutants, with a control of our own where the caller has none: a file with an empty line at its end."""
    if not mutants or any(m.control for m in mutants):
        return tuple(mutants), set()
    first = mutants[0]
    control = MutatedFile(_OWN, first.path, (pack / first.path).read_bytes() + b"\n", control=True)
    place = zlib.crc32(first.content) % (len(mutants) + 1)
    return (*mutants[:place], control, *mutants[place:]), {_OWN}


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
