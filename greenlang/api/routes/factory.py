"""Asking the factory for agents: jobs, batches, artifacts, the factory's figures (000, section 5; 001, layer 3).

Belongs here: thin handlers. Does not belong here: accepting specs (`greenlang.factory.asking`), rows
(`greenlang.registry.jobs`), running (`greenlang.launcher`), streams (`progress`).
"""

from __future__ import annotations

import gzip
import io
import logging
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi import Path as InPath

from greenlang.api.job_models import (
    Artifacts,
    BatchCreated,
    BatchIn,
    BatchStatus,
    FactoryHealth,
    FactoryMetrics,
    GenerateIn,
    JobCreated,
    JobStatus,
    Options,
    SpecIn,
)
from greenlang.api.principal import Store, Who, need
from greenlang.api.problems import Problem, documented
from greenlang.api.services import Services, Shared
from greenlang.errors import BucketError
from greenlang.factory.asking import Sent, SpecsRefused, accept, from_bucket, spec_bytes
from greenlang.launcher import Order, SpecProgress
from greenlang.metrics.totals import totals
from greenlang.provenance import CERTIFICATE
from greenlang.registry import Registry
from greenlang.registry.jobs import Batch, Job, Jobs
from greenlang.registry.packs import PackNotHere, RegisteredPack, homes, pack_of
from greenlang.registry.roles import Principal
from greenlang.telemetry.trace import span

router = APIRouter(prefix="/api/v1/factory", tags=["factory"])
_log = logging.getLogger("greenlang.api")

_TEXTS = frozenset({".py", ".md", ".json", ".yaml", ".toml", ".typed", ".txt"})
Identity = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]


@router.post("/generate", status_code=202, responses=documented(404, 409), dependencies=[need("generate_agent")])
def generate(
    given: Annotated[GenerateIn, Body()], who: Who, store: Store, services: Shared, response: Response
) -> JobCreated:
    """Build, test, judge and register an agent from a spec. Nothing is deployed. 422 carries the spec's findings."""
    batch = _asked(services, store, who, [given], given.options, workers=0)
    job = batch.jobs[0]
    response.headers["Location"] = f"{router.prefix}/jobs/{job.id}"
    return JobCreated(job_id=job.id, batch_id=batch.id, status="queued")


@router.post("/create", status_code=202, responses=documented(404, 409), dependencies=[need("generate_agent")])
def create(
    given: Annotated[GenerateIn, Body()], who: Who, store: Store, services: Shared, response: Response
) -> JobCreated:
    """The same as `generate`, under the name of design document 001."""
    return generate(given, who, store, services, response)


@router.post("/batch", status_code=202, responses=documented(404, 409), dependencies=[need("generate_agent")])
def batch(
    given: Annotated[BatchIn, Body()], who: Who, store: Store, services: Shared, response: Response
) -> BatchCreated:
    """Build several agents. All specs are accepted, or none with the findings of each."""
    made = _asked(services, store, who, given.specs, given.options, workers=given.max_concurrent or 0)
    response.headers["Location"] = f"{router.prefix}/batch/{made.id}"
    return BatchCreated(batch_id=made.id, job_ids=[job.id for job in made.jobs], status="queued")


@router.get("/jobs/{job_id}", responses=documented(404), dependencies=[need("read_jobs")])
def job(job_id: Identity, who: Who, store: Store, services: Shared) -> JobStatus:
    """How far a job is: from what has happened, never a guess."""
    found, of = job_named(store, job_id)
    progress = services.progress(of, who.caller.tenant)
    return JobStatus.of(found, progress.specs.get(found.key, SpecProgress()))


@router.get("/batch/{batch_id}", responses=documented(404), dependencies=[need("read_jobs")])
def batch_status(batch_id: Identity, who: Who, store: Store, services: Shared) -> BatchStatus:
    """How far a batch is, and each of its jobs."""
    found = batch_named(store, batch_id)
    return BatchStatus.of(found, services.progress(found, who.caller.tenant))


@router.post("/batch/{batch_id}/cancel", responses=documented(404), dependencies=[need("generate_agent")])
def cancel(batch_id: Identity, who: Who, store: Store, services: Shared) -> BatchStatus:
    """End a batch that one asked for; as an administrator any.

    What was accepted stays accepted: the next batch over everything builds it. A batch that has ended stays as it is.
    """
    found = batch_named(store, batch_id)
    if found.created_by != who.caller.actor and not who.may("manage_lists"):
        raise Problem(403, "somebody else asked for this batch")
    try:
        if services.launcher_named(found.launcher).cancel(found.run):
            Jobs(store).cancelled(found)
    except LookupError:
        pass  # its run is over for so long that nobody knows it
    return BatchStatus.of(found, services.progress(found, who.caller.tenant))


@router.get("/jobs/{job_id}/artifacts", responses=documented(404, 409), dependencies=[need("read_jobs")])
def artifacts(job_id: Identity, who: Who, store: Store, services: Shared) -> Artifacts:
    """Code, tests and documents of a job's agent, as they were certified. 409 while there are none."""
    with _pack(services, who, store, job_id) as found:
        return Artifacts(
            agent_code=_texts(found, lambda name: name.startswith(f"{found.package}/")),
            test_code=_texts(found, lambda name: name.startswith("tests/")),
            documentation=_texts(found, lambda name: name.endswith(".md")),
            deployment_pack=f"{router.prefix}/jobs/{job_id}/artifacts/pack.tar.gz",
            pack_digest=found.certificate.pack_digest,
            certificate_digest=found.certificate.digest,
        )


@router.get(
    "/jobs/{job_id}/artifacts/pack.tar.gz",
    response_class=Response,
    responses={200: {"content": {"application/gzip": {}}}, **documented(404, 409)},
    dependencies=[need("read_jobs")],
)
def pack(job_id: Identity, who: Who, store: Store, services: Shared) -> Response:
    """The whole pack: the same bytes for the same pack."""
    with _pack(services, who, store, job_id) as found:
        agent = found.certificate.content["agent"]
        name = f"{agent['distribution']}-{agent['version']}"
        headers = {"Content-Disposition": f'attachment; filename="{name}.tar.gz"'}
        return Response(_archive(found, name), media_type="application/gzip", headers=headers)


@router.get("/metrics", dependencies=[need("view_metrics")])
def metrics(who: Who, services: Shared) -> FactoryMetrics:
    """The factory's figures."""
    found = totals(services.of_tenant(who.caller.tenant))
    return FactoryMetrics(
        total_generated=found.total_agents,
        registered=found.registered,
        success_rate=found.success_rate,
        avg_generation_time=found.avg_generation_time,
        avg_refinements=found.avg_refinements,
        avg_score=found.avg_score,
        avg_coverage=found.avg_coverage,
        cost_metrics={
            "total_usd": f"{found.total_cost_usd:f}",
            "avg_usd": f"{found.avg_cost_usd:f}",
            "model_calls": found.model_calls,
        },
    )


@router.get("/health", responses={503: {"model": FactoryHealth}})
def health(services: Shared, response: Response) -> FactoryHealth:
    """Whether the factory can work: 503 where it cannot. Names no tenant, no path and no address."""
    from greenlang.api.health import dependencies, providers

    found = dependencies(services)
    models = providers(services.settings)
    if found["registry"] != "ok" or found["bucket"] != "ok":
        response.status_code = 503
        return FactoryHealth(status="unhealthy", llm_providers=models, dependencies=found)
    degraded = any(state != "ok" for state in found.values())
    return FactoryHealth(status="degraded" if degraded else "healthy", llm_providers=models, dependencies=found)


# --- what the handlers share ------------------------------------------------------------------------------------------


def job_named(store: Registry, job_id: str) -> tuple[Job, Batch]:
    """A job of the caller's tenant with its batch. Raises Problem 404."""
    try:
        return Jobs(store).job(job_id)
    except LookupError as error:
        raise Problem(404, str(error)) from error


def batch_named(store: Registry, batch_id: str) -> Batch:
    """A batch of the caller's tenant. Raises Problem 404."""
    try:
        return Jobs(store).batch(batch_id)
    except LookupError as error:
        raise Problem(404, str(error)) from error


def _asked(
    services: Services, store: Registry, who: Principal, specs: list[Any], options: Options, *, workers: int
) -> Batch:
    """Accept, launch, enter. What is accepted and cannot be launched is built by the next batch over everything."""
    settings = services.of_tenant(who.caller.tenant)
    jobs = Jobs(store)
    jobs.check(len(specs))
    sent = [_sent(services, who, one) for one in specs]
    try:
        wanted = accept(settings, store, sent)
    except SpecsRefused as error:
        findings = [
            {"place": place, "file": sent[place].name, **d.as_dict()} for place, ds in error.refused.items() for d in ds
        ]
        raise Problem(422, str(error), kind="spec-refused", diagnostics=findings) from error
    keys = tuple(dict.fromkeys(w.key for w in wanted))
    identity = uuid.uuid4().hex  # of the batch, here and in the metrics
    launcher = services.launcher
    told = {"max_concurrent": workers or None, **options.model_dump(exclude={"skip_tests", "skip_docs"})}
    known: dict[str, str | int] = {"job_id": identity, "agents": len(keys)}
    with span("job", kind="producer", fields={"job_id": identity}, attributes=known) as made:
        trace = made.traceparent
        order = Order(who.caller.tenant, keys, workers, options.max_refinements, options.force, identity, trace)
        run = launcher.start(order)
        _log.info("agents are asked for", extra={"fields": {"agents": len(keys), "run": run}})
        return jobs.add(wanted, launcher=launcher.name, run=run, options=told, identity=identity)


def _sent(services: Services, who: Principal, one: SpecIn) -> Sent:
    if one.spec is not None:
        overlay = one.overlay.encode() if one.overlay is not None else None
        return Sent(one.name, spec_bytes(one.spec), overlay)
    assert one.spec_url is not None
    if "://" in one.spec_url:
        raise Problem(422, "addresses are not fetched: send the spec inline, or name it in the bucket")
    try:
        return from_bucket(services.of_tenant(who.caller.tenant), one.spec_url)
    except FileNotFoundError as error:
        raise Problem(404, f"there is no {one.spec_url} in the bucket") from error
    except BucketError as error:
        if "leads out" in str(error):
            raise Problem(422, f"{one.spec_url} leads out of the bucket") from error
        raise


@contextmanager
def _pack(services: Services, who: Principal, store: Registry, job_id: str) -> Iterator[RegisteredPack]:
    """The pack of a job that was registered, of its last build. Raises Problem 404, and 409 where it cannot be read."""
    found, of = job_named(store, job_id)
    progress = services.progress(of, who.caller.tenant).specs.get(found.key, SpecProgress())
    if progress.status != "completed":
        why = f": {progress.reason}" if progress.reason else ""
        raise Problem(409, f"the job is {progress.status}{why}; only a registered agent has artifacts", kind="no-pack")
    agent_id, _, rest = found.key.rpartition("@")
    builds = store.builds(agent_id, rest.rpartition("-")[0])
    if not builds:
        raise Problem(409, f"the registry has no build of {agent_id}", kind="no-pack")
    try:
        yield pack_of(builds[0], homes(services.settings, who.caller.tenant))
    except PackNotHere as error:
        raise Problem(409, str(error), kind="no-pack") from error


def _texts(pack: RegisteredPack, wanted: Callable[[str], bool]) -> dict[str, str]:
    names = [name for name in sorted(pack.files) if wanted(name) and PurePosixPath(name).suffix in _TEXTS]
    return {name: pack.read(name).decode() for name in names}


def _archive(pack: RegisteredPack, name: str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for path in sorted((*pack.files, CERTIFICATE)):
            data = (pack.folder / CERTIFICATE).read_bytes() if path == CERTIFICATE else pack.read(path)
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(held.getvalue(), mtime=0)
