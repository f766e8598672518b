"""The full table of the publishers' files, for the slow tests of selection and search."""

from __future__ import annotations

import pytest

from greenlang.factors import FactorTable
from greenlang.factors.editions import EditionRead
from greenlang.settings import Settings
from greenlang.sync import releases
from tests.conftest import of_all_workers
from tests.factors.rows import publishers_table


@pytest.fixture(scope="session")
def full_table(prepared: tuple[Settings, list[EditionRead]], tmp_path_factory: pytest.TempPathFactory) -> FactorTable:
    """All rows of all editions, with their standing."""
    return publishers_table(releases(prepared[0]).candidate(), of_all_workers(tmp_path_factory))
