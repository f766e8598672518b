"""Whether the service lives and can work.

Belongs here: health, readiness, process metrics. Does not belong here: the factory's metrics (`factory`).
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import PlainTextResponse, RedirectResponse

from greenlang import __version__
from greenlang.api.console.render import HOME
from greenlang.api.principal import need
from greenlang.api.problems import RETRY_SECONDS, Problem, documented
from greenlang.registry import Registry

router = APIRouter(tags=["system"])

_CLASSES = ("2xx", "3xx", "4xx", "5xx")


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
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=[need("view_metrics")],
)
async def metrics(request: Request) -> PlainTextResponse:
    """How this process answered, in Prometheus' text format: answers by class of status, and those from memory."""
    counts: Counter[str] = request.app.state.counts
    lines = ["# TYPE greenlang_answers_total counter"]
    lines += [f'greenlang_answers_total{{status="{name}"}} {counts[name]}' for name in _CLASSES]
    lines += ["# TYPE greenlang_kept_answers_total counter", f"greenlang_kept_answers_total {counts['kept']}"]
    return PlainTextResponse("\n".join(lines) + "\n")
