"""Tenants: what each may use, where, and how much of it.

Belongs here: tenants, their allow and deny lists, quotas, environments. Does not belong here: which rows a tenant reads
(`isolation`), who may change this (`roles`), the answer about one agent (`clearance`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from greenlang.errors import GreenlangError, SettingsError
from greenlang.registry import audit, quotas, reasons
from greenlang.registry.caller import DEFAULT_TENANT, PUBLIC
from greenlang.registry.finding import Finding
from greenlang.registry.quotas import QUOTAS, UNLIMITED, Quota
from greenlang.registry.store import Registry
from greenlang.registry.tables import EnvironmentRow, GrantRow, QuotaRow, TenantRow

Environment = Literal["dev", "staging", "production"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
LEAST: Mapping[str, str] = {"dev": "draft", "staging": "experimental", "production": "certified"}
LEAST_STATES = ("draft", "experimental", "certified")
TENANT = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # a label of DNS (RFC 1123, 2.1)
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_PATTERN = re.compile(r"[A-Za-z0-9_./*-]{1,200}")  # of what fnmatch knows only *


class TenantNotFound(GreenlangError, LookupError):
    """A tenant that there is not, or a line that its lists do not hold."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. ``residency`` is the tag of the one region that serves it; empty: any.

    While it is suspended nobody of it is let in; who manages tenants still acts for it.
    """

    tenant: str
    name: str
    residency: str
    created_at: datetime | None
    suspended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of the allow or the deny list; ``*`` in the pattern stands for any text, ``environment`` empty for all."""

    id: int
    kind: str
    pattern: str
    environment: str
    reason: str
    at: datetime
    actor: str
    until: datetime | None

    def covers(self, agent_id: str, environment: str) -> bool:
        """Whether the line speaks of this agent in this environment."""
        return self.environment in ("", environment) and fnmatchcase(agent_id, self.pattern)


class Tenants:
    """The tenants, as the registry's caller sees them; what is changed is changed for the caller's own tenant.

    For another tenant: ``Tenants(registry.as_caller(...))``. ``region`` tags where this installation runs.
    """

    def __init__(self, registry: Registry, *, region: str = "") -> None:
        self.registry = registry
        self.region = region
        self.tenant = registry.caller.tenant

    def of(self, tenant: str) -> Tenants:
        """The same for another tenant. Whether somebody may act for it is asked before (`access.authorise`)."""
        caller = replace(self.registry.caller, tenant=tenant)
        return Tenants(self.registry.as_caller(caller), region=self.region)

    # Tenants

    def create(self, tenant: str, *, name: str = "", residency: str = "", dry_run: bool = False) -> Tenant:
        """Make a tenant. Raises SettingsError for a name that cannot be one, one that there is, and on SQLite."""
        if not re.fullmatch(TENANT, tenant):
            raise SettingsError(f"{tenant!r} cannot name a tenant: lower case letters, digits and - inside, 63 at most")
        if residency:
            _region(residency)
        made = Tenant(tenant, name or tenant, residency, datetime.now(UTC))
        other = self.of(tenant).registry
        try:
            with other.transaction(write=not dry_run) as connection:
                if _row(connection, tenant) is not None:
                    raise SettingsError(f"the tenant {tenant} is there already")
                if not dry_run:
                    values = {field: getattr(made, field) for field in Tenant.__slots__}
                    connection.execute(insert(TenantRow).values(**values))
                    told = {"name": made.name, "residency": residency}
                    audit.record(connection, other.caller, "tenant.created", tenant, **told)
        except IntegrityError as error:
            raise SettingsError(f"the tenant {tenant} is there already") from error
        return made

    def suspend(self, reason: str, *, dry_run: bool = False) -> Tenant:
        """Let nobody of the tenant in until `resume`; its rows stay. Raises TenantNotFound, and SettingsError for those
        whom nobody could let in again."""
        if self.tenant in (DEFAULT_TENANT, PUBLIC):
            raise SettingsError(f"the tenant {self.tenant!r} cannot be suspended: the installation is run by it")
        return self._suspended(datetime.now(UTC), "tenant.suspended", reason, dry_run)

    def resume(self, reason: str, *, dry_run: bool = False) -> Tenant:
        """Let the tenant in again. Raises TenantNotFound."""
        return self._suspended(None, "tenant.resumed", reason, dry_run)

    def _suspended(self, at: datetime | None, event: str, reason: str, dry_run: bool) -> Tenant:
        reasons.check(reason, "say why: it stands in the log", SettingsError)
        with self.registry.transaction(write=not dry_run) as connection:
            found = self._get(connection)
            if (found.suspended_at is None) == (at is None):
                return found
            if not dry_run:
                own = TenantRow.tenant == self.tenant
                connection.execute(update(TenantRow).where(own).values(suspended_at=at))
                audit.record(connection, self.registry.caller, event, self.tenant, reason=reason)
        return replace(found, suspended_at=at)

    def all(self) -> list[Tenant]:
        """Every tenant that the caller may know of: on PostgreSQL all for the tenant `default`, its own for others."""
        with self.registry.transaction() as connection:
            rows = connection.execute(select(TenantRow).order_by(TenantRow.tenant)).all()
        found = [_tenant(row) for row in rows]
        return found if any(tenant.tenant == self.tenant for tenant in found) else [*found, self._bare()]

    def get(self) -> Tenant:
        """The caller's own tenant. Raises TenantNotFound."""
        with self.registry.transaction() as connection:
            return self._get(connection)

    def _get(self, connection: Connection) -> Tenant:
        row = _row(connection, self.tenant)
        if row is None and self.tenant not in (DEFAULT_TENANT, PUBLIC):
            raise TenantNotFound(
                f"there is no tenant {self.tenant!r}; `greenlang tenant create {self.tenant}` makes it"
            )
        return self._bare() if row is None else _tenant(row)

    def _bare(self) -> Tenant:
        return Tenant(self.tenant, self.tenant, "", None)

    def set_residency(self, region: str, *, reason: str, dry_run: bool = False) -> Tenant:
        """Say which region alone serves the tenant from now on; empty: any. Nothing is moved by it: the reason says
        what was. Raises SettingsError for what names no region, and without a reason.
        """
        if region:
            _region(region)
        reasons.check(reason, "say why: whoever answers for where the data lie reads it in the log", SettingsError)
        with self.registry.transaction(write=not dry_run) as connection:
            before = self._get(connection)
            after = replace(before, residency=region, created_at=before.created_at or datetime.now(UTC))
            if dry_run or region == before.residency:
                return after if dry_run else before
            if before.created_at is None:  # `default`, of which nobody said anything yet
                connection.execute(insert(TenantRow).values({f: getattr(after, f) for f in Tenant.__slots__}))
            else:
                connection.execute(update(TenantRow).where(TenantRow.tenant == self.tenant).values(residency=region))
            told = {"before": before.residency, "after": region, "reason": reason}
            audit.record(connection, self.registry.caller, "residency.set", self.tenant, **told)
        return after

    # Lists

    def allow(self, pattern: str, *, reason: str, environment: str = "", dry_run: bool = False) -> Grant:
        """Add a line to the allow list. Where one has lines for an environment, nothing else may be used there."""
        return self._grant("allow", pattern, reason, environment, dry_run)

    def deny(self, pattern: str, *, reason: str, environment: str = "", dry_run: bool = False) -> Grant:
        """Add a line to the deny list, which wins over the allow list."""
        return self._grant("deny", pattern, reason, environment, dry_run)

    def _grant(self, kind: str, pattern: str, reason: str, environment: str, dry_run: bool) -> Grant:
        if not _PATTERN.fullmatch(pattern):
            raise SettingsError(f"{pattern!r} is no agent id, nor one with * in it, as heat/*")
        if environment:
            _known(environment)
        reasons.check(reason, "say why: every line of a list has a reason", SettingsError)
        caller, now = self.registry.caller, datetime.now(UTC)
        values = {"kind": kind, "pattern": pattern, "environment": environment, "reason": reason, "actor": caller.actor}
        with self.registry.transaction(write=not dry_run) as connection:
            self._get(connection)
            if dry_run:
                return Grant(id=0, at=now, until=None, **values)
            row = connection.execute(insert(GrantRow).values(**values, tenant=self.tenant, at=now, until=None))
            number: int = row.inserted_primary_key[0]  # type: ignore[index]
            told = {"line": number, "environment": environment, "reason": reason}
            event = "list.allowed" if kind == "allow" else "list.denied"
            audit.record(connection, caller, event, pattern, **told)
        return Grant(id=number, at=now, until=None, **values)

    def withdraw(self, line: int, *, reason: str = "", dry_run: bool = False) -> Grant:
        """End a line of a list; it stays to be seen. Raises TenantNotFound if the tenant has no such line in force."""
        if reason:
            reasons.check(reason, "", SettingsError)
        with self.registry.transaction(write=not dry_run) as connection:
            own = (GrantRow.id == line) & (GrantRow.tenant == self.tenant) & GrantRow.until.is_(None)
            row = connection.execute(select(*_GRANT).where(own)).one_or_none()
            if row is None:
                raise TenantNotFound(
                    f"the lists of {self.tenant} have no line {line} in force; `greenlang tenant show` tells which"
                )
            now = datetime.now(UTC)
            if not dry_run:
                connection.execute(update(GrantRow).where(own).values(until=now))
                told = {"line": line, "kind": row.kind, "reason": reason}
                audit.record(connection, self.registry.caller, "list.withdrawn", row.pattern, **told)
        return replace(Grant(**row._mapping), until=now)

    def lists(self, *, ended: bool = False) -> list[Grant]:
        """The lines in force, the oldest first; with ``ended`` those that were withdrawn, too."""
        statement = select(*_GRANT).where(GrantRow.tenant == self.tenant).order_by(GrantRow.id)
        with self.registry.transaction() as connection:
            rows = connection.execute(statement if ended else statement.where(GrantRow.until.is_(None)))
            return [Grant(**row._mapping) for row in rows]

    # Quotas and environments

    def set_quota(self, name: str, most: int | None, *, dry_run: bool = False) -> None:
        """Let the tenant have ``most`` of something; None: as much as it likes."""
        if name not in QUOTAS:
            raise SettingsError(f"{name!r} is no quota; the quotas are {', '.join(QUOTAS)}")
        if most is not None and not 0 <= most < 2**53:
            raise SettingsError(f"a quota is 0 or more, and below 2**53; not {most}")
        values: dict[str, Any] = {"name": name, "most": UNLIMITED if most is None else most}
        self._set(QuotaRow, values, "quota.set", name, dry_run, most=most)

    def quotas(self) -> dict[Quota, int | None]:
        """Every quota of the tenant; None: as much as it likes."""
        with self.registry.transaction() as connection:
            return {name: quotas.limit(connection, self.tenant, name) for name in QUOTAS}

    def set_environment(self, name: str, least_state: str, *, dry_run: bool = False) -> None:
        """Set the least lifecycle state that an environment asks of an agent."""
        _known(name)
        if least_state not in LEAST_STATES:
            raise SettingsError(f"{least_state!r} is no state to ask for; ask for {', '.join(LEAST_STATES)}")
        values = {"name": name, "least_state": least_state}
        self._set(EnvironmentRow, values, "environment.set", name, dry_run, least_state=least_state)

    def environments(self) -> dict[str, str]:
        """Environment -> the least state that it asks for."""
        statement = select(EnvironmentRow.name, EnvironmentRow.least_state).where(EnvironmentRow.tenant == self.tenant)
        with self.registry.transaction() as connection:
            rows = connection.execute(statement.order_by(EnvironmentRow.id)).all()
        return {**LEAST, **{row.name: row.least_state for row in rows}}

    def _set(
        self, table: type[Any], values: dict[str, Any], event: str, subject: str, dry_run: bool, **told: Any
    ) -> None:
        caller = self.registry.caller
        with self.registry.transaction(write=not dry_run) as connection:
            self._get(connection)
            if not dry_run:
                row = {**values, "tenant": self.tenant, "at": datetime.now(UTC), "actor": caller.actor}
                connection.execute(insert(table).values(**row))
                audit.record(connection, caller, event, subject, **told)

    # The question

    def check(self, reference: str, environment: str = "production") -> list[Finding]:
        """Whether the tenant may use an agent in an environment, and what is in the way; see `clearance`.

        ``reference`` is ``id``, ``id@version`` or ``id@version#digest``. Findings of severity warning do not stand in
        the way. Raises ReferenceError and SettingsError for a reference and an environment that are none.
        """
        from greenlang.registry.clearance import check

        _known(environment)
        return check(self, reference, environment)


_GRANT = [getattr(GrantRow, name) for name in Grant.__slots__]


def _known(environment: str) -> None:
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"{environment!r} is no environment; the environments are {', '.join(ENVIRONMENTS)}")


def _region(name: str) -> None:
    if not _REGION.fullmatch(name):
        raise SettingsError(f"{name!r} cannot name a region: lower case letters, digits and -, as in eu")


def _row(connection: Connection, tenant: str) -> Any:
    return connection.execute(select(TenantRow).where(TenantRow.tenant == tenant)).one_or_none()


def _tenant(row: Any) -> Tenant:
    return Tenant(**{name: getattr(row, name) for name in Tenant.__slots__})
