"""How a build does in use: calls and errors a day, and who called.

Belongs here: entering what is reported, reading it back. Does not belong here: what is enough (`policy`), whether
instances live (`discovery`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from greenlang.errors import LifecycleError, NotRegistered
from greenlang.provenance import bytes_digest
from greenlang.registry import audit
from greenlang.registry.caller import Caller
from greenlang.registry.named import Named, named_all
from greenlang.registry.reference import Reference
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


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reports of a build's day; `Report.of` checks it. Of users only digests get into the registry."""

    ref: Reference
    day: date
    calls: int
    errors: int
    users: frozenset[str]

    @classmethod
    def of(cls, ref: str | Reference, day: date, calls: int, errors: int, users: Iterable[str] = ()) -> Report:
        """Raises ReferenceInvalid, and LifecycleError as `check`."""
        check(day, calls, errors)
        wanted = ref if isinstance(ref, Reference) else Reference.parse(ref)
        return cls(wanted, day, calls, errors, frozenset(users))


def reports(connection: Connection, told: Sequence[tuple[Caller, Report]]) -> list[Exception | None]:
    """Add reports of one tenant to what is known of their days (see `together`)."""
    tenant = told[0][0].tenant
    meant = named_all(connection, told[0][0], (report.ref for _, report in told))
    results: list[Exception | None] = []
    sums: dict[tuple[int, date], list[int]] = {}
    people: set[tuple[int, date, str]] = set()
    for caller, report in told:
        build = meant[report.ref]
        if isinstance(build, NotRegistered):
            results.append(NotRegistered(str(build)))
            continue
        of_day = sums.setdefault((build.build.id, report.day), [0, 0])
        of_day[0] += report.calls
        of_day[1] += report.errors
        digests = {bytes_digest(f"{tenant}\0{user}".encode()) for user in report.users}
        people |= {(build.build.id, report.day, digest) for digest in digests}
        figures = {"calls": report.calls, "errors": report.errors, "users": len(digests)}
        day = report.day.isoformat()
        audit.record(connection, caller, "agent.used", build.subject, pack=build.build.pack_digest, day=day, **figures)
        results.append(None)
    dialect = connection.dialect.name
    if sums:
        days = [
            {"tenant": tenant, "build_id": build, "day": day, "calls": calls, "errors": errors}
            for (build, day), (calls, errors) in sorted(sums.items())
        ]
        connection.execute(_ADD_DAYS[dialect], days)
    if people:
        users = [{"tenant": tenant, "build_id": b, "day": day, "user": user} for b, day, user in sorted(people)]
        connection.execute(_ADD_USERS[dialect], users)
    return results


def _add_days(dialect: Any) -> Any:
    adding = dialect.insert(_DAYS)
    more = {name: _DAYS.c[name] + adding.excluded[name] for name in ("calls", "errors")}
    return adding.on_conflict_do_update(index_elements=list(_DAYS.primary_key), set_=more)


_DAYS, _USERS = cast(Table, UsageDayRow.__table__), cast(Table, UsageUserRow.__table__)
_ADD_DAYS = {"postgresql": _add_days(postgresql), "sqlite": _add_days(sqlite)}
_ADD_USERS = {
    "postgresql": postgresql.insert(_USERS).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(_USERS).on_conflict_do_nothing(),
}


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
