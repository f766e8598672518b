"""What runs the steps of `line_machines`: the run's own process, Celery workers, or Kubernetes jobs, by settings alone.

Belongs here: executors made from settings; both ends of Celery are configured here, so that they cannot differ. The
libraries of an executor are imported only where it is chosen. Does not belong here: the job (``machines``).
"""

from collections.abc import Mapping
from typing import Any

import yaml
from dagster import ExecutorDefinition, in_process_executor

from greenlang.errors import SettingsError
from greenlang.settings import Settings


def executor(settings: Settings) -> ExecutorDefinition:
    """The executor of these settings; what it is configured with stands in no run and no snapshot.

    Raises SettingsError where its library is not installed, or its file of configuration cannot be read.
    """
    if settings.executor == "in_process":
        return in_process_executor
    config: Mapping[str, Any]
    try:
        if settings.executor == "celery":
            from dagster_celery import celery_executor as chosen

            config = celery_config(settings)
        else:
            from dagster_k8s import k8s_job_executor as chosen

            config = _more(settings)
    except ImportError as error:
        wanted = f"pip install 'greenlang[{settings.executor}]'"
        raise SettingsError(f"GREENLANG_EXECUTOR={settings.executor} needs {wanted}: {error}") from error
    name = f"greenlang_{settings.executor}"
    return chosen.configured(lambda _: dict(config), name=name, config_schema={})


def celery_config(settings: Settings) -> dict[str, Any]:
    """The configuration of Celery's executor and of its workers.

    A worker is one process, since a daemon of Celery's pool may not start the line's own workers. A task is
    acknowledged when it has ended: that of a worker that dies is another's after `celery_lost_seconds`.
    """
    more = _more(settings)
    source = more.pop("config_source", {})
    every = max(1, min(10, settings.celery_lost_seconds // 4))  # seconds between two looks for lost tasks
    ours = {
        "worker_pool": "solo",
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "task_compression": "gzip",  # each task is told of all shards
        "result_compression": "gzip",
        "result_expires": 86_400,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": settings.celery_lost_seconds,
            "unacked_restore_interval": every,
            "unacked_restore_throttle": 1,
        },
    }
    address = settings.celery_broker
    return {"broker": address, "backend": address, **more, "config_source": {**ours, **source}}


def _more(settings: Settings) -> dict[str, Any]:
    """What the file of configuration says."""
    if settings.executor_config is None:
        return {}
    try:
        told = yaml.safe_load(settings.executor_config.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"GREENLANG_EXECUTOR_CONFIG: {settings.executor_config} cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise SettingsError(f"GREENLANG_EXECUTOR_CONFIG: {settings.executor_config} holds no mapping")
    return told
