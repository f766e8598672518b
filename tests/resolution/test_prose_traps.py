"""Texts that lead to a wrong number where what is left is taken for what is meant: refused, or certain for a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlang.resolution.plan import Resolution
from tests.resolution.dialect_a import tool

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "prose_traps.yaml").read_text(encoding="utf-8")
)


def _resolved(case: dict[str, Any]) -> Resolution:
    takes, gives = (
        {n: {"type": "number", **p} if isinstance(p, dict) else p for n, p in case[side].items()}
        for side in ("takes", "gives")
    )
    return tool(takes, gives, case["text"], tuple(case["example"]) if "example" in case else None)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if "refused" in c])
def test_a_trap_is_refused_with_the_reason(name: str) -> None:
    found = _resolved(CASES[name])
    assert found.plans == {}
    assert CASES[name]["refused"] in " | ".join(said for m in found.missing for said in (m.reason, *m.candidates))


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if "plans" in c])
def test_its_twin_is_a_plan(name: str) -> None:
    found = _resolved(CASES[name])
    assert {o: p.text for o, p in found.plans.items()} == CASES[name]["plans"], [m.candidates for m in found.missing]
