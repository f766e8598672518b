"""What speaks for and against a build, gathered in one place and kept whole in the statement of each step.

Evidence is plain JSON: with it, a policy and nothing else a decision is made, and can be made again. Belongs here:
gathering it, for one build or for all of them by the same few queries. Does not belong here: judging it (`policy`).

    agent_id, version, pack_digest, score, coverage, tests_passed, tests_total
    dimensions {name: {status, score}}          of the judgement
    scan {at, parts, advisories, newest, found, age_days}  the newest security scan (`scans`), its advisories' age
    yanked, asked_by, entered (when it came into its state), age_days (whole days since then)
    usage {"7", "30", "90", "all": {calls, errors, users}}  of the last days, today included, and since ever
    flags [{kind, ref, before, after, release}] pins that are superseded
    approvals [{after, actor, approved, comment, at}]  since it came into its state; each person's last word
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.engine import Connection

from greenlang.registry import scans
from greenlang.registry.rows import STATES
from greenlang.registry.tables import ApprovalRow, BuildRow, FlagRow, TransitionRow, UsageDayRow, UsageUserRow

WINDOWS = (7, 30, 90)  # days that a policy may ask about
EVER = "all"
_MANY = 500  # builds in one query
_PLAIN = ("agent_id", "version", "pack_digest", "score", "coverage", "tests_passed", "tests_total")

Evidence = dict[str, Any]


def gather(connection: Connection, builds: Sequence[int], *, asked_by: str, now: datetime) -> dict[int, Evidence]:
    """Number of a build -> what is known about it at ``now``, as far as the connection's tenant may read it."""
    found: dict[int, Evidence] = {}
    for start in range(0, len(builds), _MANY):
        some = builds[start : start + _MANY]
        entered = _entered(connection, some)
        usage = usage_of(connection, some, now.date())
        flags, approvals = _flags(connection, some), _approvals(connection, some)
        scanned = scans.newest(connection, some)
        columns = [getattr(BuildRow, name) for name in ("id", *_PLAIN, "judgement")]
        statement = select(*columns, STATES.c.yanked).join(STATES, STATES.c.build_id == BuildRow.id)
        for row in connection.execute(statement.where(BuildRow.id.in_(some))):
            step, since = entered[row.id]
            found[row.id] = {
                **{name: getattr(row, name) for name in _PLAIN},
                "dimensions": _dimensions(row.judgement),
                "scan": {**scanned[row.id], "age_days": scans.age_days(scanned[row.id], now.date())},
                "yanked": bool(row.yanked),
                "asked_by": asked_by,
                "entered": since.isoformat(),
                "age_days": (now - since).days,
                "usage": usage[row.id],
                "flags": flags[row.id],
                "approvals": _last_words(approvals[row.id], step),
            }
    return found


def _dimensions(judgement: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    of_build = {name: value for name, value in judgement.items() if isinstance(value, Mapping)}
    return {name: {key: value for key, value in one.items() if key != "scan"} for name, one in of_build.items()}


def usage_of(connection: Connection, builds: Sequence[int], today: date) -> dict[int, dict[str, dict[str, int]]]:
    """Number of a build -> window ("7", "30", "90", "all") -> calls, errors, users (different ones)."""
    starts = {str(days): today - timedelta(days=days - 1) for days in WINDOWS} | {EVER: date.min}
    found = {build: {name: {"calls": 0, "errors": 0, "users": 0} for name in starts} for build in builds}
    sums = [
        func.coalesce(func.sum(case((UsageDayRow.day >= start, column), else_=0)), 0)
        for start in starts.values()
        for column in (UsageDayRow.calls, UsageDayRow.errors)
    ]
    counts = [func.count(case((UsageUserRow.day >= start, UsageUserRow.user)).distinct()) for start in starts.values()]
    per_day = select(UsageDayRow.build_id, *sums).where(UsageDayRow.build_id.in_(builds), UsageDayRow.day <= today)
    for build, *figures in connection.execute(per_day.group_by(UsageDayRow.build_id)):
        for number, window in enumerate(found[build].values()):
            window["calls"], window["errors"] = int(figures[2 * number]), int(figures[2 * number + 1])
    per_user = select(UsageUserRow.build_id, *counts).where(
        UsageUserRow.build_id.in_(builds), UsageUserRow.day <= today
    )
    for build, *figures in connection.execute(per_user.group_by(UsageUserRow.build_id)):
        for number, window in enumerate(found[build].values()):
            window["users"] = int(figures[number])
    return found


def _entered(connection: Connection, builds: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """The step that gave each build its state, and when: that it was built again since then counts for nothing."""
    last = func.max(TransitionRow.id)
    rows = (
        select(last).where(TransitionRow.build_id.in_(builds), TransitionRow.before != TransitionRow.after)
    ).group_by(TransitionRow.build_id)
    steps = select(TransitionRow.build_id, TransitionRow.id, TransitionRow.at).where(TransitionRow.id.in_(rows))
    return {build: (step, at) for build, step, at in connection.execute(steps)}


def state_step(connection: Connection, build: int) -> int:
    """The step that gave a build its state, by the number of its row."""
    return _entered(connection, [build])[build][0]


def _flags(connection: Connection, builds: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    names = ("kind", "ref", "before", "after", "release")
    found: dict[int, list[dict[str, str]]] = defaultdict(list)
    statement = (
        select(FlagRow.build_id, *(getattr(FlagRow, name) for name in names))
        .where(FlagRow.build_id.in_(builds), FlagRow.until.is_(None))
        .order_by(FlagRow.kind, FlagRow.ref)
    )
    for row in connection.execute(statement):
        found[row.build_id].append({name: getattr(row, name) for name in names})
    return found


def _approvals(connection: Connection, builds: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    names = ("after", "actor", "approved", "comment", "at", "step")
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    statement = (
        select(ApprovalRow.build_id, *(getattr(ApprovalRow, name) for name in names))
        .where(ApprovalRow.build_id.in_(builds))
        .order_by(ApprovalRow.id)
    )
    for row in connection.execute(statement):
        found[row.build_id].append({name: getattr(row, name) for name in names})
    return found


def _last_words(approvals: Sequence[Mapping[str, Any]], step: int) -> list[dict[str, Any]]:
    """Each person's newest word on each step; what was said before the build came into its state is spent."""
    newest = {(one["after"], one["actor"]): one for one in approvals if one["step"] == step}
    told = ("after", "actor", "comment")
    return [
        {**{name: one[name] for name in told}, "at": one["at"].isoformat(), "approved": bool(one["approved"])}
        for one in newest.values()
    ]
