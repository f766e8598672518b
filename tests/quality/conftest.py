"""Fixtures that judge the hand-made pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from greenlang.quality import judge
from tests.quality.packs import PACKAGE, evaluations, resolution, verdict, write


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """The good pack on disk."""
    return write(tmp_path / "pack")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One warm cache for all tests."""
    return tmp_path_factory.mktemp("cache")


Judge = Callable[..., dict[str, Any]]


@pytest.fixture
def judged(pack: Path, cache: Path) -> Iterator[Judge]:
    """Judge the pack as it lies on disk; keyword arguments replace what was run."""

    def run(**given: Any) -> dict[str, Any]:
        results = judge(
            given.get("resolution", resolution()),
            pack,
            PACKAGE,
            given.get("verdict", verdict()),
            given.get("evaluations", evaluations()),
            cache,
        )
        return {r.name: r for r in results}

    yield run
