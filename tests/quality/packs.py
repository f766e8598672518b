"""A pack and a resolution made by hand: judging is tested without the generator and without the resolver."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang.formulas.tree import Name
from greenlang.quality.dimensions import CATEGORIES
from greenlang.resolution.plan import OutputPlan, Resolution, Vector
from greenlang.sandbox.verdict import CoverageResult, Evaluation, Profile, TestResult, Verdict
from greenlang.specs.model import AgentSpec, GoldenCase, InputSpec, LedgerLine, OutputSpec

PROFILE = Profile("strict", ("landlock abi 7", "seccomp", "rlimits"))
PACKAGE = "gl_mini"
ANSWERS = b'{"data":{"total":"8"},"ok":true}\n{"error":{"code":"not_covered"},"ok":false}\n'
FILES = {
    f"{PACKAGE}/__init__.py": '"""Adds."""\n',
    f"{PACKAGE}/tools.py": (
        '"""Tools."""\n\nfrom decimal import Decimal\n\nfrom pydantic import BaseModel\n\n\n'
        'class Given(BaseModel):\n    """Input."""\n\n    amount: Decimal\n\n\n'
        'def total(amount: Decimal) -> Decimal:\n    """Twice."""\n    return amount * 2\n'
    ),
    "tests/test_unit.py": "def test_a() -> None:\n    assert True\n",
    "README.md": "# Mini\n\n## Install and run\n\n## Inputs\n\n## Outputs\n\n## Emission factors\n\n## Not covered\n\n"
    "## Tests\n\n## Licence\n",
    "docs/api.md": "# API\n\n### `total`\n",
    "LICENSE": "Apache License\n",
    "pyproject.toml": '[project]\nname = "gl-mini"\ndependencies = ["greenlang-sdk==0.1.0", "pydantic>=2.11"]\n',
    "sbom.cdx.json": json.dumps(
        {
            "bomFormat": "CycloneDX",
            "metadata": {"component": {"name": "gl-mini"}},
            "components": [{"name": "greenlang-sdk"}, {"name": "pydantic"}],
        }
    ),
}


def resolution(**changes: Any) -> Resolution:
    spec = AgentSpec(
        dialect="pack",
        digest="0" * 64,
        agent_id="x/mini",
        version="1.0.0",
        name="Mini",
        summary="Adds.",
        tags=("x",),
        owners=("@gl",),
        inputs={"amount": InputSpec("amount", "float64", description="How much.")},
        outputs={"total": OutputSpec("total", "float64", description="Twice.")},
        golden=(GoldenCase("g", {"amount": Decimal(4)}, {}),),
        ledger=(LedgerLine("id", "used"), LedgerLine("realtime", "ignored", "not for calculation")),
    )
    plan = OutputPlan("total", "given", Name(name="amount", kind="input"), "2 * amount", 6)
    vectors = (
        Vector("four", "golden", {"amount": Decimal("4.0")}, {"total": "8"}),
        Vector("gap", "gap", {"amount": Decimal(5)}, error="not_covered"),
    )
    values: dict[str, Any] = {
        "spec": spec,
        "plans": {"total": plan},
        "order": ("total",),
        "lookups": {},
        "vectors": vectors,
    }
    return Resolution(**(values | changes))


def verdict(**changes: Any) -> Verdict:
    tests = tuple(TestResult(f"tests/test_{c}.py::test_{n}", c, "passed", 0.01) for c in CATEGORIES for n in range(8))
    values: dict[str, Any] = {
        "status": "passed",
        "profile": PROFILE,
        "tests": tests,
        "coverage": CoverageResult(95, 100, 18, 20, missing=(("gl_mini/tools.py", (1, 2)),)),
    }
    return Verdict(**(values | changes))


def evaluations(*outputs: bytes) -> list[Evaluation]:
    return [Evaluation("passed", PROFILE, o) for o in outputs or (ANSWERS, ANSWERS)]


def write(folder: Path) -> Path:
    """The good pack on disk."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
