"""The audit log of a tenant: its events, whether it is whole, a copy of it.

Belongs here: thin handlers over `greenlang.registry.audit`. Does not belong here: tenants and keys (`governance`).
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from greenlang.api.models import FindingModel
from greenlang.api.naming import Moment, Text
from greenlang.api.paging import Page, pages
from greenlang.api.principal import Who, need
from greenlang.api.problems import documented
from greenlang.api.tenancy import TenantName, of_tenant
from greenlang.registry.audit import AuditLog

router = APIRouter(prefix="/api/v1/registry/tenants", tags=["audit"], responses=documented(404))


class EventModel(BaseModel):
    """An event of the audit log. ``detail`` is canonical JSON; the digest is over all of it and ``previous``."""

    tenant: str
    number: int
    at: datetime
    actor: str
    event: str
    subject: str
    detail: str
    previous: str
    digest: str


class EventPage(BaseModel):
    """Events, the newest first, and the cursor of the next page."""

    items: list[EventModel]
    next: str | None = None


class VerifiedModel(BaseModel):
    """What a look through the whole log gave; without findings it is whole."""

    tenant: str
    first: int
    last: int
    digest: str
    findings: list[FindingModel]


@router.get("/{tenant}/audit", dependencies=[need("read_audit")])
def audit_events(
    request: Request,
    page: Annotated[Page, pages(100)],
    who: Who,
    tenant: TenantName,
    event: Text = "",
    actor: Text = "",
    subject: Text = "",
    since: Moment | None = None,
    until: Moment | None = None,
) -> EventPage:
    """Events, the newest first. `event`, `actor`, `subject` are exact, or a beginning with `*` behind it."""
    log = AuditLog(of_tenant(request, who, "read_audit", tenant))
    before = page.number()
    found = log.query(
        event=event, actor=actor, subject=subject, since=since, until=until, before=before, limit=page.limit + 1
    )
    shown, following = page.cut(found, lambda event: [event.number])
    return EventPage(items=[EventModel.model_validate(one, from_attributes=True) for one in shown], next=following)


@router.get("/{tenant}/audit/verification", dependencies=[need("read_audit")])
def verify(request: Request, who: Who, tenant: TenantName) -> VerifiedModel:
    """Look through the whole log: every event, their order, its beginning and its end."""
    found = AuditLog(of_tenant(request, who, "read_audit", tenant)).verify()
    return VerifiedModel.model_validate(found, from_attributes=True)


@router.get(
    "/{tenant}/audit/export",
    dependencies=[need("export_audit")],
    response_class=FileResponse,
    responses={200: {"content": {"application/vnd.apache.parquet": {}}, "description": "A Parquet file"}},
)
def export(
    request: Request, who: Who, tenant: TenantName, since: Moment | None = None, until: Moment | None = None
) -> FileResponse:
    """The log, or a part of it, as a Parquet file that proves itself."""
    log = AuditLog(of_tenant(request, who, "export_audit", tenant))
    folder = tempfile.TemporaryDirectory(prefix="greenlang-audit-")
    file = File(folder.name) / "audit.parquet"
    try:
        log.export(file, since=since, until=until)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        file,
        media_type="application/vnd.apache.parquet",
        filename=f"audit-{tenant}.parquet",
        background=BackgroundTask(folder.cleanup),
    )
