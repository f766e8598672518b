"""Blackout windows: what is written, the wall clock of the zone, and nights on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from greenlang.errors import SettingsError
from greenlang.nightly.blackouts import Blackouts, blackouts

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(text: str) -> Blackouts:
    return blackouts(text, "Europe/Berlin")


def at(wall: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("text", "held", "free"),
    [
        (
            "sat,sun 08:00-18:00",
            ["2026-11-21 08:00", "2026-11-22 17:59"],
            ["2026-11-21 07:59", "2026-11-21 18:00", "2026-11-23 09:00"],
        ),
        ("fri-mon", ["2026-11-20 00:00", "2026-11-23 23:59"], ["2026-11-19 23:59", "2026-11-24 00:00"]),
        ("2026-12-24..2026-12-26", ["2026-12-24 00:00", "2026-12-26 23:59"], ["2026-12-23 23:59", "2026-12-27 00:00"]),
        ("2026-12-31 12:00-24:00", ["2026-12-31 12:00", "2026-12-31 23:59"], ["2026-12-31 11:59", "2027-01-01 00:00"]),
        ("22:00-01:30", ["2026-11-21 22:00", "2026-11-22 01:29"], ["2026-11-21 21:59", "2026-11-22 01:30"]),
        ("sun 22:00-06:00; WED", ["2026-11-23 05:59", "2026-11-25 12:00"], ["2026-11-23 06:00", "2026-11-24 01:00"]),
        (" ; ", [], ["2026-11-21 12:00"]),
    ],
)
def test_a_window_holds_its_hours_of_its_days(text: str, held: list[str], free: list[str]) -> None:
    windows = berlin(text)
    assert [windows.at(at(wall)) is not None for wall in held] == [True] * len(held)
    assert [windows.at(at(wall)) for wall in free] == [None] * len(free)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "sat,son 08:00-18:00",
            "'sat,son 08:00-18:00': 'son' is neither a day (mon, tue, wed, thu, fri, sat, sun) nor hours",
        ),
        ("mon; 25:00-26:00", "'25:00-26:00': 25:00 is no time of day"),
        ("24:00-01:00", "a window begins at 23:59 at the latest"),
        ("2026-02-30", "there is no day 2026-02-30"),
        ("2026-12-26..2026-12-24", "2026-12-24 is before 2026-12-26"),
        ("08:00-18:00 mon", "'08:00-18:00 mon' is more than days: hours come last"),
        ("8:00-18:00", "'8:00-18:00'"),
    ],
)
def test_what_cannot_be_read_is_told_by_window_and_reason(text: str, why: str) -> None:
    with pytest.raises(SettingsError) as told:
        berlin(text)
    assert why in str(told.value)
    assert str(told.value).startswith("GREENLANG_NIGHTLY_BLACKOUTS: ")
    assert "2026-12-24..2026-12-26" in str(told.value), "a good example stands beside it"


@pytest.mark.parametrize("zone", ["Europe/Berlim", "", "../etc/passwd", "Europe"])
def test_a_zone_that_there_is_not_is_told(zone: str) -> None:
    with pytest.raises(SettingsError, match="GREENLANG_TIMEZONE"):
        blackouts("sat", zone)


def test_a_night_waits_until_windows_that_meet_are_over() -> None:
    windows = berlin("fri 20:00-24:00; sat; sun 00:00-06:00; sun 05:00-07:00")
    assert windows.free_from(at("2026-11-20 21:00")) == at("2026-11-22 07:00")
    assert windows.free_from(at("2026-11-20 19:00")) == at("2026-11-20 19:00")
    held = windows.at(at("2026-11-22 05:30"))
    assert held is not None
    assert held.text == "sun 05:00-07:00"


def test_whoever_is_never_free_is_told_so() -> None:
    assert berlin("mon-sun").free_from(at("2026-11-20 21:00")) is None


def test_an_hour_that_is_shown_twice_is_held_both_times_and_ends_with_the_second() -> None:
    windows = berlin("01:30-02:30")  # 2026-10-25: 02:00 to 03:00 is shown twice
    for fold in (0, 1):
        assert windows.at(at("2026-10-25 02:15", fold)) is not None
    assert windows.at(at("2026-10-25 02:45", fold=0)) is not None, "between the first 02:30 and the last"
    assert windows.at(at("2026-10-25 02:30", fold=1)) is None
    assert windows.free_from(at("2026-10-25 01:30")) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_an_hour_that_is_left_out_is_the_moment_of_the_change() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 02:00 becomes 03:00
    assert berlin("00:00-02:30").free_from(change - timedelta(minutes=1)) == change
    assert berlin("02:30-04:00").at(change) is not None
    assert berlin("02:30-04:00").at(change - timedelta(seconds=1)) is None
    assert berlin("02:10-02:50").at(change) is None, "it is not there in that night"


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.integers(0, 366 * 24 * 60),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60 - 1),
)
@example("Europe/Berlin", (297 * 24 + 1) * 60, 90, 60)
@example("Australia/Lord_Howe", (93 * 24 + 15) * 60, 90, 60)
def test_what_the_wall_clock_shows_decides_but_in_the_hour_that_is_shown_twice(
    zone: str, minute: int, begin: int, length: int
) -> None:
    """Against the plain definition: a moment is held if its wall clock lies in the window."""
    end = begin + length
    text = f"{begin // 60:02}:{begin % 60:02}-{end % 1440 // 60:02}:{end % 60:02}"
    windows = blackouts(text, zone)
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    wall = moment.astimezone(ZoneInfo(zone))
    shown = wall.hour * 60 + wall.minute
    plain = begin <= shown < end or shown < end - 1440
    twice = any(_twice(wall, timedelta(minutes=shift)) for shift in (-1, 0))
    held = windows.at(moment) is not None
    assert held == plain or (held and twice)
    free = windows.free_from(moment)
    assert free is not None
    assert free >= moment
    assert (free == moment) == (not held)
    assert windows.at(free) is None
    assert windows.at(free - timedelta(seconds=1)) is not None or free == moment


def _twice(wall: datetime, shift: timedelta) -> bool:
    one = wall.replace(tzinfo=None) + shift
    zone = wall.tzinfo
    return one.replace(tzinfo=zone, fold=0).utcoffset() != one.replace(tzinfo=zone, fold=1).utcoffset()
