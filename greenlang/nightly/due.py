"""Which night is to start now: the last that was due, once, unless it was begun, or a blackout holds it up.

A machine that was off owes one night, not each that it missed: a night builds what is stale, whatever made it so.

Belongs here: that decision. Does not belong here: cron lines (``greenlang_pipelines``), what was begun (Dagster knows).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from greenlang.nightly.blackouts import Blackouts


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the night starts now; if not, why not."""

    starts: bool
    why: str = ""


def name_of(night: datetime) -> str:
    """What a night is called in tags, accounts and metrics: the local time at which it was due, with its offset."""
    return night.isoformat(timespec="minutes")


def verdict(night: datetime, now: datetime, *, since: datetime, begun: bool, blackouts: Blackouts) -> Verdict:
    """Whether ``night``, the last that was due at ``now``, starts.

    ``since`` is when this factory's nights began to be watched: what was due before is nobody's debt. ``begun``:
    whether the night was started before, however it ended.
    """
    if night < since:
        return Verdict(False, "no night has been due since the factory was switched on")
    if begun:
        return Verdict(False, f"the night of {name_of(night)} has begun, or is over")
    window = blackouts.at(now)
    if window is None:
        return Verdict(True)
    free = blackouts.free_from(now)
    until = "and never ends: shorten it" if free is None else f"until {name_of(free.astimezone(blackouts.zone))}"
    return Verdict(False, f"the night of {name_of(night)} waits: blackout `{window.text}`, {until}")


def overdue(
    nights: list[datetime],
    now: datetime,
    *,
    hours: float,
    since: datetime,
    succeeded: datetime | None,
    blackouts: Blackouts,
) -> datetime | None:
    """The newest night that should have succeeded by now and has not; None if all is well.

    ``nights``: when nights were due, the newest first. A night has ``hours`` from when it could start, blackouts being
    over; ``succeeded`` is the newest night that was a success. Any later success makes up for a missed one.
    """
    for night in nights:
        free = blackouts.free_from(max(night, since))
        if night < since or free is None:
            return None
        if succeeded is not None and succeeded >= night:
            return None
        if (now.astimezone(UTC) - free).total_seconds() > hours * 3600:
            return night
    return None
