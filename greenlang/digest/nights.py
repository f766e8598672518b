"""Nights: the night of a date is the day that ends on that date when the morning report is due.

Every moment belongs to exactly one night, so that no run falls between two reports. Belongs here: moments and dates.
Does not belong here: rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from greenlang.nightly.blackouts import zone_of
from greenlang.settings import Settings


@dataclass(frozen=True, slots=True)
class Span:
    """A night: ``begin`` belongs to it, ``end`` to the next one; both are UTC without a zone, as in the tables."""

    name: date
    begin: datetime
    end: datetime


def span(settings: Settings, night: date) -> Span:
    """The night of a date. It has 23 or 25 hours where the clocks are changed. Raises SettingsError."""
    return Span(night, _due(settings, night - timedelta(days=1)), _due(settings, night))


def last_night(settings: Settings, now: datetime) -> date:
    """The last night that has ended by ``now`` (with its zone). Raises SettingsError."""
    today = now.astimezone(zone_of(settings.timezone)).date()
    return today if _due(settings, today) <= now.astimezone(UTC).replace(tzinfo=None) else today - timedelta(days=1)


def night_at(settings: Settings, moment: datetime) -> date:
    """The night that a moment of the tables (UTC, without a zone) belongs to."""
    return last_night(settings, moment.replace(tzinfo=UTC)) + timedelta(days=1)


def _due(settings: Settings, day: date) -> datetime:
    there = datetime.combine(day, time.fromisoformat(settings.morning_at), tzinfo=zone_of(settings.timezone))
    return there.astimezone(UTC).replace(tzinfo=None)
