"""A factory that builds nothing, an instance of its own for each test, and a var of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

sys.path.insert(0, str(Path(__file__).parent))

from fake_factory import CALLS, FakeFactory


@pytest.fixture
def factory(tmp_path: Path) -> FakeFactory:
    CALLS.clear()
    return FakeFactory(var=str(tmp_path / "var"))


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(autouse=True)
def _own_var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test looks at the checkout's own var."""
    monkeypatch.setenv("GREENLANG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("GREENLANG_SETTLE_SECONDS", "0")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
