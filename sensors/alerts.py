"""The sensors that tell operators: a run that failed, and what should be newer than it is.

Belongs here: noticing, and what an alert says of a run of Dagster's. Does not belong here: sending
(``greenlang.alerts``), the limits (``greenlang.nightly``).

An alert of a failed run is named by the run, so a run is told once. What is overdue is told once, and once more when it
is mended: the sensor's cursor holds what has been told. A machine that was off has as many hours to catch up as a night
has to succeed. Both sensors deliver what an earlier look could not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    sensor,
)

from greenlang.alerts.alert import Alert
from greenlang.nightly.due import overdue
from greenlang.nightly.freshness import Overdue, overdue_night
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.settings import Settings
from greenlang_pipelines import nights
from greenlang_pipelines.nights import ENTRANCE, NIGHT, TENANT, Nights
from resources.factory import NIGHTLY, FactoryResource
from sensors.nightly import switched_on

_FAILED = "not registered"  # the entry of a batch that tells which agents are not, and why (assets.record)
_SHOWN_TAGS = {"greenlang/entrance": "entrance", "greenlang/night": "night", "greenlang/tenant": "tenant"}
_NIGHTS = 10
_OFF = timedelta(hours=1)  # nobody looked for so long: the machine was off


def failures(settings: Settings) -> SensorDefinition:
    """The sensor of failed runs, of every job of this code location."""

    @run_failure_sensor(
        name="failure_alerts",
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells by webhook and mail that a run failed, which agents, why, and where to look. Once a run.",
    )
    def failure_alerts(context: RunFailureSensorContext, factory: FactoryResource) -> None:
        factory.alert(of_run(context, settings.dagster_url))

    return failure_alerts


def of_run(context: RunFailureSensorContext, dagster: str) -> Alert:
    """The alert of a failed run: job, what failed, the agents and why, where to look (``dagster``: its address)."""
    run = context.dagster_run
    steps = context.get_step_failure_events()
    causes = [_cause(step.step_failure_data) for step in steps] or [(context.failure_event.message or "", "")]
    title = next((line for cause, _ in causes for line in cause.splitlines() if line.strip()), "")
    facts = {"job": run.job_name, "run": run.run_id}
    facts.update({name: run.tags[tag] for tag, name in _SHOWN_TAGS.items() if tag in run.tags})
    if steps:
        facts["failed"] = ", ".join(step.step_key or "" for step in steps)
    return Alert(
        f"run-{run.run_id}",
        "run_failed",
        f"GreenLang: {run.job_name} failed: {title}",
        _ended(context.instance, run),
        facts=facts,
        detail="\n\n".join(part for cause in causes for part in cause if part),
        look=(
            f"{dagster.rstrip('/')}/runs/{run.run_id} (Dagster)",
            "greenlang factory status",
            "greenlang factory logs --outcome infrastructure",
        ),
    )


def _cause(data: Any) -> tuple[str, str]:
    """What a step says of its failure, and its table of agents that are not registered."""
    told, table = "", ""
    if data is not None and data.user_failure_data is not None:
        told = data.user_failure_data.description or ""
        table = next((str(v.value) for k, v in data.user_failure_data.metadata.items() if k == _FAILED), "")
    if not told and data is not None and data.error is not None:
        error = data.error
        while error.cause is not None:
            error = error.cause
        told = error.message.strip()
    return told, table


def _ended(instance: DagsterInstance, run: DagsterRun) -> datetime:
    record = instance.get_run_record_by_id(run.run_id)
    moment = record.end_time if record is not None else None
    return datetime.fromtimestamp(moment, UTC) if moment else nights.now()


def freshness(settings: Settings) -> SensorDefinition:
    """The sensor of what is overdue. Raises SettingsError for settings of the night that cannot be read."""
    due = Nights(settings)

    @sensor(
        name="freshness_alerts",
        minimum_interval_seconds=300,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells once that no night succeeded, or that the catalogue or the factor release is too old, and "
        "once that it is mended. Delivers alerts that could not be delivered before.",
    )
    def freshness_alerts(context: SensorEvaluationContext, factory: FactoryResource) -> SkipReason:
        moment = nights.now()
        told = _Told.load(context.cursor, moment)
        found: dict[str, Overdue] = {one.what: one for one in factory.overdue(moment)}
        if switched_on(context.instance, default=settings.nightly_enabled):
            succeeded = last_success(context.instance)
            late = overdue(
                due.latest(moment, _NIGHTS),
                moment,
                hours=settings.nightly_overdue_hours,
                since=told.since,
                succeeded=datetime.fromisoformat(succeeded) if succeeded else None,
                blackouts=due.blackouts,
            )
            if late is not None:
                found["night"] = overdue_night(late, succeeded, settings.nightly_overdue_hours)
        else:
            told.since = moment  # switched on again, it owes no night
        patient = moment - told.awake < timedelta(hours=settings.nightly_overdue_hours)  # it is being caught up on
        for what in sorted(() if patient else found.keys() - told.open.keys()):
            factory.alert(_alert(found[what], moment))
            told.open[what] = f"{what}-{moment:%Y%m%dT%H%M%S}", found[what].title
        for what in sorted(told.open.keys() - found.keys()):
            factory.alert(_mended(*told.open.pop(what), moment))
        factory.deliver_alerts()
        context.update_cursor(told.dump())
        return SkipReason("; ".join(one.title for one in found.values()) or "nothing is overdue")

    return freshness_alerts


@dataclass
class _Told:
    """What has been told: overdue thing -> id of its alert and its words.

    ``since``: the first look, or the last at which nights were off; ``awake``: the first look since the machine was
    off, or Dagster; ``looked``: this one.
    """

    since: datetime
    awake: datetime
    looked: datetime
    open: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, cursor: str | None, moment: datetime) -> _Told:
        """From the cursor; a text of another release starts afresh."""
        try:
            content = json.loads(cursor or "{}")
            told = {str(what): (str(name), str(title)) for what, (name, title) in content["open"].items()}
            since, awake, looked = (datetime.fromisoformat(content[name]) for name in ("since", "awake", "looked"))
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls(moment, moment, moment)
        return cls(since, moment if moment - looked > _OFF else awake, moment, told)

    def dump(self) -> str:
        """As text."""
        moments = {name: getattr(self, name).isoformat() for name in ("since", "awake", "looked")}
        return json.dumps({**moments, "open": self.open}, ensure_ascii=False)


def last_success(instance: DagsterInstance) -> str:
    """The night of the last nightly run that succeeded; empty where none did."""
    tags = {ENTRANCE: NIGHTLY, TENANT: DEFAULT_TENANT}  # each night has that one
    runs = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.SUCCESS], tags=tags), limit=20)
    return max((run.tags[NIGHT] for run in runs if NIGHT in run.tags), key=datetime.fromisoformat, default="")


def _alert(found: Overdue, moment: datetime) -> Alert:
    name = f"overdue-{found.what}-{moment:%Y%m%dT%H%M%S}"
    facts = {"since": f"{found.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"}
    return Alert(name, "overdue", f"GreenLang: {found.title}", moment, facts=facts, look=(found.mend,))


def _mended(name: str, title: str, moment: datetime) -> Alert:
    return Alert(f"mended-{name}", "mended", f"GreenLang: mended: {title}", moment)
