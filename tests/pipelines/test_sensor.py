"""The inbox sensor: every file once, a page a tick, never two batches for the same files."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SensorDefinition,
    build_sensor_context,
)
from dagster._core.definitions.sensor_definition import SensorExecutionData
from fake_factory import FakeFactory

from greenlang.settings import Settings
from greenlang_pipelines.definitions import build_defs


@pytest.fixture
def inbox(factory: FakeFactory) -> Path:
    folder = factory.settings.var / "bucket" / "inbox"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def clock() -> Iterator[mock.Mock]:
    with mock.patch("sensors.inbox.time.time", return_value=1_000_000.0) as patched:
        yield patched


def tick(factory: FakeFactory, instance: DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    defs = build_defs(resource_overrides={"factory": factory})
    sensor: SensorDefinition = defs.get_repository_def().get_sensor_def("inbox_sensor")
    context = build_sensor_context(
        instance=instance, cursor=cursor, resources={"factory": factory}, repository_def=defs.get_repository_def()
    )
    return sensor.evaluate_tick(context)


def files(request: RunRequest) -> list[str]:
    return request.run_config["ops"]["run_line"]["config"]["files"]


def test_an_empty_inbox_starts_nothing(factory: FakeFactory, instance: DagsterInstance, inbox: Path) -> None:
    result = tick(factory, instance)
    assert not result.run_requests
    assert result.skip_message == "the inbox is empty"


def test_the_files_that_are_ready_go_into_one_run(factory: FakeFactory, instance: DagsterInstance, inbox: Path) -> None:
    for name in ("b.yaml", "a.yaml", ".hidden.yaml", "c.yaml.part", "notes.txt"):
        (inbox / name).write_text("x")
    (request,) = tick(factory, instance).run_requests
    assert files(request) == ["a.yaml", "b.yaml", "notes.txt"]
    assert request.job_name in (None, "line_batch")


def test_a_file_that_is_still_being_written_waits(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLANG_SETTLE_SECONDS", "60")
    (inbox / "a.yaml").write_text("x")
    assert not tick(factory, instance).run_requests


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_nothing_starts_while_a_batch_is_queued_or_running(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path, status: str
) -> None:
    (inbox / "a.yaml").write_text("x")
    instance.create_run_for_job(build_defs().resolve_job_def("line_batch"), status=DagsterRunStatus[status])
    result = tick(factory, instance)
    assert not result.run_requests
    assert result.skip_message == "a batch is queued or running"


def test_a_finished_batch_does_not_hold_up_the_next(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path
) -> None:
    (inbox / "a.yaml").write_text("x")
    job = build_defs().resolve_job_def("line_batch")
    for status in (DagsterRunStatus.SUCCESS, DagsterRunStatus.CANCELED):
        instance.create_run_for_job(job, status=status)
    (request,) = tick(factory, instance).run_requests
    assert files(request) == ["a.yaml"]


def test_after_a_batch_that_failed_one_over_everything_finishes_its_work(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path, clock: mock.Mock
) -> None:
    """What a killed batch had accepted is no longer in the inbox, so nobody else would ask for it."""
    job = build_defs().resolve_job_def("line_batch")
    instance.create_run_for_job(job, status=DagsterRunStatus.FAILURE)
    instance.create_run_for_job(job, status=DagsterRunStatus.SUCCESS)  # another page of the same sweep
    result = tick(factory, instance)
    (request,) = result.run_requests
    assert request.run_config["ops"]["run_line"]["config"] == {"entrance": "mend"}
    # It fails again: new files do not wait for it, and it is tried again later.
    instance.create_run_for_job(job, status=DagsterRunStatus.FAILURE, tags=request.tags)
    (inbox / "new.yaml").write_text("x")
    result = tick(factory, instance, result.cursor)
    assert files(result.run_requests[0]) == ["new.yaml"]
    (inbox / "new.yaml").unlink()
    assert not tick(factory, instance, result.cursor).run_requests
    clock.return_value += 16
    result = tick(factory, instance, result.cursor)
    assert result.run_requests[0].tags["greenlang/entrance"] == "mend"
    # It succeeds: done.
    instance.create_run_for_job(job, status=DagsterRunStatus.SUCCESS, tags=request.tags)
    clock.return_value += 3600
    result = tick(factory, instance, result.cursor)
    assert not result.run_requests
    assert json.loads(result.cursor or "")["mends"] == 0


def test_files_that_come_back_are_tried_ever_later(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path, clock: mock.Mock
) -> None:
    """A batch that fails at once would otherwise be started every five seconds for ever."""
    (inbox / "a.yaml").write_text("x")
    result = tick(factory, instance)
    starts = [clock.return_value]
    for _ in range(100):
        clock.return_value += 5
        result = tick(factory, instance, result.cursor)
        if result.run_requests:
            starts.append(clock.return_value)
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert gaps[:4] == [15, 30, 60, 120]
    (inbox / "0.yaml").write_text("new")
    assert tick(factory, instance, result.cursor).run_requests, "a new file does not wait for the old one's turn"


def test_what_a_killed_intake_left_is_finished_without_a_new_file(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path
) -> None:
    journal = factory.settings.var / "intake" / "0123456789abcdef.json"
    journal.parent.mkdir(parents=True)
    journal.write_text("{}")
    (request,) = tick(factory, instance).run_requests
    assert "files" not in request.run_config["ops"]["run_line"]["config"]


def test_a_cursor_of_another_release_starts_afresh(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path
) -> None:
    (inbox / "a.yaml").write_text("x")
    for cursor in ("not json", "[1]", json.dumps({"unknown": 1})):
        assert len(tick(factory, instance, cursor).run_requests) == 1


@pytest.mark.slow
def test_ten_thousand_files_are_paged_through_in_ticks_of_less_than_ten_seconds(
    factory: FakeFactory, instance: DagsterInstance, inbox: Path
) -> None:
    names = [f"agent_{i:05}.yaml" for i in range(10_000)]
    for name in names:
        (inbox / name).write_text("x" * 1500)
    job = build_defs().resolve_job_def("line_batch")
    cursor, seen, slowest = None, [], 0.0
    while True:
        start = time.perf_counter()
        result = tick(factory, instance, cursor)
        slowest = max(slowest, time.perf_counter() - start)
        if not result.run_requests:
            break
        (request,) = result.run_requests
        assert len(files(request)) <= Settings().page_size
        seen += files(request)
        # The first page's run is under way, and its files are gone, while the others are handed out.
        if cursor is None:
            instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
            for name in files(request):
                (inbox / name).unlink()
        cursor = result.cursor
    print(f"slowest tick: {slowest:.2f} s")
    assert seen == names
    assert slowest < 10
    assert result.skip_message == "a batch is queued or running"
