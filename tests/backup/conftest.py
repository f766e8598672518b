"""A small real factory: two agents that were built, tested and judged, one of them promoted, and a spec refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from greenlang.registry import Caller, Registry
from greenlang.registry.lifecycle import Lifecycle
from greenlang.settings import Settings
from tests import libraries
from tests.line import line_tools


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; tests work on copies."""
    settings = Settings(var=tmp_path_factory.mktemp("factory") / "var", workers=2, mutants=2)
    libraries.tell(settings.var)
    line_tools.drop(
        settings,
        boiler__pack__yaml=line_tools.example("boiler"),
        waste__pack__yaml=line_tools.example("waste"),
        broken__yaml=b"id: [",
    )
    outcomes = line_tools.run(settings)
    assert {one.outcome for one in outcomes.values()} == {"registered", "refused"}
    with Registry(settings.registry, keys=settings.keys, caller=Caller(actor="ada")) as registry:
        entry = registry.all()[0]
        Lifecycle(registry).promote(f"{entry.agent_id}@{entry.version}", "experimental", "for the tests")
    return settings.var


@pytest.fixture
def factory(built: Path, tmp_path: Path) -> Settings:
    """A copy of it."""
    shutil.copytree(built, tmp_path / "var", symlinks=True)
    return Settings(var=tmp_path / "var", workers=2, mutants=2)
