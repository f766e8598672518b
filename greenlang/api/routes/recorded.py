"""What the factory recorded of one agent of one's tenant: how it was judged, what it uses, or why it is not registered.

Belongs here: thin handlers over `greenlang.metrics.agents`. Does not belong here: entries (`registry`), reports
(`quality`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from greenlang.api.principal import Who, need
from greenlang.api.services import Shared
from greenlang.metrics import agents

router = APIRouter(prefix="/api/v1/factory", tags=["factory"])


class JudgedModel(BaseModel):
    """One of the twelve dimensions, as it was judged."""

    title: str
    status: str
    score: float | None
    threshold: float | None
    evidence: str | None
    reason: str | None


class UsedModel(BaseModel):
    """A factor, formula or table that the agent uses."""

    kind: str
    ref: str
    citation: str | None


class Recorded(BaseModel):
    """What was recorded; empty lists for what was built elsewhere."""

    qa_dimensions: list[JudgedModel]
    lineage: list[UsedModel]
    unregistered: str = Field(description="why the spec is not registered; empty where it is, or is not known")


@router.get("/agents/{identity:path}", dependencies=[need("read_registry")])
def recorded(
    identity: Annotated[str, InPath(max_length=400, description="agent_id@version, or agent_id")],
    who: Who,
    services: Shared,
) -> Recorded:
    """How an agent version was judged, and what it uses."""
    settings = services.of_tenant(who.caller.tenant)
    agent_id, _, version = identity.partition("@")
    found = agents.recorded(settings, agent_id, version)
    why = "" if found["qa_dimensions"] else agents.unregistered(settings, agent_id, version)
    return Recorded.model_validate({**found, "unregistered": why})
