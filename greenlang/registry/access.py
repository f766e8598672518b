"""Decisions about access, as they are made and recorded.

What is allowed and changes something is in the log as the change itself, with its actor, in the change's transaction.
What is refused is recorded here, in a transaction of its own: it stays although the refused one rolls back. Call these
before that one begins or after it has ended, never inside it: on SQLite one waits for the other.

Belongs here: asking the table of roles, recording refusals. Does not belong here: the table (`roles`), HTTP answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from greenlang.errors import GreenlangError, QuotaExceeded
from greenlang.registry import audit
from greenlang.registry.caller import DEFAULT_TENANT, Caller
from greenlang.registry.roles import Permission, Principal

if TYPE_CHECKING:
    from greenlang.registry.store import Registry

DENIED = "access.denied"
NOBODY = Caller(DEFAULT_TENANT, "unknown")  # who named nobody that we know: the log of the installation


class AccessDenied(GreenlangError, PermissionError):
    """The principal may not do that. ``permission`` is the one that it lacks."""

    def __init__(self, message: str, permission: Permission) -> None:
        super().__init__(message)
        self.permission = permission


def authorise(
    registry: Registry, principal: Principal, permission: Permission, subject: str, *, tenant: str | None = None
) -> Registry:
    """The registry as this principal sees it, if it may do that to ``subject``, in ``tenant`` or its own.

    Raises AccessDenied, which is in the log of the principal's own tenant by then.
    """
    if not principal.may(permission, tenant=tenant):
        roles = ", ".join(principal.roles) or "none"
        held = f", held to {', '.join(principal.scopes)}" if principal.scopes else ""
        where = f" in the tenant {tenant}" if tenant not in (None, principal.caller.tenant) else ""
        reason = f"{principal.caller.actor} may not {permission}{where}: its roles are {roles}{held}"
        denied(registry, principal.caller, permission, subject, reason)
        raise AccessDenied(reason, permission)
    return registry.as_caller(principal.acting_for(tenant).caller)


def denied(registry: Registry, caller: Caller | None, permission: str, subject: str, reason: str) -> None:
    """Record that somebody was refused. ``caller`` None: nobody that we know."""
    who = caller or NOBODY
    with registry.as_caller(who).transaction(write=True) as connection:
        audit.record(connection, who, DENIED, _plain(subject), permission=permission, reason=_plain(reason))


def _plain(text: str) -> str:
    """What a stranger sent, so that every database takes it: no control characters, not endless."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:400])


@contextmanager
def recording(registry: Registry, permission: Permission, subject: str) -> Iterator[None]:
    """Records what is refused inside the block for want of quota, after the block's transaction has ended."""
    try:
        yield
    except QuotaExceeded as refused:
        denied(registry, registry.caller, permission, subject, str(refused))
        raise
