"""Which executor runs `line_machines` is a matter of settings, and no password of theirs gets into Dagster."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import Definitions
from dagster._serdes import serialize_value

from greenlang.errors import SettingsError
from greenlang.settings import Settings
from greenlang_pipelines.executors import celery_config, executor
from greenlang_pipelines.machines import STORE_IO, line_machines, store_io
from resources.factory import FactoryResource

SECRET = "hunter2"


@pytest.mark.parametrize("name", ["in_process", "celery", "k8s"])
def test_it_is_chosen_by_a_setting_and_tells_no_password(name: str) -> None:
    settings = Settings(executor=name, celery_broker=f"redis://:{SECRET}@127.0.0.1/0")  # type: ignore[arg-type]
    assert SECRET not in repr(settings)
    defs = Definitions(
        jobs=[line_machines(settings)], resources={"factory": FactoryResource(), STORE_IO: store_io}, executor=None
    )
    job = defs.resolve_job_def("line_machines")
    assert name in job.executor_def.name
    assert SECRET not in serialize_value(job.get_job_snapshot())
    steps = [node.name for node in job.graph.nodes]
    assert sorted(steps) == ["build_shard", "close_batch", "run_line"], "configured as line_batch is"


def test_a_lost_task_is_looked_for_often_enough_and_may_be_configured(tmp_path: Path) -> None:
    more = tmp_path / "celery.yaml"
    more.write_text("backend: redis://elsewhere/1\nconfig_source: {result_expires: 60}\n")
    told = celery_config(Settings(celery_broker="redis://here/0", celery_lost_seconds=20, executor_config=more))
    assert (told["broker"], told["backend"]) == ("redis://here/0", "redis://elsewhere/1")
    source = told["config_source"]
    assert source["task_acks_late"] is True
    assert source["result_expires"] == 60
    options = source["broker_transport_options"]
    assert options["visibility_timeout"] == 20
    assert options["unacked_restore_interval"] <= 5


@pytest.mark.parametrize("text", [None, "- a list", "a: b: c"])
def test_a_file_of_configuration_that_cannot_be_used_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "executor.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match="GREENLANG_EXECUTOR_CONFIG"):
        executor(Settings(executor="k8s", executor_config=path))
