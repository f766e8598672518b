"""The sensor of nights that were missed or held up: a machine that was off, a blackout that is over.

Belongs here: noticing. Does not belong here: the decision (``greenlang.nightly``), which runs a night is made of
(``greenlang_pipelines.nights``), nights that start on time (``greenlang_pipelines.schedules``).

The cursor is the moment since when nights count; it is set at the first look, and moves on while the schedule
``nightly`` is switched off: neither a new factory nor one that is switched on again owes a night.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    JobDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from greenlang.settings import Settings
from greenlang_pipelines import nights
from greenlang_pipelines.nights import Nights
from resources.factory import FactoryResource

_SCHEDULE = "nightly"


def build(jobs: Sequence[JobDefinition], settings: Settings) -> SensorDefinition:
    """The sensor; it looks once a minute. Raises SettingsError for settings of the night that cannot be read."""
    due = Nights(settings)

    @sensor(
        jobs=jobs,
        name="nightly_catch_up",
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description="Starts the last night that was missed or held up by a blackout, once. Follows the switch of the "
        "schedule nightly.",
    )
    def nightly_catch_up(context: SensorEvaluationContext, factory: FactoryResource) -> SensorResult:
        moment = nights.now()
        if not switched_on(context.instance, default=settings.nightly_enabled):
            return SensorResult(skip_reason="the schedule nightly is switched off", cursor=moment.isoformat())
        since = _since(context.cursor) or moment
        night = due.last(moment)
        if night is None or (due.scheduled and not due.held(night) and moment - night < nights.MISSED):
            return SensorResult(skip_reason="the schedule nightly has its turn", cursor=since.isoformat())
        found = due.verdict(context.instance, night, moment, since=since)
        if not found.starts:
            return SensorResult(skip_reason=found.why, cursor=since.isoformat())
        return SensorResult(run_requests=due.runs(context.instance, factory, night), cursor=since.isoformat())

    return nightly_catch_up


def switched_on(instance: DagsterInstance, *, default: bool) -> bool:
    """Whether the schedule ``nightly`` is on: as somebody set it in the UI, else as the settings say."""
    if instance.schedule_storage is None:  # an instance in memory keeps no switches
        return default
    states = [state for state in instance.all_instigator_state() if state.instigator_name == _SCHEDULE]
    told = [state.is_running for state in states if state.status.value != "DECLARED_IN_CODE"]
    return all(told) if told else default


def _since(cursor: str | None) -> datetime | None:
    """The stored moment; None where there is none that can be read."""
    try:
        return datetime.fromisoformat(cursor or "")
    except ValueError:
        return None
