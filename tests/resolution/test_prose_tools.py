"""Prose in all the manners that people use: what becomes a plan, and what is refused with reason and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlang.resolution.plan import Resolution
from tests.resolution.dialect_a import port, tool

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "prose_tools.yaml").read_text(encoding="utf-8")
)


def _ports(given: dict[str, Any]) -> dict[str, Any]:
    return {n: port(**_named(p)) if isinstance(p, dict) else p for n, p in given.items()}


def _named(keys: dict[str, Any]) -> dict[str, Any]:
    return {"unit" if k == "units" else k: v for k, v in keys.items()}


def _resolved(case: dict[str, Any]) -> Resolution:
    example = tuple(case["example"]) if "example" in case else None
    return tool(_ports(case["takes"]), _ports(case["gives"]), case["text"], example)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if "plans" in c])
def test_what_an_author_wrote_is_the_plan(name: str) -> None:
    found = _resolved(CASES[name])
    assert {o: p.text for o, p in found.plans.items()} == CASES[name]["plans"], [m.candidates for m in found.missing]
    assert found.complete
    assert {p.means for p in found.plans.values()} == {"prose"}


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if "refused" in c])
def test_what_is_not_certain_is_refused_with_the_reason(name: str) -> None:
    found = _resolved(CASES[name])
    assert found.plans == {}
    assert CASES[name]["refused"] in " | ".join(said for m in found.missing for said in (m.reason, *m.candidates))
