"""The page of repair says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from greenlang.quality.repair import BUDGET_USD, ROUNDS, code
from greenlang.quality.repair.classes import NEVER_MODEL
from greenlang.quality.repair.outcome import RUNGS, RepairStatus
from greenlang.registry.references import EXAMPLE_BYTES, WEIGHTS

PAGE = (Path(__file__).parents[3] / "docs" / "repair.md").read_text()


def test_every_rung_and_every_end_has_its_line():
    for name in (*RUNGS, *get_args(RepairStatus)):
        assert f"\n| `{name}` | " in PAGE


def test_every_class_that_no_model_sees_stands_there_with_its_reason():
    for kind, why in NEVER_MODEL.items():
        assert f"| `{kind}` | {why} |" in PAGE


def test_the_figures_are_those_of_the_code():
    assert f"`GREENLANG_LLM_BUDGET_USD` ({BUDGET_USD}) and `GREENLANG_LLM_ROUNDS` ({ROUNDS})" in PAGE
    assert f"at most {EXAMPLE_BYTES:,} characters" in PAGE
    limits = (
        f"{code._MOST_SOURCE:,} characters of files, {code.MOST_FAILURES} failures and {code._MOST_SPEC:,} characters"
    )
    assert limits in PAGE
    for kind, weight in WEIGHTS.items():
        line = next(x for x in PAGE.splitlines() if x.startswith(f"| {kind}"))
        assert line.endswith(f"| {weight:g} |")
