"""How a build does in use: calls and errors a day, and who called.

Belongs here: entering what is reported, reading it back. Does not belong here: what is enough (`policy`), whether
instances live (`discovery`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError
from greenlang.provenance import bytes_digest
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.named import Named
from greenlang.registry.tables import UsageDayRow, UsageUserRow


@dataclass(frozen=True, slots=True)
class Day:
    """Calls and errors of one day, and how many different users."""

    day: date
    calls: int
    errors: int
    users: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """A build's use from ``start`` to ``end``, both included. ``users`` are different ones over the whole time."""

    ref: str
    start: date
    end: date
    calls: int
    errors: int
    users: int
    days: tuple[Day, ...]

    @property
    def error_rate(self) -> float | None:
        """Errors of a hundred calls; None without a call."""
        return 100 * self.errors / self.calls if self.calls else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: getattr(self, name) for name in ("ref", "calls", "errors", "users", "error_rate")}
        days = [{"day": d.day.isoformat(), "calls": d.calls, "errors": d.errors, "users": d.users} for d in self.days]
        return {**values, "start": self.start.isoformat(), "end": self.end.isoformat(), "days": days}


def check(day: date, calls: int, errors: int) -> None:
    """Raises LifecycleError for figures that cannot be: negative ones, more errors than calls, a day to come."""
    if min(calls, errors) < 0 or errors > calls:
        raise LifecycleError(f"{calls} calls and {errors} errors cannot be: write 0 <= errors <= calls")
    if day > datetime.now(UTC).date() + timedelta(days=1):  # whoever is east of Greenwich may be ahead
        raise LifecycleError(f"{day} is still to come")


def record_usage(
    connection: Connection, caller: Caller, build: Named, day: date, calls: int, errors: int, users: Iterable[str]
) -> None:
    """Add calls and errors to what is known of that day. Of users only a digest is kept."""
    identity = {"tenant": caller.tenant, "build_id": build.build.id, "day": day}
    days: Table = UsageDayRow.__table__  # type: ignore[assignment]
    people: Table = UsageUserRow.__table__  # type: ignore[assignment]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(days)
        .values(**identity, calls=calls, errors=errors)
        .on_conflict_do_update(
            index_elements=list(days.primary_key),
            set_={"calls": days.c.calls + calls, "errors": days.c.errors + errors},
        )
    )
    digests = sorted({bytes_digest(f"{caller.tenant}\0{user}".encode()) for user in users})
    if digests:
        rows = [{**identity, "user": one} for one in digests]
        connection.execute(insert(people).on_conflict_do_nothing(), rows)
    audit.record(
        connection,
        caller,
        "agent.used",
        build.subject,
        pack=build.build.pack_digest,
        day=day.isoformat(),
        calls=calls,
        errors=errors,
        users=len(digests),
    )


def metrics(connection: Connection, build: Named, start: date, end: date) -> Metrics:
    """What was reported of a build from ``start`` to ``end``, as far as the connection's tenant may read it."""
    per_day = (
        select(UsageUserRow.day, func.count(UsageUserRow.user.distinct()))
        .where(UsageUserRow.build_id == build.build.id, UsageUserRow.day.between(start, end))
        .group_by(UsageUserRow.day)
    )
    users = dict(connection.execute(per_day).tuples().all())
    everyone = connection.execute(
        select(func.count(UsageUserRow.user.distinct())).where(
            UsageUserRow.build_id == build.build.id, UsageUserRow.day.between(start, end)
        )
    ).scalar_one()
    rows = connection.execute(
        select(UsageDayRow.day, func.sum(UsageDayRow.calls), func.sum(UsageDayRow.errors))
        .where(UsageDayRow.build_id == build.build.id, UsageDayRow.day.between(start, end))
        .group_by(UsageDayRow.day)
        .order_by(UsageDayRow.day)
    ).tuples()
    days = tuple(Day(day, int(calls), int(errors), users.get(day, 0)) for day, calls, errors in rows)
    calls, errors = sum(one.calls for one in days), sum(one.errors for one in days)
    return Metrics(build.ref, start, end, calls, errors, everyone, days)
