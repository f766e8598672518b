"""docs/batch.md is true: its examples run, its statuses are all there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from greenlang.calc import CalculationEngine
from greenlang.calc.batch import run_batch
from greenlang.calc.batch_mapping import BatchMapping
from greenlang.calc.batch_prove import prove_row
from greenlang.calc.mistakes import Code
from tests.calc.batch_example import listed, mapping, write

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_gives_what_the_page_says(tmp_path: Path) -> None:
    (text,) = blocks("csv")
    path = tmp_path / "activities.csv"
    path.write_text(text)
    made, mistakes = run_batch(path, mapping(blocks("yaml")[0]), tmp_path / "results.parquet", CalculationEngine())
    assert made is not None, list(map(str, mistakes))
    rows = sorted(listed(made), key=lambda row: (row["invoice"], row["line"]))
    assert [row["status"] for row in rows] == ["ok", "ok", "not_a_number", "factor_refused"]
    assert [f"{row['emissions'].normalize():f}" for row in rows[:2]] == ["2287", "8531.4"]
    assert "2287 and 8531.4 kgCO2e" in PAGE
    proof = prove_row(made.certificate, made.results, ["2025-001", "2"])
    assert proof.text.replace(proof.combination["digest"], "<digest of the combination>") in PAGE


def test_the_expression_runs(tmp_path: Path) -> None:
    path = write(tmp_path / "activities.parquet", [{"id": "a", "litres": "1000"}])
    made, mistakes = run_batch(path, mapping(blocks("yaml")[1]), tmp_path / "results.parquet", CalculationEngine())
    assert made is not None, list(map(str, mistakes))
    assert listed(made)[0]["status"] == "ok"


def test_every_entry_and_every_status_is_on_the_page() -> None:
    for name in BatchMapping.model_fields:
        assert f"`{name}`" in PAGE, name
    of_rows = {"ok", "missing_id", "doubled_id", "unreadable", *get_args(Code)}
    elsewhere = {"unknown_formula", "broken_formula", "syntax", "dimension", "unknown_input", "override", "context"}
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert of_rows - elsewhere - {"release"} <= named
