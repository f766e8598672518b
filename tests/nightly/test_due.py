"""Which night starts now, and which is overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlang.errors import SettingsError
from greenlang.nightly.blackouts import blackouts
from greenlang.nightly.due import name_of, overdue, verdict
from greenlang.nightly.order import in_order, priorities, run_priority

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
NONE = blackouts("", "UTC")
HOUR = timedelta(hours=1)


def test_a_night_starts_once() -> None:
    assert verdict(NIGHT, NIGHT, since=NIGHT, begun=False, blackouts=NONE).starts
    again = verdict(NIGHT, NIGHT + HOUR, since=NIGHT, begun=True, blackouts=NONE)
    assert (again.starts, again.why) == (False, "the night of 2026-11-21T02:00+00:00 has begun, or is over")


def test_a_new_factory_owes_no_night() -> None:
    told = verdict(NIGHT, NIGHT + HOUR, since=NIGHT + HOUR, begun=False, blackouts=NONE)
    assert (told.starts, told.why) == (False, "no night has been due since the factory was switched on")


def test_a_blackout_holds_a_night_up_and_says_which_and_until_when() -> None:
    windows = blackouts("sat 02:00-18:00", "Europe/Berlin")
    told = verdict(NIGHT, NIGHT, since=NIGHT, begun=False, blackouts=windows)
    assert not told.starts
    assert told.why.endswith("waits: blackout `sat 02:00-18:00`, until 2026-11-21T18:00+01:00")
    assert verdict(NIGHT, NIGHT + 15 * HOUR, since=NIGHT, begun=False, blackouts=windows).starts
    never = verdict(NIGHT, NIGHT, since=NIGHT, begun=False, blackouts=blackouts("mon-sun", "UTC"))
    assert never.why.endswith("and never ends: shorten it")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=5), st.sampled_from([0, 6, 20]))
def test_a_machine_that_is_off_now_and_then_makes_up_for_the_last_night_only(
    spans: list[tuple[int, int]], black: int
) -> None:
    """Hours on and off in turn; while it is on it looks each hour, as the sensor does."""
    windows = blackouts(f"00:00-{black:02}:00" if black else "", "UTC")
    begin = datetime(2026, 11, 2, tzinfo=UTC)
    started: list[tuple[datetime, datetime]] = []
    moment = begin
    for on, off in spans:
        for _ in range(on):
            night = moment.replace(hour=2) - (timedelta(days=1) if moment.hour < 2 else timedelta(0))
            begun = any(one == night for one, _ in started)
            if verdict(night, moment, since=begin, begun=begun, blackouts=windows).starts:
                started.append((night, moment))
            else:
                assert begun or night < begin or windows.at(moment) is not None
            moment += HOUR
        moment += off * HOUR
    assert len({night for night, _ in started}) == len(started), "no night twice"
    assert all(windows.at(when) is None for _, when in started)
    assert all(when - night < timedelta(days=1) for night, when in started), "none but the last that was due"


def test_a_night_is_overdue_when_its_hours_are_over_and_blackouts_do_not_count() -> None:
    nights = [NIGHT - timedelta(days=day) for day in range(3)]
    long_ago = NIGHT - timedelta(days=30)

    def told(
        now: datetime, succeeded: datetime | None, windows: str = "", since: datetime = long_ago
    ) -> datetime | None:
        return overdue(nights, now, hours=6, since=since, succeeded=succeeded, blackouts=blackouts(windows, "UTC"))

    before = nights[1]
    assert told(NIGHT + 5 * HOUR, before) is None, "it has an hour left"
    assert told(NIGHT + 7 * HOUR, before) == NIGHT
    assert told(NIGHT + 7 * HOUR, NIGHT) is None
    assert told(NIGHT + 5 * HOUR, nights[2]) == before, "the night before has not succeeded either"
    assert told(NIGHT + 7 * HOUR, before, "sat 00:00-08:00") is None, "it could start at eight"
    assert told(NIGHT + 13 * HOUR, before, "sat 00:00-08:00") == NIGHT
    assert told(NIGHT + 7 * HOUR, None, since=NIGHT + HOUR) is None, "a new factory owes no night"


def test_tenants_come_by_priority_and_the_tenant_default_behind_its_equals() -> None:
    given_ = priorities("acme=90, beta = 10,, default=50")
    assert in_order(["default", "beta", "zeta", "acme"], given_) == [
        ("acme", 90),
        ("zeta", 50),
        ("default", 50),
        ("beta", 10),
    ]
    assert [run_priority(p) for p in (0, 50, 100)] == [-101, -51, -1], "what is asked for by day has 0"


@pytest.mark.parametrize("text", ["acme", "acme=101", "acme=high", "Acme=1", "acme=-1", "a=1,a=2"])
def test_priorities_that_cannot_be_read_are_told(text: str) -> None:
    with pytest.raises(SettingsError, match="GREENLANG_NIGHTLY_PRIORITIES: "):
        priorities(text)


def test_a_night_is_called_by_its_local_time() -> None:
    assert name_of(NIGHT.astimezone(blackouts("", "Europe/Berlin").zone)) == "2026-11-21T03:00+01:00"
