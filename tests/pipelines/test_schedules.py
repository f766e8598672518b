"""The nightly schedule: only what changed, at the hour of the settings, off-able."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance, DefaultScheduleStatus, ScheduleDefinition, build_schedule_context
from fake_factory import FakeFactory

from greenlang.factory import line
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource


def nightly(factory: FakeFactory) -> ScheduleDefinition:
    return build_defs(resource_overrides={"factory": factory}).get_repository_def().get_schedule_def("nightly")


def test_the_night_rebuilds_the_stale_keys_and_only_those(factory: FakeFactory, instance: DagsterInstance) -> None:
    stale = FakeFactory(var=factory.var, stale=["a/b@1.0.0-01234567"])
    night = datetime(2026, 11, 21, 2, tzinfo=UTC)
    context = build_schedule_context(instance=instance, scheduled_execution_time=night, resources={"factory": stale})
    (request,) = nightly(stale).evaluate_tick(context).run_requests
    config = request.run_config["ops"]["run_line"]["config"]
    assert config["agent_keys"] == ["a/b@1.0.0-01234567"]
    assert config["entrance"] == "nightly"
    assert request.run_key == "nightly-2026-11-21"


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


def test_a_night_without_changes_is_skipped_and_says_so(factory: FakeFactory, instance: DagsterInstance) -> None:
    night = datetime(2026, 11, 21, 2, tzinfo=UTC)
    context = build_schedule_context(instance=instance, scheduled_execution_time=night, resources={"factory": factory})
    result = nightly(factory).evaluate_tick(context)
    assert not result.run_requests
    assert result.skip_message == "nothing that any agent consumes has changed"


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
