"""The Celery application of a worker: ``celery -A greenlang_pipelines.celery_worker worker``.

Belongs here: the application, made from the settings that the executor is made from too. Does not belong here: the
configuration (``executors``). `dagster-celery worker start` reads a YAML file instead, and falls back on AMQP without a
word where it is nested otherwise than it expects.
"""

from typing import Any

from celery.signals import setup_logging
from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from greenlang.settings import Settings
from greenlang.telemetry import process
from greenlang_pipelines.executors import celery_config

_settings = Settings()


def _ours(**_: Any) -> None:
    """Log as the factory does. Celery, which is told so by its signal, then adds no handler of its own."""
    process.start(_settings)


if _settings.log_format == "json":
    setup_logging.connect(_ours)

app = make_app(CeleryExecutor.for_cli(**celery_config(_settings)).app_args())

execute_plan = create_task(app)
