"""What the instance's template allows at once: Dagster reads it, and its queue keeps to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance, DagsterRunStatus, JobDefinition
from dagster._core.instance.config import dagster_instance_config
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from greenlang.nightly.order import run_priority
from greenlang_pipelines.definitions import build_defs

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = [ROOT / "dagster.yaml", ROOT / "deploy" / "dagster.yaml"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parent.name)
def test_dagster_takes_the_template_and_both_limit_the_same(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://nobody@127.0.0.1:1/none")
    (tmp_path / "dagster.yaml").write_text(template.read_text())
    read, _ = dagster_instance_config(str(tmp_path), "dagster.yaml")  # raises for what its schema does not know
    expected = yaml.safe_load((ROOT / "dagster.yaml").read_text())["concurrency"]
    assert read["concurrency"] == expected
    assert expected["pools"] == {"granularity": "run", "default_limit": 1}


def test_a_limit_that_dagster_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("concurrency: {pools: {default_limit: 1, granularity: night}}\n")
    with pytest.raises(Exception, match="granularity"):
        dagster_instance_config(str(tmp_path), "dagster.yaml")


def test_the_queue_lets_one_batch_run_by_day_first_and_then_tenants_by_priority(tmp_path: Path) -> None:
    """Real queue, real limits: what the daemon would launch next, again and again."""
    defs = build_defs()
    batch, metrics = defs.resolve_job_def("line_batch"), defs.resolve_job_def("daily_metrics")
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    launched: list[list[str]] = []
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        for name, priority in (("calm", run_priority(10)), ("acme", run_priority(90)), ("default", run_priority(50))):
            _queued(instance, batch, name, priority)
        _queued(instance, batch, "inbox", 0)
        _queued(instance, metrics, "catalogue", 0)
        daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
        while runs := daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None):
            launched.append([run.tags["greenlang/tenant"] for run in runs])
            for run in runs:
                instance.report_run_canceled(run)
    assert launched == [["inbox", "catalogue"], ["acme"], ["default"], ["calm"]]


def _queued(instance: DagsterInstance, job: JobDefinition, tenant: str, priority: int) -> None:
    target = LoadableTargetOrigin(module_name="greenlang_pipelines.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name="greenlang")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job.name)
    tags = {**job.tags, "greenlang/tenant": tenant, "dagster/priority": str(priority)}
    instance.create_run_for_job(job, status=DagsterRunStatus.QUEUED, tags=tags, remote_job_origin=origin)
