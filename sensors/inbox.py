"""The inbox sensor: files that are ready become runs of ``line_batch``, a page of them at a time.

Belongs here: listing and deciding when. Does not belong here: reading a file, and the asset modules.

The cursor is ``{"after": name, "page": digest, "tries": n, "not_before": time}``. ``after`` is set while a
sweep through the inbox is under way: each tick hands the next page to a run of its own, and the runs queue
up. Between sweeps nothing is requested while a batch is queued or running, because its files still stand in
the inbox. Files that are still there after their batch (it failed) are tried again, ever later.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    JobDefinition,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from greenlang.bucket import Entry
from greenlang.settings import Settings
from resources.factory import FactoryResource

_IN_FLIGHT = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_LONGEST_WAIT = 3600


@dataclass
class Cursor:
    """Where the sensor stands."""

    after: str = ""
    page: str = ""  # digest of the first page of the last sweep
    tries: int = 0
    not_before: float = 0.0

    @classmethod
    def load(cls, text: str | None) -> Cursor:
        """From the stored text; a text of another release starts afresh."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False)


def build(job: JobDefinition, settings: Settings) -> SensorDefinition:
    """The sensor, at the interval and page size of the settings."""

    @sensor(
        job=job,
        name="inbox_sensor",
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Looks into the bucket's inbox and starts a batch for the files that are ready.",
    )
    def inbox_sensor(context: SensorEvaluationContext, factory: FactoryResource) -> SensorResult | SkipReason:
        cursor = Cursor.load(context.cursor)
        if not cursor.after and _in_flight(context.instance, job.name):
            return SkipReason("a batch is queued or running")
        files = factory.waiting_files(cursor.after)
        if not files and cursor.after:
            return SensorResult(skip_reason="the end of the inbox is reached", cursor=_rested(cursor).dump())
        if not files and not factory.unfinished():
            return SensorResult(skip_reason="the inbox is empty", cursor=Cursor().dump())
        page = files[: settings.page_size]
        if not cursor.after:
            cursor = _counted(cursor, page)
            if time.time() < cursor.not_before:
                wait = f"{len(files)} files could not be taken in; the next try is in a while"
                return SensorResult(skip_reason=wait, cursor=cursor.dump())
            cursor.not_before = time.time() + min(15 * 2**cursor.tries, _LONGEST_WAIT)
        cursor.after = page[-1].name if len(files) > len(page) else ""
        return SensorResult(run_requests=[_request(page)], cursor=cursor.dump())

    return inbox_sensor


def _in_flight(instance: DagsterInstance, job: str) -> bool:
    return bool(instance.get_run_ids(RunsFilter(job_name=job, statuses=_IN_FLIGHT), limit=1))


def _digest(page: Sequence[Entry]) -> str:
    total = hashlib.sha256()
    for entry in page:
        total.update(f"{entry.name}\0{entry.etag}\n".encode())
    return total.hexdigest()[:16]


def _counted(cursor: Cursor, page: Sequence[Entry]) -> Cursor:
    """The cursor at the start of a sweep: the same first page again is another try."""
    digest = _digest(page)
    if digest != cursor.page:
        return Cursor(page=digest)
    if time.time() < cursor.not_before:
        return cursor
    return Cursor(page=digest, tries=cursor.tries + 1)


def _rested(cursor: Cursor) -> Cursor:
    return Cursor(page=cursor.page, tries=cursor.tries, not_before=cursor.not_before)


def _request(page: Sequence[Entry]) -> RunRequest:
    names = [entry.name for entry in page]
    return RunRequest(
        run_config={"ops": {"run_line": {"config": {"files": names, "entrance": "sensor"}}}},
        tags={"greenlang/entrance": "sensor", "greenlang/files": str(len(names))},
    )
