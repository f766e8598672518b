"""A report made by hand, with something in every section: an agent that failed, and one that is fine."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from greenlang.factory.outcome import AgentOutcome, Detail, DimensionResult, MeasureResult
from greenlang.llm.ask import Disclosure
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.quality.judgement import Difference, Judgement, MutantLine
from greenlang.quality.report import LiteralLine, ModelPart, QualityReport, Reference
from greenlang.sandbox.trial import BlockResult, Mutation, Service, Trial
from greenlang.sandbox.verdict import CoverageResult, Evaluation, Profile, TestResult, Verdict

AT = "2026-11-21T02:00:00+00:00"
PACKAGE = "gl_buildings_boiler"
CATEGORIES = ("unit", "golden", "boundary", "property", "determinism", "integration")
STRICT = Profile("strict", ("landlock abi 7", "seccomp", "rlimits"))
WEAK = Profile("weak", ("rlimits",), ("native code may open sockets, start programs and signal other processes",))

OUTCOME = AgentOutcome(
    key="buildings/boiler@1.2.0-1ea1242b",
    file="boiler.yaml",
    outcome="quarantined",
    reason="quality: Tests, Determinism",
    agent_id="buildings/boiler",
    version="1.2.0",
    name="Boiler Replacement",
    spec_digest="1ea1242b" * 8,
    consumed_digest="c0ffee11" * 8,
)

DETAILS = {
    "tests": (
        Detail(
            "test_sum_of_gases expected 12.5, got 12.4",
            "tests/test_golden.py",
            41,
            "golden",
            "Make tools.total add nitrous oxide: the spec's formula has three terms, the code two",
        ),
    ),
    "documentation": (
        Detail("`total` has no docstring", f"{PACKAGE}/tools.py", 17, "D103", "Write a docstring", "warning"),
        Detail("`share` has no docstring", f"{PACKAGE}/tools.py", 31, "D103", "Write a docstring", "warning"),
    ),
    "determinism": (
        Detail(
            "heat-1000: co2e_kg is 12.4, expected 12.5",
            f"{PACKAGE}/tools.py",
            22,
            "vector",
            "Compare with the plan of co2e_kg in pack.yaml",
        ),
    ),
}
FAILED = {"tests": 82.5, "determinism": 71.25, "documentation": 66.0}
ABSENT = {
    "business_impact": "no document of market and carbon impact is there",
    "continuous_improvement": "a first version has no history",
}


def measures(name: str, *, good: bool) -> tuple[MeasureResult, ...]:
    details = () if good else DETAILS.get(name, ())
    taken = [MeasureResult("found in order", 1.0, True, "12 of 12 as declared", figures={"checks": 12.0})]
    if details:
        share = 0.65
        taken.append(
            MeasureResult("found wanting", share, False, f"{len(details)} findings", details, {"CPU s": 0.031})
        )
    taken.append(MeasureResult("not there", None, False, "needs a primitive that this machine lacks"))
    return tuple(taken)


def dimensions(*, good: bool = False) -> tuple[DimensionResult, ...]:
    found = []
    for d in DIMENSIONS:
        rest = {"threshold": d.threshold, "weight": d.weight, "required": d.required}
        if d.name in ABSENT:
            found.append(
                DimensionResult(d.name, d.title, "not_applicable", None, evidence="", reason=ABSENT[d.name], **rest)
            )
            continue
        bad = not good and d.name in FAILED
        taken = measures(d.name, good=not bad)
        found.append(
            DimensionResult(
                d.name,
                d.title,
                "failed" if bad else "passed",
                FAILED[d.name] if bad else 100.0,
                evidence="; ".join(f"{m.name}: {m.text}" for m in taken),
                reason=f"found wanting: {len(DETAILS[d.name])} findings" if bad else "",
                measures=taken,
                **rest,
            )
        )
    return tuple(found)


def mutants(*, good: bool = False) -> tuple[MutantLine, ...]:
    made = []
    operators = ("unit swapped", "factor of another year", "GWP set swapped", "sign", "off by 1000", "rounding")
    for number in range(24):
        operator = operators[number % len(operators)]
        lived = not good and number in {4, 9}
        made.append(
            MutantLine(
                f"m{number:02}",
                operator,
                f"{PACKAGE}/tools.py",
                20 + number,
                "    return energy * factor / Decimal(1000)",
                "    return energy * factor / Decimal(1000000)"
                if number == 4
                else "    return energy + factor / Decimal(1000)",
                "survived" if lived else "killed",
                "" if lived else "tests/test_golden.py::test_vector",
            )
        )
    return tuple(made)


def judgement(*, good: bool = False) -> Judgement:
    different = Difference(
        "heat-1000", "co2e_kg", {"agent": "12.4", "decimal": "12.5", "duckdb": "12.5", "expected": "12.5"}
    )
    return Judgement(
        dimensions(good=good),
        97.4 if good else 91.37,
        good,
        mutants(good=good),
        () if good else (different,),
        {"latency p95 ms": 0.41, "memory MB": 3.25, "CPU s": 0.31},
    )


def tests(*, good: bool = False) -> tuple[TestResult, ...]:
    made = [
        TestResult(f"tests/test_{c}.py::test_case_{n}", c, "passed", 0.002 * n + 0.001 * i)
        for i, c in enumerate(CATEGORIES)
        for n in range(8)
    ]
    if not good:
        message = "E   AssertionError: expected 12.5, got 12.4\nE   assert Decimal('12.4') == Decimal('12.5')"
        made[9] = TestResult("tests/test_golden.py::test_sum_of_gases", "golden", "failed", 0.034, message)
    return tuple(made)


def trial(*, good: bool = False, profile: Profile = STRICT) -> Trial:
    status = "passed" if good else "failed"
    detail = "" if good else "1 of 48 tests did not pass: tests/test_golden.py::test_sum_of_gases"
    found = tests(good=good)
    coverage = CoverageResult(95, 100, 18, 20, ((f"{PACKAGE}/tools.py", (7, 8, 9, 31, 32)),))
    verdict = Verdict(status, profile, found, coverage, 0.41, detail, 0.22, 61.5)  # type: ignore[arg-type]
    calls = tuple(0.2 + 0.25 * abs(math.sin(n)) ** 3 + (4.0 if n == 150 else 0) for n in range(200))
    return Trial(
        tests=verdict,
        evaluations=(Evaluation("passed", profile, b"{}"), Evaluation("passed", profile, b"{}")),
        again=replace(verdict, coverage=None),
        mutation=Mutation("passed", cpu_seconds=0.15),
        service=Service(
            "passed",
            calls,
            3.25,
            200,
            {"status": "ok"},
            blocks=(BlockResult("README.md", 12, "passed"), BlockResult("README.md", 30, "skipped", "it installs")),
        ),
    )


LITERALS = (
    LiteralLine(f"{PACKAGE}/tools.py", 22, "1000", "unit constant: kg per t"),
    LiteralLine(f"{PACKAGE}/tools.py", 24, "0.45", "spec: compute.inputs.grade.default"),
    LiteralLine(f"{PACKAGE}/factors.json", 3, "53.06", "factor: epa/stationary-combustion/2024/natural-gas/co2"),
    LiteralLine(f"{PACKAGE}/tools.py", 27, "0.87"),
)
REFERENCES = (
    Reference("buildings/heat_pump", "2.0.1", "same outputs and units", 98.5, {"latency p95 ms": 0.38, "CPU s": 0.3}),
    Reference("industrial/steam_boiler", "1.0.0", "same formulas", 94.0, {"latency p95 ms": 0.52}),
)
MODELS = (
    ModelPart(
        "README.md, summary",
        Disclosure(
            "describe@1",
            "ab" * 32,
            "anthropic",
            "a-model",
            {"temperature": 0, "seed": 42},
            {"temperature": 0},
            {"seed": "the provider refuses it"},
            replayed=True,
            prompt_tokens=812,
            completion_tokens=96,
            recorded_cost_usd=Decimal("0.0042"),
        ),
    ),
)


def report(*, good: bool = False, profile: Profile = STRICT, **changes: Any) -> QualityReport:
    """A report with every section; ``changes`` replace its fields."""
    outcome = OUTCOME
    if good:
        outcome = replace(
            OUTCOME, outcome="registered", reason="", pack_digest="5eed" * 16, certificate_digest="9" * 64
        )
    made = QualityReport.of(
        outcome,
        judgement(good=good),
        trial(good=good, profile=profile),
        at=AT,
        literals=LITERALS[:3] if good else LITERALS,
        references=REFERENCES,
        models=MODELS,
    )
    return replace(made, **changes)
