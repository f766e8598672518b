"""Assembly only: which assets, checks, jobs, schedules, sensors and resources make up the code location.

Nothing imports this module but Dagster and the tests.
"""

from collections.abc import Mapping
from typing import Any

from dagster import Definitions

from assets import agents, analytics, emission_factors, reports
from greenlang.settings import Settings
from greenlang.telemetry import process
from greenlang_pipelines import jobs, machines, schedules
from resources.factory import FactoryResource
from sensors import alerts, inbox, nightly, tables


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> Definitions:
    """Fresh definitions; ``resource_overrides`` replaces resources by name (tests pass a fake factory)."""
    settings = Settings()
    process.start(settings)
    on_machines = machines.line_machines(settings)
    batch = machines.batch_job(settings, on_machines)
    return Definitions(
        assets=[*emission_factors.ASSETS, *agents.ASSETS, *analytics.ASSETS, *reports.ASSETS],
        asset_checks=[*emission_factors.CHECKS, *analytics.CHECKS],
        jobs=[
            jobs.line_batch,
            on_machines,
            jobs.reference_tables,
            jobs.daily_agreement,
            jobs.daily_metrics,
            jobs.morning,
        ],
        schedules=schedules.build(settings),
        sensors=[
            inbox.build(batch, settings),
            tables.build(jobs.reference_tables.name),
            nightly.build([jobs.line_batch, on_machines], settings),
            alerts.failures(settings),
            alerts.freshness(settings),
        ],
        resources={"factory": FactoryResource(), machines.STORE_IO: machines.store_io, **(resource_overrides or {})},
    )


defs = build_defs()
