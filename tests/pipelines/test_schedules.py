"""The night in Dagster: what it builds, for whom and in which order; on time, missed, held up; off-able."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    build_schedule_context,
    build_sensor_context,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.schedules import schedule_execution_time_iterator
from fake_factory import CALLS, FakeFactory

from greenlang.errors import BucketError, SettingsError
from greenlang.factory import line
from greenlang.telemetry import trace
from greenlang_pipelines import nights
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)  # a Saturday
KEY = "a/b@1.0.0-01234567"


@dataclass
class Clock:
    now: datetime = NIGHT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr(nights, "now", made)
    yield made


def nightly(factory: FakeFactory) -> ScheduleDefinition:
    return build_defs(resource_overrides={"factory": factory}).get_repository_def().get_schedule_def("nightly")


def tick(factory: FakeFactory, instance: DagsterInstance, due: datetime = NIGHT) -> tuple[list[RunRequest], str]:
    """What the schedule asks for at its hour."""
    context = build_schedule_context(instance=instance, scheduled_execution_time=due, resources={"factory": factory})
    with mock.patch.object(ScheduleEvaluationContext, "instance", instance):  # a context for tests has none in memory
        data = nightly(factory).evaluate_tick(context)
    return list(data.run_requests or ()), data.skip_message or ""


def look(factory: FakeFactory, instance: DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """What the sensor of missed nights asks for."""
    defs = build_defs(resource_overrides={"factory": factory})
    sensor = defs.get_repository_def().get_sensor_def("nightly_catch_up")
    return sensor.evaluate_tick(
        build_sensor_context(
            instance=instance, cursor=cursor, resources={"factory": factory}, repository_def=defs.get_repository_def()
        )
    )


def created(instance: DagsterInstance, request: RunRequest, status: DagsterRunStatus) -> None:
    job = build_defs().resolve_job_def("line_batch")
    instance.create_run_for_job(job, status=status, tags=request.tags, run_config=request.run_config)


def config(request: RunRequest) -> dict[str, object]:
    return dict(request.run_config["ops"]["run_line"]["config"])


# --- on time --------------------------------------------------------------------------------------------------------


def test_the_night_rebuilds_the_stale_keys_and_only_those(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    stale = FakeFactory(var=factory.var, stale=[KEY])
    (request,), _ = tick(stale, instance)
    assert config(request) == {
        "agent_keys": [KEY],
        "entrance": "nightly",
        "tenant": "default",
        "night": "2026-11-21T02:00+00:00",
    }
    assert request.tags["greenlang/night"] == "2026-11-21T02:00+00:00"


def test_a_night_without_changes_is_a_run_too_so_that_it_is_seen_to_have_been(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    (request,), _ = tick(factory, instance)
    assert config(request)["agent_keys"] == []
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("line_batch")
    assert job.execute_in_process(instance=instance, run_config=request.run_config).success
    assert CALLS == [
        {
            "keys": [],
            "files": None,
            "force": False,
            "entrance": "nightly",
            "tenant": "default",
            "night": "2026-11-21T02:00+00:00",
        }
    ]


def test_by_night_every_mutant_is_tried_and_by_day_as_many_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(
        line, "run_batch", lambda settings, *, entrance, **_: asked.setdefault(entrance, settings.mutants)
    )
    monkeypatch.setattr(line, "stale_keys", lambda settings: [str(settings.mutants)])
    factory = FactoryResource(var=str(tmp_path))
    for entrance in ("sensor", "nightly"):
        factory.run_batch(entrance=entrance)
    assert asked == {"sensor": 20, "nightly": "all"}
    assert factory.stale_keys() == ["all"]
    monkeypatch.setenv("GREENLANG_NIGHTLY_MUTANTS", "100")
    assert factory.stale_keys() == ["100"]


def test_every_tenant_has_a_run_by_its_priority_and_default_s_is_created_last(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_PRIORITIES", "acme=90,default=60,calm=10")
    three = FakeFactory(var=factory.var, others={"calm": ["c/d@1.0.0-01234567"], "acme": [KEY], "idle": []})
    requests, _ = tick(three, instance)
    told = [(r.tags["greenlang/tenant"], r.tags["dagster/priority"], config(r)["agent_keys"]) for r in requests]
    assert told == [("acme", "-11", [KEY]), ("calm", "-91", ["c/d@1.0.0-01234567"]), ("default", "-41", [])]
    # The daemon dies after the first: the next look asks for the rest.
    created(instance, requests[0], DagsterRunStatus.STARTED)
    clock.now = NIGHT + timedelta(minutes=20)
    again = look(three, instance, cursor="2026-11-01T00:00:00+00:00").run_requests or ()
    assert [r.tags["greenlang/tenant"] for r in again] == ["calm", "default"]


def test_another_tenant_s_night_fails_where_agents_fell_that_stood(
    factory: FakeFactory, instance: DagsterInstance
) -> None:
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("line_batch")

    def run(*keys: str) -> object:
        given = {"agent_keys": list(keys), "entrance": "nightly", "tenant": "acme", "night": "n"}
        return job.execute_in_process(
            instance=instance, run_config={"ops": {"run_line": {"config": given}}}, raise_on_error=False
        )

    assert run(KEY).success  # type: ignore[attr-defined]
    assert CALLS[-1]["tenant"] == "acme"
    assert instance.get_dynamic_partitions("agents") == [], "its agents are no partitions"
    fell = run(KEY, "a/incomplete@1.0.0-01234567")  # the fake says that it stood before
    assert not fell.success  # type: ignore[attr-defined]


def test_a_tenant_whose_agents_cannot_be_looked_at_fails_its_own_run_and_holds_up_nobody(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(self: FakeFactory, tenant: str = "default", night: str = "") -> list[str]:
        if tenant == "acme":
            raise BucketError("its bucket is gone")
        return []

    monkeypatch.setattr(FakeFactory, "stale_keys", looked)
    two = FakeFactory(var=factory.var, others={"acme": []})
    acme, default = tick(two, instance)[0]
    assert (acme.tags["greenlang/tenant"], default.tags["greenlang/tenant"]) == ("acme", "default")
    job = build_defs(resource_overrides={"factory": two}).resolve_job_def("line_batch")
    with pytest.raises(BucketError, match="its bucket is gone"):
        job.execute_in_process(instance=instance, run_config=acme.run_config)


def test_hour_zone_and_switch_come_from_the_settings(factory: FakeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = nightly(factory)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    assert schedule.default_status == DefaultScheduleStatus.RUNNING
    monkeypatch.setenv("GREENLANG_NIGHTLY_CRON", "30 3 * * 1-5")
    monkeypatch.setenv("GREENLANG_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("GREENLANG_NIGHTLY_ENABLED", "false")
    schedule = nightly(factory)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 3 * * 1-5", "Europe/Berlin")
    assert schedule.default_status == DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NIGHTLY_CRON", "0 25 * * *", "'0 25 \\* \\* \\*' is no cron line"),
        ("NIGHTLY_BLACKOUTS", "someday", "'someday' is neither a day"),
        ("TIMEZONE", "Middle/Earth", "'Middle/Earth' is no time zone"),
        ("NIGHTLY_PRIORITIES", "acme=much", "'acme=much' is no priority"),
    ],
)
def test_settings_that_cannot_be_read_stop_the_code_location_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"GREENLANG_{name}", value)
    with pytest.raises(SettingsError, match=told):
        build_defs()


def test_a_night_is_due_when_dagster_s_schedule_ticks_also_when_clocks_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_CRON", "30 2 * * *")
    monkeypatch.setenv("GREENLANG_TIMEZONE", "Europe/Berlin")
    settings = FactoryResource().settings
    due = nights.Nights(settings)

    def last(moment: datetime) -> datetime:
        found = due.last(moment)
        assert found is not None
        return found.astimezone(UTC)  # two times of the hour that is shown twice are never equal in two zones

    for day in (datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)):
        ticks = schedule_execution_time_iterator(day.timestamp(), "30 2 * * *", "Europe/Berlin")
        for _ in range(4):
            one = next(ticks).astimezone(UTC)  # or a minute before would be one of the wall clock
            assert last(one) == one
            assert last(one + timedelta(minutes=59)) == one
            before = last(one - timedelta(minutes=1))
            assert before < one
            assert [night.astimezone(UTC) for night in due.latest(one, 2)] == [one, before]


def test_on_several_machines_the_sensor_starts_nights_each_in_the_job_that_can(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_BATCH_JOB", "line_machines")
    two = FakeFactory(var=factory.var, others={"acme": [KEY]})
    assert tick(two, instance)[0] == []
    requests = look(two, instance, cursor="2026-11-01T00:00:00+00:00").run_requests or ()
    assert [(r.tags["greenlang/tenant"], r.job_name) for r in requests] == [
        ("acme", "line_batch"),
        ("default", "line_machines"),
    ]


# --- missed and held up ---------------------------------------------------------------------------------------------


def test_after_days_off_the_last_night_is_made_up_for_and_no_other(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    clock.now = NIGHT - timedelta(days=5)
    cursor = look(factory, instance).cursor
    clock.now = NIGHT + timedelta(hours=7)
    for missed in range(5):  # Dagster's own catch-up ticks
        requests, why = tick(factory, instance, NIGHT - timedelta(days=missed))
        assert (requests, why[:20]) == ([], "the hour has passed:")
    result = look(factory, instance, cursor)
    (request,) = result.run_requests or ()
    assert request.tags["greenlang/night"] == "2026-11-21T02:00+00:00"
    created(instance, request, DagsterRunStatus.FAILURE)
    clock.now += timedelta(minutes=1)
    again = look(factory, instance, result.cursor)
    assert not again.run_requests, "however it ended"
    assert "has begun, or is over" in str(again.skip_message)


def test_schedule_and_sensor_never_both_start_a_night(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    for minute in range(60):
        clock.now = NIGHT + timedelta(minutes=minute)
        by_schedule = bool(tick(factory, instance)[0])
        by_sensor = bool(look(factory, instance, cursor="2026-11-01T00:00:00+00:00").run_requests)
        assert (by_schedule, by_sensor) == (minute <= 5, minute >= 15)


def test_a_new_factory_starts_with_the_next_night(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    clock.now = NIGHT + timedelta(hours=7)
    first = look(factory, instance)
    assert not first.run_requests
    clock.now = NIGHT + timedelta(hours=14)
    assert not look(factory, instance, first.cursor).run_requests
    clock.now = NIGHT + timedelta(days=1, hours=7)
    assert len(look(factory, instance, first.cursor).run_requests or ()) == 1


def test_a_blackout_holds_the_night_up_and_the_sensor_starts_it_afterwards(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_BLACKOUTS", "sat 00:00-12:00")
    requests, why = tick(factory, instance)
    assert requests == []
    assert why.endswith("waits: blackout `sat 00:00-12:00`, until 2026-11-21T12:00+00:00")
    since = "2026-11-20T00:00:00+00:00"
    clock.now = NIGHT + timedelta(hours=9, minutes=59)
    assert not look(factory, instance, since).run_requests
    clock.now = NIGHT + timedelta(hours=10)
    (request,) = look(factory, instance, since).run_requests or ()
    assert request.tags["greenlang/night"] == "2026-11-21T02:00+00:00"


@pytest.mark.parametrize("end", [3, 5, 12])
def test_after_a_short_blackout_the_sensor_starts_the_night_at_its_end_and_the_schedule_does_not(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_BLACKOUTS", f"sat 01:30-02:{end:02}")
    for minute in (0, end - 1, end, end + 1, 15):  # a daemon that is busy ticks late, too
        clock.now = NIGHT + timedelta(minutes=minute)
        assert not tick(factory, instance)[0]
        by_sensor = bool(look(factory, instance, cursor="2026-11-01T00:00:00+00:00").run_requests)
        assert by_sensor == (minute >= end)


def test_the_runs_of_a_night_are_parts_of_one_trace(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock
) -> None:
    requests, _ = tick(FakeFactory(var=factory.var, others={"acme": [KEY]}), instance)
    spans = [trace.taken(r.tags.get(trace.TAG)) for r in requests]
    assert len(spans) == 2
    assert len({span.trace_id for span in spans if span is not None}) == 1
    assert all(spans)


def test_the_sensor_follows_the_switch_of_the_schedule(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, tmp_path: Path
) -> None:
    storage = SqliteScheduleStorage.from_local(str(tmp_path / "schedules"))
    storage.register_instance(instance)
    instance._schedule_storage = storage  # one in memory has none of its own
    target = LoadableTargetOrigin(module_name="greenlang_pipelines.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name="greenlang")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "nightly")
    data = ScheduleInstigatorData("0 2 * * *", NIGHT.timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, data)
    instance.add_instigator_state(state)
    clock.now = NIGHT + timedelta(hours=7)
    since = "2026-11-20T00:00:00+00:00"
    assert len(look(factory, instance, since).run_requests or ()) == 1
    instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    stopped = look(factory, instance, since)
    assert not stopped.run_requests
    assert datetime.fromisoformat(stopped.cursor or "") == clock.now, "switched on again, it owes no night"
    instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING))
    assert not look(factory, instance, stopped.cursor).run_requests
    assert len(look(factory, instance, since).run_requests or ()) == 1


def test_switched_off_by_the_settings_nothing_is_made_up_for(
    factory: FakeFactory, instance: DagsterInstance, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_ENABLED", "false")
    clock.now = NIGHT + timedelta(hours=7)
    assert not look(factory, instance, "2026-11-20T00:00:00+00:00").run_requests
