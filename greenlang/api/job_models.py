"""The shapes of jobs and batches: what is asked for, and how far it is.

Belongs here: pydantic models, and how they are made from rows and progress. Does not belong here: routes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from greenlang.api.naming import Text
from greenlang.launcher import ENDED, RunProgress, SpecProgress, Status
from greenlang.registry.jobs import Batch, Job

MOST_SPECS = 1000  # of one batch
_NO_SKIP = "an agent without {} is not registered: leave `{}` out; `/factory/validate` checks a spec without building"


class Options(BaseModel):
    """How to build."""

    model_config = ConfigDict(extra="forbid")

    skip_tests: bool = Field(False, description="Refused: an agent without tests is not registered.")
    skip_docs: bool = Field(False, description="Refused: an agent without documentation is not registered.")
    max_refinements: int | None = Field(
        None, ge=0, le=10, description="Rounds of questions to a model for a repair; the factory's own number without."
    )
    force: bool = Field(False, description="Build also what has not changed.")

    @model_validator(mode="after")
    def _truthful(self) -> Options:
        if self.skip_tests:
            raise ValueError(_NO_SKIP.format("tests", "skip_tests"))
        if self.skip_docs:
            raise ValueError(_NO_SKIP.format("documentation", "skip_docs"))
        return self


class SpecIn(BaseModel):
    """One spec: inline, or by its path in the bucket."""

    model_config = ConfigDict(extra="forbid")

    spec: str | dict[str, Any] | None = Field(None, description="The spec: YAML text, or an object.")
    spec_url: str | None = Field(
        None, max_length=400, description="Or its path in the bucket: `inbox/boiler.yaml`. Addresses are not fetched."
    )
    overlay: str | None = Field(None, description="Text of a reviewed overlay of an inline spec.")
    name: Text = Field("spec.yaml", description="What messages call an inline spec.")

    @model_validator(mode="after")
    def _one(self) -> SpecIn:
        if (self.spec is None) == (self.spec_url is None):
            raise ValueError("name the spec once: `spec` or `spec_url`")
        if self.spec_url is not None and self.overlay is not None:
            raise ValueError("the overlay of a spec in the bucket lies beside it")
        return self


class GenerateIn(SpecIn):
    """One spec, and how to build it."""

    options: Options = Options()


class BatchIn(BaseModel):
    """Several specs, all accepted or none."""

    model_config = ConfigDict(extra="forbid")

    specs: list[SpecIn] = Field(min_length=1, max_length=MOST_SPECS)
    max_concurrent: int | None = Field(None, ge=1, le=256, description="Processes, at most as many as are set.")
    options: Options = Options()


class JobCreated(BaseModel):
    """A job was entered; its progress is at ``/jobs/{job_id}``, its stream at ``/jobs/{job_id}/events``."""

    job_id: str
    batch_id: str
    status: Status


class BatchCreated(BaseModel):
    """A batch was entered, with its jobs in the order of the specs."""

    batch_id: str
    job_ids: list[str]
    status: Status


class JobStatus(BaseModel):
    """How far a job is. ``progress`` is the share of the ten stages that are over, of a registered agent 100."""

    job_id: str
    batch_id: str
    file: str
    key: str
    status: Status
    progress: int = Field(ge=0, le=100)
    stage: str = Field(description="the last stage that has ended; of a failed job the one that it failed in")
    outcome: str = Field(description="registered, incomplete, refused, quarantined, infrastructure; empty until then")
    reason: str
    errors: list[dict[str, Any]] = Field(description="findings about the spec: code, message, hint, line, column")
    created_at: datetime

    @classmethod
    def of(cls, job: Job, spec: SpecProgress) -> JobStatus:
        """From the row and the progress."""
        return cls(
            job_id=job.id,
            batch_id=job.batch_id,
            file=job.file,
            key=job.key,
            status=spec.status,
            progress=spec.percent,
            stage=spec.stage,
            outcome=spec.outcome,
            reason=spec.reason,
            errors=[dict(error) for error in spec.errors],
            created_at=job.created_at,
        )


class BatchStatus(BaseModel):
    """How far a batch is. ``progress`` is the mean of its jobs'."""

    batch_id: str
    status: Status
    reason: str
    total: int
    completed: int
    failed: int
    cancelled: int
    progress: int = Field(ge=0, le=100)
    options: dict[str, Any]
    created_at: datetime
    created_by: str
    jobs: list[JobStatus]

    @classmethod
    def of(cls, batch: Batch, progress: RunProgress) -> BatchStatus:
        """From the rows and the progress."""
        jobs = [JobStatus.of(job, progress.specs.get(job.key, SpecProgress())) for job in batch.jobs]
        counts = {status: sum(job.status == status for job in jobs) for status in ENDED}
        return cls(
            batch_id=batch.id,
            status=progress.status,
            reason=progress.why,
            total=len(jobs),
            **counts,
            progress=sum(job.progress for job in jobs) // max(1, len(jobs)),
            options=dict(batch.options),
            created_at=batch.created_at,
            created_by=batch.created_by,
            jobs=jobs,
        )


class Artifacts(BaseModel):
    """What came of a job. Code is path -> text: an agent is a package of several files."""

    agent_code: dict[str, str]
    test_code: dict[str, str]
    documentation: dict[str, str]
    deployment_pack: str = Field(description="path of the whole pack as tar.gz, to be fetched from this service")
    pack_digest: str
    certificate_digest: str


class FactoryMetrics(BaseModel):
    """The tenant's factory in a few figures, over every spec with its last outcome."""

    total_generated: int
    registered: int
    success_rate: float = Field(description="part of all specs that is registered, 0 to 1")
    avg_generation_time: float = Field(description="seconds of an agent's own stages")
    avg_refinements: float
    avg_score: float = Field(description="of registered agents")
    avg_coverage: float = Field(description="of registered agents, in percent")
    cost_metrics: dict[str, str | int] = Field(description="US dollars as text: total, of an agent; calls of models")


class FactoryHealth(BaseModel):
    """Whether the factory can work."""

    status: Literal["healthy", "degraded", "unhealthy"]
    llm_providers: dict[str, str]
    dependencies: dict[str, str]
