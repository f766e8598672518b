"""Tenants with their lists, quotas and environments; API keys.

Belongs here: thin handlers over `greenlang.registry.{tenants,keys}`. Does not belong here: agents (`registry`), the log
(`audit`).

The path names the tenant. It is the caller's own, or the caller manages tenants; anything else is refused and in the
log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from greenlang.api.models import FindingModel
from greenlang.api.naming import Text, Words
from greenlang.api.paging import Paged
from greenlang.api.preconditions import AsSeen
from greenlang.api.principal import Who, need
from greenlang.api.problems import documented, trial
from greenlang.api.tenancy import TenantName, of_tenant
from greenlang.registry.keys import DAYS, MOST_DAYS, ApiKey, Keys
from greenlang.registry.quotas import Quota
from greenlang.registry.roles import Permission
from greenlang.registry.tenants import TENANT, Environment, Grant, Tenant, Tenants

router = APIRouter(prefix="/api/v1/registry/tenants", tags=["governance"], responses=documented(404))

Line = Annotated[int, Path(ge=1, le=2**53)]


class TenantModel(BaseModel):
    """A tenant. ``residency`` is the tag of its region; empty: any."""

    tenant: str
    name: str
    residency: str
    created_at: datetime | None
    suspended_at: datetime | None = Field(description="since when nobody of it is let in; null: it is not suspended")


class TenantList(BaseModel):
    """Tenants, by name."""

    items: list[TenantModel]
    next: str | None = None


class NewTenant(BaseModel):
    """What to make."""

    tenant: Annotated[str, Field(pattern=f"^{TENANT}$", max_length=63)]
    name: Text = ""
    residency: Text = ""
    dry_run: bool = False


class Suspension(BaseModel):
    """Let nobody of the tenant in, or with `suspended` false let it in again."""

    suspended: bool
    reason: Annotated[Words, Field(min_length=1)]
    dry_run: bool = False


class NewResidency(BaseModel):
    """The tag of the only region that serves the tenant from now on; empty: any. Nothing is moved by it."""

    residency: Text
    reason: Annotated[Words, Field(min_length=1)]
    dry_run: bool = False


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
    next: str | None = None


class NewGrant(BaseModel):
    """A line to add: an agent id, or a pattern with `*` in it."""

    kind: Literal["allow", "deny"]
    pattern: Text
    reason: Words
    environment: Environment | Literal[""] = ""
    dry_run: bool = False


class Quotas(BaseModel):
    """Quota -> how much; null: as much as it likes."""

    quotas: dict[Quota, int | None]


class NewQuota(BaseModel):
    """How much; null: as much as it likes."""

    most: Annotated[int | None, Field(ge=0, le=2**53)]
    dry_run: bool = False


class Environments(BaseModel):
    """Environment -> the least lifecycle state that it asks of an agent."""

    environments: dict[str, str]


class NewLeast(BaseModel):
    """The least lifecycle state that an environment asks of an agent."""

    least_state: Literal["draft", "experimental", "certified"]
    dry_run: bool = False


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
    next: str | None = None


class NewKey(BaseModel):
    """Whom it is for, and what it may do at most."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    roles: Annotated[list[Text], Field(min_length=1, max_length=20)]
    scopes: Annotated[list[Permission], Field(max_length=50)] = []
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS
    dry_run: bool = False


class IssuedKey(BaseModel):
    """The new key. ``plain`` is told this once and kept nowhere; that of a trial is empty."""

    plain: str
    key: KeyModel


def _tenants(request: Request, who: Who, permission: Permission, tenant: str) -> Tenants:
    return Tenants(of_tenant(request, who, permission, tenant), region=request.app.state.settings.region)


def _key(key: ApiKey) -> KeyModel:
    return KeyModel.model_validate(key, from_attributes=True)


def _tenant(tenant: Tenant) -> TenantModel:
    return TenantModel.model_validate(tenant, from_attributes=True)


def _grant(grant: Grant) -> GrantModel:
    return GrantModel.model_validate(grant, from_attributes=True)


@router.get("", dependencies=[need("manage_tenants")])
def tenants(request: Request, page: Paged, who: Who) -> TenantList:
    """Every tenant, by name."""
    after = page.text()
    every = _tenants(request, who, "manage_tenants", who.caller.tenant).all()
    rest = sorted((one for one in every if one.tenant > after), key=lambda one: one.tenant)
    shown, following = page.cut(rest, lambda one: [one.tenant])
    return TenantList(items=[_tenant(one) for one in shown], next=following)


@router.post("", status_code=201, responses=trial(TenantModel), dependencies=[need("manage_tenants")])
def create(request: Request, response: Response, who: Who, new: NewTenant) -> TenantModel:
    """Make a tenant."""
    own = _tenants(request, who, "manage_tenants", who.caller.tenant)
    response.status_code = 200 if new.dry_run else 201
    return _tenant(own.create(new.tenant, name=new.name, residency=new.residency, dry_run=new.dry_run))


@router.get("/{tenant}", dependencies=[need("read_registry")])
def tenant_of(request: Request, who: Who, tenant: TenantName) -> TenantModel:
    """A tenant."""
    return _tenant(_tenants(request, who, "read_registry", tenant).get())


@router.put("/{tenant}/suspension", dependencies=[need("manage_tenants")])
def suspend(request: Request, who: Who, tenant: TenantName, seen: AsSeen, asked: Suspension) -> TenantModel:
    """Suspend a tenant, or resume it: while it is suspended nobody of it is let in, whatever they ask for."""
    own = _tenants(request, who, "manage_tenants", tenant)
    seen.met(_tenant(own.get()))
    changed = (own.suspend if asked.suspended else own.resume)(asked.reason, dry_run=asked.dry_run)
    request.app.state.signin.forget()
    return _tenant(changed)


@router.put("/{tenant}/residency", dependencies=[need("manage_tenants")])
def set_residency(request: Request, who: Who, tenant: TenantName, seen: AsSeen, new: NewResidency) -> TenantModel:
    """Say which region alone serves a tenant."""
    own = _tenants(request, who, "manage_tenants", tenant)
    seen.met(_tenant(own.get()))
    return _tenant(own.set_residency(new.residency, reason=new.reason, dry_run=new.dry_run))


@router.get("/{tenant}/lists", dependencies=[need("read_registry")])
def lists(request: Request, page: Paged, who: Who, tenant: TenantName, ended: bool = False) -> GrantList:
    """Its allow and deny lists; with `ended` the lines that were withdrawn, too."""
    after = page.number() or 0
    found = _tenants(request, who, "read_registry", tenant).lists(ended=ended)
    rest = (line for line in found if line.id > after)
    shown, following = page.cut(rest, lambda line: [line.id])
    return GrantList(items=[_grant(one) for one in shown], next=following)


@router.post("/{tenant}/lists", status_code=201, responses=trial(GrantModel), dependencies=[need("manage_lists")])
def add_line(request: Request, response: Response, who: Who, tenant: TenantName, new: NewGrant) -> GrantModel:
    """Allow or deny. The line of a trial has the id 0."""
    own = _tenants(request, who, "manage_lists", tenant)
    add = own.allow if new.kind == "allow" else own.deny
    response.status_code = 200 if new.dry_run else 201
    return _grant(add(new.pattern, reason=new.reason, environment=new.environment, dry_run=new.dry_run))


@router.delete("/{tenant}/lists/{line}", dependencies=[need("manage_lists")])
def withdraw_line(
    request: Request, who: Who, tenant: TenantName, line: Line, reason: Text = "", dry_run: bool = False
) -> GrantModel:
    """End a line; it stays to be seen."""
    return _grant(_tenants(request, who, "manage_lists", tenant).withdraw(line, reason=reason, dry_run=dry_run))


@router.get("/{tenant}/quotas", dependencies=[need("read_registry")])
def quotas(request: Request, who: Who, tenant: TenantName) -> Quotas:
    """How much the tenant may have."""
    return Quotas(quotas=_tenants(request, who, "read_registry", tenant).quotas())


@router.put("/{tenant}/quotas/{quota}", dependencies=[need("manage_tenants")])
def set_quota(request: Request, who: Who, tenant: TenantName, quota: Quota, seen: AsSeen, new: NewQuota) -> Quotas:
    """Set how much the tenant may have."""
    own = _tenants(request, who, "manage_tenants", tenant)
    seen.met(Quotas(quotas=own.quotas()))
    own.set_quota(quota, new.most, dry_run=new.dry_run)
    return Quotas(quotas=own.quotas())


@router.get("/{tenant}/environments", dependencies=[need("read_registry")])
def environments(request: Request, who: Who, tenant: TenantName) -> Environments:
    """What each environment asks of an agent."""
    return Environments(environments=_tenants(request, who, "read_registry", tenant).environments())


@router.put("/{tenant}/environments/{environment}", dependencies=[need("manage_lists")])
def set_environment(
    request: Request, who: Who, tenant: TenantName, environment: Environment, seen: AsSeen, new: NewLeast
) -> Environments:
    """Set what an environment asks of an agent."""
    own = _tenants(request, who, "manage_lists", tenant)
    seen.met(Environments(environments=own.environments()))
    own.set_environment(environment, new.least_state, dry_run=new.dry_run)
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
def keys(request: Request, page: Paged, who: Who, tenant: TenantName) -> KeyList:
    """Every API key of the tenant, without secrets, the newest first."""
    found = Keys(of_tenant(request, who, "manage_keys", tenant)).list()
    shown, following = page.of(found, lambda key: key.id)
    return KeyList(items=[_key(one) for one in shown], next=following)


@router.post("/{tenant}/keys", status_code=201, responses=trial(IssuedKey), dependencies=[need("manage_keys")])
def issue(request: Request, response: Response, who: Who, tenant: TenantName, new: NewKey) -> IssuedKey:
    """Issue a key that can do no more than its issuer."""
    own = Keys(of_tenant(request, who, "manage_keys", tenant))
    issued = own.issue(
        new.name, new.roles, scopes=new.scopes, days=new.days, granted=who.grantable, dry_run=new.dry_run
    )
    response.status_code = 200 if new.dry_run else 201
    response.headers["Cache-Control"] = "no-store"
    return IssuedKey(plain=issued.plain, key=_key(issued.key))


@router.delete("/{tenant}/keys/{key_id}", dependencies=[need("manage_keys")])
def revoke(
    request: Request, who: Who, tenant: TenantName, key_id: Text, reason: Text = "", dry_run: bool = False
) -> KeyModel:
    """Revoke a key for ever."""
    revoked = Keys(of_tenant(request, who, "manage_keys", tenant)).revoke(key_id, reason, dry_run=dry_run)
    request.app.state.signin.forget()
    return _key(revoked)
