"""The engine over the small factor table and the small library."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.calc import CalculationEngine
from greenlang.factors import FactorTable
from greenlang.formulas.library import FormulaLibrary, load
from tests.calc.example import FORMULAS, LOSSES, ROWS


@pytest.fixture(scope="session")
def table() -> FactorTable:
    """The small factor table."""
    return FactorTable(ROWS, "test-1.0.0")


@pytest.fixture(scope="session")
def formulas(tmp_path_factory: pytest.TempPathFactory) -> FormulaLibrary:
    """The small library."""
    folder: Path = tmp_path_factory.mktemp("formulas")
    for name, text in (("carbon/test.yaml", FORMULAS), ("tables/losses.yaml", LOSSES)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load(folder)


@pytest.fixture(scope="session")
def engine(table: FactorTable, formulas: FormulaLibrary) -> CalculationEngine:
    """The engine over both."""
    return CalculationEngine(table, formulas)
