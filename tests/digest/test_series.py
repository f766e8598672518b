"""The dashboard's figures, against what was written by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from greenlang.digest import Dashboard, dashboard_of, night_of, page
from greenlang.digest.board import dashboard_page
from greenlang.factory.outcome import AgentOutcome
from greenlang.metrics import query
from greenlang.settings import Settings
from tests.digest.nights import FIRST, GAS, POWER, agent, failed, writer

LAST = date(2026, 11, 6)


@pytest.fixture(scope="module")
def board(settings: Settings) -> Dashboard:
    return dashboard_of(settings, LAST)


def test_nights_begin_with_the_first_in_which_anything_ran(board: Dashboard) -> None:
    assert [line.name.day for line in board.nights] == [3, 4, 5, 6]
    assert [line.runs for line in board.nights] == [1, 2, 1, 0]
    assert [line.seconds for line in board.nights] == [60.0, 120.0, 0.0, 0.0]
    assert [line.kept for line in board.nights] == [0, 2, 7, 0]


def test_the_pass_rate_is_of_all_that_stood_when_the_night_ended(board: Dashboard, settings: Settings) -> None:
    assert [line.pass_rate for line in board.nights] == [5 / 8, 6 / 10, 7 / 11, 7 / 11]
    assert [line.built for line in board.nights] == [8, 7, 1, 0]
    assert board.nights[1].outcomes == {"registered": 5, "quarantined": 1, "infrastructure": 1}
    counted = dict(query(settings, "SELECT outcome, count(*) FROM agents GROUP BY outcome").rows)
    assert board.nights[-1].standing == counted


def test_each_night_says_what_its_own_report_says(board: Dashboard, settings: Settings) -> None:
    for line in board.nights:
        night = night_of(settings, line.name)
        assert (line.standing, line.kept, line.cost, line.built) == (night.standing, night.kept, night.usd, night.built)
        assert (line.release, line.seconds) == (night.release, night.seconds)


def test_costs_by_provider_and_seconds_of_an_agent(board: Dashboard) -> None:
    assert [line.usd for line in board.nights] == [
        {"anthropic": Decimal(5)},
        {"anthropic": Decimal("1.5"), "openai": Decimal("0.25")},
        {},
        {},
    ]
    assert [(line.p50, line.p95) for line in board.nights] == [(1.0, 9.5), (1.0, 1.0), (1.0, 1.0), (None, None)]


def test_dimensions_as_they_stand_and_of_each_night_s_builds(board: Dashboard) -> None:
    found = {line.title: line for line in board.dimensions}
    assert (found["Tests"].passed, found["Tests"].failed, found["Tests"].required) == (7, 1, True)
    assert found["Tests"].score == (7 * 100 + 40) / 8
    assert found["Tests"].nights == (1.0, 5 / 6, 1.0, None)
    assert (found["Security"].passed, found["Security"].failed) == (7, 0)


def test_a_change_of_the_release_tells_whom_it_touched(board: Dashboard, settings: Settings) -> None:
    ((night, change),) = board.releases
    assert night == date(2026, 11, 4)
    assert change == night_of(settings, night).factors
    assert board.releases_left == 0


def test_lineage_counts_agents_by_dataset_domain_and_row(board: Dashboard) -> None:
    assert (board.registered, board.with_factors) == (6, 4)
    assert board.pinned == {"factor": 2, "formula": 1}
    (dataset,) = board.datasets.shown
    assert (dataset.name, dataset.factors, dataset.agents) == ("owid/grid", 2, 4)
    assert dataset.domains == {"heat": 3, "cold": 1}
    assert board.domains == ("heat", "cold")
    assert [(line.ref, line.agents) for line in board.factors.shown] == [(GAS, 2), (POWER, 2)]
    assert board.slowest.shown[0].spec == "heat/kiln 1.0.0"
    assert {stage.name: stage.agents for stage in board.stages} == {"packaging": 10, "quality_validation": 9}


def test_a_window_begins_later_and_counts_what_stood_before_it(settings: Settings, board: Dashboard) -> None:
    short = dashboard_of(settings, LAST, nights=2)
    assert short.nights == board.nights[2:]
    assert short.releases == (), "the release changed before the first night that is shown"
    assert short.release_before == short.nights[0].release == "factors-1.1.0"
    assert "no other came" in text(short)


def text(board: Dashboard) -> str:
    return page.html(dashboard_page(board))


def test_a_release_that_came_in_the_first_night_of_the_window_is_told(settings: Settings, board: Dashboard) -> None:
    begins = dashboard_of(settings, LAST, nights=3)
    assert (begins.nights, begins.releases) == (board.nights[1:], board.releases)
    assert (begins.release_before, board.release_before) == ("factors-1.0.0", "")
    assert "no other came" not in text(begins)
    assert "factors-1.1.0 after factors-1.0.0" in text(begins)


def test_a_spec_that_a_corrected_one_has_followed_counts_in_no_night_since(tmp_path: Path) -> None:
    with writer(tmp_path / "var") as to:
        first = failed("heat/a", "quarantined", "quality")
        new = agent("heat/a", content="b")
        gone = AgentOutcome(first.key, "x.yaml", "refused", "replaced", "heat/a", "1.0.0", replaced_by=new.key)
        to.run("first", FIRST, [first, agent("heat/b")])
        to.run("second", FIRST + timedelta(days=1), [new, gone], factor_release="factors-1.1.0")
        board = dashboard_of(to.settings, date(2026, 11, 4))
        night = night_of(to.settings, date(2026, 11, 4))
        before = night_of(to.settings, date(2026, 11, 3))
    assert [line.pass_rate for line in board.nights] == [0.5, 1.0]
    assert [line.standing for line in board.nights] == [{"registered": 1, "quarantined": 1}, {"registered": 2}]
    assert board.nights[1].outcomes == {"registered": 1}
    assert (night.standing, before.standing) == (board.nights[1].standing, board.nights[0].standing)
    assert (night.mended, night.failed, night.built) == (1, 0, 1)
    assert [(run.registered, run.failed) for run in night.runs.shown] == [(1, 0)]
