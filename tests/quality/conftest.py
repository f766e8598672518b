"""Fixtures that judge the good pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.good import write


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The good pack on disk."""
    return write(tmp_path / "pack")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One warm cache for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The good pack, which tests only read."""
    return write(tmp_path_factory.mktemp("good") / "pack")
