"""A pack that is wrong in one way fails the measure that is about it, and says where: an agent in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.quality import judge
from tests.quality.good import (
    PACKAGE,
    case,
    logs,
    service,
    spec_with,
    trial,
    unmet,
    verdict,
)
from tests.quality.measures.broken import (
    Files,
    Runs,
    Several,
    append,
    calling,
    check_file,
    check_run,
    edit,
    line,
    without,
    without_basis,
)

SENTENCE = {"code": "invalid_input", "field": "is 1 above 0"}
FILES: Files = {
    "process module": (
        append(f"{PACKAGE}/logs.py", "\nimport subprocess\n"),
        "exit_criteria.cost of a call",
        "imports subprocess",
    ),
    "empty changelog": (
        lambda pack: (pack / "CHANGELOG.md").write_text("# Changelog\n"),
        "continuous_improvement.changelog",
        "there is no entry",
    ),
    "class of another version": (
        edit(f"{PACKAGE}/agent.py", 'version = "1.0.0"', 'version = "1.0.1"'),
        "continuous_improvement.one version",
        "agent.py",
    ),
}

# files that several measures are about: all of them, and no other
SEVERAL: Several = {
    "changelog of another version": (
        edit("CHANGELOG.md", "## 1.0.0", "## 0.9.0"),
        {"continuous_improvement.changelog", "determinism.statements"},
    ),
    "undeclared": (
        edit("pyproject.toml", ', "pydantic>=2.11"', ""),
        {"integration.dependencies declared"},
    ),
    "unused": (
        edit("pyproject.toml", '"pydantic>=2.11"', '"pydantic>=2.11", "rich"'),
        {"integration.dependencies used", "compliance_security.sbom true"},
    ),
}

RUNS: Runs = {
    "version": (
        lambda: {"resolution": spec_with(version="1.0")},
        {
            "continuous_improvement.version",
            "continuous_improvement.changelog",
            "continuous_improvement.one version",
            "deployment_readiness.one story",
            "operations.health",
            "determinism.statements",
            "implementation.says what the plan says",
            "operations.one answer",
        },
        "1.0",
    ),
    "slow": (
        lambda: {"trial": trial(service=service(latency_ms=(0.1,) * 94 + (51.0,) * 6))},
        {"exit_criteria.latency"},
        "above 50 ms",
    ),
    "not timed": (
        lambda: {"trial": trial(service=service(status="out_of_memory", latency_ms=(), detail="8 GB"))},
        {"exit_criteria.latency", "exit_criteria.memory"},
        "no call was timed: out_of_memory 8 GB",
    ),
    "large": (lambda: {"trial": trial(service=service(memory_mb=65.0))}, {"exit_criteria.memory"}, "more than 64 MB"),
    "tools not called": (
        lambda: {"trial": trial(tests=verdict(tests=without(*calling())), again=verdict(tests=without(*calling())))},
        {"integration.tools callable"},
        "no test that was run calls a tool",
    ),
    "no basis": (
        lambda: {"resolution": without_basis()},
        {
            "business_impact.basis of CO2e",
            "deployment_readiness.one story",
            "determinism.pinned rows",
            "determinism.statements",
            "operations.one answer",
        },
        "0 of 4 outputs in CO2e",
    ),
    "unhealthy": (
        lambda: {"trial": trial(service=service(http_status=500))},
        {"operations.health"},
        "GET /health answered 500",
    ),
    "health of another": (
        lambda: {"trial": trial(service=service(health={"status": "ok", "agent": "x/y", "version": "1.0.0"}))},
        {"operations.health"},
        "says agent 'x/y'",
    ),
    "metrics that count nothing": (
        lambda: {"trial": trial(service=service(metrics={"runs": 0}))},
        {"operations.metrics"},
        "counts nothing",
    ),
    "no metrics": (lambda: {"trial": trial(service=service(metrics={}))}, {"operations.metrics"}, "gives no count"),
    "plain logs": (
        lambda: {"trial": trial(service=service(logs=("it ran", logs()[1])))},
        {"operations.logs"},
        "is no JSON object",
    ),
    "no run id": (
        lambda: {"trial": trial(service=service(logs=(line(0, run_id=None), logs()[1])))},
        {"operations.logs"},
        "has no run_id",
    ),
    "one run id": (
        lambda: {"trial": trial(service=service(logs=(line(0, run_id="1f"), line(1, run_id="1f"))))},
        {"operations.logs"},
        "two runs have one run id",
    ),
    "time without a zone": (
        lambda: {"trial": trial(service=service(logs=(line(0, time="2026-01-02T03:04:05"), logs()[1])))},
        {"operations.logs"},
        "its time has no zone",
    ),
    "figures in the logs": (
        lambda: {"trial": trial(service=service(logs=(line(0, consumption="1000"), logs()[1])))},
        {"operations.logs keep still"},
        "holds consumption",
    ),
    "figure in a message": (
        lambda: {"trial": trial(service=service(logs=(line(0, message="answered 177"), logs()[1])))},
        {"operations.logs keep still"},
        "message holds a figure",
    ),
    "sentence for a field": (
        lambda: {
            "trial": trial(
                service=service(logs=(logs()[0], line(1, errors=[{"code": "invalid_input", "field": "is 1 above 0"}])))
            )
        },
        {"operations.logs keep still"},
        "more than code and field",
    ),
    "errors that are no list": (
        lambda: {"trial": trial(service=service(logs=(line(0, errors="x"), logs()[1])))},
        {"operations.logs keep still"},
        "more than code and field",
    ),
    "figure under a known key": (
        lambda: {"trial": trial(service=service(logs=(line(0, errors=1000), logs()[1])))},
        {"operations.logs keep still"},
        "holds",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_in_a_file_fails_one_measure(name: str, pack: Path) -> None:
    check_file(pack, *FILES[name])


@pytest.mark.parametrize("name", SEVERAL)
def test_what_several_measures_are_about_fails_those(name: str, pack: Path) -> None:
    change, wanted = SEVERAL[name]
    change(pack)
    assert unmet(judge(case(pack))) == wanted


@pytest.mark.parametrize("name", RUNS)
def test_what_was_run_fails_the_measures_that_rest_on_it(name: str, untouched: Path) -> None:
    make, wanted, said = RUNS[name]
    check_run(untouched, make(), wanted, said)
