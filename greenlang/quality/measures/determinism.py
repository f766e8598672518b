"""Determinism and zero hallucination: the same bytes everywhere, the right figures, each traced, none from a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import source
from greenlang.quality.measures import decisions, pinned
from greenlang.quality.measures.agreement import difference
from greenlang.quality.measures.results import NOT_RUN, inapplicable, none, share, short, some
from greenlang.quality.measures.subject import Subject
from greenlang.quality.statements import statements
from greenlang.sandbox.verdict import Evaluation

_DIGEST = re.compile(r"[0-9a-f]{64}")


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    return [
        _identical(subject.case.trial.evaluations),
        _as_expected(subject),
        _differential(subject),
        _literals(subject),
        decisions.measure(subject),
        pinned.measure(subject),
        _statements(subject),
        _no_chance(subject),
        _provenance(subject),
    ]


def _identical(runs: Sequence[Evaluation]) -> MeasureResult:
    broken = [Detail(f"{run.status}: {run.detail}", rule=run.status) for run in runs if run.status != "passed"]
    if broken:
        return MeasureResult("identical", 0.0, False, some([d.message for d in broken]), tuple(broken))
    if len(runs) < 2:
        said = f"{len(runs)} evaluations; two are needed"
        return MeasureResult("identical", 0.0, False, said, (Detail(said),))
    others = [
        Detail(f"{_first_other(runs[0], run)}{f' ({run.conditions})' if run.conditions else ''}", rule="other bytes")
        for run in runs
        if run.output != runs[0].output
    ]
    if others:
        said = f"{len(runs)} runs gave different bytes: {some([d.message for d in others])}"
        return MeasureResult("identical", 0.0, False, said, tuple(others))
    said = "; ".join(run.conditions for run in runs if run.conditions)
    return MeasureResult("identical", 1.0, True, f"{len(runs)} runs gave the same bytes{f' ({said})' if said else ''}")


def _first_other(first: Evaluation, other: Evaluation) -> str:
    """Where two evaluations part."""
    lines, others = first.output.splitlines(), other.output.splitlines()
    at = next((i for i, pair in enumerate(zip(lines, others, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return f"{len(lines)} answers, then {len(others)}"
    return f"answer {at + 1} is {_short(lines[at])}, then {_short(others[at])}"


def _short(line: bytes) -> str:
    return short(line.decode(errors="replace"), 120)


def _as_expected(subject: Subject) -> MeasureResult:
    wrong = []
    for number, vector in enumerate(subject.vectors):
        said = difference(vector, subject.lines[number]) if number < len(subject.lines) else "no answer"
        if said:
            wrong.append(Detail(f"{vector.name}: {said}", rule=vector.origin))
    if len(subject.lines) > subject.expected_answers:
        wrong.append(Detail(f"{len(subject.lines)} answers to {subject.expected_answers} questions"))
    total = len(subject.vectors)
    return share("as expected", max(0, total - len(wrong)), total, "vectors", [d.message for d in wrong], wrong)


def _differential(subject: Subject) -> MeasureResult:
    case = subject.case
    if case.differences is None:
        return inapplicable("differential", f"the differential runs: {NOT_RUN}")
    total = case.compared.inputs
    if not total:
        return inapplicable("differential", "no input was found that the spec allows and no vector holds")
    details = [
        Detail(
            f"{d.case}: {d.output} is {', '.join(f'{value} by {who}' for who, value in d.sources.items())}",
            rule="difference",
        )
        for d in case.differences
    ]
    bad = len({d.case for d in case.differences})
    said = [d.message for d in details]
    result = share("differential", max(0, total - bad), total, "inputs agree", said, details)
    return replace(result, text=f"{result.text}; {case.compared.text}")


def _literals(subject: Subject) -> MeasureResult:
    found = subject.case.literals
    if found is None:
        return inapplicable("literal audit", f"the literal audit {NOT_RUN}")
    return none("literal audit", [replace(d, rule=d.rule or "literal") for d in found], "untraced numbers")


def _statements(subject: Subject) -> MeasureResult:
    if subject.case.resolution.missing:
        return inapplicable("statements", "not every output has a plan to compare with")
    return none("statements", statements(subject.case.resolution, subject.files), "untraced statements")


def _no_chance(subject: Subject) -> MeasureResult:
    found = [
        Detail(
            f"imports {name}", path, line, "import", "what calculates must know neither clock nor chance nor network"
        )
        for path, line, name in source.forbidden_imports(source.reached(subject.own, subject.case.package))
    ]
    return none("no model, no chance", found, "imports")


def _provenance(subject: Subject) -> MeasureResult:
    seen: dict[str, object] = {}
    wrong, answered = [], 0
    for number, answer in enumerate(subject.answers):
        if answer.get("ok") is not True:
            continue
        answered += 1
        digest = str(answer.get("provenance", ""))
        if not _DIGEST.fullmatch(digest):
            wrong.append(Detail(f"answer {number + 1} carries no digest of its calculation", rule="provenance"))
        elif seen.setdefault(digest, answer.get("data")) != answer.get("data"):
            wrong.append(Detail(f"answer {number + 1} carries the digest of another answer", rule="provenance"))
    if not subject.lines:
        return MeasureResult("provenance", 0.0, False, "no answers", (Detail("no answers"),))
    if not answered:
        return inapplicable("provenance", "every vector is one that must be refused")
    said = [d.message for d in wrong]
    return share("provenance", answered - len(wrong), answered, "answers carry their digest", said, wrong)
