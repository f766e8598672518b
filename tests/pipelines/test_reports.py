"""The reports of the morning in Dagster: after the catalogue, shown as Markdown, of the night that a tag names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, MarkdownMetadataValue, build_schedule_context

from greenlang.digest import forms, night_of
from greenlang.settings import Settings
from greenlang_pipelines import schedules
from greenlang_pipelines.definitions import build_defs
from resources.factory import FactoryResource
from tests.alerts.receivers import Hook, hook
from tests.digest.nights import four_nights


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as made:
        yield made


def test_the_job_writes_both_pages_shows_them_and_sends_the_report(
    tmp_path: Path, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("GREENLANG_ALERT_WEBHOOK", receiver.url)
    monkeypatch.setenv("GREENLANG_MORNING_SEND", "true")
    settings = four_nights(tmp_path / "var")
    job = build_defs(resource_overrides={"factory": FactoryResource(var=str(settings.var))}).resolve_job_def("morning")
    with DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            assert job.execute_in_process(instance=instance, tags={"greenlang/morning": "2026-11-04"}).success
        shown = {}
        for name in ("factory_metrics", "morning_report", "dashboard"):
            event = instance.get_latest_materialization_event(AssetKey(name))
            assert event is not None
            assert event.asset_materialization is not None
            shown[name] = event.asset_materialization.metadata
    night = night_of(settings, datetime(2026, 11, 4, tzinfo=UTC).date())
    text = shown["morning_report"]["report"]
    assert isinstance(text, MarkdownMetadataValue)
    assert text.md_str == forms(night)["md"]
    (sent,) = (json.loads(body) for _, body in receiver.posts)  # once, though the report was made twice
    assert (sent["id"], sent["kind"]) == ("morning-2026-11-04", "morning")
    assert sent["title"] == "GreenLang, the night to 2026-11-04: 1 agent fell: registered before, failed now"
    assert text.md_str.strip() in sent["text"]
    for name, folder in (("morning_report", "morning/2026-11-04"), ("dashboard", "dashboard")):
        assert shown[name]["page"].value == str(settings.var / folder / "index.html")
        assert (settings.var / folder / "index.html").is_file()


def test_the_schedule_is_due_when_the_night_ends_and_names_it() -> None:
    settings = Settings(timezone="Pacific/Auckland", morning_at="06:30")
    due = next(s for s in schedules.build(settings) if s.name == "morning")
    assert (due.cron_schedule, due.execution_timezone) == ("30 6 * * *", "Pacific/Auckland")
    at = datetime(2026, 11, 3, 17, 30, tzinfo=UTC)  # 06:30 on the fourth there
    tick = due.evaluate_tick(build_schedule_context(scheduled_execution_time=at))
    (request,) = tick.run_requests or ()
    assert (request.run_key, request.tags["greenlang/morning"]) == ("morning-2026-11-04", "2026-11-04")
