"""How the specs of a tenant stand in the factory, and what became of them, line by line.

Belongs here: thin handlers over `greenlang.metrics.log`. Does not belong here: jobs (`factory`), figures.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from greenlang.api.naming import Text
from greenlang.api.paging import Page, pages
from greenlang.api.principal import Who, need
from greenlang.api.services import Shared
from greenlang.metrics import log

router = APIRouter(prefix="/api/v1/factory", tags=["factory"])

Outcome = Literal["registered", "incomplete", "refused", "quarantined", "infrastructure"]


class RunModel(BaseModel):
    """A run of the factory. `finished_at` null: it runs, or was broken off."""

    run_id: str
    entrance: str
    started_at: datetime
    finished_at: datetime | None


class FailedModel(BaseModel):
    """A spec (`agent_id version`, or its file) that is not registered, and why."""

    spec: str
    outcome: Outcome
    reason: str | None


class FactoryStatus(BaseModel):
    """How many specs have which outcome, the last run, and those that are not registered."""

    outcomes: dict[str, int]
    last_run: RunModel | None
    failed: list[FailedModel]
    next: str | None = Field(None, description="the cursor of the next page of `failed`; null for the last")


class LogLine(BaseModel):
    """One outcome of one run."""

    finished_at: datetime | None
    run_id: str
    entrance: str | None
    spec: str
    outcome: Outcome
    seconds: float | None
    reason: str


class LogPage(BaseModel):
    """Outcomes, the newest first."""

    items: list[LogLine]
    next: str | None = None


@router.get("/status", dependencies=[need("view_metrics")])
def status(page: Annotated[Page, pages(100)], who: Who, services: Shared) -> FactoryStatus:
    """The tenant's specs by outcome, the last run, and a page of the specs that are not registered."""
    settings = services.of_tenant(who.caller.tenant)
    outcome, spec = page.texts(2) or ("", "")
    found = log.failed(settings, after=(outcome, spec), limit=page.limit + 1)
    failed, following = page.cut(found, lambda one: (one["outcome"], one["spec"]))
    stands = log.status(settings)
    return FactoryStatus(
        outcomes=stands.outcomes,
        last_run=RunModel(**stands.last_run) if stands.last_run else None,
        failed=[FailedModel(**one) for one in failed],
        next=following,
    )


@router.get("/log", dependencies=[need("view_metrics")])
def outcomes(
    page: Annotated[Page, pages(50)],
    who: Who,
    services: Shared,
    run: Annotated[Text, Query(description="A run's id, or how it begins.")] = "",
    outcome: Outcome | None = None,
) -> LogPage:
    """What the factory did for the tenant, a line an outcome, the newest first."""
    place = page.texts(3)
    before = (place[0], place[1], place[2]) if place is not None else None
    settings = services.of_tenant(who.caller.tenant)
    found = log.log(settings, run=run, outcome=outcome, before=before, limit=page.limit + 1)
    lines, following = page.cut(found, lambda one: (one["place"], one["spec"], one["run_id"]))
    return LogPage(
        items=[LogLine(**{name: one[name] for name in LogLine.model_fields}) for one in lines], next=following
    )
