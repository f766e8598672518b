"""What runs, how well, and which of it to call: document 001, section 4.1.

Belongs here: thin handlers over `greenlang.registry.discovery`. Does not belong here: the rule for health, the order.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from greenlang.api.caching import quiet
from greenlang.api.models import Agent
from greenlang.api.naming import Ref, Text
from greenlang.api.principal import Store, need
from greenlang.api.problems import documented
from greenlang.api.written import written
from greenlang.registry import discovery
from greenlang.registry.health import HEALTHY
from greenlang.registry.heartbeats import Beat, beats

router = APIRouter(prefix="/api/v1/registry", tags=["discovery"])

Status = Literal["healthy", "degraded", "down", "unknown"]


class InstanceModel(BaseModel):
    """A running instance. `health` is from 0 to 1; `reason` is what lowers it."""

    agent_id: str
    version: str
    instance: str
    endpoint: str
    location: str
    health: float | None
    status: Status
    reason: str
    seen_at: datetime


class HealthModel(BaseModel):
    """How well an agent version does: as its best instance; null where nobody has heard of it."""

    agent_id: str
    version: str
    health: float | None
    status: Status
    reason: str
    instances: list[InstanceModel]


class Heartbeat(BaseModel):
    """An instance lives. `metrics`: calls, errors, latency_p95_ms, latency_target_ms since the heartbeat before."""

    instance: Annotated[Text, Field(min_length=1, max_length=200)]
    endpoint: Annotated[Text, Field(max_length=2000)] = ""
    location: Annotated[Text, Field(max_length=40)] = ""
    metrics: Annotated[dict[str, float], Field(max_length=20)] = {}


class Discover(BaseModel):
    """What is looked for. `version` is a range as `>=1.2,<2`; `key` keeps a caller with its instances."""

    capabilities: Annotated[list[Text], Field(min_length=1, max_length=50)]
    min_health_score: Annotated[float, Field(ge=0, le=1)] = HEALTHY
    version_constraint: Text = ""
    location_preference: Text = ""
    max_results: Annotated[int, Field(ge=1, le=100)] = 10
    key: Text = ""


class DiscoveredModel(BaseModel):
    """An agent that can be called: its instances in the order in which to try them."""

    agent: Agent
    capabilities: list[str]
    health: float | None
    status: Status
    reason: str
    instances: list[InstanceModel]


class DiscoveredList(BaseModel):
    """Agents, the best first."""

    items: list[DiscoveredModel]


@router.post("/discover", dependencies=[need("read_registry")])
def discover(store: Store, asked: Discover) -> DiscoveredList:
    """Agents with any of these capabilities and an instance as healthy as asked, the best first."""
    found = discovery.discover(
        store,
        asked.capabilities,
        min_health=asked.min_health_score,
        version=asked.version_constraint,
        location=asked.location_preference,
        limit=asked.max_results,
        key=asked.key,
    )
    return DiscoveredList(items=[DiscoveredModel.model_validate(one.as_dict()) for one in found])


@router.get("/health/{agent_id:path}", responses=documented(404), dependencies=[need("read_registry")])
def health(ref: Ref, store: Store) -> HealthModel:
    """How well an agent version does."""
    return HealthModel.model_validate(discovery.health(store, str(ref)).as_dict())


@router.post("/health/{agent_id:path}", responses=documented(404), dependencies=[need("deploy_agent"), quiet])
async def heartbeat(ref: Ref, store: Store, beat: Heartbeat) -> InstanceModel:
    """Report that an instance runs, and how well."""
    told = Beat.of(ref, beat.instance, endpoint=beat.endpoint, location=beat.location, metrics=beat.metrics)
    return InstanceModel.model_validate((await written(store, beats, told)).as_dict())
