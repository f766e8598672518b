"""One night's figures, against what was written by hand and against a count without SQL."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from greenlang.digest import last_night, night_of
from greenlang.digest.changes import Cause
from greenlang.digest.night import Agent, Cost, Failure, Night
from greenlang.digest.nights import night_at, span
from greenlang.digest.source import Source, answered
from greenlang.errors import QueryError, SettingsError
from greenlang.factors.release import Release
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import query
from greenlang.settings import Settings
from greenlang.sync import releases
from tests.digest.nights import FIRST, GAS, HOSTILE, POWER, agent, failed, writer
from tests.factors.test_release import made, row

DAYS = [date(2026, 11, day) for day in (3, 4, 5, 6)]


@pytest.fixture(scope="module")
def nights(settings: Settings) -> list[Night]:
    return [night_of(settings, day) for day in DAYS]


def fates(night: Night) -> tuple[int, ...]:
    return night.new, night.rebuilt, night.mended, night.fell, night.failed_new, night.failed_again


def test_every_spec_counts_once_by_its_last_outcome(nights: list[Night]) -> None:
    assert [fates(night) for night in nights] == [
        (5, 0, 0, 0, 3, 0),
        (1, 3, 1, 1, 0, 1),
        (0, 1, 0, 0, 0, 0),
        (0, 0, 0, 0, 0, 0),
    ]
    assert [night.built for night in nights] == [8, 7, 1, 0]
    assert [night.kept for night in nights] == [0, 2, 7, 0]
    assert [night.repaired for night in nights] == [0, 1, 0, 0]
    assert [night.same_pack for night in nights] == [0, 2, 0, 0]


def test_a_run_of_the_day_counts_in_the_next_morning_and_a_killed_one_is_told(nights: list[Night]) -> None:
    assert [sorted(run.run_id for run in night.runs.shown) for night in nights] == [
        ["first"],
        ["by day", "second"],
        ["killed"],
        [],
    ]
    assert [night.seconds for night in nights] == [60.0, 120.0, 0.0, 0.0]
    assert [night.unfinished for night in nights] == [0, 0, 1, 0]
    second = nights[1].runs.shown[0]
    assert (second.run_id, second.agents, second.kept, second.registered, second.failed) == ("second", 8, 2, 4, 2)


def test_failures_are_told_by_kind_with_the_first_reason(nights: list[Night]) -> None:
    assert nights[0].failures.shown == (
        Failure(
            "incomplete", "no certain plan", 2, ("cold/freezer 1.0.0", "cold/store 1.0.0"), "no certain plan for co2e"
        ),
        Failure(
            "refused",
            "GLS020: a unit that is unknown, that two trades read differently, or that stands with a text",
            1,
            ("bad.yaml",),
            "unknown unit `kWhh` | <b>",
        ),
    )
    assert [(f.outcome, f.kind) for f in nights[1].failures.shown] == [
        ("infrastructure", "the sandbox failed"),
        ("quarantined", "required dimension failed: Tests"),
    ]
    reason = "stale: the registered pack stays, but it can no longer be built: quality: Tests (2 of 9)"
    assert nights[1].fallen.shown == (Agent("heat/pump 1.0.0", "quarantined", "registered", reason, 1.0, ""),)


def test_what_had_changed_is_told_of_what_was_rebuilt(nights: list[Night]) -> None:
    every = {cause.name for night in nights for cause in night.causes}
    assert every == {"factor rows", "templates, code or what judges", "other mutants", "spec"}
    assert {cause.agents for cause in nights[1].causes} == {1}
    assert nights[2].causes == (Cause("spec", 1),)
    assert [a.spec for a in nights[1].healed.shown] == ["cold/freezer 1.0.0"]
    assert [(a.spec, a.was) for a in nights[1].added.shown] == [("heat/stove 1.0.0", "")]


def test_models_are_paid_for_in_the_night_of_the_call(nights: list[Night]) -> None:
    assert nights[0].costs == (Cost("anthropic", 1, 0, 100, Decimal(5), Decimal(0)),)
    assert nights[1].costs == (
        Cost("anthropic", 1, 1, 100, Decimal("1.5"), Decimal("1.5")),
        Cost("openai", 1, 0, 100, Decimal("0.25"), Decimal(0)),
    )
    assert [night.usd for night in nights] == [5, Decimal("1.75"), 0, 0]


def test_the_slowest_agents_and_stages_come_first(nights: list[Night]) -> None:
    slow = nights[0].slowest.shown[0]
    assert (slow.spec, slow.seconds, slow.stage, slow.stage_seconds) == ("heat/kiln 1.0.0", 9.5, "packaging", 9.5)
    assert len(nights[0].slowest.shown) == 7, "a refused file took no time"
    assert [(s.name, s.agents, s.seconds, s.mean, s.p95) for s in nights[0].stages] == [
        ("packaging", 7, 11.0, round(11 / 7, 4), 9.5),
        ("quality_validation", 6, 4.5, 0.75, 0.75),
    ]
    assert nights[0].build_seconds == 15.5


def test_releases_that_are_not_stored_are_compared_by_what_agents_pin(nights: list[Night]) -> None:
    change = nights[1].factors
    assert change is not None
    assert (change.before, change.after, change.compared) == ("factors-1.0.0", "factors-1.1.0", False)
    assert (change.touched, change.rebuilt, change.failed, change.waiting) == (2, 1, 1, 0)
    assert [(r.key, r.what, r.agents) for r in change.rows.shown] == [("owid/grid/2026/gas", "changed", 2)]
    assert [night.factors for night in nights if night is not nights[1]] == [None, None, None]


def test_stored_releases_are_compared_row_by_row_also_over_one_between(tmp_path: Path) -> None:
    with writer(tmp_path / "var") as to:
        store = releases(to.settings)

        def release(gas: str, power: str, *more: str) -> Release:
            return made(store, [row("gas", gas), row("power", power), *(row(name) for name in more)])

        first, between, last = release("1", "4"), release("2", "4", "oil"), release("2", "3", "oil")
        agents = [
            agent("heat/boiler"),
            agent("heat/pump", factors=((GAS, "1"), (POWER, "1"))),
            agent("a/b", factors=()),
        ]
        to.run("one", FIRST, agents, factor_release=first.name)
        to.run("two", FIRST + timedelta(days=1), [agent("heat/boiler", factors=((GAS, "2"),))],
               factor_release=between.name)  # fmt: skip
        to.run("three", FIRST + timedelta(days=3), [agent("heat/pump", factors=((GAS, "2"), (POWER, "2")))],
               factor_release=last.name)  # fmt: skip
        to.run("back", FIRST + timedelta(days=4), [], factor_release=first.name)
    change = night_of(to.settings, DAYS[1]).factors
    assert change is not None
    assert change.compared
    assert (change.added, change.changed, change.withdrawn) == (1, 1, 0)
    assert (change.touched, change.rebuilt, change.failed, change.waiting) == (2, 1, 0, 1)
    (gas,) = change.rows.shown
    assert (gas.key, gas.old, gas.new, gas.relative, gas.agents) == ("owid/grid/2026/gas", 1, 2, 1, 2)
    change = night_of(to.settings, date(2026, 11, 7)).factors  # back over the release between
    assert change is not None
    assert (change.before, change.after, change.compared) == (last.name, first.name, True)
    assert (change.added, change.changed, change.withdrawn) == (0, 2, 1)
    assert {(r.key.rpartition("/")[2], r.old, r.new, r.relative, r.agents) for r in change.rows.shown} == {
        ("gas", 2, 1, Decimal("-0.5"), 2),
        ("power", 3, 4, Decimal("0.333333"), 1),
    }
    assert change.waiting == change.touched == 2


def test_what_stands_is_what_the_view_of_agents_counted_then(settings: Settings, nights: list[Night]) -> None:
    assert nights[0].standing == {"incomplete": 2, "refused": 1, "registered": 5}
    counted = dict(query(settings, "SELECT outcome, count(*) FROM agents GROUP BY outcome").rows)
    assert nights[-1].standing == nights[-2].standing == counted


def test_a_past_night_is_the_same_although_more_has_come(
    settings: Settings, tmp_path: Path, nights: list[Night]
) -> None:
    shutil.copytree(settings.var, tmp_path / "var")
    with writer(tmp_path / "var") as to:
        to.run("later", FIRST + timedelta(days=9), [agent("heat/boiler", content="z")], factor_release="factors-9.0.0")
    assert night_of(to.settings, DAYS[1]) == nights[1]


def test_figures_agree_with_a_count_without_sql(tmp_path: Path) -> None:
    drawn = random.Random(5)
    last: dict[str, str] = {}
    expected, standing = [], []
    with writer(tmp_path / "var") as to:
        for number in range(5):
            night: list[AgentOutcome] = []
            for name in drawn.sample([f"a/n{n}" for n in range(24)], 12):
                bad = drawn.random() < 0.4
                night.append(failed(name, "incomplete", "no certain plan for x") if bad else agent(name))
            expected.append(Counter(_fate(outcome, last.get(outcome.key)) for outcome in night))
            last |= {outcome.key: outcome.outcome for outcome in night}
            standing.append(Counter(last.values()))
            to.run(f"run-{number}", FIRST + timedelta(days=number), night)
    found = [night_of(to.settings, DAYS[0] + timedelta(days=number)) for number in range(5)]
    names = ("new", "rebuilt", "mended", "fell", "failed_new", "failed_again")
    assert [fates(night) for night in found] == [tuple(counts[name] for name in names) for counts in expected]
    assert [night.standing for night in found] == standing


def _fate(outcome: AgentOutcome, before: str | None) -> str:
    if outcome.outcome == "registered":
        return {None: "new", "registered": "rebuilt"}.get(before, "mended")
    return {None: "failed_new", "registered": "fell"}.get(before, "failed_again")


def test_a_night_ends_when_its_report_is_due_and_clocks_are_changed_in_it() -> None:
    berlin = Settings(timezone="Europe/Berlin", morning_at="06:30")
    of = span(berlin, date(2026, 3, 29))  # summer begins
    assert (of.begin, of.end) == (datetime(2026, 3, 28, 5, 30), datetime(2026, 3, 29, 4, 30))  # noqa: DTZ001
    assert span(berlin, date(2026, 3, 30)).begin == of.end
    assert night_at(berlin, of.begin) == night_at(berlin, of.end - timedelta(seconds=1)) == of.name
    assert night_at(berlin, of.end) == date(2026, 3, 30)
    assert last_night(berlin, datetime(2026, 3, 29, 4, 30, tzinfo=UTC)) == of.name
    assert last_night(berlin, datetime(2026, 3, 29, 4, 29, tzinfo=UTC)) == date(2026, 3, 28)
    with pytest.raises(SettingsError, match="Nowhere"):
        span(Settings(timezone="Nowhere/At-All"), date(2026, 3, 29))


def test_a_factory_that_never_ran_has_quiet_nights(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    night = night_of(Settings(var=tmp_path / "var"), DAYS[0])
    assert (night.built, night.kept, night.standing, night.release, night.factors) == (0, 0, {}, "", None)


def test_a_question_is_asked_again_where_a_part_was_merged_away(settings: Settings) -> None:
    asked: list[int] = []

    def question(source: Source) -> int:
        asked.append(len(source.ask("SELECT 1 FROM runs")))
        if len(asked) in {1, 3, 4, 5}:
            raise duckdb.IOException("no files found")
        return asked[-1]

    assert answered(settings, question) == 4
    assert len(asked) == 2
    with pytest.raises(QueryError, match="no files found"):
        answered(settings, question)


def test_a_name_of_markup_is_a_name(nights: list[Night]) -> None:
    assert f"{HOSTILE} 1.0.0" in {one.spec for one in nights[0].added.shown}
