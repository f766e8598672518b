"""An overlay through Dagster's doors: the sensor's batch, and a run from the UI."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance

from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource
from tests.pipelines.test_assets import SPEC, real, shown
from tests.pipelines.test_batch import green, materialize_in_ui
from tests.pipelines.test_sensor import tick

__all__ = ["real"]

BARE = SPEC.replace(b'  formulas: {energy: "fuel * 2"}\n', b"")
OVERLAY = b"""\
overlay: 1
spec: {id: buildings/boiler, version: "1.0.0"}
reviewed: {by: "A. Reviewer"}
formulas:
  energy: {expression: "fuel * 2", source: "a textbook, page 1"}
"""


def sense(instance: DagsterInstance, factory: FactoryResource) -> list[str]:
    """One tick of the sensor, and the run that it asks for; the files of that run."""
    (request,) = tick(factory, instance).run_requests
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("line_batch")
    assert job.execute_in_process(instance=instance, run_config=request.run_config, tags=request.tags).success
    files: list[str] = request.run_config["ops"]["run_line"]["config"]["files"]
    return files


@pytest.mark.slow
def test_an_overlay_in_the_inbox_turns_its_agent_green_and_the_ui_builds_with_it(
    instance: DagsterInstance, real: FactoryResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox: Path = real.settings.var / "bucket" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "early.overlay.yaml").write_bytes(OVERLAY.replace(b"1.0.0", b"2.0.0"))
    (inbox / "mine.yaml").write_bytes(BARE)
    assert sense(instance, real) == ["early.overlay.yaml", "mine.yaml"]
    (key,) = instance.get_dynamic_partitions("agents")
    assert green(instance, "registry_entry") == set()
    assert "waits for the spec buildings/boiler 2.0.0" in str(shown(instance, "spec_inbox")["not registered"])

    (inbox / "mine.overlay.yaml").write_bytes(OVERLAY)
    assert sense(instance, real) == ["mine.overlay.yaml"]
    assert green(instance, "registry_entry") == {key}
    assert not tick(real, instance).run_requests

    assert materialize_in_ui(instance, real, [key]).success
    event = instance.get_latest_materialization_event(AssetKey("agent_spec"))
    assert event is not None
    assert event.asset_materialization is not None
    assert "mine.overlay.yaml" in str(event.asset_materialization.metadata["plan"].value)
