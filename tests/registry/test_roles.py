"""Nobody may what the table does not say."""

from __future__ import annotations

import pytest

from greenlang.registry.caller import Caller
from greenlang.registry.roles import MEANING, PERMISSIONS, ROLES, Permission, Principal, page, permitted

# 000, section 8, `permissions`, with its roles
SEED_000: dict[Permission, set[str]] = {
    "generate_agent": {"factory_admin", "developer"},
    "validate_agent": {"factory_admin", "developer", "reviewer", "operator"},
    "deploy_agent": {"factory_admin", "operator"},
    "modify_templates": {"factory_admin"},
    "view_metrics": {"factory_admin", "developer", "reviewer", "operator"},
}


@pytest.mark.parametrize("permission", SEED_000)
@pytest.mark.parametrize("role", ["factory_admin", "developer", "reviewer", "operator"])
def test_the_table_is_that_of_document_000(role: str, permission: Permission) -> None:
    assert permitted([role], permission) == (role in SEED_000[permission])


def test_the_roles_of_document_002_are_there() -> None:
    assert set(ROLES) >= {"super_admin", "tenant_admin", "developer", "operator", "analyst", "auditor", "viewer"}


def test_every_permission_has_a_meaning_and_somebody_who_has_it() -> None:
    assert set(MEANING) == PERMISSIONS
    assert set().union(*(ROLES[role] for role in ROLES if role != "super_admin")) == PERMISSIONS - {"manage_tenants"}


@pytest.mark.parametrize("roles", [(), ("root",), ("SUPER_ADMIN",), ("",), ("super_admin ",)])
def test_what_is_no_role_gives_nothing(roles: tuple[str, ...]) -> None:
    assert not [permission for permission in PERMISSIONS if permitted(roles, permission)]


def test_a_permission_that_there_is_not_is_nobodys() -> None:
    assert not permitted(["super_admin"], "everything")  # type: ignore[arg-type]


def test_only_the_admins_of_the_factory_both_ask_and_approve() -> None:
    both = {role for role, granted in ROLES.items() if {"promote_agent", "approve_promotion"} <= granted}
    assert both == {"super_admin", "factory_admin"}


def test_reading_roles_change_nothing() -> None:
    writing = {p for p in PERMISSIONS if p.split("_")[0] not in ("read", "view", "validate", "calculate", "export")}
    for role in ("viewer", "analyst", "auditor"):
        assert not ROLES[role] & writing


def test_scopes_take_away_and_never_add() -> None:
    assert permitted(["developer"], "publish_agent", ["publish_agent"])
    assert not permitted(["developer"], "read_registry", ["publish_agent"])
    assert not permitted(["viewer"], "publish_agent", ["publish_agent"])
    assert not [p for p in PERMISSIONS if permitted(["super_admin"], p, ["nonsense"])]


def test_another_tenant_is_only_for_who_manages_tenants() -> None:
    admin = Principal(Caller("acme", "anna"), ("factory_admin",))
    assert admin.may("publish_agent")
    assert admin.may("publish_agent", tenant="acme")
    assert not admin.may("publish_agent", tenant="other")
    over_all = Principal(Caller("default", "olga"), ("super_admin",))
    assert over_all.may("publish_agent", tenant="other")
    assert over_all.acting_for("other").caller == Caller("other", "default:olga")  # the other one's olga is another
    held = Principal(Caller("default", "olga"), ("super_admin",), scopes=("publish_agent",))
    assert not held.may("publish_agent", tenant="other")


def test_an_admin_gives_what_it_has_and_what_the_roles_below_it_have() -> None:
    tenant_admin = Principal(Caller("acme", "anna"), ("tenant_admin",)).grantable
    for role in ("developer", "reviewer", "operator", "analyst", "auditor", "viewer", "tenant_admin"):
        assert ROLES[role] <= tenant_admin
    assert "modify_templates" not in tenant_admin
    assert "manage_tenants" not in tenant_admin
    assert Principal(Caller("acme", "ben"), ("developer",)).grantable == frozenset()
    held = Principal(Caller("acme", "anna"), ("tenant_admin",), scopes=("read_audit",))
    assert held.grantable == frozenset()


def test_the_page_has_a_row_for_every_permission() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) == len(PERMISSIONS)
    assert sum(row.count("✓") for row in rows) == sum(map(len, ROLES.values()))
