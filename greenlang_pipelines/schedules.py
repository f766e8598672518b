"""Schedules: the nightly rebuild of what changed, the daily catalogue, the daily check of the back-ends.

Belongs here: when. Does not belong here: what changed (``greenlang.factory.line.stale_keys`` knows).
"""

from collections.abc import Sequence

from dagster import (
    DefaultScheduleStatus,
    RunConfig,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from greenlang.settings import Settings
from greenlang_pipelines.jobs import LineBatch, daily_agreement, daily_metrics, line_batch
from resources.factory import NIGHTLY, FactoryResource


def build(settings: Settings) -> Sequence[ScheduleDefinition]:
    """The schedules at the cron line and in the time zone of the settings; switched off where they say so."""
    status = DefaultScheduleStatus.RUNNING if settings.nightly_enabled else DefaultScheduleStatus.STOPPED

    @schedule(
        job=line_batch,
        name="nightly",
        cron_schedule=settings.nightly_cron,
        execution_timezone=settings.timezone,
        default_status=status,
        description="Each night: build the agents whose spec, factors, formulas or templates changed.",
    )
    def nightly(context: ScheduleEvaluationContext, factory: FactoryResource) -> RunRequest | SkipReason:
        keys = factory.stale_keys()
        if not keys:
            return SkipReason("nothing that any agent consumes has changed")
        night = context.scheduled_execution_time.date().isoformat()
        return RunRequest(
            run_key=f"nightly-{night}",
            run_config=RunConfig(ops={"run_line": LineBatch(agent_keys=keys, entrance=NIGHTLY)}),
            tags={"greenlang/entrance": NIGHTLY, "greenlang/keys": str(len(keys))},
        )

    catalogue = ScheduleDefinition(
        name="daily_catalogue",
        job=daily_metrics,
        cron_schedule="0 6 * * *",
        execution_timezone=settings.timezone,
        default_status=status,
        description="Each morning: the DuckDB catalogue, built anew.",
    )

    @schedule(
        job=daily_agreement,
        name="daily_agreement",
        cron_schedule="30 5 * * *",
        execution_timezone=settings.timezone,
        default_status=status,
        description="Each morning: Decimal and SQL on every formula, on inputs that the date draws.",
    )
    def agreement(context: ScheduleEvaluationContext) -> RunRequest:
        day = context.scheduled_execution_time.date().isoformat()
        return RunRequest(run_key=f"agreement-{day}", tags={"greenlang/seed": day})

    return [nightly, catalogue, agreement]
