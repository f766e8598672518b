"""Tenants with their lists, quotas and environments; API keys; the audit log.

Belongs here: thin handlers over `greenlang.registry.{tenants,keys,audit}`. Does not belong here: agents (`registry`).

The path names the tenant. It is the caller's own, or the caller manages tenants; anything else is refused and in the
log.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path as File
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from greenlang.api.models import FindingModel
from greenlang.api.naming import Moment, Text, Words
from greenlang.api.paging import Cursor, Limit, decoded_number, encoded, link_next
from greenlang.api.principal import Who, need
from greenlang.api.problems import documented
from greenlang.registry import Registry
from greenlang.registry.access import authorise
from greenlang.registry.audit import AuditLog
from greenlang.registry.keys import DAYS, MOST_DAYS, ApiKey, Keys
from greenlang.registry.quotas import Quota
from greenlang.registry.roles import Permission
from greenlang.registry.tenants import TENANT, Environment, Grant, Tenant, Tenants

router = APIRouter(prefix="/api/v1/registry/tenants", tags=["governance"], responses=documented(404))

TenantName = Annotated[str, Path(pattern=f"^{TENANT}$", max_length=63)]
Line = Annotated[int, Path(ge=1, le=2**53)]


class TenantModel(BaseModel):
    """A tenant. ``residency`` is the tag of its region; empty: any."""

    tenant: str
    name: str
    residency: str
    created_at: datetime | None


class TenantList(BaseModel):
    """Tenants, by name."""

    items: list[TenantModel]


class NewTenant(BaseModel):
    """What to make."""

    tenant: Annotated[str, Field(pattern=f"^{TENANT}$", max_length=63)]
    name: Text = ""
    residency: Text = ""


class GrantModel(BaseModel):
    """A line of an allow or deny list."""

    id: int
    kind: str
    pattern: str
    environment: str = Field(description="empty: all")
    reason: str
    at: datetime
    actor: str
    until: datetime | None


class GrantList(BaseModel):
    """Lines, the oldest first."""

    items: list[GrantModel]


class NewGrant(BaseModel):
    """A line to add: an agent id, or a pattern with `*` in it."""

    kind: Literal["allow", "deny"]
    pattern: Text
    reason: Words
    environment: Environment | Literal[""] = ""


class Quotas(BaseModel):
    """Quota -> how much; null: as much as it likes."""

    quotas: dict[Quota, int | None]


class NewQuota(BaseModel):
    """How much; null: as much as it likes."""

    most: Annotated[int | None, Field(ge=0, le=2**53)]


class Environments(BaseModel):
    """Environment -> the least lifecycle state that it asks of an agent."""

    environments: dict[str, str]


class NewLeast(BaseModel):
    """The least lifecycle state that an environment asks of an agent."""

    least_state: Literal["draft", "experimental", "certified"]


class Cleared(BaseModel):
    """Whether the tenant may use the agent there. Warnings do not stand in the way."""

    allowed: bool
    findings: list[FindingModel]


class KeyModel(BaseModel):
    """A key without its secret."""

    id: str
    tenant: str
    name: str
    roles: list[str]
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    state: str = Field(description="valid, expired or revoked")


class KeyList(BaseModel):
    """Keys, the newest first."""

    items: list[KeyModel]


class NewKey(BaseModel):
    """Whom it is for, and what it may do at most."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    roles: Annotated[list[Text], Field(min_length=1, max_length=20)]
    scopes: Annotated[list[Permission], Field(max_length=50)] = []
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS


class IssuedKey(BaseModel):
    """The new key. ``plain`` is told this once and kept nowhere."""

    plain: str
    key: KeyModel


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


def _as(request: Request, who: Who, permission: Permission, tenant: str) -> Registry:
    """The registry as the caller sees it in that tenant. Raises AccessDenied."""
    return authorise(request.app.state.registry, who, permission, request.url.path, tenant=tenant)


def _tenants(request: Request, who: Who, permission: Permission, tenant: str) -> Tenants:
    return Tenants(_as(request, who, permission, tenant), region=request.app.state.settings.region)


def _key(key: ApiKey) -> KeyModel:
    return KeyModel.model_validate(key, from_attributes=True)


def _tenant(tenant: Tenant) -> TenantModel:
    return TenantModel.model_validate(tenant, from_attributes=True)


def _grant(grant: Grant) -> GrantModel:
    return GrantModel.model_validate(grant, from_attributes=True)


@router.get("", dependencies=[need("manage_tenants")])
def tenants(request: Request, who: Who) -> TenantList:
    """Every tenant."""
    found = _tenants(request, who, "manage_tenants", who.caller.tenant).all()
    return TenantList(items=[_tenant(one) for one in found])


@router.post("", status_code=201, dependencies=[need("manage_tenants")])
def create(request: Request, who: Who, new: NewTenant) -> TenantModel:
    """Make a tenant."""
    own = _tenants(request, who, "manage_tenants", who.caller.tenant)
    return _tenant(own.create(new.tenant, name=new.name, residency=new.residency))


@router.get("/{tenant}", dependencies=[need("read_registry")])
def tenant_of(request: Request, who: Who, tenant: TenantName) -> TenantModel:
    """A tenant."""
    return _tenant(_tenants(request, who, "read_registry", tenant).get())


@router.get("/{tenant}/lists", dependencies=[need("read_registry")])
def lists(request: Request, who: Who, tenant: TenantName, ended: bool = False) -> GrantList:
    """Its allow and deny lists; with `ended` the lines that were withdrawn, too."""
    found = _tenants(request, who, "read_registry", tenant).lists(ended=ended)
    return GrantList(items=[_grant(one) for one in found])


@router.post("/{tenant}/lists", status_code=201, dependencies=[need("manage_lists")])
def add_line(request: Request, who: Who, tenant: TenantName, new: NewGrant) -> GrantModel:
    """Allow or deny."""
    own = _tenants(request, who, "manage_lists", tenant)
    add = own.allow if new.kind == "allow" else own.deny
    return _grant(add(new.pattern, reason=new.reason, environment=new.environment))


@router.delete("/{tenant}/lists/{line}", dependencies=[need("manage_lists")])
def withdraw_line(request: Request, who: Who, tenant: TenantName, line: Line, reason: Text = "") -> GrantModel:
    """End a line; it stays to be seen."""
    return _grant(_tenants(request, who, "manage_lists", tenant).withdraw(line, reason=reason))


@router.get("/{tenant}/quotas", dependencies=[need("read_registry")])
def quotas(request: Request, who: Who, tenant: TenantName) -> Quotas:
    """How much the tenant may have."""
    return Quotas(quotas=_tenants(request, who, "read_registry", tenant).quotas())


@router.put("/{tenant}/quotas/{quota}", dependencies=[need("manage_tenants")])
def set_quota(request: Request, who: Who, tenant: TenantName, quota: Quota, new: NewQuota) -> Quotas:
    """Set how much the tenant may have."""
    own = _tenants(request, who, "manage_tenants", tenant)
    own.set_quota(quota, new.most)
    return Quotas(quotas=own.quotas())


@router.get("/{tenant}/environments", dependencies=[need("read_registry")])
def environments(request: Request, who: Who, tenant: TenantName) -> Environments:
    """What each environment asks of an agent."""
    return Environments(environments=_tenants(request, who, "read_registry", tenant).environments())


@router.put("/{tenant}/environments/{environment}", dependencies=[need("manage_lists")])
def set_environment(
    request: Request, who: Who, tenant: TenantName, environment: Environment, new: NewLeast
) -> Environments:
    """Set what an environment asks of an agent."""
    own = _tenants(request, who, "manage_lists", tenant)
    own.set_environment(environment, new.least_state)
    return Environments(environments=own.environments())


@router.get("/{tenant}/check", dependencies=[need("read_registry")])
def check(
    request: Request, who: Who, tenant: TenantName, agent: Text, environment: Environment = "production"
) -> Cleared:
    """Whether the tenant may use `agent` (id, id@version, id@version#digest) in an environment, and why not."""
    found = _tenants(request, who, "read_registry", tenant).check(agent, environment)
    findings = [FindingModel.model_validate(one, from_attributes=True) for one in found]
    return Cleared(allowed=all(one.severity == "warning" for one in findings), findings=findings)


@router.get("/{tenant}/keys", dependencies=[need("manage_keys")])
def keys(request: Request, who: Who, tenant: TenantName) -> KeyList:
    """Every API key of the tenant, without secrets."""
    return KeyList(items=[_key(one) for one in Keys(_as(request, who, "manage_keys", tenant)).list()])


@router.post("/{tenant}/keys", status_code=201, dependencies=[need("manage_keys")])
def issue(request: Request, response: Response, who: Who, tenant: TenantName, new: NewKey) -> IssuedKey:
    """Issue a key that can do no more than its issuer."""
    own = Keys(_as(request, who, "manage_keys", tenant))
    issued = own.issue(new.name, new.roles, scopes=new.scopes, days=new.days, granted=who.grantable)
    response.headers["Cache-Control"] = "no-store"
    return IssuedKey(plain=issued.plain, key=_key(issued.key))


@router.delete("/{tenant}/keys/{key_id}", dependencies=[need("manage_keys")])
def revoke(request: Request, who: Who, tenant: TenantName, key_id: Text, reason: Text = "") -> KeyModel:
    """Revoke a key for ever."""
    revoked = Keys(_as(request, who, "manage_keys", tenant)).revoke(key_id, reason)
    request.app.state.signin.forget()
    return _key(revoked)


@router.get("/{tenant}/audit", dependencies=[need("read_audit")])
def audit_events(
    request: Request,
    response: Response,
    who: Who,
    tenant: TenantName,
    event: Text = "",
    actor: Text = "",
    subject: Text = "",
    since: Moment | None = None,
    until: Moment | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> EventPage:
    """Events, the newest first. `event`, `actor`, `subject` are exact, or a beginning with `*` behind it."""
    log = AuditLog(_as(request, who, "read_audit", tenant))
    before = decoded_number(cursor)
    found = log.query(
        event=event, actor=actor, subject=subject, since=since, until=until, before=before, limit=limit + 1
    )
    items = [EventModel.model_validate(one, from_attributes=True) for one in found[:limit]]
    following = encoded([items[-1].number]) if len(found) > limit else None
    link_next(request, response, following)
    return EventPage(items=items, next=following)


@router.get("/{tenant}/audit/verification", dependencies=[need("read_audit")])
def verify(request: Request, who: Who, tenant: TenantName) -> VerifiedModel:
    """Look through the whole log: every event, their order, its beginning and its end."""
    found = AuditLog(_as(request, who, "read_audit", tenant)).verify()
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
    log = AuditLog(_as(request, who, "export_audit", tenant))
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
