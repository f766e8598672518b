"""Dagster shows what stands, also what a killed run has built and nobody told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance
from dagster._core.definitions.job_definition import JobDefinition

from assets.names import AGENT_ASSETS
from greenlang.metrics import MetricsStore
from greenlang.settings import Settings
from greenlang_pipelines.definitions import build_defs
from tests import libraries
from tests.metrics.conftest import outcome, run_info

NEW, OTHER, OLD = "heat/new", "heat/other", "heat/old"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {"VAR": tmp_path / "var", "SETTLE_SECONDS": 0, "WORKERS": 1}.items():
        monkeypatch.setenv(f"GREENLANG_{name}", str(value))
    libraries.tell(tmp_path / "var")
    return Settings()


@pytest.fixture
def job(request: pytest.FixtureRequest, home: Settings) -> JobDefinition:
    return build_defs().resolve_job_def(request.param)


def key(agent: str) -> str:
    return f"{agent}@1.0.0-abcdef12"


def shown(instance: DagsterInstance, agent: str) -> list[str]:
    """The certificates of an agent's events in the registry's asset, the newest first."""
    found = instance.fetch_materializations(AssetKey(AGENT_ASSETS[-1]), limit=99).records
    events = [r.asset_materialization for r in found if r.partition_key == key(agent)]
    return [str(event.metadata["certificate digest"].value)[:1] for event in events if event is not None]


@pytest.mark.parametrize("job", ["line_batch", "line_machines"], indirect=True)
def test_what_was_built_and_not_told_is_told_by_the_next_batch(home: Settings, job: JobDefinition) -> None:
    metrics = MetricsStore(home)
    metrics.write([outcome(OLD, certificate_digest="a" * 64), outcome(OTHER, certificate_digest="b" * 64)], run_info())
    with DagsterInstance.ephemeral() as instance:
        for agent, digest in ((OLD, "a" * 64), (OTHER, "b" * 64)):
            event = AssetMaterialization(
                AGENT_ASSETS[-1], partition=key(agent), metadata={"certificate digest": digest}
            )
            instance.report_runless_asset_event(event)
        assert job.execute_in_process(instance=instance).success
        assert (shown(instance, OLD), shown(instance, OTHER)) == (["a"], ["b"]), "they were told of"
        # A run that builds one anew and one for the first time, and is killed before it tells.
        metrics.write([outcome(OLD, certificate_digest="c" * 64), outcome(NEW)], run_info("killed"))
        assert job.execute_in_process(instance=instance).success
        told = (shown(instance, OLD), shown(instance, OTHER), shown(instance, NEW))
        assert told == (["c", "a"], ["b"], ["c"])
        assert job.execute_in_process(instance=instance).success
        assert (shown(instance, OLD), shown(instance, OTHER), shown(instance, NEW)) == told
