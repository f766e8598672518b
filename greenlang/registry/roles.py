"""Roles and what each may do: one table for the roles of design documents 000 (section 8) and 002 (governance).

Belongs here: permissions, roles, the question whether somebody may. Does not belong here: how somebody proved who it is
(`keys`, `greenlang.api`), which agents a tenant may use (`tenants`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from greenlang.registry.caller import Caller

Permission = Literal[
    "read_registry",
    "read_catalogue",
    "validate_agent",
    "view_metrics",
    "calculate",
    "read_jobs",
    "generate_agent",
    "publish_agent",
    "promote_agent",
    "approve_promotion",
    "rollback_agent",
    "deprecate_agent",
    "yank_agent",
    "deploy_agent",
    "modify_templates",
    "manage_lists",
    "manage_keys",
    "manage_policies",
    "read_audit",
    "export_audit",
    "manage_tenants",
]

MEANING: Mapping[Permission, str] = {
    "read_registry": "agents, versions, builds, life, health, search, discovery, promotion status, policies",
    "read_catalogue": "templates, reference agents, factors, formulas, provenance",
    "validate_agent": "check a spec; judge code that is sent along",
    "view_metrics": "the factory's and an agent's metrics",
    "calculate": "calculate with factors and formulas",
    "read_jobs": "jobs, batches, their progress and artifacts",
    "generate_agent": "ask the factory for agents; cancel what one asked for",
    "publish_agent": "enter a version that was built elsewhere",
    "promote_agent": "ask for a promotion, take it where the policy is met",
    "approve_promotion": "approve or reject what somebody else asked for",
    "rollback_agent": "take a build back to the state before",
    "deprecate_agent": "deprecate, with a successor, and retire",
    "yank_agent": "take a build out of what is chosen, and put it back",
    "deploy_agent": "report instances, heartbeats and usage of what runs",
    "modify_templates": "register templates",
    "manage_lists": "allow and deny lists, environments of the own tenant",
    "manage_keys": "issue, list and revoke API keys of the own tenant",
    "manage_policies": "put a promotion policy in force; flag builds whose pins are superseded",
    "read_audit": "the audit log of the own tenant, and whether it is whole",
    "export_audit": "the audit log as a file",
    "manage_tenants": "create and suspend tenants; their quotas and residency; act for any tenant",
}
PERMISSIONS: frozenset[Permission] = frozenset(get_args(Permission))

# 000 gives `validate_agent` and `view_metrics` to "all"; who may judge must be able to read.
_ALL: frozenset[Permission] = frozenset({"read_registry", "read_catalogue", "validate_agent", "view_metrics"})

ROLES: Mapping[str, frozenset[Permission]] = {
    "super_admin": PERMISSIONS,
    "factory_admin": PERMISSIONS - {"manage_tenants"},
    "tenant_admin": _ALL
    | {
        "calculate",
        "read_jobs",
        "approve_promotion",
        "rollback_agent",
        "deprecate_agent",
        "yank_agent",
        "manage_lists",
        "manage_keys",
        "manage_policies",
        "read_audit",
        "export_audit",
    },
    "developer": _ALL
    | {"calculate", "read_jobs", "generate_agent", "publish_agent", "promote_agent", "deprecate_agent"},
    "reviewer": _ALL | {"calculate", "read_jobs", "approve_promotion"},
    "operator": _ALL | {"calculate", "read_jobs", "deploy_agent", "rollback_agent", "yank_agent"},
    "analyst": _ALL | {"calculate"},
    "auditor": _ALL | {"read_jobs", "read_audit", "export_audit"},
    "viewer": _ALL,
}
_BELOW_ADMINS: frozenset[Permission] = frozenset().union(
    *(ROLES[role] for role in ("developer", "reviewer", "operator", "analyst", "auditor", "viewer"))
)
FROM: Mapping[str, str] = {
    "super_admin": "002",
    "factory_admin": "000",
    "tenant_admin": "002",
    "developer": "000, 002",
    "reviewer": "000",
    "operator": "000, 002",
    "analyst": "002",
    "auditor": "002",
    "viewer": "002",
}


def permissions(roles: Iterable[str], scopes: Iterable[str] = ()) -> frozenset[Permission]:
    """What somebody with these roles may do, held to ``scopes`` where there are any.

    A role that is not in the table gives nothing; a scope takes away and never adds.
    """
    granted: frozenset[Permission] = frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
    held = frozenset(scopes)
    return frozenset(permission for permission in granted if permission in held) if held else granted


def permitted(roles: Iterable[str], permission: Permission, scopes: Iterable[str] = ()) -> bool:
    """Whether they may: only if the table says so."""
    return permission in permissions(roles, scopes)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who proved who it is. ``key_id`` is empty where that was not done with an API key."""

    caller: Caller
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    key_id: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything that this principal may do, in its own tenant."""
        return permissions(self.roles, self.scopes)

    @property
    def grantable(self) -> frozenset[Permission]:
        """What keys that this principal issues may do: what it may, and what the roles below the admins may.

        Scopes hold them, too: else a key of `manage_keys` alone would issue itself one that may more.
        """
        own = self.permissions
        if "manage_keys" not in own:
            return frozenset()
        return own if self.scopes else own | _BELOW_ADMINS

    def may(self, permission: Permission, *, tenant: str | None = None) -> bool:
        """Whether the principal may do that in its own tenant; in another one only who manages tenants may."""
        if permission not in self.permissions:
            return False
        return tenant in (None, self.caller.tenant) or "manage_tenants" in self.permissions

    def acting_for(self, tenant: str | None) -> Principal:
        """The same principal in another tenant, whose log names where they belong. Ask `may` first."""
        own = self.caller
        if tenant in (None, own.tenant):
            return self
        return replace(
            self, caller=replace(own, tenant=tenant, actor=f"{own.tenant}:{own.actor}"[:200])
        )  # as long as a log's column


def page() -> str:
    """The table of roles and permissions in Markdown, for docs/governance.md."""
    lines = ["| permission | what it allows | " + " | ".join(ROLES) + " |", "|---|---|" + "---|" * len(ROLES)]
    for permission, meaning in MEANING.items():
        marks = " | ".join("✓" if permission in granted else "" for granted in ROLES.values())
        lines.append(f"| `{permission}` | {meaning} | {marks} |")
    lines.append("| *from document* | | " + " | ".join(FROM.values()) + " |")
    return "\n".join(lines) + "\n"
