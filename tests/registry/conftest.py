"""An empty registry on each database: every test that takes `url` or `registry` runs on both.

Belongs here: fixtures of this room. Does not belong here: the server (`postgres`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlang.registry import Registry


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty registry."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'var' / 'registry.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of the signing key."""
    return tmp_path / "var" / "keys"


@pytest.fixture
def registry(url: str, keys: Path) -> Iterator[Registry]:
    """An empty registry."""
    with Registry(url, keys=keys) as opened:
        yield opened
