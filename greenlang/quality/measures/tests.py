"""Tests: both runs, coverage, and what the tests make of mutants and controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from greenlang.factory.outcome import MUTATION_SCORE, Detail, MeasureResult
from greenlang.quality.dimensions import CATEGORIES, COVERAGE_PERCENT, MINIMUM_TESTS, MUTATION_PERCENT
from greenlang.quality.judgement import MutantLine
from greenlang.quality.measures import declared
from greenlang.quality.measures.results import NOT_RUN, either, inapplicable, share, some
from greenlang.quality.measures.subject import Subject
from greenlang.quality.mutation.operators import CONTROL
from greenlang.sandbox.trial import Mutation
from greenlang.sandbox.verdict import TestResult, Verdict

_DEAD = frozenset({"killed", "broken", "timed_out"})


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    verdict = subject.case.trial.tests
    present = {test.category for test in verdict.tests}
    absent = [name for name in CATEGORIES if name not in present]
    return [
        _passed(verdict),
        _stable(verdict, subject.case.trial.again),
        _coverage(verdict),
        _count(len(verdict.tests)),
        share("categories", len(CATEGORIES) - len(absent), len(CATEGORIES), "present", absent, _no_such(absent)),
        declared.expected(subject),
        *_mutation(subject),
    ]


_REASON = 200  # characters of a failed test's reason


def _count(count: int) -> MeasureResult:
    details = () if count >= MINIMUM_TESTS else (Detail(f"{count} tests, fewer than {MINIMUM_TESTS}"),)
    text = f"{count} of {MINIMUM_TESTS} or more"
    return MeasureResult("count", min(1.0, count / MINIMUM_TESTS), count >= MINIMUM_TESTS, text, details)


def _no_such(absent: Sequence[str]) -> list[Detail]:
    return [Detail(f"there is no test of the category {name}", rule="category") for name in absent]


def _passed(verdict: Verdict) -> MeasureResult:
    bad = [test for test in verdict.tests if test.outcome != "passed"]
    details = [_failure(test) for test in bad]
    result = share("passed", verdict.passed, len(verdict.tests), "tests", [t.id for t in bad], details)
    if verdict.status == "passed":
        return result
    part = result.share if verdict.status == "failed" else 0.0
    ended = Detail(f"verdict {verdict.status}: {verdict.detail}", rule=verdict.status)
    attempts = tuple(Detail(f"tried: {attempt}", rule="escaped") for attempt in verdict.attempts)
    text = f"{result.text}; verdict {verdict.status}: {verdict.detail}"
    return MeasureResult("passed", part, False, text, (ended, *attempts, *result.details))


def _failure(test: TestResult) -> Detail:
    return Detail(f"{test.id} {test.outcome}: {_reason(test)}", test.id.partition("::")[0], 0, test.outcome)


def _reason(test: TestResult) -> str:
    """What pytest says first of the mistake (lines with E); what stands below it is how the values came about."""
    said = test.message.strip().splitlines()
    mistakes = [line.removeprefix("E").strip() for line in said if line.startswith("E ")]
    reason = next(filter(None, mistakes), said[-1].strip() if said else "")
    return reason if len(reason) <= _REASON else f"{reason[:_REASON]}..."


def _stable(first: Verdict, again: Verdict | None) -> MeasureResult:
    if again is None:
        return inapplicable("stable", f"the second run {NOT_RUN}")
    once, twice = ({test.id: test.outcome for test in run.tests} for run in (first, again))
    flaky = [
        Detail(
            f"{name} {once.get(name, 'not run')}, then {twice.get(name, 'not run')}",
            name.partition("::")[0],
            rule="flaky",
            mend="a test must not depend on hash seed, clock, time zone, locale or working directory",
        )
        for name in sorted(once.keys() | twice.keys())
        if once.get(name) != twice.get(name)
    ]
    if again.status != first.status and not flaky:
        flaky.append(Detail(f"the run {first.status}, then {again.status}: {again.detail}", rule="flaky"))
    total = len(once.keys() | twice.keys()) or len(flaky)
    return share("stable", total - len(flaky), total, "tests end the same way", [d.message for d in flaky], flaky)


def _coverage(verdict: Verdict) -> MeasureResult:
    if verdict.coverage is None:
        return MeasureResult("coverage", 0.0, False, "not measured", (Detail("coverage was not measured"),))
    percent = verdict.coverage.percent
    gaps = [f"{name} lines {_lines(lines)}" for name, lines in verdict.coverage.missing]
    tail = f" (not: {some(gaps)})" if gaps else ""
    level: Literal["note", "error"] = "note" if percent >= COVERAGE_PERCENT else "error"
    details = tuple(
        Detail(f"lines {_lines(lines)} were not run", name, lines[0] if lines else 0, "uncovered", level=level)
        for name, lines in verdict.coverage.missing
    )
    return MeasureResult("coverage", percent / 100, percent >= COVERAGE_PERCENT, f"{percent:.2f} %{tail}", details)


def _lines(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:8])) + (" ..." if len(lines) > 8 else "")


def _mutation(subject: Subject) -> list[MeasureResult]:
    """The score of the mutants, and whether the controls say that it can be believed."""
    mutation, lines = subject.case.trial.mutation, subject.case.mutants
    names = ("mutation score", "mutation control")
    if lines is not None and not lines:
        return [inapplicable(name, "no operator finds a place") for name in names]
    if mutation is None or lines is None:
        return [inapplicable(name, f"the mutants: {NOT_RUN}") for name in names]
    runs = (subject.case.trial.tests, subject.case.trial.again)
    if any(run is not None and run.status != "passed" for run in runs):
        return [inapplicable(name, f"the tests do not pass without a mutant; the mutants: {NOT_RUN}") for name in names]
    if mutation.status != "passed" and any(line.outcome == "not run" for line in lines):
        ended = Detail(f"the run of the mutants {mutation.status}: {mutation.detail}", rule=mutation.status)
        return [MeasureResult(name, 0.0, False, ended.message, (ended,)) for name in names]
    ran = [line for line in lines if line.outcome != "not run"]
    controls = [line for line in ran if line.operator == CONTROL]
    mutants = [line for line in ran if line.operator != CONTROL]
    if not mutants:
        return [inapplicable(name, f"none of {len(lines)} mutants was run") for name in names]
    killed = [line for line in mutants if line.outcome in _DEAD]
    return [_score(mutants, killed), _control(mutation, controls, killed)]


def _score(mutants: Sequence[MutantLine], killed: Sequence[MutantLine]) -> MeasureResult:
    survivors = [
        Detail(
            f"survived: {line.before} -> {line.after}",
            line.path,
            line.line,
            line.operator,
            "add a case to the spec in which this place decides",
        )
        for line in mutants
        if line.outcome not in _DEAD
    ]
    part = len(killed) / len(mutants)
    of_threshold = min(1.0, 100 * part / MUTATION_PERCENT)  # a certificate does not tell 20 mutants from all of them
    tail = f" (survived: {some([f'{d.path}:{d.line} {d.rule}' for d in survivors])})" if survivors else ""
    text = f"{len(killed)} of {len(mutants)} killed{tail}"
    return MeasureResult(
        "mutation score",
        of_threshold,
        100 * part >= MUTATION_PERCENT,
        text,
        tuple(survivors),
        {MUTATION_SCORE: round(100 * part, 4)},
    )


def _control(mutation: Mutation, controls: Sequence[MutantLine], killed: Sequence[MutantLine]) -> MeasureResult:
    """The supervisor hides controls of its own, too, of which only its words tell."""
    problems = [
        Detail(f"a change that changes nothing was killed by {line.by or 'a test'}", line.path, line.line, CONTROL)
        for line in controls
        if line.outcome != "survived"
    ]
    if not killed:
        problems.append(Detail("no mutant was killed: the tests notice nothing", rule="none killed"))
    if mutation.status != "passed" and not problems:
        problems.append(Detail(mutation.detail or mutation.status, rule=CONTROL))
    return either("mutation control", problems, f"{len(controls)} controls survived, {len(killed)} mutants were killed")
