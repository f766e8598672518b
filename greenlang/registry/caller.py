"""Who asks: the tenant whose rows are meant, and the name that goes into the log.

Belongs here: the value. Does not belong here: how somebody proved it (`greenlang.api`), what they may do.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TENANT = "default"  # the one tenant of a registry on one person's machine
PUBLIC = "public"  # every tenant reads its rows


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks the registry for something. ``request`` ties what is logged to one request."""

    tenant: str = DEFAULT_TENANT
    actor: str = "local"
    request: str = ""

    @property
    def readable(self) -> tuple[str, ...]:
        """The tenants whose rows the caller reads: the caller's own first."""
        return (self.tenant,) if self.tenant == PUBLIC else (self.tenant, PUBLIC)


LOCAL = Caller()
