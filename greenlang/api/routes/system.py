"""Whether the service lives and can work.

Belongs here: health, readiness, series for Prometheus. Does not belong here: the factory's figures as JSON (`factory`).
"""

from __future__ import annotations

import logging
from typing import Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import PlainTextResponse, RedirectResponse

from greenlang import __version__
from greenlang.api.console.render import HOME
from greenlang.api.principal import Who, need
from greenlang.api.problems import RETRY_SECONDS, Problem, documented
from greenlang.api.services import Services, Shared
from greenlang.registry import Registry
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.telemetry.exposition import CONTENT_TYPE
from greenlang.telemetry.exposition import text as text_of
from greenlang.telemetry.requests import Figures, Requests, lines_of, ratio_of

router = APIRouter(tags=["system"])

_log = logging.getLogger("greenlang.api")


class Index(BaseModel):
    """Addresses of this service."""

    service: str = "GreenLang Agent Factory"
    version: str = __version__
    console: str = HOME
    openapi: str = "/openapi.json"
    health: str = "/health"
    ready: str = "/ready"


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"
    version: str = __version__


class Ready(BaseModel):
    """The registry's database answers."""

    status: Literal["ready"] = "ready"


@router.get("/", response_model=Index, responses={307: {"description": "To the console, for a browser"}})
async def index(request: Request) -> Index | RedirectResponse:
    """Where things are; a browser goes to the console."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(HOME)
    return Index()


@router.get("/health")
async def health() -> Alive:
    """Whether the process lives; asks nobody else."""
    return Alive()


@router.get("/ready", responses=documented(503))
def ready(request: Request) -> Ready:
    """Whether requests can be served: 503 while it starts, and while the registry's database does not answer."""
    if not request.app.state.warm:
        raise Problem(503, "it is starting", kind="unavailable", headers={"Retry-After": str(RETRY_SECONDS)})
    registry: Registry = request.app.state.registry
    with registry.transaction() as connection:
        connection.execute(text("SELECT 1"))
    return Ready()


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}, **documented(503)},
    dependencies=[need("view_metrics")],
)
async def metrics(request: Request, who: Who, services: Shared) -> PlainTextResponse:
    """The series of one's own factory, in Prometheus' text format (docs/telemetry.md); to the tenant that runs the
    installation also how the API answered, whoever asked it.
    """
    requests: Requests = request.app.state.requests
    own = requests.taken()  # here, on the thread that counts
    return PlainTextResponse(
        await run_sync(_series, services, requests, own, who.caller.tenant), media_type=CONTENT_TYPE
    )


def _series(services: Services, requests: Requests, own: Figures, tenant: str) -> str:
    every = requests.of_all(own) if tenant == DEFAULT_TENANT else {}
    ratio = ratio_of(every)
    try:
        told = services.series(tenant).text({} if ratio is None else {("api",): ratio})
    except OSError as error:
        _log.warning("the metrics cannot be read: %s", error)
        raise Problem(503, "the factory's tables cannot be read now", kind="unavailable") from error
    return told + text_of(lines_of(every))
