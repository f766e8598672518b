"""The tenant that a path names: the caller's own, or the caller manages tenants.

Belongs here: asking whether somebody may act there. Does not belong here: who may do what (`greenlang.registry.roles`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from greenlang.registry import Registry
from greenlang.registry.access import authorise
from greenlang.registry.roles import Permission, Principal
from greenlang.registry.tenants import TENANT

TenantName = Annotated[str, Path(pattern=f"^{TENANT}$", max_length=63)]


def of_tenant(request: Request, who: Principal, permission: Permission, tenant: str) -> Registry:
    """The registry as the caller sees it in that tenant. Raises AccessDenied, which is in the log."""
    return authorise(request.app.state.registry, who, permission, request.url.path, tenant=tenant)
