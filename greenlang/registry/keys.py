"""API keys: shown once, kept as digests, scoped, expiring, revocable.

A key is ``gl_<id>_<secret>``; its id is ``<tenant>.<12 hex digits>`` and no secret. The id names the tenant, so that
the key is looked up as that tenant, under the same row level security as everything else: no function with more rights
has to exist for it. Whoever writes another tenant into a key finds no such id there.

What is kept is the SHA-256 of the secret. That is right because the secret is 256 random bits: nobody can guess it, so
there is nothing for a slow, salted hash to slow down (OWASP Password Storage asks for one where people choose).

Belongs here: issuing, listing, revoking, verifying. Does not belong here: what a role may do (`roles`), HTTP.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from greenlang.errors import GreenlangError, KeyRefused, SettingsError
from greenlang.provenance import bytes_digest
from greenlang.registry import audit
from greenlang.registry.caller import DEFAULT_TENANT, Caller
from greenlang.registry.roles import PERMISSIONS, ROLES, Permission, Principal, permissions
from greenlang.registry.store import Registry
from greenlang.registry.tables import ApiKeyRow
from greenlang.registry.tenants import TENANT, Tenants

DAYS = 30  # 000, section 8, `rotation: api_keys: 30d`
MOST_DAYS = 365
_KEY = re.compile(rf"gl_(?P<id>(?P<tenant>{TENANT})\.[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})")
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. ``name`` is whom it is for: the actor of everything that is done with it."""

    id: str
    tenant: str
    name: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        """valid, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if datetime.now(UTC) < self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. ``plain`` is shown to whoever asked and kept nowhere."""

    plain: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"Issued(key={self.key!r})"


class Keys:
    """The API keys of the tenant that the registry's caller belongs to."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def issue(
        self,
        name: str,
        roles: Sequence[str],
        *,
        scopes: Sequence[str] = (),
        days: int = DAYS,
        granted: frozenset[Permission] = PERMISSIONS,
        dry_run: bool = False,
    ) -> Issued:
        """A new key for ``name``. ``granted`` is what whoever issues it may give (`Principal.grantable`), and no more.
        The key of a dry run works nowhere.

        Raises SettingsError for an unknown role or scope, a key that could do more than that or nothing at all,
        and for a life outside 1 to 365 days; TenantNotFound where the tenant was not made.
        """
        caller = self.registry.caller
        _check(name, roles, scopes, days, granted, caller)
        Tenants(self.registry).get()
        now = datetime.now(UTC)
        key_id, secret = f"{caller.tenant}.{secrets.token_hex(6)}", secrets.token_urlsafe(32)
        key = ApiKey(
            id=key_id,
            tenant=caller.tenant,
            name=name,
            roles=tuple(dict.fromkeys(roles)),
            scopes=tuple(dict.fromkeys(scopes)),
            created_at=now,
            created_by=caller.actor,
            expires_at=now + timedelta(days=days),
            revoked_at=None,
        )
        if dry_run:
            return Issued("", key)
        values: dict[str, Any] = {field: getattr(key, field) for field in ApiKey.__slots__}
        values |= {"roles": list(key.roles), "scopes": list(key.scopes), "digest": bytes_digest(secret.encode())}
        with self.registry.transaction(write=True) as connection:
            connection.execute(insert(ApiKeyRow).values(**values))
            told = {"name": name, "roles": list(key.roles), "scopes": list(key.scopes)}
            audit.record(connection, caller, "key.issued", key_id, **told, expires=key.expires_at.isoformat())
        return Issued(f"gl_{key_id}_{secret}", key)

    def list(self) -> list[ApiKey]:
        """Every key of the tenant, the newest first; revoked and expired ones stay."""
        statement = select(*_COLUMNS).where(ApiKeyRow.tenant == self.registry.caller.tenant)
        with self.registry.transaction() as connection:
            rows = connection.execute(statement.order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id)).all()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, reason: str = "", *, dry_run: bool = False) -> ApiKey:
        """Revoke a key at once and for ever; a second time changes nothing. Raises LookupError if there is none."""
        caller = self.registry.caller
        own = (ApiKeyRow.tenant == caller.tenant) & (ApiKeyRow.id == key_id)
        with self.registry.transaction(write=not dry_run) as connection:
            row = connection.execute(select(*_COLUMNS).where(own).with_for_update()).one_or_none()
            if row is None:
                raise KeyNotFound(f"no key {key_id!r} in the tenant {caller.tenant}")
            key = _key(row)
            if key.revoked_at is not None or dry_run:
                return key
            now = datetime.now(UTC)
            connection.execute(update(ApiKeyRow).where(own).values(revoked_at=now))
            audit.record(connection, caller, "key.revoked", key_id, name=key.name, reason=reason)
            return replace(key, revoked_at=now)

    def verify(self, plain: str) -> Principal:
        """Who calls with this key, whatever tenant this registry's caller belongs to.

        Raises KeyRefused. That a key has expired or was revoked is only told to whoever has its secret; then, and
        where the id is known, ``caller`` of the error tells whose log the refusal belongs to.
        """
        match = _KEY.fullmatch(plain)
        row = self._row(match["tenant"], match["id"]) if match else None
        digest = bytes_digest(match["secret"].encode()) if match else _NO_DIGEST
        right = hmac.compare_digest(digest, row.digest if row is not None else _NO_DIGEST)
        if row is None:
            raise KeyRefused("this is no API key")
        key = _key(row)
        caller = Caller(key.tenant, key.name)
        if not right:  # whoever calls is not who the key is for
            raise KeyRefused("this is no API key", caller=replace(caller, actor=f"unknown, with the id {key.id}"))
        if key.state != "valid":
            end = f"was revoked at {key.revoked_at}" if key.revoked_at is not None else f"expired at {key.expires_at}"
            raise KeyRefused(f"the API key {key.id} {end}; ask for a new one", caller=caller)
        return Principal(caller, key.roles, key.scopes, key.id)

    def _row(self, tenant: str, key_id: str) -> Any:
        if self.registry.database.embedded and tenant != DEFAULT_TENANT:
            return None
        statement = select(*_COLUMNS, ApiKeyRow.digest).where(ApiKeyRow.tenant == tenant, ApiKeyRow.id == key_id)
        with self.registry.as_caller(Caller(tenant, "key")).transaction() as connection:
            return connection.execute(statement).one_or_none()


class KeyNotFound(GreenlangError, LookupError):
    """A key id that the tenant does not have."""


_COLUMNS = [getattr(ApiKeyRow, field) for field in ApiKey.__slots__]


def _key(row: Any) -> ApiKey:
    values = {field: getattr(row, field) for field in ApiKey.__slots__}
    return ApiKey(**{**values, "roles": tuple(values["roles"]), "scopes": tuple(values["scopes"])})


def _check(
    name: str, roles: Sequence[str], scopes: Sequence[str], days: int, granted: frozenset[Permission], caller: Caller
) -> None:
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise SettingsError("a key needs a name: whom it is for, in up to 200 printable characters")
    # `user:`, `<tenant>:` and `cli/` begin the names of others in the log; two spellings of a name would be two people.
    if ":" in name or name.startswith("cli/") or name != unicodedata.normalize("NFKC", name).strip():
        raise SettingsError(
            f"{name!r} cannot name whom a key is for: no colon, no cli/ before it, no blanks around it, no look-alikes"
        )
    if unknown := [role for role in roles if role not in ROLES]:
        raise SettingsError(f"{unknown[0]!r} is no role; the roles are {', '.join(ROLES)}")
    if unknown := [scope for scope in scopes if scope not in PERMISSIONS]:
        raise SettingsError(f"{unknown[0]!r} is no scope; the scopes are {', '.join(sorted(PERMISSIONS))}")
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"a key lives 1 to {MOST_DAYS} days, not {days}")
    could = permissions(roles, scopes)
    if not could:
        raise SettingsError("a key with these roles and scopes could do nothing: give it a role, or other scopes")
    if more := sorted(could - granted):
        raise SettingsError(f"{caller.actor} cannot give a key that may {more[0]}")
    if "manage_tenants" in could and caller.tenant != DEFAULT_TENANT:
        raise SettingsError(
            f"keys that manage tenants belong to the tenant {DEFAULT_TENANT!r}, which runs the installation; "
            f"this one would belong to {caller.tenant!r}"
        )
