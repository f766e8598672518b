"""A factory of its own for each test of the line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from greenlang.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))  # for line_tools: tests are no package


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Strict sandbox, two workers, everything below a temporary folder."""
    return Settings(var=tmp_path / "var", workers=2)
