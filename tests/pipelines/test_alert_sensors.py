"""Alerts out of Dagster: a failed run is told once on each channel; what is overdue once, and once when mended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context
from dagster._core.definitions.sensor_definition import SensorExecutionData
from fake_factory import FakeFactory

from greenlang_pipelines import nights
from greenlang_pipelines.definitions import build_defs
from tests.alerts.receivers import PASSWORD, Hook, Post, hook, post

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
STOOD = "a/b@1.0.0-01234567"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with hook() as made:
        monkeypatch.setenv("GREENLANG_ALERT_WEBHOOK", made.url)
        yield made


@pytest.fixture
def mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    with post(tmp_path) as made:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("GREENLANG_SMTP_URL", f"smtp://greenlang%40example.org:{PASSWORD}@127.0.0.1:{made.port}")
        monkeypatch.setenv("GREENLANG_ALERT_EMAIL_TO", "ops@example.org")
        yield made


def look(
    name: str, factory: FakeFactory, instance: DagsterInstance, cursor: str | None = None
) -> tuple[str | None, SensorExecutionData]:
    """One look of a sensor; its cursor, and what came of it."""
    defs = build_defs(resource_overrides={"factory": factory})
    repository = defs.get_repository_def()
    context = build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"factory": factory},
        repository_def=repository,
        sensor_name=name,
    )
    data = repository.get_sensor_def(name).evaluate_tick(context)
    return data.cursor, data


def fail(factory: FakeFactory, instance: DagsterInstance) -> str:
    """A night in which an agent falls that stood before: a run that fails."""
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("line_batch")
    given = {"agent_keys": [STOOD, "a/infrastructure@1.0.0-01234567"], "entrance": "nightly", "night": "n"}
    result = job.execute_in_process(
        instance=instance,
        run_config={"ops": {"run_line": {"config": given}}},
        tags={"greenlang/entrance": "nightly", "greenlang/night": "n"},
        raise_on_error=False,
    )
    assert not result.success
    return str(result.run_id)


def test_a_run_that_fails_is_one_message_on_each_channel_that_says_what_failed_and_why(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, mailbox: Post
) -> None:
    cursor, _ = look("failure_alerts", factory, instance)
    run = fail(factory, instance)
    cursor, data = look("failure_alerts", factory, instance, cursor)
    assert [r.dagster_run.run_id for r in data.dagster_run_reactions or ()] == [run]
    assert not any(r.error for r in data.dagster_run_reactions or ())
    for _ in range(2):
        cursor, _ = look("failure_alerts", factory, instance, cursor)
    ((_, body),) = receiver.posts
    told = json.loads(body)
    assert (told["kind"], told["id"]) == ("run_failed", f"run-{run}")
    assert told["facts"] == {
        "job": "line_batch",
        "run": run,
        "entrance": "nightly",
        "night": "n",
        "failed": "run_line",
    }
    assert "a/infrastructure@1.0.0-01234567" in told["title"]
    assert "it is infrastructure" in told["text"], "why the agent failed"
    assert told["look"][0] == f"http://127.0.0.1:3000/runs/{run} (Dagster)"
    (message,) = mailbox.taken
    assert message.get_content().replace("\r\n", "\n") == told["text"]


def test_a_run_is_told_once_even_if_the_sensor_looks_again_from_the_start(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook
) -> None:
    start, _ = look("failure_alerts", factory, instance)
    fail(factory, instance)
    fail(factory, instance)
    for _ in range(2):  # its cursor was lost in between
        cursor, _ = look("failure_alerts", factory, instance, start)
        look("failure_alerts", factory, instance, cursor)
    assert len(receiver.posts) == 2, "one a run"


def test_a_bug_in_an_asset_is_told_with_its_own_words(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(FakeFactory, "rebuild_catalogue", broken)
    cursor, _ = look("failure_alerts", factory, instance)
    job = build_defs(resource_overrides={"factory": factory}).resolve_job_def("daily_metrics")
    assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    look("failure_alerts", factory, instance, cursor)
    ((_, body),) = receiver.posts
    told = json.loads(body)
    assert told["title"].startswith("GreenLang: daily_metrics failed: ")
    assert "No space left on device" in told["title"]


def test_what_a_dead_webhook_did_not_take_is_delivered_by_the_next_look(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook
) -> None:
    cursor, _ = look("failure_alerts", factory, instance)
    fail(factory, instance)
    receiver.answers.append(403)
    look("failure_alerts", factory, instance, cursor)
    assert len(receiver.posts) == 1
    look("freshness_alerts", factory, instance)
    assert len(receiver.posts) == 2
    look("freshness_alerts", factory, instance)
    assert len(receiver.posts) == 2


def test_a_failed_run_is_told_though_the_disk_is_full_and_a_channel_s_settings_are_wrong(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_ALERT_EMAIL_TO", "ops@example.org")  # and no mail server
    cursor, _ = look("failure_alerts", factory, instance)
    run = fail(factory, instance)
    factory.settings.var.mkdir(parents=True, exist_ok=True)
    (factory.settings.var / "alerts").write_bytes(b"")  # where nothing can be written
    _, data = look("failure_alerts", factory, instance, cursor)
    assert not any(r.error for r in data.dagster_run_reactions or ())
    assert [json.loads(body)["id"] for _, body in receiver.posts] == [f"run-{run}"]


def test_nights_that_are_switched_on_again_are_not_overdue_at_once(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = NIGHT - timedelta(days=5)
    monkeypatch.setattr(nights, "now", lambda: moment)
    cursor, _ = look("freshness_alerts", factory, instance)

    def hourly(begin: datetime) -> None:
        nonlocal moment, cursor
        for hour in range(8):  # longer than the hours that a machine has that was off
            moment = begin + timedelta(hours=hour)
            cursor, _ = look("freshness_alerts", factory, instance, cursor)

    monkeypatch.setenv("GREENLANG_NIGHTLY_ENABLED", "false")
    hourly(NIGHT + timedelta(hours=2))
    monkeypatch.setenv("GREENLANG_NIGHTLY_ENABLED", "true")
    moment += timedelta(minutes=5)
    cursor, data = look("freshness_alerts", factory, instance, cursor)
    assert (data.skip_message, receiver.posts) == ("nothing is overdue", [])
    hourly(NIGHT + timedelta(days=1))  # nobody runs the next one, either
    assert [json.loads(body)["title"][:44] for _, body in receiver.posts] == [
        "GreenLang: The night of 2026-11-22 02:00 UTC"
    ]


def test_a_night_that_does_not_succeed_is_told_once_and_again_when_one_did(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = NIGHT - timedelta(days=1)
    monkeypatch.setattr(nights, "now", lambda: moment)

    def night(status: DagsterRunStatus, when: datetime, tenant: str = "default") -> None:
        name = when.isoformat(timespec="minutes")
        tags = {"greenlang/entrance": "nightly", "greenlang/night": name, "greenlang/tenant": tenant}
        instance.create_run_for_job(build_defs().resolve_job_def("line_batch"), status=status, tags=tags)

    def until(hours: float, cursor: str | None) -> tuple[str | None, str]:
        """Look each hour, as a machine that is on does."""
        nonlocal moment
        skip = ""
        while moment < NIGHT + timedelta(hours=hours):
            moment += timedelta(minutes=60)
            cursor, data = look("freshness_alerts", factory, instance, cursor)
            skip = data.skip_message or ""
        return cursor, skip

    cursor, data = look("freshness_alerts", factory, instance)
    assert data.skip_message == "nothing is overdue"
    night(DagsterRunStatus.SUCCESS, NIGHT - timedelta(days=1))
    night(DagsterRunStatus.FAILURE, NIGHT)
    night(DagsterRunStatus.SUCCESS, NIGHT, "acme")
    moment = NIGHT - timedelta(hours=2)
    cursor, skip = until(6, cursor)
    assert skip == "nothing is overdue", "its hours are not over"
    cursor, skip = until(9, cursor)
    last = "the last that did is that of 2026-11-20T02:00+00:00"
    assert skip == f"The night of 2026-11-21 02:00 UTC has not succeeded; {last}"
    night(DagsterRunStatus.SUCCESS, NIGHT)
    cursor, _ = until(10, cursor)
    told = [json.loads(body) for _, body in receiver.posts]
    assert [one["kind"] for one in told] == ["overdue", "mended"]
    assert told[0]["title"] == f"GreenLang: The night of 2026-11-21 02:00 UTC has not succeeded; {last}"
    moment = NIGHT + timedelta(days=2, hours=7)  # it was off for two days: it has six hours to catch up
    cursor, _ = look("freshness_alerts", factory, instance, cursor)
    cursor, _ = until(2 * 24 + 12, cursor)
    assert len(receiver.posts) == 2
    until(2 * 24 + 13, cursor)
    assert len(receiver.posts) == 3, "the next one that is overdue is another"


def test_an_old_catalogue_and_an_old_release_are_told(
    factory: FakeFactory, instance: DagsterInstance, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_NIGHTLY_OVERDUE_HOURS", "1")
    settings = factory.settings
    release = settings.var / "factors" / "releases" / "r-1" / "factors.parquet"
    release.parent.mkdir(parents=True)
    for file, days in ((settings.catalogue, 2), (release, 401)):
        file.write_bytes(b"")
        then = (NIGHT - timedelta(days=days)).timestamp()
        os.utime(file, (then, then))
    (settings.var / "factors" / "pinned").write_text("r-1\n")
    moment = NIGHT - timedelta(hours=1)
    monkeypatch.setattr(nights, "now", lambda: moment)
    cursor, _ = look("freshness_alerts", factory, instance)
    moment = NIGHT
    for _ in range(2):
        cursor, _ = look("freshness_alerts", factory, instance, cursor)
    assert sorted(json.loads(body)["title"] for _, body in receiver.posts) == [
        "GreenLang: The DuckDB catalogue was built 48 hours ago",
        "GreenLang: The factor release r-1 was made 401 days ago",
    ]
    os.utime(settings.catalogue, (NIGHT.timestamp(), NIGHT.timestamp()))
    moment = NIGHT + timedelta(hours=3)  # off in between: what has been told stays told
    cursor, _ = look("freshness_alerts", factory, instance, cursor)
    assert [json.loads(body)["kind"] for _, body in receiver.posts] == ["overdue", "overdue", "mended"]


def test_without_a_channel_the_sensors_say_nothing_and_do_not_fail(
    factory: FakeFactory, instance: DagsterInstance
) -> None:
    cursor, _ = look("failure_alerts", factory, instance)
    fail(factory, instance)
    _, data = look("failure_alerts", factory, instance, cursor)
    assert not any(r.error for r in data.dagster_run_reactions or ())
