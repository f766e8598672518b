"""Blackout windows: times at which no night is started.

    blackouts("sat,sun 08:00-18:00; 2026-12-24..2026-12-26", "Europe/Berlin").free_from(moment)

A window is weekdays, or a date or a range of dates, or nothing (every day), and hours; without hours it is the whole
day. Hours are those of the wall clock in the zone; an end at or before its beginning is on the next day. When clocks
change, a window begins when its beginning is shown first and ends when its end is shown last; an hour that is left out
counts as the moment of the change.

Belongs here: reading windows, arithmetic of moments. Does not belong here: which night is due
(`greenlang.nightly.due`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from greenlang.errors import SettingsError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_DATES = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")
_FORM = (
    "write `sat,sun 08:00-18:00`, `mon-fri 07:00-19:00`, `22:00-01:30`, `2026-12-24..2026-12-26` or"
    " `2026-12-31 12:00-24:00`"
)
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=800)  # two years: whoever is not free in them never is


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some days. ``begin`` and ``length`` are of the wall clock, from midnight; ``last`` includes its day."""

    text: str
    weekdays: frozenset[int]  # 0 is Monday
    first: date | None
    last: date | None
    begin: timedelta
    length: timedelta

    def holds(self, day: date) -> bool:
        """Whether it begins on this day."""
        if self.first is not None and self.last is not None:
            return self.first <= day <= self.last
        return day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class Blackouts:
    """All windows, in one time zone. Every moment that goes in has a time zone; every one that comes out is in UTC."""

    windows: tuple[Window, ...]
    zone: ZoneInfo

    def at(self, moment: datetime) -> Window | None:
        """The window that holds the moment, of several the one that ends last; None if it is free."""
        found = max(self._around(moment), default=None, key=lambda one: one[0])
        return None if found is None else found[1]

    def free_from(self, moment: datetime) -> datetime | None:
        """The first moment from this one on that no window holds; None if there is none within two years."""
        free = moment.astimezone(UTC)
        while free - moment <= _LONGEST:
            ends = [end for end, _ in self._around(free)]
            if not ends:
                return free
            free = max(ends)
        return None

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, Window]]:
        """The windows that hold the moment, each with its end."""
        today = moment.astimezone(self.zone).date()
        for window in self.windows:
            for day in (today - _DAY, today):
                if not window.holds(day):
                    continue
                wall = datetime.combine(day, time()) + window.begin
                begin = instant(wall, self.zone, last=False)
                end = instant(wall + window.length, self.zone, last=True)
                if begin <= moment < end:
                    yield end, window


def instant(wall: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """The moment (UTC) at which a clock of the zone shows ``wall``, which has no zone: the first, or the last.

    A time that the clocks leave out is the moment at which they are put forward.
    """
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early <= late:  # the same, or shown twice
        return late if last else early
    before, after = late, early  # left out: the clocks are put forward between these
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)


def blackouts(text: str, zone: str) -> Blackouts:
    """Read windows, separated by ``;``. Raises SettingsError, which names the window and what is wrong with it."""
    return Blackouts(tuple(_window(one) for part in text.split(";") if (one := part.strip())), zone_of(zone))


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name. Raises SettingsError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of the zones' own
        raise SettingsError(
            f"GREENLANG_TIMEZONE: {name!r} is no time zone; write an IANA name, as Europe/Berlin"
        ) from error


def _window(text: str) -> Window:
    words = text.lower().split()
    begin, length = timedelta(0), _DAY
    if words and (hours := _HOURS.fullmatch(words[-1])):
        begin, length = _hours(text, *(int(group) for group in hours.groups()))
        words.pop()
    if not words:
        return Window(text, frozenset(range(7)), None, None, begin, length)
    if len(words) > 1:
        raise _wrong(text, f"{' '.join(words)!r} is more than days: hours come last, and nothing behind them")
    if dates := _DATES.fullmatch(words[0]):
        first, last = (_date(text, group) for group in (dates[1], dates[2] or dates[1]))
        if last < first:
            raise _wrong(text, f"{last} is before {first}")
        return Window(text, frozenset(), first, last, begin, length)
    weekdays = frozenset(day for part in words[0].split(",") for day in _weekdays(text, part))
    return Window(text, weekdays, None, None, begin, length)


def _hours(text: str, *clock: int) -> tuple[timedelta, timedelta]:
    begin, end = (timedelta(hours=h, minutes=m) for h, m in (clock[:2], clock[2:]))
    for hour, minute in (clock[:2], clock[2:]):
        if minute > 59 or (hour, minute) > (24, 0):
            raise _wrong(text, f"{hour:02}:{minute:02} is no time of day")
    if begin == _DAY:
        raise _wrong(text, "a window begins at 23:59 at the latest")
    return begin, (end - begin if end > begin else end + _DAY - begin)


def _weekdays(text: str, part: str) -> Iterator[int]:
    first, dash, last = part.partition("-")
    for name in (first, last) if dash else (first,):
        if name not in _DAYS:
            raise _wrong(
                text, f"{name!r} is neither a day ({', '.join(_DAYS)}) nor hours (HH:MM-HH:MM) nor a date (YYYY-MM-DD)"
            )
    begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
    return (day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))


def _date(text: str, day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise _wrong(text, f"there is no day {day}") from error


def _wrong(text: str, why: str) -> SettingsError:
    return SettingsError(f"GREENLANG_NIGHTLY_BLACKOUTS: {text!r}: {why}; {_FORM}")
