"""From what a child claims, and the manner of its end, to what is said of the pack.

Belongs here: pure functions of the supervisor. Does not belong here: processes, reading untrusted bytes
(`greenlang.sandbox.claims`).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from greenlang.sandbox import claims
from greenlang.sandbox.claims import Claims
from greenlang.sandbox.trial import Block, BlockResult, MutantResult, MutatedFile, Mutation, Service
from greenlang.sandbox.verdict import Evaluation, Profile, Status, Verdict

_MAX_LINES = 1_000
_MAX_TEXT = 1_000_000
MUTANT_OUTCOMES = ("killed", "survived", "timed_out", "broken")


@dataclass(frozen=True, slots=True)
class Ended:
    """The manner of a child's end, as the server saw it."""

    code: int | None
    signal: int | None
    problem: str
    seconds: float
    cpu_seconds: float
    peak_kb: int

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Ended:
        """Out of the server's message. Raises KeyError, TypeError, ValueError."""
        return cls(
            code=message["code"],
            signal=message["signal"],
            problem=str(message["problem"]),
            seconds=float(message["seconds"]),
            cpu_seconds=float(message["cpu_seconds"]),
            peak_kb=int(message["peak_kb"]),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One child: its claim, its end, and the limits that it had."""

    claim: Claims
    ended: Ended
    profile: Profile
    seconds: int
    memory_mb: int

    def barred(self) -> tuple[Status, str] | None:
        """Why nothing of this run counts, None where there is no such reason."""
        claim = self.claim
        if claim.unconfined:
            return "infrastructure", f"the child could not be confined: {claim.unconfined}"
        if claim.confined and claim.confined != self.profile.primitives:
            return "infrastructure", f"the child was confined by {', '.join(claim.confined)} only"
        if claim.attempts:
            return "escaped", f"it {claim.attempts[0]}"
        if self.ended.signal == getattr(signal, "SIGSYS", -1):
            return "escaped", "it made a system call that is forbidden, and was killed"
        return None

    def status(self) -> tuple[Status, str]:
        """What the manner of its end says; ``passed`` here means that the result may be looked at."""
        claim, ended = self.claim, self.ended
        barred = self.barred()
        if barred:
            return barred
        if ended.problem == "timed out" or ended.signal == signal.SIGXCPU:
            return "timed_out", f"stopped after {self.seconds} s"
        if ended.problem:
            return "failed", ended.problem
        if claim.result.get("out_of_memory") or "MemoryError" in claim.problem:
            return self.out_of_memory()
        if ended.signal == signal.SIGKILL:
            return "out_of_memory", "killed by the system, which does that when memory runs out"
        if claim.problem:
            return "failed", claim.problem
        if not claim.ended or ended.code != 0:  # a report may be forged; the end is the server's own word
            how = f"signal {ended.signal}" if ended.signal else f"exit code {ended.code}"
            what = "badly after its result" if claim.ended else "without a result"
            return "failed", f"the process ended {what} ({how})"
        return "passed", ""

    def out_of_memory(self) -> tuple[Status, str]:
        """The verdict on one that asked for too much."""
        return "out_of_memory", f"it asked for more than {self.memory_mb} MB"

    def part(self, name: str) -> tuple[Status, str, dict[str, Any]]:
        """A part of the result: it counts if it came before the end, whatever that was, unless the run is barred."""
        value = self.claim.part(name)
        if value is None:
            status, detail = self.status()
            return (status, detail, {}) if status != "passed" else ("failed", f"its report lacks {name}", {})
        barred = self.barred()
        if barred:
            return (*barred, {})
        if value.get("out_of_memory"):
            return (*self.out_of_memory(), value)
        return "passed", "", value


def verdict(run: Run, declared: set[str], part: str = "", *, traced: bool = True) -> Verdict:
    """The verdict on a run of the tests; ``part`` names the part of the report that tells of them."""
    if part:
        status, detail, result = run.part(part)
    else:
        status, detail = run.status()
        result = run.claim.result
    told = bool(result) and (bool(part) or run.claim.ended)
    return _verdict(run, (status, detail), result if told else {}, declared, traced=traced)


def unchanged(run: Run, met: dict[str, Any], declared: set[str]) -> Verdict:
    """The verdict on the tests as a control met them, in which nothing is changed."""
    return _verdict(run, ("passed", ""), {"exit": 0, "errors": [], **met}, declared, traced=False)


def _verdict(
    run: Run, so_far: tuple[Status, str], result: dict[str, Any], declared: set[str], *, traced: bool
) -> Verdict:
    status, detail = so_far
    results, problem = claims.tests(result, declared) if result else ((), "")
    coverage = claims.coverage(result) if result and traced else None
    if status == "passed":
        bad = [t for t in results if t.outcome != "passed"]
        if problem:
            status, detail = "failed", problem
        elif bad:
            status, detail = "failed", f"{len(bad)} of {len(results)} tests did not pass: {bad[0].id}"
        elif result.get("exit") != 0:
            status, detail = "failed", f"the test run ended with code {result.get('exit')}"
        elif traced and coverage is None:
            status, detail = "failed", "its coverage is malformed"
    spent = result.get("cpu_seconds")  # what came after this part was not spent on it
    return Verdict(
        status,
        run.profile,
        results,
        coverage,
        seconds=run.ended.seconds,
        detail=detail,
        cpu_seconds=min(run.ended.cpu_seconds, spent) if isinstance(spent, float) else run.ended.cpu_seconds,
        peak_memory_mb=run.ended.peak_kb / 1024,
        attempts=run.claim.attempts,
    )


def evaluation(run: Run, part: str = "") -> Evaluation:
    """The answers of the agent."""
    if part:
        status, detail, result = run.part(part)
    else:
        status, detail = run.status()
        result = run.claim.result
    output = result.get("output", "")
    if status == "passed" and (result.get("error") or not isinstance(output, str)):
        status, detail = "failed", str(result.get("error", "its answer is malformed"))
    data = output.encode() if status == "passed" else b""
    return Evaluation(status, run.profile, data, detail, seconds=run.ended.seconds, attempts=run.claim.attempts)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run tells of one mutant; ``met``: the tests that one who survived has met, as a result tells them."""

    result: MutantResult
    met: dict[str, Any] = field(default_factory=dict)


def mutants(
    run: Run, wanted: Sequence[MutatedFile], declared: set[str], known: Sequence[str]
) -> tuple[list[Told], str]:
    """What a run tells of the first of the mutants wanted, in their order, and what is wrong with it.

    Who survives has met each of the ``known`` tests, so the run says; one that does not say so tells nothing.
    """
    found: list[Told] = []
    told = [value for name, value in run.claim.parts if name == "mutant"]
    if len(told) > len(wanted):
        return [], "it tells of more mutants than there are"
    for mutant, value in zip(wanted, told, strict=False):
        outcome, by = (value.get("outcome"), value.get("by")) if isinstance(value, dict) else (None, None)
        if outcome not in MUTANT_OUTCOMES or not isinstance(by, str):
            return [], "what it tells of a mutant is malformed"
        if (
            outcome == "killed"
            and by.partition("[")[0] not in declared
            and by.partition("::")[0] not in _files(declared)
        ):
            return [], "a mutant was killed by a test that is not in the files"
        met = {"tests": value.get("tests"), "cpu_seconds": value.get("cpu_seconds")} if outcome == "survived" else {}
        if met:
            tests, problem = claims.tests({**met, "errors": []}, declared)
            if problem or [test.id for test in tests] != list(known):
                return [], "a mutant survived that has not met every test"
        found.append(Told(MutantResult(mutant.id, cast(Any, outcome), by[:500]), met))
    return found, ""


def _files(declared: set[str]) -> set[str]:
    return {name.partition("::")[0] for name in declared}


def mutation(
    results: Sequence[MutantResult], asked: Sequence[MutatedFile], own: Sequence[MutantResult], cpu: float
) -> Mutation:
    """The verdict on the run of all mutants. ``own``: of the supervisor's controls, which no one else sees."""
    controls = {m.id for m in asked if m.control}
    shown = tuple(results)
    wrong = [r for r in (*results, *own) if (r in own or r.id in controls) and r.outcome != "survived"]
    real = [r for r in results if r.id not in controls]
    detail = ""
    if wrong:
        first = wrong[0]
        what = f"{first.id}, {first.outcome}" + (f" by {first.by}" if first.by else "")
        detail = f"it kills what was not changed ({what})"
    elif real and not any(r.outcome in ("killed", "timed_out") for r in real):
        detail = "its tests notice nothing: not one mutant dies"
    return Mutation("failed" if detail else "passed", shown, detail, cpu)


def service(run: Run, blocks: Sequence[Block]) -> Service:
    """The agent as one who operates it meets it; what is malformed is left out and said."""
    status, detail, result = run.part("service")
    if status != "passed":
        return Service(status, detail=detail, cpu_seconds=run.ended.cpu_seconds)
    http = {
        str(name): (int(pair[0]), str(pair[1])[:_MAX_TEXT])
        for name, pair in claims.mapping(result.get("http")).items()
        if isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int
    }
    health, metrics = http.get("GET /health", (0, "")), http.get("GET /metrics", (0, ""))
    ran = _blocks(result.get("blocks"), blocks)
    problems = [str(p) for p in _list(result.get("problems"))]
    if result.get("http_detail"):
        problems.append(str(result["http_detail"]))
    if ran is None:
        problems.append("what it tells of the code blocks is malformed")
    base, peak = result.get("base_kb"), result.get("peak_kb")
    memory = (peak - base) / 1024 if type(base) is int and type(peak) is int else 0.0
    return Service(
        status="failed" if result.get("problems") or ran is None else "passed",
        latency_ms=tuple(sorted(float(x) for x in _list(result.get("latency_ms")) if isinstance(x, int | float))),
        memory_mb=max(memory, 0.0),
        http_status=health[0],
        health=_json(health[1]),
        metrics=_json(metrics[1]),
        logs=tuple(str(line) for line in _list(result.get("logs"))[:_MAX_LINES]),
        blocks=ran or (),
        detail="; ".join(problems),
        cpu_seconds=run.ended.cpu_seconds,
        http=http,
        printed={str(k): str(v)[:_MAX_TEXT] for k, v in claims.mapping(result.get("printed")).items()},
        told=claims.mapping(result.get("told")),
        damaged=None if result.get("damaged") is None else str(result["damaged"])[:_MAX_TEXT],
    )


def _blocks(told: Any, blocks: Sequence[Block]) -> tuple[BlockResult, ...] | None:
    values = [claims.mapping(value) for value in _list(told)]
    if len(values) != len(blocks) or any(v.get("outcome") not in ("passed", "failed", "skipped") for v in values):
        return None
    return tuple(
        BlockResult(block.path, block.line, cast(Any, value["outcome"]), str(value.get("message", "")))
        for block, value in zip(blocks, values, strict=True)
    )


def _json(text: str) -> dict[str, Any]:
    try:
        return claims.mapping(claims.loads(text))
    except (ValueError, RecursionError):
        return {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
