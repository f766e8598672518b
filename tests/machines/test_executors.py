"""Which executor runs `line_machines` is a matter of settings, and no password of theirs gets into Dagster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster import Definitions
from dagster._serdes import serialize_value

from greenlang.errors import SettingsError
from greenlang.settings import Settings
from greenlang_pipelines.executors import celery_config, executor
from greenlang_pipelines.machines import STORE_IO, line_machines, store_io
from resources.factory import FactoryResource
from tests.machines.services import ROOT

SECRET = "hunter2"
# What `celery worker` does with its logs, and a step that then loads the code location, which switches telemetry on.
_WORKER = """
import logging
from greenlang_pipelines.celery_worker import app
app.log.setup("INFO", redirect_stdouts=True)
from greenlang.settings import Settings
from greenlang.telemetry import process
process.start(Settings())
logging.getLogger("greenlang.factory").info("of the line")
logging.getLogger("celery.worker").info("of Celery")
logging.getLogger("celery.task").warning("of a task")
logging.getLogger("elsewhere").warning("of others")
"""


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


def test_a_worker_says_each_line_once() -> None:
    def said(form: str) -> list[str]:
        environment = {**os.environ, "GREENLANG_LOG_FORMAT": form, "GREENLANG_EXECUTOR": "celery"}
        command = [sys.executable, "-c", _WORKER]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        return done.stderr.splitlines()

    lines = [json.loads(line) for line in said("json")]
    assert [(line["message"], line["component"]) for line in lines] == [
        ("of the line", "generator"),
        ("of Celery", "pipelines"),
        ("of a task", "pipelines"),
        ("of others", "other"),
    ]
    for line, text in zip(lines, said("text"), strict=True):
        assert text.startswith("["), "in Celery's own form"
        assert text.endswith((f": {line['message']}", f"] {line['message']}"))
