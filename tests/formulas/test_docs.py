"""What the page on formulas shows works as it stands there."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.formulas.__main__ import main
from greenlang.formulas.families import read_families
from greenlang.formulas.library import library
from greenlang.formulas.parse import FORMS, FUNCTIONS, parse

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "formulas.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def block(start: str) -> str:
    return next(text for _, text in BLOCKS if text.startswith(start))


def test_the_example_formula_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, name, start in (("waste", "tip", "formulas:"), ("tables", "correction", "table:")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yaml").write_text(block(start))
    assert main([str(tmp_path)]) == 0, capsys.readouterr().err


def test_the_example_family_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "families.yaml"
    path.write_text(block("families:"))
    assert read_families(path, library())[1] == []


def test_the_example_code_runs() -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE activities AS SELECT 250::DECIMAL(18,6) AS mass, 5.7::DECIMAL(18,12) AS ef")
        code = block("from greenlang.formulas.library")
        space = {"Decimal": Decimal, "connection": connection}
        exec(
            code.replace("connection.sql(", "rows = connection.execute(").replace(
                '"activities"))', '"activities")).fetchall()'
            ),
            space,
        )
        assert space["rows"] == [(Decimal(250), Decimal("5.7"), Decimal(1425), "ok")]


def test_every_function_is_on_the_page() -> None:
    table = PAGE.split("## Every construct")[0]
    for word in (*FUNCTIONS, *FORMS):
        assert f"`{word}" in table or f"`{word}(" in table, word
    for example in re.findall(r"\| (?:number|condition|sum|value|factor)[^|]*\| ([^|]*) \|", table):
        for text in re.findall(r"`([^`]+)`", example):
            parse(text)
