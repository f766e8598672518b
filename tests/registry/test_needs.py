"""Needs in ranges from the spec to the registry, who would be left without a version, and regulations as a filter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from greenlang.registry import Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.details import needs_of
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.pack_exchange import push
from greenlang.registry.pack_reading import read_pack
from greenlang.registry.tenants import Tenants
from greenlang.registry.versions import resolve
from greenlang.specs.model import Dependency
from tests.factory.conftest import build_combustion
from tests.registry.emit import made
from tests.registry.lives import enter, judged

GRID, REPORT = "core/grid@1.2.0", "heat/report@1.0.0"


@pytest.fixture
def needing(registry: Registry) -> Registry:
    """An experimental report that needs the grid in a range."""
    enter(registry, agent_id="core/grid", version="1.2.0")
    registry.register(judged("heat/report"), needs={"core/grid": ">=1.2,<2"})
    assert Lifecycle(registry).promote(REPORT, "experimental", "judged").taken
    return registry


def test_a_pack_carries_what_its_spec_needs_and_names(registry: Registry, tmp_path: Path) -> None:
    built = build_combustion()
    dependency = Dependency("core/grid", "needs", versions=">=1.2,<2")
    spec = replace(built.spec, dependencies=(dependency,), regulations=("ESRS E1", "GHG Protocol Corporate Standard"))
    entry = made.pack(tmp_path, replace(built, spec=spec))
    brought = read_pack(tmp_path / entry.pack)
    assert (brought.needs, brought.entry.regulations) == ({"core/grid": ">=1.2,<2"}, spec.regulations)
    push(registry, tmp_path / entry.pack, tmp_path / "var")
    enter(registry, agent_id="core/grid", version="1.3.0")
    enter(registry, agent_id="core/grid", version="2.0.0", spec_digest="d" * 64)
    assert resolve(registry, entry.agent_id)["core/grid"].version == "1.3.0"
    for asked in ("GHG Protocol", "greenhouse gas protocol", "CSRD", "ESRS E1"):
        assert [one.agent_id for one in registry.search(regulation=asked)] == [entry.agent_id], asked
    assert registry.search(regulation="CBAM") == []


def test_what_nothing_satisfies_is_a_warning_where_somebody_asks(needing: Registry) -> None:
    check = Tenants(needing).check
    assert "needs" not in [one.rule for one in check(REPORT, "staging")]
    needing.yank("core/grid", "1.2.0", "b" * 64, "wrong figure")
    (found,) = [one for one in check(REPORT, "staging") if one.rule == "needs"]
    assert found.severity == "warning"
    assert "core/grid >=1.2,<2, and core/grid has 1.2.0 (yanked)" in found.message
    (event,) = AuditLog(needing).query(event="agent.yanked")
    assert event.as_dict()["detail"]["left_without"] == ["heat/report@1.0.0 (needs >=1.2,<2)"]


def test_what_somebody_in_use_needs_is_not_retired(needing: Registry) -> None:
    life = Lifecycle(needing)
    refused = life.retire(GRID, "old")
    assert not refused.taken
    assert [(one.name, one.found) for one in refused.lacking] == [("needed", "heat/report@1.0.0 (needs >=1.2,<2)")]
    enter(needing, agent_id="core/grid", version="1.4.0")
    assert life.retire(GRID, "old").taken
    assert not life.retire("core/grid@1.4.0", "old").taken
    assert life.deprecate(REPORT, "", "nobody asks").taken
    assert life.retire("core/grid@1.4.0", "old").taken
    assert needs_of(needing, "heat/report") == {("default", "1.0.0"): {"core/grid": ">=1.2,<2"}}
