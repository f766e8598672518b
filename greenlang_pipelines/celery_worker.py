"""The Celery application of a worker: ``celery -A greenlang_pipelines.celery_worker worker``.

Belongs here: the application, made from the settings that the executor is made from too. Does not belong here: the
configuration (``executors``). `dagster-celery worker start` reads a YAML file instead, and falls back on AMQP without a
word where it is nested otherwise than it expects.
"""

from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from greenlang.settings import Settings
from greenlang_pipelines.executors import celery_config

app = make_app(CeleryExecutor.for_cli(**celery_config(Settings())).app_args())

execute_plan = create_task(app)
