"""Failures of a pack, classed: what kind each is, whether a model may see it, and a fingerprint that stays the same.

Belongs here: reading a trial and a judgement. Does not belong here: measuring, mending. Everything is decided by rule;
a model never classes anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from greenlang.factory.outcome import Detail, DimensionResult, MeasureResult
from greenlang.quality.judgement import Judgement
from greenlang.sandbox.trial import Mutation, Service, Trial
from greenlang.sandbox.verdict import Evaluation, Status, TestResult, Verdict
from greenlang.specs.diagnostics import Diagnostic

ErrorClass = Literal[
    "syntax",
    "import",
    "lint",
    "types",
    "test",
    "coverage",
    "mutants",
    "literal",
    "nondeterminism",
    "differential",
    "time_out",
    "memory",
    "escape",
    "gate",
    "security",
    "secret",
    "spec",
    "documents",
    "deployment",
    "service",
    "supply",
    "infrastructure",
    "other",
]
# What a model is never asked about, each for its reason (docs/repair.md prints them).
NEVER_MODEL: dict[ErrorClass, str] = {
    "escape": "code that tried to leave the sandbox is looked at by a person",
    "gate": "code that reaches for what no agent needs is looked at by a person",
    "infrastructure": "the failure is ours; code that is not at fault is not changed",
    "literal": "a number without a source cannot be given one by a model",
    "secret": "the text would be sent to a provider",
}
# What no change of code can mend: it is not sent to the code rung, and alone it keeps the rung from being asked.
NOT_CODE: frozenset[ErrorClass] = frozenset({"spec", "supply", "deployment", "documents"})

_BY_MEASURE: dict[str, ErrorClass] = {
    "syntax": "syntax",
    "lint": "lint",
    "complexity": "lint",
    "types": "types",
    "imports": "import",
    "dependencies declared": "import",
    "dependencies used": "import",
    "passed": "test",
    "integration tests": "test",
    "refusals typed": "test",
    "tools callable": "test",
    "stable": "nondeterminism",
    "identical": "nondeterminism",
    "no model, no chance": "nondeterminism",
    "as expected": "differential",
    "differential": "differential",
    "provenance": "differential",
    "literal audit": "literal",
    "mutation score": "mutants",
    "mutation control": "mutants",
    "coverage": "coverage",
    "count": "coverage",
    "categories": "coverage",
    "security rules": "security",
    "secrets": "secret",
    "latency": "service",
    "cost of a call": "service",
    "memory": "service",
    "input validation": "test",
    "inputs that matter": "spec",
    "basis of CO2e": "spec",
}
_BY_WORD: tuple[tuple[str, ErrorClass], ...] = (  # for measures that are declared after this was written
    ("mutant", "mutants"),
    ("literal", "literal"),
    ("secret", "secret"),
    ("differ", "differential"),
    ("flaky", "nondeterminism"),
    ("determin", "nondeterminism"),
    ("licence", "supply"),
    ("sbom", "supply"),
    ("advisor", "supply"),
    ("audit", "supply"),
)
# Where a pack did not get as far as its tests, what measures say of these is a consequence, and would hide the cause.
CAUSES: frozenset[ErrorClass] = frozenset({"syntax", "import", "time_out", "memory", "escape", "gate"})
_CONSEQUENCES: frozenset[ErrorClass] = frozenset(
    {"test", "coverage", "mutants", "nondeterminism", "differential", "service", "documents", "other"}
)
_RUN_BY_TESTS = frozenset({"passed", "integration tests"})  # the tests themselves tell more
_BY_DIMENSION: dict[str, ErrorClass] = {
    "specification": "spec",
    "implementation": "lint",
    "tests": "test",
    "determinism": "nondeterminism",
    "documentation": "documents",
    "compliance_security": "security",
    "deployment_readiness": "deployment",
    "exit_criteria": "service",
    "integration": "test",
    "business_impact": "spec",
    "operations": "service",
    "continuous_improvement": "supply",
}
_BY_STATUS: dict[Status, ErrorClass] = {
    "timed_out": "time_out",
    "out_of_memory": "memory",
    "escaped": "escape",
    "infrastructure": "infrastructure",
}
_SYNTAX = re.compile(r"\b(?:SyntaxError|IndentationError|TabError)\b")
_IMPORT = re.compile(r"\b(?:ModuleNotFoundError|ImportError|NameError|circular import)\b")
_GATE = re.compile(r"\bgate\b|\bnot allowed\b|\brefused before\b", re.IGNORECASE)
_NOISE = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x"),
    (re.compile(r"(?:/[\w.@+-]+){2,}/"), ""),  # a machine's folders
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|seconds|MB)\b"), ""),
)
_MOVES = (  # what changes when a line is added above
    (re.compile(r"\bline \d+|:\d+(?=[:,\s)]|$)"), ""),
    (re.compile(r"\s+"), " "),
)
_LONGEST = 600


def settled(text: str) -> str:
    """A text without what differs from run to run and from machine to machine: folders, addresses, times."""
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return text


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong. ``required`` is whether it alone keeps the agent from passing.

    ``category`` is that of a test, ``where`` the test's id or the measure's name, ``path`` is relative to the pack.
    """

    kind: ErrorClass
    message: str
    where: str = ""
    category: str = ""
    path: str = ""
    line: int = 0
    required: bool = True
    mend: str = ""

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits, the same from run to run and from machine to machine; a moved line changes nothing."""
        text = settled(self.message)[:_LONGEST]
        for pattern, instead in _MOVES:
            text = pattern.sub(instead, text)
        return sha256("\0".join((self.kind, self.where, self.path, text.strip())).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """The class, with the category of a test: ``test golden``."""
        return f"{self.kind} {self.category}".strip()

    @property
    def text(self) -> str:
        """One line for people."""
        place = f"{self.path}:{self.line}: " if self.path else ""
        return f"{self.label}: {place}{self.where}: {self.message}" if self.where else f"{self.label}: {self.message}"


def classify(judgement: Judgement, trial: Trial) -> tuple[Failure, ...]:
    """All failures, once each, those of the sandbox first.

    Where our side failed there is one failure and no other: nothing else that was measured counts. Where the code does
    not parse, cannot be imported or was stopped, what only follows from that is left out.
    """
    if mishap := ours(judgement, trial):
        return (Failure("infrastructure", mishap, "sandbox"),)
    found = [*_of_runs(trial), *_of_tests(trial)]
    tested = any("::" in f.where for f in found)
    measured = [f for d in judgement.dimensions if d.status == "failed" for f in _of_dimension(d, tested)]
    causes = {f.kind for f in found} & CAUSES | {f.kind for f in measured if f.kind == "syntax"}
    follows = (_CONSEQUENCES if causes else frozenset()) | ({"literal"} if "syntax" in causes else frozenset())
    found += [f for f in measured if f.kind not in follows]
    first: dict[str, Failure] = {}
    for failure in found:
        first.setdefault(failure.fingerprint, failure)
    return tuple(first.values())


def ours(judgement: Judgement, trial: Trial) -> str:
    """What went wrong on our side, "" where nothing did.

    What a judgement misses counts only where the tests ran: of a pack that is refused before it runs, all is missing.
    """
    return trial.infrastructure or (judgement.mishap if trial.tests.status == "passed" else "")


def of_diagnostics(findings: Iterable[Diagnostic]) -> tuple[Failure, ...]:
    """Findings of reader and resolver that are errors, as failures of the spec."""
    return tuple(
        Failure("spec", d.message, d.code, path=d.file, line=d.line, mend=d.hint)
        for d in findings
        if d.severity == "error"
    )


def together(failures: Sequence[Failure]) -> str:
    """One fingerprint over the required failures: the same one again means that nothing was gained."""
    marks = sorted({f.fingerprint for f in failures if f.required} or {f.fingerprint for f in failures})
    return sha256("\n".join(marks).encode()).hexdigest()[:16]


def barred(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """The failures for which no model is asked about this pack at all."""
    return tuple(f for f in failures if f.kind in NEVER_MODEL)


def _of_runs(trial: Trial) -> list[Failure]:
    runs: list[tuple[str, Verdict | Evaluation | Mutation | Service | None]] = [
        ("tests", trial.tests),
        ("tests again", trial.again),
        ("mutants", trial.mutation if trial.tests.status == "passed" else None),  # without tests nothing is killed
        ("service", trial.service),
    ]
    runs += [(f"evaluation {n}", e) for n, e in enumerate(trial.evaluations, 1)]
    found = []
    for name, run in runs:
        if run is None:
            continue
        attempts = run.attempts if isinstance(run, Verdict | Evaluation) else ()
        found += [Failure("escape", attempt, name) for attempt in attempts]
        kind = _BY_STATUS.get(run.status)
        if kind is not None and not (kind == "escape" and attempts):
            found.append(Failure(kind, run.detail or run.status, name))
        elif run.status == "failed" and run.detail and not _tells(run):
            found.append(Failure(_of_text(run.detail, "other"), run.detail, name))
    return found


def _tells(run: Verdict | Evaluation | Mutation | Service) -> bool:
    """Whether a failed run has tests that tell more than its detail."""
    return isinstance(run, Verdict) and any(t.outcome not in {"passed", "skipped"} for t in run.tests)


def _of_tests(trial: Trial) -> list[Failure]:
    found = [_of_test(t) for t in trial.tests.tests if t.outcome in {"failed", "error"}]
    if trial.again is not None:
        first = {t.id: t.outcome for t in trial.tests.tests}
        found += [
            Failure(
                "nondeterminism",
                f"{first[t.id]} first and {t.outcome} under other conditions",
                t.id,
                t.category,
                _file(t.id),
            )
            for t in trial.again.tests
            if t.id in first and first[t.id] != t.outcome
        ]
    return found


def _of_test(test: TestResult) -> Failure:
    kind = _of_text(test.message, "test") if test.outcome == "error" else "test"
    return Failure(kind, test.message or test.outcome, test.id, test.category, _file(test.id))


def _file(test_id: str) -> str:
    return test_id.partition("::")[0]


def _of_text(text: str, otherwise: ErrorClass) -> ErrorClass:
    if _SYNTAX.search(text):
        return "syntax"
    if _IMPORT.search(text):
        return "import"
    return "gate" if _GATE.search(text) else otherwise


def _of_dimension(dimension: DimensionResult, tested: bool) -> list[Failure]:
    unmet = [m for m in dimension.measures if m.share is not None and not m.met]
    if not dimension.measures:
        kind = _BY_DIMENSION.get(dimension.name, "other")
        return [Failure(kind, dimension.reason or dimension.evidence, dimension.name, required=dimension.required)]
    found = []
    for measure in unmet:
        kind = measure_class(dimension.name, measure.name)
        if measure.name in _RUN_BY_TESTS and tested:
            continue
        found += [replace(f, required=dimension.required) for f in _of_measure(kind, measure)]
    return found


def _of_measure(kind: ErrorClass, measure: MeasureResult) -> list[Failure]:
    wrong: list[Detail] = [d for d in measure.details if d.level == "error"] or list(measure.details)
    if not wrong:
        return [Failure(kind, measure.text, measure.name)]
    return [
        Failure(kind, f"{d.rule} {d.message}".strip(), measure.name, path=d.path, line=d.line, mend=d.mend)
        for d in wrong
    ]


def measure_class(dimension: str, measure: str) -> ErrorClass:
    """The class of what a measure finds: by its name, by a word in it, or by its dimension."""
    if measure in _BY_MEASURE:
        return _BY_MEASURE[measure]
    for word, kind in _BY_WORD:
        if word in measure:
            return kind
    return _BY_DIMENSION.get(dimension, "other")
