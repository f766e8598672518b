"""What should be newer than it is: the last successful night, the catalogue, the factor release in force.

Belongs here: comparing moments with limits, in words. Does not belong here: finding the moments, sending alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

What = Literal["night", "catalogue", "release"]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Something that is overdue, in words for a person, and since when it is."""

    what: What
    title: str
    since: datetime
    mend: str


def overdue_night(night: datetime, succeeded: str, hours: float) -> Overdue:
    """A night that should have succeeded: see `greenlang.nightly.due.overdue`. ``succeeded``: the last that did."""
    last = f"the last that did is that of {succeeded}" if succeeded else "none has"
    title = f"The night of {night:%Y-%m-%d %H:%M %Z} has not succeeded; {last}"
    mend = f"look at its runs in Dagster; a night has {hours:g} hours (GREENLANG_NIGHTLY_OVERDUE_HOURS)"
    return Overdue("night", title, night, mend)


def overdue_file(what: What, name: str, made: datetime | None, now: datetime, limit: timedelta) -> Overdue | None:
    """A catalogue or a release that is older than its limit; None where it is not, or where there is none yet."""
    if made is None or now - made <= limit:
        return None
    age = now - made
    told = f"{age.days} days" if age >= timedelta(days=3) else f"{age.total_seconds() / 3600:.0f} hours"
    if what == "catalogue":
        mend = "run the job daily_metrics, and see whether the schedule daily_catalogue is on"
        return Overdue(what, f"The DuckDB catalogue was built {told} ago", made, mend)
    mend = "`greenlang factors sync` reads newer files; GREENLANG_RELEASE_OVERDUE_DAYS is the limit"
    return Overdue(what, f"The factor release {name} was made {told} ago", made, mend)
