"""Requests about tenants, API keys and the audit log. Each names the tenant: one's own, or another that one manages.

Belongs here: these requests. Does not belong here: what they do (`greenlang.registry`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from greenlang.client.call import REGISTRY, Call, Document, Page, document, given, listed, part

_TENANTS = f"{REGISTRY}/tenants"


def tenants() -> Call[Page[Document]]:
    """Every tenant that one may know of."""
    return Call("GET", _TENANTS, listed(document))


def create(tenant: str, *, name: str = "", residency: str = "", dry_run: bool = False) -> Call[Document]:
    """Make a tenant."""
    body = {"tenant": tenant, "name": name, "residency": residency, "dry_run": dry_run}
    return Call("POST", _TENANTS, document, body=body)


def tenant(name: str) -> Call[Document]:
    """One tenant."""
    return Call("GET", _of(name), document)


def suspend(name: str, suspended: bool, *, reason: str, dry_run: bool = False) -> Call[Document]:
    """Let nobody of a tenant in, or let it in again."""
    body = {"suspended": suspended, "reason": reason, "dry_run": dry_run}
    return Call("PUT", _of(name, "/suspension"), document, body=body)


def set_residency(name: str, region: str, *, reason: str, dry_run: bool = False) -> Call[Document]:
    """Say which region alone serves a tenant; empty: any."""
    body = {"residency": region, "reason": reason, "dry_run": dry_run}
    return Call("PUT", _of(name, "/residency"), document, body=body)


def lists(name: str) -> Call[Page[Document]]:
    """The lines of a tenant's lists in force."""
    return Call("GET", _of(name, "/lists"), listed(document))


def add_line(
    name: str, kind: str, pattern: str, *, reason: str, environment: str = "", dry_run: bool = False
) -> Call[Document]:
    """``allow`` or ``deny`` agents."""
    body = {"kind": kind, "pattern": pattern, "reason": reason, "environment": environment, "dry_run": dry_run}
    return Call("POST", _of(name, "/lists"), document, body=body)


def withdraw(name: str, line: int, *, reason: str = "", dry_run: bool = False) -> Call[Document]:
    """End a line."""
    return Call("DELETE", _of(name, f"/lists/{line}"), document, given(reason=reason, dry_run=dry_run))


def quotas(name: str) -> Call[Document]:
    """Quota -> how much; None: as much as it likes."""
    return Call("GET", _of(name, "/quotas"), lambda told: document(told["quotas"]))


def set_quota(name: str, quota: str, most: int | None, *, dry_run: bool = False) -> Call[Document]:
    """Say how much a tenant may have; all of its quotas then."""
    body = {"most": most, "dry_run": dry_run}
    return Call("PUT", _of(name, f"/quotas/{part(quota)}"), lambda told: document(told["quotas"]), body=body)


def environments(name: str) -> Call[Document]:
    """Environment -> the least state that it asks for."""
    return Call("GET", _of(name, "/environments"), lambda told: document(told["environments"]))


def set_environment(name: str, environment: str, least_state: str, *, dry_run: bool = False) -> Call[Document]:
    """Say what an environment asks for; all of them then."""
    body = {"least_state": least_state, "dry_run": dry_run}
    path = _of(name, f"/environments/{part(environment)}")
    return Call("PUT", path, lambda told: document(told["environments"]), body=body)


def check(name: str, agent: str, environment: str = "production") -> Call[Page[Document]]:
    """What is in the way of a tenant using an agent."""
    params = {"agent": agent, "environment": environment}
    return Call("GET", _of(name, "/check"), listed(document, "findings"), params)


def keys(name: str) -> Call[Page[Document]]:
    """Every key of a tenant, without secrets."""
    return Call("GET", _of(name, "/keys"), listed(document))


def issue(
    name: str, whom: str, roles: Sequence[str], *, scopes: Sequence[str] = (), days: int = 30, dry_run: bool = False
) -> Call[Document]:
    """A key for somebody: ``plain``, told this once, and ``key``."""
    body = {"name": whom, "roles": list(roles), "scopes": list(scopes), "days": days, "dry_run": dry_run}
    return Call("POST", _of(name, "/keys"), document, body=body)


def revoke(name: str, key_id: str, reason: str, *, dry_run: bool = False) -> Call[Document]:
    """Revoke a key for ever."""
    return Call("DELETE", _of(name, f"/keys/{part(key_id)}"), document, given(reason=reason, dry_run=dry_run))


def events(
    name: str,
    *,
    event: str = "",
    actor: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1000,
) -> Call[Page[Document]]:
    """Events of a tenant's log, the newest first."""
    params = given(event=event, actor=actor, subject=subject, since=since, until=until)
    return Call("GET", _of(name, "/audit"), listed(_event), {**params, "limit": limit})


def verify(name: str) -> Call[Document]:
    """A look through the whole log: tenant, first, last, digest, findings."""
    return Call("GET", _of(name, "/audit/verification"), document)


def export(name: str, *, since: datetime | None = None, until: datetime | None = None) -> Call[bytes]:
    """The log, or a part of it, as a Parquet file that proves itself."""
    return Call("GET", _of(name, "/audit/export"), bytes, given(since=since, until=until), binary=True)


def _of(name: str, end: str = "") -> str:
    return f"{_TENANTS}/{part(name)}{end}"


def _event(told: Any) -> Document:
    one = document(told)
    with suppress(ValueError):  # somebody changed it; whether so is for `verify` to say
        one["detail"] = json.loads(one["detail"])
    return one
