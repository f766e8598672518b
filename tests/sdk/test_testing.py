"""What tests of agents share."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from greenlang_sdk.testing import Case, agrees, answers, calculate, read_cases, text_of

from tests.sdk.agents import Share, Tip


def case(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input": {"amount": 1}, "expect": {}, "tolerances": {}} | more


def write(path: Path, vectors: list[dict[str, Any]]) -> Path:
    content = {
        "base": {"amount": 1},
        "vectors": vectors,
        "refused": [case("bad", code="invalid_input", field="amount")],
    }
    path.write_text(json.dumps(content | {"accepted": [case("good")], "bounds": [], "scaling": []}))
    return path


@pytest.mark.parametrize(("count", "sampled"), [(0, 0), (1, 1), (8, 8), (9, 5), (40, 8)])
def test_a_sample_is_spread_evenly_and_small(tmp_path: Path, count: int, sampled: int) -> None:
    vectors = [case(f"v{n}") for n in range(count)] + [case("refused", code="calculation")]
    cases = read_cases(write(tmp_path / "vectors.json", vectors))
    assert len(cases.answered) == count
    assert len(cases.sample) == sampled
    assert set(cases.sample) <= set(cases.answered) if count == 0 else cases.sample[0] is cases.answered[0]
    assert [str(c) for c in (*cases.refused, *cases.accepted)] == ["bad", "good"]
    assert isinstance(cases.refused[0], Case)


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance", "agreed"),
    [
        (Decimal("1.50"), "1.5", None, True),
        (Decimal("1.51"), "1.5", None, False),
        (Decimal("1.51"), "1.5", "0.01", True),
        (Decimal("1.52"), "1.5", "0.01", False),
        (Decimal("0.005"), "0", "0.01", True),  # beside zero a tolerance is absolute
        (True, "true", "0.01", True),
        (False, "true", None, False),
        ("gas", "gas", "0.5", True),
    ],
)
def test_outputs_agree_to_the_digit_or_within_the_tolerance(
    actual: object, expected: str, tolerance: str | None, agreed: bool
) -> None:
    assert agrees(actual, expected, tolerance) is agreed


def test_text_of_each_kind() -> None:
    assert [text_of(v) for v in (True, False, Decimal("1.0"), "x", 3)] == ["true", "false", "1", "x", "3"]


def test_tools_are_called_one_after_the_other() -> None:
    assert calculate(Share(), {"amount": 6})["share"] == 1
    assert calculate(Tip(), {"loads": [{"mass": 6}]})["total"] == 6


def test_answers_are_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("gl_share")
    module.Agent = Share  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gl_share", module)
    first, second = answers("gl_share", [{"amount": 6}, {"amount": 6, "parts": 0}]).splitlines()
    assert json.loads(first) == {
        "ok": True,
        "data": {"share": "1"},
        "provenance": Share().run({"amount": 6}).provenance,
    }
    assert json.loads(second) == {
        "ok": False,
        "error": {"code": "calculation", "field": "share", "message": "division by zero"},
    }
