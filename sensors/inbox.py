"""The inbox sensor: files that are ready become runs of ``line_batch``, a page of them at a time.

Belongs here: listing and deciding when. Does not belong here: reading a file, and the asset modules.

``Cursor.after`` is set while a sweep through the inbox is under way: each tick hands the next page to a run of its own,
and the runs queue up. Between sweeps nothing is requested while a batch is queued or running, because its files still
stand in the inbox. Files that are still there after their batch (it failed) are tried again, ever later. When a batch
has failed or was killed, one over everything finishes its work, because specs that it had accepted have left the inbox.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from greenlang.telemetry.trace import span, tags
from resources.factory import FactoryResource

_IN_FLIGHT = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_LONGEST_WAIT = 3600
_log = logging.getLogger("greenlang.sensor")
_ENTRANCE = "greenlang/entrance"
_MEND = "mend"


@dataclass
class Cursor:
    """Where the sensor stands."""

    after: str = ""  # the last name that was handed out, in the middle of a sweep
    page: str = ""  # digest of the first page of the last sweep
    tries: int = 0
    not_before: float = 0.0
    mends: int = 0  # batches over everything since the last one that succeeded
    mend_not_before: float = 0.0

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
        cursor, now = Cursor.load(context.cursor), time.time()
        if not cursor.after and _in_flight(context.instance, job.name):
            return SkipReason("a batch is queued or running")
        if not cursor.after and (factory.unfinished() or _broken(context.instance, job.name)):
            if now >= cursor.mend_not_before:
                cursor.mend_not_before = now + _wait(cursor.mends)
                cursor.mends += 1
                with _tick("everything is looked at again"):
                    return SensorResult(run_requests=[_mend()], cursor=cursor.dump())
        elif not cursor.after:
            cursor.mends, cursor.mend_not_before = 0, 0.0
        files = factory.waiting_files(cursor.after)
        page = files[: settings.page_size]
        if not page:
            if cursor.after:
                cursor.after = ""
            else:
                cursor.page, cursor.tries, cursor.not_before = "", 0, 0.0
            return SensorResult(skip_reason="the inbox is empty", cursor=cursor.dump())
        if not cursor.after:
            if (digest := _digest(page)) != cursor.page:
                cursor.page, cursor.tries = digest, 0
            elif now < cursor.not_before:
                wait = f"{len(files)} files could not be taken in; they are tried again later"
                return SensorResult(skip_reason=wait, cursor=cursor.dump())
            cursor.not_before = now + _wait(cursor.tries)
            cursor.tries += 1
        cursor.after = page[-1].name if len(files) > len(page) else ""
        with _tick(f"{len(page)} files are handed to a batch"):
            return SensorResult(run_requests=[_request(page)], cursor=cursor.dump())

    return inbox_sensor


@contextmanager
def _tick(message: str) -> Iterator[None]:
    """The span that the runs of a tick are parts of."""
    with span("inbox_sensor", kind="producer"):
        _log.info(message)
        yield


def _in_flight(instance: DagsterInstance, job: str) -> bool:
    return bool(instance.get_run_ids(RunsFilter(job_name=job, statuses=_IN_FLIGHT), limit=1))


def _broken(instance: DagsterInstance, job: str) -> bool:
    """Whether a batch has failed since the last one over everything succeeded."""
    failed = instance.get_run_records(RunsFilter(job_name=job, statuses=[DagsterRunStatus.FAILURE]), limit=1)
    mended = instance.get_run_records(
        RunsFilter(job_name=job, statuses=[DagsterRunStatus.SUCCESS], tags={_ENTRANCE: _MEND}), limit=1
    )
    return bool(failed) and not (mended and mended[0].create_timestamp > failed[0].create_timestamp)


def _wait(tries: int) -> float:
    """Seconds until the next try: 15, 30, 60, ... an hour."""
    return float(min(15 * 2 ** min(tries, 10), _LONGEST_WAIT))


def _digest(page: Sequence[Entry]) -> str:
    total = hashlib.sha256()
    for entry in page:
        total.update(f"{entry.name}\0{entry.etag}\n".encode())
    return total.hexdigest()[:16]


def _mend() -> RunRequest:
    return RunRequest(
        run_config={"ops": {"run_line": {"config": {"entrance": _MEND}}}}, tags={_ENTRANCE: _MEND, **tags()}
    )


def _request(page: Sequence[Entry]) -> RunRequest:
    names = [entry.name for entry in page]
    return RunRequest(
        run_config={"ops": {"run_line": {"config": {"files": names, "entrance": "sensor"}}}},
        tags={_ENTRANCE: "sensor", "greenlang/files": str(len(names)), **tags()},
    )
