"""Outcomes by hand, and a store in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from greenlang.factory.outcome import AgentOutcome, Detail, DimensionResult, MeasureResult
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.quality.judgement import Difference, MutantLine
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    var = tmp_path / "var"
    var.mkdir()
    return Settings(var=var)


@pytest.fixture
def store(settings: Settings) -> MetricsStore:
    return MetricsStore(settings)


@pytest.fixture
def make() -> Callable[..., AgentOutcome]:
    return outcome


@pytest.fixture
def run() -> Callable[..., RunInfo]:
    return run_info


def run_info(run_id: str = "run-1", **changes: Any) -> RunInfo:
    values: dict[str, Any] = {"entrance": "cli", "started_at": datetime(2026, 11, 21, 2, tzinfo=UTC), "agents": 2}
    return RunInfo(run_id, **{**values, **changes})


def outcome(agent: str = "heat/boiler", *, tests: int = 2, **changes: Any) -> AgentOutcome:
    values: dict[str, Any] = {
        "key": f"{agent}@1.0.0-abcdef12",
        "file": f"{agent.rsplit('/', 1)[-1]}.yaml",
        "outcome": "registered",
        "reason": "",
        "agent_id": agent,
        "version": "1.0.0",
        "name": "Boiler",
        "spec_digest": "a" * 64,
        "dialect": "pack_compute",
        "state": "draft",
        "score": 91.5,
        "coverage": 98.25,
        "tests_passed": tests,
        "tests_total": tests,
        "pack_digest": "b" * 64,
        "certificate_digest": "c" * 64,
        "consumed_digest": "d" * 64,
        "sandbox_profile": "strict",
        "seconds": 1.5,
        "stage_seconds": {"spec_validation": 0.25, "packaging": 1.25},
        "diagnostics": (Diagnostic("GLS001", "warning", "unused input `x`", line=3, column=5),),
        "tests": tuple(
            {
                "id": f"test_golden.py::test_{n}",
                "category": "golden",
                "outcome": "passed",
                "seconds": 0.1,
                "message": "",
            }
            for n in range(tests)
        ),
        "dimensions": (
            DimensionResult(
                *("tests", "Tests", "passed", 100.0, 90.0, 2.0, True, f"{tests} of {tests} passed"),
                measures=(
                    MeasureResult("coverage", 0.98, True, "98 %", figures={"coverage %": 98.25}),
                    MeasureResult("latency", None, False, "not run", (Detail("slow", "a/tools.py", 3, "L1", "cache"),)),
                ),
            ),
            DimensionResult("security", "Security", "not_applicable", None, 90.0, 1.0, False, "", "later"),
        ),
        "lineage": (
            {"kind": "factor", "ref": "ef://epa/x/2024/gas/co2", "digest": "e" * 64, "citation": "EPA Hub, Table 1"},
            {"kind": "spec", "ref": "boiler.yaml", "digest": "a" * 64, "citation": ""},
        ),
        "mutants": (
            MutantLine("m1", "sign", "a/tools.py", 7, "a + b", "a - b", "killed", "test_golden.py::test_0"),
            MutantLine("m2", "rounding", "a/tools.py", 9, "6", "5", "survived"),
        ),
        "mutant_tier": "20",
        "repairs": (
            {
                "n": 0,
                "rung": "quarantine",
                "round": 0,
                "error_class": "mutants",
                "status": "refused",
                "reason": "left",
                "failures_before": 2,
                "failures_after": 1,
                "seconds": 1.5,
                "usd": 0.25,
                "visible_rate": 1.0,
                "held_out_rate": None,
                "digest_before": "a",
                "digest_after": "b",
                "fingerprint": "f" * 8,
            },
        ),
        "differences": (Difference("golden one", "co2e", {"agent": "1.0", "decimal": "1.1"}),),
        "figures": {"mutation score %": 50.0, "latency p95 ms": 0.75, "memory MB": 2.5, "calls": 200.0},
        "report": "reports/x",
        "summary": {"plan": "# Plan\n`a * b`", "tests": "| x |"},
    }
    return AgentOutcome(**{**values, **changes})
