"""Nights: when the last one was due, whether it was begun, which runs it is made of, and a tenant's own run.

Belongs here: cron lines, tags and runs of Dagster that make up a night. Does not belong here: the decision whether one
starts (``greenlang.nightly``), and who asks: the schedule on time, the sensor when one was missed or held up.

A run for each tenant that has stale agents, and one for the tenant ``default`` whether it has any or not: the run of
``default`` is created last, and that it is there says that the night was begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

from dagster import (
    DagsterError,
    DagsterInstance,
    Failure,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    TimeWindowPartitionsDefinition,
)

from assets.heed import Heed
from greenlang.errors import GreenlangError, SettingsError
from greenlang.nightly.blackouts import Blackouts, blackouts, zone_of
from greenlang.nightly.due import Verdict, name_of, verdict
from greenlang.nightly.order import in_order, priorities, run_priority
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.settings import Settings
from greenlang.telemetry.trace import span, tags
from resources.factory import NIGHTLY, FactoryResource

NIGHT, TENANT, ENTRANCE, PRIORITY = "greenlang/night", "greenlang/tenant", "greenlang/entrance", "dagster/priority"
ON_TIME = timedelta(minutes=5)  # the schedule starts a night within this,
MISSED = timedelta(minutes=15)  # and the sensor one that is older than that, or was held up: never both
LINE_BATCH = "line_batch"
_SECOND = timedelta(seconds=1)
_SHOWN = 20


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


class Nights:
    """The nights of the settings. Raises SettingsError for what is no time zone, blackout, priority or cron line."""

    def __init__(self, settings: Settings) -> None:
        self.zone = zone_of(settings.timezone)
        self.blackouts: Blackouts = blackouts(settings.nightly_blackouts, settings.timezone)
        self.priorities = priorities(settings.nightly_priorities)
        self.job = settings.batch_job  # of `default`; other tenants' is always line_batch
        self._cron = settings.nightly_cron
        self.last(now())

    @cached_property
    def _due(self) -> TimeWindowPartitionsDefinition:
        """Dagster's own reading of a cron line: a night is due when the schedule ticks, also when clocks change."""
        try:
            return TimeWindowPartitionsDefinition(
                start="2000-01-01T00:00",
                cron_schedule=self._cron,
                fmt="%Y-%m-%dT%H:%M",
                timezone=self.zone.key,
            )
        except DagsterError as error:
            raise SettingsError(f"GREENLANG_NIGHTLY_CRON: {self._cron!r} is no cron line: {error}") from error

    def last(self, moment: datetime) -> datetime | None:
        """When the last night was due, at this moment or before; None where none ever was."""
        window = self._due.get_prev_partition_window(moment)
        return window.end.astimezone(self.zone) if window else None

    @property
    def scheduled(self) -> bool:
        """Whether the schedule starts nights on time. Where batches run on several machines the sensor does: a schedule
        has one job, and the nights of other tenants are another's."""
        return self.job == LINE_BATCH

    def latest(self, moment: datetime, number: int) -> list[datetime]:
        """When the last nights were due, the newest first."""
        found: list[datetime] = []
        night = self.last(moment)
        while night is not None and len(found) < number:
            found.append(night)
            night = self.last(night.astimezone(UTC) - _SECOND)  # in UTC: the wall clock knows no such second by night
        return found

    def held(self, night: datetime) -> bool:
        """Whether a blackout held a night up when it was due: it is the sensor's, as soon as the window is over."""
        return self.blackouts.at(night) is not None

    def verdict(self, instance: DagsterInstance, night: datetime, moment: datetime, *, since: datetime) -> Verdict:
        """Whether the night starts now."""
        started = begun(instance, night, DEFAULT_TENANT)
        return verdict(night, moment, since=since, begun=started, blackouts=self.blackouts)

    def runs(self, instance: DagsterInstance, factory: FactoryResource, night: datetime) -> list[RunRequest]:
        """The runs of a night that are not there yet, by priority of their tenants, that of ``default`` last."""
        with span("nightly", kind="producer"):
            return self._runs(instance, factory, night)

    def _runs(self, instance: DagsterInstance, factory: FactoryResource, night: datetime) -> list[RunRequest]:
        name = name_of(night)
        ranked = in_order(factory.tenants(), self.priorities)
        found: list[RunRequest] = []
        for tenant, priority in sorted(ranked, key=lambda one: one[0] == DEFAULT_TENANT):
            if begun(instance, night, tenant):
                continue
            try:
                keys: Sequence[str] | None = factory.stale_keys(tenant, name)
            except (GreenlangError, OSError):
                if tenant == DEFAULT_TENANT:
                    raise
                keys = None  # a tenant's fault is its own run's: it fails by the same, is told, and no other waits
            if keys or keys is None or tenant == DEFAULT_TENANT:
                job = self.job if tenant == DEFAULT_TENANT else LINE_BATCH
                found.append(_run(job, name, tenant, run_priority(priority), keys))
        return found


def begun(instance: DagsterInstance, night: datetime, tenant: str) -> bool:
    """Whether a tenant's run of a night is there, however it stands."""
    return bool(instance.get_run_ids(RunsFilter(tags={NIGHT: name_of(night), TENANT: tenant}), limit=1))


def _run(job: str, night: str, tenant: str, priority: int, keys: Sequence[str] | None) -> RunRequest:
    config: dict[str, object] = {"entrance": NIGHTLY, "tenant": tenant, "night": night}
    if keys is not None:
        config["agent_keys"] = list(keys)
    return RunRequest(
        job_name=job,
        run_key=f"nightly-{night}-{tenant}",
        run_config={"ops": {"run_line": {"config": config}}},
        tags={
            ENTRANCE: NIGHTLY,
            NIGHT: night,
            TENANT: tenant,
            PRIORITY: str(priority),
            "greenlang/keys": str(len(keys or ())),
            **tags(),
        },
    )


def run_of_tenant(
    context: OpExecutionContext, factory: FactoryResource, *, tenant: str, keys: Sequence[str] | None, night: str
) -> int:
    """The night of another tenant than ``default``. Its agents are no partitions of Dagster's; their rows tell of them.

    ``keys`` None: what is stale could not be told before, and is asked for here.
    Raises Failure where agents fell that stood before, or this machine was at fault.
    """
    counts: Counter[str] = Counter()
    fallen = []
    if keys is None:
        keys = factory.stale_keys(tenant, night)
    heed = Heed(context)
    for stage in factory.run_batch(keys=keys, entrance=NIGHTLY, tenant=tenant, night=night):
        heed()
        if stage.agent is None:
            continue
        counts[stage.agent.outcome] += 1
        if stage.agent.outcome == "infrastructure" or (stage.agent.outcome != "registered" and stage.agent.pack_digest):
            fallen.append(stage.agent)
    context.log.info(", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items())) or "nothing to do")
    if fallen:
        told = "; ".join(f"{a.key}: {a.reason}" for a in fallen[:_SHOWN])
        more = f"; and {len(fallen) - _SHOWN} more" if len(fallen) > _SHOWN else ""
        raise Failure(
            f"{len(fallen)} agents of {tenant} that stood before, or met a fault of this machine, failed: {told}{more}",
            allow_retries=False,
        )
    return counts["registered"]
