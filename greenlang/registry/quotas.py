"""How much a tenant may have, and refusing what is more.

Belongs here: reading a quota, enforcing it inside the transaction that would exceed it. Does not belong here: setting
one (`tenants`), requests a minute, which are counted where requests arrive (`greenlang.api.limits`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Connection

from greenlang.errors import QuotaExceeded
from greenlang.registry.schema import one_at_a_time
from greenlang.registry.tables import JobRow, QuotaRow, VersionRow

Quota = Literal["versions", "jobs_per_day", "requests_per_minute"]
QUOTAS: tuple[Quota, ...] = get_args(Quota)
UNLIMITED = -1  # what a row says that takes a limit away
_SAID = {"versions": "agent versions", "jobs_per_day": "jobs a day (UTC)", "requests_per_minute": "requests a minute"}


_NEWEST = (
    select(QuotaRow.most)
    .where(QuotaRow.tenant == bindparam("of"), QuotaRow.name == bindparam("quota"))
    .order_by(QuotaRow.id.desc())
    .limit(1)
)


def limit(connection: Connection, tenant: str, name: Quota) -> int | None:
    """What the tenant's quota allows; None if it has none. The newest row counts."""
    most: int | None = connection.execute(_NEWEST, {"of": tenant, "quota": name}).scalar_one_or_none()
    return None if most in (None, UNLIMITED) else most


def enforce(connection: Connection, tenant: str, name: Literal["versions", "jobs_per_day"], more: int = 1) -> None:
    """Refuse ``more`` versions or jobs than the quota leaves. Call it in the transaction that adds them, before that.

    Others who add to the same tenant wait for that transaction, so that two together do not exceed what each may.
    Raises QuotaExceeded.
    """
    found = room(connection, tenant, name)
    if found is None:
        return
    most, used = found
    if used + more > most:
        raise exceeded(tenant, name, most, f"it has {used}" + (f", and {more} more are asked for" if more > 1 else ""))


def room(connection: Connection, tenant: str, name: Literal["versions", "jobs_per_day"]) -> tuple[int, int] | None:
    """What the quota allows and what is used; None without a quota. Others who add wait, as in `enforce`."""
    most = limit(connection, tenant, name)
    if most is None:
        return None
    one_at_a_time(connection, "quota", tenant)  # not by the log's end: that is locked last, and never waited in
    if name == "versions":
        counting = select(func.count()).select_from(VersionRow).where(VersionRow.tenant == tenant)
    else:
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        counting = (
            select(func.count()).select_from(JobRow).where(JobRow.tenant == tenant, JobRow.created_at >= midnight)
        )
    used: int = connection.execute(counting).scalar_one()
    return most, used


def exceeded(tenant: str, name: Quota, most: int, why: str) -> QuotaExceeded:
    """The refusal, in words; for whoever counts elsewhere."""
    return QuotaExceeded(
        f"the tenant {tenant} may have {most} {_SAID[name]}; {why}. `greenlang tenant quota {tenant} {name} NUMBER` "
        "changes that",
        name=name,
        most=most,
    )
