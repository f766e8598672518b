"""A factory of its own for each test of the line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.settings import Settings
from tests import libraries

sys.path.insert(0, str(Path(__file__).parent))  # for line_tools: tests are no package

import line_tools


@pytest.fixture(scope="session", autouse=True)
def _told() -> Iterator[None]:
    """Batches of this process need not find out about the libraries; one that is killed, or runs elsewhere, does."""
    line_tools.BEFORE.append(lambda settings: libraries.tell(settings.var))
    yield
    line_tools.BEFORE.clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Strict sandbox, two workers, everything below a temporary folder."""
    return Settings(var=tmp_path / "var", workers=2)
