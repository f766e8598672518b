"""Assembly only: which assets, checks, jobs, schedules, sensors and resources make up the code location.

Nothing imports this module but Dagster and the tests.
"""

from collections.abc import Mapping
from typing import Any

from dagster import Definitions

from assets import agents, analytics, emission_factors
from greenlang.settings import Settings
from greenlang_pipelines import jobs, schedules
from resources.factory import FactoryResource
from sensors import inbox, tables


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> Definitions:
    """Fresh definitions; ``resource_overrides`` replaces resources by name (tests pass a fake factory)."""
    settings = Settings()
    return Definitions(
        assets=[*emission_factors.ASSETS, *agents.ASSETS, *analytics.ASSETS],
        asset_checks=[*emission_factors.CHECKS, *analytics.CHECKS],
        jobs=[jobs.line_batch, jobs.reference_tables, jobs.daily_agreement, jobs.daily_metrics],
        schedules=schedules.build(settings),
        sensors=[inbox.build(jobs.line_batch, settings), tables.build(jobs.reference_tables.name)],
        resources={"factory": FactoryResource(), **(resource_overrides or {})},
    )


defs = build_defs()
