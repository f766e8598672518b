"""Schedules: the nightly rebuild of what changed, the daily catalogue, the daily check of the back-ends.

Belongs here: when. Does not belong here: what changed (``greenlang.factory.line.stale_keys`` knows).
"""

from collections.abc import Sequence

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from assets.names import MORNING_TAG
from greenlang.settings import Settings
from greenlang_pipelines import nights
from greenlang_pipelines.jobs import daily_agreement, daily_metrics, line_batch, morning
from greenlang_pipelines.nights import Nights
from resources.factory import FactoryResource


def build(settings: Settings) -> Sequence[ScheduleDefinition]:
    """The schedules at the cron line and in the time zone of the settings; switched off where they say so.

    Raises SettingsError for settings of the night that cannot be read.
    """
    due = Nights(settings)
    status = DefaultScheduleStatus.RUNNING if settings.nightly_enabled else DefaultScheduleStatus.STOPPED

    @schedule(
        job=line_batch,
        name="nightly",
        cron_schedule=settings.nightly_cron,
        execution_timezone=settings.timezone,
        default_status=status,
        description="Each night: build the agents whose spec, factors, formulas or templates changed. Nights that were "
        "missed or held up by a blackout are nightly_catch_up's.",
    )
    def nightly(context: ScheduleEvaluationContext, factory: FactoryResource) -> list[RunRequest] | SkipReason:
        moment = nights.now()
        night = context.scheduled_execution_time.astimezone(due.zone)
        if not due.scheduled:
            return SkipReason("batches run on several machines: nightly_catch_up starts their nights")
        if moment - night > nights.ON_TIME:
            return SkipReason("the hour has passed: nightly_catch_up starts the last night that was missed, once")
        found = due.verdict(context.instance, night, moment, since=night)
        if found.starts and due.held(night):
            return SkipReason("a blackout held the night up: nightly_catch_up starts it")
        return due.runs(context.instance, factory, night) if found.starts else SkipReason(found.why)

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

    hour, minute = map(int, settings.morning_at.split(":"))

    @schedule(
        job=morning,
        name="morning",
        cron_schedule=f"{minute} {hour} * * *",
        execution_timezone=settings.timezone,
        default_status=status,
        description="Each morning: the report of the night that ends now, and the dashboard.",
    )
    def report(context: ScheduleEvaluationContext) -> RunRequest:
        day = context.scheduled_execution_time.astimezone(due.zone).date().isoformat()
        return RunRequest(run_key=f"morning-{day}", tags={MORNING_TAG: day})

    return [nightly, catalogue, agreement, report]
