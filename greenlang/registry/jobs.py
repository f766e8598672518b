"""What the factory was asked for: batches and their jobs, one job a spec.

Belongs here: the rows. Does not belong here: how far a job is (`greenlang.launcher`), building.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from greenlang.registry import access, audit, quotas
from greenlang.registry.store import Registry
from greenlang.registry.tables import BatchRow, JobRow

_TOLD = 20  # keys that the audit log names


@dataclass(frozen=True, slots=True)
class Job:
    """One spec that was asked for. ``key`` is the partition key that it was accepted under."""

    id: str
    batch_id: str
    place: int
    file: str
    key: str
    spec_digest: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Specs that were asked for at once, with the launcher's name of their run."""

    id: str
    launcher: str
    run: str
    options: Mapping[str, Any]
    created_at: datetime
    created_by: str
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A spec that was accepted, to be entered as a job."""

    file: str
    key: str
    digest: str


class Jobs:
    """Batches and jobs of the caller's own tenant; those of others are not there, nor are any that all may read."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def add(
        self, wanted: Sequence[Wanted], *, launcher: str, run: str, options: Mapping[str, Any], identity: str = ""
    ) -> Batch:
        """Enter a batch, by the name that it has already. One transaction. Raises QuotaExceeded."""
        caller, now = self._registry.caller, datetime.now(UTC)
        identity = identity or uuid.uuid4().hex
        jobs = tuple(Job(uuid.uuid4().hex, identity, n, w.file, w.key, w.digest, now) for n, w in enumerate(wanted))
        batch = Batch(identity, launcher, run, dict(options), now, caller.actor, jobs)
        row = {name: getattr(batch, name) for name in Batch.__slots__ if name != "jobs"}
        refusals = access.recording(self._registry, "generate_agent", "jobs")
        with refusals, self._registry.transaction(write=True) as connection:
            quotas.enforce(connection, caller.tenant, "jobs_per_day", len(jobs))
            connection.execute(insert(BatchRow).values(**row, tenant=caller.tenant, total=len(jobs)))
            rows = [{**{name: getattr(job, name) for name in Job.__slots__}, "tenant": caller.tenant} for job in jobs]
            connection.execute(insert(JobRow), rows)
            told = [job.key for job in jobs[:_TOLD]]
            audit.record(connection, caller, "jobs.requested", identity, run=run, total=len(jobs), first=told)
        return batch

    def check(self, more: int) -> None:
        """Whether so many more jobs may be entered now; before anything is begun for them. Raises QuotaExceeded."""
        refusals = access.recording(self._registry, "generate_agent", "jobs")
        with refusals, self._registry.transaction(write=True) as connection:
            quotas.enforce(connection, self._registry.caller.tenant, "jobs_per_day", more)

    def cancelled(self, batch: Batch) -> None:
        """Record that somebody had a batch ended."""
        with self._registry.transaction(write=True) as connection:
            audit.record(connection, self._registry.caller, "jobs.cancelled", batch.id, run=batch.run)

    def batch(self, identity: str) -> Batch:
        """A batch with its jobs in their order. Raises LookupError."""
        with self._registry.transaction() as connection:
            own = self._registry.caller.tenant
            row = connection.execute(
                select(BatchRow.__table__).where(BatchRow.tenant == own, BatchRow.id == identity)
            ).one_or_none()
            if row is None:
                raise LookupError(f"there is no batch {identity}")
            jobs = connection.execute(
                select(JobRow.__table__).where(JobRow.tenant == own, JobRow.batch_id == identity).order_by(JobRow.place)
            ).all()
        values = {name: getattr(row, name) for name in Batch.__slots__ if name != "jobs"}
        return Batch(**values, jobs=tuple(Job(**{n: getattr(job, n) for n in Job.__slots__}) for job in jobs))

    def job(self, identity: str) -> tuple[Job, Batch]:
        """A job with its batch. Raises LookupError."""
        with self._registry.transaction() as connection:
            found = connection.execute(
                select(JobRow.batch_id).where(JobRow.tenant == self._registry.caller.tenant, JobRow.id == identity)
            ).scalar_one_or_none()
        if found is None:
            raise LookupError(f"there is no job {identity}")
        batch = self.batch(found)
        return next(job for job in batch.jobs if job.id == identity), batch
