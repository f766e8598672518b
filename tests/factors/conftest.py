"""The full table of the publishers' files, built once a run for the slow tests of selection and search."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.factors import FactorTable
from tests.factors.rows import publishers_table


@pytest.fixture(scope="session")
def full_table(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> FactorTable:
    """Some hundreds of thousands of rows in about twenty seconds: only for tests marked slow."""
    return publishers_table(shared / "data", tmp_path_factory.getbasetemp())
