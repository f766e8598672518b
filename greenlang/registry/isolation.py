"""What keeps tenants apart in PostgreSQL, and keeps the application from changing what has happened.

Row level security on every table: a tenant reads its own rows and, of tables whose content is published, those of
``public``; it writes its own alone. Which tenant asks is a setting of the transaction (`database`). It binds the owner
of the tables too; only a superuser or a role with BYPASSRLS is above it, and as such the registry does not serve.
A table that is named nowhere below is private, and is only added to.

Belongs here: the statements, and whether the connected role is under them. Does not belong here: when they run
(`definition`, `migrations`), who is which tenant.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.engine import Connection

from greenlang.errors import SettingsError
from greenlang.registry.caller import DEFAULT_TENANT, PUBLIC
from greenlang.registry.tables import Base

OLDEST = 15  # the first PostgreSQL whose views can ask as whoever reads them

# Tables whose rows of the tenant `public` everybody reads.
PUBLISHED = frozenset(
    {
        "agent_versions",
        "approvals",
        "audit_heads",  # its number tells readers that something was published
        "builds",
        "capabilities",
        "dependencies",
        "flags",
        "instances",
        "pins",
        "policies",
        "scans",
        "templates",
        "tenants",
        "transitions",
        "yanks",
    }
)

# What the application may do beyond adding rows.
CHANGED = {
    "api_keys": "UPDATE",
    "audit_heads": "UPDATE",
    "batches": "UPDATE",
    "flags": "UPDATE",
    "grants": "UPDATE",
    "idempotency_keys": "UPDATE, DELETE",
    "instances": "UPDATE, DELETE",
    "tenants": "UPDATE",
    "usage_days": "UPDATE",
}

_TENANT = "(SELECT nullif(current_setting('greenlang.tenant', true), ''))"


def protect() -> list[str]:
    """Statements that put row level security on every table."""
    return [statement for table in names() for statement in _protect(table)]


def _protect(table: str) -> Iterable[str]:
    own = f"tenant = {_TENANT}"
    read = f"{own} OR tenant = '{PUBLIC}'" if table in PUBLISHED else own
    if table == "tenants":  # who runs the installation knows for whom
        read += f" OR {_TENANT} = '{DEFAULT_TENANT}'"
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY read_rows ON {table} FOR SELECT USING ({read})"
    yield f"CREATE POLICY add_rows ON {table} FOR INSERT WITH CHECK ({own})"
    yield f"CREATE POLICY change_rows ON {table} FOR UPDATE USING ({own}) WITH CHECK ({own})"
    yield f"CREATE POLICY remove_rows ON {table} FOR DELETE USING ({own})"


def grant(connection: Connection, role: str) -> None:
    """Let a role use the registry as an application: read and add rows, change what is meant to change.

    Raises SettingsError if there is no such role.
    """
    if connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first() is None:
        raise SettingsError(f"the database has no role {role!r}: make it first, as `CREATE ROLE {role} LOGIN`")
    quoted = connection.dialect.identifier_preparer.quote(role)
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"))
    connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}"))
    connection.execute(text(f"GRANT SELECT ON build_states, alembic_version TO {quoted}"))
    for table in names():
        more = f", {CHANGED[table]}" if table in CHANGED else ""
        connection.execute(text(f"GRANT SELECT, INSERT{more} ON {table} TO {quoted}"))


def granted(connection: Connection) -> list[str]:
    """The roles that use the registry as applications by now."""
    rows = connection.execute(
        text(
            "SELECT DISTINCT grantee FROM information_schema.role_table_grants WHERE table_schema = current_schema() "
            "AND table_name = 'agent_versions' AND grantee <> grantor ORDER BY grantee"
        )
    )
    return list(rows.scalars())


def refuse_unbound(connection: Connection, shown: str, *, owner: bool = False) -> None:
    """Raise SettingsError where the connected role could step over row level security.

    A superuser and a role with BYPASSRLS always can; whoever owns the tables can switch it off, and passes as ``owner``
    only.
    """
    if connection.execute(_ABOVE).first() is not None:
        raise SettingsError(
            f"the registry {shown} is opened by a role that is, or may become, a superuser or one with BYPASSRLS: "
            "tenants would not be kept apart. Name a plain login role in GREENLANG_REGISTRY_URL and let "
            "`greenlang registry migrate --app-role NAME` give it its rights"
        )
    if not owner and connection.execute(_OWNER).first() is not None:
        raise SettingsError(
            f"the registry {shown} is opened by the role that owns its tables, which could switch row level security "
            "off. Name another login role in GREENLANG_REGISTRY_URL and let `greenlang registry migrate --app-role "
            "NAME` give it its rights; the owner belongs in GREENLANG_REGISTRY_ADMIN_URL"
        )


_ABOVE = text(
    "SELECT 1 FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER') LIMIT 1"
)
_OWNER = text(
    "SELECT 1 FROM pg_class WHERE oid = to_regclass('agent_versions') AND pg_has_role(session_user, relowner, 'MEMBER')"
)


def names() -> list[str]:
    """Every table that belongs to tenants: all but the one of revisions."""
    return sorted(Base.metadata.tables)
